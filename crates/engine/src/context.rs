//! What a resource may use while it is observed (reads only) or changed.
//! Must know nothing of any resource.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::executor::Shared;
use super::making::{Existence, Making};
use super::poll::jittered;
use super::{Busy, Error, Event, Events, FieldChange, Kind, Output, Pace, Poll, ResourceId, Values, Wait};

/// What is about to be made and could not be found again otherwise if the answer were lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The resource's id.
    pub resource: String,
    /// What: `caller-reference`, `default-vpc`, …
    pub what: String,
    pub value: String,
}

fn intent(resource: ResourceId, what: &str, value: &str) -> Intent {
    Intent {
        resource: resource.to_owned(),
        what: what.to_owned(),
        value: value.to_owned(),
    }
}

/// The intents of former runs that are not settled, and those of this one. Shared by all its clones.
#[derive(Debug, Clone, Default)]
pub struct Intents(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// Oldest first.
    all: Vec<Intent>,
    /// Of former runs, those of which nobody has seen yet what became of them.
    in_doubt: Vec<Intent>,
}

impl Intents {
    /// Oldest first.
    pub fn new(former: Vec<Intent>) -> Self {
        let known = Known {
            in_doubt: former.clone(),
            all: former,
        };
        Self(Arc::new(Mutex::new(known)))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, intent: Intent) {
        self.known().all.push(intent);
    }

    fn is_in_doubt(&self, intent: &Intent) -> bool {
        self.known().in_doubt.contains(intent)
    }

    fn settle(&self, intent: &Intent) {
        self.known().in_doubt.retain(|other| other != intent);
    }

    /// The values that were recorded for a resource, newest last.
    pub fn of(&self, resource: &str, what: &str) -> Vec<String> {
        let known = self.known();
        known
            .all
            .iter()
            .filter(|intent| intent.resource == resource && intent.what == what)
            .map(|intent| intent.value.clone())
            .collect()
    }
}

/// Keeps intents where a later run finds them.
pub trait Journal: Send + Sync {
    /// Durable when it returns.
    fn record(&self, intent: Intent) -> BoxFuture<'_, Result<(), Error>>;
}

/// Who is asked where a run comes upon what its plan did not show: an output turned out otherwise, or what was in transition
/// rests.
pub trait Gate: Send + Sync {
    /// Called by one step at a time or by several; the others go on meanwhile.
    ///
    /// # Errors
    /// Where nobody agrees: the step ends with it, and nothing of it was done.
    fn agree<'a>(&'a self, title: &'a str, unseen: &'a [FieldChange]) -> BoxFuture<'a, Result<(), Error>>;
}

/// What every step of a run shares.
#[derive(Clone)]
pub struct Settings {
    pub pace: Pace,
    pub events: Events,
    /// Cancelled by the first Ctrl-C, or when the lock is lost: nothing more is started.
    pub stop: CancellationToken,
    /// When the whole run gives up.
    pub deadline: Instant,
    pub intents: Intents,
    pub busy: Busy,
}

/// For observing.
pub struct ReadCx<C> {
    clients: Arc<C>,
    settings: Settings,
}

impl<C> Clone for ReadCx<C> {
    fn clone(&self) -> Self {
        Self {
            clients: self.clients.clone(),
            settings: self.settings.clone(),
        }
    }
}

impl<C> ReadCx<C> {
    /// `clients` must be ones that cannot write.
    pub fn new(clients: Arc<C>, settings: Settings) -> Self {
        Self { clients, settings }
    }

    /// Clients that refuse every operation that is not a read.
    pub fn aws(&self) -> &C {
        &self.clients
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The values that this and former runs recorded for this resource, newest last.
    pub fn intents(&self, resource: ResourceId, what: &str) -> Vec<String> {
        self.settings.intents.of(resource, what)
    }

    /// Whether a former run recorded this, and nobody has said since what became of it.
    pub fn is_in_doubt(&self, resource: ResourceId, what: &str, value: &str) -> bool {
        self.settings.intents.is_in_doubt(&intent(resource, what, value))
    }

    /// It is known now what became of it.
    pub fn settle(&self, resource: ResourceId, what: &str, value: &str) {
        self.settings.intents.settle(&intent(resource, what, value));
    }
}

/// For changing.
pub struct WriteCx<C> {
    /// As the graph knows it.
    pub(super) resource: ResourceId,
    /// As the journal does: a resource and one of a former profile share their intents.
    pub(super) kind: ResourceId,
    pub(super) clients: Arc<C>,
    pub(super) read: ReadCx<C>,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) shared: Arc<Shared>,
    pub(super) making: Making,
}

impl<C> WriteCx<C> {
    pub fn aws(&self) -> &C {
        &self.clients
    }

    pub fn read(&self) -> &ReadCx<C> {
        &self.read
    }

    pub fn settings(&self) -> &Settings {
        &self.read.settings
    }

    pub fn values(&self) -> Values {
        self.shared.values()
    }

