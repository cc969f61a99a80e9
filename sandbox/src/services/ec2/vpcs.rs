//! VPCs, subnets, internet gateways and route tables.

use std::sync::Arc;

use winterbaume_ec2_generated::{model as m, wire};

use super::super::page::page;
use super::{all_known, filters, not_found, tag_list};
use crate::gateway::call::{Answer, Call};
use crate::world::network::{InternetGateway, RouteTable, Subnet, Vpc, zones};
use crate::world::{Refusal, World};

fn vpc_view(vpc: &Vpc, account: &str, state: &str) -> m::Vpc {
    m::Vpc {
        cidr_block: Some(vpc.cidr.clone()),
        dhcp_options_id: Some("default".to_owned()),
        instance_tenancy: Some("default".to_owned()),
        is_default: Some(vpc.is_default),
        owner_id: Some(account.to_owned()),
        state: Some(state.to_owned()),
        tags: Some(tag_list(&vpc.tags)),
        vpc_id: Some(vpc.id.clone()),
        ..m::Vpc::default()
    }
}

pub(super) fn create_default(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let mut state = world.lock();
    let account = state.account.clone();
    let network = &mut state.region(&call.region).network;
    let id = network.create_default_vpc(&call.region)?;
    let result = m::CreateDefaultVpcResult {
        vpc: network.vpcs.get(&id).map(|vpc| vpc_view(vpc, &account, "pending")),
    };
    Ok(wire::serialize_create_default_vpc_response(&result).into())
}

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeVpcsRequest = call.query()?;
    let ids = request.vpc_ids.map(|list| list.items);
    let mut state = world.lock();
    let account = state.account.clone();
    let vpcs = &state.region(&call.region).network.vpcs;
    all_known(
        ids.as_ref(),
        |id| vpcs.contains_key(id),
        |id| not_found("InvalidVpcID.NotFound", "vpc ID", id),
    )?;
    let all: Vec<_> = vpcs
        .values()
        .filter(|it| ids.as_ref().is_none_or(|ids| ids.contains(&it.id)))
        .collect();
    let names = [
        "vpc-id",
        "is-default",
        "isDefault",
        "cidr",
        "cidr-block",
        "state",
        "owner-id",
        "dhcp-options-id",
    ];
    let values = |vpc: &&Vpc, name: &str| {
        vec![match name {
            "vpc-id" => vpc.id.clone(),
            "is-default" | "isDefault" => vpc.is_default.to_string(),
            "state" => "available".to_owned(),
            "owner-id" => account.clone(),
            "dhcp-options-id" => "default".to_owned(),
            _ => vpc.cidr.clone(),
        }]
    };
    let chosen = filters::select(all, request.filters, &names, values, |vpc| vpc.tags.clone())?;
    let (chosen, next_token) = page(chosen, request.max_results, request.next_token.as_deref())?;
    let result = m::DescribeVpcsResult {
        next_token,
        vpcs: Some(
            chosen
                .into_iter()
                .map(|vpc| vpc_view(vpc, &account, "available"))
                .collect(),
        ),
    };
    Ok(wire::serialize_describe_vpcs_response(&result).into())
}

pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeleteVpcRequest = call.query()?;
    world.lock().region(&call.region).delete_vpc(&request.vpc_id)?;
    Ok(wire::serialize_delete_vpc_response().into())
}

fn zone_id(region: &str, zone: &str) -> Option<String> {
    zones::zones(region)
        .into_iter()
        .find(|it| it.name == zone)
        .map(|it| it.id)
}

fn subnet_view(subnet: &Subnet, region: &str, account: &str) -> m::Subnet {
    m::Subnet {
        assign_ipv6_address_on_creation: Some(false),
        availability_zone: Some(subnet.zone.clone()),
        availability_zone_id: zone_id(region, &subnet.zone),
        available_ip_address_count: Some(4091),
        cidr_block: Some(subnet.cidr.clone()),
        default_for_az: Some(subnet.default_for_az),
        map_public_ip_on_launch: Some(subnet.map_public_ip_on_launch),
        owner_id: Some(account.to_owned()),
        state: Some("available".to_owned()),
        subnet_arn: Some(format!("arn:aws:ec2:{region}:{account}:subnet/{}", subnet.id)),
        subnet_id: Some(subnet.id.clone()),
        tags: Some(tag_list(&subnet.tags)),
        vpc_id: Some(subnet.vpc_id.clone()),
        ..m::Subnet::default()
    }
}

