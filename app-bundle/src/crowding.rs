//! Whether requests wait for a processor: then those who come are turned away at once, and those who are in are served fast.
//! It knows nothing of requests; the bound on writes in flight ([`crate::store`]) is for when DynamoDB is what is slow.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeMetrics};

/// A line that was not empty once in this time is no burst that passes: it stands. (The rule of CoDel, RFC 8289: not the
/// length of a queue tells, but its minimum over an interval.) Most of a thousand who come at once are let in within it.
const STANDING: Duration = Duration::from_millis(40);

/// The same shortly after the line stood: it will again, and whoever is let in until then waits in it.
const STANDING_AGAIN: Duration = Duration::from_millis(2);

/// How long that is.
const SHORTLY: Duration = Duration::from_millis(200);

/// Knows since when one worker has had something to do without a break.
pub struct Crowding {
    worker: RuntimeMetrics,
    started: Instant,
    /// How often the worker had nothing to do, when last looked at.
    rests: AtomicU64,
    /// When that number was last seen to grow, in microseconds since `started`.
    rested_at: AtomicU64,
    /// When the line was last seen to stand, likewise.
    stood_at: AtomicU64,
    /// With fewer registrations under way it is the machine's pause, not a queue of ours.
    many: usize,
}

impl Crowding {
    /// Of the worker that this is called on, in an app that bounds its writes in flight to `most`.
    pub fn watch(most: usize) -> Self {
        Self {
            worker: Handle::current().metrics(),
            started: Instant::now(),
            rests: AtomicU64::new(0),
            rested_at: AtomicU64::new(0),
            stood_at: AtomicU64::new(0),
            many: (most / 64).max(1),
        }
    }

    /// Whether one more is too many, with so many registrations under way.
    pub fn is_crowded(&self, under_way: usize) -> bool {
        let now = self.started.elapsed().as_micros() as u64;
        let rests = self.worker.worker_park_count(0);
        if self.rests.swap(rests, Ordering::Relaxed) != rests {
            self.rested_at.store(now, Ordering::Relaxed);
        }
        let since = |then: &AtomicU64| Duration::from_micros(now.saturating_sub(then.load(Ordering::Relaxed)));
        let standing = if since(&self.stood_at) < SHORTLY {
            STANDING_AGAIN
        } else {
            STANDING
        };
        let stands = under_way >= self.many && since(&self.rested_at) >= standing;
        if stands {
            self.stood_at.store(now, Ordering::Relaxed);
        }
        stands
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps the worker busy: each task makes the next before it ends.
    async fn busy(crowding: &Crowding, under_way: usize) -> bool {
        let until = Instant::now() + STANDING * 3;
        while Instant::now() < until {
            tokio::task::yield_now().await;
        }
        crowding.is_crowded(under_way)
    }

    #[tokio::test]
    async fn a_line_that_stands_shows_and_so_does_its_end() {
        let crowding = Crowding::watch(1600);
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(!crowding.is_crowded(400), "nobody has come yet");
        assert!(busy(&crowding, 25).await);
        assert!(
            !busy(&crowding, 24).await,
            "a pause of the machine turned somebody away"
        );
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(!crowding.is_crowded(400), "the worker had nothing to do just now");
    }
}
