//! The live tree: one line a running step with the newest thing known of it, finished steps above.
//! Only for a terminal: indicatif prints nothing elsewhere, and says it did.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::err;
use super::render::{self, doing, done, style};
use crate::engine::{Event, ResourceId, Sink};

pub(super) struct Tree {
    all: MultiProgress,
    running: Mutex<HashMap<ResourceId, ProgressBar>>,
}

impl Tree {
    pub(super) fn new() -> Self {
        Self {
            all: MultiProgress::new(),
            running: Mutex::default(),
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

    /// Ends a step's line and puts a lasting one above the running ones.
    fn end(&self, resource: ResourceId, text: &str) {
        if let Some(bar) = self.lock().remove(resource) {
            bar.finish_and_clear();
        }
        self.print(text);
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
        let (good, bad, dim) = (style::GOOD, style::BAD, style::DIM);
        match event {
            Event::Started {
                resource,
                title,
                action,
            } => self.start(resource, format!("{} {title}", doing(action))),
            Event::Progress { resource, text } => {
                if let Some(bar) = self.lock().get(resource) {
                    bar.set_message(text);
                }
            }
            Event::Done {
                resource,
                title,
                action,
                seconds,
            } => {
                self.end(
                    resource,
                    &format!("  {good}✓{good:#} {} {title} {dim}{seconds:.1} s{dim:#}", done(action)),
                );
            }
            Event::Failed {
                resource, title, error, ..
            } => {
                self.end(resource, &format!("  {bad}✗ {title}{bad:#}: {error}"));
            }
            Event::Skipped {
                resource,
                title,
                because,
            } => {
                self.end(
                    resource,
                    &format!("  {dim}- skipped {title}, because of {because}{dim:#}"),
                );
            }
            Event::Stopped { resource, title, .. } => self.end(resource, &format!("  {dim}- stopped {title}{dim:#}")),
            Event::Unforeseen { title, fields, .. } => self.print(&render::unforeseen(&title, &fields)),
            Event::Notice { text, hint } => {
                let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
                self.print(&format!("  {dim}notice: {text}{hint}{dim:#}"));
            }
        }
    }
}
