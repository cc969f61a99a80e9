//! The live tree: one line a running step with the newest thing known of it, finished steps above, what is left below.
//! Only for a terminal: indicatif prints nothing elsewhere, and says it did.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use super::err;
use super::hints::Run;
use super::page::Page;
use super::progress::{Progress, about, column};
use super::render::{doing, done, notice, style, unforeseen};
use super::terminal::one_line;
use crate::engine::{Event, ResourceId, Sink, counted};

/// In fewer columns the newest thing that is known stands in a line of its own, below all steps: beside one it could not be read.
const WIDE: usize = 100;

pub(super) struct Tree {
    all: MultiProgress,
    running: Mutex<HashMap<ResourceId, ProgressBar>>,
    /// How long the run still takes.
    below: Mutex<Option<ProgressBar>>,
    progress: Arc<Progress>,
    columns: usize,
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
            below: Mutex::default(),
            progress: Arc::default(),
            columns: columns.unwrap_or(80),
            run,
        }
    }

    #[cfg(test)]
    pub(super) fn redraw(&self) {
        self.lock().values().for_each(ProgressBar::tick);
        self.below().iter().for_each(ProgressBar::tick);
    }

    fn start(&self, resource: ResourceId, text: String) {
        let new = ProgressBar::new_spinner();
        let bar = match self.below().as_ref() {
            Some(below) => self.all.insert_before(below, new),
            None => self.all.add(new),
        };
        let progress = self.progress.clone();
        let left = move |_: &ProgressState, to: &mut dyn Write| {
            // A column that cannot be written is drawn anew in a moment.
            let _ = to.write_str(&column(progress.left(resource).step));
        };
        bar.set_style(styled(&template(self.columns), "left", left));
        bar.set_prefix(one_line(&text).into_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        self.lock().insert(resource, bar);
    }

    /// Ends a step's line.
    fn end(&self, resource: ResourceId) {
        if let Some(bar) = self.lock().remove(resource) {
            bar.finish_and_clear();
        }
        // Nothing is taken before it is over: a bar that is let go is gone.
        if self.progress.is_over()
            && let Some(below) = self.below().take()
        {
            below.finish_and_clear();
        }
    }

    /// What is left of the run, for as long as anything of it is.
    fn expect(&self) {
        let bar = self.all.add(ProgressBar::new_spinner());
        let progress = self.progress.clone();
        let left = move |_: &ProgressState, to: &mut dyn Write| {
            let text = progress.run().map(|seconds| format!("about {} left", about(seconds)));
            let _ = to.write_str(&text.unwrap_or_default());
        };
        let newest = if self.columns < WIDE { "\n  {wide_msg:.dim}" } else { "" };
        bar.set_style(styled(&format!("  {{left}}{newest}"), "left", left));
        bar.enable_steady_tick(Duration::from_millis(500));
        if let Some(former) = self.below().replace(bar) {
            former.finish_and_clear();
        }
    }

    fn tell(&self, resource: ResourceId, text: &str) {
        let text = one_line(text);
        if let Some(bar) = self.lock().get(resource) {
            bar.set_message(text.clone().into_owned());
        }
        if let Some(below) = self.below().as_ref() {
            below.set_message(format!("{resource}: {text}"));
        }
    }

    fn below(&self) -> std::sync::MutexGuard<'_, Option<ProgressBar>> {
        self.below.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
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
        self.progress.hear(&event);
        match &event {
            Event::Expected { .. } => self.expect(),
            Event::Started {
                resource,
                title,
                action,
            } => self.start(resource, format!("{} {title}", doing(*action))),
            Event::Progress { resource, text } => self.tell(resource, text),
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

fn styled(
    template: &str,
    key: &'static str,
    write: impl Fn(&ProgressState, &mut dyn Write) + Clone + Send + Sync + 'static,
) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
    style.with_key(key, write)
}

/// A running step's line: how long it has taken, what is left of it, and where there is room what it waits for.
fn template(columns: usize) -> String {
    let beside = "  * ".len() + " 100s".len() + "  ~4m20s".len();
    let free = columns.saturating_sub(beside);
    let (title, message) = match columns < WIDE {
        true => (free.clamp(16, 60), ""),
        false => ((free / 2).clamp(16, 44), "  {wide_msg:.dim}"),
    };
    format!("  {{spinner}} {{prefix:<{title}!}} {{elapsed:>4}} {{left:>7}}{message}")
}

/// What stays above the running steps.
pub(super) fn lasting(page: Page<'_>, event: &Event) -> String {
    let (good, bad, dim) = (style::GOOD, style::BAD, style::DIM);
    let text = match event {
        Event::Expected { steps } => format!("  {} to go", counted(steps.len() as u64, "step")),
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
