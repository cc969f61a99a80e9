//! Tags of groups.
//! Must know nothing of what else a group has.

use std::sync::Arc;

use winterbaume_autoscaling::{model as m, wire};

use super::super::page::page;
use crate::protocols::call::{Answer, Call};
use crate::world::scaling::Group;
use crate::world::{Refusal, World};

pub(super) fn views(group: &Group) -> Vec<m::TagDescription> {
    let view = |(key, value): (&String, &String)| m::TagDescription {
        key: Some(key.clone()),
        propagate_at_launch: Some(!group.kept_tags.contains(key)),
        resource_id: Some(group.name.clone()),
        resource_type: Some("auto-scaling-group".to_owned()),
        value: Some(value.clone()),
    };
    group.tags.iter().map(view).collect()
}

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeTagsType = call.query()?;
    let mut state = world.lock();
    let groups = state.region(&call.region).scaling.groups.values();
    let mut views: Vec<_> = groups.flat_map(views).collect();
    for filter in request.filters.map(|list| list.items).unwrap_or_default() {
        let name = filter.name.unwrap_or_default();
        let wanted = filter.values.map(|list| list.items).unwrap_or_default();
        let field = |tag: &m::TagDescription| match name.as_str() {
            "auto-scaling-group" => Some(tag.resource_id.clone()),
            "key" => Some(tag.key.clone()),
            "value" => Some(tag.value.clone()),
            "propagate-at-launch" => Some(Some("true".to_owned())),
            _ => None,
        };
        if field(&m::TagDescription::default()).is_none() {
            return Err(Refusal::new(
                "ValidationError",
                format!("Filter type {name} is not correct."),
            ));
        }
        views.retain(|tag| field(tag).flatten().is_some_and(|actual| wanted.contains(&actual)));
    }
    let (views, next_token) = page(views, request.max_records, request.next_token.as_deref())?;
    let result = m::TagsType {
        next_token,
        tags: Some(views.into()),
    };
    Ok(wire::serialize_describe_tags_response(&result).into())
}

pub(super) fn put(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::CreateOrUpdateTagsType = call.query()?;
    let mut state = world.lock();
    let scaling = &mut state.region(&call.region).scaling;
    for tag in request.tags.items {
        let group = scaling.group_mut(tag.resource_id.as_deref().unwrap_or_default())?;
        let passed_on = tag.propagate_at_launch.unwrap_or(false);
        group.tag(&tag.key, tag.value.as_deref().unwrap_or_default(), passed_on);
    }
    Ok(wire::serialize_create_or_update_tags_response().into())
}

/// One that is not there is no error.
pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeleteTagsType = call.query()?;
    let mut state = world.lock();
    let scaling = &mut state.region(&call.region).scaling;
    for tag in request.tags.items {
        let group = scaling.group_mut(tag.resource_id.as_deref().unwrap_or_default())?;
        group.untag(&tag.key);
    }
    Ok(wire::serialize_delete_tags_response().into())
}
