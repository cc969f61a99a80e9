//! `deploy`: a new bundle on every instance and nothing else, by plan, confirm, lock, plan again, apply; or back to the last version
//! that every instance ran; or an end of the deployment that is under way.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use super::blue_green;
use crate::aws::Aws;
use crate::cli::{Global, Wishes, pause};
use crate::engine::{self, Command, Error, Hint, Kind, Run};
use crate::exit::Exit;
use crate::resources::outputs::LiveEnvironment;
use crate::resources::{
    Attempt, Canary, Deploying, InstanceVersion, LARGEST_PART, Share, Strategy, Way, instance_versions,
};
use crate::session::asking::Asking;
use crate::session::building::Building;
use crate::session::{
    Look, Purpose, Session, goes_on_by_itself, in_time, unfinished, unless_stopped, unlock, with_left_behind,
};
use crate::ui::{Flag, Summary, Ui, signals};

#[derive(Debug, Clone, Args)]
pub(crate) struct DeployArgs {
    /// Back to the last version that every instance ran, or to VERSION
    #[arg(long, value_name = "VERSION", conflicts_with = "auto_rollback")]
    pub rollback: Option<Option<String>>,

    /// Where a batch fails, put the former version on all instances again
    #[arg(long)]
    pub auto_rollback: bool,

    /// Stop the deployment that is under way, where it is
    #[arg(long, conflicts_with_all = ["rollback", "auto_rollback", "strategy", "force", "no_check"])]
    pub abort: bool,

    /// Take away the environment that `--strategy blue-green` left beside the one that is served
    #[arg(long, conflicts_with_all = ["rollback", "auto_rollback", "abort", "strategy", "force", "no_check"])]
    pub finish: bool,

    /// How instances take it, this time; the plan says what each way costs
    #[arg(long, value_enum)]
    pub strategy: Option<By>,

    /// With blue-green: parts of the visitors first; all back where they get errors
    #[arg(long, value_name = "PERCENT,…", value_parser = parts, conflicts_with_all = ["rollback", "auto_rollback", "abort", "finish"])]
    pub canary: Option<Parts>,

    /// How long each part is looked at, from 1m [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = evaluation, requires = "canary")]
    pub evaluate: Option<Duration>,

    /// So many of a part's requests may get a server error [default: 1%]
    #[arg(long = "max-5xx", value_name = "PERCENT", value_parser = share, requires = "canary")]
    pub max_5xx: Option<Share>,

    /// Take the bundle although the check says that Beanstalk cannot run it
    #[arg(long)]
    pub no_check: bool,

    /// Deploy a version that was rolled back, all the same
    #[arg(long)]
    pub force: bool,
}

/// Parts of the visitors in percent, rising.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parts(Vec<u32>);

const EVALUATE: Duration = Duration::from_secs(5 * 60);
const MOST_ERRORS: Share = Share(100);
/// CloudWatch counts by minutes, and tells 1440 of them at once (CloudWatch API, GetMetricStatistics).
const EVALUATIONS: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(12 * 3600);

/// `10%,50%`
fn parts(text: &str) -> Result<Parts, String> {
    let mut parts = Vec::new();
    for word in text.split(',') {
        let number = word.trim().trim_end_matches('%').trim_end();
        let part: u32 = number
            .parse()
            .map_err(|_| format!("'{word}' is no whole percentage; write 10%,50%"))?;
        match part {
            0 => return Err("0% is nobody; begin with 1% or more".to_owned()),
            100.. => return Err("all are sent there at the end anyway; leave 100% out".to_owned()),
            _ if part > LARGEST_PART => {
                return Err(format!(
                    "with more than {LARGEST_PART}% there it would count as the one that is served; after {LARGEST_PART}% come all"
                ));
            }
            _ if parts.last().is_some_and(|last| *last >= part) => {
                return Err(format!(
                    "{part}% is no more than the part before it; let them rise, as in 10%,50%"
                ));
            }
            _ => parts.push(part),
        }
    }
    Ok(Parts(parts))
}

