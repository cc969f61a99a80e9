//! Follows one operation of Beanstalk's from its answer to its end event, and says why when it failed.
//! `Ready` is not success and severity cannot be trusted: the end event of our own request and health decide.

use std::sync::Mutex;

use aws_sdk_elasticbeanstalk::types::{
    EnvironmentDescription, EnvironmentHealth, EnvironmentHealthStatus, EnvironmentStatus, EventDescription,
    EventSeverity,
};

use super::{health, instance_logs, live};
use crate::aws::Aws;
use crate::aws::errors::{Explain, polled};
use crate::aws::record::Record;
use crate::aws::texts::{self, Ending};
use crate::engine::{Error, Failure, Hint, Kind, Limits, Poll, Wait, WriteCx};

/// Generous: a stack whose instances never call home takes half an hour to fail.
pub(super) const LIMITS: Limits = Limits::minutes(12, 45);
const HEALTH_LIMITS: Limits = Limits::minutes(5, 15);

/// Reads of `Ready` before status and health alone are believed: events are an empty list without permission.
const READS_WITHOUT_EVENTS: u32 = 5;
/// The same where events come but none of them is an end that we know: AWS may word it anew.
const READS_WITHOUT_NEWS: u32 = 12;

/// Events that are told of a failure: the first ones name the cause, the rest repeat it.
const EVENTS_TOLD: usize = 4;

/// Reads of nothing before an environment that was just made counts as gone: two minutes.
const READS_OF_NOTHING: u32 = 24;

/// Reads of Warning before it counts as what the site's visitors make of it: two minutes.
const READS_OF_WARNING: u32 = 24;

/// An operation that was asked for.
pub(super) struct Operation<'a> {
    /// Read after "waiting for": `the environment X to launch`.
    pub what: String,
    /// Read before "failed": `the launch of the environment`.
    pub name: String,
    pub environment: &'a str,
    /// The id of the request that began it.
    pub request: Option<String>,
    /// How the environment is named where it stays after a failure; `None` where that is no news to anybody.
    pub leftover: Option<String>,
    /// So many batches it takes, where that is known.
    pub batches: Option<u32>,
}

/// How many reads in a row said `Ready` with the same events and no end among them, and how many found no environment.
#[derive(Default)]
struct Silence {
    reads: u32,
    events: usize,
    of_nothing: u32,
    /// Somebody aborts it.
    aborting: bool,
}

/// How it ended.
pub(super) struct Ended {
    pub ending: Ending,
    pub environment: EnvironmentDescription,
    /// Events of the operation, oldest first.
    pub events: Vec<EventDescription>,
    /// Somebody aborted it. Events do not tell: their "aborted deployment" is also what ends one that failed by itself
    /// (rennokki/laravel-aws-eb#71).
    pub aborted: bool,
}

impl Ended {
    pub(super) fn terminated(&self) -> bool {
        self.environment.status() == Some(&EnvironmentStatus::Terminated)
    }

    /// Instances that its events call failed, each once.
    pub(super) fn failed_instances(&self) -> Vec<String> {
        let mut failed: Vec<String> = Vec::new();
        let bad = self.events.iter().filter(|event| is_bad(event));
        for id in bad.filter_map(|event| event.message()).flat_map(texts::instance_ids) {
            if !failed.iter().any(|known| known == id) {
                failed.push(id.to_owned());
            }
        }
        failed
    }

    /// Where it failed, as far as its events tell: ` on i-1 (batch 2 of 3)`.
    fn place(&self, batches: Option<u32>) -> String {
        let failed = self.failed_instances();
        if failed.is_empty() {
            return String::new();
        }
        let messages = self.events.iter().rev().filter_map(|event| event.message());
        let batch = messages.map(texts::batch).find_map(|batch| batch);
        let batch = match (batch, batches) {
            (Some(batch), Some(all)) if batch <= all => format!(" (batch {batch} of {all})"),
            (Some(batch), _) => format!(" (batch {batch})"),
            (None, _) => String::new(),
        };
        format!(" on {}{batch}", failed.join(", "))
    }

    /// Whether the launch failed because IAM had not yet spread the instance profile.
    pub(super) fn profile_not_spread(&self) -> bool {
        self.events
            .iter()
            .filter_map(|event| event.message())
            .any(texts::is_profile_not_spread)
    }
}

