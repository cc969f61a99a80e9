//! `deploy --strategy blue-green`: a version in an environment beside the one that is served, to which all visitors are then sent by
//! one rule of the stack's own load balancer; back by the same rule; and the end of what stood beside it.

use std::time::Instant;

use super::deploy::{DeployArgs, done, with_rolled_back};
use crate::cli::Global;
use crate::engine::{self, Change, Command, Error, Hint, Planned};
use crate::resources::{self, Side, instance_versions, is_turn, was_sent_back};
use crate::session::asking::Asking;
use crate::session::building::Building;
use crate::session::{Look, Session, in_time, room, unfinished, unless_stopped, unlock, with_left_behind};
use crate::ui::Summary;

/// What may change in such a run: all else is what both environments share, and `up`'s to show.
const ENVIRONMENT: &str = "environment";
const RULE: &str = "listener-rule";

/// A version beside the one that is served, then all visitors there.
pub(super) async fn over(session: &Session, global: &Global, args: &DeployArgs) -> Result<Summary, Error> {
    own_load_balancer(session)?;
    let Some(served) = session.stack.served.as_ref() else {
        return Err(session.none_shows().await);
    };
    let label = session.stack.bundle.label.as_str();
    let stack = &session.stack;
    if !args.force && served.version.as_deref() != Some(label) && stack.versions.was_rolled_back(label) {
        let anyway = Hint::run("deploy --strategy blue-green --force").and(" deploys it all the same");
        return Err(Error::refused(format!("{label} was rolled back; nothing was changed")).hint(anyway));
    }
    if let Some(tried) = &session.stack.tried
        && tried.side.version.as_deref() != Some(label)
    {
        let error = Error::refused(format!("a canary of another version is under way: {}", tried.told()));
        return Err(error.hint(
            Hint::run("deploy --rollback")
                .and(" sends all of them back; then the same command puts ")
                .and(label)
                .and(" there"),
        ));
    }
    if runs(session, served, label).await? {
        return nothing_to_do(session, served, label).await;
    }
    let mut building = Building::start(session.stack.clone(), &session.settings.stop);
    let summary = confirmed(session, &mut building, served, global).await;
    building.end().await;
    summary
}

fn own_load_balancer(session: &Session) -> Result<(), Error> {
    match session.stack.profile.has_own_load_balancer() {
        true => Ok(()),
        false => Err(Error::refused(
            "visitors are sent to another environment by a rule of a load balancer of the stack's own, and this stack has none",
        )
        .hint(
            "`load_balancer.mode = \"own\"` makes one, with another `environment.name`; or --strategy immutable, which \
             changes all instances behind Beanstalk's",
        )),
    }
}

/// Whether each instance of it runs the version.
async fn runs(session: &Session, side: &Side, label: &str) -> Result<bool, Error> {
    if side.version.as_deref() != Some(label) {
        return Ok(false);
    }
    let instances = instance_versions(&session.read, &side.id);
    let instances = unless_stopped(&session.settings.stop, instances).await?;
    Ok(!instances.iter().any(|instance| instance.is_amiss(label)))
}

/// Visitors are there. A run that was killed after it sent them has not written it down.
async fn nothing_to_do(session: &Session, served: &Side, label: &str) -> Result<Summary, Error> {
    let summary = done(session)
        .say(format!("Nothing to do: visitors are sent to {}.", served.told()))
        .output("application_version", label)
        .output("environment", served.name.as_str());
    let versions = &session.stack.versions;
    if versions.is_newest(label) && versions.attempt().is_none() {
        return Ok(summary);
    }
    let lock = session.lock().await?;
    let noted = in_time(&session.settings.stop, session.note_deployment(label)).await;
    unlock(lock, noted.map(|()| summary)).await
}

/// With the bundle being built.
async fn confirmed(
    session: &Session,
    building: &mut Building,
    served: &Side,
    global: &Global,
) -> Result<Summary, Error> {
    let mut look = session.look().await?;
    room::fit(session, &mut look).await?;
    session.tell_notices(&look);
    session.ui.plan(&session.heading(), &look.planned, &[], None);
    if look.is_blocked() {
        return Err(look.blocked_as_shown(&session.ui));
    }
    nothing_else(&look)?;
    session.ui.say(format!(
        "  {} stays as it is, and costs as much as before beside the new one, until it is taken away",
        served.told()
    ));
    if !global.yes {
        session.ui.confirm("Do this?", &session.settings.stop).await?;
    }
    if look.deploys() {
        let began = Instant::now();
        building.finish(&session.settings.events).await?;
        session.ui.took([super::up::alone("bundle", "the bundle", began)]);
    }
    let lock = session.lock().await?;
    let summary = apply(session, &look, served, Asking::new(session, global.yes)).await;
    unlock(lock, summary).await
}

