//! `plan`: what `up` would do, and why. Changes nothing: its clients cannot.

use super::cost;
use super::session::{Fallback, Session};
use crate::cli::{Global, PlanArgs};
use crate::engine::Error;
use crate::exit::Exit;
use crate::ui::{Summary, Ui};

pub(super) async fn run(global: &Global, args: &PlanArgs, ui: &Ui) -> Result<Summary, Error> {
    let session = Session::open(global, ui, "plan", Fallback::Article, &args.wishes, false).await?;
    let look = session.look().await?;
    session.tell_notices(&look);
    ui.plan(
        &session.heading(),
        &look.planned,
        &look.orphans,
        Some(&cost::of(&session.stack.profile)),
    );
    let mut summary = Summary::done();
    summary.stack = Some(session.stack.name.to_string());
    let pending = look.is_pending();
    let summary = summary.output("changes", pending);
    if look.is_blocked() {
        return Ok(summary
            .exit(Exit::Refused)
            .say("Blocked: see above; `confctl up` would change nothing."));
    }
    if !pending {
        return Ok(summary.say("Nothing to do: everything is as the profile wants it."));
    }
    let exit = if args.detailed_exitcode {
        Exit::Pending
    } else {
        Exit::Done
    };
    Ok(summary.exit(exit).say("`confctl up` would do this."))
}
