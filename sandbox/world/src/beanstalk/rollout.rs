//! Deployments to instances that there are: all at once, in batches, or in batches beside an additional one.
//! Must know nothing of what else an update changes (Beanstalk guide: using-features.rolling-version-deploy).

use futures_util::future::join_all;

use super::catalogue::COMMAND;
use super::deployment::{self, DeploymentStatus, Wanted};
use super::health::{self, HealthStatus, InstanceHealth};
use super::launch::Results;
use super::settings::Settings;
use super::update::Outcome;
use super::workflow::Run;
use super::{Abort, Environment, immutable, traffic_split};
use crate::clock;
use crate::scaling::keeper;

/// Beanstalk adds this to the command time-out (Beanstalk guide: command-options-general).
const COMMAND_MARGIN: i64 = 240;
/// Seconds that new instances may take until they serve, where no option says it.
pub(super) const LAUNCH_PATIENCE: i64 = 1800;

/// Runs the version or the properties on the fleet. Only versions have policies that make new instances.
pub(super) async fn roll_out(run: &Run, before: &Environment, wanted: &Wanted, version: bool) -> Outcome {
    let policy = wanted.settings.text(COMMAND, "DeploymentPolicy");
    let single = before.settings.is_single_instance();
    let before = &taking(before, wanted);
    let held = hold_alarms(run);
    let outcome = match policy.as_str() {
        "Immutable" if version => immutable::renew(run, wanted, None).await,
        "TrafficSplitting" if version && !single => traffic_split::renew(run, before, wanted).await,
        "RollingWithAdditionalBatch" if version && !single => with_additional_batch(run, before, wanted).await,
        "Rolling" | "RollingWithAdditionalBatch" => rolling(run, before, wanted, serving(run), 1).await,
        _ => all_at_once(run, before, wanted).await,
    };
    if held {
        let group = group_of(run);
        run.region(|here| {
            let group = here.scaling.groups.get_mut(&group);
            group.map(|group| group.suspended.remove(ALARMS));
        });
    }
    outcome
}

/// The group's process that acts on alarms.
const ALARMS: &str = "AlarmNotification";

/// Has no alarm change the group's size while instances take a version; `false` where somebody else saw to that already. No source
/// tells of this very process: the guide promises that an additional batch keeps the capacity (using-features.rolling-version-deploy),
/// which a low alarm would take away on every idle environment, and Beanstalk's own policies let it suspend and resume the processes
/// of its groups (AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy).
fn hold_alarms(run: &Run) -> bool {
    let name = group_of(run);
    run.region(|here| {
        let group = here.scaling.groups.get_mut(&name);
        group.is_some_and(|group| group.suspended.insert(ALARMS.to_owned()))
    })
}

/// The environment as its deployment's log speaks of it.
pub(super) fn taking(before: &Environment, wanted: &Wanted) -> Environment {
    Environment {
        version_label: Some(wanted.label.clone()),
        ..before.clone()
    }
}

pub(super) fn group_of(run: &Run) -> String {
    let made = run.snapshot().map(|environment| environment.made);
    made.and_then(|made| made.group).unwrap_or_default()
}

/// Instances of the environment's group that are or will be in service.
pub(super) fn serving(run: &Run) -> Vec<String> {
    let name = group_of(run);
    run.region(|here| {
        let group = here.scaling.groups.get(&name);
        let members = group.into_iter().flat_map(|group| group.serving());
        members.map(|member| member.instance_id.clone()).collect()
    })
}

/// How many instances at a time.
fn batch_size(settings: &Settings, total: usize) -> usize {
    let size = usize::try_from(settings.whole(COMMAND, "BatchSize")).unwrap_or(1);
    if settings.get(COMMAND, "BatchSizeType") == Some("Fixed") {
        return size.clamp(1, total.max(1));
    }
    (total * size).div_ceil(100).clamp(1, total.max(1))
}

async fn all_at_once(run: &Run, before: &Environment, wanted: &Wanted) -> Outcome {
    let instances = serving(run);
    run.info("Deploying new version to instance(s).");
    deployment::write_log(run, before, &deployment::log_name(run), &[]).await;
    let results = take(run, &instances, wanted).await;
    tell(run, before, &results).await;
    if results.iter().any(|(_, result)| result.is_err()) || !pass(run, &instances, wanted).await {
        return Outcome::Failed;
    }
    Outcome::Done
}

