//! The one poller for every wait: four answers, good reads in a row, jitter, a warning, a deadline, cancellation.
//! Must know nothing of what is waited for. Throttling and lost reads never decide a result.

use std::sync::{Arc, Mutex, PoisonError};
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
    /// How long it usually takes, in AWS's time: until then it is asked for seldom at first, and oftener as that time comes.
    pub usually: Option<Duration>,
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
            usually: None,
            stoppable: true,
        }
    }

    #[must_use]
    pub fn usually(mut self, seconds: u64) -> Self {
        self.usually = Some(Duration::from_secs(seconds));
        self
    }

    /// Until the next read, `waited` after the first; both in AWS's time. A quarter of what is usually left.
    pub(super) fn interval(&self, waited: Duration) -> Duration {
        let left = self.usually.unwrap_or_default().saturating_sub(waited);
        self.every.max(left / 4)
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

/// Whether the other side answers. Shared by all waits of a run: where it turns one away, all ask less often.
#[derive(Debug, Clone, Default)]
pub struct Busy(Arc<Mutex<Strain>>);

#[derive(Debug, Default)]
struct Strain {
    doublings: u32,
    answers: u32,
}

/// Eight times as seldom at most.
const MOST_DOUBLINGS: u32 = 3;
/// So many answers in a row halve the pauses again.
const CALM: u32 = 3;

impl Busy {
    pub(super) fn heard(&self, answered: bool) {
        let mut strain = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match answered {
            false => {
                strain.doublings = MOST_DOUBLINGS.min(strain.doublings + 1);
                strain.answers = 0;
            }
            true => strain.answers += 1,
        }
        if strain.answers >= CALM {
            strain.doublings = strain.doublings.saturating_sub(1);
            strain.answers = 0;
        }
    }

    pub(super) fn slower(&self) -> u32 {
        1 << self.0.lock().unwrap_or_else(PoisonError::into_inner).doublings
    }
}

/// The next pause: the interval, up to a fifth longer or shorter, so that many waits do not ask in step.
pub(super) fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(rand::random_range(0.8..1.2))
}
