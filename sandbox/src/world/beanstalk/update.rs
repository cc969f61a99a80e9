//! UpdateEnvironment's workflow: changes resources whose options changed, deploys in batches, replaces instances.
//! A resource whose stored option did not change is left alone, whatever became of it behind Beanstalk's back (H16).

use futures_util::future::join_all;
use jiff::Timestamp;

use super::catalogue::{ASG, BALANCER, COMMAND, Effect, HEALTH_LOGS, LAUNCH, LOGS, PROCESS, ROLLING, TOPICS, TRIGGER};
use super::deployment::{self, Wanted};
use super::launch::{self, Results};
use super::platforms::Platform;
use super::resources::{self, HIGH, LOW, Site};
use super::settings::Settings;
use super::workflow::Run;
use super::{Environment, Status, health};
use crate::world::clock;
use crate::world::scaling::{LaunchSource, Sizes, keeper};

/// Beanstalk adds this to the command time-out (facts/eb.md §1.9).
const COMMAND_MARGIN: i64 = 240;

/// What an update is to change.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub label: Option<String>,
    /// All of them, as they are to be.
    pub settings: Settings,
    pub platform: Option<Platform>,
}

pub(super) async fn update(run: Run, change: Change) {
    run.info("Environment update is starting.");
    let Some(before) = run.snapshot() else {
        return;
    };
    run.at(5.0).await;
    let options = before.settings.changes(&change.settings);
    if !options.is_empty() {
        run.info(format!(
            "Updating environment {}'s configuration settings.",
            before.name
        ));
        run.stack("UPDATE_IN_PROGRESS", Some("User Initiated"));
        change_resources(&run, &change.settings, &options);
    }
    let mut effect = Settings::effect_of(&options);
    if change.platform.is_some() {
        effect = Some(Effect::RestartEnvironment);
    }
    let done = match effect {
        Some(Effect::RestartEnvironment | Effect::Fixed) => replace_instances(&run, &change).await,
        Some(Effect::RestartApplicationServer) => redeploy(&run, &before, &change).await,
        Some(Effect::NoInterruption) | None if change.label.is_some() => redeploy(&run, &before, &change).await,
        Some(Effect::NoInterruption) | None => true,
    };
    run.at(30.0).await;
    if done {
        succeed(&run, change, !options.is_empty());
    } else {
        fail(&run, &before, &change, !options.is_empty()).await;
    }
    run.set_status(Status::Ready);
    health::look(&run);
}

fn succeed(run: &Run, change: Change, options: bool) {
    if options {
        run.stack("UPDATE_COMPLETE", None);
        run.info("Successfully deployed new configuration to environment.");
    }
    if change.label.is_some() {
        run.info("New application version was deployed to running EC2 instances.");
    }
    run.environment(|environment| {
        environment.version_label = change.label.or(environment.version_label.take());
        environment.settings = change.settings;
        environment.draft = None;
        if let Some(platform) = change.platform {
            environment.platform = platform;
        }
    });
    run.info("Environment update completed successfully.");
}

/// A failed version stays on the instances that took it (H25); a failed configuration is taken back.
async fn fail(run: &Run, before: &Environment, change: &Change, options: bool) {
    if change.label.is_some() {
        run.error("Failed to deploy application.");
    }
    if options {
        run.error("Failed to deploy configuration.");
        run.stack("UPDATE_ROLLBACK_IN_PROGRESS", None);
        let back = change.settings.changes(&before.settings);
        change_resources(run, &before.settings, &back);
        run.environment(|environment| environment.draft = Some(("failed", change.settings.clone())));
        if change.label.is_none() {
            let wanted = Wanted::of(before);
            let instances = serving(run);
            join_all(instances.iter().map(|id| deployment::deploy(run, id, &wanted))).await;
        }
        run.stack("UPDATE_ROLLBACK_COMPLETE", None);
        run.error("The environment was reverted to the previous configuration setting.");
    }
    run.error(
        "Update environment operation is complete, but with errors. For more information, see troubleshooting \
         documentation.",
    );
}

/// Whether one of these options is among the changes.
fn touches(options: &[(String, String)], namespace: &str) -> bool {
    options.iter().any(|(of, _)| of == namespace)
}

/// Brings the resources beside the instances to what the changed options say.
fn change_resources(run: &Run, settings: &Settings, options: &[(String, String)]) {
    let now = run.world.clock.now();
    run.site(|site| {
        site.environment.settings = settings.clone();
        if touches(options, ASG) {
            resize_group(site, settings, now);
        }
        if touches(options, TRIGGER) {
            change_triggers(site, settings);
        }
        if touches(options, PROCESS) {
            change_targets(site, settings);
        }
        if touches(options, LAUNCH) {
            change_launches(site, settings);
        }
        if touches(options, BALANCER) {
            change_balancer(site, settings);
        }
        if touches(options, TOPICS) {
            if let Some(arn) = site.environment.made.topic.take() {
                site.here.notifications.topics.remove(&arn);
            }
            site.make_topic();
        }
        if touches(options, LOGS) || touches(options, HEALTH_LOGS) {
            site.make_log_groups();
        }
    });
}

