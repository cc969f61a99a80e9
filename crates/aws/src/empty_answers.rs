//! Proof that an empty answer is an answer: most Beanstalk reads give an empty list to callers without permission.
//! Source: botocore's model of Elastic Beanstalk, "If the user doesn't have access to any of the resources an empty result
//! is returned" (15 operations).

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::Aws;
use super::errors::Explain;
use super::simulation::{Verdict, simulate};
use crate::engine::{Error, Kind};

/// The read by which the simulator is put to the test: what it gives is there, so whoever sees something may do it.
const TRIED: &str = "elasticbeanstalk:DescribeApplications";

/// The Beanstalk reads whose empty answers are believed once this is proven.
const READS: &[&str] = &[
    TRIED,
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
        let proven = self.0.get_or_try_init(|| async {
            match prove(aws).await {
                // No answer proves nothing, and says nothing of the next time.
                Err(error) if error.kind == Kind::Unreachable => Err(error),
                proven => Ok(proven),
            }
        });
        proven.await?.clone()
    }
}

async fn prove(aws: &Aws) -> Result<(), Error> {
    // The root user is not subject to identity policies and cannot be simulated.
    if aws.caller.ends_with(":root") {
        return Ok(());
    }
    let not_granted = match simulated(aws).await? {
        None => return Ok(()),
        Some(Doubt::Denied(why)) => return Err(unproven(why)),
        Some(Doubt::NotGranted(why)) => Some(why),
        Some(Doubt::Unclear) => None,
    };
    // What can be read is allowed: whatever the simulator was not told holds for the other reads as well.
    let seen = aws.beanstalk.describe_applications().send().await;
    let seen = seen.explain("list the applications").map_err(unanswered)?;
    if !seen.applications().is_empty() {
        return Ok(());
    }
    if let Some(why) = not_granted {
        return Err(unproven(why));
    }
    // This one says so where it is not allowed.
    let asked = aws.beanstalk.check_dns_availability().cname_prefix("confctl-proof");
    let asked = asked.send().await.explain("ask Beanstalk for a name");
    asked.map(drop).map_err(unanswered)
}