fn evaluation(text: &str) -> Result<Duration, String> {
    let duration = pause(text)?;
    match EVALUATIONS.contains(&duration) {
        true => Ok(duration),
        false => Err("CloudWatch counts by minutes; give it between 1m and 12h".to_owned()),
    }
}

/// `1%`, `0.5%`
fn share(text: &str) -> Result<Share, String> {
    let number = text.trim().trim_end_matches('%').trim_end().parse::<f64>();
    match number {
        Ok(percent) if (0.0..100.0).contains(&percent) => Ok(Share((percent * 100.0).round() as u32)),
        _ => Err(format!("'{text}' is no percentage below 100; write 1% or 0.5%")),
    }
}

/// Strategies as they are typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// Batch after batch, each out of service while it takes the version
    Rolling,
    /// The same, with a batch of further instances first, so that as many serve
    RollingWithBatch,
    /// On new instances, which take the place of the others if all are well
    Immutable,
    /// As immutable, with a tenth of the visitors for five minutes first
    TrafficSplit,
    /// Everywhere at the same time: quick, and nobody is served for a while
    AllAtOnce,
    /// In an environment beside this one, to which all visitors are sent at once; behind an own load balancer
    BlueGreen,
}

impl By {
    /// Beanstalk's way. It has none of sending visitors to another environment.
    fn strategy(self) -> Option<Strategy> {
        match self {
            Self::Rolling => Some(Strategy::Rolling),
            Self::RollingWithBatch => Some(Strategy::RollingWithBatch),
            Self::Immutable => Some(Strategy::Immutable),
            Self::TrafficSplit => Some(Strategy::TrafficSplit),
            Self::AllAtOnce => Some(Strategy::AllAtOnce),
            Self::BlueGreen => None,
        }
    }
}

impl DeployArgs {
    pub(super) fn repeated(&self) -> Vec<Flag> {
        self.no_check.then(Flag::no_check).into_iter().collect()
    }

    fn is_forward(&self) -> bool {
        self.rollback.is_none() && !self.abort && !self.finish
    }

    pub(super) fn is_beside(&self) -> bool {
        self.strategy == Some(By::BlueGreen)
    }

    fn canary(&self) -> Option<Canary> {
        self.canary.as_ref().map(|parts| Canary {
            parts: parts.0.clone(),
            evaluate: self.evaluate.unwrap_or(EVALUATE),
            most_errors: self.max_5xx.unwrap_or(MOST_ERRORS),
        })
    }

    /// `yes`: nobody is asked.
    pub(super) fn purpose(&self, yes: bool) -> Purpose {
        let way = match &self.rollback {
            _ if self.abort => Way::Stop,
            _ if self.finish => Way::Finish,
            Some(to) => Way::Back { to: to.clone() },
            None if self.is_beside() => Way::Beside,
            None => Way::Forward,
        };
        let deploying = Deploying {
            strategy: self.strategy.and_then(By::strategy),
            canary: self.canary(),
            tells_others: !yes && self.strategy.is_none(),
            ..Deploying::of(way)
        };
        let wishes = Wishes {
            no_check: self.no_check,
            force: self.force,
            ..Wishes::default()
        };
        Purpose::to_deploy(deploying, &wishes)
    }
}

pub(super) async fn run(global: &Global, args: &DeployArgs, ui: &Ui) -> Result<Summary, Error> {
    if args.canary.is_some() && !args.is_beside() {
        let error = Error::new(
            Kind::Usage,
            "--canary sends a part of the visitors to another environment, and this deployment makes none",
        );
        return Err(error
            .hint("add --strategy blue-green; --strategy traffic-split is Beanstalk's own way, with new instances"));
    }
    let session = Session::open(global, ui, args.purpose(global.yes)).await?;
    if args.finish {
        return blue_green::finish(&session, global).await;
    }
    if args.is_beside() && args.rollback.is_none() {
        return blue_green::over(&session, global, args).await;
    }
    signals::goes_on(ui.shown(&goes_on_by_itself()));
    if args.abort {
        return stop(&session, global).await;
    }
    if let Some(to) = args
        .rollback
        .as_ref()
        .and_then(|to| blue_green::way_back(&session, to.as_deref()))
    {
        return blue_green::back(&session, global, to).await;
    }
    if args.is_beside() {
        return Err(blue_green::no_way_back());
    }
    // Beside reading and the question.
    let build = || Building::start(session.stack.clone(), &session.settings.stop);
    let mut building = args.rollback.is_none().then(build);
    let summary = confirmed(&session, building.as_mut(), global, args).await;
    if let Some(building) = building {
        building.end().await;
    }
    // Nobody looks: a way back that follows in a pipeline is one from this deployment, of which nothing came.
    let unbegun = |error: &Error| args.is_forward() && global.yes && error.kind != Kind::Stopped;
    if summary.as_ref().is_err_and(unbegun) {
        session.note_unbegun().await;
    }
    summary
}