pub(super) fn create_default_subnet(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::CreateDefaultSubnetRequest = call.query()?;
    let mut state = world.lock();
    let account = state.account.clone();
    let network = &mut state.region(&call.region).network;
    let id = network.create_default_subnet(&call.region, &request.availability_zone.unwrap_or_default())?;
    let result = m::CreateDefaultSubnetResult {
        subnet: network
            .subnets
            .get(&id)
            .map(|subnet| subnet_view(subnet, &call.region, &account)),
    };
    Ok(wire::serialize_create_default_subnet_response(&result).into())
}

pub(super) fn describe_subnets(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeSubnetsRequest = call.query()?;
    let ids = request.subnet_ids.map(|list| list.items);
    let mut state = world.lock();
    let account = state.account.clone();
    let subnets = &state.region(&call.region).network.subnets;
    let refuse = |id: &str| not_found("InvalidSubnetID.NotFound", "subnet ID", id);
    all_known(ids.as_ref(), |id| subnets.contains_key(id), refuse)?;
    let all: Vec<_> = subnets
        .values()
        .filter(|it| ids.as_ref().is_none_or(|ids| ids.contains(&it.id)))
        .collect();
    let names = [
        "subnet-id",
        "vpc-id",
        "availability-zone",
        "availabilityZone",
        "availability-zone-id",
        "default-for-az",
        "defaultForAz",
        "map-public-ip-on-launch",
        "cidr-block",
        "cidr",
        "state",
        "owner-id",
    ];
    let values = |subnet: &&Subnet, name: &str| {
        vec![match name {
            "subnet-id" => subnet.id.clone(),
            "vpc-id" => subnet.vpc_id.clone(),
            "availability-zone" | "availabilityZone" => subnet.zone.clone(),
            "availability-zone-id" => zone_id(&call.region, &subnet.zone).unwrap_or_default(),
            "default-for-az" | "defaultForAz" => subnet.default_for_az.to_string(),
            "map-public-ip-on-launch" => subnet.map_public_ip_on_launch.to_string(),
            "state" => "available".to_owned(),
            "owner-id" => account.clone(),
            _ => subnet.cidr.clone(),
        }]
    };
    let chosen = filters::select(all, request.filters, &names, values, |subnet| subnet.tags.clone())?;
    let (chosen, next_token) = page(chosen, request.max_results, request.next_token.as_deref())?;
    let result = m::DescribeSubnetsResult {
        next_token,
        subnets: Some(
            chosen
                .into_iter()
                .map(|it| subnet_view(it, &call.region, &account))
                .collect(),
        ),
    };
    Ok(wire::serialize_describe_subnets_response(&result).into())
}

pub(super) fn delete_subnet(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeleteSubnetRequest = call.query()?;
    world.lock().region(&call.region).delete_subnet(&request.subnet_id)?;
    Ok(wire::serialize_delete_subnet_response().into())
}

pub(super) fn describe_internet_gateways(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeInternetGatewaysRequest = call.query()?;
    let ids = request.internet_gateway_ids.map(|list| list.items);
    let mut state = world.lock();
    let account = state.account.clone();
    let gateways = &state.region(&call.region).network.internet_gateways;
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
    let view = |gateway: &InternetGateway| m::InternetGateway {
        attachments: Some(
            gateway
                .vpc_id
                .iter()
                .map(|vpc_id| m::InternetGatewayAttachment {
                    state: Some("available".to_owned()),
                    vpc_id: Some(vpc_id.clone()),
                })
                .collect(),
        ),
        internet_gateway_id: Some(gateway.id.clone()),
        owner_id: Some(account.clone()),
        tags: Some(tag_list(&gateway.tags)),
    };
    let (chosen, next_token) = page(chosen, request.max_results, request.next_token.as_deref())?;
    let result = m::DescribeInternetGatewaysResult {
        internet_gateways: Some(chosen.into_iter().map(view).collect()),
        next_token,
    };
    Ok(wire::serialize_describe_internet_gateways_response(&result).into())
}