fn unanswered(error: Error) -> Error {
    match error.kind {
        Kind::Unreachable => error,
        _ => unproven(error.in_a_line()),
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
    let is = |action: &str, wanted: Verdict| {
        let mut all = verdicts.iter();
        all.any(|(name, verdict)| name == action && *verdict == wanted)
    };
    let of = |wanted: Verdict| {
        let found: Vec<&str> = READS.iter().copied().filter(|read| is(read, wanted)).collect();
        (!found.is_empty()).then(|| format!("{principal} may not do {}", found.join(", ")))
    };
    // Where it grants the read that can be tried, it knows enough to be believed of the others.
    let knows = is(TRIED, Verdict::Allowed);
    let not_granted = |why| match knows {
        true => Doubt::Denied(why),
        false => Doubt::NotGranted(why),
    };
    Ok(of(Verdict::Denied)
        .map(Doubt::Denied)
        .or_else(|| of(Verdict::NotGranted).map(not_granted))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients;
    use crate::wire::replay::{Answer, Replay, answer};

    const USER: &str = "arn:aws:iam::111122223333:user/ann";

    fn identity(arn: &str) -> Answer {
        answer(
            200,
            &format!(
                "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
                 <Arn>{arn}</Arn><UserId>AIDA</UserId><Account>111122223333</Account></GetCallerIdentityResult>\
                 </GetCallerIdentityResponse>"
            ),
        )
    }

    /// The simulator's decision on every read, as IAM gives it: `detail` is what stands beside it.
    fn simulated(decision: &str, detail: &str) -> Answer {
        let member = |read: &&str| {
            format!(
                "<member><EvalActionName>{read}</EvalActionName><EvalDecision>{decision}</EvalDecision>\
                 <EvalResourceName>*</EvalResourceName>{detail}</member>"
            )
        };
        let members: String = READS.iter().map(member).collect();
        answer(
            200,
            &format!(
                "<SimulatePrincipalPolicyResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\
                 <SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated><EvaluationResults>{members}\
                 </EvaluationResults></SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"
            ),
        )
    }

    fn refused(code: &str, namespace: &str) -> Answer {
        answer(
            403,
            &format!(
                "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>Sender</Type><Code>{code}</Code>\
                 <Message>not authorized</Message></Error><RequestId>1</RequestId></ErrorResponse>"
            ),
        )
    }

    const IAM: &str = "https://iam.amazonaws.com/doc/2010-05-08/";
    const BEANSTALK: &str = "http://elasticbeanstalk.amazonaws.com/docs/2010-12-01/";

    fn applications(names: &[&str]) -> Answer {
        let member = |name: &&str| format!("<member><ApplicationName>{name}</ApplicationName></member>");
        let members: String = names.iter().map(member).collect();
        answer(
            200,
            &format!(
                "<DescribeApplicationsResponse xmlns=\"{BEANSTALK}\"><DescribeApplicationsResult><Applications>{members}\
                 </Applications></DescribeApplicationsResult></DescribeApplicationsResponse>"
            ),
        )
    }

    fn available() -> Answer {
        answer(
            200,
            &format!(
                "<CheckDNSAvailabilityResponse xmlns=\"{BEANSTALK}\"><CheckDNSAvailabilityResult><Available>true</Available>\
                 </CheckDNSAvailabilityResult></CheckDNSAvailabilityResponse>"
            ),
        )
    }

    /// Whether the reads are proven for this caller, by these answers; and what was sent.
    async fn proven(caller: &str, answers: impl IntoIterator<Item = Answer>) -> (Result<(), Error>, Vec<String>) {
        let replay = Replay::new([identity(caller)].into_iter().chain(answers));
        let aws = clients::replayed(&replay.config(), "eu-west-1").await;
        let proof = aws.proof.of_reads(&aws).await;
        let sent = replay.sent().into_iter().map(|sent| sent.body).collect();
        (proof, sent)
    }

    #[tokio::test]
    async fn what_the_simulator_allows_is_proven_and_it_is_told_the_region() {
        let (proof, sent) = proven(USER, [simulated("allowed", "")]).await;
        proof.unwrap();
        assert!(
            sent[1].contains("aws%3ARequestedRegion") && sent[1].contains("eu-west-1"),
            "{}",
            sent[1]
        );
    }

    #[tokio::test]
    async fn a_denial_that_hangs_on_a_key_or_on_the_organization_is_overruled_by_a_read_that_is_answered() {
        let missing = "<MissingContextValues><member>aws:MultiFactorAuthPresent</member></MissingContextValues>";
        let organization = "<OrganizationsDecisionDetail><AllowedByOrganizations>false</AllowedByOrganizations>\
                            </OrganizationsDecisionDetail>";
        for detail in [missing, organization] {
            let denied = || simulated("explicitDeny", detail);
            proven(USER, [denied(), applications(&["theirs"])]).await.0.unwrap();
            proven(USER, [denied(), applications(&[]), available()])
                .await
                .0
                .unwrap();
            let closed = [denied(), applications(&[]), refused("AccessDenied", BEANSTALK)];
            assert_eq!(proven(USER, closed).await.0.unwrap_err().kind, Kind::Denied);
        }
    }

    #[tokio::test]
    async fn a_denial_that_hangs_on_nothing_is_believed_and_a_right_that_nobody_gave_takes_more_than_a_name() {
        let (denied, _) = proven(USER, [simulated("explicitDeny", "")]).await;
        assert!(denied.unwrap_err().causes[0].contains("elasticbeanstalk:DescribeEnvironments"));
        let (nothing, _) = proven(USER, [simulated("implicitDeny", ""), applications(&[])]).await;
        assert_eq!(nothing.unwrap_err().kind, Kind::Denied);
        proven(USER, [simulated("implicitDeny", ""), applications(&["ours"])])
            .await
            .0
            .unwrap();
    }

    #[tokio::test]
    async fn who_cannot_be_simulated_is_believed_by_what_can_be_read() {
        proven(USER, [refused("AccessDenied", IAM), applications(&[]), available()])
            .await
            .0
            .unwrap();
        let federated = "arn:aws:sts::111122223333:federated-user/ann";
        let (proof, sent) = proven(federated, [applications(&["one"])]).await;
        proof.unwrap();
        assert!(
            sent.iter().all(|body| !body.contains("SimulatePrincipalPolicy")),
            "{sent:?}"
        );
        // A role of IAM Identity Center, whose users may read nothing of IAM.
        let role = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Dev_0123456789abcdef/ann";
        proven(role, [refused("AccessDenied", IAM), applications(&["one"])])
            .await
            .0
            .unwrap();
    }
}