/// With the bundle being built, where there is one.
async fn confirmed(
    session: &Session,
    building: Option<&mut Building>,
    global: &Global,
    args: &DeployArgs,
) -> Result<Summary, Error> {
    let look = shown(session).await?;
    if !look.is_pending() {
        return match args.rollback {
            Some(_) => nothing_to_undo(session, &look).await,
            None => nothing_to_do(session, &look).await,
        };
    }
    if !global.yes {
        session.ui.confirm("Do this?", &session.settings.stop).await?;
    }
    if let Some(building) = building.filter(|_| look.deploys()) {
        let began = Instant::now();
        building.finish(&session.settings.events).await?;
        session.ui.took([super::up::alone("bundle", "the bundle", began)]);
    }
    let lock = session.lock().await?;
    let summary = apply(session, &look, Asking::new(session, global.yes), args).await;
    unlock(lock, summary).await
}

/// Every instance runs it. A run that was stopped after that has not written it down.
async fn nothing_to_do(session: &Session, look: &Look) -> Result<Summary, Error> {
    let version = session.environment_in(look).and_then(|environment| environment.version);
    let version = version.unwrap_or_default();
    let summary = done(session).say(format!("Nothing to do: every instance runs {version}."));
    let summary = summary.output("application_version", version.as_str());
    let versions = &session.stack.versions;
    if versions.is_newest(&version) && versions.attempt().is_none() {
        return Ok(summary);
    }
    let lock = session.lock().await?;
    let noted = in_time(&session.settings.stop, session.note_deployment(&version)).await;
    unlock(lock, noted.map(|()| summary)).await
}

/// Every instance runs what there is to go back to. A version that was tried since and left no trace is not tried again by itself.
async fn nothing_to_undo(session: &Session, look: &Look) -> Result<Summary, Error> {
    let version = session.environment_in(look).and_then(|environment| environment.version);
    let version = version.unwrap_or_default();
    let summary = done(session).output("application_version", version.as_str());
    let summary = summary.say(format!("Nothing to do: every instance runs {version}."));
    let further = Hint::run(Command::confctl("deploy --rollback").arg("VERSION")).and(" goes further back.");
    let Some(attempt) = session.stack.versions.came_to_nothing(&version) else {
        return Ok(summary.say(further));
    };
    let tried = attempt.version.as_deref().unwrap_or("another version");
    if !attempt.begun {
        return Ok(summary
            .say(format!("The deployment of {tried} did not begin."))
            .say(further));
    }
    let summary = summary
        .say(format!("The deployment of {tried} left no trace."))
        .say(further);
    let rolled_back = vec![tried.to_owned()];
    let lock = session.lock().await?;
    let noted = in_time(&session.settings.stop, note_back(session, &version, &rolled_back)).await;
    unlock(lock, noted.map(|()| with_rolled_back(summary, rolled_back))).await
}

/// Writes down a way back that is over.
async fn note_back(session: &Session, to: &str, rolled_back: &[String]) -> Result<(), Error> {
    session.note_way_back(to, rolled_back).await?;
    session.note_deployment(to).await
}

pub(super) fn with_rolled_back(mut summary: Summary, rolled_back: Vec<String>) -> Summary {
    for version in &rolled_back {
        summary = summary.say(format!(
            "{version} was rolled back: `up` does not deploy it again by itself."
        ));
    }
    summary.output("rolled_back", rolled_back)
}

