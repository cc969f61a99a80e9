//! Immutable rollouts: new instances in a group of their own, which take the place of the old ones if all are well.
//! Must know nothing of why; a version and a change of configuration come the same way (Beanstalk guide:
//! environmentmgmt-updates-immutable). The texts are those of public event logs (meteor-up/mup-aws-beanstalk#91).

use super::deployment::Wanted;
use super::replacement::{self, Recipe};
use super::resources::GROUP;
use super::rollout::{self, LAUNCH_PATIENCE, fleet_results, group_of, serving, wait_for_fleet};
use super::update::Outcome;
use super::workflow::Run;
use crate::clock;
use crate::scaling::{NewGroup, keeper};

/// Renews the whole fleet. With a recipe the new instances, and all later ones, are made by it.
pub(super) async fn renew(run: &Run, wanted: &Wanted, recipe: Option<Recipe>) -> Outcome {
    let Some(before) = run.snapshot() else {
        return Outcome::Failed;
    };
    let before = rollout::taking(&before, wanted);
    run.environment(|environment| {
        environment.abort = environment.abort.offered();
        environment.next = Some(wanted.clone());
    });
    run.info("Immutable deployment policy enabled. Launching one instance with the new settings to verify health.");
    let permanent = group_of(run);
    let Some(temporary) = make_group(run, &permanent, recipe.as_ref(), None) else {
        return Outcome::Failed;
    };
    run.info(format!("Created temporary auto scaling group {temporary}."));
    let mut outcome = wait_for_fleet(run, &temporary, &[], LAUNCH_PATIENCE).await;
    if outcome == Outcome::Done {
        run.info("Test instance passed health checks. Launching remaining new instances.");
        grow(run, &permanent, &temporary);
        outcome = wait_for_fleet(run, &temporary, &[], LAUNCH_PATIENCE).await;
    }
    if outcome == Outcome::Done {
        run.info("Successfully launched all instances.");
    }
    rollout::tell(run, &before, &fleet_results(run, &temporary)).await;
    run.environment(|environment| {
        environment.abort = environment.abort.withdrawn();
        environment.next = None;
    });
    if outcome != Outcome::Done || run.is_aborted() {
        discard(run, &temporary).await;
        return if outcome == Outcome::Failed {
            outcome
        } else {
            Outcome::Aborted
        };
    }
    if let Some(recipe) = &recipe {
        replacement::use_recipe(run, recipe);
    }
    let old = serving(run);
    take_over(run, &permanent, &temporary, &old);
    // A single instance has the environment's address.
    if let [first, ..] = serving(run).as_slice() {
        run.site(|site| site.bind_address(first));
    }
    run.info(format!(
        "Detached new instance(s) from temporary auto scaling group {temporary}."
    ));
    run.info(format!(
        "Attached new instance(s) to the permanent auto scaling group {permanent}."
    ));
    run.info("Deployment succeeded. Terminating old instances and temporary Auto Scaling group.");
    rollout::wait_until_gone(run, &permanent, &old).await;
    Outcome::Done
}

/// A group of one instance that is otherwise as the permanent one, but for a target group of its own where it has one. Its instances
/// run what is new.
pub(super) fn make_group(run: &Run, permanent: &str, recipe: Option<&Recipe>, targets: Option<&str>) -> Option<String> {
    let now = run.world.clock.now();
    let account = run.world.lock().account.clone();
    let name = run.region(|here| {
        let model = here.scaling.groups.get(permanent)?.clone();
        let stack = here.beanstalk.environments.get(&run.id)?.id.clone();
        let serial = crate::ids::capitals(12);
        let name = format!("awseb-{stack}-immutable-stack-{}-{serial}", GROUP.0);
        let ids = |recipe: &Recipe| recipe.subnets.iter().map(|it| it.id.clone()).collect();
        let zones = |recipe: &Recipe| recipe.subnets.iter().map(|it| it.zone.clone()).collect();
        let new = NewGroup {
            name: name.clone(),
            min: 1,
            max: model.max,
            cooldown: model.cooldown,
            subnets: recipe.map_or(model.subnets, ids),
            zones: recipe.map_or(model.zones, zones),
            spec: recipe.map_or(model.spec, |recipe| recipe.spec.clone()),
            launch: recipe.map_or(model.launch, |recipe| recipe.launch.clone()),
            target_groups: targets.map_or(model.target_groups, |own| vec![own.to_owned()]),
            tags: model.tags,
            on_launch: model.on_launch,
        };
        here.scaling.create_group(&run.region, &account, new, now);
        Some(name)
    })?;
    keeper::keep(&run.world, &run.region, &name);
    Some(name)
}

/// As many as the permanent group wants.
pub(super) fn grow(run: &Run, permanent: &str, temporary: &str) {
    let time = clock::seconds_text(run.world.clock.now());
    run.region(|here| {
        let desired = here
            .scaling
            .groups
            .get(permanent)
            .map_or(1, |group| group.desired)
            .max(1);
        if let Some(group) = here.scaling.groups.get_mut(temporary) {
            group.max = group.max.max(desired);
            let reason = format!(
                "At {time} a user request explicitly set group desired capacity changing the desired capacity from {} \
                 to {desired}.",
                group.desired
            );
            group.want(desired, reason);
        }
    });
}

/// The new members change the group and the old ones leave it in one step, so that no keeper sees too many.
pub(super) fn take_over(run: &Run, permanent: &str, temporary: &str, old: &[String]) {
    let time = clock::seconds_text(run.world.clock.now());
    let mut state = run.world.lock();
    let here = state.region(&run.region);
    let Some(emptied) = here.scaling.groups.remove(temporary) else {
        return;
    };
    for id in emptied.members.keys() {
        if let Some(instance) = here.compute.instances.get_mut(id) {
            let tag = "aws:autoscaling:groupName".to_owned();
            instance.tags.insert(tag, permanent.to_owned());
        }
    }
    if let Some(group) = here.scaling.groups.get_mut(permanent) {
        group.members.extend(emptied.members);
    }
    for id in old {
        let cause = format!("At {time} instance {id} was taken out of service in response to a user request.");
        keeper::retire(&run.world, &mut state, &run.region, permanent, id, cause);
    }
}

/// What did not pass goes, and the old instances never noticed. No source verifies this text.
pub(super) async fn discard(run: &Run, temporary: &str) {
    run.info(format!(
        "Terminating the new instance(s) and the temporary Auto Scaling group {temporary}."
    ));
    super::terminate::empty_group(run, temporary).await;
}
