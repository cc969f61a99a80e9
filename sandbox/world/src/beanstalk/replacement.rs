//! Configuration changes that need other instances: all at once, in batches, or beside the old ones.
//! Must know nothing of the resources beside the instances.

use jiff::SignedDuration;

use super::catalogue::ROLLING;
use super::deployment::Wanted;
use super::places::places;
use super::resources::{self, Site};
use super::rollout::{self, LAUNCH_PATIENCE, group_of, serving, wait_for_fleet};
use super::settings::Settings;
use super::update::{self, Change, Outcome};
use super::workflow::Run;
use super::{Environment, immutable};
use crate::compute::InstanceSpec;
use crate::network::Subnet;
use crate::scaling::LaunchSource;

/// Seconds between batches by time, where none are given; AWS derives them from the platform and the type.
const PAUSE: u64 = 300;

/// What new instances are made of.
pub(super) struct Recipe {
    pub spec: InstanceSpec,
    pub launch: LaunchSource,
    pub subnets: Vec<Subnet>,
}

/// Gives the group what new instances are made of, then replaces the old ones: in batches if rolling updates are on,
/// else all at once, which is the raw API's default and takes the site down (Beanstalk guide: command-options-general).
pub(super) async fn replace(run: &Run, change: &Change, wanted: &Wanted) -> Outcome {
    let recipe = match recipe(run, &change.settings, &change.caller) {
        Ok(recipe) => recipe,
        Err(why) => {
            run.error(why);
            return Outcome::Failed;
        }
    };
    let settings = &change.settings;
    let rolling = settings.is_true(ROLLING, "RollingUpdateEnabled");
    if rolling && settings.get(ROLLING, "RollingUpdateType") == Some("Immutable") {
        return immutable::renew(run, wanted, Some(recipe)).await;
    }
    if let Some(why) = rolling.then(|| not_rolling(run)).flatten() {
        run.error(why);
        return Outcome::Failed;
    }
    run.environment(|environment| environment.next = Some(wanted.clone()));
    use_recipe(run, &recipe);
    // Of another platform no option tells.
    let now = run.world.clock.now();
    run.site(|site| update::resize_group(site, settings, now));
    run.info("Updating environment's Auto Scaling group: instances will be replaced.");
    if rolling {
        run.environment(|environment| environment.abort = environment.abort.offered());
        return in_batches(run, settings).await;
    }
    let (group, old) = (group_of(run), serving(run));
    rollout::retire(run, &group, &old, None);
    let outcome = wait_for_fleet(run, &group, &old, LAUNCH_PATIENCE).await;
    rollout::wait_until_gone(run, &group, &old).await;
    judge(run, outcome)
}

/// Why CloudFormation does not replace instances in batches: of a whole replacement it says nothing.
fn not_rolling(run: &Run) -> Option<String> {
    let name = group_of(run);
    let why = run.region(|here| here.scaling.groups.get(&name).and_then(|group| group.not_rolling()));
    why.map(|why| format!("Updating Auto Scaling group named: {name} failed Reason: {why}"))
}

fn judge(run: &Run, outcome: Outcome) -> Outcome {
    if outcome == Outcome::Failed {
        run.error("Failed to replace instances: the new ones did not become healthy in time.");
    }
    outcome
}

/// As CloudFormation's rolling update does it: more instances first, where fewer than the minimum would serve.
async fn in_batches(run: &Run, settings: &Settings) -> Outcome {
    let (group, old) = (group_of(run), serving(run));
    let size = batch_size(settings);
    let extra = additional(settings, old.len(), size.min(old.len()));
    let desired = rollout::wants(run, &group);
    if extra > 0 {
        rollout::grow(run, &group, desired + whole(extra));
        let grown = wait_for_fleet(run, &group, &[], timeout(settings)).await;
        if grown != Outcome::Done {
            return judge(run, grown);
        }
    }
    let mut left = old.as_slice();
    let mut done = 0;
    while !left.is_empty() {
        if run.is_aborted() {
            return Outcome::Aborted;
        }
        let (batch, rest) = left.split_at(size.min(left.len()));
        done += 1;
        run.info(format!("Batch {done}: Replacing instance(s) [{}].", batch.join(", ")));
        rollout::retire(run, &group, batch, rest.is_empty().then_some(desired));
        let outcome = settle(run, settings, &group, batch).await;
        if outcome != Outcome::Done {
            return judge(run, outcome);
        }
        left = rest;
    }
    Outcome::Done
}

/// `Health` waits for the new instances, `Time` only for a pause.
async fn settle(run: &Run, settings: &Settings, group: &str, batch: &[String]) -> Outcome {
    if settings.get(ROLLING, "RollingUpdateType") == Some("Health") {
        let outcome = wait_for_fleet(run, group, batch, timeout(settings)).await;
        rollout::wait_until_gone(run, group, batch).await;
        return outcome;
    }
    let pause = duration(settings, "PauseTime");
    let seconds = pause.map_or(PAUSE, |pause| pause.as_secs().unsigned_abs());
    run.world.clock.sleep_seconds(seconds).await;
    Outcome::Done
}

