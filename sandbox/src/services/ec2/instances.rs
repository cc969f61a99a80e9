//! Instances.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::page::page;
use super::answer::{list, together, whole_seconds};
use super::requests::{Filter, Listing, named};
use super::{filters, interfaces, not_found, tags_if_any};
use crate::protocols::call::{Answer, Call};
use crate::world::compute::{self, Instance, InstanceState, images};
use crate::world::network::interfaces::{derived_id, private_name, public_name};
use crate::world::network::zones;
use crate::world::{Refusal, Region, State, World};

const ROOT_DEVICE: &str = "/dev/xvda";

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

pub(super) fn refuse(id: &str) -> Refusal {
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
    let profiles = profile_ids(&state);
    let here = &*state.region(&call.region);
    let all = named(here.compute.listed(now).collect(), &request.ids, |it| &it.id, refuse)?;
    let by = |it: &&Instance, name: &str| values(it, name);
    let chosen = filters::select(all, request.filter, FILTERS, by, |it| it.tags.clone())?;
    let page = page(chosen, request.max_results, request.next_token.as_deref())?;
    let reservation = |instance: &Instance| {
        let profile = profile_view(instance, &profiles);
        let view = [
            settings(instance),
            place(instance, here, &call.region, &account),
            json!({ "iamInstanceProfile": profile }),
        ];
        json!({
            "groupSet": [],
            "instancesSet": [together(view)],
            "ownerId": account,
            "reservationId": instance.reservation_id,
        })
    };
    Ok(list(call, "reservationSet", page, reservation))
}

/// The ids of instance profiles by their ARNs.
fn profile_ids(state: &State) -> HashMap<String, String> {
    let profiles = state.iam.instance_profiles();
    profiles
        .map(|profile| (profile.arn.clone(), profile.id.clone()))
        .collect()
}

fn profile_view(instance: &Instance, ids: &HashMap<String, String>) -> Option<Value> {
    let arn = instance.profile_arn.as_ref()?;
    Some(json!({ "arn": arn, "id": ids.get(arn) }))
}

/// How an instance was made, and what it does: what of it does not depend on where it is. What was not asked for is as AWS
/// has it then.
fn settings(instance: &Instance) -> Value {
    let is_arm = zones::architecture(&instance.instance_type) == "arm64";
    // A virtual CPU is a thread of two on Intel's and AMD's processors, a core of its own on Graviton (EC2 guide, cpu-options).
    let threads = if is_arm { 1 } else { 2 };
    let is_detailed = instance.detailed_monitoring;
    let attached = json!({
        "attachTime": whole_seconds(instance.launched),
        "deleteOnTermination": true,
        "status": "attached",
        "volumeId": derived_id("vol", &instance.id),
    });
    let devices = match instance.is_gone() {
        true => json!([]),
        false => json!([{ "deviceName": ROOT_DEVICE, "ebs": attached }]),
    };
    json!({
        "amiLaunchIndex": 0,
        "architecture": images::find(&instance.image_id).map(|image| image.architecture),
        "blockDeviceMapping": devices,
        "capacityReservationSpecification": { "capacityReservationPreference": "open" },
        // Groups launch with a token of their own choice.
        "clientToken": derived_id("fleet", &instance.id),
        "cpuOptions": {
            "coreCount": zones::processors(&instance.instance_type) / threads,
            "threadsPerCore": threads,
        },
        "ebsOptimized": false,
        "enaSupport": true,
        "enclaveOptions": { "enabled": false },
        "hibernationOptions": { "configured": false },
        "hypervisor": "xen",
        "imageId": instance.image_id,
        "instanceId": instance.id,
        "instanceType": instance.instance_type,
        "keyName": instance.key_name,
        "launchTime": whole_seconds(instance.launched),
        "maintenanceOptions": { "autoRecovery": "default", "rebootMigration": "default" },
        "metadataOptions": metadata_options(instance),
        "monitoring": { "state": if is_detailed { "enabled" } else { "disabled" } },
        "networkPerformanceOptions": { "bandwidthWeighting": "default" },
        "operator": { "managed": false },
        "platformDetails": "Linux/UNIX",
        "productCodes": [],
        "rootDeviceName": ROOT_DEVICE,
        "rootDeviceType": "ebs",
        "tagSet": tags_if_any(&instance.tags),
        "usageOperation": "RunInstances",
        "usageOperationUpdateTime": whole_seconds(instance.launched),
        "virtualizationType": "hvm",
    })
}

fn metadata_options(instance: &Instance) -> Value {
    json!({
        "httpEndpoint": "enabled",
        "httpProtocolIpv6": "disabled",
        "httpPutResponseHopLimit": 1,
        "httpTokens": if instance.requires_imds_v2 { "required" } else { "optional" },
        "instanceMetadataTags": "disabled",
        "state": "applied",
    })
}

/// Where an instance is and how it is reached; nothing of that is left of a terminated one but its zone.
fn place(instance: &Instance, here: &Region, region: &str, account: &str) -> Value {
    let interface = (!instance.is_gone()).then(|| here.interface_of(instance));
    let interface = interface.as_ref();
    let public_dns_name = interface.filter(|it| it.has_names).and(instance.public_ip.as_ref());
    let groups = interface.map_or(json!([]), |it| interfaces::groups_view(&it.security_groups, here));
    let zone = zones::zones(region).into_iter().find(|zone| zone.name == instance.zone);
    json!({
        "dnsName": public_dns_name.map_or_else(String::new, |ip| public_name(region, ip)),
        "groupSet": groups,
        "instanceState": state_view(instance.state),
        "ipAddress": instance.public_ip,
        "networkInterfaceSet": interface.map_or(json!([]), |it| json!([interfaces::view(it, here, region, account)])),
        "placement": {
            "availabilityZone": instance.zone,
            "availabilityZoneId": zone.map(|zone| zone.id),
            "groupName": "",
            "tenancy": "default",
        },
        "privateDnsName": interface.map_or_else(String::new, |it| private_name(region, &it.private_ip)),
        "privateDnsNameOptions": {
            "enableResourceNameDnsAAAARecord": false,
            "enableResourceNameDnsARecord": false,
            "hostnameType": "ip-name",
        },
        "privateIpAddress": interface.map(|it| &it.private_ip),
        "reason": instance.stopped.map_or_else(String::new, stopped_text),
        "sourceDestCheck": interface.map(|_| true),
        "stateReason": state_reason(instance.state),
        "subnetId": interface.map(|it| &it.subnet_id),
        "vpcId": interface.map(|it| &it.vpc_id),
    })
}

fn stopped_text(stopped: Timestamp) -> String {
    format!("User initiated ({})", stopped.strftime("%Y-%m-%d %H:%M:%S GMT"))
}

/// Why it does not run.
fn state_reason(state: InstanceState) -> Option<Value> {
    match state {
        InstanceState::Pending => Some(json!({ "code": "pending", "message": "pending" })),
        InstanceState::Running => None,
        InstanceState::ShuttingDown | InstanceState::Terminated => Some(json!({
            "code": "Client.UserInitiatedShutdown",
            "message": "Client.UserInitiatedShutdown: User initiated shutdown",
        })),
    }
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
    let profiles = profile_ids(&state);
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
            "iamInstanceProfile": profile_view(instance, &profiles),
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
            instance.stop(now);
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
