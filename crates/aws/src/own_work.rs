//! What was asked for and whose answer was lost is asked for again, by the SDK or by the next run, and meets its own work. It is
//! known here, for all services alike. Must know nothing of any resource: whose a thing is, and whether a change is so, it is told.

use std::collections::BTreeMap;

use super::Aws;
use super::tags::{CREATED, Ownership, settled_tags};
use super::texts;
use crate::engine::{Error, Hint, Kind, Owner, ResourceId, WriteCx};

/// AWS's codes for a name that is taken, and whether their text has to say so: those that have many meanings.
///
/// Sources: botocore's models of dynamodb (ResourceInUseException, "You attempted to recreate an existing table"), iam, wafv2, elbv2 and
/// cloudfront; awsdocs/amazon-ec2-api-reference, errors-overview; for Beanstalk, whose model has none, hashicorp/terraform#22433
/// (environment), travis-ci/dpl#1184 (version) and the EB CLI's response strings (application).
const EXISTS: &[(&str, bool)] = &[
    ("DefaultVpcAlreadyExists", false),
    ("DistributionAlreadyExists", false),
    ("DuplicateLoadBalancerName", false),
    ("EntityAlreadyExists", false),
    ("InvalidGroup.Duplicate", false),
    ("InvalidKeyPair.Duplicate", false),
    ("InvalidParameterValue", true),
    ("ResourceInUseException", true),
    ("WAFDuplicateItemException", false),
];

/// AWS's codes for a change that is refused because of one under way, or because it is so already; and whether the text has to
/// say so.
///
/// Sources: botocore's models of dynamodb (UpdateTable and ResourceInUseException; ValidationException is its answer to a capacity
/// that a table has already) and elasticbeanstalk (OperationInProgressException, on the wire OperationInProgressFailure);
/// hashicorp/terraform-provider-aws#32284.
const UNDER_WAY: &[(&str, bool)] = &[
    ("InvalidParameterValue", true),
    ("OperationInProgressFailure", false),
    ("ResourceInUseException", false),
    ("ValidationException", false),
];

fn is_of(table: &[(&str, bool)], error: &Error, says: fn(&str) -> bool) -> bool {
    let row = table.iter().find(|(code, _)| error.is_code(code));
    row.is_some_and(|(_, by_text)| !by_text || error.causes.iter().any(|cause| says(cause)))
}

/// What came of asking AWS to make something.
#[derive(Debug)]
pub enum Made<T> {
    /// AWS's answer.
    Answered(T),
    /// It is there, and ours: an earlier try made it, and its answer was lost.
    Before,
    /// It is there, and not ours; with AWS's refusal.
    ByOthers(Error),
}

impl<T> Made<T> {
    /// The answer, where there was one.
    ///
    /// # Errors
    /// Where somebody else made it. `title` as in the plan: `table users`.
    pub fn ours(self, title: &str) -> Result<Option<T>, Error> {
        let refusal = match self {
            Self::Answered(answer) => return Ok(Some(answer)),
            Self::Before => return Ok(None),
            Self::ByOthers(refusal) => refusal,
        };
        let mut taken = Error::refused(format!("somebody else made the {title} a moment ago"));
        taken.code = refusal.code;
        taken.causes = refusal.causes;
        Err(taken.hint(Hint::run("plan").and(" says what can be done about it")))
    }
}

/// Asks AWS to make what this run has found absent. `call` does; `whose` says, of what is in its way, whose that is: it was not
/// there a moment ago, so that if it is ours it is this call's own work, or that of a run whose own did not show yet.
///
/// # Errors
/// Where it cannot be journalled, AWS refuses for another reason, or it cannot be told whose it is.
pub async fn create<T, W>(
    cx: &WriteCx<Aws>,
    name: &str,
    call: impl Future<Output = Result<T, Error>>,
    whose: impl FnOnce(Error) -> W,
) -> Result<Made<T>, Error>
where
    W: Future<Output = Result<Owner, Error>>,
{
    cx.intend(CREATED, name).await?;
    cx.check()?;
    cx.making();
    let refusal = match call.await {
        Ok(answer) => {
            cx.made();
            return Ok(Made::Answered(answer));
        }
        Err(error) if is_of(EXISTS, &error, texts::is_taken) => error,
        Err(error) => {
            // What AWS refused it did not make; without an answer it may have.
            if !matches!(error.kind, Kind::Unreachable | Kind::Deadline | Kind::Stopped) {
                cx.not_made();
            }
            return Err(error);
        }
    };
    match whose(refusal.clone()).await? {
        Owner::Ours => {
            tracing::debug!(name, "made by an earlier try whose answer was lost");
            cx.made();
            Ok(Made::Before)
        }
        Owner::Nobody | Owner::OtherStack(_) => {
            cx.not_made();
            Ok(Made::ByOthers(refusal))
        }
    }
}

