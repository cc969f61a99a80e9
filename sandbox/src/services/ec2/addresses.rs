//! Elastic addresses and network interfaces.

use std::sync::Arc;

use winterbaume_ec2_generated::{model as m, wire};

use super::super::page::page;
use super::{all_known, filters, not_found, seen_network, tag_list};
use crate::gateway::call::{Answer, Call};
use crate::world::network::Address;
use crate::world::network::interfaces::NetworkInterface;
use crate::world::{Refusal, World};

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeAddressesRequest = call.query()?;
    let ids = request.allocation_ids.map(|list| list.items);
    let ips = request.public_ips.map(|list| list.items);
    let mut state = world.lock();
    let addresses = &seen_network(world, &mut state, call).addresses;
    let refuse = |id: &str| not_found("InvalidAllocationID.NotFound", "allocation ID", id);
    all_known(ids.as_ref(), |id| addresses.contains_key(id), refuse)?;
    let wanted = |address: &&Address| {
        ids.as_ref().is_none_or(|ids| ids.contains(&address.allocation_id))
            && ips.as_ref().is_none_or(|ips| ips.contains(&address.public_ip))
    };
    let all: Vec<_> = addresses.values().filter(wanted).collect();
    let names = ["allocation-id", "association-id", "domain", "instance-id", "public-ip"];
    let values = |address: &&Address, name: &str| match name {
        "allocation-id" => vec![address.allocation_id.clone()],
        "association-id" => address.association_id.iter().cloned().collect(),
        "domain" => vec!["vpc".to_owned()],
        "instance-id" => address.instance_id.iter().cloned().collect(),
        _ => vec![address.public_ip.clone()],
    };
    let chosen = filters::select(all, request.filters, &names, values, |address| address.tags.clone())?;
    let view = |address: &Address| m::Address {
        allocation_id: Some(address.allocation_id.clone()),
        association_id: address.association_id.clone(),
        domain: Some("vpc".to_owned()),
        instance_id: address.instance_id.clone(),
        public_ip: Some(address.public_ip.clone()),
        tags: Some(tag_list(&address.tags)),
        ..m::Address::default()
    };
    let result = m::DescribeAddressesResult {
        addresses: Some(chosen.into_iter().map(view).collect()),
    };
    Ok(wire::serialize_describe_addresses_response(&result).into())
}

const INTERFACE_FILTERS: &[&str] = &[
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

pub(super) fn describe_interfaces(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeNetworkInterfacesRequest = call.query()?;
    let ids = request.network_interface_ids.map(|list| list.items);
    let mut state = world.lock();
    let account = state.account.clone();
    let here = state.region(&call.region);
    let mut all = here.network_interfaces();
    let refuse = |id: &str| not_found("InvalidNetworkInterfaceID.NotFound", "networkInterface ID", id);
    all_known(ids.as_ref(), |id| all.iter().any(|it| it.id == id), refuse)?;
    all.retain(|it| ids.as_ref().is_none_or(|ids| ids.contains(&it.id)));
    let values = |interface: &NetworkInterface, name: &str| values(interface, name, &account);
    let chosen = filters::select(all, request.filters, INTERFACE_FILTERS, values, |it| it.tags.clone())?;
    let (chosen, next_token) = page(chosen, request.max_results, request.next_token.as_deref())?;
    let group_name = |id: &str| here.network.security_groups.get(id).map(|group| group.name.clone());
    let result = m::DescribeNetworkInterfacesResult {
        network_interfaces: Some(
            chosen
                .iter()
                .map(|it| interface_view(it, &account, group_name))
                .collect(),
        ),
        next_token,
    };
    Ok(wire::serialize_describe_network_interfaces_response(&result).into())
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

fn interface_view(
    interface: &NetworkInterface,
    account: &str,
    group_name: impl Fn(&str) -> Option<String>,
) -> m::NetworkInterface {
    let owner = interface.requester.unwrap_or(account);
    m::NetworkInterface {
        association: interface.public_ip.as_ref().map(|ip| m::NetworkInterfaceAssociation {
            ip_owner_id: Some(interface.requester.unwrap_or("amazon").to_owned()),
            public_ip: Some(ip.clone()),
            ..m::NetworkInterfaceAssociation::default()
        }),
        attachment: Some(m::NetworkInterfaceAttachment {
            delete_on_termination: Some(true),
            device_index: Some(0),
            instance_id: interface.instance_id.clone(),
            instance_owner_id: Some(owner.to_owned()),
            status: Some("attached".to_owned()),
            ..m::NetworkInterfaceAttachment::default()
        }),
        availability_zone: Some(interface.zone.clone()),
        description: Some(interface.description.clone()),
        groups: Some(
            interface
                .security_groups
                .iter()
                .map(|id| m::GroupIdentifier {
                    group_id: Some(id.clone()),
                    group_name: group_name(id),
                })
                .collect(),
        ),
        interface_type: Some("interface".to_owned()),
        network_interface_id: Some(interface.id.clone()),
        owner_id: Some(account.to_owned()),
        private_ip_address: Some(interface.private_ip.clone()),
        requester_id: interface.requester.map(str::to_owned),
        requester_managed: Some(interface.requester.is_some()),
        status: Some("in-use".to_owned()),
        subnet_id: Some(interface.subnet_id.clone()),
        tag_set: Some(tag_list(&interface.tags)),
        vpc_id: Some(interface.vpc_id.clone()),
        ..m::NetworkInterface::default()
    }
}