/// Looks, and shows what is therefore to be done.
async fn shown(session: &Session) -> Result<Look, Error> {
    let look = session.look().await?;
    session.tell_notices(&look);
    session.ui.plan(&session.heading(), &look.planned, &[], None);
    match look.is_blocked() {
        true => Err(look.blocked_as_shown(&session.ui)),
        false => Ok(look),
    }
}

/// With the lock held.
async fn apply(session: &Session, confirmed: &Look, gate: Asking, args: &DeployArgs) -> Result<Summary, Error> {
    let look = session.look().await?;
    if !look.is_pending() && !look.is_blocked() {
        return Ok(done(session).say("Nothing to do any more: another run did it meanwhile."));
    }
    if !look.is_what_was_confirmed(confirmed) {
        return Err(Error::refused("the stack changed between the plan and now")
            .hint(Hint::from("run the same command again: it shows the new plan")));
    }
    let before = session.environment_in(&look);
    let mut rolled_back = Vec::new();
    match look.version().filter(|_| args.rollback.is_some()) {
        Some(to) => {
            rolled_back = others(before.as_ref(), session.stack.versions.came_to_nothing(to), to);
            in_time(&session.settings.stop, session.note_way_back(to, &rolled_back)).await?;
        }
        None => {
            in_time(&session.settings.stop, session.note_deployed(&look)).await?;
            if let Some(to) = look.version().filter(|_| args.is_forward()) {
                in_time(&session.settings.stop, session.note_attempt(to)).await?;
            }
        }
    }
    let run = session.run(gate);
    let report = engine::up(&session.graph, &look.seen, &look.planned, &run).await;
    session.took(&report);
    let ended = match unfinished(session, &report) {
        None => deployed(session, before, rolled_back).await,
        Some(failed) if args.auto_rollback && failed.exit == Exit::Failed => back(session, &run, before, failed).await,
        Some(summary) => Ok(summary),
    };
    Ok(with_left_behind(session, &report, ended))
}

/// With the version on every instance.
async fn deployed(
    session: &Session,
    before: Option<LiveEnvironment>,
    rolled_back: Vec<String>,
) -> Result<Summary, Error> {
    let look = session.look().await?;
    let now = session
        .environment_in(&look)
        .and_then(|environment| environment.version);
    let now = now.unwrap_or_default();
    let former = before.as_ref().and_then(|environment| environment.version.clone());
    in_time(&session.settings.stop, session.note_deployment(&now)).await?;
    let mut summary = done(session).say(format!("Every instance runs {now}."));
    if let Some(former) = former.filter(|former| *former != now) {
        summary = summary.output("former_version", former);
    }
    Ok(with_rolled_back(summary, rolled_back).output("application_version", now))
}

/// Versions that were there beside this one, or were to be.
fn others(before: Option<&LiveEnvironment>, tried: Option<&Attempt>, now: &str) -> Vec<String> {
    let before = before.into_iter();
    let tried = tried.filter(|attempt| attempt.begun);
    let tried = tried.and_then(|attempt| attempt.version.as_ref());
    let all = before.flat_map(|environment| environment.version.iter().chain(&environment.astray));
    let all = all.chain(tried);
    let others: BTreeSet<_> = all.filter(|version| *version != now).cloned().collect();
    others.into_iter().collect()
}