/// What else differs is for `up` to show and to do: of the environment that is served as well, which is not looked at here.
fn nothing_else(look: &Look) -> Result<(), Error> {
    let is_of_it = |step: &Planned| match (step.resource, &step.change) {
        (resources::VERSION_ID | ENVIRONMENT, _) => true,
        (RULE, change) => change.fields().iter().any(is_turn),
        (_, change) => !change.is_pending() || change.fields().iter().any(|field| field.passes_by_itself),
    };
    let closed = |step: &Planned| step.resource == RULE && step.change == Change::Create;
    match look.planned.iter().find(|step| step.is_pending() && !is_of_it(step)) {
        None => Ok(()),
        Some(other) => {
            let error = Error::refused(format!("something else is to be done first: {}", other.title));
            let error = match closed(other) {
                true => error.because("nobody is let in yet"),
                false => error,
            };
            Err(error.hint(Hint::run("up").then("deploy --strategy blue-green")))
        }
    }
}

fn changed() -> Error {
    Error::refused("the stack changed between the plan and now")
        .hint("run the same command again: it shows the new plan")
}

/// With the lock held: another run may have sent visitors to the environment that was beside the other.
async fn still_serves(session: &Session) -> Result<(), Error> {
    let still = resources::still_serves(&session.read, &session.stack);
    match unless_stopped(&session.settings.stop, still).await? {
        true => Ok(()),
        false => Err(changed()),
    }
}

/// With the lock held.
async fn apply(session: &Session, confirmed: &Look, served: &Side, gate: Asking) -> Result<Summary, Error> {
    still_serves(session).await?;
    let look = session.look().await?;
    if !look.is_what_was_confirmed(confirmed) {
        return Err(changed());
    }
    let (stop, label) = (&session.settings.stop, session.stack.bundle.label.as_str());
    if let Some(version) = &served.version {
        in_time(stop, session.note_served(version)).await?;
    }
    in_time(stop, session.note_attempt(label)).await?;
    let run = session.run(gate);
    let report = engine::up(&session.graph, &look.seen, &look.planned, &run).await;
    session.took(&report);
    let sent_back = report.failures().any(|failure| was_sent_back(&failure.error));
    let ended = match unfinished(session, &report) {
        Some(summary) if sent_back => Ok(rolled_back(session, summary, served).await),
        Some(summary) => Ok(summary.output("environment", served.name.as_str())),
        None => turned(session, &look, served).await,
    };
    Ok(with_left_behind(session, &report, ended))
}

/// With visitors where they were, as the version did not answer well enough: it counts as rolled back.
async fn rolled_back(session: &Session, failed: Summary, served: &Side) -> Summary {
    let rolled_back = vec![session.stack.bundle.label.clone()];
    let version = served.version.as_deref().unwrap_or_default();
    let note = async {
        session.note_way_back(version, &rolled_back).await?;
        session.note_deployment(version).await
    };
    let noted = in_time(&session.settings.stop, note).await;
    let mut summary = with_rolled_back(failed, rolled_back)
        .output("environment", served.name.as_str())
        .output("application_version", version);
    summary.errors.extend(noted.err());
    summary
}

/// With visitors there.
async fn turned(session: &Session, look: &Look, served: &Side) -> Result<Summary, Error> {
    let (stop, stack) = (&session.settings.stop, &session.stack);
    let label = stack.bundle.label.as_str();
    in_time(stop, session.note_deployment(label)).await?;
    in_time(stop, session.settle_intents(look)).await?;
    let stands = Hint::from(format!("{} stands beside it and costs as much: ", served.told()))
        .and_run("deploy --rollback")
        .and(" sends them back there at once, ")
        .and_run("deploy --finish")
        .and(" takes it away.");
    let mut summary = done(session)
        .say(format!(
            "Visitors are sent to {}, which runs {label}.",
            stack.names.environment
        ))
        .say(stands)
        .output("environment", stack.names.environment.as_str())
        .output("environment_beside", served.name.as_str());
    if let Some(former) = &served.version {
        summary = summary.output("former_version", former.as_str());
    }
    Ok(summary.output("application_version", label))
}