/// Waits for the end. `between` is told of the environment at every look, for what becomes known on the way.
pub(super) async fn follow<F>(
    cx: &WriteCx<Aws>,
    operation: &Operation<'_>,
    between: impl Fn(EnvironmentDescription) -> F + Sync,
) -> Result<Ended, Error>
where
    F: Future<Output = ()> + Send,
{
    let wait = Wait::new(operation.what.clone(), 5, LIMITS);
    let silence = Mutex::new(Silence::default());
    cx.wait(&wait, || async {
        match look(cx.read().aws(), operation).await {
            Ok((Some(environment), events)) => {
                between(environment.clone()).await;
                judge(operation, environment, events, &silence)
            }
            Ok((None, _)) => not_there(operation, &silence),
            Err(error) => polled(Err(error)),
        }
    })
    .await
}

/// The id of the request that the environment's newest events are of; `None` where no event names one. It is that of what is under
/// way, if there is something (botocore: elasticbeanstalk, EventDescription, RequestId).
pub(super) async fn newest_request(aws: &Aws, environment: &str) -> Result<Option<String>, Error> {
    let events = events(aws, environment).await?;
    Ok(events.into_iter().find_map(|event| event.request_id))
}

/// The environment's last events, newest first.
pub(super) async fn events(aws: &Aws, environment: &str) -> Result<Vec<EventDescription>, Error> {
    let describe = aws.beanstalk.describe_events().environment_id(environment);
    let events = describe.max_records(200).send().await;
    let events = events.explain("read the environment's events")?;
    Ok(events.events.unwrap_or_default())
}

type Seen = (Option<EnvironmentDescription>, Vec<EventDescription>);

async fn look(aws: &Aws, operation: &Operation<'_>) -> Result<Seen, Error> {
    let id = operation.environment;
    let describe = aws
        .beanstalk
        .describe_events()
        .environment_id(id)
        .set_request_id(operation.request.clone());
    let events = describe
        .max_records(200)
        .send()
        .await
        .explain("read the environment's events")?;
    let environment = live::by_id(aws, id).await?;
    let mut events = events.events.unwrap_or_default();
    events.reverse();
    Ok((environment, events))
}

/// One that was just made may not be listed yet.
fn not_there(operation: &Operation<'_>, silence: &Mutex<Silence>) -> Poll<Ended> {
    let mut silence = silence.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    silence.of_nothing += 1;
    if silence.of_nothing >= READS_OF_NOTHING {
        return Poll::Failed(Error::failed(format!(
            "the environment {} is gone",
            operation.environment
        )));
    }
    Poll::NotYet("not visible yet".to_owned())
}

fn is_bad(event: &EventDescription) -> bool {
    let bad = [EventSeverity::Error, EventSeverity::Fatal, EventSeverity::Warn];
    event.severity().is_some_and(|severity| bad.contains(severity))
}

fn judge(
    operation: &Operation<'_>,
    environment: EnvironmentDescription,
    events: Vec<EventDescription>,
    silence: &Mutex<Silence>,
) -> Poll<Ended> {
    let newest = events.last().and_then(|event| event.message()).map(texts::clean);
    let ending = events
        .iter()
        .rev()
        .filter_map(|event| event.message())
        .find_map(texts::ending);
    let mut silence = silence.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    silence.aborting |= environment.status() == Some(&EnvironmentStatus::Aborting);
    let aborted = silence.aborting;
    let ended = |ending, environment, events| Ended {
        ending,
        environment,
        events,
        aborted,
    };
    match environment.status() {
        Some(EnvironmentStatus::Terminated) => {
            Poll::Ready(ended(ending.unwrap_or(Ending::Failed), environment, events))
        }
        Some(EnvironmentStatus::Ready) => {
            if let Some(ending) = ending {
                return Poll::Ready(ended(ending, environment, events));
            }
            if silence.events != events.len() {
                silence.reads = 0;
                silence.events = events.len();
            }
            silence.reads += 1;
            let enough = match events.is_empty() {
                true => READS_WITHOUT_EVENTS,
                false => READS_WITHOUT_NEWS,
            };
            if silence.reads >= enough {
                let ending = if is_healthy(&environment) {
                    Ending::Succeeded
                } else {
                    Ending::Failed
                };
                return Poll::Ready(ended(ending, environment, events));
            }
            Poll::NotYet(newest.unwrap_or_else(|| format!("waiting for {}", operation.what)))
        }
        status => Poll::NotYet(newest.unwrap_or_else(|| {
            status
                .map(|status| status.as_str().to_owned())
                .unwrap_or_else(|| "no status yet".to_owned())
        })),
    }
}

