//! The policies of roles: attached ones and inline ones.

use jiff::Timestamp;
use winterbaume_iam::wire::{self, *};

use super::{encoded, page};
use crate::protocols::call::{Answer, Call};
use crate::world::Refusal;
use crate::world::iam::{self, Iam, managed};

pub(super) fn attach(iam: &mut Iam, call: &Call, _: Timestamp) -> Result<Answer, Refusal> {
    let request: AttachRolePolicyRequest = call.query()?;
    iam.attach(&request.role_name, &request.policy_arn)?;
    Ok(wire::serialize_attach_role_policy_response().into())
}

pub(super) fn detach(iam: &mut Iam, call: &Call, now: Timestamp) -> Result<Answer, Refusal> {
    let request: DetachRolePolicyRequest = call.query()?;
    iam.detach(&request.role_name, &request.policy_arn, now)?;
    Ok(wire::serialize_detach_role_policy_response().into())
}

pub(super) fn put(iam: &mut Iam, call: &Call, _: Timestamp) -> Result<Answer, Refusal> {
    let request: PutRolePolicyRequest = call.query()?;
    iam.put_inline(&request.role_name, &request.policy_name, &request.policy_document)?;
    Ok(wire::serialize_put_role_policy_response().into())
}

pub(super) fn delete(iam: &mut Iam, call: &Call, now: Timestamp) -> Result<Answer, Refusal> {
    let request: DeleteRolePolicyRequest = call.query()?;
    iam.delete_inline(&request.role_name, &request.policy_name, now)?;
    Ok(wire::serialize_delete_role_policy_response().into())
}

pub(super) fn get(iam: &Iam, call: &Call, _: Timestamp) -> Result<Answer, Refusal> {
    let request: GetRolePolicyRequest = call.query()?;
    let role = iam.existing_role(&request.role_name)?;
    let document = role
        .inline
        .get(&request.policy_name)
        .ok_or_else(|| iam::no_inline(&request.policy_name))?;
    Ok(wire::serialize_get_role_policy_response(&GetRolePolicyResponse {
        role_name: Some(role.name.clone()),
        policy_document: Some(encoded(document)),
        policy_name: Some(request.policy_name),
    })
    .into())
}

pub(super) fn list(iam: &Iam, call: &Call, _: Timestamp) -> Result<Answer, Refusal> {
    let request: ListRolePoliciesRequest = call.query()?;
    let names = iam.existing_role(&request.role_name)?.inline.keys().cloned().collect();
    let page = page(names, request.marker.as_deref(), request.max_items)?;
    Ok(wire::serialize_list_role_policies_response(&ListRolePoliciesResponse {
        policy_names: Some(policyNameListType { items: page.items }),
        is_truncated: Some(page.marker.is_some()),
        marker: page.marker,
    })
    .into())
}

pub(super) fn list_attached(iam: &Iam, call: &Call, _: Timestamp) -> Result<Answer, Refusal> {
    let request: ListAttachedRolePoliciesRequest = call.query()?;
    let prefix = request.path_prefix.unwrap_or_else(|| "/".to_owned());
    let attached = iam.existing_role(&request.role_name)?.attached.iter();
    let policies = attached
        .filter_map(|arn| managed::find(arn))
        .filter(|policy| policy.path.starts_with(&prefix));
    let policies = policies.map(|policy| AttachedPolicy {
        policy_arn: Some(policy.arn()),
        policy_name: Some(policy.name.to_owned()),
    });
    let page = page(policies.collect(), request.marker.as_deref(), request.max_items)?;
    Ok(
        wire::serialize_list_attached_role_policies_response(&ListAttachedRolePoliciesResponse {
            attached_policies: Some(attachedPoliciesListType { items: page.items }),
            is_truncated: Some(page.marker.is_some()),
            marker: page.marker,
        })
        .into(),
    )
}
