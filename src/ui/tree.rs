//! The live tree: one line a running step with the newest thing known of it, finished steps above.
//! Only for a terminal: indicatif prints nothing elsewhere, and says it did.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::err;
use super::hints::Run;
use super::page::Page;
use super::render::{doing, done, notice, style, unforeseen};
use super::terminal::one_line;
use crate::engine::{Event, ResourceId, Sink};

pub(super) struct Tree {
    all: MultiProgress,
    running: Mutex<HashMap<ResourceId, ProgressBar>>,
    /// Of a running step's line.
    template: String,
    run: Arc<Run>,
}

impl Tree {
    pub(super) fn new(run: Arc<Run>) -> Self {
        let columns = Page::of_stderr(&run).columns;
        Self::on(MultiProgress::new(), run, columns)
    }

    pub(super) fn on(all: MultiProgress, run: Arc<Run>, columns: Option<usize>) -> Self {
        Self {
            all,
            running: Mutex::default(),
            template: template(columns),
            run,
        }
    }

    #[cfg(test)]
    pub(super) fn redraw(&self) {
        self.lock().values().for_each(ProgressBar::tick);
    }

    fn start(&self, resource: ResourceId, text: String) {
        let bar = self.all.add(ProgressBar::new_spinner());
        let template = ProgressStyle::with_template(&self.template);
        bar.set_style(template.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.set_prefix(one_line(&text).into_owned());
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
                    bar.set_message(one_line(text).into_owned());
                }
            }
            Event::Done { resource, .. }
            | Event::Failed { resource, .. }
            | Event::Skipped { resource, .. }
            | Event::Stopped { resource, .. } => {
                self.end(resource);
                self.print(&lasting(Page::of_stderr(&self.run), &event));
            }
            Event::Unforeseen { .. } | Event::Notice { .. } => self.print(&lasting(Page::of_stderr(&self.run), &event)),
        }
    }
}

/// A running step's line: half of a narrow one is for what it waits for.
fn template(columns: Option<usize>) -> String {
    let beside = "  * ".len() + " 100s  ".len();
    let title = (columns.unwrap_or(80).saturating_sub(beside) / 2).clamp(16, 44);
    format!("  {{spinner}} {{prefix:<{title}!}} {{elapsed:>5}}  {{wide_msg:.dim}}")
}

/// What stays above the running steps.
pub(super) fn lasting(page: Page<'_>, event: &Event) -> String {
    let (good, bad, dim) = (style::GOOD, style::BAD, style::DIM);
    let text = match event {
        Event::Started { title, action, .. } => format!("  {} {title}", doing(*action)),
        Event::Progress { resource, text } => format!("  {resource}: {text}"),
        Event::Done {
            title, action, seconds, ..
        } => format!("  {good}✓{good:#} {} {title} {dim}{seconds:.1} s{dim:#}", done(*action)),
        Event::Failed { title, error, .. } => format!("  {bad}✗ {title}{bad:#}: {}", one_line(&error.to_string())),
        Event::Skipped { title, because, .. } => format!("  {dim}- skipped {title}, because of {because}{dim:#}"),
        Event::Stopped { title, .. } => format!("  {dim}- stopped {title}{dim:#}"),
        Event::Unforeseen { title, fields, .. } => format!("  {}", unforeseen(title, fields, "\n      ")),
        Event::Notice { text, hint } => format!("  {dim}{}{dim:#}", notice(page, text, hint.as_ref())),
    };
    page.fold(&text)
}
