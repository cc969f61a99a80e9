//! Roles and their tags.

use std::sync::Arc;

use jiff::Timestamp;
use winterbaume_iam::wire::{self, *};

use super::{encoded, page, tags_in, tags_out, time};
use crate::protocols::call::{Answer, Call};
use crate::world::iam::{self, Iam, NewRole};
use crate::world::{Refusal, World};

pub(super) fn create(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: CreateRoleRequest = call.query()?;
    let new = NewRole {
        name: request.role_name,
        path: request.path,
        trust: request.assume_role_policy_document,
        description: request.description,
        max_session_duration: request.max_session_duration,
        boundary: request.permissions_boundary,
        tags: tags_in(request.tags),
    };
    let now = world.clock.now();
    let mut state = world.lock();
    let account = state.account.clone();
    // The answer of the creation says less than that of GetRole: no MaxSessionDuration, no RoleLastUsed.
    let role = Role {
        max_session_duration: None,
        ..role_out(state.iam.create_role(&account, now, new)?)
    };
    Ok(wire::serialize_create_role_response(&CreateRoleResponse { role: Some(role) }).into())
}

pub(super) fn create_linked(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: CreateServiceLinkedRoleRequest = call.query()?;
    let now = world.clock.now();
    let mut state = world.lock();
    let account = state.account.clone();
    let (service, description) = (&request.a_w_s_service_name, request.description);
    let role = role_out(state.iam.create_linked_role(&account, now, service, description)?);
    Ok(
        wire::serialize_create_service_linked_role_response(&CreateServiceLinkedRoleResponse { role: Some(role) })
            .into(),
    )
}

pub(super) fn get(iam: &Iam, call: &Call, now: Timestamp) -> Result<Answer, Refusal> {
    let request: GetRoleRequest = call.query()?;
    let role = iam.existing_role(&request.role_name)?;
    let used = role.last_used(now).cloned();
    let role = Role {
        // Always there, and empty where the role was never used.
        role_last_used: Some(used.map_or_else(RoleLastUsed::default, |(date, region)| RoleLastUsed {
            last_used_date: Some(time(date)),
            region: Some(region),
        })),
        ..role_out(role)
    };
    Ok(wire::serialize_get_role_response(&GetRoleResponse { role: Some(role) }).into())
}

pub(super) fn delete(iam: &mut Iam, call: &Call, now: Timestamp) -> Result<Answer, Refusal> {
    let request: DeleteRoleRequest = call.query()?;
    iam.delete_role(&request.role_name, now)?;
    Ok(wire::serialize_delete_role_response().into())
}

pub(super) fn update_trust(iam: &mut Iam, call: &Call, _: Timestamp) -> Result<Answer, Refusal> {
    let request: UpdateAssumeRolePolicyRequest = call.query()?;
    iam.update_trust(&request.role_name, request.policy_document)?;
    Ok(wire::serialize_update_assume_role_policy_response().into())
}

pub(super) fn put_boundary(iam: &mut Iam, call: &Call, _: Timestamp) -> Result<Answer, Refusal> {
    let request: PutRolePermissionsBoundaryRequest = call.query()?;
    iam.bound(&request.role_name, Some(request.permissions_boundary))?;
    Ok(wire::serialize_put_role_permissions_boundary_response().into())
}

pub(super) fn delete_boundary(iam: &mut Iam, call: &Call, _: Timestamp) -> Result<Answer, Refusal> {
    let request: DeleteRolePermissionsBoundaryRequest = call.query()?;
    iam.bound(&request.role_name, None)?;
    Ok(wire::serialize_delete_role_permissions_boundary_response().into())
}

pub(super) fn list(iam: &Iam, call: &Call, _: Timestamp) -> Result<Answer, Refusal> {
    let request: ListRolesRequest = call.query()?;
    let prefix = request.path_prefix.unwrap_or_else(|| "/".to_owned());
    let found = iam
        .roles()
        .filter(|role| role.path.starts_with(&prefix))
        .map(|role| Role {
            // ListRoles leaves these out (IAM API, ListRoles).
            tags: None,
            permissions_boundary: None,
            ..role_out(role)
        });
    let page = page(found.collect(), request.marker.as_deref(), request.max_items)?;
    Ok(wire::serialize_list_roles_response(&ListRolesResponse {
        roles: Some(roleListType { items: page.items }),
        is_truncated: Some(page.marker.is_some()),
        marker: page.marker,
    })
    .into())
}

pub(super) fn tag(iam: &mut Iam, call: &Call, _: Timestamp) -> Result<Answer, Refusal> {
    let request: TagRoleRequest = call.query()?;
    iam.role_mut(&request.role_name)?
        .tags
        .extend(tags_in(Some(request.tags)));
    Ok(wire::serialize_tag_role_response().into())
}

pub(super) fn untag(iam: &mut Iam, call: &Call, _: Timestamp) -> Result<Answer, Refusal> {
    let request: UntagRoleRequest = call.query()?;
    let role = iam.role_mut(&request.role_name)?;
    role.tags.retain(|key, _| !request.tag_keys.items.contains(key));
    Ok(wire::serialize_untag_role_response().into())
}

pub(super) fn list_tags(iam: &Iam, call: &Call, _: Timestamp) -> Result<Answer, Refusal> {
    let request: ListRoleTagsRequest = call.query()?;
    Ok(wire::serialize_list_role_tags_response(&ListRoleTagsResponse {
        tags: tags_out(&iam.existing_role(&request.role_name)?.tags),
        is_truncated: Some(false),
        marker: None,
    })
    .into())
}

pub(super) fn role_out(role: &iam::Role) -> Role {
    Role {
        role_name: Some(role.name.clone()),
        path: Some(role.path.clone()),
        role_id: Some(role.id.clone()),
        arn: Some(role.arn.clone()),
        create_date: Some(time(role.created)),
        assume_role_policy_document: Some(encoded(&role.trust)),
        description: role.description.clone(),
        max_session_duration: Some(role.max_session_duration),
        // `Policy`, whatever botocore's model says (awsdocs/iam-user-guide#82).
        permissions_boundary: role.boundary.as_ref().map(|boundary| AttachedPermissionsBoundary {
            permissions_boundary_type: Some("Policy".to_owned()),
            permissions_boundary_arn: Some(boundary.clone()),
        }),
        tags: tags_out(&role.tags).filter(|tags| !tags.items.is_empty()),
        ..Role::default()
    }
}
