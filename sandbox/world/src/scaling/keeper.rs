//! Brings a group to its desired capacity: launches, retires, replaces what died.
//! Must know nothing of alarms; it only compares what is with what is wanted.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Group, LaunchSource, Lifecycle, Member, policies};
use crate::balancing::{Target, TargetState};
use crate::{State, World, clock, compute};

/// Sandbox seconds between two looks.
const PACE: u64 = 5;
/// Sandbox seconds after a launch that failed.
const RETRY: i64 = 60;

/// Keeps a group until it is deleted.
pub(crate) fn keep(world: &Arc<World>, region: &str, name: &str) {
    let (then, region, name) = (Arc::clone(world), region.to_owned(), name.to_owned());
    world.spawn(async move {
        while look(&then, &region, &name) {
            then.clock.sleep_seconds(PACE).await;
        }
    });
}

/// One look; `false` when the group is gone.
fn look(world: &Arc<World>, region: &str, name: &str) -> bool {
    let now = world.clock.now();
    let mut state = world.lock();
    replace_dead(world, &mut state, region, name, now);
    let scaling = &mut state.region(region).scaling;
    let is_scaling = scaling.is_scaling(name);
    let Some(group) = scaling.groups.get_mut(name) else {
        return false;
    };
    group.run_scheduled(now);
    policies::cool(group, is_scaling, now);
    let serving = i32::try_from(group.serving().count()).unwrap_or(i32::MAX);
    let may_launch = !group.suspended.contains("Launch") && group.not_before.is_none_or(|time| now >= time);
    let may_terminate = !group.suspended.contains("Terminate");
    let desired = group.desired;
    let reason = group.reason.clone();
    if serving < desired && may_launch {
        let time = clock::seconds_text(now);
        let replacements = std::mem::take(&mut group.to_replace);
        let replaced =
            format!("At {time} an instance was launched in response to an unhealthy instance needing to be replaced.");
        let wanted = format!(
            "{reason}  At {time} an instance was started in response to a difference between desired and actual \
             capacity, increasing the capacity from {serving} to {desired}."
        );
        for number in 0..desired - serving {
            let cause = if number < replacements { &replaced } else { &wanted };
            launch(world, &mut state, region, name, cause);
        }
    } else if serving > desired && may_terminate {
        for _ in desired..serving {
            shrink(world, &mut state, region, name, &reason, serving, desired);
        }
    }
    true
}

/// Members whose instance died leave the group. The check is EC2's: an application that answers badly stays
/// (Beanstalk's groups have health check type EC2; Beanstalk guide: environmentconfig-autoscaling-healthchecktype).
fn replace_dead(world: &Arc<World>, state: &mut State, region: &str, name: &str, now: Timestamp) {
    let here = state.region(region);
    let Some(group) = here.scaling.groups.get(name) else {
        return;
    };
    if group.suspended.contains("ReplaceUnhealthy") || group.suspended.contains("HealthCheck") {
        return;
    }
    let found = group.serving().filter_map(|member| {
        let instance = here.compute.instances.get(&member.instance_id);
        let why = match instance {
            Some(instance) if instance.is_impaired => "EC2 instance status checks failure",
            Some(instance) if instance.is_alive() => return None,
            _ => "EC2 health check indicating it has been terminated or stopped",
        };
        Some((member.clone(), why))
    });
    for (member, why) in found.collect::<Vec<_>>() {
        let id = &member.instance_id;
        if let Some(group) = here.scaling.groups.get_mut(name) {
            group.members.remove(id);
            group.to_replace += 1;
        }
        for targets in here.balancing.target_groups.values_mut() {
            targets.targets.remove(id);
        }
        let time = clock::seconds_text(now);
        let cause = format!("At {time} an instance was taken out of service in response to an {why}.");
        let description = format!("Terminating EC2 instance: {id}");
        let subnet = subnet_of(&here.compute, id);
        let place = (subnet.as_str(), member.zone.as_str());
        let activity = here.scaling.begin(name, description, cause, place, now);
        let (then, region, id) = (Arc::clone(world), region.to_owned(), id.clone());
        world.spawn(async move {
            compute::terminate(&then, &region, &id).await;
            let now = then.clock.now();
            then.lock()
                .region(&region)
                .scaling
                .end(&activity, "Successful", None, now);
        });
    }
}

