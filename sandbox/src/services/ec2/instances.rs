//! Instances.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::page::page;
use super::answer::list;
use super::requests::{Filter, Listing, named};
use super::{filters, not_found, tag_list};
use crate::gateway::call::{Answer, Call};
use crate::world::clock::text;
use crate::world::compute::{self, Instance, InstanceState, images};
use crate::world::network::Network;
use crate::world::{Refusal, World};

const FILTERS: &[&str] = &[
    "instance-id",
    "instance-state-name",
    "instance-state-code",
    "instance-type",
    "vpc-id",
    "subnet-id",
    "availability-zone",
    "image-id",
    "key-name",
    "private-ip-address",
    "ip-address",
    "instance.group-id",
    "group-id",
    "iam-instance-profile.arn",
    "reservation-id",
    "network-interface.vpc-id",
    "network-interface.subnet-id",
];

fn values(instance: &Instance, name: &str) -> Vec<String> {
    match name {
        "instance-id" => vec![instance.id.clone()],
        "instance-state-name" => vec![instance.state.as_str().to_owned()],
        "instance-state-code" => vec![instance.state.code().to_string()],
        "instance-type" => vec![instance.instance_type.clone()],
        "vpc-id" | "network-interface.vpc-id" => vec![instance.vpc_id.clone()],
        "subnet-id" | "network-interface.subnet-id" => vec![instance.subnet_id.clone()],
        "availability-zone" => vec![instance.zone.clone()],
        "image-id" => vec![instance.image_id.clone()],
        "key-name" => instance.key_name.iter().cloned().collect(),
        "private-ip-address" => vec![instance.private_ip.clone()],
        "ip-address" => instance.public_ip.iter().cloned().collect(),
        "iam-instance-profile.arn" => instance.profile_arn.iter().cloned().collect(),
        "reservation-id" => vec![instance.reservation_id.clone()],
        _ => instance.security_groups.clone(),
    }
}

fn refuse(id: &str) -> Refusal {
    not_found("InvalidInstanceID.NotFound", "instance ID", id)
}

fn state_view(state: InstanceState) -> Value {
    json!({ "code": state.code(), "name": state.as_str() })
}

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: Listing = call.query()?;
    let now = world.clock.now();
    let mut state = world.lock();
    let account = state.account.clone();
    let here = state.region(&call.region);
    let all = named(here.compute.listed(now).collect(), &request.ids, |it| &it.id, refuse)?;
    let by = |it: &&Instance, name: &str| values(it, name);
    let chosen = filters::select(all, request.filter, FILTERS, by, |it| it.tags.clone())?;
    let page = page(chosen, request.max_results, request.next_token.as_deref())?;
    let reservation = |instance: &Instance| {
        json!({
            "groupSet": [],
            "instancesSet": [view(instance, &here.network, &call.region)],
            "ownerId": account,
            "reservationId": instance.reservation_id,
        })
    };
    Ok(list(call, "reservationSet", page, reservation))
}

fn view(instance: &Instance, network: &Network, region: &str) -> Value {
    let dash = |ip: &String| ip.replace('.', "-");
    let domain = match region {
        "us-east-1" => "compute-1".to_owned(),
        region => format!("{region}.compute"),
    };
    let public_dns_name = instance.public_ip.as_ref();
    let public_dns_name = public_dns_name.map(|ip| format!("ec2-{}.{domain}.amazonaws.com", dash(ip)));
    let group_name = |id: &String| network.security_groups.get(id).map(|group| group.name.clone());
    let groups = instance.security_groups.iter();
    let groups = groups.map(|id| json!({ "groupId": id, "groupName": group_name(id) }));
    let monitoring = if instance.detailed_monitoring {
        "enabled"
    } else {
        "disabled"
    };
    json!({
        "amiLaunchIndex": 0,
        "architecture": images::find(&instance.image_id).map(|image| image.architecture),
        "blockDeviceMapping": [],
        "dnsName": public_dns_name,
        "ebsOptimized": false,
        "enaSupport": true,
        "groupSet": groups.collect::<Value>(),
        "hypervisor": "xen",
        "iamInstanceProfile": instance.profile_arn.as_ref().map(|arn| json!({ "arn": arn })),
        "imageId": instance.image_id,
        "instanceId": instance.id,
        "instanceState": state_view(instance.state),
        "instanceType": instance.instance_type,
        "ipAddress": instance.public_ip,
        "keyName": instance.key_name,
        "launchTime": text(instance.launched),
        "monitoring": { "state": monitoring },
        "placement": { "availabilityZone": instance.zone },
        "privateDnsName": format!("ip-{}.ec2.internal", dash(&instance.private_ip)),
        "privateIpAddress": instance.private_ip,
        "rootDeviceName": "/dev/xvda",
        "rootDeviceType": "ebs",
        "sourceDestCheck": true,
        "subnetId": instance.subnet_id,
        "tagSet": tag_list(&instance.tags),
        "virtualizationType": "hvm",
        "vpcId": instance.vpc_id,
    })
}

