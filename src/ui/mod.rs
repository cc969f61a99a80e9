//! The only place that writes to the terminal: results to standard output, everything else to standard error.
//! Receives events and values and knows neither AWS nor the engine's inner workings.

mod chart;
mod json;
mod lines;
mod render;
pub mod signals;
mod summary;
mod tree;
mod watch;

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::cli::{Format, Global, When};
use crate::engine::{Error, Events, Planned, PlannedRemoval, Sink};

pub use render::{Cost, Heading};
pub use summary::Summary;
pub use watch::{Curve, Watch};

/// Where a command's words go. Chosen once at the start.
#[derive(Clone)]
pub struct Ui {
    /// Repeated in every command that a hint tells to type: without it a pasted hint would mean another stack, or real AWS.
    which_stack: String,
    format: Format,
    quiet: bool,
    no_input: bool,
    sink: Arc<dyn Sink>,
}

impl Ui {
    pub fn new(global: &Global) -> Self {
        let choice = match global.color {
            When::Auto => anstream::ColorChoice::Auto,
            When::Always => anstream::ColorChoice::Always,
            When::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
        let terminal = std::io::stderr().is_terminal();
        let sink: Arc<dyn Sink> = match (global.output, global.quiet) {
            (Format::Json, _) => Arc::new(json::JsonLines),
            (Format::Text, true) => Arc::new(lines::Silent),
            (Format::Text, false) if terminal => Arc::new(tree::Tree::new()),
            (Format::Text, false) => Arc::new(lines::Lines::new()),
        };
        Self {
            which_stack: global.which_stack(),
            format: global.output,
            quiet: global.quiet,
            no_input: global.no_input,
            sink,
        }
    }

    /// Where the engine's events go.
    pub fn events(&self) -> Events {
        Events::shared(self.sink.clone())
    }

    /// A result for people; nothing in JSON, where the summary carries it.
    pub fn result(&self, text: &str) {
        if self.format == Format::Text {
            out(text);
        }
    }

    /// A result in both formats: text as it is, JSON as one object of the given type.
    pub fn answer(&self, kind: &str, text: &str, value: serde_json::Value) {
        match self.format {
            Format::Text => out(text),
            Format::Json => json::line(kind, value),
        }
    }

    /// Something on the way, for people.
    pub fn say(&self, text: &str) {
        if self.format == Format::Text && !self.quiet {
            err(text);
        }
    }

    pub fn notice(&self, text: &str, hint: Option<&str>) {
        self.events().notice(text, hint.map(str::to_owned));
    }

    pub fn plan(&self, heading: &Heading, planned: &[Planned], orphans: &[PlannedRemoval], cost: Option<&Cost>) {
        match self.format {
            Format::Json => json::plan(heading, planned, orphans, cost),
            Format::Text if !self.quiet => err(&render::with_flags(
                &render::plan(heading, planned, orphans, cost),
                &self.which_stack,
            )),
            Format::Text => {}
        }
    }

    pub fn removal_plan(&self, heading: &Heading, removals: &[PlannedRemoval]) {
        match self.format {
            Format::Json => json::removal_plan(heading, removals),
            Format::Text if !self.quiet => err(&render::with_flags(
                &render::removal_plan(heading, removals),
                &self.which_stack,
            )),
            Format::Text => {}
        }
    }

    /// The last word: errors to standard error, results to standard output, one summary line in JSON.
    pub fn finish(&self, mut summary: Summary) {
        let typed = |text: &mut String| *text = render::with_flags(text, &self.which_stack);
        summary.result.iter_mut().for_each(typed);
        summary
            .errors
            .iter_mut()
            .filter_map(|error| error.hint.as_mut())
            .for_each(typed);
        let summary = &summary;
        match self.format {
            Format::Json => json::summary(summary),
            Format::Text => {
                for error in &summary.errors {
                    err(&render::error(error));
                }
                if !summary.left_behind.is_empty() {
                    err(&render::with_flags(
                        &render::left_behind(&summary.left_behind),
                        &self.which_stack,
                    ));
                }
                for line in &summary.result {
                    out(line);
                }
            }
        }
    }

    /// Asks yes or no.
    ///
    /// # Errors
    /// Where nobody can be asked, or the answer is not yes.
    pub async fn confirm(&self, question: &str, stop: &CancellationToken) -> Result<(), Error> {
        let answer = self.ask(&format!("{question} [y/N] "), stop).await?;
        if ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()) {
            Ok(())
        } else {
            Err(declined())
        }
    }

    /// Asks for a word to be typed.
    ///
    /// # Errors
    /// Where nobody can be asked, or another word was typed.
    pub async fn confirm_word(&self, question: &str, word: &str, stop: &CancellationToken) -> Result<(), Error> {
        let answer = self.ask(&format!("{question} Type {word} to go on: "), stop).await?;
        if answer.trim() == word { Ok(()) } else { Err(declined()) }
    }

    async fn ask(&self, question: &str, stop: &CancellationToken) -> Result<String, Error> {
        if self.no_input || self.format == Format::Json || !std::io::stdin().is_terminal() {
            return Err(Error::refused("this needs a confirmation, and nobody can be asked")
                .hint("add --yes if the plan above is what you want"));
        }
        let mut stderr = anstream::stderr();
        // A question that cannot be shown is answered with no.
        if write!(stderr, "{question}").and_then(|()| stderr.flush()).is_err() {
            return Err(declined());
        }
        // Read elsewhere: a Ctrl-C must not wait for the Enter key.
        let reading = tokio::task::spawn_blocking(|| {
            let mut answer = String::new();
            std::io::stdin().read_line(&mut answer).map(|_| answer)
        });
        tokio::select! {
            answer = reading => answer.ok().and_then(Result::ok).ok_or_else(declined),
            () = stop.cancelled() => Err(Error::stopped().hint("nothing was changed")),
        }
    }
}

fn declined() -> Error {
    Error::refused("nothing was changed: the confirmation was not given")
}

/// A reader that went away is no reason to fail.
fn out(text: &str) {
    let _ = writeln!(anstream::stdout(), "{text}");
}

fn err(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// For what happens before there is a [`Ui`]: clap's own texts and a broken start.
pub fn early(text: &str, to_stdout: bool) {
    if to_stdout {
        let _ = write!(anstream::stdout(), "{text}");
    } else {
        let _ = write!(anstream::stderr(), "{text}");
    }
}

/// The summary of a command line that is none, where JSON was asked for: programs read the last line whatever happens.
pub fn early_summary(summary: &Summary) {
    json::summary(summary);
}
