//! What IAM's own simulator says of what somebody may do, and how far that is the truth.
//! Must know nothing of who is asked about, or why.

use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType};

use super::Aws;
use super::errors::Explain;
use crate::engine::Error;

/// What is to be believed of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    /// By a statement of the caller's own policies that hangs on no condition.
    Denied,
    /// No statement allows it, and nothing is said of conditions.
    NotGranted,
    /// The simulator does not know what the real call would bring along. It tells of keys that are missing; of a service
    /// control policy's it does not, though it weighs their conditions since July 2026 (IAM guide:
    /// access_policies_testing-policies; openshift/installer#1322; aws/aws-cli#10525).
    Unclear,
}

/// The verdict on each action.
///
/// # Errors
/// Where the simulator gives none.
pub async fn simulate(
    aws: &Aws,
    principal: &str,
    actions: &[&str],
    resource: Option<&str>,
) -> Result<Vec<(String, Verdict)>, Error> {
    let doing = format!("simulate what {principal} may do");
    let simulate = aws.iam.simulate_principal_policy().policy_source_arn(principal);
    let simulate = simulate
        .set_action_names(Some(actions.iter().map(|action| (*action).to_owned()).collect()))
        .set_resource_arns(resource.map(|arn| vec![arn.to_owned()]))
        .set_context_entries(Some(context(principal, &aws.region)));
    let answer = simulate.send().await.explain(&doing)?;
    let results = answer.evaluation_results.unwrap_or_default();
    Ok(results
        .iter()
        .map(|result| (result.eval_action_name.clone(), verdict(result)))
        .collect())
}

/// What every real call brings along. Whether it comes with a code of an MFA device is known to nobody here: left out, a
/// decision that hangs on it shows as one with a missing key.
fn context(principal: &str, region: &str) -> Vec<ContextEntry> {
    let entry = |name: &str, kind: ContextKeyTypeEnum, value: &str| {
        let entry = ContextEntry::builder().context_key_name(name).context_key_type(kind);
        entry.context_key_values(value).build()
    };
    vec![
        entry("aws:RequestedRegion", ContextKeyTypeEnum::String, region),
        entry("aws:SecureTransport", ContextKeyTypeEnum::Boolean, "true"),
        entry("aws:PrincipalArn", ContextKeyTypeEnum::String, principal),
    ]
}

fn verdict(result: &EvaluationResult) -> Verdict {
    if result.eval_decision == PolicyEvaluationDecisionType::Allowed {
        return Verdict::Allowed;
    }
    let of_resources = result.resource_specific_results().iter();
    let hangs_on_keys = !result.missing_context_values().is_empty()
        || of_resources.clone().any(|one| !one.missing_context_values().is_empty());
    let of_organization = result.organizations_decision_detail();
    if hangs_on_keys || of_organization.is_some_and(|detail| !detail.allowed_by_organizations) {
        return Verdict::Unclear;
    }
    match result.eval_decision {
        PolicyEvaluationDecisionType::ExplicitDeny => Verdict::Denied,
        _ => Verdict::NotGranted,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_iam::types::OrganizationsDecisionDetail;

    use super::*;

    fn result(decision: PolicyEvaluationDecisionType, missing: &[&str]) -> EvaluationResult {
        let missing = missing.iter().map(|key| (*key).to_owned()).collect();
        EvaluationResult::builder()
            .eval_action_name("elasticbeanstalk:DescribeEnvironments")
            .eval_decision(decision)
            .set_missing_context_values(Some(missing))
            .build()
            .unwrap()
    }

    #[test]
    fn a_denial_counts_only_where_it_hangs_on_nothing_that_the_simulator_was_not_told() {
        use PolicyEvaluationDecisionType::{Allowed, ExplicitDeny, ImplicitDeny};
        assert_eq!(verdict(&result(Allowed, &["aws:SourceIp"])), Verdict::Allowed);
        assert_eq!(verdict(&result(ExplicitDeny, &[])), Verdict::Denied);
        assert_eq!(verdict(&result(ImplicitDeny, &[])), Verdict::NotGranted);
        for decision in [ExplicitDeny, ImplicitDeny] {
            assert_eq!(
                verdict(&result(decision.clone(), &["aws:MultiFactorAuthPresent"])),
                Verdict::Unclear
            );
            let mut by_organization = result(decision, &[]);
            let detail = OrganizationsDecisionDetail::builder()
                .allowed_by_organizations(false)
                .build();
            by_organization.organizations_decision_detail = Some(detail);
            assert_eq!(verdict(&by_organization), Verdict::Unclear);
        }
    }
}
