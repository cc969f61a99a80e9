//! VPC endpoints of the gateway type.

use std::sync::Arc;

use winterbaume_ec2_generated::{model as m, wire};

use super::super::not_implemented;
use super::super::page::page;
use super::{all_known, filters, not_found, seen_network, specified, tag_list};
use crate::gateway::call::{Answer, Call};
use crate::world::clock;
use crate::world::network::endpoints::VpcEndpoint;
use crate::world::{Refusal, World};

pub(super) fn create(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::CreateVpcEndpointRequest = call.query()?;
    if let Some(kind) = request.vpc_endpoint_type.filter(|kind| kind != "Gateway") {
        return Err(not_implemented(format!("VPC endpoints of the type '{kind}'")));
    }
    let service = request.service_name.unwrap_or_default();
    let route_tables = request.route_table_ids.map(|list| list.items).unwrap_or_default();
    let tags = specified(request.tag_specifications);
    let now = world.clock.now();
    let mut state = world.lock();
    let account = state.account.clone();
    let network = &mut state.region(&call.region).network;
    let endpoint = network.create_gateway_endpoint(&call.region, now, &request.vpc_id, &service, route_tables, tags)?;
    let result = m::CreateVpcEndpointResult {
        client_token: None,
        vpc_endpoint: Some(view(endpoint, &account)),
    };
    Ok(wire::serialize_create_vpc_endpoint_response(&result).into())
}

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeVpcEndpointsRequest = call.query()?;
    let ids = request.vpc_endpoint_ids.map(|list| list.items);
    let mut state = world.lock();
    let account = state.account.clone();
    let endpoints = &seen_network(world, &mut state, call).endpoints;
    let refuse = |id: &str| not_found("InvalidVpcEndpointId.NotFound", "Vpc Endpoint Id", id);
    all_known(ids.as_ref(), |id| endpoints.contains_key(id), refuse)?;
    let wanted = |endpoint: &&VpcEndpoint| ids.as_ref().is_none_or(|ids| ids.contains(&endpoint.id));
    let all: Vec<_> = endpoints.values().filter(wanted).collect();
    let names = [
        "vpc-id",
        "vpc-endpoint-id",
        "vpc-endpoint-state",
        "vpc-endpoint-type",
        "service-name",
    ];
    let values = |endpoint: &&VpcEndpoint, name: &str| {
        vec![match name {
            "vpc-id" => endpoint.vpc_id.clone(),
            "vpc-endpoint-id" => endpoint.id.clone(),
            "vpc-endpoint-state" => "available".to_owned(),
            "vpc-endpoint-type" => "Gateway".to_owned(),
            _ => endpoint.service.clone(),
        }]
    };
    let chosen = filters::select(all, request.filters, &names, values, |endpoint| endpoint.tags.clone())?;
    let (chosen, next_token) = page(chosen, request.max_results, request.next_token.as_deref())?;
    let result = m::DescribeVpcEndpointsResult {
        next_token,
        vpc_endpoints: Some(chosen.into_iter().map(|it| view(it, &account)).collect()),
    };
    Ok(wire::serialize_describe_vpc_endpoints_response(&result).into())
}

fn view(endpoint: &VpcEndpoint, account: &str) -> m::VpcEndpoint {
    m::VpcEndpoint {
        creation_timestamp: Some(clock::text(endpoint.created)),
        owner_id: Some(account.to_owned()),
        requester_managed: Some(false),
        route_table_ids: Some(endpoint.route_tables.iter().cloned().collect()),
        service_name: Some(endpoint.service.clone()),
        state: Some("available".to_owned()),
        tags: Some(tag_list(&endpoint.tags)),
        vpc_endpoint_id: Some(endpoint.id.clone()),
        vpc_endpoint_type: Some("Gateway".to_owned()),
        vpc_id: Some(endpoint.vpc_id.clone()),
        ..m::VpcEndpoint::default()
    }
}

/// What cannot be deleted is named in the answer, which is a success all the same.
pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeleteVpcEndpointsRequest = call.query()?;
    let mut state = world.lock();
    let endpoints = &mut state.region(&call.region).network.endpoints;
    let mut unsuccessful = Vec::new();
    for id in request.vpc_endpoint_ids.items {
        if endpoints.remove(&id).is_none() {
            unsuccessful.push(m::UnsuccessfulItem {
                error: Some(m::UnsuccessfulItemError {
                    code: Some("InvalidVpcEndpoint.NotFound".to_owned()),
                    message: Some(format!("The Vpc Endpoint Id '{id}' does not exist")),
                }),
                resource_id: Some(id),
            });
        }
    }
    let result = m::DeleteVpcEndpointsResult {
        unsuccessful: Some(unsuccessful.into()),
    };
    Ok(wire::serialize_delete_vpc_endpoints_response(&result).into())
}
