//! The ends of the instances' own log files, for what is not streamed, and the log of a deployment.
//! Must know nothing of how lines are shown.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use aws_sdk_elasticbeanstalk::types::{EnvironmentInfoDescription, EnvironmentInfoType};
use tokio::time::Instant;

use super::Rounds;
use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::aws::texts::clean;
use crate::engine::{Error, Kind, Settings};
use crate::environment::follow::deployment_log;
use crate::environment::instance_logs::{fetched, files, listed, sampled};

/// Beanstalk collects them in some seconds; an instance that is too ill to answer is not waited for longer.
const PATIENCE: Duration = Duration::from_secs(3 * 60);
const EVERY: Duration = Duration::from_secs(5);

/// Deployments that are looked at for one that has a log.
const DEPLOYMENTS: usize = 20;

/// What one instance gave: the last lines of each file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    pub instance: String,
    /// Path and lines.
    pub files: Vec<(String, Vec<String>)>,
}

/// Asks the instances for the last 100 lines of each of their logs. Those that do not answer in time are left out. `write` asks, as it
/// makes files in Beanstalk's bucket, which go by themselves after a quarter of an hour.
///
/// # Errors
/// Where Beanstalk does not take it, or nobody answers.
pub async fn ask(
    (read, write): (&Aws, &Aws),
    settings: &Settings,
    environment: &str,
    instances: &[String],
) -> Result<Vec<Tail>, Error> {
    // Those of an earlier request are listed for a quarter of an hour. AWS's times are compared with AWS's.
    let before: HashMap<_, _> = listed(read, environment).await?.iter().map(sampled).collect();
    let ask = write.beanstalk.request_environment_info().environment_id(environment);
    let asked = ask.info_type(EnvironmentInfoType::Tail).send().await;
    asked.explain("ask for the instances' logs")?;
    let mut tails = Vec::new();
    for (instance, url) in answered(read, settings, environment, instances, &before).await? {
        let text = fetched(read, &url).await?;
        tails.push(tail(instance, &text));
    }
    Ok(tails)
}

/// The addresses of what is new, by instance.
async fn answered(
    read: &Aws,
    settings: &Settings,
    environment: &str,
    instances: &[String],
    before: &HashMap<String, i64>,
) -> Result<BTreeMap<String, String>, Error> {
    let end = Instant::now() + settings.pace.limit(PATIENCE);
    let mut rounds = Rounds::every(EVERY);
    let mut found = BTreeMap::new();
    loop {
        let listed = listed(read, environment).await;
        let answered = listed.is_ok();
        match listed {
            Ok(infos) => found.extend(infos.iter().filter_map(|info| new(info, before))),
            Err(error) if error.kind == Kind::Unreachable => tracing::debug!(%error, "a look is missing"),
            Err(error) => return Err(error),
        }
        found.retain(|id, _| instances.is_empty() || instances.contains(id));
        if !instances.is_empty() && found.len() >= instances.len() {
            return Ok(found);
        }
        if Instant::now() >= end {
            break;
        }
        if !rounds.next(settings, answered).await {
            return Err(Error::stopped());
        }
    }
    match found.is_empty() {
        false => Ok(found),
        true => Err(Error::failed("no instance gave its logs in time").hint("run the same command again")),
    }
}

fn new(info: &EnvironmentInfoDescription, before: &HashMap<String, i64>) -> Option<(String, String)> {
    let (instance, time) = sampled(info);
    let is_new = before.get(&instance).is_none_or(|former| *former < time);
    let url = info.message().filter(|_| is_new && !instance.is_empty())?;
    Some((instance, url.to_owned()))
}

fn tail(instance: String, text: &str) -> Tail {
    let lines = |text: &str| text.lines().map(clean).collect();
    let files = files(text).into_iter();
    Tail {
        instance: clean(&instance),
        files: files.map(|(path, text)| (clean(path), lines(text))).collect(),
    }
}

/// The log of the newest deployment that has one, with the id of its request.
///
/// # Errors
/// Where Beanstalk does not tell of its deployments.
pub async fn deployment(aws: &Aws, environment: &str) -> Result<Option<(String, Vec<String>)>, Error> {
    let describe = aws.beanstalk.describe_events().environment_id(environment);
    let events = describe.max_records(1000).send().await;
    let events = events
        .explain("read the environment's events")?
        .events
        .unwrap_or_default();
    let mut seen = HashSet::new();
    // Newest first. Not each request is of a deployment.
    let requests = events.into_iter().filter_map(|event| event.request_id);
    for request in requests
        .filter(|request| seen.insert(request.clone()))
        .take(DEPLOYMENTS)
    {
        let log = deployment_log(aws, environment, &request).await;
        if !log.is_empty() {
            return Ok(Some((request, log.lines().map(clean).collect())));
        }
    }
    Ok(None)
}