pub(super) fn detach_internet_gateway(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DetachInternetGatewayRequest = call.query()?;
    let mut state = world.lock();
    state
        .region(&call.region)
        .detach_internet_gateway(&request.internet_gateway_id, &request.vpc_id)?;
    Ok(wire::serialize_detach_internet_gateway_response().into())
}

pub(super) fn delete_internet_gateway(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeleteInternetGatewayRequest = call.query()?;
    world
        .lock()
        .region(&call.region)
        .delete_internet_gateway(&request.internet_gateway_id)?;
    Ok(wire::serialize_delete_internet_gateway_response().into())
}

pub(super) fn describe_route_tables(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeRouteTablesRequest = call.query()?;
    let ids = request.route_table_ids.map(|list| list.items);
    let mut state = world.lock();
    let account = state.account.clone();
    let network = &state.region(&call.region).network;
    let tables = &network.route_tables;
    let refuse = |id: &str| not_found("InvalidRouteTableID.NotFound", "routeTable ID", id);
    all_known(ids.as_ref(), |id| tables.contains_key(id), refuse)?;
    let all: Vec<_> = tables
        .values()
        .filter(|it| ids.as_ref().is_none_or(|ids| ids.contains(&it.id)))
        .collect();
    let names = [
        "route-table-id",
        "vpc-id",
        "association.main",
        "association.subnet-id",
        "association.route-table-id",
        "route.gateway-id",
        "route.destination-cidr-block",
        "owner-id",
    ];
    let values = |table: &&RouteTable, name: &str| match name {
        "route-table-id" | "association.route-table-id" => vec![table.id.clone()],
        "vpc-id" => vec![table.vpc_id.clone()],
        "association.main" => vec![table.main.to_string()],
        // Subnets without an association of their own use the main table, and no filter finds them.
        "association.subnet-id" => Vec::new(),
        "route.gateway-id" => table
            .internet_gateway
            .iter()
            .cloned()
            .chain(["local".to_owned()])
            .collect(),
        "route.destination-cidr-block" => vec!["172.31.0.0/16".to_owned(), "0.0.0.0/0".to_owned()],
        _ => vec![account.clone()],
    };
    let chosen = filters::select(all, request.filters, &names, values, |table| table.tags.clone())?;
    let (chosen, next_token) = page(chosen, request.max_results, request.next_token.as_deref())?;
    let cidr = |vpc_id: &str| network.vpcs.get(vpc_id).map(|vpc| vpc.cidr.clone());
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
        destination_cidr_block: Some("0.0.0.0/0".to_owned()),
        gateway_id: Some(id.clone()),
        origin: Some("CreateRoute".to_owned()),
        state: Some(if attached(id) { "active" } else { "blackhole" }.to_owned()),
        ..m::Route::default()
    });
    m::RouteTable {
        associations: Some(
            vec![m::RouteTableAssociation {
                association_state: Some(m::RouteTableAssociationState {
                    state: Some("associated".to_owned()),
                    status_message: None,
                }),
                main: Some(table.main),
                route_table_association_id: Some(table.association_id.clone()),
                route_table_id: Some(table.id.clone()),
                ..m::RouteTableAssociation::default()
            }]
            .into(),
        ),
        owner_id: Some(account.to_owned()),
        propagating_vgws: Some(Vec::new().into()),
        route_table_id: Some(table.id.clone()),
        routes: Some(std::iter::once(local).chain(out).collect()),
        tags: Some(tag_list(&table.tags)),
        vpc_id: Some(table.vpc_id.clone()),
    }
}
