//! Proof that an empty answer is an answer: most Beanstalk reads give an empty list to callers without permission.
//! Source: botocore's model of Elastic Beanstalk, "If the user doesn't have access to any of the resources an empty result
//! is returned" (15 operations).

use std::sync::Arc;

use aws_sdk_iam::types::PolicyEvaluationDecisionType;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::sync::OnceCell;

use super::Aws;
use super::errors::Explain;
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
    let hint = "let the caller do iam:SimulatePrincipalPolicy on itself and the reads of `elasticbeanstalk:*`";
    let unproven = |cause: String| {
        Error::new(
            Kind::Denied,
            "Beanstalk answered with an empty list, which it also does without permission",
        )
        .because(cause)
        .hint(hint)
    };
    let principal = principal(aws).await?;
    let simulate = aws.iam.simulate_principal_policy().policy_source_arn(&principal);
    let simulate = simulate.set_action_names(Some(READS.iter().map(|read| (*read).to_owned()).collect()));
    let answer = match simulate.send().await {
        Ok(answer) => answer,
        Err(error) if error.code() == Some("AccessDenied") => {
            return Err(unproven(format!("{principal} may not simulate its own policies")));
        }
        Err(error) => return Err(error).explain("see whether the caller may read Beanstalk"),
    };
    let denied: Vec<_> = answer
        .evaluation_results()
        .iter()
        .filter(|result| *result.eval_decision() != PolicyEvaluationDecisionType::Allowed)
        .map(|result| result.eval_action_name().to_owned())
        .collect();
    if denied.is_empty() {
        Ok(())
    } else {
        Err(unproven(format!("{principal} may not do {}", denied.join(", "))))
    }
}

/// The ARN whose policies count: of an assumed role's session, the role's, with its path.
async fn principal(aws: &Aws) -> Result<String, Error> {
    let Some(session) = aws.caller.split_once(":assumed-role/").map(|(_, rest)| rest) else {
        return Ok(aws.caller.clone());
    };
    let role = session.split('/').next().unwrap_or(session);
    let answer = aws.iam.get_role().role_name(role).send().await;
    let answer = answer.explain(&format!("read the caller's role {role}"))?;
    Ok(answer
        .role()
        .map(|role| role.arn().to_owned())
        .unwrap_or_else(|| aws.caller.clone()))
}
