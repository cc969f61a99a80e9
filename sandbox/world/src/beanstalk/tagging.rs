//! The tags of what Beanstalk has, and those of an environment passed on to what it consists of.
//! Must know nothing of who asks.

use std::sync::Arc;

use super::environments::Caller;
use super::quotas::check_tags;
use super::workflow::Run;
use super::{Beanstalk, Made, resources};
use crate::scaling::{Sizes, Who};
use crate::settling::Settling;
use crate::{Refusal, Region, Tags, World};

impl Beanstalk {
    /// The tags of whatever has that ARN. Names are used again: of two environments with one ARN the living one is meant.
    fn tags_of(&mut self, arn: &str) -> Result<&mut Settling<Tags>, Refusal> {
        for application in self.applications.values_mut() {
            if application.arn == arn {
                return Ok(&mut application.tags);
            }
            if let Some(version) = application.versions.values_mut().find(|it| it.arn == arn) {
                return Ok(&mut version.tags);
            }
            if let Some(template) = application.templates.values_mut().find(|it| it.arn == arn) {
                return Ok(&mut template.tags);
            }
        }
        let mut environments = self.environments.values_mut().filter(|it| it.ended.is_none());
        let found = environments.find(|it| it.arn == arn).map(|it| &mut it.tags);
        found.ok_or_else(|| {
            let text = match arn.contains(":environment/") {
                true => "Environment does not exist".to_owned(),
                false => format!("Resource not found for ResourceArn '{arn}'."),
            };
            Refusal::with_status(404, "ResourceNotFoundException", text)
        })
    }
}

/// As ListTagsForResource: of an environment, Beanstalk's own too.
///
/// # Errors
/// Where nothing has that ARN.
pub fn seen(world: &World, region: &str, arn: &str) -> Result<Tags, Refusal> {
    let mut state = world.lock();
    let as_of = state.as_of(world.clock.now());
    let beanstalk = &mut state.region(region).beanstalk;
    let tags = beanstalk.tags_of(arn)?.seen(as_of).clone();
    let mut environments = beanstalk.environments.values();
    let environment = environments.find(|it| it.arn == arn && it.ended.is_none());
    Ok(environment.map_or_else(|| tags.clone(), |it| it.with_beanstalks(&tags)))
}

/// As UpdateTagsForResource.
///
/// # Errors
/// Where nothing has that ARN, and for tags that nobody may give.
pub fn update(world: &Arc<World>, caller: &Caller, arn: &str, added: &Tags, removed: &[String]) -> Result<(), Refusal> {
    check_tags(added)?;
    let now = world.clock.now();
    let mut state = world.lock();
    let as_of = state.as_of(now);
    let here = state.region(&caller.region);
    let tags = here.beanstalk.tags_of(arn)?;
    tags.keep(now, as_of);
    tags.retain(|key, _| !removed.contains(key));
    tags.extend(added.clone());
    let mut environments = here.beanstalk.environments.values();
    let found = environments
        .find(|it| it.arn == arn && it.ended.is_none())
        .map(|it| (it.id.clone(), it.made.clone(), resources::sizes(&it.settings)));
    if let Some((id, made, (min, max))) = found {
        pass_on(here, &made, added, removed);
        // The group's tags are its stack's to update, which sets its sizes, too (see `update`).
        let sizes = Sizes {
            min: Some(min),
            max: Some(max),
            desired: None,
        };
        let group = made.group.as_ref().and_then(|name| here.scaling.groups.get_mut(name));
        if let Some(group) = group {
            let _ = group.resize(sizes, Who::User, now);
        }
        tell(world, caller, &id);
    }
    Ok(())
}

/// Says when it is done, which the EB CLI waits for (awsebcli 3.27, `strings.py`, `tags.tag_update_successful`).
fn tell(world: &Arc<World>, caller: &Caller, id: &str) {
    let run = Run::new(world, &caller.region, id, &caller.request_id);
    world.spawn(async move {
        run.at(5.0).await;
        run.info("Environment tag update completed successfully.");
    });
}

/// Changes the tags of everything that was made for the environment, instances included.
fn pass_on(here: &mut Region, made: &Made, added: &Tags, removed: &[String]) {
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
