//! `rotate-secret`: another secret between CloudFront and a load balancer of the stack's own, without a moment in which either is
//! not let in: the further one, then the edge, then the former one away. What was broken off goes on from where it was.

use crate::cli::Global;
use crate::engine::{Change, Error, Hint};
use crate::resources;
use crate::session::asking::Asking;
use crate::session::confirmed::do_confirmed;
use crate::session::{Look, Purpose, Session, unlock};
use crate::ui::{Summary, Ui};

pub(super) async fn run(global: &Global, ui: &Ui) -> Result<Summary, Error> {
    let session = Session::open(global, ui, Purpose::to_rotate()).await?;
    if !session.stack.profile.has_own_load_balancer() {
        return Err(
            Error::refused("there is no secret to change: the stack has no load balancer of its own")
                .hint("`load_balancer.mode = \"own\"` makes one, with another `environment.name`"),
        );
    }
    let look = session.look().await?;
    session.tell_notices(&look);
    ui.plan(&session.heading(), &look.planned, &[], None);
    if look.is_blocked() {
        return Err(look.blocked());
    }
    nothing_else(&look)?;
    if !global.yes {
        ui.confirm("Do this?", &session.settings.stop).await?;
    }
    let lock = session.lock().await?;
    let summary = apply(&session, &look, Asking::new(&session, global.yes)).await;
    unlock(lock, summary).await
}

/// What else differs is for `up` to show and to do.
fn nothing_else(look: &Look) -> Result<(), Error> {
    let mut pending = look.planned.iter().filter(|step| step.is_pending());
    let is_of_it = |change: &Change| {
        let fields = change.fields();
        !fields.is_empty() && fields.iter().all(resources::is_of_rotation)
    };
    match pending.find(|step| !is_of_it(&step.change)) {
        None => Ok(()),
        Some(other) => Err(
            Error::refused(format!("something else is to be done first: {}", other.title))
                .hint(Hint::run("up").then("rotate-secret")),
        ),
    }
}

/// With the lock held.
async fn apply(session: &Session, confirmed: &Look, gate: Asking) -> Result<Summary, Error> {
    let changed = Error::refused("the stack changed between the plan and now")
        .hint(Hint::run("rotate-secret").and(" shows the new plan"));
    let well = async {
        let mut summary =
            Summary::done().say("Rotated: CloudFront sends another secret, and the former one is let in no longer.");
        summary.stack = Some(session.stack.name.to_string());
        Ok(summary)
    };
    do_confirmed(session, confirmed, gate, changed, well).await
}
