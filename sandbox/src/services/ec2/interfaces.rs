//! Network interfaces.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::page::page;
use super::answer::list;
use super::requests::{Listing, named};
use super::{filters, not_found, tag_list};
use crate::gateway::call::{Answer, Call};
use crate::world::network::interfaces::NetworkInterface;
use crate::world::{Refusal, World};

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
    let here = state.region(&call.region);
    let refuse = |id: &str| not_found("InvalidNetworkInterfaceID.NotFound", "networkInterface ID", id);
    let all = named(here.network_interfaces(), &request.ids, |it| &it.id, refuse)?;
    let values = |interface: &NetworkInterface, name: &str| values(interface, name, &account);
    let chosen = filters::select(all, request.filter, FILTERS, values, |it| it.tags.clone())?;
    let page = page(chosen, request.max_results, request.next_token.as_deref())?;
    let group_name = |id: &str| here.network.security_groups.get(id).map(|group| group.name.clone());
    Ok(list(call, "networkInterfaceSet", page, |it| {
        view(&it, &account, group_name)
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

fn view(interface: &NetworkInterface, account: &str, group_name: impl Fn(&str) -> Option<String>) -> Value {
    let association = interface.public_ip.as_ref();
    let association =
        association.map(|ip| json!({ "ipOwnerId": interface.requester.unwrap_or("amazon"), "publicIp": ip }));
    let groups = interface.security_groups.iter();
    let groups = groups.map(|id| json!({ "groupId": id, "groupName": group_name(id) }));
    json!({
        "association": association,
        "attachment": {
            "deleteOnTermination": true,
            "deviceIndex": 0,
            "instanceId": interface.instance_id,
            "instanceOwnerId": interface.requester.unwrap_or(account),
            "status": "attached",
        },
        "availabilityZone": interface.zone,
        "description": interface.description,
        "groupSet": groups.collect::<Value>(),
        "interfaceType": "interface",
        "networkInterfaceId": interface.id,
        "ownerId": account,
        "privateIpAddress": interface.private_ip,
        "requesterId": interface.requester,
        "requesterManaged": interface.requester.is_some(),
        "status": "in-use",
        "subnetId": interface.subnet_id,
        "tagSet": tag_list(&interface.tags),
        "vpcId": interface.vpc_id,
    })
}
