//! Sandbox time: starts at real time and runs a number of times faster.
//! Must know nothing of what is timed with it.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Nothing in the sandbox is shorter than this in real time, however fast its clock runs.
pub(crate) const SHORTEST: Duration = Duration::from_millis(20);

/// The one clock. Every timestamp inside a payload is its time; signatures and HTTP dates use real time.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    began: Timestamp,
    since: Instant,
    scale: f64,
    /// Nanoseconds that a test let pass at once.
    #[cfg(test)]
    skipped: std::sync::Arc<std::sync::atomic::AtomicI64>,
}

impl Clock {
    /// `scale`: how many sandbox seconds pass in one real second, 1 to 3600.
    pub(crate) fn new(scale: f64) -> Self {
        Self {
            began: Timestamp::now(),
            since: Instant::now(),
            scale: scale.clamp(1.0, 3600.0),
            #[cfg(test)]
            skipped: std::sync::Arc::default(),
        }
    }

    pub(crate) fn scale(&self) -> f64 {
        self.scale
    }

    /// Sandbox time now.
    pub(crate) fn now(&self) -> Timestamp {
        let passed = self.since.elapsed().as_secs_f64() * self.scale;
        let now = self.began + jiff::SignedDuration::from_secs_f64(passed);
        #[cfg(test)]
        let now = now + jiff::SignedDuration::from_nanos(self.skipped.load(std::sync::atomic::Ordering::SeqCst));
        now
    }

    /// Lets sandbox time pass at once, for tests that must not depend on a machine's pace.
    #[cfg(test)]
    pub(crate) fn skip(&self, sandbox: Duration) {
        let nanoseconds = i64::try_from(sandbox.as_nanos()).unwrap_or(i64::MAX);
        self.skipped.fetch_add(nanoseconds, std::sync::atomic::Ordering::SeqCst);
    }

    /// Seconds since the epoch of sandbox time, with fractions.
    pub(crate) fn seconds(&self) -> f64 {
        self.now().as_nanosecond() as f64 / 1e9
    }

    /// How long `sandbox` takes in real time.
    pub(crate) fn real(&self, sandbox: Duration) -> Duration {
        sandbox.div_f64(self.scale).max(SHORTEST)
    }

    /// Waits for `sandbox` of sandbox time.
    pub(crate) async fn sleep(&self, sandbox: Duration) {
        tokio::time::sleep(self.real(sandbox)).await;
    }

    /// As [`Clock::sleep`], in whole seconds of sandbox time.
    pub(crate) async fn sleep_seconds(&self, seconds: u64) {
        self.sleep(Duration::from_secs(seconds)).await;
    }
}

/// `2026-11-24T10:00:00.000Z`, as AWS writes times in XML.
pub(crate) fn text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// `2026-11-24T10:00:00Z`, as Auto Scaling writes times inside sentences.
pub(crate) fn seconds_text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