/// What a status check says, and of what it could reach. The system below never fails here: it is this machine.
fn check(instance: &Instance, failed: bool) -> (&'static str, Option<&'static str>) {
    match (instance.state == InstanceState::Running, failed) {
        (false, _) => ("not-applicable", None),
        (true, false) => ("ok", Some("passed")),
        (true, true) => ("impaired", Some("failed")),
    }
}

fn check_view((status, reachability): (&str, Option<&str>)) -> Value {
    let details = reachability.iter();
    let details = details.map(|status| json!({ "name": "reachability", "status": status }));
    json!({ "details": details.collect::<Value>(), "status": status })
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DescribeInstanceStatus {
    instance_id: Vec<String>,
    include_all_instances: bool,
    filter: Vec<Filter>,
    max_results: Option<i32>,
    next_token: Option<String>,
}

const STATUS_FILTERS: &[&str] = &[
    "instance-state-name",
    "instance-state-code",
    "availability-zone",
    "instance-status.status",
    "system-status.status",
];

/// Of running instances, unless all are asked for.
pub(super) fn describe_status(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: DescribeInstanceStatus = call.query()?;
    let everything = request.include_all_instances;
    let now = world.clock.now();
    let mut state = world.lock();
    let listed = state.region(&call.region).compute.listed(now);
    let mut all = named(listed.collect(), &request.instance_id, |it| &it.id, refuse)?;
    all.retain(|it| everything || it.state == InstanceState::Running);
    let by = |it: &&Instance, name: &str| match name {
        "instance-status.status" => vec![check(it, it.is_impaired).0.to_owned()],
        "system-status.status" => vec![check(it, false).0.to_owned()],
        _ => values(it, name),
    };
    let chosen = filters::select(all, request.filter, STATUS_FILTERS, by, |it| it.tags.clone())?;
    let page = page(chosen, request.max_results, request.next_token.as_deref())?;
    let view = |instance: &Instance| {
        json!({
            "availabilityZone": instance.zone,
            "instanceId": instance.id,
            "instanceState": state_view(instance.state),
            "instanceStatus": check_view(check(instance, instance.is_impaired)),
            "systemStatus": check_view(check(instance, false)),
        })
    };
    Ok(list(call, "instanceStatusSet", page, view))
}

pub(super) fn describe_profile_associations(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: Listing = call.query()?;
    let ids = request.ids;
    let mut state = world.lock();
    let instances = state.region(&call.region).compute.instances.values();
    // An association is derived of its instance, and so is its id.
    let association = |instance: &Instance| instance.id.replacen("i-", "iip-assoc-", 1);
    let all: Vec<_> = instances
        .filter(|it| it.is_alive() && it.profile_arn.is_some())
        .filter(|it| ids.is_empty() || ids.contains(&association(it)))
        .collect();
    let by = |it: &&Instance, name: &str| match name {
        "instance-id" => vec![it.id.clone()],
        _ => vec!["associated".to_owned()],
    };
    let chosen = filters::select(all, request.filter, &["instance-id", "state"], by, filters::no_tags)?;
    let page = page(chosen, request.max_results, request.next_token.as_deref())?;
    let view = |instance: &Instance| {
        json!({
            "associationId": association(instance),
            "iamInstanceProfile": { "arn": instance.profile_arn },
            "instanceId": instance.id,
            "state": "associated",
        })
    };
    Ok(list(call, "iamInstanceProfileAssociationSet", page, view))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct TerminateInstances {
    instance_id: Vec<String>,
}

pub(super) fn terminate(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: TerminateInstances = call.query()?;
    let ids = request.instance_id;
    let now = world.clock.now();
    let mut changes = Vec::new();
    {
        let mut state = world.lock();
        let compute = &mut state.region(&call.region).compute;
        named(compute.listed(now).collect(), &ids, |it| &it.id, refuse)?;
        for id in &ids {
            let Some(instance) = compute.instances.get_mut(id) else {
                continue;
            };
            let before = instance.state;
            if instance.is_alive() {
                instance.state = InstanceState::ShuttingDown;
            }
            changes.push(json!({
                "currentState": state_view(instance.state),
                "instanceId": instance.id,
                "previousState": state_view(before),
            }));
        }
    }
    for id in ids {
        let (then, region) = (Arc::clone(world), call.region.clone());
        world.spawn(async move { compute::terminate(&then, &region, &id).await });
    }
    Ok(list(call, "instancesSet", (changes, None), |it| it))
}
