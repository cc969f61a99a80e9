//! Plain lines on standard error for what is no terminal: state changes, and a sparse sign of life.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::err;
use super::render::{self, doing, done};
use crate::engine::{Event, ResourceId, Sink};

/// A step's news is printed at most this often; its start and its end always are.
const SPARSE: Duration = Duration::from_secs(15);

pub(super) struct Lines {
    began: Instant,
    last: Mutex<HashMap<ResourceId, Instant>>,
}

impl Lines {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            last: Mutex::default(),
        }
    }

    fn print(&self, text: &str) {
        err(&format!("{:>7.1}s  {text}", self.began.elapsed().as_secs_f64()));
    }

    fn is_due(&self, resource: ResourceId) -> bool {
        let mut last = self.last.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let now = Instant::now();
        let due = last.get(resource).is_none_or(|last| now - *last >= SPARSE);
        if due {
            last.insert(resource, now);
        }
        due
    }
}

impl Sink for Lines {
    fn event(&self, event: Event) {
        match event {
            Event::Started {
                resource,
                title,
                action,
            } => {
                self.is_due(resource);
                self.print(&format!("{} {title}", doing(action)));
            }
            Event::Progress { resource, text } => {
                if self.is_due(resource) {
                    self.print(&format!("{resource}: {text}"));
                }
            }
            Event::Done {
                title, action, seconds, ..
            } => {
                self.print(&format!("{} {title} ({seconds:.1} s)", done(action)));
            }
            Event::Failed { title, error, .. } => self.print(&format!("failed {title}: {error}")),
            Event::Skipped { title, because, .. } => self.print(&format!("skipped {title}, because of {because}")),
            Event::Stopped { title, .. } => self.print(&format!("stopped {title}")),
            Event::Unforeseen { title, fields, .. } => self.print(&render::unforeseen(&title, &fields)),
            Event::Notice { text, hint } => {
                let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
                self.print(&format!("notice: {text}{hint}"));
            }
        }
    }
}

/// For `--quiet`.
pub(super) struct Silent;

impl Sink for Silent {
    fn event(&self, _: Event) {}
}