    /// A value that the engine made sure is known before this step started.
    ///
    /// # Errors
    /// Where the resource did not list the output in its needs.
    pub fn need<T: Clone + Send + Sync + 'static>(&self, output: &Output<T>) -> Result<T, Error> {
        self.values().get(output).ok_or_else(|| {
            Error::failed(format!(
                "{} used the output '{}' without needing it",
                self.resource, output.name
            ))
        })
    }

    /// Going up: makes an output known before the step is finished.
    pub fn publish<T: Send + Sync + 'static>(&self, output: &Output<T>, value: T) {
        let mut values = Values::default();
        values.set(output, value);
        self.shared.publish(self.resource, true, values);
    }

    /// Going down: this resource no longer uses the output.
    pub fn release(&self, output: &'static str) {
        self.shared.release(output, self.resource, true);
    }

    /// Writes down what is about to be made, before the call that makes it.
    ///
    /// # Errors
    /// Where it could not be written: the call must not be made then.
    pub async fn intend(&self, what: &str, value: impl Into<String>) -> Result<(), Error> {
        let intent = intent(self.kind, what, &value.into());
        self.journal.record(intent.clone()).await?;
        self.settings().intents.add(intent);
        Ok(())
    }

    /// AWS is about to be asked to make it: until it answers, nobody knows whether there is one.
    pub fn making(&self) {
        self.making.set(Existence::InDoubt);
    }

    /// There is one now, and it goes on costing however the step ends.
    pub fn made(&self) {
        self.making.set(Existence::Made);
    }

    /// AWS made none.
    pub fn not_made(&self) {
        self.making.set(Existence::NotMade);
    }

    /// There is none any more, whether it was there before the step or the step made it.
    pub fn gone(&self) {
        self.making.is_gone();
    }

    /// Shows what the step is at.
    pub fn step(&self, text: impl Into<String>) {
        self.settings().events.send(Event::Progress {
            resource: self.resource,
            text: text.into(),
        });
    }

    /// Called before every mutation.
    ///
    /// # Errors
    /// Where the run was stopped or its deadline passed.
    pub fn check(&self) -> Result<(), Error> {
        if self.settings().stop.is_cancelled() {
            return Err(Error::stopped());
        }
        if Instant::now() >= self.settings().deadline {
            return Err(deadline_passed("the run"));
        }
        Ok(())
    }

    /// A fixed pause of AWS's time, for what no read can tell.
    ///
    /// # Errors
    /// Where the run was stopped.
    pub async fn pause(&self, aws: Duration) -> Result<(), Error> {
        self.pause_since(Instant::now(), aws).await
    }

    /// As [`WriteCx::pause`], where some of it has passed already.
    ///
    /// # Errors
    /// Where the run was stopped.
    pub async fn pause_since(&self, began: Instant, aws: Duration) -> Result<(), Error> {
        let end = began + self.settings().pace.pause(aws);
        tokio::select! {
            () = tokio::time::sleep_until(end) => Ok(()),
            () = self.settings().stop.cancelled() => Err(Error::stopped()),
        }
    }

    /// Asks until the probe is ready or failed, the wait's limit or the run's deadline passes, or the run is stopped.
    ///
    /// # Errors
    /// What the probe failed with, `Kind::Deadline`, or `Kind::Stopped`.
    pub async fn wait<T, F>(&self, wait: &Wait, mut probe: impl FnMut() -> F) -> Result<T, Error>
    where
        F: Future<Output = Poll<T>> + Send,
    {
        let settings = self.settings();
        let _held = (!wait.stoppable).then(|| self.making.hold());
        let began = Instant::now();
        let give_up = (began + settings.pace.limit(wait.limits.give_up_after)).min(settings.deadline);
        let warn = began + settings.pace.limit(wait.limits.warn_after);
        let (mut warned, mut good, mut last, mut shown) = (false, 0, None, String::new());
        loop {
            let polled = probe().await;
            settings.busy.heard(!matches!(polled, Poll::Unknown(_)));
            match polled {
                Poll::Ready(value) => {
                    good += 1;
                    if good >= wait.good_reads {
                        return Ok(value);
                    }
                }
                Poll::NotYet(text) => {
                    good = 0;
                    if !text.is_empty() && text != shown {
                        self.step(text.clone());
                        shown.clone_from(&text);
                    }
                    last = Some(text);
                }
                Poll::Failed(error) => return Err(error),
                // A denial, or whatever else AWS answers, is an answer: to ask again longer brings no other.
                Poll::Unknown(error) if error.kind != Kind::Unreachable => return Err(error),
                Poll::Unknown(error) => {
                    good = 0;
                    tracing::debug!(%error, what = wait.what, "no answer while waiting");
                    last = Some(error.to_string());
                }
            }
            let now = Instant::now();
            if now >= give_up {
                let error = deadline_passed(&wait.what);
                return Err(match last.filter(|text| !text.is_empty()) {
                    Some(text) => error.because(format!("last seen: {text}")),
                    None => error,
                });
            }
            if now >= warn && !warned {
                warned = true;
                let seconds = began.elapsed().as_secs();
                self.step(format!(
                    "waiting for {} takes longer than usual ({seconds} s so far)",
                    wait.what
                ));
            }
            let every = wait.interval((now - began).mul_f64(settings.pace.speed)) * settings.busy.slower();
            let pause = jittered(settings.pace.interval(every)).min(give_up.saturating_duration_since(now));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = settings.stop.cancelled(), if wait.stoppable => return Err(Error::stopped()),
            }
        }
    }
}

pub(super) fn deadline_passed(what: &str) -> Error {
    Error::new(Kind::Deadline, format!("gave up waiting for {what}"))
        .hint("run the same command again: it goes on from here; `--timeout 90m` gives it longer")
}
