//! The live tree: one line a running step with the newest thing known of it, finished steps above.
//! Only for a terminal: indicatif prints nothing elsewhere, and says it did.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::err;
use super::hints::Run;
use super::render::{doing, done, notice, style};
use crate::engine::{Event, ResourceId, Sink};

pub(super) struct Tree {
    all: MultiProgress,
    running: Mutex<HashMap<ResourceId, ProgressBar>>,
    run: Arc<Run>,
}

impl Tree {
    pub(super) fn new(run: Arc<Run>) -> Self {
        Self {
            all: MultiProgress::new(),
            running: Mutex::default(),
            run,
        }
    }

    fn start(&self, resource: ResourceId, text: String) {
        let bar = self.all.add(ProgressBar::new_spinner());
        let template = ProgressStyle::with_template("  {spinner} {prefix:<44!} {elapsed:>5}  {wide_msg:.dim}");
        bar.set_style(template.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.set_prefix(text);
        bar.enable_steady_tick(Duration::from_millis(120));
        self.lock().insert(resource, bar);
    }

    /// Ends a step's line.
    fn end(&self, resource: ResourceId) {
        if let Some(bar) = self.lock().remove(resource) {
            bar.finish_and_clear();
        }
    }

    fn print(&self, text: &str) {
        self.all.suspend(|| err(text));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ResourceId, ProgressBar>> {
        self.running.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Sink for Tree {
    fn event(&self, event: Event) {
        match &event {
            Event::Started {
                resource,
                title,
                action,
            } => self.start(resource, format!("{} {title}", doing(*action))),
            Event::Progress { resource, text } => {
                if let Some(bar) = self.lock().get(resource) {
                    bar.set_message(text.clone());
                }
            }
            Event::Done { resource, .. }
            | Event::Failed { resource, .. }
            | Event::Skipped { resource, .. }
            | Event::Stopped { resource, .. } => {
                self.end(resource);
                self.print(&lasting(&self.run, &event));
            }
            Event::Notice { .. } => self.print(&lasting(&self.run, &event)),
        }
    }
}

/// What stays above the running steps.
fn lasting(run: &Run, event: &Event) -> String {
    let (good, bad, dim) = (style::GOOD, style::BAD, style::DIM);
    match event {
        Event::Started { title, action, .. } => format!("  {} {title}", doing(*action)),
        Event::Progress { resource, text } => format!("  {resource}: {text}"),
        Event::Done {
            title, action, seconds, ..
        } => format!("  {good}✓{good:#} {} {title} {dim}{seconds:.1} s{dim:#}", done(*action)),
        Event::Failed { title, error, .. } => format!("  {bad}✗ {title}{bad:#}: {error}"),
        Event::Skipped { title, because, .. } => format!("  {dim}- skipped {title}, because of {because}{dim:#}"),
        Event::Stopped { title, .. } => format!("  {dim}- stopped {title}{dim:#}"),
        Event::Notice { text, hint } => format!("  {dim}{}{dim:#}", notice(run, text, hint.as_ref())),
    }
}
