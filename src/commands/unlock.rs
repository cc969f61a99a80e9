//! `unlock`: shows who holds the stack's lock, and takes it away from a run that is gone or hangs.

use crate::aws::lock::{self, Held, LEASE, RENEWAL};
use crate::aws::process::Here;
use crate::cli::Global;
use crate::engine::Error;
use crate::session::{Purpose, Session, in_time, unless_stopped};
use crate::ui::{Summary, Ui};

pub(super) async fn run(global: &Global, ui: &Ui) -> Result<Summary, Error> {
    let session = Session::open(global, ui, Purpose::of_what_is("unlock")).await?;
    let stop = &session.settings.stop;
    let mut summary = Summary::done();
    summary.stack = Some(session.stack.name.to_string());
    let Some(held) = unless_stopped(stop, lock::seen(&session.read, &session.record)).await? else {
        return Ok(summary
            .say("Nothing to remove: nobody holds the stack's lock.")
            .output("removed", false));
    };
    ui.say(format!("The stack's lock is held by {}.", held.who()));
    ui.say(format!("  {}", told(&held)));
    if !global.yes {
        ui.confirm("Take it away?", stop).await?;
    }
    in_time(stop, lock::remove(&session.write, &session.record, &held)).await?;
    Ok(summary
        .say(format!("Removed: the lock of {}.", held.who()))
        .output("holder", held.who())
        .output("removed", true))
}

/// What is known of whether the run that holds it is still at work.
fn told(held: &Held) -> String {
    let ago = held.age.as_secs();
    match held.here() {
        Here::Runs => "That run is still at work on this machine: without its lock it stops where it is.".to_owned(),
        Here::Ended => {
            "That run was on this machine and has ended: the next one takes the lock over by itself.".to_owned()
        }
        Here::Elsewhere if held.age > LEASE => {
            format!("It was last renewed {ago} s ago: the next run takes it over by itself.")
        }
        Here::Elsewhere => format!(
            "It was renewed {ago} s ago, and a run that is at work renews it every {} s; one that is gone has lost it after {} s.",
            RENEWAL.as_secs(),
            LEASE.as_secs()
        ),
    }
}
