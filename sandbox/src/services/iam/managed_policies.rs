//! The managed policies of AWS's.

use jiff::Timestamp;
use winterbaume_iam::wire::{self, *};

use super::{encoded, page};
use crate::protocols::call::{Answer, Call};
use crate::world::Refusal;
use crate::world::iam::{Iam, Role as Held, managed};

fn find(arn: &str) -> Result<&'static managed::ManagedPolicy, Refusal> {
    managed::find(arn).ok_or_else(|| Refusal::with_status(404, "NoSuchEntity", format!("Policy {arn} was not found.")))
}

fn holders<'a>(iam: &'a Iam, arn: &str) -> impl Iterator<Item = &'a Held> {
    iam.roles().filter(move |role| role.attached.contains(arn))
}

fn bounded<'a>(iam: &'a Iam, arn: &str) -> impl Iterator<Item = &'a Held> {
    iam.roles().filter(move |role| role.boundary.as_deref() == Some(arn))
}

/// What GetPolicy and ListPolicies say of one; the list leaves the description out.
fn policy_out(iam: &Iam, policy: &managed::ManagedPolicy, description: Option<String>) -> Policy {
    let arn = policy.arn();
    Policy {
        attachment_count: i32::try_from(holders(iam, &arn).count()).ok(),
        policy_name: Some(policy.name.to_owned()),
        path: Some(policy.path.to_owned()),
        description,
        default_version_id: Some(policy.version.to_owned()),
        is_attachable: Some(!policy.is_of_service() && !iam.retired.contains(&policy.name)),
        permissions_boundary_usage_count: i32::try_from(bounded(iam, &arn).count()).ok(),
        arn: Some(arn),
        ..Policy::default()
    }
}

pub(super) fn list(iam: &Iam, call: &Call, _: Timestamp) -> Result<Answer, Refusal> {
    let request: ListPoliciesRequest = call.query()?;
    // No policy here is the customer's.
    let any = request.scope.as_deref() != Some("Local");
    let boundaries = request.policy_usage_filter.as_deref() == Some("PermissionsBoundary");
    let prefix = request.path_prefix.unwrap_or_else(|| "/".to_owned());
    let attached = request.only_attached == Some(true);
    let found = managed::all()
        .filter(|policy| any && policy.path.starts_with(&prefix))
        .map(|policy| policy_out(iam, policy, None))
        .filter(|policy| !boundaries || policy.permissions_boundary_usage_count > Some(0))
        .filter(|policy| !attached || boundaries || policy.attachment_count > Some(0));
    let page = page(found.collect(), request.marker.as_deref(), request.max_items)?;
    let result = ListPoliciesResponse {
        policies: Some(policyListType { items: page.items }),
        is_truncated: Some(page.marker.is_some()),
        marker: page.marker,
    };
    Ok(wire::serialize_list_policies_response(&result).into())
}

pub(super) fn get(iam: &Iam, call: &Call, _: Timestamp) -> Result<Answer, Refusal> {
    let request: GetPolicyRequest = call.query()?;
    let policy = find(&request.policy_arn)?;
    Ok(wire::serialize_get_policy_response(&GetPolicyResponse {
        policy: Some(policy_out(iam, policy, Some(policy.description.to_owned()))),
    })
    .into())
}

pub(super) fn get_version(_: &Iam, call: &Call, _: Timestamp) -> Result<Answer, Refusal> {
    let request: GetPolicyVersionRequest = call.query()?;
    let policy = find(&request.policy_arn)?;
    if request.version_id != policy.version {
        let text = format!(
            "Policy {} version {} does not exist.",
            request.policy_arn, request.version_id
        );
        return Err(Refusal::with_status(404, "NoSuchEntity", text));
    }
    Ok(wire::serialize_get_policy_version_response(&GetPolicyVersionResponse {
        policy_version: Some(PolicyVersion {
            document: Some(encoded(policy.document)),
            is_default_version: Some(true),
            version_id: Some(request.version_id),
            ..PolicyVersion::default()
        }),
    })
    .into())
}

pub(super) fn list_entities(iam: &Iam, call: &Call, _: Timestamp) -> Result<Answer, Refusal> {
    let request: ListEntitiesForPolicyRequest = call.query()?;
    find(&request.policy_arn)?;
    let roles = holders(iam, &request.policy_arn).map(|role| PolicyRole {
        role_id: Some(role.id.clone()),
        role_name: Some(role.name.clone()),
    });
    Ok(
        wire::serialize_list_entities_for_policy_response(&ListEntitiesForPolicyResponse {
            policy_roles: Some(PolicyRoleListType { items: roles.collect() }),
            policy_groups: Some(PolicyGroupListType::default()),
            policy_users: Some(PolicyUserListType::default()),
            is_truncated: Some(false),
            marker: None,
        })
        .into(),
    )
}
