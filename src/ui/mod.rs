//! The only place that writes to the terminal: results to standard output, everything else to standard error.
//! Receives events and values and knows neither AWS nor the engine's inner workings.

mod beside;
mod chart;
mod full_screen;
mod hints;
mod json;
pub(crate) mod junit;
mod lines;
mod markdown;
mod page;
mod panel;
mod progress;
mod render;
mod schema;
pub(crate) mod signals;
mod summary;
mod terminal;
#[cfg(test)]
mod tests;
mod tree;
mod watch;

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::cli::{Format, Global, When};
use crate::engine::{Error, Events, Hint, Kind, Leg, Planned, PlannedRemoval, Sink};
use crate::exit::Exit;
use hints::Run;
use page::Page;

pub(crate) use full_screen::{Did, FullScreen};
pub(crate) use hints::{Flag, Onward, Repeated};
pub(crate) use panel::{Column, Part, Piece, Tone};
pub(crate) use render::{Cost, Heading};
pub(crate) use schema::event_schema;
pub(crate) use summary::Summary;
pub(crate) use watch::{Curve, Watch};

/// Where a command's words go. Chosen once at the start.
#[derive(Clone)]
pub(crate) struct Ui {
    /// Completes every command that a hint tells to type: without it a pasted hint would mean another stack, or real AWS.
    run: Arc<Run>,
    format: Format,
    quiet: bool,
    no_input: bool,
    sink: Arc<dyn Sink>,
    /// What the length of the run came from.
    legs: Arc<Mutex<Vec<Leg>>>,
}

