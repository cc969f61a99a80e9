//! What happens every minute: instances publish how busy they were, alarms are evaluated, their actions run.
//! Must know nothing of how an action is done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::metrics::{Metric, Sample, after, minute};
use super::{Verdict, evaluation, history};
use crate::compute::{Instance, InstanceState, agents};
use crate::plane::CpuReading;
use crate::scaling::policies::{self, Trigger};
use crate::{Region, State, World};

/// A value is seen that many seconds after the end of its interval; on AWS publication takes minutes (inferred: AWS does
/// not document it).
pub(super) const PUBLICATION: i64 = 60;

/// Basic monitoring publishes a value in five minutes, detailed one in one.
const BASIC: i64 = 300;
const DETAILED: i64 = 60;

/// What the processors of an instance had done at two moments of interest.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    last_minute: CpuReading,
    /// The end of the last interval that was published, or the first look.
    published: Timestamp,
    at_published: CpuReading,
}

/// Runs for ever: every minute of the sandbox's time, on the minute.
pub fn run(world: &Arc<World>) {
    let then = Arc::clone(world);
    world.spawn(async move {
        loop {
            let now = then.clock.now();
            let rest = after(minute(now), 60).duration_since(now);
            then.clock.sleep(Duration::try_from(rest).unwrap_or_default()).await;
            pass(&then);
        }
    });
}

/// The minute that has just begun.
fn pass(world: &Arc<World>) {
    let now = minute(world.clock.now());
    let mut state = world.lock();
    let regions: Vec<String> = state.regions().map(|region| region.name.clone()).collect();
    for region in regions {
        agents::look(&mut state, &region, now);
        let here = state.region(&region);
        collect(here, now, |id| world.plane.cpu(id));
        evaluate_all(world, &mut state, &region, now);
    }
}

/// Takes from every instance what its processors have done.
fn collect(here: &mut Region, now: Timestamp, read: impl Fn(&str) -> Option<CpuReading>) {
    let running = |it: &&Instance| matches!(it.state, InstanceState::Running | InstanceState::ShuttingDown);
    let instances: Vec<_> = here.compute.instances.values().filter(running).cloned().collect();
    let readings: BTreeMap<_, _> = instances
        .iter()
        .filter_map(|instance| Some((instance.id.clone(), read(&instance.id)?)))
        .collect();
    for instance in here.compute.instances.values_mut() {
        // Silence of one that is being terminated is no failed status check.
        let should_be_heard =
            instance.state == InstanceState::Running && here.monitoring.looks.contains_key(&instance.id);
        instance.is_impaired |= should_be_heard && !readings.contains_key(&instance.id);
    }
    here.monitoring.looks.retain(|id, _| readings.contains_key(id));
    here.monitoring.load.retain(|id, _| readings.contains_key(id));
    for instance in &instances {
        let Some(reading) = readings.get(&instance.id) else {
            continue;
        };
        let monitoring = &mut here.monitoring;
        let first = || Look {
            last_minute: *reading,
            published: now,
            at_published: *reading,
        };
        let look = monitoring.looks.entry(instance.id.clone()).or_insert_with(first);
        if let Some(load) = utilisation(&look.last_minute, reading) {
            monitoring.load.insert(instance.id.clone(), load);
            look.last_minute = *reading;
        }
        publish(here, instance, reading, now);
    }
}

/// How busy the instance was between two readings, in percent. Web processes are not held to the instance's processors, so
/// that a real load can exceed them: like a real machine, the instance is then at 100 %.
fn utilisation(before: &CpuReading, after: &CpuReading) -> Option<f64> {
    let alive = after.alive.checked_sub(before.alive)?.as_secs_f64();
    let busy = after.busy.saturating_sub(before.busy).as_secs_f64();
    (alive > 0.0).then(|| (100.0 * busy / alive).min(100.0))
}

