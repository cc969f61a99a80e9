//! Instance profiles and their tags.

use std::sync::Arc;

use jiff::Timestamp;
use winterbaume_iam::wire::{self, *};

use super::roles::role_out;
use super::{page, tags_in, tags_out, time};
use crate::protocols::call::{Answer, Call};
use crate::world::iam::{self, Iam};
use crate::world::{Refusal, World};

pub(super) fn create(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: CreateInstanceProfileRequest = call.query()?;
    let now = world.clock.now();
    let mut state = world.lock();
    let account = state.account.clone();
    let tags = tags_in(request.tags);
    let name = &request.instance_profile_name;
    let profile = state
        .iam
        .create_instance_profile(&account, now, name, request.path, tags)?
        .clone();
    let instance_profile = Some(profile_out(&state.iam, &profile));
    Ok(wire::serialize_create_instance_profile_response(&CreateInstanceProfileResponse { instance_profile }).into())
}

pub(super) fn add_role(iam: &mut Iam, call: &Call, _: Timestamp) -> Result<Answer, Refusal> {
    let request: AddRoleToInstanceProfileRequest = call.query()?;
    iam.add_role(&request.instance_profile_name, &request.role_name)?;
    Ok(wire::serialize_add_role_to_instance_profile_response().into())
}

pub(super) fn remove_role(iam: &mut Iam, call: &Call, now: Timestamp) -> Result<Answer, Refusal> {
    let request: RemoveRoleFromInstanceProfileRequest = call.query()?;
    iam.remove_role(&request.instance_profile_name, &request.role_name, now)?;
    Ok(wire::serialize_remove_role_from_instance_profile_response().into())
}

pub(super) fn delete(iam: &mut Iam, call: &Call, now: Timestamp) -> Result<Answer, Refusal> {
    let request: DeleteInstanceProfileRequest = call.query()?;
    iam.delete_instance_profile(&request.instance_profile_name, now)?;
    Ok(wire::serialize_delete_instance_profile_response().into())
}

pub(super) fn get(iam: &Iam, call: &Call, _: Timestamp) -> Result<Answer, Refusal> {
    let request: GetInstanceProfileRequest = call.query()?;
    let profile = iam.existing_instance_profile(&request.instance_profile_name)?;
    let instance_profile = Some(profile_out(iam, profile));
    Ok(wire::serialize_get_instance_profile_response(&GetInstanceProfileResponse { instance_profile }).into())
}

pub(super) fn list_for_role(iam: &Iam, call: &Call, _: Timestamp) -> Result<Answer, Refusal> {
    let request: ListInstanceProfilesForRoleRequest = call.query()?;
    let role = iam.existing_role(&request.role_name)?.name.clone();
    let found = iam
        .instance_profiles()
        .filter(|profile| profile.role.as_ref() == Some(&role));
    let found = found.map(|profile| profile_out(iam, profile)).collect();
    let page = page(found, request.marker.as_deref(), request.max_items)?;
    Ok(
        wire::serialize_list_instance_profiles_for_role_response(&ListInstanceProfilesForRoleResponse {
            instance_profiles: Some(instanceProfileListType { items: page.items }),
            is_truncated: Some(page.marker.is_some()),
            marker: page.marker,
        })
        .into(),
    )
}

pub(super) fn list(iam: &Iam, call: &Call, _: Timestamp) -> Result<Answer, Refusal> {
    let request: ListInstanceProfilesRequest = call.query()?;
    let prefix = request.path_prefix.unwrap_or_else(|| "/".to_owned());
    let found = iam
        .instance_profiles()
        .filter(|profile| profile.path.starts_with(&prefix));
    let found = found.map(|profile| InstanceProfile {
        // ListInstanceProfiles leaves tags out.
        tags: None,
        ..profile_out(iam, profile)
    });
    let page = page(found.collect(), request.marker.as_deref(), request.max_items)?;
    Ok(
        wire::serialize_list_instance_profiles_response(&ListInstanceProfilesResponse {
            instance_profiles: Some(instanceProfileListType { items: page.items }),
            is_truncated: Some(page.marker.is_some()),
            marker: page.marker,
        })
        .into(),
    )
}

pub(super) fn tag(iam: &mut Iam, call: &Call, _: Timestamp) -> Result<Answer, Refusal> {
    let request: TagInstanceProfileRequest = call.query()?;
    let profile = iam.instance_profile_mut(&request.instance_profile_name)?;
    profile.tags.extend(tags_in(Some(request.tags)));
    Ok(wire::serialize_tag_instance_profile_response().into())
}

pub(super) fn untag(iam: &mut Iam, call: &Call, _: Timestamp) -> Result<Answer, Refusal> {
    let request: UntagInstanceProfileRequest = call.query()?;
    let profile = iam.instance_profile_mut(&request.instance_profile_name)?;
    profile.tags.retain(|key, _| !request.tag_keys.items.contains(key));
    Ok(wire::serialize_untag_instance_profile_response().into())
}

pub(super) fn list_tags(iam: &Iam, call: &Call, _: Timestamp) -> Result<Answer, Refusal> {
    let request: ListInstanceProfileTagsRequest = call.query()?;
    let profile = iam.existing_instance_profile(&request.instance_profile_name)?;
    Ok(
        wire::serialize_list_instance_profile_tags_response(&ListInstanceProfileTagsResponse {
            tags: tags_out(&profile.tags),
            is_truncated: Some(false),
            marker: None,
        })
        .into(),
    )
}

fn profile_out(iam: &Iam, profile: &iam::InstanceProfile) -> InstanceProfile {
    let role = profile.role.as_ref().and_then(|name| iam.role(name));
    // A role within a profile says the least (recorded in 73 of 73).
    let role = role.map(|role| Role {
        description: None,
        max_session_duration: None,
        tags: None,
        ..role_out(role)
    });
    InstanceProfile {
        instance_profile_name: Some(profile.name.clone()),
        instance_profile_id: Some(profile.id.clone()),
        path: Some(profile.path.clone()),
        arn: Some(profile.arn.clone()),
        create_date: Some(time(profile.created)),
        roles: Some(roleListType {
            items: role.into_iter().collect(),
        }),
        tags: tags_out(&profile.tags),
    }
}
