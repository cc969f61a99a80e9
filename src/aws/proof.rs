//! Proof that an empty answer is an answer: most Beanstalk reads give an empty list to callers without permission.
//! Source: botocore's model of Elastic Beanstalk, "If the user doesn't have access to any of the resources an empty result
//! is returned" (15 operations).

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::Aws;
use super::errors::Explain;
use super::simulation::{Verdict, simulate};
use crate::engine::{Error, Kind};

/// The Beanstalk reads whose empty answers are believed once this is proven.
const READS: &[&str] = &[
    "elasticbeanstalk:DescribeApplications",
    "elasticbeanstalk:DescribeApplicationVersions",
    "elasticbeanstalk:DescribeConfigurationSettings",
    "elasticbeanstalk:DescribeEnvironments",
    "elasticbeanstalk:DescribeEvents",
    "elasticbeanstalk:ListTagsForResource",
];

/// Asked at most once a run, and only where an answer was empty.
#[derive(Clone, Default)]
pub struct Proof(Arc<OnceCell<Result<(), Error>>>);

impl Proof {
    /// # Errors
    /// Where the caller may not do the reads, or that cannot be told: the resource is then unknown, never absent.
    pub async fn of_reads(&self, aws: &Aws) -> Result<(), Error> {
        self.0.get_or_init(|| prove(aws)).await.clone()
    }
}

async fn prove(aws: &Aws) -> Result<(), Error> {
    // The root user is not subject to identity policies and cannot be simulated.
    if aws.caller.ends_with(":root") {
        return Ok(());
    }
    let doubt = match simulated(aws).await? {
        None => return Ok(()),
        Some(doubt) => doubt,
    };
    if let Doubt::Denied(why) = doubt {
        return Err(unproven(why));
    }
    // What can be read is allowed: whatever the simulator was not told holds for the other reads as well.
    let seen = aws.beanstalk.describe_applications().send().await;
    let seen = seen
        .explain("list the applications")
        .map_err(|error| unproven(error.in_a_line()))?;
    match doubt {
        _ if !seen.applications().is_empty() => Ok(()),
        Doubt::Denied(why) | Doubt::NotGranted(why) => Err(unproven(why)),
        // This one says so where it is not allowed.
        Doubt::Unclear => {
            let asked = aws
                .beanstalk
                .check_dns_availability()
                .cname_prefix("confctl-proof")
                .send()
                .await;
            let asked = asked.explain("ask Beanstalk for a name");
            asked.map(drop).map_err(|error| unproven(error.in_a_line()))
        }
    }
}

/// Why the simulator does not prove it.
enum Doubt {
    /// The caller may not.
    Denied(String),
    /// Nothing allows it.
    NotGranted(String),
    /// It cannot be asked, or does not know what the calls bring along.
    Unclear,
}

async fn simulated(aws: &Aws) -> Result<Option<Doubt>, Error> {
    let Some(principal) = principal(aws).await? else {
        return Ok(Some(Doubt::Unclear));
    };
    let verdicts = match simulate(aws, &principal, READS, None).await {
        Ok(verdicts) => verdicts,
        Err(error) if error.kind == Kind::Unreachable => return Err(error),
        // Not allowed, or the simulator does not take such a principal.
        Err(_) => return Ok(Some(Doubt::Unclear)),
    };
    let of = |wanted: Verdict| {
        let found = verdicts.iter().filter(|(_, verdict)| *verdict == wanted);
        let found: Vec<&str> = found.map(|(action, _)| action.as_str()).collect();
        (!found.is_empty()).then(|| format!("{principal} may not do {}", found.join(", ")))
    };
    Ok(of(Verdict::Denied)
        .map(Doubt::Denied)
        .or_else(|| of(Verdict::NotGranted).map(Doubt::NotGranted))
        .or_else(|| of(Verdict::Unclear).map(|_| Doubt::Unclear)))
}

fn unproven(cause: String) -> Error {
    Error::new(
        Kind::Denied,
        "Beanstalk answered with an empty list, which it also does without permission",
    )
    .because(cause)
    .hint("let the caller do the reads of `elasticbeanstalk:*`, and iam:SimulatePrincipalPolicy on itself to prove it")
}

/// The ARN whose policies count: of an assumed role's session, the role's, with its path. `None`: a federated user, who has
/// the policies of whoever signed for him, or a role that the caller may not read.
async fn principal(aws: &Aws) -> Result<Option<String>, Error> {
    if aws.caller.contains(":federated-user/") {
        return Ok(None);
    }
    let Some(session) = aws.caller.split_once(":assumed-role/").map(|(_, rest)| rest) else {
        return Ok(Some(aws.caller.clone()));
    };
    let role = session.split('/').next().unwrap_or(session);
    let answer = aws.iam.get_role().role_name(role).send().await;
    match answer.explain(&format!("read the caller's role {role}")) {
        Ok(answer) => Ok(answer.role.map(|role| role.arn)),
        Err(error) if error.kind == Kind::Unreachable => Err(error),
        Err(_) => Ok(None),
    }
}