fn resize_group(site: &mut Site, settings: &Settings, now: Timestamp) {
    let name = site.environment.made.group.clone().unwrap_or_default();
    if let Some(group) = site.here.scaling.groups.get_mut(&name) {
        let (min, max) = resources::sizes(settings);
        let sizes = Sizes {
            min: Some(min),
            max: Some(max),
            desired: None,
        };
        // The settings were checked: bounds that contradict each other do not get here.
        let _ = group.resize(sizes, now);
        group.cooldown = i32::try_from(settings.whole(ASG, "Cooldown")).unwrap_or(group.cooldown);
    }
}

fn change_triggers(site: &mut Site, settings: &Settings) {
    let made = site.environment.made.clone();
    let triggers = [
        (HIGH, made.high_alarm, made.up_policy, "UpperBreachScaleIncrement"),
        (LOW, made.low_alarm, made.down_policy, "LowerBreachScaleIncrement"),
    ];
    for (part, alarm, policy, increment) in triggers {
        if let (Some(alarm), Some(policy)) = (alarm, policy) {
            site.put_alarm(part, &alarm, &policy);
            if let Some(policy) = site.here.scaling.policies.get_mut(&policy) {
                policy.adjustment = i32::try_from(settings.whole(TRIGGER, increment)).unwrap_or(1);
            }
        }
    }
}

fn change_targets(site: &mut Site, settings: &Settings) {
    let arn = site.environment.made.target_group.clone().unwrap_or_default();
    if let Some(targets) = site.here.balancing.target_groups.get_mut(&arn) {
        targets.check = resources::health_check(settings);
        targets.deregistration_delay = resources::seconds(settings.whole(PROCESS, "DeregistrationDelay"));
    }
}

fn change_launches(site: &mut Site, settings: &Settings) {
    if let Some(group) = site.environment.made.security_group.clone() {
        site.open_ssh(&group, settings);
    }
    let name = site.environment.made.group.clone().unwrap_or_default();
    if let Some(group) = site.here.scaling.groups.get_mut(&name) {
        group.spec.detailed_monitoring = settings.get(LAUNCH, "MonitoringInterval") == Some("1 minute");
    }
}

fn change_balancer(site: &mut Site, settings: &Settings) {
    let arn = site.environment.made.load_balancer.clone().unwrap_or_default();
    if let Some(balancer) = site.here.balancing.load_balancers.get_mut(&arn) {
        balancer.idle_timeout = resources::idle_timeout(settings);
    }
}

fn serving(run: &Run) -> Vec<String> {
    let group = run
        .snapshot()
        .and_then(|environment| environment.made.group)
        .unwrap_or_default();
    run.region(|here| {
        let members = here
            .scaling
            .groups
            .get(&group)
            .into_iter()
            .flat_map(|group| group.serving());
        members.map(|member| member.instance_id.clone()).collect()
    })
}

/// How many instances at a time: all, or a batch.
fn batch_size(settings: &Settings, total: usize) -> usize {
    if settings.get(COMMAND, "DeploymentPolicy") != Some("Rolling") {
        return total.max(1);
    }
    let size = usize::try_from(settings.whole(COMMAND, "BatchSize")).unwrap_or(1);
    if settings.get(COMMAND, "BatchSizeType") == Some("Fixed") {
        return size.clamp(1, total.max(1));
    }
    (total * size).div_ceil(100).clamp(1, total.max(1))
}

/// Runs the version or the properties on the instances that there are, batch by batch.
async fn redeploy(run: &Run, before: &Environment, change: &Change) -> bool {
    let id = run.environment(|environment| {
        environment.deployment_id += 1;
        environment.request_id = run.request_id.clone();
        environment.deployment_id
    });
    let wanted = Wanted {
        label: change
            .label
            .clone()
            .or_else(|| before.version_label.clone())
            .unwrap_or_default(),
        deployment_id: id.unwrap_or(1),
        settings: change.settings.clone(),
    };
    let instances = serving(run);
    let size = batch_size(&change.settings, instances.len());
    let rolling = size < instances.len() || change.settings.get(COMMAND, "DeploymentPolicy") == Some("Rolling");
    run.info("Deploying new version to instance(s).");
    let mut all = Results::new();
    let mut healthy = true;
    for (index, batch) in instances.chunks(size).enumerate() {
        if rolling {
            let list = batch.join(", ");
            run.info(format!(
                "Batch {}: Starting application deployment on instance(s) [{list}].",
                index + 1
            ));
        }
        let (results, passed) = deploy_batch(run, batch, &wanted, rolling).await;
        let failed = results.iter().any(|(_, result)| result.is_err());
        all.extend(results);
        healthy = passed;
        if failed || !healthy {
            break;
        }
        if rolling {
            run.info(format!("Batch {}: Completed application deployment.", index + 1));
        }
    }
    let file = format!("eb-deployment-{}.log", run.request_id);
    deployment::write_log(run, before, &file, &all).await;
    let deployed = all.iter().all(|(_, result)| result.is_ok());
    if deployed {
        run.info("Instance deployment completed successfully.");
    } else {
        deployment::tell_failures(run, &all);
    }
    deployed && healthy
}