fn is_healthy(environment: &EnvironmentDescription) -> bool {
    match environment.health_status() {
        Some(EnvironmentHealthStatus::Ok | EnvironmentHealthStatus::Info) => true,
        Some(_) => false,
        // Basic health knows colours only.
        None => environment.health() == Some(&EnvironmentHealth::Green),
    }
}

/// Whether health may rest at Warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Warning {
    /// A site that was just launched has no visitors whose requests could warn.
    WaitedOut,
    /// One that is live has what its visitors do to it, and was updated all the same.
    Accepted,
}

/// Waits until the environment's health is Ok, which follows its end event by some reports of its instances.
pub(super) async fn wait_healthy(
    cx: &WriteCx<Aws>,
    id: &str,
    name: &str,
    leftover: Option<String>,
    warning: Warning,
) -> Result<EnvironmentDescription, Failure> {
    let wait = Wait::new(format!("the health of {name} to be Ok"), 5, HEALTH_LIMITS);
    let warned = Mutex::new(0);
    let healthy = cx.wait(&wait, || async {
        polled(
            live::by_id(cx.read().aws(), id)
                .await
                .map(|environment| match environment {
                    Some(environment) if is_healthy(&environment) => Poll::Ready(environment),
                    Some(environment) if warning == Warning::Accepted && has_rested(&environment, &warned) => {
                        let text = format!("the health of {name} is Warning after its update");
                        cx.settings()
                            .events
                            .notice(text, Some(Hint::run("status").and(" tells Beanstalk's causes")));
                        Poll::Ready(environment)
                    }
                    Some(environment) => {
                        let health = environment
                            .health_status()
                            .map_or("unknown", EnvironmentHealthStatus::as_str);
                        Poll::NotYet(format!("health is {health}"))
                    }
                    None => Poll::Failed(Error::failed(format!("the environment {name} is gone"))),
                }),
        )
    });
    match healthy.await {
        Ok(environment) => Ok(environment),
        Err(mut error) => {
            error.causes.extend(health::causes(cx.read().aws(), id).await);
            Err(leaving(error.into(), leftover.as_deref()))
        }
    }
}

/// Whether it has been at Warning for so many reads in a row that it is no passing state of the update.
fn has_rested(environment: &EnvironmentDescription, warned: &Mutex<u32>) -> bool {
    let mut warned = warned.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    *warned = match environment.health_status() {
        Some(EnvironmentHealthStatus::Warning) => *warned + 1,
        _ => 0,
    };
    *warned >= READS_OF_WARNING
}

/// With what stays and costs, where that is news.
pub(super) fn leaving(failure: Failure, leftover: Option<&str>) -> Failure {
    match leftover {
        Some(leftover) => failure.leaving(leftover, true),
        None => failure,
    }
}

/// The failure of an operation: where and why in its first line, then AWS's own words, from its events, the environment's health and
/// the instances' logs.
pub(super) async fn failure(cx: &WriteCx<Aws>, operation: &Operation<'_>, ended: &Ended) -> Failure {
    let aws = cx.read().aws();
    let mut told: Vec<String> = Vec::new();
    let bad = ended.events.iter().filter(|event| is_bad(event));
    for message in bad.filter_map(|event| event.message()).map(texts::clean) {
        if !told.contains(&message) && told.len() < EVENTS_TOLD {
            told.push(message);
        }
    }
    if told.is_empty() {
        told.extend(ended.events.last().and_then(|event| event.message()).map(texts::clean));
    }
    if !ended.terminated() {
        told.extend(health::causes(aws, operation.environment).await.into_iter().take(2));
    }
    let (mut reasons, logs) = said_by_instances(cx, operation, ended).await;
    let first = match reasons.is_empty() {
        // Nothing of its own brought it to its end.
        _ if ended.aborted => None,
        false => Some(reasons.remove(0)),
        true => told
            .iter()
            .position(|text| !texts::is_general(text))
            .map(|place| told.remove(place)),
    };
    if first.is_some() {
        // That it failed is told already: one of AWS's ways to say so is enough.
        let mut general = 0;
        told.retain(|text| {
            general += u32::from(texts::is_general(text));
            !texts::is_general(text) || general == 1
        });
    }
    let mut error = Error::failed(message(operation, ended, first.as_deref()));
    if ended.aborted {
        error.kind = Kind::Aborted;
    }
    error.causes = reasons.into_iter().chain(told).chain(logs).collect();
    let known = first.iter().chain(&error.causes);
    error.hint = known
        .filter_map(|cause| texts::known_error("*", cause))
        .find_map(|row| row.hint)
        .map(|hint| hint())
        .or_else(|| Some("mend the cause, then run the same command again".into()));
    let leftover = operation.leftover.as_deref().filter(|_| !ended.terminated());
    leaving(error.into(), leftover)
}

