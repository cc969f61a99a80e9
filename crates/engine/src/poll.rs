//! The one poller for every wait: four answers, good reads in a row, jitter, a warning, a deadline, cancellation.
//! Must know nothing of what is waited for. Throttling and lost reads never decide a result.

use std::time::Duration;

use super::{Error, Limits};

/// What a probe found.
#[derive(Debug)]
pub enum Poll<T> {
    Ready(T),
    /// Still on the way; the text is shown.
    NotYet(String),
    /// It will never be.
    Failed(Error),
    /// No answer: asked again until the deadline. An error that is one ends the wait, as [`Poll::Failed`] does.
    Unknown(Error),
}

/// How fast the other side is, and so how often to ask and how long to wait.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How many times faster than AWS.
    pub speed: f64,
    /// Nothing is asked more often than this.
    pub shortest_interval: Duration,
    /// No deadline is shorter than this.
    pub shortest_limit: Duration,
}

impl Pace {
    /// AWS itself.
    pub const AWS: Self = Self {
        speed: 1.0,
        shortest_interval: Duration::from_millis(500),
        shortest_limit: Duration::from_secs(1),
    };

    pub fn interval(&self, aws: Duration) -> Duration {
        aws.div_f64(self.speed).max(self.shortest_interval)
    }

    pub fn limit(&self, aws: Duration) -> Duration {
        aws.div_f64(self.speed).max(self.shortest_limit)
    }

    /// A fixed pause of AWS's time.
    pub fn pause(&self, aws: Duration) -> Duration {
        aws.div_f64(self.speed).max(Duration::from_millis(20))
    }
}

/// What is waited for, and how.
#[derive(Debug, Clone)]
pub struct Wait {
    /// Read after "waiting for": `the table to become ACTIVE`.
    pub what: String,
    /// Between two reads, in AWS's time.
    pub every: Duration,
    /// Good reads in a row that are believed: more than one where AWS is eventually consistent.
    pub good_reads: u32,
    pub limits: Limits,
    /// Whether a Ctrl-C ends it. Not where it completes a change that must not be left half made.
    pub stoppable: bool,
}

impl Wait {
    pub fn new(what: impl Into<String>, every_seconds: u64, limits: Limits) -> Self {
        Self {
            what: what.into(),
            every: Duration::from_secs(every_seconds),
            good_reads: 1,
            limits,
            stoppable: true,
        }
    }

    /// For what must not be left half made because of a Ctrl-C.
    #[must_use]
    pub fn to_the_end(mut self) -> Self {
        self.stoppable = false;
        self
    }

    #[must_use]
    pub fn good_reads(mut self, reads: u32) -> Self {
        self.good_reads = reads;
        self
    }
}

/// The next pause: the interval, up to a fifth longer or shorter, so that many waits do not ask in step.
pub(super) fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(rand::random_range(0.8..1.2))
}
