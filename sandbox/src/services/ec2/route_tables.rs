//! Route tables, their associations and routes.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::not_implemented;
use super::super::page::page;
use super::answer::{answer, done, list};
use super::requests::{Listing, TagSpecification, named, specified};
use super::{filters, not_found, seen_network, tag_list};
use crate::protocols::call::{Answer, Call};
use crate::world::network::routes::{EVERYWHERE, RouteTable};
use crate::world::{Refusal, World};

const FILTERS: &[&str] = &[
    "route-table-id",
    "vpc-id",
    "association.main",
    "association.subnet-id",
    "association.route-table-id",
    "association.route-table-association-id",
    "route.gateway-id",
    "route.destination-cidr-block",
    "owner-id",
];

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: Listing = call.query()?;
    let mut state = world.lock();
    let account = state.account.clone();
    let network = seen_network(world, &mut state, call);
    let refuse = |id: &str| not_found("InvalidRouteTableID.NotFound", "routeTable ID", id);
    let all = named(
        network.route_tables.values().collect(),
        &request.ids,
        |it| &it.id,
        refuse,
    )?;
    let cidr = |vpc_id: &str| network.vpcs.get(vpc_id).map(|vpc| vpc.cidr.clone());
    let values = |table: &&RouteTable, name: &str| match name {
        "route-table-id" | "association.route-table-id" => vec![table.id.clone()],
        "vpc-id" => vec![table.vpc_id.clone()],
        "association.main" => associated(table).map(|(main, ..)| main.to_string()).collect(),
        // Subnets without an association of their own use the main table, and no filter finds them.
        "association.subnet-id" => table.associations.values().cloned().collect(),
        "association.route-table-association-id" => associated(table).map(|(_, id, _)| id.clone()).collect(),
        "route.gateway-id" => table
            .internet_gateway
            .iter()
            .cloned()
            .chain(["local".to_owned()])
            .collect(),
        "route.destination-cidr-block" => {
            let out = table.internet_gateway.iter().map(|_| EVERYWHERE.to_owned());
            cidr(&table.vpc_id).into_iter().chain(out).collect()
        }
        _ => vec![account.clone()],
    };
    let chosen = filters::select(all, request.filter, FILTERS, values, |table| table.tags.clone())?;
    let page = page(chosen, request.max_results, request.next_token.as_deref())?;
    let attached = |id: &str| {
        network
            .internet_gateways
            .get(id)
            .is_some_and(|gateway| gateway.vpc_id.is_some())
    };
    let view = |table: &RouteTable| table_view(table, &account, cidr(&table.vpc_id), attached);
    Ok(list(call, "routeTableSet", page, view))
}

fn table_view(table: &RouteTable, account: &str, cidr: Option<String>, attached: impl Fn(&str) -> bool) -> Value {
    let route = |cidr: Option<&str>, gateway: &str, origin: &str, is_active: bool| {
        json!({
            "destinationCidrBlock": cidr,
            "gatewayId": gateway,
            "origin": origin,
            "state": if is_active { "active" } else { "blackhole" },
        })
    };
    let local = route(cidr.as_deref(), "local", "CreateRouteTable", true);
    let out = table.internet_gateway.as_ref();
    let out = out.map(|id| route(Some(EVERYWHERE), id, "CreateRoute", attached(id)));
    let association = |(main, id, subnet_id): (bool, &String, Option<&String>)| {
        json!({
            "associationState": { "state": "associated" },
            "main": main,
            "routeTableAssociationId": id,
            "routeTableId": table.id,
            "subnetId": subnet_id,
        })
    };
    json!({
        "associationSet": associated(table).map(association).collect::<Value>(),
        "ownerId": account,
        "propagatingVgwSet": [],
        "routeTableId": table.id,
        "routeSet": std::iter::once(local).chain(out).collect::<Value>(),
        "tagSet": tag_list(&table.tags),
        "vpcId": table.vpc_id,
    })
}

/// Whether it is the main one, id and subnet of each association.
fn associated(table: &RouteTable) -> impl Iterator<Item = (bool, &String, Option<&String>)> {
    let main = table.main.iter().map(|id| (true, id, None));
    let subnets = table.associations.iter().map(|(id, subnet)| (false, id, Some(subnet)));
    main.chain(subnets)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateRouteTable {
    vpc_id: String,
    client_token: Option<String>,
    #[serde(default)]
    tag_specification: Vec<TagSpecification>,
}

pub(super) fn create(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: CreateRouteTable = call.query()?;
    let tags = specified(request.tag_specification);
    let mut state = world.lock();
    let account = state.account.clone();
    let network = &mut state.region(&call.region).network;
    let table = network
        .create_route_table(&request.vpc_id, request.client_token.clone(), tags)?
        .clone();
    let cidr = network.vpcs.get(&table.vpc_id).map(|vpc| vpc.cidr.clone());
    let view = table_view(&table, &account, cidr, |_| false);
    Ok(answer(
        call,
        &json!({ "clientToken": request.client_token, "routeTable": view }),
    ))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteRouteTable {
    route_table_id: String,
}

pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: DeleteRouteTable = call.query()?;
    let mut state = world.lock();
    state
        .region(&call.region)
        .network
        .delete_route_table(&request.route_table_id)?;
    Ok(done(call))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AssociateRouteTable {
    route_table_id: String,
    #[serde(default)]
    subnet_id: String,
}

pub(super) fn associate(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: AssociateRouteTable = call.query()?;
    let mut state = world.lock();
    let network = &mut state.region(&call.region).network;
    let association = network.associate_route_table(&request.route_table_id, &request.subnet_id)?;
    Ok(answer(
        call,
        &json!({ "associationId": association, "associationState": { "state": "associated" } }),
    ))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DisassociateRouteTable {
    association_id: String,
}

pub(super) fn disassociate(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: DisassociateRouteTable = call.query()?;
    let mut state = world.lock();
    state
        .region(&call.region)
        .network
        .disassociate_route_table(&request.association_id)?;
    Ok(done(call))
}

/// A route that is to be made, or to go.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Route {
    route_table_id: String,
    #[serde(default)]
    destination_cidr_block: String,
    #[serde(default)]
    gateway_id: String,
}

pub(super) fn create_route(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: Route = call.query()?;
    let destination = request.destination_cidr_block;
    if destination != EVERYWHERE {
        return Err(not_implemented(format!(
            "routes to '{destination}', only to {EVERYWHERE}"
        )));
    }
    let mut state = world.lock();
    state
        .region(&call.region)
        .network
        .create_route(&request.route_table_id, &request.gateway_id)?;
    Ok(done(call))
}

pub(super) fn delete_route(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: Route = call.query()?;
    let mut state = world.lock();
    state
        .region(&call.region)
        .network
        .delete_route(&request.route_table_id, &request.destination_cidr_block)?;
    Ok(done(call))
}
