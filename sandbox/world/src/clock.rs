//! Sandbox time: starts at real time and runs a number of times faster.
//! Must know nothing of what is timed with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// Nothing in the sandbox is shorter than this in real time, however fast its clock runs.
pub const SHORTEST: Duration = Duration::from_millis(20);

/// And so long apart in real time, at least, are looks that go on for ever: what they take of the machine no clock makes less.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// The one clock. Every timestamp inside a payload is its time; signatures and HTTP dates use real time.
#[derive(Debug, Clone)]
pub struct Clock {
    began: Timestamp,
    since: Instant,
    scale: f64,
    /// Nanoseconds that passed at once.
    skipped: Arc<AtomicI64>,
}

impl Clock {
    /// `scale`: how many sandbox seconds pass in one real second, 1 to 3600.
    pub fn new(scale: f64) -> Self {
        Self {
            began: Timestamp::now(),
            since: Instant::now(),
            scale: scale.clamp(1.0, 3600.0),
            skipped: Arc::default(),
        }
    }

    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// Sandbox time now.
    pub fn now(&self) -> Timestamp {
        let passed = self.since.elapsed().as_secs_f64() * self.scale;
        let skipped = SignedDuration::from_nanos(self.skipped.load(Ordering::SeqCst));
        self.began + SignedDuration::from_secs_f64(passed) + skipped
    }

    /// Lets sandbox time pass at once: tests must not depend on a machine's pace.
    pub fn skip(&self, sandbox: Duration) {
        let nanoseconds = i64::try_from(sandbox.as_nanos()).unwrap_or(i64::MAX);
        self.skipped.fetch_add(nanoseconds, Ordering::SeqCst);
    }

    /// Seconds since the epoch of sandbox time, with fractions.
    pub fn seconds(&self) -> f64 {
        self.now().as_nanosecond() as f64 / 1e9
    }

    /// How long `sandbox` takes in real time.
    pub fn real(&self, sandbox: Duration) -> Duration {
        sandbox.div_f64(self.scale).max(SHORTEST)
    }

    /// Waits for `sandbox` of sandbox time.
    pub(crate) async fn sleep(&self, sandbox: Duration) {
        tokio::time::sleep(self.real(sandbox)).await;
    }

    /// Waits for the next of looks that are so many seconds of sandbox time apart.
    pub(crate) async fn until_next_look(&self, seconds: u64) {
        tokio::time::sleep(self.between_looks(seconds)).await;
    }

    /// How long looks are apart in real time that are so many seconds of sandbox time apart.
    pub fn between_looks(&self, seconds: u64) -> Duration {
        self.real(Duration::from_secs(seconds)).max(BETWEEN_LOOKS)
    }

    /// As [`Clock::sleep`], in whole seconds of sandbox time.
    pub(crate) async fn sleep_seconds(&self, seconds: u64) {
        self.sleep(Duration::from_secs(seconds)).await;
    }
}

/// `2026-11-24T10:00:00.000Z`, as AWS writes times in XML.
pub fn text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// `2026-11-24T10:00:00Z`, as Auto Scaling writes times inside sentences.
pub fn seconds_text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