/// One batch: out of the load balancer if rolling, new version, in again, healthy.
async fn deploy_batch(run: &Run, batch: &[String], wanted: &Wanted, rolling: bool) -> (Results, bool) {
    let targets = run.snapshot().and_then(|environment| environment.made.target_group);
    let balanced = targets.as_ref().filter(|_| rolling);
    if balanced.is_some() {
        run.info("De-registering instance(s) from the load balancer and waiting for them to go out of service.");
        join_all(batch.iter().map(|id| keeper::drain(&run.world, &run.region, id))).await;
    }
    let results = join_all(batch.iter().map(|id| deployment::deploy(run, id, wanted))).await;
    let results: Results = batch.iter().cloned().zip(results).collect();
    if let Some(arn) = balanced {
        run.info("Registering instance(s) with the load balancer and waiting for them to be healthy.");
        run.region(|here| {
            for id in batch {
                keeper::register(here, arn, id);
            }
        });
    }
    if results.iter().any(|(_, result)| result.is_err()) || wanted.settings.is_true(COMMAND, "IgnoreHealthCheck") {
        return (results, true);
    }
    let timeout = wanted.settings.whole(COMMAND, "Timeout") + COMMAND_MARGIN;
    let healthy = launch::wait_until_healthy(run, timeout).await;
    if !healthy {
        run.error(format!(
            "Instance id(s) '{}' did not pass health check after command execution. Aborting the operation.",
            batch.join(",")
        ));
    }
    (results, healthy)
}

/// Gives the group what new instances are made of, then replaces the old ones: in batches if rolling updates are on,
/// else all at once, which is the raw API's default and takes the site down (H19).
async fn replace_instances(run: &Run, change: &Change) -> bool {
    if !set_launch_source(run, change) {
        return false;
    }
    let Some(environment) = run.snapshot() else {
        return false;
    };
    let group = environment.made.group.clone().unwrap_or_default();
    let old = serving(run);
    let settings = &change.settings;
    let size = if settings.is_true(ROLLING, "RollingUpdateEnabled") {
        let third = old.len().div_ceil(3).max(1);
        settings
            .get(ROLLING, "MaxBatchSize")
            .and_then(|size| size.parse().ok())
            .unwrap_or(third)
    } else {
        old.len().max(1)
    };
    run.info("Updating environment's Auto Scaling group: instances will be replaced.");
    for batch in old.chunks(size.max(1)) {
        let time = clock::seconds_text(run.world.clock.now());
        for id in batch {
            let cause = format!("At {time} instance {id} was taken out of service in response to a user request.");
            let mut state = run.world.lock();
            keeper::retire(&run.world, &mut state, &run.region, &group, id, cause);
        }
        if !wait_for_replacements(run, &group, batch).await {
            run.error("Failed to replace instances: the new ones did not become healthy in time.");
            return false;
        }
    }
    if change.label.is_some() {
        return redeploy(run, &environment, change).await;
    }
    true
}

async fn wait_for_replacements(run: &Run, group: &str, old: &[String]) -> bool {
    let patience = run.patience(1800);
    loop {
        let full = run.region(|here| {
            here.scaling.groups.get(group).is_some_and(|group| {
                let serving: Vec<_> = group.serving().collect();
                i32::try_from(serving.len()) == Ok(group.desired)
                    && serving.iter().all(|member| !old.contains(&member.instance_id))
            })
        });
        if full && launch::wait_until_healthy(run, 840).await {
            return true;
        }
        if run.is_over(&patience) {
            return false;
        }
        run.world.clock.sleep_seconds(5).await;
    }
}

fn set_launch_source(run: &Run, change: &Change) -> bool {
    let profile = resources::instance_profile(&run.world.lock(), &change.settings);
    let places = run.region(|here| resources::places(here, &change.settings));
    let (profile, places) = match (profile, places) {
        (Ok(profile), Ok(places)) => (profile, places),
        (Err(why), _) | (_, Err(why)) => {
            run.error(why);
            return false;
        }
    };
    run.site(|site| {
        site.environment.settings = change.settings.clone();
        let spec = site.spec(Some(profile));
        let made = site.environment.made.clone();
        let mut version = None;
        if let Some(template) = made
            .launch_template
            .and_then(|id| site.here.compute.launch_templates.get_mut(&id))
        {
            template.versions.push(spec.clone());
            version = Some(template.versions.len());
        }
        if let Some(group) = made.group.and_then(|name| site.here.scaling.groups.get_mut(&name)) {
            group.spec = spec;
            group.subnets = places.instances.iter().map(|subnet| subnet.id.clone()).collect();
            group.zones = places.instances.iter().map(|subnet| subnet.zone.clone()).collect();
            if let (LaunchSource::Template(_, _, current), Some(version)) = (&mut group.launch, version) {
                *current = version;
            }
        }
    });
    true
}