/// Batch after batch, the first of them by that number; a batch that fails is the last one. Texts and their order are those of
/// public event logs (aws/elastic-beanstalk-roadmap#126 and #162, aws/aws-elastic-beanstalk-cli#50).
async fn rolling(run: &Run, before: &Environment, wanted: &Wanted, instances: Vec<String>, first: usize) -> Outcome {
    let size = batch_size(&wanted.settings, instances.len());
    if size < instances.len() {
        run.environment(|environment| environment.abort = environment.abort.offered());
    }
    run.info("Deploying new version to instance(s).");
    let (mut all, file) = (Results::new(), deployment::log_name(run));
    deployment::write_log(run, before, &file, &all).await;
    for (index, batch) in instances.chunks(size).enumerate() {
        if run.is_aborted() {
            return Outcome::Aborted;
        }
        let name = format!("Batch {}", first + index);
        run.info(format!(
            "{name}: Starting application deployment on instance(s) [{}].",
            batch.join(", ")
        ));
        let targets = run.snapshot().and_then(|environment| environment.made.target_group);
        if targets.is_some() {
            run.info(format!(
                "{name}: De-registering instance(s) from the load balancer and waiting for them to go out of service."
            ));
            join_all(batch.iter().map(|id| keeper::drain(&run.world, &run.region, id))).await;
        }
        run.info(format!("{name}: Starting application deployment command execution."));
        let results = take(run, batch, wanted).await;
        let failed = results.iter().any(|(_, result)| result.is_err());
        all.extend(results.clone());
        tell_of(run, before, &results, &all).await;
        if !failed {
            run.info(format!("{name}: Completed application deployment command execution."));
            run.info(format!(
                "Command execution completed on {} of {} instances in environment.",
                all.len(),
                instances.len()
            ));
        }
        if let Some(arn) = &targets {
            if !failed {
                run.info(format!(
                    "{name}: Registering instance(s) with the load balancer and waiting for them to be healthy."
                ));
            }
            // Also those that failed: they go on with what they had (inferred).
            run.region(|here| batch.iter().for_each(|id| keeper::register(here, arn, id)));
        }
        if failed || !pass(run, batch, wanted).await {
            return match run.is_aborted() && !failed {
                true => Outcome::Aborted,
                false => Outcome::Failed,
            };
        }
        run.info(format!("{name}: Completed application deployment."));
    }
    Outcome::Done
}

/// Has these instances run it, all at the same time.
async fn take(run: &Run, instances: &[String], wanted: &Wanted) -> Results {
    let results = join_all(instances.iter().map(|id| deployment::deploy(run, id, wanted))).await;
    instances.iter().cloned().zip(results).collect()
}

/// Whether these instances are healthy after they took it, if that counts at all. Others do not: one that an earlier deployment failed
/// on is ill until its turn comes.
async fn pass(run: &Run, instances: &[String], wanted: &Wanted) -> bool {
    if wanted.settings.is_true(COMMAND, "IgnoreHealthCheck") {
        return true;
    }
    let timeout = wanted.settings.whole(COMMAND, "Timeout") + COMMAND_MARGIN;
    let healthy = super::launch::wait_until_healthy(run, Some(instances), timeout).await;
    if !healthy && !run.is_aborted() {
        run.error(format!(
            "Instance id(s) '{}' did not pass health check after command execution. Aborting the operation.",
            instances.join(",")
        ));
    }
    healthy
}

/// The deployment's log and its events.
pub(super) async fn tell(run: &Run, before: &Environment, results: &Results) {
    tell_of(run, before, results, results).await;
}

/// Events of some of the instances, beside the log of all so far.
async fn tell_of(run: &Run, before: &Environment, some: &Results, all: &Results) {
    deployment::write_log(run, before, &deployment::log_name(run), all).await;
    if some.iter().all(|(_, result)| result.is_ok()) {
        run.info("Instance deployment completed successfully.");
    } else {
        deployment::tell_failures(run, some);
    }
}

