//! UpdateEnvironment's workflow: changes resources whose options changed, then has the instances follow.
//! A resource whose stored option did not change is left alone, whatever became of it behind Beanstalk's back
//! (inferred: AWS does not document it).

use jiff::Timestamp;

use super::catalogue::{
    APPLICATION, ASG, BALANCER, CLASSIC_CHECK, CLASSIC_LISTENER, CLASSIC_POLICIES, Effect, HEALTH_LOGS, INSTANCES,
    LAUNCH, LOGS, PROCESS, ROLLING, TOPICS, TRIGGER, VPC,
};
use super::deployment::Wanted;
use super::permissions;
use super::platforms::Platform;
use super::resources::{self, GROUP, HIGH, LOW, Part, Site, TEMPLATE};
use super::settings::Settings;
use super::workflow::Run;
use super::{Abort, Environment, extensions, health, replacement, rollout, runtime};
use crate::balancing::Target;
use crate::scaling::policies::Adjustment;
use crate::scaling::{Sizes, Who};

/// What an update is to change.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub label: Option<String>,
    /// All of them, as they are to be.
    pub settings: Settings,
    pub platform: Option<Platform>,
    /// ARN of who asked.
    pub caller: String,
    /// How many instances the group wanted before.
    pub capacity: i32,
}

/// How a rollout ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Failed,
    /// AbortEnvironmentUpdate came in between.
    Aborted,
}

pub(super) async fn update(run: Run, change: Change) {
    run.info("Environment update is starting.");
    let Some(before) = run.snapshot() else {
        return;
    };
    run.at(5.0).await;
    let change = match with_extensions(&run, &change).await {
        Ok(change) => change,
        Err(why) => {
            run.error(why);
            fail(&run, &before, &change, false).await;
            return health::come_to_rest(&run);
        }
    };
    let options = before.settings.changes(&change.settings);
    if let Err((part, why)) = check_permissions(&run, &change, &options) {
        run.error(format!("Updating {} failed Reason: {why}", part.0));
        fail(&run, &before, &change, true).await;
        return health::come_to_rest(&run);
    }
    if !options.is_empty() {
        run.info(format!(
            "Updating environment {}'s configuration settings.",
            before.name
        ));
        run.stack("UPDATE_IN_PROGRESS", Some("User Initiated"));
        change_resources(&run, &change.settings, &options);
    }
    let outcome = move_instances(&run, &before, &change, &options).await;
    run.environment(|environment| {
        environment.abort = Abort::Impossible;
        environment.next = None;
    });
    run.at(30.0).await;
    match outcome {
        Outcome::Done => succeed(&run, &before, change, !options.is_empty()),
        Outcome::Failed => fail(&run, &before, &change, !options.is_empty()).await,
        Outcome::Aborted => give_way(&run, &before, &change).await,
    }
    health::come_to_rest(&run);
}

/// Whether the caller may change what the options are about.
fn check_permissions(run: &Run, change: &Change, options: &[(String, String)]) -> Result<(), (Part, String)> {
    let caller = &change.caller;
    if touches(options, ASG) {
        permissions::check(run, caller, GROUP, permissions::CHANGED_GROUP)?;
    }
    let replaces = Settings::effect_of(options) == Some(Effect::RestartEnvironment) || change.platform.is_some();
    if replaces {
        permissions::check(run, caller, TEMPLATE, permissions::CHANGED_TEMPLATE)?;
    }
    Ok(())
}

/// The change with what a new version says of the settings.
async fn with_extensions(run: &Run, change: &Change) -> Result<Change, String> {
    let Some(label) = &change.label else {
        return Ok(change.clone());
    };
    runtime::keep(run, &change.caller, label).await?;
    Ok(Change {
        settings: extensions::apply(run, label, &change.settings).await?,
        ..change.clone()
    })
}

/// Brings the instances to what the change says, if it concerns them at all.
async fn move_instances(run: &Run, before: &Environment, change: &Change, options: &[(String, String)]) -> Outcome {
    let mut effect = Settings::effect_of(options);
    if change.platform.is_some() {
        effect = Some(Effect::RestartEnvironment);
    }
    let restart = matches!(effect, Some(Effect::RestartApplicationServer));
    match effect {
        Some(Effect::RestartEnvironment | Effect::Fixed) => {
            replacement::replace(run, change, &wanted(run, before, change)).await
        }
        _ if restart || change.label.is_some() => {
            rollout::roll_out(run, before, &wanted(run, before, change), change.label.is_some()).await
        }
        _ => Outcome::Done,
    }
}

/// What the instances are to run: the next deployment.
fn wanted(run: &Run, before: &Environment, change: &Change) -> Wanted {
    let id = run.environment(|environment| {
        environment.deployment_id += 1;
        environment.request_id = run.request_id.clone();
        environment.deployment_id
    });
    let label = change.label.clone().or_else(|| before.version_label.clone());
    Wanted {
        label: label.unwrap_or_default(),
        deployment_id: id.unwrap_or(1),
        settings: change.settings.clone(),
        configuration: change.label.is_none(),
    }
}

fn succeed(run: &Run, before: &Environment, change: Change, options: bool) {
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
        // What moved no instance is no deployment: after one that failed they are still at what they were.
        if environment.deployment_id != before.deployment_id {
            environment.expected_id = environment.deployment_id;
        }
        if let Some(platform) = change.platform {
            environment.platform = platform;
        }
    });
    run.info("Environment update completed successfully.");
}

