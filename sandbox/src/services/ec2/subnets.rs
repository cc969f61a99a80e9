//! Subnets.

use std::sync::Arc;

use winterbaume_ec2_generated::{model as m, wire};

use super::super::page::page;
use super::{all_known, filters, not_found, seen_network, specified, tag_list};
use crate::gateway::call::{Answer, Call};
use crate::world::network::cidr::Range;
use crate::world::network::{Subnet, zones};
use crate::world::{Refusal, World};

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
        available_ip_address_count: Range::parse(&subnet.cidr).map(Range::usable),
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

pub(super) fn create_default(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
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

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeSubnetsRequest = call.query()?;
    let ids = request.subnet_ids.map(|list| list.items);
    let mut state = world.lock();
    let account = state.account.clone();
    let subnets = &seen_network(world, &mut state, call).subnets;
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

pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeleteSubnetRequest = call.query()?;
    world.lock().region(&call.region).delete_subnet(&request.subnet_id)?;
    Ok(wire::serialize_delete_subnet_response().into())
}

pub(super) fn create(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::CreateSubnetRequest = call.query()?;
    let tags = specified(request.tag_specifications);
    let by_id = request.availability_zone_id.map(|id| {
        let zone = zones::zones(&call.region).into_iter().find(|zone| zone.id == id);
        zone.map_or(id, |zone| zone.name)
    });
    let zone = request.availability_zone.or(by_id);
    let cidr = request.cidr_block.unwrap_or_default();
    let mut state = world.lock();
    let account = state.account.clone();
    let network = &mut state.region(&call.region).network;
    let subnet = network.create_subnet(&call.region, &request.vpc_id, zone, &cidr, tags)?;
    let result = m::CreateSubnetResult {
        subnet: Some(subnet_view(subnet, &call.region, &account)),
    };
    Ok(wire::serialize_create_subnet_response(&result).into())
}

pub(super) fn modify_attribute(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::ModifySubnetAttributeRequest = call.query()?;
    let mut state = world.lock();
    let subnet = state.region(&call.region).network.subnet_mut(&request.subnet_id)?;
    if let Some(value) = request.map_public_ip_on_launch.and_then(|it| it.value) {
        subnet.map_public_ip_on_launch = value;
    }
    Ok(wire::serialize_modify_subnet_attribute_response().into())
}
