//! Instances.

use std::sync::Arc;

use winterbaume_ec2_generated::{model as m, wire};

use super::super::page::page;
use super::{all_known, filters, not_found, tag_list};
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

fn state_view(state: InstanceState) -> m::InstanceState {
    m::InstanceState {
        code: Some(state.code()),
        name: Some(state.as_str().to_owned()),
    }
}

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeInstancesRequest = call.query()?;
    let ids = request.instance_ids.map(|list| list.items);
    let now = world.clock.now();
    let mut state = world.lock();
    let account = state.account.clone();
    let here = state.region(&call.region);
    let mut all: Vec<_> = here.compute.listed(now).collect();
    all_known(ids.as_ref(), |id| all.iter().any(|it| it.id == id), refuse)?;
    all.retain(|it| ids.as_ref().is_none_or(|ids| ids.contains(&it.id)));
    let chosen = filters::select(
        all,
        request.filters,
        FILTERS,
        |it, name| values(it, name),
        |it| it.tags.clone(),
    )?;
    let (chosen, next_token) = page(chosen, request.max_results, request.next_token.as_deref())?;
    let reservation = |instance: &Instance| m::Reservation {
        groups: Some(Vec::new().into()),
        instances: Some(vec![view(instance, &here.network, &call.region)].into()),
        owner_id: Some(account.clone()),
        requester_id: None,
        reservation_id: Some(instance.reservation_id.clone()),
    };
    let result = m::DescribeInstancesResult {
        next_token,
        reservations: Some(chosen.into_iter().map(reservation).collect()),
    };
    Ok(wire::serialize_describe_instances_response(&result).into())
}

