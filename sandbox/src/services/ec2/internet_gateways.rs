//! Internet gateways.

use std::sync::Arc;

use winterbaume_ec2_generated::{model as m, wire};

use super::super::page::page;
use super::{all_known, filters, not_found, seen_network, specified, tag_list};
use crate::gateway::call::{Answer, Call};
use crate::world::network::InternetGateway;
use crate::world::{Refusal, World};

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeInternetGatewaysRequest = call.query()?;
    let ids = request.internet_gateway_ids.map(|list| list.items);
    let mut state = world.lock();
    let account = state.account.clone();
    let gateways = &seen_network(world, &mut state, call).internet_gateways;
    let refuse = |id: &str| not_found("InvalidInternetGatewayID.NotFound", "internetGateway ID", id);
    all_known(ids.as_ref(), |id| gateways.contains_key(id), refuse)?;
    let all: Vec<_> = gateways
        .values()
        .filter(|it| ids.as_ref().is_none_or(|ids| ids.contains(&it.id)))
        .collect();
    let names = [
        "internet-gateway-id",
        "attachment.vpc-id",
        "attachment.state",
        "owner-id",
    ];
    let values = |gateway: &&InternetGateway, name: &str| match name {
        "internet-gateway-id" => vec![gateway.id.clone()],
        "attachment.vpc-id" => gateway.vpc_id.iter().cloned().collect(),
        "attachment.state" => gateway.vpc_id.iter().map(|_| "available".to_owned()).collect(),
        _ => vec![account.clone()],
    };
    let chosen = filters::select(all, request.filters, &names, values, |gateway| gateway.tags.clone())?;
    let (chosen, next_token) = page(chosen, request.max_results, request.next_token.as_deref())?;
    let result = m::DescribeInternetGatewaysResult {
        internet_gateways: Some(chosen.into_iter().map(|gateway| view(gateway, &account)).collect()),
        next_token,
    };
    Ok(wire::serialize_describe_internet_gateways_response(&result).into())
}

pub(super) fn detach(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DetachInternetGatewayRequest = call.query()?;
    let mut state = world.lock();
    state
        .region(&call.region)
        .detach_internet_gateway(&request.internet_gateway_id, &request.vpc_id)?;
    Ok(wire::serialize_detach_internet_gateway_response().into())
}

pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeleteInternetGatewayRequest = call.query()?;
    world
        .lock()
        .region(&call.region)
        .delete_internet_gateway(&request.internet_gateway_id)?;
    Ok(wire::serialize_delete_internet_gateway_response().into())
}

fn view(gateway: &InternetGateway, account: &str) -> m::InternetGateway {
    // "available" while it is attached, whatever the API's model says of attachments.
    let attachment = |vpc_id: &String| m::InternetGatewayAttachment {
        state: Some("available".to_owned()),
        vpc_id: Some(vpc_id.clone()),
    };
    m::InternetGateway {
        attachments: Some(gateway.vpc_id.iter().map(attachment).collect()),
        internet_gateway_id: Some(gateway.id.clone()),
        owner_id: Some(account.to_owned()),
        tags: Some(tag_list(&gateway.tags)),
    }
}

pub(super) fn create(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::CreateInternetGatewayRequest = call.query()?;
    let tags = specified(request.tag_specifications);
    let mut state = world.lock();
    let account = state.account.clone();
    let gateway = state.region(&call.region).network.create_internet_gateway(tags);
    let result = m::CreateInternetGatewayResult {
        internet_gateway: Some(view(gateway, &account)),
    };
    Ok(wire::serialize_create_internet_gateway_response(&result).into())
}

pub(super) fn attach(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::AttachInternetGatewayRequest = call.query()?;
    let mut state = world.lock();
    let network = &mut state.region(&call.region).network;
    network.attach_internet_gateway(&request.internet_gateway_id, &request.vpc_id)?;
    Ok(wire::serialize_attach_internet_gateway_response().into())
}
