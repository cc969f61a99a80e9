//! Subnets.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::page::page;
use super::answer::{answer, done, list};
use super::requests::{Listing, Switch, TagSpecification, named, specified};
use super::{filters, not_found, seen_network, tags_if_any};
use crate::protocols::call::{Answer, Call};
use crate::world::network::cidr::Range;
use crate::world::network::{Subnet, zones};
use crate::world::{Refusal, World};

fn zone_id(region: &str, zone: &str) -> Option<String> {
    zones::zones(region)
        .into_iter()
        .find(|it| it.name == zone)
        .map(|it| it.id)
}

fn subnet_view(subnet: &Subnet, region: &str, account: &str) -> Value {
    json!({
        "assignIpv6AddressOnCreation": false,
        "availabilityZone": subnet.zone,
        "availabilityZoneId": zone_id(region, &subnet.zone),
        "availableIpAddressCount": Range::parse(&subnet.cidr).map(Range::usable),
        "blockPublicAccessStates": { "internetGatewayBlockMode": "off" },
        "cidrBlock": subnet.cidr,
        "defaultForAz": subnet.default_for_az,
        "enableDns64": false,
        "ipv6CidrBlockAssociationSet": [],
        "ipv6Native": false,
        "mapCustomerOwnedIpOnLaunch": false,
        "mapPublicIpOnLaunch": subnet.map_public_ip_on_launch,
        "ownerId": account,
        "privateDnsNameOptionsOnLaunch": {
            "enableResourceNameDnsAAAARecord": false,
            "enableResourceNameDnsARecord": false,
            "hostnameType": "ip-name",
        },
        "state": "available",
        "subnetArn": format!("arn:aws:ec2:{region}:{account}:subnet/{}", subnet.id),
        "subnetId": subnet.id,
        "tagSet": tags_if_any(&subnet.tags),
        "vpcId": subnet.vpc_id,
    })
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct CreateDefaultSubnet {
    availability_zone: String,
}

pub(super) fn create_default(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: CreateDefaultSubnet = call.query()?;
    let mut state = world.lock();
    let account = state.account.clone();
    let network = &mut state.region(&call.region).network;
    let id = network.create_default_subnet(&call.region, &request.availability_zone)?;
    let subnet = network.subnets.get(&id);
    let subnet = subnet.map(|subnet| subnet_view(subnet, &call.region, &account));
    Ok(answer(call, &json!({ "subnet": subnet })))
}

const FILTERS: &[&str] = &[
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

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: Listing = call.query()?;
    let mut state = world.lock();
    let account = state.account.clone();
    let subnets = &seen_network(world, &mut state, call).subnets;
    let refuse = |id: &str| not_found("InvalidSubnetID.NotFound", "subnet ID", id);
    let all = named(subnets.values().collect(), &request.ids, |subnet| &subnet.id, refuse)?;
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
    let chosen = filters::select(all, request.filter, FILTERS, values, |subnet| subnet.tags.clone())?;
    let page = page(chosen, request.max_results, request.next_token.as_deref())?;
    let view = |it| subnet_view(it, &call.region, &account);
    Ok(list(call, "subnetSet", page, view))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteSubnet {
    subnet_id: String,
}

pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: DeleteSubnet = call.query()?;
    world.lock().region(&call.region).delete_subnet(&request.subnet_id)?;
    Ok(done(call))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateSubnet {
    vpc_id: String,
    #[serde(default)]
    cidr_block: String,
    availability_zone: Option<String>,
    availability_zone_id: Option<String>,
    #[serde(default)]
    tag_specification: Vec<TagSpecification>,
}

pub(super) fn create(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: CreateSubnet = call.query()?;
    let tags = specified(request.tag_specification);
    let by_id = request.availability_zone_id.map(|id| {
        let zone = zones::zones(&call.region).into_iter().find(|zone| zone.id == id);
        zone.map_or(id, |zone| zone.name)
    });
    let zone = request.availability_zone.or(by_id);
    let mut state = world.lock();
    let account = state.account.clone();
    let network = &mut state.region(&call.region).network;
    let subnet = network.create_subnet(&call.region, &request.vpc_id, zone, &request.cidr_block, tags)?;
    Ok(answer(
        call,
        &json!({ "subnet": subnet_view(subnet, &call.region, &account) }),
    ))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ModifySubnetAttribute {
    subnet_id: String,
    map_public_ip_on_launch: Option<Switch>,
}

pub(super) fn modify_attribute(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: ModifySubnetAttribute = call.query()?;
    let mut state = world.lock();
    let subnet = state.region(&call.region).network.subnet_mut(&request.subnet_id)?;
    if let Some(value) = request.map_public_ip_on_launch.and_then(|it| it.value) {
        subnet.map_public_ip_on_launch = value;
    }
    Ok(done(call))
}