/// How the deployment of a version ends that did not get to its end: as public event logs have it, after "Failed to deploy
/// application." (rennokki/laravel-aws-eb#71, aws-samples/eb-demo-php-simple-app#9).
const SOME_INSTANCES: &str = "During an aborted deployment, some instances may have deployed the new application version. To ensure \
                              all instances are running the same version, re-deploy the appropriate application version.";

/// A failed version stays on the instances that took it (Beanstalk guide: using-features.rolling-version-deploy); a failed
/// configuration is taken back.
async fn fail(run: &Run, before: &Environment, change: &Change, options: bool) {
    if change.label.is_some() {
        run.error("Failed to deploy application.");
    }
    if options {
        run.error("Failed to deploy configuration.");
        run.environment(|environment| environment.draft = Some(("failed", change.settings.clone())));
    }
    if options || change.platform.is_some() {
        revert(run, before, change).await;
        run.error("The environment was reverted to the previous configuration setting.");
        run.error(
            "Update environment operation is complete, but with errors. For more information, see troubleshooting \
             documentation.",
        );
    } else {
        run.error(SOME_INSTANCES);
    }
}

/// After AbortEnvironmentUpdate a configuration is as before. The deployment of a version just stops: some instances have the new
/// one, the others go on with theirs (Beanstalk guide: using-features.rollingupdates.cancel). No log of a real one was found: the
/// texts are those of failures, and of the pattern that all operations follow.
async fn give_way(run: &Run, before: &Environment, change: &Change) {
    run.environment(|environment| environment.draft = None);
    // A version may bring settings along.
    let is_version_alone = change.label.is_some() && before.settings.changes(&change.settings).is_empty();
    if is_version_alone {
        run.error(SOME_INSTANCES);
    } else {
        revert(run, before, change).await;
        run.info("The environment was reverted to the previous configuration setting.");
    }
    run.info("abortEnvironmentUpdate completed successfully.");
}

/// Settings, resources and instances as they were before.
async fn revert(run: &Run, before: &Environment, change: &Change) {
    let options = change.settings.changes(&before.settings);
    if !options.is_empty() {
        run.stack("UPDATE_ROLLBACK_IN_PROGRESS", None);
        change_resources(run, &before.settings, &options);
    }
    let replaces = Settings::effect_of(&options) == Some(Effect::RestartEnvironment) || change.platform.is_some();
    if replaces {
        replacement::bring_back(run, before, change).await;
    }
    rollout::bring_back(run, before).await;
    if !options.is_empty() {
        run.stack("UPDATE_ROLLBACK_COMPLETE", None);
    }
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
        if OF_THE_GROUP.into_iter().any(|namespace| touches(options, namespace)) {
            resize_group(site, settings, now);
        }
        if touches(options, TRIGGER) {
            change_triggers(site, settings);
        }
        let of_targets = [PROCESS, CLASSIC_LISTENER, CLASSIC_CHECK, CLASSIC_POLICIES, APPLICATION];
        if of_targets.into_iter().any(|namespace| touches(options, namespace)) {
            change_targets(site, settings);
        }
        if touches(options, LAUNCH) {
            change_launches(site, settings);
        }
        if touches(options, BALANCER) || touches(options, CLASSIC_POLICIES) {
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

/// Namespaces that CloudFormation updates the group for. Doing so it "always sets the group size property values … to the values that
/// are defined in the … template, even if a scheduled action is in effect" (CloudFormation guide: UpdatePolicy, scheduled actions),
/// and Beanstalk's template does not say otherwise (aws/elastic-beanstalk-roadmap#368).
const OF_THE_GROUP: [&str; 5] = [ASG, LAUNCH, INSTANCES, VPC, ROLLING];

pub(super) fn resize_group(site: &mut Site, settings: &Settings, now: Timestamp) {
    let name = site.environment.made.group.clone().unwrap_or_default();
    if let Some(group) = site.here.scaling.groups.get_mut(&name) {
        let (min, max) = resources::sizes(settings);
        let sizes = Sizes {
            min: Some(min),
            max: Some(max),
            desired: None,
        };
        // The settings were checked: bounds that contradict each other do not get here.
        let _ = group.resize(sizes, Who::User, now);
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
                policy.adjustment = Adjustment::Change(i32::try_from(settings.whole(TRIGGER, increment)).unwrap_or(1));
            }
        }
    }
}

fn change_targets(site: &mut Site, settings: &Settings) {
    let arn = site.environment.made.target_group.clone().unwrap_or_default();
    if let Some(targets) = site.here.balancing.target_groups.get_mut(&arn) {
        targets.check = resources::health_check(settings);
        targets.deregistration_delay = resources::draining(settings);
        let port = resources::instance_port(settings);
        if targets.port != port {
            // CloudFormation makes a new target group for another port; its targets begin anew in either case.
            targets.port = port;
            for target in targets.targets.values_mut().filter(|target| !target.is_draining()) {
                *target = Target::new(&target.instance_id, port);
            }
        }
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
    if settings.is_shared() {
        // Beanstalk never changes one that is not its own (Beanstalk guide: environments-cfg-alb-shared).
        return;
    }
    let arn = site.environment.made.load_balancer.clone().unwrap_or_default();
    if let Some(balancer) = site.here.balancing.load_balancers.get_mut(&arn) {
        balancer.idle_timeout = resources::idle_timeout(settings);
    }
}