/// A batch has failed: the former version goes on all instances again. Nobody is asked: that was what `--auto-rollback` said.
async fn back(
    session: &Session,
    run: &Run<Aws>,
    before: Option<LiveEnvironment>,
    mut failed: Summary,
) -> Result<Summary, Error> {
    let Some(former) = before.and_then(|environment| environment.version) else {
        return Ok(failed);
    };
    let turned = session.turned(Deploying::of(Way::Back {
        to: Some(former.clone()),
    }))?;
    let look = turned.look().await?;
    if look.is_blocked() {
        return Ok(failed);
    }
    let failing = turned.environment_in(&look);
    let tried = Attempt {
        version: Some(session.stack.bundle.label.clone()),
        begun: true,
    };
    let rolled_back = others(failing.as_ref(), Some(&tried), &former);
    in_time(&session.settings.stop, session.note_way_back(&former, &rolled_back)).await?;
    if look.is_pending() {
        session.ui.notice(&format!("rolling back to {former}"), None);
    }
    let report = engine::up(&turned.graph, &look.seen, &look.planned, run).await;
    session.took(&report);
    if let Some(neither) = unfinished(&turned, &report) {
        failed.errors.extend(neither.errors);
        return Ok(failed);
    }
    in_time(&session.settings.stop, session.note_deployment(&former)).await?;
    for error in &mut failed.errors {
        error.hint = Some(Hint::from("mend the cause, then ").and_run("deploy"));
    }
    let failed = failed.say(match look.is_pending() {
        true => format!("Rolled back: every instance runs {former}."),
        false => format!("Nothing to roll back: every instance runs {former}."),
    });
    Ok(failed
        .output("rolled_back", rolled_back)
        .output("application_version", former))
}

/// Stops what is under way. Whoever deploys holds the lock, so that this does not ask for it.
async fn stop(session: &Session, global: &Global) -> Result<Summary, Error> {
    let look = shown(session).await?;
    if !look.is_pending() {
        return Ok(done(session).say("Nothing to stop: no update is under way."));
    }
    if !global.yes {
        session.ui.confirm("Stop it?", &session.settings.stop).await?;
    }
    let run = session.run(Asking::new(session, global.yes));
    let report = engine::up(&session.graph, &look.seen, &look.planned, &run).await;
    let ended = match unfinished(session, &report) {
        Some(summary) => Ok(summary),
        None => unless_stopped(&session.settings.stop, stopped(session)).await,
    };
    Ok(with_left_behind(session, &report, ended))
}

/// What runs where now.
async fn stopped(session: &Session) -> Result<Summary, Error> {
    let Some(environment) = session.environment_in(&session.look().await?) else {
        return Ok(done(session).say("Stopped."));
    };
    let (label, instances) = (
        environment.version.unwrap_or_default(),
        instance_versions(&session.read, &environment.id).await?,
    );
    let mut summary = done(session).say("Stopped.");
    for instance in &instances {
        summary = summary.say(format!("  {instance}"));
    }
    let is_mixed = |version: &Option<String>| version.as_ref().is_some_and(|version| *version != label);
    if instances.iter().any(|instance| is_mixed(&instance.version)) {
        summary = summary.say(Hint::run("deploy --rollback").and(format!(" puts {label} on all instances again.")));
    }
    let told: Vec<_> = instances.iter().map(InstanceVersion::told).collect();
    Ok(summary.output("instances", told).output("application_version", label))
}

pub(super) fn done(session: &Session) -> Summary {
    let mut summary = Summary::done();
    summary.stack = Some(session.stack.name.to_string());
    summary
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_the_visitors_rise_and_end_before_all_of_them() {
        assert_eq!(parts("10%,50%"), Ok(Parts(vec![10, 50])));
        assert_eq!(parts("1, 2 %,25"), Ok(Parts(vec![1, 2, 25])));
        for (text, said) in [
            ("", "whole percentage"),
            ("ten", "whole percentage"),
            ("-1", "whole percentage"),
            ("2.5%", "whole percentage"),
            ("10%,", "whole percentage"),
            ("0%", "nobody"),
            ("10%,100%", "leave 100% out"),
            ("4294967295", "leave 100% out"),
            ("75%", "count as the one that is served"),
            ("20%,10%", "let them rise"),
            ("10%,10%", "let them rise"),
        ] {
            let error = parts(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn a_part_is_looked_at_for_whole_minutes_and_a_share_is_less_than_all() {
        assert_eq!(evaluation("90s"), Ok(Duration::from_secs(90)));
        for none in ["59s", "0s", "13h", "soon", "-5m"] {
            assert!(evaluation(none).is_err(), "{none}");
        }
        assert_eq!(share("0.5%"), Ok(Share(50)));
        assert_eq!(share("0"), Ok(Share(0)));
        for none in ["100%", "-1%", "NaN", "inf", "few", ""] {
            assert!(share(none).is_err(), "{none}");
        }
    }
}
