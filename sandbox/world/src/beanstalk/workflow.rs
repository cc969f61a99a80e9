//! One run of an operation on an environment: its clock, its events, its way into the state.
//! Must know nothing of what the operation does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::events::{Event, Severity};
use super::{Abort, Environment, Status};
use crate::plane::START_LIMIT;
use crate::{Region, World};

#[derive(Clone)]
pub(super) struct Run {
    pub world: Arc<World>,
    pub region: String,
    /// Of the environment.
    pub id: String,
    /// Of the call that asked for it; empty where none did.
    pub request_id: String,
    /// Seconds of sandbox time.
    started: f64,
}

/// How long something may take: sandbox time for what is AWS's, and at least a real time for what is a real process
/// here, which no clock makes faster.
pub(super) struct Patience {
    sandbox_end: f64,
    real_end: Instant,
}

/// Real time that health checks get in any case.
const REAL_GRACE: Duration = Duration::from_secs(10);
/// Real time that new instances get in any case: a process that never listens must be reported as such at every time
/// scale, not be overtaken by the end of the stack's wait.
const REAL_START_GRACE: Duration = START_LIMIT.saturating_add(REAL_GRACE);

impl Run {
    pub(super) fn new(world: &Arc<World>, region: &str, id: &str, request_id: &str) -> Self {
        Self {
            world: Arc::clone(world),
            region: region.to_owned(),
            id: id.to_owned(),
            request_id: request_id.to_owned(),
            started: world.clock.seconds(),
        }
    }

    /// The same for what nobody asked for: changes of health belong to no request.
    pub(super) fn without_request(&self) -> Self {
        Self {
            request_id: String::new(),
            ..self.clone()
        }
    }

    /// A second part of the same run, whose clock starts now.
    pub(super) fn next_part(&self) -> Self {
        Self {
            started: self.world.clock.seconds(),
            ..self.clone()
        }
    }

    /// When it began, in sandbox time.
    pub(super) fn began(&self) -> Timestamp {
        let seconds = jiff::SignedDuration::from_secs_f64(self.started);
        Timestamp::from_duration(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// It took until now, since this run began, that the environment came so far.
    pub(super) fn reached(&self, until: &'static str) {
        let (began, now) = (self.began(), self.world.clock.now());
        let mut state = self.world.lock();
        state.life_cycles.passed("environment", &self.id, until, began, now);
    }

    /// Whether AbortEnvironmentUpdate was called for it.
    pub(super) fn is_aborted(&self) -> bool {
        self.environment(|environment| environment.abort == Abort::Asked) == Some(true)
    }

    /// Waits until `seconds` of sandbox time after the start.
    pub(super) async fn at(&self, seconds: f64) {
        let left = self.started + seconds - self.world.clock.seconds();
        if left > 0.0 {
            self.world.clock.sleep(Duration::from_secs_f64(left)).await;
        }
    }

    /// For what is up already and has to become healthy.
    pub(super) fn patience(&self, seconds: i64) -> Patience {
        self.patience_with(seconds, REAL_GRACE)
    }

    /// For instances that have yet to start their processes.
    pub(super) fn start_patience(&self, seconds: i64) -> Patience {
        self.patience_with(seconds, REAL_START_GRACE)
    }

    fn patience_with(&self, seconds: i64, grace: Duration) -> Patience {
        Patience {
            sandbox_end: self.world.clock.seconds() + seconds as f64,
            real_end: Instant::now() + grace,
        }
    }

    pub(super) fn is_over(&self, patience: &Patience) -> bool {
        self.world.clock.seconds() > patience.sandbox_end && Instant::now() > patience.real_end
    }

    pub(super) fn region<T>(&self, act: impl FnOnce(&mut Region) -> T) -> T {
        act(self.world.lock().region(&self.region))
    }

    /// `None` only if somebody took the record away, which nobody does.
    pub(super) fn environment<T>(&self, act: impl FnOnce(&mut Environment) -> T) -> Option<T> {
        self.region(|here| here.beanstalk.environments.get_mut(&self.id).map(act))
    }

    /// A copy to read from.
    pub(super) fn snapshot(&self) -> Option<Environment> {
        self.environment(|environment| environment.clone())
    }

    pub(super) fn info(&self, message: impl Into<String>) {
        self.event(Severity::Info, message);
    }

    pub(super) fn error(&self, message: impl Into<String>) {
        self.event(Severity::Error, message);
    }

    pub(super) fn event(&self, severity: Severity, message: impl Into<String>) {
        let time = self.world.clock.now();
        self.region(|here| {
            let Some(environment) = here.beanstalk.environments.get(&self.id) else {
                return;
            };
            let event = Event {
                time,
                severity,
                message: message.into(),
                application: environment.application.clone(),
                environment: Some((environment.id.clone(), environment.name.clone())),
                version_label: None,
                request_id: (!self.request_id.is_empty()).then(|| self.request_id.clone()),
            };
            here.beanstalk.events.push(event);
        });
    }

    /// The environment is gone; who looks within an hour still finds it.
    pub(super) fn end(&self) {
        let now = self.world.clock.now();
        self.environment(|environment| {
            environment.status = Status::Terminated;
            environment.updated = now;
            environment.ended = Some(now);
        });
    }
}
