//! Internet gateways.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::page::page;
use super::answer::{answer, done, list};
use super::requests::{Listing, TagSpecification, named, specified};
use super::{filters, not_found, seen_network, tag_list};
use crate::protocols::call::{Answer, Call};
use crate::world::network::InternetGateway;
use crate::world::{Refusal, World};

const FILTERS: &[&str] = &[
    "internet-gateway-id",
    "attachment.vpc-id",
    "attachment.state",
    "owner-id",
];

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: Listing = call.query()?;
    let mut state = world.lock();
    let account = state.account.clone();
    let gateways = &seen_network(world, &mut state, call).internet_gateways;
    let refuse = |id: &str| not_found("InvalidInternetGatewayID.NotFound", "internetGateway ID", id);
    let all = named(gateways.values().collect(), &request.ids, |it| &it.id, refuse)?;
    let values = |gateway: &&InternetGateway, name: &str| match name {
        "internet-gateway-id" => vec![gateway.id.clone()],
        "attachment.vpc-id" => gateway.vpc_id.iter().cloned().collect(),
        "attachment.state" => gateway.vpc_id.iter().map(|_| "available".to_owned()).collect(),
        _ => vec![account.clone()],
    };
    let chosen = filters::select(all, request.filter, FILTERS, values, |gateway| gateway.tags.clone())?;
    let page = page(chosen, request.max_results, request.next_token.as_deref())?;
    Ok(list(call, "internetGatewaySet", page, |it| view(it, &account)))
}

/// A gateway and the VPC that it is to be attached to, or detached from.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attachment {
    internet_gateway_id: String,
    vpc_id: String,
}

pub(super) fn detach(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: Attachment = call.query()?;
    let mut state = world.lock();
    state
        .region(&call.region)
        .detach_internet_gateway(&request.internet_gateway_id, &request.vpc_id)?;
    Ok(done(call))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteInternetGateway {
    internet_gateway_id: String,
}

pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: DeleteInternetGateway = call.query()?;
    world
        .lock()
        .region(&call.region)
        .delete_internet_gateway(&request.internet_gateway_id)?;
    Ok(done(call))
}

fn view(gateway: &InternetGateway, account: &str) -> Value {
    // "available" while it is attached, whatever the API's model says of attachments.
    let attachments = gateway.vpc_id.iter();
    let attachments = attachments.map(|vpc_id| json!({ "state": "available", "vpcId": vpc_id }));
    json!({
        "attachmentSet": attachments.collect::<Value>(),
        "internetGatewayId": gateway.id,
        "ownerId": account,
        "tagSet": tag_list(&gateway.tags),
    })
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct CreateInternetGateway {
    tag_specification: Vec<TagSpecification>,
}

pub(super) fn create(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: CreateInternetGateway = call.query()?;
    let tags = specified(request.tag_specification);
    let mut state = world.lock();
    let account = state.account.clone();
    let gateway = state.region(&call.region).network.create_internet_gateway(tags);
    Ok(answer(call, &json!({ "internetGateway": view(gateway, &account) })))
}

pub(super) fn attach(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: Attachment = call.query()?;
    let mut state = world.lock();
    let network = &mut state.region(&call.region).network;
    network.attach_internet_gateway(&request.internet_gateway_id, &request.vpc_id)?;
    Ok(done(call))
}
