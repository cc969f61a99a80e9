//! `up`: plan, confirm, lock, plan again, apply, verify.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;

use super::verify;
use crate::aws::Aws;
use crate::cli::{Global, Wishes};
use crate::engine::{self, Command, Error, Hint, Kind, Leg, Run};
use crate::exit::Exit;
use crate::resources::outputs::{ENVIRONMENT, SHOWN_INSTEAD};
use crate::session::asking::Asking;
use crate::session::building::Building;
use crate::session::room;
use crate::session::saved_plan::SavedPlan;
use crate::session::{Look, Purpose, Session, cost, in_time, unfinished, unlock, with_left_behind, with_outputs};
use crate::ui::{Flag, Summary, Ui};

#[derive(Debug, Clone, Args)]
pub(crate) struct UpArgs {
    /// A plan that was saved by `plan --out FILE`: refused where anything else would be done now
    #[arg(value_name = "PLAN")]
    pub plan: Option<PathBuf>,

    /// Leave out the verification at the end
    #[arg(long)]
    pub no_verify: bool,

    #[command(flatten)]
    pub wishes: Wishes,
}

impl UpArgs {
    pub(super) fn repeated(&self) -> Vec<Flag> {
        let mut flags = Flag::wishes(&self.wishes);
        flags.extend(self.no_verify.then(|| Flag::alone("--no-verify", &["up"])));
        flags
    }
}

pub(super) async fn run(global: &Global, args: &UpArgs, ui: &Ui) -> Result<Summary, Error> {
    let saved = args.plan.as_deref().map(SavedPlan::read).transpose()?;
    let session = Session::open(global, ui, Purpose::to_bring_up("up", &args.wishes)).await?;
    // Beside reading and the question.
    let mut building = Building::start(session.stack.clone(), &session.settings.stop);
    let summary = confirmed(&session, &mut building, saved.as_ref(), global, args, ui).await;
    building.end().await;
    summary
}

/// With the bundle being built.
async fn confirmed(
    session: &Session,
    building: &mut Building,
    saved: Option<&SavedPlan>,
    global: &Global,
    args: &UpArgs,
    ui: &Ui,
) -> Result<Summary, Error> {
    let mut look = session.look().await?;
    room::fit(session, &mut look).await?;
    session.tell_notices(&look);
    show(session, &look)?;
    if let Some(saved) = saved {
        saved.must_be(&SavedPlan::of(session, &look)?)?;
    }
    if !look.is_pending() {
        let summary = Summary::done().say("Nothing to do: everything is as the profile wants it.");
        let summary = with_outputs(summary, session, &look);
        return Ok(
            match session
                .values(&look)
                .get(&ENVIRONMENT)
                .and_then(|environment| environment.trouble)
            {
                None => summary,
                Some(trouble) => in_trouble(summary, session, &trouble),
            },
        );
    }
    if !global.yes {
        ui.confirm("Do this?", &session.settings.stop).await?;
    }
    if look.deploys() {
        let began = Instant::now();
        building.finish(&session.settings.events).await?;
        session.ui.took([alone("bundle", "the bundle", began)]);
    }
    let lock = session.lock().await?;
    let gate = Asking::new(session, global.yes);
    // `--yes` is said to whatever plan is shown first; a saved one is what it is.
    let anew = global.yes && saved.is_none();
    let summary = apply(session, (&look, anew), gate, !args.no_verify).await;
    unlock(lock, summary).await
}

/// # Errors
/// Where something is in the way of the plan.
fn show(session: &Session, look: &Look) -> Result<(), Error> {
    session.ui.plan(
        &session.heading(),
        &look.planned,
        &look.orphans,
        Some(&cost::of(&session.stack.profile)),
    );
    match look.is_blocked() {
        true => Err(look.blocked_as_shown(&session.ui)),
        false => Ok(()),
    }
}

