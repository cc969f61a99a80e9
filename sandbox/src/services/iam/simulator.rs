//! SimulatePrincipalPolicy: the simulator's evaluations on the wire.
//! Must know nothing of how it decides.

use jiff::Timestamp;
use winterbaume_iam::wire::{self, *};

use crate::protocols::call::{Answer, Call};
use crate::world::Refusal;
use crate::world::iam::Iam;
use crate::world::iam::policy::Decision;
use crate::world::iam::simulation::{Evaluation, Matched, Place};

/// One result an action, of all resources together; where resources were named, each has its own in it (IAM API,
/// EvaluationResult: one result an action since 2026).
pub(super) fn simulate(iam: &Iam, call: &Call, _: Timestamp) -> Result<Answer, Refusal> {
    let request: SimulatePrincipalPolicyRequest = call.query()?;
    let entries = request.context_entries.map(|list| list.items).unwrap_or_default();
    let context = entries
        .into_iter()
        .filter_map(|entry| {
            let values = entry.context_key_values.map(|list| list.items).unwrap_or_default();
            Some((entry.context_key_name?.to_lowercase(), values))
        })
        .collect();
    let named = request.resource_arns.map(|list| list.items).unwrap_or_default();
    let resources = match named.as_slice() {
        [] => vec!["*".to_owned()],
        named => named.to_vec(),
    };
    let mut results = Vec::new();
    for action in &request.action_names.items {
        let mut seen = Vec::new();
        for resource in &resources {
            let evaluation = iam.simulate(&request.policy_source_arn, action, resource, &context);
            let unknown = || Refusal::with_status(404, "NoSuchEntity", "Unable to retrieve specified IAM entity.");
            seen.push((resource.clone(), evaluation.ok_or_else(unknown)?));
        }
        results.push(result(action, &seen));
    }
    Ok(
        wire::serialize_simulate_principal_policy_response(&SimulatePolicyResponse {
            evaluation_results: Some(EvaluationResultsListType { items: results }),
            is_truncated: Some(false),
            marker: None,
        })
        .into(),
    )
}

fn result(action: &str, seen: &[(String, Evaluation)]) -> EvaluationResult {
    // The most restrictive decision counts.
    let rank = |decision: Decision| match decision {
        Decision::Allowed => 0,
        Decision::ImplicitlyDenied => 1,
        Decision::ExplicitlyDenied => 2,
    };
    let strictest = seen.iter().max_by_key(|(_, evaluation)| rank(evaluation.decision));
    let Some((_, strictest)) = strictest else {
        return EvaluationResult::default();
    };
    let of_all = matches!(seen, [(resource, _)] if resource == "*");
    let name = match seen {
        [(only, _)] => only.clone(),
        _ => "*".to_owned(),
    };
    EvaluationResult {
        eval_action_name: Some(action.to_owned()),
        eval_decision: Some(strictest.decision.as_str().to_owned()),
        eval_resource_name: Some(name),
        matched_statements: Some(statements(&strictest.matched)),
        missing_context_values: Some(keys(if of_all { &strictest.missing } else { &[] })),
        organizations_decision_detail: strictest.by_organization.map(|allowed| OrganizationsDecisionDetail {
            allowed_by_organizations: Some(allowed),
        }),
        permissions_boundary_decision_detail: by_boundary(strictest),
        resource_specific_results: (!of_all).then(|| ResourceSpecificResultListType {
            items: seen.iter().map(of_resource).collect(),
        }),
        ..EvaluationResult::default()
    }
}

fn of_resource((resource, evaluation): &(String, Evaluation)) -> ResourceSpecificResult {
    ResourceSpecificResult {
        eval_resource_decision: Some(evaluation.decision.as_str().to_owned()),
        eval_resource_name: Some(resource.clone()),
        matched_statements: Some(statements(&evaluation.matched)),
        missing_context_values: Some(keys(&evaluation.missing)),
        permissions_boundary_decision_detail: by_boundary(evaluation),
        ..ResourceSpecificResult::default()
    }
}

fn by_boundary(evaluation: &Evaluation) -> Option<PermissionsBoundaryDecisionDetail> {
    evaluation.by_boundary.map(|allowed| PermissionsBoundaryDecisionDetail {
        allowed_by_permissions_boundary: Some(allowed),
    })
}

fn keys(names: &[String]) -> ContextKeyNamesResultListType {
    ContextKeyNamesResultListType { items: names.to_vec() }
}

fn statements(matched: &[Matched]) -> StatementListType {
    let position = |place: Place| Position {
        line: Some(place.line),
        column: Some(place.column),
    };
    let statement = |matched: &Matched| Statement {
        source_policy_id: Some(matched.policy.clone()),
        source_policy_type: Some("IAM Policy".to_owned()),
        start_position: Some(position(matched.start)),
        end_position: Some(position(matched.end)),
    };
    StatementListType {
        items: matched.iter().map(statement).collect(),
    }
}
