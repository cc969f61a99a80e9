//! Route tables, their associations and routes.

use std::sync::Arc;

use winterbaume_ec2_generated::{model as m, wire};

use super::super::not_implemented;
use super::super::page::page;
use super::{all_known, filters, not_found, seen_network, specified, tag_list};
use crate::gateway::call::{Answer, Call};
use crate::world::network::routes::{EVERYWHERE, RouteTable};
use crate::world::{Refusal, World};

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeRouteTablesRequest = call.query()?;
    let ids = request.route_table_ids.map(|list| list.items);
    let mut state = world.lock();
    let account = state.account.clone();
    let network = seen_network(world, &mut state, call);
    let tables = &network.route_tables;
    let refuse = |id: &str| not_found("InvalidRouteTableID.NotFound", "routeTable ID", id);
    all_known(ids.as_ref(), |id| tables.contains_key(id), refuse)?;
    let all: Vec<_> = tables
        .values()
        .filter(|it| ids.as_ref().is_none_or(|ids| ids.contains(&it.id)))
        .collect();
    let cidr = |vpc_id: &str| network.vpcs.get(vpc_id).map(|vpc| vpc.cidr.clone());
    let names = [
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
    let chosen = filters::select(all, request.filters, &names, values, |table| table.tags.clone())?;
    let (chosen, next_token) = page(chosen, request.max_results, request.next_token.as_deref())?;
    let attached = |id: &str| {
        network
            .internet_gateways
            .get(id)
            .is_some_and(|gateway| gateway.vpc_id.is_some())
    };
    let result = m::DescribeRouteTablesResult {
        next_token,
        route_tables: Some(
            chosen
                .into_iter()
                .map(|table| table_view(table, &account, cidr(&table.vpc_id), attached))
                .collect(),
        ),
    };
    Ok(wire::serialize_describe_route_tables_response(&result).into())
}

fn table_view(
    table: &RouteTable,
    account: &str,
    cidr: Option<String>,
    attached: impl Fn(&str) -> bool,
) -> m::RouteTable {
    let local = m::Route {
        destination_cidr_block: cidr,
        gateway_id: Some("local".to_owned()),
        origin: Some("CreateRouteTable".to_owned()),
        state: Some("active".to_owned()),
        ..m::Route::default()
    };
    let out = table.internet_gateway.as_ref().map(|id| m::Route {
        destination_cidr_block: Some(EVERYWHERE.to_owned()),
        gateway_id: Some(id.clone()),
        origin: Some("CreateRoute".to_owned()),
        state: Some(if attached(id) { "active" } else { "blackhole" }.to_owned()),
        ..m::Route::default()
    });
    let association = |(main, id, subnet_id): (bool, &String, Option<&String>)| m::RouteTableAssociation {
        association_state: Some(associated_state()),
        main: Some(main),
        route_table_association_id: Some(id.clone()),
        route_table_id: Some(table.id.clone()),
        subnet_id: subnet_id.cloned(),
        ..m::RouteTableAssociation::default()
    };
    m::RouteTable {
        associations: Some(associated(table).map(association).collect()),
        owner_id: Some(account.to_owned()),
        propagating_vgws: Some(Vec::new().into()),
        route_table_id: Some(table.id.clone()),
        routes: Some(std::iter::once(local).chain(out).collect()),
        tags: Some(tag_list(&table.tags)),
        vpc_id: Some(table.vpc_id.clone()),
    }
}

/// Whether it is the main one, id and subnet of each association.
fn associated(table: &RouteTable) -> impl Iterator<Item = (bool, &String, Option<&String>)> {
    let main = table.main.iter().map(|id| (true, id, None));
    let subnets = table.associations.iter().map(|(id, subnet)| (false, id, Some(subnet)));
    main.chain(subnets)
}

fn associated_state() -> m::RouteTableAssociationState {
    m::RouteTableAssociationState {
        state: Some("associated".to_owned()),
        status_message: None,
    }
}

pub(super) fn create(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::CreateRouteTableRequest = call.query()?;
    let tags = specified(request.tag_specifications);
    let mut state = world.lock();
    let account = state.account.clone();
    let network = &mut state.region(&call.region).network;
    let table = network
        .create_route_table(&request.vpc_id, request.client_token.clone(), tags)?
        .clone();
    let cidr = network.vpcs.get(&table.vpc_id).map(|vpc| vpc.cidr.clone());
    let result = m::CreateRouteTableResult {
        client_token: request.client_token,
        route_table: Some(table_view(&table, &account, cidr, |_| false)),
    };
    Ok(wire::serialize_create_route_table_response(&result).into())
}

pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeleteRouteTableRequest = call.query()?;
    let mut state = world.lock();
    state
        .region(&call.region)
        .network
        .delete_route_table(&request.route_table_id)?;
    Ok(wire::serialize_delete_route_table_response().into())
}

pub(super) fn associate(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::AssociateRouteTableRequest = call.query()?;
    let subnet_id = request.subnet_id.unwrap_or_default();
    let mut state = world.lock();
    let network = &mut state.region(&call.region).network;
    let association = network.associate_route_table(&request.route_table_id, &subnet_id)?;
    let result = m::AssociateRouteTableResult {
        association_id: Some(association),
        association_state: Some(associated_state()),
    };
    Ok(wire::serialize_associate_route_table_response(&result).into())
}

pub(super) fn disassociate(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DisassociateRouteTableRequest = call.query()?;
    let mut state = world.lock();
    state
        .region(&call.region)
        .network
        .disassociate_route_table(&request.association_id)?;
    Ok(wire::serialize_disassociate_route_table_response().into())
}

pub(super) fn create_route(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::CreateRouteRequest = call.query()?;
    let destination = request.destination_cidr_block.unwrap_or_default();
    if destination != EVERYWHERE {
        return Err(not_implemented(format!(
            "routes to '{destination}', only to {EVERYWHERE}"
        )));
    }
    let gateway = request.gateway_id.unwrap_or_default();
    let mut state = world.lock();
    state
        .region(&call.region)
        .network
        .create_route(&request.route_table_id, &gateway)?;
    let result = m::CreateRouteResult { r#return: Some(true) };
    Ok(wire::serialize_create_route_response(&result).into())
}

pub(super) fn delete_route(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeleteRouteRequest = call.query()?;
    let destination = request.destination_cidr_block.unwrap_or_default();
    let mut state = world.lock();
    state
        .region(&call.region)
        .network
        .delete_route(&request.route_table_id, &destination)?;
    Ok(wire::serialize_delete_route_response().into())
}
