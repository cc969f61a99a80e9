//! Network interfaces.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::page::page;
use super::answer::{list, together, whole_seconds};
use super::requests::{Listing, named};
use super::{filters, not_found, tag_list};
use crate::protocols::call::{Answer, Call};
use crate::world::network::Address;
use crate::world::network::interfaces::{NetworkInterface, private_name, public_name};
use crate::world::{Refusal, Region, World};

const FILTERS: &[&str] = &[
    "network-interface-id",
    "vpc-id",
    "subnet-id",
    "availability-zone",
    "group-id",
    "status",
    "description",
    "requester-managed",
    "interface-type",
    "attachment.instance-id",
    "attachment.status",
    "private-ip-address",
    "addresses.private-ip-address",
    "association.public-ip",
    "owner-id",
];

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: Listing = call.query()?;
    let mut state = world.lock();
    let account = state.account.clone();
    let here = &*state.region(&call.region);
    let refuse = |id: &str| not_found("InvalidNetworkInterfaceID.NotFound", "networkInterface ID", id);
    let all = named(here.network_interfaces(), &request.ids, |it| &it.id, refuse)?;
    let values = |interface: &NetworkInterface, name: &str| values(interface, name, &account);
    let chosen = filters::select(all, request.filter, FILTERS, values, |it| it.tags.clone())?;
    let page = page(chosen, request.max_results, request.next_token.as_deref())?;
    Ok(list(call, "networkInterfaceSet", page, |it| {
        listed_view(&it, here, &call.region, &account)
    }))
}

fn values(interface: &NetworkInterface, name: &str, account: &str) -> Vec<String> {
    match name {
        "network-interface-id" => vec![interface.id.clone()],
        "vpc-id" => vec![interface.vpc_id.clone()],
        "subnet-id" => vec![interface.subnet_id.clone()],
        "availability-zone" => vec![interface.zone.clone()],
        "group-id" => interface.security_groups.clone(),
        "status" => vec!["in-use".to_owned()],
        "description" => vec![interface.description.clone()],
        "requester-managed" => vec![interface.requester.is_some().to_string()],
        "interface-type" => vec!["interface".to_owned()],
        "attachment.instance-id" => interface.instance_id.iter().cloned().collect(),
        "attachment.status" => vec!["attached".to_owned()],
        "private-ip-address" | "addresses.private-ip-address" => vec![interface.private_ip.clone()],
        "association.public-ip" => interface.public_ip.iter().cloned().collect(),
        _ => vec![account.to_owned()],
    }
}

/// What an interface and its instance say of it alike.
pub(super) fn view(interface: &NetworkInterface, here: &Region, region: &str, account: &str) -> Value {
    let association = interface.public_ip.as_ref().map(|ip| {
        let name = interface.has_names.then(|| public_name(region, ip));
        let owner = interface.requester.unwrap_or("amazon");
        json!({
            "ipOwnerId": elastic(interface, here).map_or(owner, |_| account),
            "publicDnsName": name.unwrap_or_default(),
            "publicIp": ip,
        })
    });
    let private_name = interface.has_names.then(|| private_name(region, &interface.private_ip));
    let is_instances = interface.instance_id.is_some();
    json!({
        "association": association,
        "attachment": {
            "attachTime": whole_seconds(interface.attached),
            "attachmentId": interface.attachment_id(),
            "deleteOnTermination": is_instances,
            "deviceIndex": u8::from(!is_instances),
            "networkCardIndex": is_instances.then_some(0),
            "status": "attached",
        },
        "description": interface.description,
        "groupSet": groups_view(&interface.security_groups, here),
        "interfaceType": "interface",
        "ipv6AddressesSet": [],
        "macAddress": interface.mac_address(),
        "networkInterfaceId": interface.id,
        "operator": { "managed": false },
        "ownerId": account,
        "privateDnsName": private_name,
        "privateIpAddress": interface.private_ip,
        "privateIpAddressesSet": [{
            "association": association,
            "primary": true,
            "privateDnsName": private_name,
            "privateIpAddress": interface.private_ip,
        }],
        "sourceDestCheck": true,
        "status": "in-use",
        "subnetId": interface.subnet_id,
        "vpcId": interface.vpc_id,
    })
}

/// The elastic address that is mapped to an interface.
fn elastic<'a>(interface: &NetworkInterface, here: &'a Region) -> Option<&'a Address> {
    let ip = interface.public_ip.as_ref()?;
    here.network.addresses.values().find(|address| address.public_ip == *ip)
}

/// Security groups by id and name.
pub(super) fn groups_view(ids: &[String], here: &Region) -> Value {
    let name = |id: &String| here.network.security_groups.get(id).map(|group| &group.name);
    ids.iter()
        .map(|id| json!({ "groupId": id, "groupName": name(id) }))
        .collect()
}

/// What is said of it where it is listed by itself.
fn listed_view(interface: &NetworkInterface, here: &Region, region: &str, account: &str) -> Value {
    let mut view = view(interface, here, region, account);
    view["attachment"]["instanceId"] = json!(interface.instance_id);
    view["attachment"]["instanceOwnerId"] = json!(interface.requester.unwrap_or(account));
    if let Some(address) = elastic(interface, here) {
        view["association"]["allocationId"] = json!(address.allocation_id);
        view["association"]["associationId"] = json!(address.association_id);
        view["privateIpAddressesSet"][0]["association"] = view["association"].clone();
    }
    let besides = json!({
        "availabilityZone": interface.zone,
        "requesterId": interface.requester,
        "requesterManaged": interface.requester.is_some(),
        "tagSet": tag_list(&interface.tags),
    });
    together([view, besides])
}
