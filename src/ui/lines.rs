//! Plain lines on standard error for what is no terminal: state changes, and a sparse sign of life.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::err;
use super::hints::Run;
use super::page::Page;
use super::progress::{Left, Progress};
use super::render::{doing, done, notice, unforeseen};
use super::terminal::one_line;
use crate::engine::{Event, ResourceId, Sink, counted};

/// A step's news is printed at most this often; its start and its end always are.
const SPARSE: Duration = Duration::from_secs(15);

pub(super) struct Lines {
    began: Instant,
    last: Mutex<HashMap<ResourceId, Instant>>,
    progress: Progress,
    run: Arc<Run>,
}

impl Lines {
    pub(super) fn new(run: Arc<Run>) -> Self {
        Self {
            began: Instant::now(),
            last: Mutex::default(),
            progress: Progress::default(),
            run,
        }
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
        let left = self.progress.hear(&event);
        let shown = match &event {
            Event::Started { resource, .. } => {
                self.is_due(resource);
                true
            }
            Event::Progress { resource, .. } => self.is_due(resource),
            Event::Expected { .. } => left.run.is_some(),
            _ => true,
        };
        if shown {
            err(&format!(
                "{:>7.1}s  {}",
                self.began.elapsed().as_secs_f64(),
                line(&self.run, &event, left)
            ));
        }
    }
}

/// One line, whatever it holds: what reads it is no terminal.
pub(super) fn line(run: &Run, event: &Event, left: Left) -> String {
    let page = Page { run, columns: None };
    let line = match event {
        Event::Expected { steps } => format!("{} to go{}", counted(steps.len() as u64, "step"), left.in_a_line()),
        Event::Started { title, action, .. } => format!("{} {title}{}", doing(*action), left.in_a_line()),
        Event::Progress { resource, text } => format!("{resource}: {text}{}", left.in_a_line()),
        Event::Done {
            title, action, seconds, ..
        } => format!("{} {title} ({seconds:.1} s)", done(*action)),
        Event::Failed { title, error, .. } => format!("failed {title}: {error}"),
        Event::Skipped { title, because, .. } => format!("skipped {title}, because of {because}"),
        Event::Stopped { title, .. } => format!("stopped {title}"),
        Event::Unforeseen { title, fields, .. } => unforeseen(title, fields, "; "),
        Event::Notice { text, hint } => notice(page, text, hint.as_ref()),
    };
    one_line(&page.fold(&line)).into_owned()
}

/// For `--quiet`.
pub(super) struct Silent;

impl Sink for Silent {
    fn event(&self, _: Event) {}
}