/// With the lock held. What changed since the plan was confirmed, such as what a killed teardown still took away, is shown `anew`, or
/// refused.
async fn apply(
    session: &Session,
    (confirmed, anew): (&Look, bool),
    gate: Asking,
    verify_too: bool,
) -> Result<Summary, Error> {
    let look = session.look().await?;
    if !look.is_pending() && !look.is_blocked() {
        let summary = Summary::done().say("Nothing to do any more: another run did it meanwhile.");
        return Ok(with_outputs(summary, session, &look));
    }
    if !look.is_what_was_confirmed(confirmed) || look.orphans != confirmed.orphans {
        // Its bundle would have to be built first.
        let needs_more = look.deploys() && !confirmed.deploys();
        if !anew || needs_more {
            return Err(Error::refused("the stack changed between the plan and now")
                .hint(Hint::run("up").and(" shows the new plan")));
        }
        session.ui.say("The stack changed since the plan was made. Now it is:");
        show(session, &look)?;
    }
    in_time(&session.settings.stop, session.remember_profile()).await?;
    in_time(&session.settings.stop, session.remember_lifetime()).await?;
    let run = session.run(gate);
    let report = engine::up(&session.graph, &look.seen, &look.planned, &run).await;
    session.took(&report);
    let ended = match unfinished(session, &report) {
        Some(summary) => Ok(summary),
        None => after(session, &look, &run, verify_too).await,
    };
    Ok(with_left_behind(session, &report, ended))
}

/// With everything as the profile wants it: what is no longer wanted goes, the record is put in order, and the site is looked at.
async fn after(session: &Session, look: &Look, run: &Run<Aws>, verify_too: bool) -> Result<Summary, Error> {
    // Only now: what is no longer wanted may still have been in use by what has just been changed.
    let orphans = look.deletable_orphans();
    let removed = engine::down(&session.orphans, &look.orphaned, &orphans, run).await;
    session.took(&removed);
    if let Some(summary) = unfinished(session, &removed) {
        return Ok(summary);
    }
    let look = session.look().await?;
    in_time(&session.settings.stop, session.settle_record(&look)).await?;
    let summary = with_outputs(Summary::done(), session, &look);
    if !verify_too {
        return Ok(summary);
    }
    if session.values(&look).get(&SHOWN_INSTEAD).is_some() {
        let off = Hint::from("Not verified: the site shows its maintenance page; ")
            .and_hint(Hint::run("maintenance off").then("verify"));
        return Ok(summary.say(off.and(" when it is over.")));
    }
    let began = Instant::now();
    let verified = verify::site(session, &look, &mut verify::proofs()).await;
    session.ui.took([alone("verify", "the site", began)]);
    match verified {
        Ok(checks) => Ok(summary.output("verified", checks)),
        Err(error) if error.kind == Kind::Stopped => Err(error),
        Err(error) => Ok(not_verified(summary, error)),
    }
}

/// What nothing else went on beside.
pub(super) fn alone(resource: &'static str, title: &str, began: Instant) -> Leg {
    Leg {
        resource,
        title: title.to_owned(),
        until: None,
        seconds: began.elapsed().as_secs_f64(),
    }
}

fn not_verified(mut summary: Summary, error: Error) -> Summary {
    let mut unverified = Error::new(Kind::Unverified, "the stack is up, but the site did not pass verify");
    unverified.causes = std::iter::once(error.message.clone()).chain(error.causes).collect();
    let look = || Hint::run("status").then("verify");
    unverified.hint = Some(error.hint.unwrap_or_else(look));
    summary.errors.push(unverified);
    summary.exit(Exit::Unverified)
}

/// Everything is as it should be, and yet the site does not do: a former run may have ended so.
fn in_trouble(mut summary: Summary, session: &Session, health: &str) -> Summary {
    let error = Error::new(
        Kind::Unverified,
        format!("everything is as the profile wants it, but the environment's health is {health}"),
    );
    let describe = Command::aws("elasticbeanstalk describe-events --region")
        .arg(&session.read.region)
        .arg("--environment-name")
        .arg(&session.stack.names.environment);
    let why = Hint::run("verify")
        .and(" says whether the site answers; ")
        .and_run(describe);
    summary.errors.push(error.hint(why.and(" says why")));
    summary.exit(Exit::Unverified)
}