fn view(instance: &Instance, network: &Network, region: &str) -> m::Instance {
    let dash = |ip: &String| ip.replace('.', "-");
    let domain = if region == "us-east-1" {
        "compute-1".to_owned()
    } else {
        format!("{region}.compute")
    };
    let group = |id: &String| m::GroupIdentifier {
        group_id: Some(id.clone()),
        group_name: network.security_groups.get(id).map(|group| group.name.clone()),
    };
    m::Instance {
        ami_launch_index: Some(0),
        architecture: images::find(&instance.image_id).map(|image| image.architecture.to_owned()),
        block_device_mappings: Some(Vec::new().into()),
        ebs_optimized: Some(false),
        ena_support: Some(true),
        hypervisor: Some("xen".to_owned()),
        iam_instance_profile: instance.profile_arn.clone().map(|arn| m::IamInstanceProfile {
            arn: Some(arn),
            id: None,
        }),
        image_id: Some(instance.image_id.clone()),
        instance_id: Some(instance.id.clone()),
        instance_type: Some(instance.instance_type.clone()),
        key_name: instance.key_name.clone(),
        launch_time: Some(text(instance.launched)),
        monitoring: Some(m::Monitoring {
            state: Some(
                if instance.detailed_monitoring {
                    "enabled"
                } else {
                    "disabled"
                }
                .to_owned(),
            ),
        }),
        placement: Some(m::Placement {
            availability_zone: Some(instance.zone.clone()),
            ..m::Placement::default()
        }),
        private_dns_name: Some(format!("ip-{}.ec2.internal", dash(&instance.private_ip))),
        private_ip_address: Some(instance.private_ip.clone()),
        public_dns_name: instance
            .public_ip
            .as_ref()
            .map(|ip| format!("ec2-{}.{domain}.amazonaws.com", dash(ip))),
        public_ip_address: instance.public_ip.clone(),
        root_device_name: Some("/dev/xvda".to_owned()),
        root_device_type: Some("ebs".to_owned()),
        security_groups: Some(instance.security_groups.iter().map(group).collect()),
        source_dest_check: Some(true),
        state: Some(state_view(instance.state)),
        subnet_id: Some(instance.subnet_id.clone()),
        tags: Some(tag_list(&instance.tags)),
        virtualization_type: Some("hvm".to_owned()),
        vpc_id: Some(instance.vpc_id.clone()),
        ..m::Instance::default()
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

fn check_view((status, reachability): (&str, Option<&str>)) -> m::InstanceStatusSummary {
    let detail = |status: &str| m::InstanceStatusDetails {
        name: Some("reachability".to_owned()),
        status: Some(status.to_owned()),
        ..m::InstanceStatusDetails::default()
    };
    let details: Vec<_> = reachability.map(detail).into_iter().collect();
    m::InstanceStatusSummary {
        details: Some(details.into()),
        status: Some(status.to_owned()),
    }
}

/// Of running instances, unless all are asked for.
pub(super) fn describe_status(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeInstanceStatusRequest = call.query()?;
    let ids = request.instance_ids.map(|list| list.items);
    let everything = request.include_all_instances == Some(true);
    let now = world.clock.now();
    let mut state = world.lock();
    let mut all: Vec<_> = state.region(&call.region).compute.listed(now).collect();
    all_known(ids.as_ref(), |id| all.iter().any(|it| it.id == id), refuse)?;
    all.retain(|it| {
        ids.as_ref().is_none_or(|ids| ids.contains(&it.id)) && (everything || it.state == InstanceState::Running)
    });
    let names = [
        "instance-state-name",
        "instance-state-code",
        "availability-zone",
        "instance-status.status",
        "system-status.status",
    ];
    let by = |it: &&Instance, name: &str| match name {
        "instance-status.status" => vec![check(it, it.is_impaired).0.to_owned()],
        "system-status.status" => vec![check(it, false).0.to_owned()],
        _ => values(it, name),
    };
    let chosen = filters::select(all, request.filters, &names, by, |it| it.tags.clone())?;
    let (chosen, next_token) = page(chosen, request.max_results, request.next_token.as_deref())?;
    let view = |instance: &Instance| m::InstanceStatus {
        availability_zone: Some(instance.zone.clone()),
        instance_id: Some(instance.id.clone()),
        instance_state: Some(state_view(instance.state)),
        instance_status: Some(check_view(check(instance, instance.is_impaired))),
        system_status: Some(check_view(check(instance, false))),
        ..m::InstanceStatus::default()
    };
    let result = m::DescribeInstanceStatusResult {
        instance_statuses: Some(chosen.into_iter().map(view).collect()),
        next_token,
    };
    Ok(wire::serialize_describe_instance_status_response(&result).into())
}

pub(super) fn describe_profile_associations(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeIamInstanceProfileAssociationsRequest = call.query()?;
    let ids = request.association_ids.map(|list| list.items);
    let mut state = world.lock();
    let instances = state.region(&call.region).compute.instances.values();
    // An association is derived of its instance, and so is its id.
    let association = |instance: &Instance| instance.id.replacen("i-", "iip-assoc-", 1);
    let all: Vec<_> = instances
        .filter(|it| it.is_alive() && it.profile_arn.is_some())
        .filter(|it| ids.as_ref().is_none_or(|ids| ids.contains(&association(it))))
        .collect();
    let by = |it: &&Instance, name: &str| match name {
        "instance-id" => vec![it.id.clone()],
        _ => vec!["associated".to_owned()],
    };
    let chosen = filters::select(all, request.filters, &["instance-id", "state"], by, filters::no_tags)?;
    let (chosen, next_token) = page(chosen, request.max_results, request.next_token.as_deref())?;
    let view = |instance: &Instance| m::IamInstanceProfileAssociation {
        association_id: Some(association(instance)),
        iam_instance_profile: Some(m::IamInstanceProfile {
            arn: instance.profile_arn.clone(),
            id: None,
        }),
        instance_id: Some(instance.id.clone()),
        state: Some("associated".to_owned()),
        timestamp: None,
    };
    let result = m::DescribeIamInstanceProfileAssociationsResult {
        iam_instance_profile_associations: Some(chosen.into_iter().map(view).collect()),
        next_token,
    };
    Ok(wire::serialize_describe_iam_instance_profile_associations_response(&result).into())
}

pub(super) fn terminate(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::TerminateInstancesRequest = call.query()?;
    let ids = request.instance_ids.items;
    let now = world.clock.now();
    let mut changes = Vec::new();
    {
        let mut state = world.lock();
        let compute = &mut state.region(&call.region).compute;
        all_known(Some(&ids), |id| compute.listed(now).any(|it| it.id == id), refuse)?;
        for id in &ids {
            let Some(instance) = compute.instances.get_mut(id) else {
                continue;
            };
            let before = instance.state;
            if instance.is_alive() {
                instance.state = InstanceState::ShuttingDown;
            }
            changes.push(m::InstanceStateChange {
                current_state: Some(state_view(instance.state)),
                instance_id: Some(instance.id.clone()),
                previous_state: Some(state_view(before)),
            });
        }
    }
    for id in ids {
        let (then, region) = (Arc::clone(world), call.region.clone());
        world.spawn(async move { compute::terminate(&then, &region, &id).await });
    }
    let result = m::TerminateInstancesResult {
        terminating_instances: Some(changes.into()),
    };
    Ok(wire::serialize_terminate_instances_response(&result).into())
}
