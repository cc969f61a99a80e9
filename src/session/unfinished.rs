//! What is said of a run that did not get to its end: why, what it left behind, and how to go on.
//! Must know nothing of what was run.

use super::Session;
use crate::engine::{Error, Hint, Kind, Report};
use crate::exit::Exit;
use crate::ui::{Summary, signals};

/// How a command ended that ran something. What is there since then and goes on costing is told with whatever it ended in, so
/// that no error of what follows a run can be told without.
pub(crate) fn with_left_behind(session: &Session, run: &Report, ended: Result<Summary, Error>) -> Summary {
    let mut summary = ended.unwrap_or_else(Summary::from);
    summary.stack.get_or_insert_with(|| session.stack.name.to_string());
    if !summary.errors.is_empty() {
        for left in run.steps.iter().flat_map(|step| &step.left_behind) {
            if !summary.left_behind.contains(left) {
                summary.left_behind.push(left.clone());
            }
        }
    }
    summary
}

/// What becomes of a deployment that nobody watches any more.
pub(crate) fn goes_on_by_itself() -> Hint {
    Hint::from("what Beanstalk has begun goes on by itself: the same command follows it, ")
        .and_run("deploy --abort")
        .and(" stops it, ")
        .and_run("deploy --rollback")
        .and(" goes back")
}

/// What becomes of a version that was to be put beside the one that is served.
fn beside_again() -> Hint {
    Hint::from("visitors are served by one environment, the other, or both: the same command goes on from here, ")
        .and_run("status")
        .and(" says by which, ")
        .and_run("deploy --rollback")
        .and(" goes back, ")
        .and_run("deploy --finish")
        .and(" takes the other one away")
}

/// The summary of a run that did not get to its end; `None` where it did.
pub(crate) fn unfinished(session: &Session, report: &Report) -> Option<Summary> {
    let mut summary = Summary::done();
    summary.stack = Some(session.stack.name.to_string());
    summary.errors = report.failures().map(|failure| failure.error.clone()).collect();
    // Told whatever stopped the run: what was there before it, and what it made, goes on costing.
    let left_behind = report.steps.iter().flat_map(|step| step.left_behind.clone());
    summary.left_behind = left_behind.collect();
    if !summary.errors.is_empty() {
        let worst = summary
            .errors
            .iter()
            .map(|error| Exit::from(error.kind))
            .min_by_key(|exit| match exit {
                Exit::Failed => 0,
                Exit::Refused => 1,
                _ => 2,
            });
        return Some(summary.exit(worst.unwrap_or(Exit::Failed)));
    }
    if let (false, Some((title, because))) = (report.stopped(), report.skipped()) {
        // The giver ended well and yet did not give what this one needs.
        let error = Error::failed(format!(
            "{title} was skipped, because {because} did not give what it needs"
        ));
        let look = Hint::from("run the same command again; ").and_run("status");
        summary.errors.push(error.hint(look.and(" shows what is there")));
        return Some(summary.exit(Exit::Failed));
    }
    if report.stopped() {
        let exit = signals::first().unwrap_or(Exit::Partial);
        let again = Hint::from("run the same command again: it goes on from here; ").and_run("teardown");
        let onward = match (&session.stack.deploying, &session.stack.turning) {
            (Some(_), _) => goes_on_by_itself(),
            (None, Some(_)) => beside_again(),
            (None, None) => again.and(" removes what there is"),
        };
        let error = Error::new(Kind::Stopped, "stopped before everything was done");
        summary.errors.push(error.hint(onward));
        return Some(summary.exit(exit));
    }
    None
}