/// The environment to which `--rollback` goes, where that is done by the rule: it stands beside the one that is served, and runs what
/// there is to go back to. While a canary is under way, it is the one that is served.
pub(super) fn way_back<'a>(session: &'a Session, named: Option<&str>) -> Option<&'a Side> {
    let (stack, versions) = (&session.stack, &session.stack.versions);
    let (beside, served) = (stack.beside.as_ref()?, stack.served.as_ref()?);
    if stack.tried.is_some() && named.is_none_or(|named| served.version.as_deref() == Some(named)) {
        return Some(served);
    }
    let (version, now) = (beside.version.as_deref()?, served.version.as_deref()?);
    let is_meant = match (named, versions.going_back()) {
        (Some(named), _) => named == version,
        (None, Some(to)) => to == version,
        (None, None) => versions.gone_back_to() != Some(now) && versions.before(now) == Some(version),
    };
    (is_meant && version != now).then_some(beside)
}

pub(super) fn no_way_back() -> Error {
    let without = Hint::run(Command::confctl("deploy --rollback"))
        .and(" puts the former version on the instances that there are");
    Error::refused("no environment stands beside the one that is served with what there is to go back to").hint(without)
}

/// All visitors back to what stood beside it.
pub(super) async fn back(session: &Session, global: &Global, to: &Side) -> Result<Summary, Error> {
    let stop = &session.settings.stop;
    let way = unless_stopped(stop, resources::way_to(&session.read, to)).await?;
    let turned = session.turning(way)?;
    let look = turned.look().await?;
    turned.ui.plan(&turned.heading(), &look.planned, &[], None);
    if look.is_blocked() {
        return Err(look.blocked_as_shown(&turned.ui));
    }
    if !global.yes {
        turned.ui.confirm("Do this?", stop).await?;
    }
    let lock = turned.lock().await?;
    let summary = apply_back(&turned, &look, to, Asking::new(&turned, global.yes)).await;
    unlock(lock, summary).await
}

/// With the lock held.
async fn apply_back(session: &Session, confirmed: &Look, to: &Side, gate: Asking) -> Result<Summary, Error> {
    still_serves(session).await?;
    let look = session.look().await?;
    if !look.is_what_was_confirmed(confirmed) {
        return Err(changed());
    }
    let stop = &session.settings.stop;
    let version = to.version.as_deref().unwrap_or_default();
    let left = match &session.stack.tried {
        Some(tried) => Some(&tried.side),
        None => session.stack.served.as_ref(),
    };
    let left = left.and_then(|side| side.version.clone());
    let rolled_back: Vec<String> = left.into_iter().filter(|left| left != version).collect();
    in_time(stop, session.note_way_back(version, &rolled_back)).await?;
    let run = session.run(gate);
    let report = engine::up(&session.graph, &look.seen, &look.planned, &run).await;
    session.took(&report);
    let ended = match unfinished(session, &report) {
        Some(summary) => Ok(summary),
        None => in_time(stop, session.note_deployment(version)).await.map(|()| {
            let summary = done(session).say(format!("Visitors are sent to {} again, which runs {version}.", to.name));
            with_rolled_back(summary, rolled_back)
                .output("environment", to.name.as_str())
                .output("application_version", version)
        }),
    };
    Ok(with_left_behind(session, &report, ended))
}

/// The environment beside the one that is served goes.
pub(super) async fn finish(session: &Session, global: &Global) -> Result<Summary, Error> {
    own_load_balancer(session)?;
    let Some(beside) = &session.stack.beside else {
        return Ok(done(session).say("Nothing to take away: no environment stands beside the one that is served."));
    };
    if let Some(tried) = &session.stack.tried {
        let error = Error::refused(format!("it cannot be taken away while {}", tried.told()));
        return Err(error.hint(Hint::run("deploy --rollback").then("deploy --finish")));
    }
    let look = session.look().await?;
    session.ui.plan(&session.heading(), &[], &look.orphans, None);
    if look.deletable_orphans().len() != 1 {
        let error = Error::failed(format!("{} cannot be taken away", beside.told()));
        return Err(error.hint(Hint::run("status").and(" and ").and_run("doctor").and(" may say why")));
    }
    if !global.yes {
        session.ui.confirm("Take it away?", &session.settings.stop).await?;
    }
    let lock = session.lock().await?;
    let summary = apply_finish(session, &look, beside).await;
    unlock(lock, summary).await
}

/// With the lock held.
async fn apply_finish(session: &Session, confirmed: &Look, beside: &Side) -> Result<Summary, Error> {
    still_serves(session).await?;
    let look = session.look().await?;
    if look.orphans != confirmed.orphans {
        return Err(changed());
    }
    let run = session.run(Asking::new(session, true));
    let report = engine::down(&session.orphans, &look.orphaned, &look.deletable_orphans(), &run).await;
    session.took(&report);
    let ended = match unfinished(session, &report) {
        Some(summary) => Ok(summary),
        None => Ok(done(session)
            .say(format!("Gone: environment {}.", beside.name))
            .output("removed", beside.name.as_str())),
    };
    Ok(with_left_behind(session, &report, ended))
}