/// Publishes the intervals that have ended since the last time. More than one only where the machine was too slow.
fn publish(here: &mut Region, instance: &Instance, reading: &CpuReading, now: Timestamp) {
    let interval = if instance.detailed_monitoring { DETAILED } else { BASIC };
    let Some(look) = here.monitoring.looks.get_mut(&instance.id) else {
        return;
    };
    let boundary = |time: Timestamp| time.as_second() - time.as_second().rem_euclid(interval);
    let (first, last) = (boundary(look.published), boundary(now));
    if first == last {
        return;
    }
    let value = utilisation(&look.at_published, reading);
    (look.published, look.at_published) = (now, *reading);
    let Some(value) = value else {
        return;
    };
    let group = here.scaling.group_of(&instance.id).map(|group| group.name.clone());
    let metrics = metrics_of(instance, group);
    let mut start = first;
    while start < last {
        if let Ok(time) = Timestamp::from_second(start) {
            let sample = Sample {
                time,
                published: after(time, interval + PUBLICATION),
                value,
                unit: "Percent",
            };
            for metric in &metrics {
                here.monitoring.metrics.push(metric.clone(), sample.clone());
            }
        }
        start += interval;
    }
}

/// EC2 publishes by instance and by Auto Scaling group; by image, type and over all only with detailed monitoring (EC2
/// user guide, "EC2 metric dimensions").
fn metrics_of(instance: &Instance, group: Option<String>) -> Vec<Metric> {
    let metric = |dimension: Option<(&str, String)>| Metric {
        namespace: "AWS/EC2".to_owned(),
        name: "CPUUtilization".to_owned(),
        dimensions: dimension
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    };
    let mut metrics = vec![metric(Some(("InstanceId", instance.id.clone())))];
    metrics.extend(group.map(|group| metric(Some(("AutoScalingGroupName", group)))));
    if instance.detailed_monitoring {
        metrics.push(metric(Some(("ImageId", instance.image_id.clone()))));
        metrics.push(metric(Some(("InstanceType", instance.instance_type.clone()))));
        metrics.push(metric(None));
    }
    metrics
}

fn evaluate_all(world: &Arc<World>, state: &mut State, region: &str, now: Timestamp) {
    let monitoring = &state.region(region).monitoring;
    let verdicts: Vec<_> = monitoring
        .alarms
        .values()
        .map(|alarm| {
            (
                alarm.name.clone(),
                evaluation::evaluate(alarm, &monitoring.metrics, now),
            )
        })
        .collect();
    for (name, verdict) in verdicts {
        // Evaluated on the minute; what comes of it happens now.
        let now = world.clock.now();
        let changed = verdict.is_some_and(|verdict| state.region(region).monitoring.set_state(&name, verdict, now));
        act(state, region, &name, changed, now);
    }
}

/// Puts an alarm into a state until it is evaluated again, as SetAlarmState does; actions run.
pub fn set_alarm_state(state: &mut State, region: &str, name: &str, verdict: Verdict, now: Timestamp) {
    if state.region(region).monitoring.set_state(name, verdict, now) {
        act(state, region, name, true, now);
    }
}

/// Runs an alarm's actions: all when the state is new, those of Auto Scaling every minute while it lasts (CloudWatch user
/// guide, "Alarm actions").
fn act(state: &mut State, region: &str, name: &str, changed: bool, now: Timestamp) {
    let here = state.region(region);
    let Some(alarm) = here.monitoring.alarms.get(name).cloned() else {
        return;
    };
    for arn in alarm.actions() {
        let scales = here.scaling.policies.contains_key(arn);
        if !changed && !scales {
            continue;
        }
        let failure = run_action(here, arn, name, alarm.state, now);
        if changed {
            let item = history::action(&alarm, arn, failure.as_deref(), now);
            here.monitoring.history.push(item);
        }
    }
}

/// Why it could not be run; `None`: it could. That a policy did not scale, as in a cooldown, is no failure.
fn run_action(here: &mut Region, arn: &str, alarm: &str, state: &str, now: Timestamp) -> Option<String> {
    if here.scaling.policies.contains_key(arn) {
        let trigger = Trigger::Alarm {
            name: alarm.to_owned(),
            state: state.to_owned(),
        };
        return policies::execute(&mut here.scaling, arn, &trigger, now)
            .err()
            .map(|refusal| refusal.message);
    }
    // Nothing is ever sent to a topic's subscribers here.
    let known = here.notifications.topics.contains_key(arn);
    (!known).then(|| format!("Resource {arn} does not exist"))
}