/// Capacity never falls: a batch of new instances takes the version first and goes again at the end
/// (Beanstalk guide: using-features.rolling-version-deploy). The first two texts are those of meteor-up/mup-aws-beanstalk#9; that the
/// other batches count on from them, and the last text, no source verifies.
async fn with_additional_batch(run: &Run, before: &Environment, wanted: &Wanted) -> Outcome {
    let (group, old) = (group_of(run), serving(run));
    let size = batch_size(&wanted.settings, old.len());
    run.environment(|environment| {
        environment.abort = environment.abort.offered();
        environment.next = Some(wanted.clone());
    });
    run.info(format!(
        "Rolling with Additional Batch deployment policy enabled. Launching  a new batch of {size} additional instance(s)."
    ));
    let limit = grow(run, &group, wants(run, &group) + whole(size));
    let mut outcome = wait_for(run, &group, Awaited::Beside(&old), LAUNCH_PATIENCE).await;
    run.environment(|environment| environment.next = None);
    if outcome == Outcome::Done {
        let launched: Vec<_> = serving(run).into_iter().filter(|id| !old.contains(id)).collect();
        run.info(format!(
            "Batch 1: {} EC2 instance(s) [{}] launched. Deploying application version '{}'.",
            launched.len(),
            launched.join(", "),
            wanted.label
        ));
        outcome = rolling(run, before, wanted, old.clone(), 2).await;
    } else {
        tell(run, before, &fleet_results(run, &group)).await;
    }
    run.environment(|environment| environment.abort = environment.abort.withdrawn());
    let additional: Vec<_> = serving(run)
        .into_iter()
        .filter(|id| !old.contains(id))
        .take(size)
        .collect();
    run.info(format!(
        "Terminating the additional batch: [{}].",
        additional.join(", ")
    ));
    retire(
        run,
        &group,
        &additional,
        // Also what was asked for and never came.
        Some(wants(run, &group) - whole(size)),
    );
    wait_until_gone(run, &group, &additional).await;
    if let Some(limit) = limit {
        run.region(|here| here.scaling.groups.get_mut(&group).map(|group| group.max = limit));
    }
    outcome
}