fn message(operation: &Operation<'_>, ended: &Ended, first: Option<&str>) -> String {
    if ended.aborted {
        return format!("{} was stopped by somebody before it was done", operation.name);
    }
    let place = ended.place(operation.batches);
    match first {
        Some(reason) => format!("{} failed{place}: {reason}", operation.name),
        None => format!("{} failed{place}", operation.name),
    }
}

/// What the instances' own logs say of it, nearest to the cause first, and where the whole of them is.
async fn said_by_instances(
    cx: &WriteCx<Aws>,
    operation: &Operation<'_>,
    ended: &Ended,
) -> (Vec<String>, Option<String>) {
    let deployment = match &operation.request {
        Some(request) => deployment_log(cx.read().aws(), operation.environment, request).await,
        None => String::new(),
    };
    let mut events = ended.events.iter().filter_map(|event| event.message());
    if ended.terminated() || deployment.is_empty() && !events.any(texts::is_failure_of_an_instance) {
        return (Vec::new(), None);
    }
    match instance_logs::ask(cx, operation.environment, &deployment, &ended.failed_instances()).await {
        Ok(said) => {
            let whole = format!("the whole of the instances' logs is in {}", said.file.display());
            (said.lines, Some(whole))
        }
        Err(error) => {
            let text = format!("the instances' logs could not be had: {}", error.in_a_line());
            (Vec::new(), Some(text))
        }
    }
}

/// The log that an instance uploads while it deploys, for platforms of March 2026 and later; empty where there is none.
/// Source: the developer guide's environments-deployment-logs.
pub(crate) async fn deployment_log(aws: &Aws, environment: &str, request: &str) -> String {
    let key = format!("resources/environments/logs/deployments/{environment}/eb-deployment-{request}.log");
    let object = aws.s3.get_object(&aws.storage_bucket(), &key).await;
    object
        .map(|object| String::from_utf8_lossy(&object.body).into_owned())
        .unwrap_or_default()
}

/// Removes what Beanstalk itself leaves in its bucket of one environment, access logs with visitors' addresses among it.
/// Source: the developer guide's AWSHowTo.S3. Only keys with this environment's id are touched.
pub(super) async fn delete_objects(aws: &Aws, stack: &str, environment: &str) -> Result<(), Error> {
    let record = Record::new(aws, stack);
    record
        .delete_keys(aws, &objects(aws, &record, environment).await?)
        .await
}

/// Whether anything of it is left there.
pub(super) async fn has_objects(aws: &Aws, stack: &str, environment: &str) -> Result<bool, Error> {
    Ok(!objects(aws, &Record::new(aws, stack), environment).await?.is_empty())
}

async fn objects(aws: &Aws, record: &Record, environment: &str) -> Result<Vec<String>, Error> {
    let its = format!("/{environment}/");
    let keys = record.list(aws, "resources/environments/").await?;
    Ok(keys.into_iter().filter(|key| key.contains(&its)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_site_may_rest_at_warning_and_one_that_passes_through_it_is_waited_for() {
        let at = |health: EnvironmentHealthStatus| EnvironmentDescription::builder().health_status(health).build();
        let warned = Mutex::new(0);
        for _ in 1..READS_OF_WARNING {
            assert!(!has_rested(&at(EnvironmentHealthStatus::Warning), &warned));
        }
        assert!(!has_rested(&at(EnvironmentHealthStatus::Degraded), &warned));
        for _ in 1..READS_OF_WARNING {
            assert!(!has_rested(&at(EnvironmentHealthStatus::Warning), &warned));
        }
        assert!(has_rested(&at(EnvironmentHealthStatus::Warning), &warned));
    }
}