impl Ui {
    /// `repeated`: of the command's own arguments.
    pub(crate) fn new(global: &Global, repeated: Repeated) -> Self {
        let choice = match global.color {
            When::Auto => anstream::ColorChoice::Auto,
            When::Always => anstream::ColorChoice::Always,
            When::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
        let terminal = std::io::stderr().is_terminal();
        let run = Arc::new(Run::of(global, repeated));
        let sink: Arc<dyn Sink> = match (global.output, global.quiet) {
            (Format::Json, _) => Arc::new(json::JsonLines::new(run.clone())),
            (_, true) => Arc::new(lines::Silent),
            (_, false) if terminal => Arc::new(tree::Tree::new(run.clone())),
            (_, false) => Arc::new(lines::Lines::new(run.clone())),
        };
        Self {
            run,
            format: global.output,
            quiet: global.quiet,
            no_input: global.no_input,
            sink,
            legs: Arc::default(),
        }
    }

    /// For one of several stacks that are worked at side by side: what is said names it, and its hints mean it.
    pub(crate) fn beside(&self, global: &Global, repeated: Repeated) -> Self {
        let run = Arc::new(Run::of(global, repeated));
        let stack = global.name.clone().unwrap_or_default();
        let sink: Arc<dyn Sink> = match (self.format, self.quiet) {
            (Format::Text, true) => Arc::new(lines::Silent),
            (format, _) => Arc::new(beside::Beside::new(run.clone(), stack, format)),
        };
        Self {
            run,
            sink,
            legs: Arc::default(),
            ..self.clone()
        }
    }

    /// Whether programs read what is said.
    pub(crate) fn is_for_programs(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether people read plans.
    pub(crate) fn shows_plans(&self) -> bool {
        self.format == Format::Text && !self.quiet
    }

    /// The run goes by the profile that the stack was brought up with, an embedded one or another.
    pub(crate) fn acts_on(&self, profile: Option<&str>) {
        self.run.acts_on(profile);
    }

    fn page(&self) -> Page<'_> {
        Page::of_stderr(&self.run)
    }

    /// A part of the run that nothing else went on beside, for its last word.
    pub(crate) fn took(&self, legs: impl IntoIterator<Item = Leg>) {
        self.legs().extend(legs);
    }

    fn legs(&self) -> MutexGuard<'_, Vec<Leg>> {
        self.legs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the engine's events go.
    pub(crate) fn events(&self) -> Events {
        Events::shared(self.sink.clone())
    }

    /// A result for people; nothing in JSON, where the summary carries it.
    pub(crate) fn result(&self, text: &str) {
        if self.format == Format::Text {
            out(text);
        }
    }

    /// A result in both formats: text as it is, JSON as one object of the given type.
    pub(crate) fn answer(&self, kind: &str, text: &str, value: serde_json::Value) {
        match self.format {
            Format::Text | Format::Markdown => out(text),
            Format::Json => json::line(&self.run, kind, value),
        }
    }

    /// Something on the way, for people.
    pub(crate) fn say(&self, text: impl Into<Hint>) {
        if self.format != Format::Json && !self.quiet {
            err(&self.run.shown(&text.into()));
        }
    }

    /// As [`Self::say`], between the terminal's edges: prose, of which nobody pastes a line.
    pub(crate) fn say_folded(&self, text: &str) {
        if self.format != Format::Json && !self.quiet {
            err(&self.page().fold(text));
        }
    }

    /// A hint as it is printed, for a text that has a place for it.
    pub(crate) fn shown(&self, hint: &Hint) -> String {
        self.run.shown(hint)
    }

    pub(crate) fn notice(&self, text: &str, hint: Option<Hint>) {
        self.events().notice(text, hint);
    }

    pub(crate) fn plan(&self, heading: &Heading, planned: &[Planned], orphans: &[PlannedRemoval], cost: Option<&Cost>) {
        match self.format {
            Format::Json => json::line(&self.run, "plan", json::plan(heading, planned, orphans, cost)),
            Format::Markdown => out(&markdown::plan(&self.run, heading, planned, orphans, cost)),
            Format::Text if !self.quiet => err(&render::plan(self.page(), heading, planned, orphans, cost)),
            Format::Text => {}
        }
    }

    pub(crate) fn removal_plan(&self, heading: &Heading, removals: &[PlannedRemoval]) {
        match self.format {
            Format::Json => json::line(&self.run, "plan", json::removal_plan(heading, removals)),
            _ if !self.quiet => err(&render::removal_plan(self.page(), heading, removals)),
            _ => {}
        }
    }

    /// The last word: errors to standard error, results to standard output, one summary line in JSON.
    /// Gives the exit code: a result that could not be written is none.
    pub(crate) fn finish(&self, summary: &Summary) -> Exit {
        match self.format {
            Format::Json => json::line(&self.run, "summary", json::summary(summary, &self.legs())),
            Format::Text | Format::Markdown => {
                if !self.quiet && !self.legs().is_empty() {
                    err(&self.page().fold(&progress::took(summary.seconds, &self.legs())));
                }
                for error in &summary.errors {
                    err(&render::error(self.page(), error));
                }
                if !summary.left_behind.is_empty() {
                    err(&render::left_behind(
                        self.page(),
                        &summary.left_behind,
                        has_failed(&summary.errors),
                    ));
                }
                if self.format == Format::Markdown {
                    self.finish_markdown(summary);
                } else {
                    summary.result.iter().for_each(|line| out(&self.run.shown(line)));
                }
            }
        }
        written(summary.exit)
    }

    /// What stands beside the plan is no part of the comment; that there is none is.
    fn finish_markdown(&self, summary: &Summary) {
        if !summary.errors.is_empty() {
            out(&markdown::failure(&self.run, &summary.errors));
        }
        summary.result.iter().for_each(|line| self.say(line.clone()));
    }

    /// Asks yes or no.
    ///
    /// # Errors
    /// Where nobody can be asked, or the answer is not yes.
    pub(crate) async fn confirm(&self, question: &str, stop: &CancellationToken) -> Result<(), Error> {
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
    pub(crate) async fn confirm_word(&self, question: &str, word: &str, stop: &CancellationToken) -> Result<(), Error> {
        let answer = self.ask(&format!("{question} Type {word} to go on: "), stop).await?;
        if answer.trim() == word { Ok(()) } else { Err(declined()) }
    }

    async fn ask(&self, question: &str, stop: &CancellationToken) -> Result<String, Error> {
        if self.no_input || self.format == Format::Json || !std::io::stdin().is_terminal() {
            let way_out = match self.quiet {
                true => "leave out --quiet to see what it would do, and add --yes if that is what you want",
                false => "add --yes if the plan above is what you want",
            };
            return Err(Error::refused("this needs a confirmation, and nobody can be asked").hint(way_out));
        }
        let mut stderr = anstream::stderr();
        // A question that cannot be shown is answered with no.
        if write!(stderr, "{}", terminal::shown(question))
            .and_then(|()| stderr.flush())
            .is_err()
        {
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

/// Whether the same would fail again, as long as nobody mends anything.
fn has_failed(errors: &[Error]) -> bool {
    errors.iter().any(|error| error.kind == Kind::Failed)
}

fn declined() -> Error {
    Error::refused("nothing was changed: the confirmation was not given")
}

/// Why standard output, which is the process's, could not be written to.
static UNWRITTEN: OnceLock<std::io::Error> = OnceLock::new();

/// A reader that went away is no reason to fail; a full disk is.
fn out(text: &str) {
    keep(writeln!(anstream::stdout(), "{}", terminal::shown(text)));
}

fn keep(written: std::io::Result<()>) {
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            // The first reason is the one that is told.
            let _ = UNWRITTEN.set(error);
        }
        _ => {}
    }
}

/// The exit code where all that was to be said could be.
fn written(exit: Exit) -> Exit {
    let Some(error) = UNWRITTEN.get() else { return exit };
    err(&format!(
        "error: the result could not be written to standard output\n  caused by: {error}"
    ));
    match exit {
        Exit::Done | Exit::Pending => Exit::Failed,
        exit => exit,
    }
}

fn err(text: &str) {
    let _ = writeln!(anstream::stderr(), "{}", terminal::shown(text));
}

/// For what happens before there is a [`Ui`]: clap's own texts and a broken start.
pub(crate) fn early(text: &str) {
    let _ = write!(anstream::stderr(), "{text}");
}

/// Help and the version, which are results.
pub(crate) fn early_result(text: &str) -> Exit {
    let mut stdout = anstream::stdout();
    keep(write!(stdout, "{text}").and_then(|()| stdout.flush()));
    written(Exit::Done)
}

/// The summary of a command line that is none, where JSON was asked for: programs read the last line whatever happens.
pub(crate) fn early_summary(summary: &Summary) {
    json::line(&Run::default(), "summary", json::summary(summary, &[]));
}