fn duration(settings: &Settings, name: &str) -> Option<SignedDuration> {
    settings.get(ROLLING, name)?.parse().ok()
}

/// Seconds that a batch may take to be healthy before the update is cancelled (Beanstalk guide: command-options-general).
fn timeout(settings: &Settings) -> i64 {
    duration(settings, "Timeout").map_or(LAUNCH_PATIENCE, |timeout| timeout.as_secs())
}

/// `MaxBatchSize`: by default a third of the group's minimum, rounded up.
fn batch_size(settings: &Settings) -> usize {
    let third = usize::try_from(resources::sizes(settings).0).unwrap_or(1).div_ceil(3);
    let given = settings.get(ROLLING, "MaxBatchSize").and_then(|size| size.parse().ok());
    given.unwrap_or(third).max(1)
}

/// `MinInstancesInService`: by default the group's minimum, or one less than its maximum if that is less.
fn additional(settings: &Settings, serving: usize, batch: usize) -> usize {
    let (min, max) = resources::sizes(settings);
    let size = |number: i32| usize::try_from(number).unwrap_or_default();
    let given = settings
        .get(ROLLING, "MinInstancesInService")
        .and_then(|number| number.parse::<usize>().ok());
    let least = given.unwrap_or_else(|| size(min.min(max - 1)));
    let missing = (least + batch).saturating_sub(serving);
    missing.min(size(max).saturating_sub(serving)).min(batch)
}

fn whole(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A new version of the launch template, or another launch configuration, by those settings.
fn recipe(run: &Run, settings: &Settings, caller: &str) -> Result<Recipe, String> {
    let profile = resources::instance_profile(&run.world, settings)?;
    let places = run.region(|here| places(here, settings))?;
    let has_template = run.snapshot().is_some_and(|it| it.made.launch_template.is_some());
    let needs_configuration = !has_template && !resources::wants_template(settings);
    if needs_configuration && run.world.lock().gates.launch_configurations {
        return Err(super::launch::NO_LAUNCH_CONFIGURATIONS.to_owned());
    }
    let made = run.site(|site| {
        site.environment.settings = settings.clone();
        let spec = site.spec(Some(profile));
        let launch = source(site, &spec, caller);
        (spec, launch)
    });
    let (spec, launch) = made.ok_or("The environment is gone")?;
    Ok(Recipe {
        spec,
        launch,
        subnets: places.instances,
    })
}

/// Once on a template an environment never goes back (Beanstalk guide: environments-cfg-autoscaling-launch-templates).
fn source(site: &mut Site, spec: &InstanceSpec, caller: &str) -> LaunchSource {
    let id = site.environment.made.launch_template.clone();
    let template = id.and_then(|id| site.here.compute.launch_templates.get_mut(&id));
    if let Some(template) = template {
        template.versions.push(spec.clone());
        return LaunchSource::Template(template.id.clone(), template.name.clone(), template.versions.len());
    }
    if resources::wants_template(&site.environment.settings) {
        return site.make_launch_template(spec.clone(), caller);
    }
    site.make_launch_configuration(spec.clone())
}

/// From here on the group's new instances are made by it.
pub(super) fn use_recipe(run: &Run, recipe: &Recipe) {
    let name = group_of(run);
    run.region(|here| {
        if let Some(group) = here.scaling.groups.get_mut(&name) {
            group.spec = recipe.spec.clone();
            group.launch = recipe.launch.clone();
            group.subnets = recipe.subnets.iter().map(|subnet| subnet.id.clone()).collect();
            group.zones = recipe.subnets.iter().map(|subnet| subnet.zone.clone()).collect();
        }
    });
}

/// Instances that were made for a change that is taken back make place for others.
pub(super) async fn bring_back(run: &Run, before: &Environment, change: &Change) {
    let Ok(recipe) = recipe(run, &before.settings, &change.caller) else {
        return;
    };
    let group = group_of(run);
    use_recipe(run, &recipe);
    let strangers: Vec<_> = serving(run)
        .into_iter()
        .filter(|id| {
            let deployment = run.snapshot().and_then(|it| it.deployments.get(id).cloned());
            deployment.is_none_or(|it| it.is_other_than(before, id))
        })
        .collect();
    run.environment(|environment| environment.deployment_id = before.deployment_id);
    // Whatever was added on the way goes with the strangers.
    rollout::retire(run, &group, &strangers, Some(change.capacity));
    rollout::wait_until_gone(run, &group, &strangers).await;
    // A launch that was refused until here is no failure of this: the group tried what is taken back, or the strangers
    // still counted against the quota.
    let run = &run.next_part();
    // Whether it succeeds shows in the health: there is nothing left to go back to.
    wait_for_fleet(run, &group, &strangers, LAUNCH_PATIENCE).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_half_an_hour_or_what_was_said() {
        let mut settings = Settings::default();
        assert_eq!(timeout(&settings), 1800);
        settings.set(ROLLING, "Timeout", "PT5M");
        assert_eq!(timeout(&settings), 300);
    }
}
