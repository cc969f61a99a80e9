//! `up`: plan, confirm, lock, plan again, apply, verify.

use serde_json::Value;

use super::asking::Asking;
use super::building::Building;
use super::session::{Fallback, Look, Session, unlock};
use super::{cost, verify};
use crate::cli::{Global, UpArgs};
use crate::engine::{self, Error, Kind, Report};
use crate::exit::Exit;
use crate::resources::outputs::{DISTRIBUTION, ENVIRONMENT};
use crate::ui::{Summary, Ui, signals};

pub(super) async fn run(global: &Global, args: &UpArgs, ui: &Ui) -> Result<Summary, Error> {
    let session = Session::open(global, ui, "up", Fallback::Article, &args.wishes, false).await?;
    // Beside reading and the question.
    let mut building = Building::start(session.stack.clone(), &session.settings.stop);
    let summary = confirmed(&session, &mut building, global, args, ui).await;
    building.end().await;
    summary
}

/// With the bundle being built.
async fn confirmed(
    session: &Session,
    building: &mut Building,
    global: &Global,
    args: &UpArgs,
    ui: &Ui,
) -> Result<Summary, Error> {
    let look = session.look().await?;
    session.tell_notices(&look);
    ui.plan(
        &session.heading(),
        &look.planned,
        &look.orphans,
        Some(&cost::of(&session.stack.profile)),
    );
    if look.is_blocked() {
        return Err(blocked(&look));
    }
    if !look.is_pending() {
        let summary = Summary::done().say("Nothing to do: everything is as the profile wants it.");
        let summary = with_outputs(summary, session, &look);
        return Ok(
            match values(session, &look)
                .get(&ENVIRONMENT)
                .and_then(|environment| environment.trouble)
            {
                None => summary,
                Some(trouble) => in_trouble(summary, &trouble),
            },
        );
    }
    if !global.yes {
        ui.confirm("Do this?", &session.settings.stop).await?;
    }
    if look.deploys() {
        building.finish(&session.settings.events).await?;
    }
    let lock = session.lock().await?;
    let gate = Asking::new(session, global.yes);
    let summary = apply(session, &look, gate, !args.no_verify).await;
    unlock(lock, summary).await
}

/// With the lock held.
async fn apply(session: &Session, confirmed: &Look, gate: Asking, verify_too: bool) -> Result<Summary, Error> {
    let look = session.look().await?;
    if !look.is_pending() && !look.is_blocked() {
        let summary = Summary::done().say("Nothing to do any more: another run did it meanwhile.");
        return Ok(with_outputs(summary, session, &look));
    }
    if !look.is_what_was_confirmed(confirmed) || look.orphans != confirmed.orphans {
        return Err(Error::refused("the stack changed between the plan and now")
            .hint("run `confctl up` again to see the new plan"));
    }
    session.remember_profile().await?;
    let run = session.run(gate);
    let report = engine::up(&session.graph, &look.seen, &look.planned, &run).await;
    if let Some(summary) = unfinished(session, &report) {
        return Ok(summary);
    }
    // Only now: what is no longer wanted may still have been in use by what has just been changed.
    let orphans = look.deletable_orphans();
    let removed = engine::down(&session.orphans, &look.orphaned, &orphans, &run).await;
    if let Some(summary) = unfinished(session, &removed) {
        return Ok(summary);
    }
    let look = session.look().await?;
    session.settle_record(&look).await?;
    let mut summary = with_outputs(Summary::done(), session, &look);
    if verify_too {
        let verified = verify::site(session, &look).await;
        match verified {
            Ok(checks) => summary = summary.output("verified", checks),
            Err(error) if error.kind == Kind::Stopped => return Err(error),
            Err(error) => {
                let mut unverified = Error::new(Kind::Unverified, "the stack is up, but the site did not pass verify");
                unverified.causes = std::iter::once(error.message.clone()).chain(error.causes).collect();
                unverified.hint = Some(
                    error
                        .hint
                        .unwrap_or_else(|| "confctl status, then confctl verify".to_owned()),
                );
                summary.errors.push(unverified);
                return Ok(summary.exit(Exit::Unverified));
            }
        }
    }
    Ok(summary)
}

/// Everything is as it should be, and yet the site does not do: a former run may have ended so.
fn in_trouble(mut summary: Summary, health: &str) -> Summary {
    let error = Error::new(
        Kind::Unverified,
        format!("everything is as the profile wants it, but the environment's health is {health}"),
    );
    summary.errors.push(
        error.hint("confctl verify says whether the site answers; aws elasticbeanstalk describe-events says why"),
    );
    summary.exit(Exit::Unverified)
}

pub(super) fn blocked(look: &Look) -> Error {
    let mut error = Error::refused("the plan is blocked; nothing was changed");
    for step in &look.planned {
        if let engine::Change::Blocked { reason, hint } = &step.change {
            error.causes.push(format!("{}: {reason}", step.title));
            error.hint.get_or_insert_with(|| hint.clone());
        }
    }
    error
}

/// The summary of a run that did not get to its end; `None` where it did.
pub(super) fn unfinished(session: &Session, report: &Report) -> Option<Summary> {
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
        summary
            .errors
            .push(error.hint("run the same command again; confctl status shows what is there"));
        return Some(summary.exit(Exit::Failed));
    }
    if report.stopped() {
        let exit = signals::first().unwrap_or(Exit::Partial);
        let error = Error::new(Kind::Stopped, "stopped before everything was done")
            .hint("run the same command again: it goes on from here; `confctl teardown` removes what there is");
        summary.errors.push(error);
        return Some(summary.exit(exit));
    }
    None
}

/// Names and addresses of what is up, for programs and for people.
pub(super) fn with_outputs(mut summary: Summary, session: &Session, look: &Look) -> Summary {
    summary.stack = Some(session.stack.name.to_string());
    let public = &session.read.public;
    let values = values(session, look);
    let mut site = None;
    let mut out = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            summary.outputs.insert(name.to_owned(), Value::String(value));
        }
    };
    out("table", Some(session.stack.names.table.clone()));
    out("application_version", Some(session.stack.bundle.label.clone()));
    if let Some(environment) = values.get(&ENVIRONMENT) {
        let url = public.origin(&environment.cname);
        out("environment_id", Some(environment.id));
        out("environment_cname", Some(environment.cname));
        out("load_balancer_dns", environment.load_balancer);
        out("environment_url", Some(url.clone()));
        site = Some(url);
    }
    if let Some(distribution) = values.get(&DISTRIBUTION) {
        site = Some(public.edge(&distribution.domain));
        out("distribution_id", Some(distribution.id));
        out("distribution_domain", Some(distribution.domain));
    }
    out("site_url", site.clone());
    match site {
        Some(site) => summary.say(format!("Site: {site}")),
        None => summary,
    }
}

/// The values that a stack gives as it is.
pub(super) fn values(session: &Session, look: &Look) -> engine::Values {
    let mut values = engine::Values::default();
    for node in session.graph.nodes() {
        node.publish(&look.seen.of(node.id()), &mut values);
    }
    values
}
