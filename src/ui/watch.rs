//! A few lines that change while something is measured: redrawn in a terminal, now and then one elsewhere, JSON lines.
//! Must know nothing of what is measured.

use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::chart::sparkline;
use super::hints::Run;
use super::terminal::one_line;
use super::{Ui, err, json as json_lines};
use crate::cli::Format;

/// Columns of a curve.
const WIDTH: usize = 48;

/// Where there is no terminal, news is printed at most this often.
const SPARSE: Duration = Duration::from_secs(10);

/// A curve of one line.
pub(crate) struct Curve<'a> {
    pub name: &'a str,
    pub values: &'a [f64],
    /// The value at full height; the largest one where there is none.
    pub top: Option<f64>,
    /// The newest value, with its unit.
    pub now: String,
}

/// Lines about one thing that goes on. They vanish when this is dropped.
pub(crate) struct Watch {
    what: &'static str,
    kind: Kind,
}

enum Kind {
    Silent,
    Json(Arc<Run>),
    Lines { last: Option<Instant>, said: String },
    Terminal { all: MultiProgress, bars: Vec<ProgressBar> },
}

impl Ui {
    /// Begins to show `what`, the command's name.
    pub(crate) fn watch(&self, what: &'static str) -> Watch {
        let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        let kind = match (self.format, self.quiet) {
            (Format::Json, _) => Kind::Json(self.run.clone()),
            (_, true) => Kind::Silent,
            (_, false) if terminal => Kind::Terminal {
                all: MultiProgress::new(),
                bars: Vec::new(),
            },
            (_, false) => Kind::Lines {
                last: None,
                said: String::new(),
            },
        };
        Watch { what, kind }
    }
}

impl Watch {
    /// The newest state: one sentence, its curves, and the same for programs.
    pub(crate) fn show(&mut self, text: &str, curves: &[Curve<'_>], value: Value) {
        match &mut self.kind {
            Kind::Silent => {}
            Kind::Json(run) => {
                let mut object = json!({"resource": self.what, "text": text});
                if let (Some(object), Value::Object(members)) = (object.as_object_mut(), value) {
                    object.extend(members);
                }
                json_lines::line(run, "step.progress", object);
            }
            Kind::Lines { last, said } => {
                let due = last.is_none_or(|last| last.elapsed() >= SPARSE);
                if due && said != text {
                    err(&format!("  {}: {text}", self.what));
                    *last = Some(Instant::now());
                    text.clone_into(said);
                }
            }
            Kind::Terminal { all, bars } => {
                let lines = curves.iter().map(line).chain(std::iter::once(format!("  {text}")));
                for (number, line) in lines.enumerate() {
                    if bars.len() <= number {
                        let bar = all.add(ProgressBar::new_spinner());
                        let template = ProgressStyle::with_template("{wide_msg}");
                        bar.set_style(template.unwrap_or_else(|_| ProgressStyle::default_spinner()));
                        bars.push(bar);
                    }
                    bars[number].set_message(one_line(&line).into_owned());
                    bars[number].tick();
                }
            }
        }
    }

    /// Something that stays.
    pub(crate) fn say(&mut self, text: &str) {
        match &self.kind {
            Kind::Silent => {}
            Kind::Json(run) => json_lines::line(run, "notice", json!({"text": text, "hint": null})),
            Kind::Lines { .. } => err(&format!("  {text}")),
            Kind::Terminal { all, .. } => all.suspend(|| err(&format!("  {text}"))),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Kind::Terminal { bars, .. } = &self.kind {
            bars.iter().for_each(ProgressBar::finish_and_clear);
        }
    }
}

fn line(curve: &Curve<'_>) -> String {
    let bars = sparkline(curve.values, WIDTH, curve.top);
    format!("  {:<14} {bars:<WIDTH$}  {}", curve.name, curve.now)
}