/// Whose the thing of this name is, by its tags, which show late: `read` gives none as long as it does not show itself.
///
/// # Errors
/// Where they cannot be read.
pub async fn by_tags<F>(
    cx: &WriteCx<Aws>,
    ownership: &Ownership,
    resource: ResourceId,
    name: &str,
    mut read: impl FnMut() -> F,
) -> Result<Owner, Error>
where
    F: Future<Output = Result<BTreeMap<String, String>, Error>> + Send,
{
    let shown = || {
        let read = read();
        async move {
            match read.await {
                Err(error) if error.kind == Kind::Missing => Ok(BTreeMap::new()),
                tags => tags,
            }
        }
    };
    Ok(settled_tags(cx.read(), ownership, resource, name, shown).await?.owner)
}

/// Makes a change that AWS refuses while another one is under way, or where it is so already. What is under way may be an earlier
/// try of this one, whose answer was lost: `rested` follows it to its end, and says whether what was asked for is so then. Where it
/// is not, somebody else changed something, and it is asked for once more. `None`: it was done by what was followed.
///
/// # Errors
/// Where AWS refuses, or what is under way cannot be followed.
pub async fn change<T, E, C, R>(
    cx: &WriteCx<Aws>,
    mut call: impl FnMut() -> C,
    rested: impl FnOnce() -> R,
) -> Result<Option<T>, E>
where
    E: From<Error>,
    C: Future<Output = Result<T, Error>>,
    R: Future<Output = Result<bool, E>>,
{
    cx.check()?;
    match call().await {
        Err(refusal) if is_of(UNDER_WAY, &refusal, texts::is_under_way) => {
            cx.step("another change is under way: following it");
        }
        answer => return Ok(answer.map(Some)?),
    }
    if rested().await? {
        return Ok(None);
    }
    cx.check()?;
    Ok(call().await.map(Some)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str, text: &str) -> Error {
        let mut error = Error::failed("could not make it").because(text);
        error.code = Some(code.to_owned());
        error
    }

    #[test]
    fn a_name_that_is_taken_is_told_from_all_else_that_its_code_may_mean() {
        let taken = |code, text| is_of(EXISTS, &refused(code, text), texts::is_taken);
        assert!(taken(
            "ResourceInUseException",
            "Table already exists: users (ResourceInUseException)"
        ));
        assert!(taken(
            "InvalidParameterValue",
            "Environment Tcb-conference-env already exists."
        ));
        assert!(taken("InvalidParameterValue", "DNS name (tcb-1) is not available."));
        assert!(taken("EntityAlreadyExists", "Role with name r already exists."));
        assert!(!taken("ResourceInUseException", "Table is being deleted: users"));
        assert!(!taken(
            "InvalidParameterValue",
            "No Application named 'tcb-conference' found."
        ));
        assert!(!taken("AccessDenied", "it already exists"));
    }

    #[test]
    fn a_change_that_another_one_delays_is_told_from_one_that_is_refused() {
        let waits = |code, text| is_of(UNDER_WAY, &refused(code, text), texts::is_under_way);
        let text = "Environment named e is in an invalid state for this operation. Must be Ready.";
        assert!(waits("InvalidParameterValue", text));
        assert!(waits("ResourceInUseException", "Table is being updated: users"));
        assert!(!waits(
            "InvalidParameterValue",
            "No Environment found for EnvironmentId = 'e-1'."
        ));
        assert!(!waits("ConfigurationValidationException", "Invalid option value"));
    }
}
