//! Tags of whatever has an id.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use super::super::page::page;
use super::answer::{done, list};
use super::filters;
use super::requests::{Listing, Tag, tags};
use crate::protocols::call::{Answer, Call};
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

/// Tags that are to be put on things, or to be taken from them.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Tagging {
    resource_id: Vec<String>,
    tag: Vec<Tag>,
}

impl Tagging {
    fn read(call: &Call) -> Result<Self, Refusal> {
        let request: Self = call.query()?;
        if request.resource_id.is_empty() {
            let text = "The request must contain the parameter resourceIdSet";
            return Err(Refusal::new("MissingParameter", text));
        }
        Ok(request)
    }
}

pub(super) fn create(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request = Tagging::read(call)?;
    let tags = tags(request.tag);
    if let Some(key) = tags.keys().find(|key| key.starts_with("aws:")) {
        let message = format!(
            "Value ( {key} ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use"
        );
        return Err(Refusal::new("InvalidParameterValue", message));
    }
    let mut state = world.lock();
    let here = state.region(&call.region);
    for id in &request.resource_id {
        tags_mut(here, id)?;
    }
    for id in &request.resource_id {
        tags_mut(here, id)?.extend(tags.clone());
    }
    Ok(done(call))
}

/// A tag goes if its key is named, and its value fits where one is given; without tags all go.
pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request = Tagging::read(call)?;
    let wanted = request.tag;
    let mut state = world.lock();
    for id in &request.resource_id {
        let Ok(tags) = tags_mut(state.region(&call.region), id) else {
            continue;
        };
        tags.retain(|key, value| {
            let named = |tag: &Tag| tag.key == *key && tag.value.as_ref().is_none_or(|it| it == value);
            key.starts_with("aws:") || !(wanted.is_empty() || wanted.iter().any(named))
        });
    }
    Ok(done(call))
}

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: Listing = call.query()?;
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
    let names = ["resource-id", "resource-type", "key", "value"];
    let chosen = filters::select(all, request.filter, &names, by, tags)?;
    let page = page(chosen, request.max_results, request.next_token.as_deref())?;
    let view = |(id, key, value): (String, String, String)| json!({ "key": key, "resourceId": id, "resourceType": resource_type(&id), "value": value });
    Ok(list(call, "tagSet", page, view))
}
