//! `plan`: what `up` would do, and why. Changes nothing: its clients cannot.

use std::path::PathBuf;

use clap::Args;

use crate::cli::{Global, Wishes};
use crate::engine::{Command, Error, Hint};
use crate::exit::Exit;
use crate::session::room;
use crate::session::saved_plan::{PlanFile, SavedPlan};
use crate::session::{Purpose, Session, cost, event};
use crate::ui::{Summary, Ui};

#[derive(Debug, Clone, Args)]
pub(crate) struct PlanArgs {
    /// Exit with 0 where nothing is to do, with 2 where something is
    #[arg(long)]
    pub detailed_exitcode: bool,

    /// Write the plan to FILE, for `up FILE`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    #[command(flatten)]
    pub wishes: Wishes,
}

pub(super) async fn run(global: &Global, args: &PlanArgs, ui: &Ui) -> Result<Summary, Error> {
    let file = args.out.as_deref().map(PlanFile::open).transpose()?;
    let session = Session::open(global, ui, Purpose::to_bring_up("plan", &args.wishes)).await?;
    let mut look = session.look().await?;
    room::fit(&session, &mut look).await?;
    session.tell_notices(&look);
    tell_what_breaks(&session);
    ui.plan(
        &session.heading(),
        &look.planned,
        &look.orphans,
        Some(&cost::of(&session.stack.profile)),
    );
    let mut summary = Summary::done();
    summary.stack = Some(session.stack.name.to_string());
    let mut next = Command::confctl("up");
    if let Some(file) = file {
        let path = file.write(&SavedPlan::of(&session, &look)?)?.display().to_string();
        summary = summary.say(format!("Saved in {path}."));
        next = next.arg(&path);
        summary = summary.output("plan", path);
    }
    let pending = look.is_pending();
    let summary = summary.output("changes", pending);
    if look.is_blocked() {
        return Ok(summary
            .exit(Exit::Refused)
            .say("Blocked: see above; `up` would change nothing."));
    }
    if !pending {
        return Ok(summary.say("Nothing to do: everything is as the profile wants it."));
    }
    let exit = if args.detailed_exitcode {
        Exit::Pending
    } else {
        Exit::Done
    };
    Ok(summary.exit(exit).say(Hint::run(next).and(" would do this.")))
}

/// What of its own event the profile does not hold, and what would disturb it.
fn tell_what_breaks(session: &Session) {
    let stack = &session.stack;
    for limit in event::broken(&stack.profile, None) {
        let text = format!(
            "the event would not be held: {} is asked for {} {}, and has {}",
            limit.name,
            event::number(limit.asked),
            limit.unit,
            event::number(limit.holds.value),
        );
        session.ui.notice(&text, Some(Hint::run("capacity")));
    }
    if let Some(text) = event::update_in_it(&stack.profile) {
        let elsewhere = "move the window to another day, or take it out until the event is over";
        session.ui.notice(&text, Some(Hint::from(elsewhere)));
    }
}
