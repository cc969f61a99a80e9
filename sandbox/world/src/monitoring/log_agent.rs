//! The log agents of instances whose environment streams its logs: whole lines go to CloudWatch Logs, a stream for each instance.
//! Must know nothing of who reads them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::compute::{Instance, InstanceState, agents};
use crate::{State, World};

/// Between two looks at the files, of sandbox time (CloudWatch guide, agent configuration: `force_flush_interval` is 5 s), and of
/// real time: looking at files is the machine's work, which no clock makes faster.
const PACE: Duration = Duration::from_secs(5);
const REAL_PACE: Duration = Duration::from_millis(200);

/// What an agent carries, and how far it has come.
#[derive(Debug, Clone, Default)]
struct Carried {
    region: String,
    /// Log group by file.
    groups: BTreeMap<String, String>,
    /// Bytes of each file that were carried.
    known: BTreeMap<String, u64>,
}

/// Runs for ever.
pub fn run(world: &Arc<World>) {
    let then = Arc::clone(world);
    world.spawn(async move {
        let mut carried = BTreeMap::new();
        loop {
            tokio::time::sleep(then.clock.real(PACE).max(REAL_PACE)).await;
            let (world, before) = (Arc::clone(&then), carried);
            let look = tokio::task::spawn_blocking(move || pass(&world, before));
            // A look that broke is no reason to look no more.
            carried = look.await.unwrap_or_default();
        }
    });
}

/// By instance id. Instances that are gone are looked at a last time.
fn pass(world: &World, mut carried: BTreeMap<String, Carried>) -> BTreeMap<String, Carried> {
    let talkative = talkative(world);
    for (id, (region, groups)) in &talkative {
        let agent = carried.entry(id.clone()).or_default();
        (agent.region, agent.groups) = (region.clone(), groups.clone());
    }
    for (id, agent) in &mut carried {
        carry(world, id, agent);
    }
    carried.retain(|id, _| talkative.contains_key(id));
    carried
}

fn carry(world: &World, instance_id: &str, agent: &mut Carried) {
    let growth = world.plane.log_growth(instance_id, &agent.known);
    let now = world.clock.now();
    let mut state = world.lock();
    let groups = &mut state.region(&agent.region).monitoring.log_groups;
    for file in growth {
        agent.known.insert(file.name.clone(), file.end);
        let group = agent.groups.get(&file.name).and_then(|name| groups.get_mut(name));
        // Of a file that has no group nothing is told, also not later.
        if let Some(group) = group {
            group.streams.take(instance_id, file.lines, now);
        }
    }
}

/// Instances whose logs are streamed and whose role lets them: region, and log group by file.
fn talkative(world: &World) -> BTreeMap<String, (String, BTreeMap<String, String>)> {
    let now = world.clock.now();
    let mut state = world.lock();
    let regions: Vec<String> = state.regions().map(|region| region.name.clone()).collect();
    let mut found = BTreeMap::new();
    for region in regions {
        for (instance, groups) in instances(&mut state, &region) {
            let iam = state.iam.seen(state.as_of(now));
            let may = |group: &String| {
                let stream = format!(
                    "arn:aws:logs:{region}:{}:log-group:{group}:log-stream:{}",
                    state.account, instance.id
                );
                // Beanstalk guide, AWSHowTo.cloudwatchlogs: what the instance profile has to allow.
                agents::role_of(iam, &instance)
                    .is_some_and(|role| iam.role_can(&role.name, &region, "logs:PutLogEvents", &stream))
            };
            let mut groups = groups;
            groups.retain(|_, group| may(group));
            found.insert(instance.id.clone(), (region.clone(), groups));
        }
    }
    found
}

/// Running instances of environments that stream their logs, with the log group of each file.
fn instances(state: &mut State, region: &str) -> Vec<(Instance, BTreeMap<String, String>)> {
    let here = state.region(region);
    let streaming: BTreeMap<_, _> = here
        .beanstalk
        .environments
        .values()
        .filter(|environment| !environment.made.log_groups.is_empty())
        .map(|environment| (environment.id.as_str(), &environment.made.log_groups))
        .collect();
    let running = here.compute.instances.values();
    let running = running.filter(|instance| instance.state == InstanceState::Running);
    let talkative = running.filter_map(|instance| {
        let groups = streaming.get(instance.tags.get("elasticbeanstalk:environment-id")?.as_str())?;
        Some((instance.clone(), by_file(groups)))
    });
    talkative.collect()
}

/// `/aws/elasticbeanstalk/NAME/var/log/nginx/access.log` is of `nginx/access.log`.
fn by_file(groups: &[String]) -> BTreeMap<String, String> {
    let file = |group: &String| {
        let (_, file) = group.split_once("/var/log/")?;
        Some((file.to_owned(), group.clone()))
    };
    groups.iter().filter_map(file).collect()
}
