//! New tags of an environment, passed on to what it consists of.
//! Must know nothing of who asks.

use std::sync::Arc;

use super::Made;
use super::environments::Caller;
use super::workflow::Run;
use crate::{Region, Tags, World};

/// Says when it is done, which the EB CLI waits for (awsebcli 3.27, `strings.py`, `tags.tag_update_successful`).
pub fn tell(world: &Arc<World>, caller: &Caller, id: &str) {
    let run = Run::new(world, &caller.region, id, &caller.request_id);
    world.spawn(async move {
        run.at(5.0).await;
        run.info("Environment tag update completed successfully.");
    });
}

/// Changes the tags of everything that was made for the environment, instances included.
pub fn pass_on(here: &mut Region, made: &Made, added: &Tags, removed: &[String]) {
    let change = |tags: &mut Tags| {
        tags.retain(|key, _| !removed.contains(key));
        tags.extend(added.clone());
    };
    let of_ec2 = [
        &made.security_group,
        &made.balancer_security_group,
        &made.launch_template,
        &made.address,
    ];
    let members = made.group.as_ref().and_then(|name| here.scaling.groups.get(name));
    let instances = members.into_iter().flat_map(|group| group.members.keys().cloned());
    let ids: Vec<_> = of_ec2.into_iter().flatten().cloned().chain(instances).collect();
    for id in ids {
        if let Some(tags) = here.network.tags_mut(&id) {
            change(tags);
        } else if let Some(tags) = here.compute.tags_mut(&id) {
            change(tags);
        }
    }
    let name = |part: &Option<String>| part.clone().unwrap_or_default();
    if let Some(group) = here.scaling.groups.get_mut(&name(&made.group)) {
        change(&mut group.tags);
    }
    if let Some(balancer) = here.balancing.load_balancers.get_mut(&name(&made.load_balancer)) {
        change(&mut balancer.tags);
    }
    if let Some(targets) = here.balancing.target_groups.get_mut(&name(&made.target_group)) {
        change(&mut targets.tags);
    }
    for alarm in [&made.high_alarm, &made.low_alarm] {
        if let Some(alarm) = here.monitoring.alarms.get_mut(&name(alarm)) {
            change(&mut alarm.tags);
        }
    }
    if let Some(topic) = here.notifications.topics.get_mut(&name(&made.topic)) {
        change(&mut topic.tags);
    }
    if let Some(stack) = here.stacks.find_mut(&name(&made.stack)) {
        change(&mut stack.tags);
    }
}