fn subnet_of(compute: &compute::Compute, instance_id: &str) -> String {
    let instance = compute.instances.get(instance_id);
    instance.map(|instance| instance.subnet_id.clone()).unwrap_or_default()
}

/// The subnet of the group with the fewest members.
fn emptiest_subnet(state: &mut State, region: &str, group: &Group) -> Option<String> {
    let here = state.region(region);
    let crowd = |subnet: &&String| {
        let holds = |member: &&Member| {
            here.compute
                .instances
                .get(&member.instance_id)
                .is_some_and(|it| it.subnet_id == **subnet)
        };
        group.serving().filter(holds).count()
    };
    group.subnets.iter().min_by_key(crowd).cloned()
}

fn launch(world: &Arc<World>, state: &mut State, region: &str, name: &str, cause: &str) {
    let now = world.clock.now();
    let Some(group) = state.region(region).scaling.groups.get(name).cloned() else {
        return;
    };
    let mut tags = group.tags.clone();
    tags.retain(|key, _| !group.kept_tags.contains(key));
    tags.insert("aws:autoscaling:groupName".to_owned(), name.to_owned());
    if let LaunchSource::Template(id, _, version) = &group.launch {
        tags.insert("aws:ec2launchtemplate:id".to_owned(), id.clone());
        tags.insert("aws:ec2launchtemplate:version".to_owned(), version.to_string());
    }
    let subnet = emptiest_subnet(state, region, &group).unwrap_or_default();
    match compute::launch(world, state, region, &group.spec, &subnet, tags) {
        Ok(id) => join(world, state, region, &group, &id, cause),
        Err(refusal) => {
            let scaling = &mut state.region(region).scaling;
            let text = format!("{} Launching EC2 instance failed.", refusal.message);
            let activity = scaling.begin(
                name,
                // Two spaces, as AWS has it (AWS CLI's example of describe-scaling-activities).
                format!("Launching a new EC2 instance.  Status Reason: {text}"),
                cause.to_owned(),
                (&subnet, ""),
                now,
            );
            scaling.end(&activity, "Failed", Some(text), now);
            if let Some(group) = scaling.groups.get_mut(name) {
                group.not_before = Some(now + SignedDuration::from_secs(RETRY));
            }
        }
    }
}

fn join(world: &Arc<World>, state: &mut State, region: &str, group: &Group, id: &str, cause: &str) {
    let now = world.clock.now();
    let here = state.region(region);
    let subnet = subnet_of(&here.compute, id);
    let zone = here
        .compute
        .instances
        .get(id)
        .map(|instance| instance.zone.clone())
        .unwrap_or_default();
    let description = format!("Launching a new EC2 instance: {id}");
    let activity = here
        .scaling
        .begin(&group.name, description, cause.to_owned(), (&subnet, &zone), now);
    if let Some(group) = here.scaling.groups.get_mut(&group.name) {
        let member = Member {
            instance_id: id.to_owned(),
            lifecycle: Lifecycle::Pending,
            zone,
            instance_type: group.spec.instance_type.clone(),
            source: group.launch.clone(),
            joined: now,
        };
        group.members.insert(id.to_owned(), member);
    }
    if let Some(on_launch) = &group.on_launch {
        (on_launch.tell)(world, region, &on_launch.owner, id);
    }
    let (then, region, name, id) = (Arc::clone(world), region.to_owned(), group.name.clone(), id.to_owned());
    world.spawn(async move { enter_service(&then, &region, &name, &id, &activity).await });
}

/// Waits for the instance to run, then puts it behind the load balancer.
async fn enter_service(world: &Arc<World>, region: &str, name: &str, id: &str, activity: &str) {
    loop {
        world.clock.sleep_seconds(PACE).await;
        let now = world.clock.now();
        let mut state = world.lock();
        let here = state.region(region);
        let instance_state = here.compute.instances.get(id).map(|instance| instance.state);
        match instance_state {
            Some(compute::InstanceState::Pending) => {}
            Some(compute::InstanceState::Running) => {
                let Some(group) = here.scaling.groups.get_mut(name) else {
                    return;
                };
                if let Some(member) = group.members.get_mut(id)
                    && member.lifecycle == Lifecycle::Pending
                {
                    member.lifecycle = Lifecycle::InService;
                    for arn in group.target_groups.clone() {
                        register(state.region(region), &arn, id);
                    }
                }
                state.region(region).scaling.end(activity, "Successful", None, now);
                return;
            }
            _ => {
                here.scaling.end(activity, "Cancelled", None, now);
                return;
            }
        }
    }
}

