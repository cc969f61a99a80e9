//! Tags that a reader sees only some time after they were set, as on AWS he may.
//! Must know nothing of whose tags they are.

use jiff::{SignedDuration, Timestamp};

use super::Tags;

#[derive(Debug, Clone)]
pub(crate) struct SettlingTags {
    tags: Tags,
    before: Tags,
    changed: Timestamp,
}

impl SettlingTags {
    pub(crate) fn new(tags: Tags, now: Timestamp) -> Self {
        Self {
            tags,
            before: Tags::new(),
            changed: now,
        }
    }

    pub(crate) fn change(&mut self, now: Timestamp, change: impl FnOnce(&mut Tags)) {
        self.before.clone_from(&self.tags);
        self.changed = now;
        change(&mut self.tags);
    }

    /// What is there, seen or not.
    pub(crate) fn all(&self) -> &Tags {
        &self.tags
    }

    /// What a reader sees, where changes take `delay` to show.
    pub(crate) fn visible(&self, now: Timestamp, delay: SignedDuration) -> &Tags {
        if now.duration_since(self.changed) < delay {
            &self.before
        } else {
            &self.tags
        }
    }
}
