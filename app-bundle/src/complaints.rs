//! Says at most once a second that DynamoDB failed: an outage at full load must not fill the disk.
//! The metrics count every registration that failed; addresses never get here.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

#[derive(Default)]
pub struct Complaints {
    started: OnceLock<Instant>,
    /// The second, counted from `started` plus one, in which the last was logged.
    last: AtomicU64,
}

impl Complaints {
    pub fn log(&self, operation: &str, reason: &str) {
        let second = self.started.get_or_init(Instant::now).elapsed().as_secs() + 1;
        if self.last.swap(second, Ordering::Relaxed) != second {
            tracing::error!(operation, reason, "DynamoDB failed");
        }
    }
}
