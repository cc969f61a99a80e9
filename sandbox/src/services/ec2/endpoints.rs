//! VPC endpoints of the gateway type.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::not_implemented;
use super::super::page::page;
use super::answer::{answer, list, whole_seconds};
use super::requests::{Listing, TagSpecification, named, specified};
use super::{filters, not_found, seen_network, tag_list};
use crate::protocols::call::{Answer, Call};
use crate::world::network::endpoints::VpcEndpoint;
use crate::world::{Refusal, World};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateVpcEndpoint {
    vpc_id: String,
    #[serde(default)]
    service_name: String,
    vpc_endpoint_type: Option<String>,
    #[serde(default)]
    route_table_id: Vec<String>,
    #[serde(default)]
    tag_specification: Vec<TagSpecification>,
}

pub(super) fn create(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: CreateVpcEndpoint = call.query()?;
    if let Some(kind) = request.vpc_endpoint_type.filter(|kind| kind != "Gateway") {
        return Err(not_implemented(format!("VPC endpoints of the type '{kind}'")));
    }
    let (service, route_tables) = (request.service_name, request.route_table_id);
    let tags = specified(request.tag_specification);
    let now = world.clock.now();
    let mut state = world.lock();
    let account = state.account.clone();
    let network = &mut state.region(&call.region).network;
    let endpoint = network.create_gateway_endpoint(&call.region, now, &request.vpc_id, &service, route_tables, tags)?;
    Ok(answer(
        call,
        &json!({ "vpcEndpoint": view(endpoint, &call.region, &account) }),
    ))
}

const FILTERS: &[&str] = &[
    "vpc-id",
    "vpc-endpoint-id",
    "vpc-endpoint-state",
    "vpc-endpoint-type",
    "service-name",
];

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: Listing = call.query()?;
    let mut state = world.lock();
    let account = state.account.clone();
    let endpoints = &seen_network(world, &mut state, call).endpoints;
    let refuse = |id: &str| not_found("InvalidVpcEndpointId.NotFound", "Vpc Endpoint Id", id);
    let all = named(endpoints.values().collect(), &request.ids, |it| &it.id, refuse)?;
    let values = |endpoint: &&VpcEndpoint, name: &str| {
        vec![match name {
            "vpc-id" => endpoint.vpc_id.clone(),
            "vpc-endpoint-id" => endpoint.id.clone(),
            "vpc-endpoint-state" => "available".to_owned(),
            "vpc-endpoint-type" => "Gateway".to_owned(),
            _ => endpoint.service.clone(),
        }]
    };
    let chosen = filters::select(all, request.filter, FILTERS, values, |endpoint| endpoint.tags.clone())?;
    let page = page(chosen, request.max_results, request.next_token.as_deref())?;
    Ok(list(call, "vpcEndpointSet", page, |it| {
        view(it, &call.region, &account)
    }))
}

/// What an endpoint lets through that was given no policy.
const POLICY: &str =
    r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;

fn view(endpoint: &VpcEndpoint, region: &str, account: &str) -> Value {
    json!({
        "creationTimestamp": whole_seconds(endpoint.created),
        "dnsEntrySet": [],
        "dnsOptions": { "dnsRecordIpType": "service-defined" },
        "groupSet": [],
        "ipAddressType": "ipv4",
        "networkInterfaceIdSet": [],
        "ownerId": account,
        "policyDocument": POLICY,
        "privateDnsEnabled": false,
        "requesterManaged": false,
        "routeTableIdSet": endpoint.route_tables,
        "serviceName": endpoint.service,
        "serviceRegion": region,
        "state": "available",
        "subnetIdSet": [],
        "tagSet": tag_list(&endpoint.tags),
        "vpcEndpointId": endpoint.id,
        "vpcEndpointType": "Gateway",
        "vpcId": endpoint.vpc_id,
    })
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DeleteVpcEndpoints {
    vpc_endpoint_id: Vec<String>,
}

/// What cannot be deleted is named in the answer, which is a success all the same.
pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: DeleteVpcEndpoints = call.query()?;
    let mut state = world.lock();
    let network = &mut state.region(&call.region).network;
    let mut unsuccessful = Vec::new();
    for id in request.vpc_endpoint_id {
        if let Err(refusal) = network.delete_endpoint(&id) {
            let error = json!({ "code": refusal.code, "message": refusal.message });
            unsuccessful.push(json!({ "error": error, "resourceId": id }));
        }
    }
    Ok(list(call, "unsuccessful", (unsuccessful, None), |it| it))
}
