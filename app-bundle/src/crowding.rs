//! Whether requests wait for a processor: then those who come are turned away at once, and those who are in are served fast.
//! It knows nothing of requests; the bound on writes in flight ([`crate::store`]) is for when DynamoDB is what is slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Between two looks. Each is a wake-up, also at night.
const EVERY: Duration = Duration::from_millis(20);

/// A look that comes later than this stood in the queue in which every request stands too.
const LATE: Duration = Duration::from_millis(20);

/// With fewer registrations under way a late look is the machine's pause, not a queue of ours.
const MANY: usize = 64;

/// Knows how long what is ready to run waits; asks by being such a thing itself.
pub struct Crowding(Arc<AtomicBool>);

impl Crowding {
    /// Looks from now on, on the runtime that this is called in, for as long as it is kept.
    pub fn watch() -> Self {
        let crowded = Arc::new(AtomicBool::new(false));
        let told = Arc::downgrade(&crowded);
        tokio::spawn(async move {
            loop {
                let due = Instant::now() + EVERY;
                sleep_until(due).await;
                let Some(told) = told.upgrade() else { return };
                told.store(due.elapsed() >= LATE, Ordering::Relaxed);
            }
        });
        Self(crowded)
    }

    /// Whether one more is too many, with so many registrations under way.
    pub fn is_crowded(&self, under_way: usize) -> bool {
        under_way >= MANY && self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_processor_that_is_taken_shows_and_so_does_its_end() {
        let crowding = Crowding::watch();
        tokio::task::yield_now().await;
        std::thread::sleep(EVERY + LATE * 2);
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(crowding.is_crowded(MANY));
        assert!(
            !crowding.is_crowded(MANY - 1),
            "a pause of the machine turned somebody away"
        );
        while crowding.is_crowded(MANY) {
            tokio::time::sleep(EVERY).await;
        }
    }
}