fn whole(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// What the group wants.
pub(super) fn wants(run: &Run, group: &str) -> i32 {
    run.region(|here| here.scaling.groups.get(group).map_or(0, |group| group.desired))
}

/// Has the group want so many, whatever its limit says; gives the limit of before.
pub(super) fn grow(run: &Run, group: &str, desired: i32) -> Option<i32> {
    let limit = run.region(|here| {
        let group = here.scaling.groups.get_mut(group)?;
        let limit = group.max;
        group.max = limit.max(desired);
        Some(limit)
    });
    retire(run, group, &[], Some(desired));
    limit
}

/// Ends these members of the group, and has it want `desired` from then on: in one step, so that no keeper fills or
/// empties it in between.
pub(super) fn retire(run: &Run, group: &str, instances: &[String], desired: Option<i32>) {
    let time = clock::seconds_text(run.world.clock.now());
    let mut state = run.world.lock();
    let found = state.region(&run.region).scaling.groups.get_mut(group);
    if let (Some(group), Some(desired)) = (found, desired) {
        let reason = format!(
            "At {time} a user request explicitly set group desired capacity changing the desired capacity from {} to \
             {desired}.",
            group.desired
        );
        group.want(desired.max(group.min), reason);
    }
    for id in instances {
        let cause = format!("At {time} instance {id} was taken out of service in response to a user request.");
        keeper::retire(&run.world, &mut state, &run.region, group, id, cause);
    }
}

/// Until none of these is a member of the group any more: they have drained and ended.
pub(super) async fn wait_until_gone(run: &Run, group: &str, old: &[String]) {
    let there = || {
        run.region(|here| {
            let members = here.scaling.groups.get(group).map(|group| &group.members);
            members.is_some_and(|members| old.iter().any(|id| members.contains_key(id)))
        })
    };
    while there() {
        run.world.clock.sleep_seconds(5).await;
    }
}

/// Every serving member of a group with its health, and how many it wants.
pub(super) fn fleet(run: &Run, group: &str) -> (Vec<InstanceHealth>, i32) {
    let now = run.world.clock.now();
    run.region(|here| {
        let environment = here.beanstalk.environments.get(&run.id).cloned();
        let desired = here.scaling.groups.get(group).map_or(0, |group| group.desired);
        let Some(mut environment) = environment else {
            return (Vec::new(), desired);
        };
        environment.made.group = Some(group.to_owned());
        // Those that a new version is tried on have a target group of their own.
        let targets = here.scaling.groups.get(group).and_then(|it| it.target_groups.first());
        environment.made.target_group = targets.cloned().or(environment.made.target_group);
        let listens = |id: &str| run.world.plane.address(id).is_some();
        (
            health::instances(here, &environment, (now, &run.world.traffic()), listens),
            desired,
        )
    })
}

/// What the members of a group answered to their deployment.
pub(super) fn fleet_results(run: &Run, group: &str) -> Results {
    let (members, _) = fleet(run, group);
    let answered = members.into_iter().filter_map(|member| {
        let failure = member.deployment?.failure;
        Some((member.instance_id, failure.map_or(Ok(()), Err)))
    });
    answered.collect()
}

/// Until a group has all that it wants, none of `without` among them, every one healthy.
pub(super) async fn wait_for_fleet(run: &Run, group: &str, without: &[String], seconds: i64) -> Outcome {
    wait_for(run, group, Awaited::InPlaceOf(without), seconds).await
}

/// Which members of a group have to be healthy.
#[derive(Clone, Copy)]
enum Awaited<'a> {
    /// All, and none of these is one any more.
    InPlaceOf(&'a [String]),
    /// All but these, which are as they are.
    Beside(&'a [String]),
}

/// Until a group has all that it wants. A deployment that failed or a launch that is refused ends it, and so do so many seconds.
async fn wait_for(run: &Run, group: &str, awaited: Awaited<'_>, seconds: i64) -> Outcome {
    let (Awaited::InPlaceOf(without) | Awaited::Beside(without)) = awaited;
    let patience = run.start_patience(seconds);
    loop {
        if run.is_aborted() {
            return Outcome::Aborted;
        }
        let (members, desired) = fleet(run, group);
        let counts = |it: &&InstanceHealth| match without.contains(&it.instance_id) {
            true => matches!(awaited, Awaited::Beside(_)),
            false => it.health.status == HealthStatus::Ok,
        };
        let good = members.iter().filter(counts).count();
        if i32::try_from(good) == Ok(desired) && good == members.len() {
            return Outcome::Done;
        }
        let failed = |it: &&InstanceHealth| {
            let deployment = it.deployment.as_ref().map(|it| it.status);
            deployment == Some(DeploymentStatus::Failed) && !without.contains(&it.instance_id)
        };
        let refused = refused_launch(run, group);
        if let Some(why) = &refused {
            run.error(format!("EC2 Instance Launch Failure. {why}"));
        }
        if refused.is_some() || members.iter().any(|it| failed(&it)) || run.is_over(&patience) {
            return Outcome::Failed;
        }
        run.world.clock.sleep_seconds(5).await;
    }
}

/// Why a launch was refused since this run began, if one was.
fn refused_launch(run: &Run, group: &str) -> Option<String> {
    let since = run.began();
    run.region(|here| {
        let mut refused = here.scaling.activities.iter().rev();
        let refused = refused.find(|it| it.group == group && it.status == "Failed" && it.started >= since);
        refused.and_then(|activity| activity.message.clone())
    })
}

/// Puts what ran before on every instance that took something else.
pub(super) async fn bring_back(run: &Run, before: &Environment) {
    let wanted = Wanted {
        label: before.version_label.clone().unwrap_or_default(),
        deployment_id: before.expected_id,
        settings: before.settings.clone(),
        configuration: false,
    };
    let changed: Vec<_> = serving(run)
        .into_iter()
        .filter(|id| {
            let deployment = run.snapshot().and_then(|it| it.deployments.get(id).cloned());
            deployment.is_some_and(|it| it.is_other_than(before, id))
        })
        .collect();
    if changed.is_empty() {
        return;
    }
    run.environment(|environment| environment.deployment_id = before.deployment_id);
    join_all(changed.iter().map(|id| deployment::deploy(run, id, &wanted))).await;
    let timeout = wanted.settings.whole(COMMAND, "Timeout") + COMMAND_MARGIN;
    super::launch::wait_until_healthy(run, None, timeout).await;
}

impl Abort {
    /// From here on it can be cancelled.
    pub(super) fn offered(self) -> Self {
        if self == Self::Asked { self } else { Self::Possible }
    }

    /// What is left is cleaning up (Beanstalk guide: using-features.rollingupdates.cancel).
    pub(super) fn withdrawn(self) -> Self {
        if self == Self::Asked { self } else { Self::Impossible }
    }
}
