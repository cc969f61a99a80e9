//! Tags of whatever has an id.

use std::sync::Arc;

use winterbaume_ec2_generated::{model as m, wire};

use super::super::page::page;
use super::{filters, tags_of};
use crate::gateway::call::{Answer, Call};
use crate::world::{Refusal, Region, Tags, World};

/// Id prefixes with the resource types and error names that go with them.
const KINDS: &[(&str, &str, &str)] = &[
    ("vpc-", "vpc", "InvalidVpcID.NotFound"),
    ("subnet-", "subnet", "InvalidSubnetID.NotFound"),
    ("igw-", "internet-gateway", "InvalidInternetGatewayID.NotFound"),
    ("rtb-", "route-table", "InvalidRouteTableID.NotFound"),
    ("sg-", "security-group", "InvalidGroup.NotFound"),
    ("eipalloc-", "elastic-ip", "InvalidAllocationID.NotFound"),
    ("i-", "instance", "InvalidInstanceID.NotFound"),
    ("lt-", "launch-template", "InvalidLaunchTemplateId.NotFound"),
    ("vpce-", "vpc-endpoint", "InvalidVpcEndpointId.NotFound"),
    ("key-", "key-pair", "InvalidKeyPair.NotFound"),
];

fn kind(id: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    KINDS.iter().find(|(prefix, ..)| id.starts_with(prefix))
}

fn tags_mut<'a>(here: &'a mut Region, id: &str) -> Result<&'a mut Tags, Refusal> {
    let network = here.network.tags_mut(id);
    network.or_else(|| here.compute.tags_mut(id)).ok_or_else(|| missing(id))
}

fn missing(id: &str) -> Refusal {
    let code = kind(id).map_or("InvalidID", |(.., code)| code);
    Refusal::new(code, format!("The ID '{id}' is not valid or does not exist"))
}

/// Whatever names a part of the network that readers do not see yet is told that there is none
/// (see [`crate::world::settling`]).
pub(super) fn must_show(world: &World, call: &Call) -> Result<(), Refusal> {
    let mut state = world.lock();
    let as_of = state.as_of(world.clock.now());
    let network = &state.region(&call.region).network;
    let hidden = |id: &String| network.holds(id) && !network.seen(as_of).holds(id);
    match call.parameters().into_values().find(hidden) {
        Some(id) => Err(missing(&id)),
        None => Ok(()),
    }
}

pub(super) fn create(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::CreateTagsRequest = call.query()?;
    let tags = tags_of(request.tags);
    if let Some(key) = tags.keys().find(|key| key.starts_with("aws:")) {
        let message = format!(
            "Value ( {key} ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use"
        );
        return Err(Refusal::new("InvalidParameterValue", message));
    }
    let mut state = world.lock();
    let here = state.region(&call.region);
    for id in &request.resources.items {
        tags_mut(here, id)?;
    }
    for id in &request.resources.items {
        tags_mut(here, id)?.extend(tags.clone());
    }
    Ok(wire::serialize_create_tags_response().into())
}

/// A tag goes if its key is named, and its value fits where one is given; without tags all go.
pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeleteTagsRequest = call.query()?;
    let wanted = request.tags.map(|list| list.items);
    let mut state = world.lock();
    for id in &request.resources.items {
        let Ok(tags) = tags_mut(state.region(&call.region), id) else {
            continue;
        };
        tags.retain(|key, value| {
            let named = |tag: &m::Tag| tag.key.as_ref() == Some(key) && tag.value.as_ref().is_none_or(|it| it == value);
            key.starts_with("aws:") || !wanted.as_ref().is_none_or(|wanted| wanted.iter().any(named))
        });
    }
    Ok(wire::serialize_delete_tags_response().into())
}

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeTagsRequest = call.query()?;
    let mut state = world.lock();
    let as_of = state.as_of(world.clock.now());
    let here = state.region(&call.region);
    let mut items = here.network.seen(as_of).inventory(&call.region);
    items.extend(here.compute.inventory(&call.region));
    let all: Vec<_> = items
        .into_iter()
        .flat_map(|item| {
            item.tags
                .into_iter()
                .map(move |(key, value)| (item.id.clone(), key, value))
        })
        .collect();
    let resource_type = |id: &str| kind(id).map_or("", |(_, kind, _)| kind).to_owned();
    let by = |(id, key, value): &(String, String, String), name: &str| {
        vec![match name {
            "resource-id" => id.clone(),
            "resource-type" => resource_type(id),
            "key" => key.clone(),
            _ => value.clone(),
        }]
    };
    let tags = |(_, key, value): &(String, String, String)| Tags::from([(key.clone(), value.clone())]);
    let chosen = filters::select(
        all,
        request.filters,
        &["resource-id", "resource-type", "key", "value"],
        by,
        tags,
    )?;
    let (chosen, next_token) = page(chosen, request.max_results, request.next_token.as_deref())?;
    let view = |(id, key, value): (String, String, String)| m::TagDescription {
        key: Some(key),
        resource_type: Some(resource_type(&id)),
        resource_id: Some(id),
        value: Some(value),
    };
    let result = m::DescribeTagsResult {
        next_token,
        tags: Some(chosen.into_iter().map(view).collect()),
    };
    Ok(wire::serialize_describe_tags_response(&result).into())
}