/// Puts an instance into a target group, from where health checks go on.
pub(crate) fn register(here: &mut crate::Region, target_group: &str, instance_id: &str) {
    if let Some(group) = here.balancing.target_groups.get_mut(target_group) {
        let target = Target::new(instance_id, group.port);
        group.targets.insert(instance_id.to_owned(), target);
    }
}

/// Takes an instance out of target groups: it drains for their delay. Resolves when it is out.
pub(crate) async fn drain(world: &Arc<World>, region: &str, instance_id: &str) {
    let delay = {
        let mut state = world.lock();
        let groups = &mut state.region(region).balancing.target_groups;
        let mut delay = None;
        for group in groups.values_mut() {
            if let Some(target) = group.targets.get_mut(instance_id) {
                target.state = TargetState::Draining;
                target.reason = Some("Target.DeregistrationInProgress".to_owned());
                target.description = Some("Target deregistration is in progress".to_owned());
                delay = delay.max(Some(group.deregistration_delay));
            }
        }
        delay
    };
    let Some(delay) = delay else {
        return;
    };
    world.clock.sleep_seconds(delay.into()).await;
    let mut state = world.lock();
    for group in state.region(region).balancing.target_groups.values_mut() {
        let draining = |target: &Target| target.state == TargetState::Draining;
        if group.targets.get(instance_id).is_some_and(draining) {
            group.targets.remove(instance_id);
        }
    }
}

/// Picks one instance of the most crowded zone, the oldest first, as the default termination policy does.
fn shrink(world: &Arc<World>, state: &mut State, region: &str, name: &str, reason: &str, from: i32, to: i32) {
    let now = world.clock.now();
    let Some(group) = state.region(region).scaling.groups.get(name) else {
        return;
    };
    let crowd = |zone: &str| group.serving().filter(|member| member.zone == zone).count();
    let Some(victim) = group
        .serving()
        .max_by_key(|member| (crowd(&member.zone), std::cmp::Reverse(member.joined)))
    else {
        return;
    };
    let id = victim.instance_id.clone();
    let time = clock::seconds_text(now);
    let cause = format!(
        "{reason}  At {time} an instance was taken out of service in response to a difference between desired and \
         actual capacity, shrinking the capacity from {from} to {to}.  At {time} instance {id} was selected for \
         termination."
    );
    retire(world, state, region, name, &id, cause);
}

/// Ends a member: it drains, its processes end, it leaves the group.
pub fn retire(
    world: &Arc<World>,
    state: &mut State,
    region: &str,
    name: &str,
    id: &str,
    cause: String,
) -> Option<String> {
    let now = world.clock.now();
    let here = state.region(region);
    let subnet = subnet_of(&here.compute, id);
    let scaling = &mut here.scaling;
    let member = scaling.groups.get_mut(name)?.members.get_mut(id)?;
    if member.lifecycle == Lifecycle::Terminating {
        return None;
    }
    member.lifecycle = Lifecycle::Terminating;
    let zone = member.zone.clone();
    let description = format!("Terminating EC2 instance: {id}");
    let activity = scaling.begin(name, description, cause, (&subnet, &zone), now);
    let (then, region, name, id) = (Arc::clone(world), region.to_owned(), name.to_owned(), id.to_owned());
    let ended = activity.clone();
    world.spawn(async move {
        drain(&then, &region, &id).await;
        compute::terminate(&then, &region, &id).await;
        let now = then.clock.now();
        let mut state = then.lock();
        let scaling = &mut state.region(&region).scaling;
        if let Some(group) = scaling.groups.get_mut(&name) {
            group.members.remove(&id);
        }
        scaling.end(&ended, "Successful", None, now);
    });
    Some(activity)
}
