//! `load`: people register through the site as it is, then the table is asked whether each accepted one is in it.
//! How people behave is `crate::load`'s, what the report looks like `crate::report`'s.

mod export;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::export::Engine;
use super::junit::Junit;
use super::output_file::report_can_be_written;
use crate::cli::{Global, duration, path, pause};
use crate::engine::{Error, Hint, Kind, counted, counted_are};
use crate::exit::Exit;
use crate::load::addresses::Addresses;
use crate::load::{self, Coming, Load, MOST_PEOPLE, Measured, OpenFiles, Outcome, Progress, Site};
use crate::report::load::{About, report, verdict};
use crate::resources::outputs::WEB_ACL;
use crate::resources::rate_limits::{self, Crowd};
use crate::resources::{Registrations, looking};
use crate::session::{Look, Purpose, Session, cost, event};
use crate::site_client::chain;
use crate::ui::junit::Proofs;
use crate::ui::{Curve, Summary, Ui, Watch};

/// What is proven, in this order.
const STORED: &str = "everybody who was accepted is in the table";
const IN_TIME: &str = "everybody had their turn before the deadline";
const ADMITTED: &str = "no more than --max-failed did not get in";
const REMOVED: &str = "the generated addresses are removed again";

#[derive(Debug, Clone, Args)]
pub(crate) struct LoadArgs {
    /// How many people come
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_PEOPLE)))]
    pub people: u32,

    /// Within which time they arrive, whatever the site does
    #[arg(long, default_value = "60s", value_name = "DURATION", value_parser = duration)]
    pub within: Duration,

    /// They arrive as recorded in this file: a time a line, or CSV with the time first
    #[arg(long, value_name = "FILE", value_parser = path(), conflicts_with_all = ["people", "within"])]
    pub from_file: Option<PathBuf>,

    /// How long one looks at the page before sending the form, on average
    #[arg(long, default_value = "3s", value_name = "DURATION", value_parser = pause)]
    pub think: Duration,

    /// After how long in vain one leaves, on average [default: when the page has given up]
    #[arg(long, value_name = "DURATION", value_parser = pause)]
    pub abandon: Option<Duration>,

    /// Leave the generated addresses in the table
    #[arg(long)]
    pub keep: bool,

    /// Only remove the generated addresses that former runs left
    #[arg(long)]
    pub clean: bool,

    /// Also where real people are registered already
    #[arg(long)]
    pub into_live_table: bool,

    /// Fail where more people than this do not get in
    #[arg(long, default_value_t = 1.0, value_name = "PERCENT")]
    pub max_failed: f64,

    /// Trust the authorities of this PEM file as well, besides AWS_CA_BUNDLE's
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub cacert: Option<PathBuf>,

    /// Write the same people for an engine that sends from many machines, and send nothing
    #[arg(long, value_name = "ENGINE", conflicts_with_all = ["clean", "keep", "report"])]
    pub export: Option<Engine>,

    /// Where to [default: confctl-load.js, confctl-load.json]
    #[arg(long, value_name = "FILE", value_parser = path(), requires = "export")]
    pub to: Option<PathBuf>,

    /// Where this runs, for the report
    #[arg(long, value_name = "TEXT")]
    pub from_region: Option<String>,

    /// The HTML report; its numbers go beside it as .json [default: confctl-load-TIME.html]
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub report: Option<PathBuf>,

    #[command(flatten)]
    pub junit: Junit,
}

pub(super) async fn run(global: &Global, args: &LoadArgs, ui: &Ui) -> Result<Summary, Error> {
    args.junit.can_be_written()?;
    if !args.clean {
        report_can_be_written(&report_file(args, jiff::Timestamp::now()))?;
    }
    let mut proofs = Proofs::of("load", &[STORED, IN_TIME, ADMITTED, REMOVED]);
    let ended = loaded(global, args, ui, &mut proofs).await;
    args.junit.report(ui, proofs, ended)
}

async fn loaded(global: &Global, args: &LoadArgs, ui: &Ui, proofs: &mut Proofs) -> Result<Summary, Error> {
    let coming = coming(args)?;
    let session = Session::open(global, ui, Purpose::of_what_is("load")).await?;
    let look = session.look().await?;
    look.own_table("load")?;
    let registrations = Registrations::new(&session.stack, &session.read, &session.write);
    if args.clean {
        return clean(&session, &registrations, global).await;
    }
    let url = session.site_url(&look)?;
    if let Some(engine) = args.export {
        let mut summary = export::written(engine, args, &coming, &url, &session.read.region)?;
        summary.stack = Some(session.stack.name.to_string());
        return Ok(summary);
    }
    admitted(&session, &look, &coming).await?;
    let former = registrations.generated().await?.len();
    if former > 0 {
        let text = format!(
            "{} of former runs {} in the table {}",
            counted(former as u64, "address"),
            if former == 1 { "is" } else { "are" },
            registrations.table()
        );
        ui.notice(&text, Some(Hint::run("load --clean")));
    }
    confirm(&session, &registrations, global, args, &coming, &url).await?;
    if let OpenFiles::Only(most) = load::allow_open_files(coming.people()) {
        let text = format!(
            "this process may hold {most} connections at one time: with more people on the site at once, some fail on this side"
        );
        ui.notice(&text, Some("ulimit -Hn, or more time with --within".into()));
    }
    let addresses = Addresses::new(&new_run());
    let before = instances(&session).await;
    let began = jiff::Timestamp::now();
    let load = Load {
        site: site(&session, args, &url).await?,
        addresses: addresses.clone(),
        coming: coming.clone(),
        think: args.think,
        patience: args.abandon,
    };
    let measured = watched(&session, load, ui).await;
    let stored = registrations.of_run(&addresses).await;
    // Whatever else fails: made-up people must not stay among real ones.
    let kept = args.keep && !session.settings.stop.is_cancelled();
    let removed = if kept {
        Ok(())
    } else {
        registrations.remove_run(&addresses).await
    };
    if session.settings.stop.is_cancelled() {
        removed?;
        return Err(Error::stopped().hint("nothing of this run is left in the table; start again"));
    }
    let stored = stored?;
    let same = instances(&session).await == before;
    if let Some(rate) = of_one_instance(&measured, before.filter(|_| same), began) {
        let text = serde_json::to_vec(&rate).unwrap_or_default();
        session.record.write(&session.write, event::MEASURED, text).await?;
    }
    let about = told(&session, args, &coming, &url, began, &measured, &stored);
    let mut summary = written(&session, args, about, &measured, began, proofs)?;
    if kept {
        proofs.without(REMOVED);
        let kept = Hint::from(format!(
            "  kept: {}; ",
            counted(stored.len() as u64, "generated address")
        ));
        summary = summary.say(kept.and_run("load --clean").and(" removes them"));
    }
    match removed {
        Ok(()) => proofs.passed(REMOVED),
        Err(error) => {
            let error = error.hint(Hint::run("load --clean"));
            proofs.failed(REMOVED, &error);
            summary.errors.push(error);
            summary.exit = Exit::Failed;
        }
    }
    Ok(summary)
}

/// # Errors
/// Where the site, or the web ACL before it, would not let such people in.
async fn admitted(session: &Session, look: &Look, coming: &Coming) -> Result<(), Error> {
    if let Some(why) = event::no_trial(&session.stack.profile, jiff::Timestamp::now()) {
        return Err(Error::refused(format!(
            "the site takes no generated addresses: {why}; nothing was written"
        )));
    }
    let Some(web_acl) = session.values(look).get(&WEB_ACL) else {
        return Ok(());
    };
    let crowd = Crowd {
        people: coming.people(),
        within: coming.within(),
    };
    rate_limits::admits(&session.read, &web_acl, crowd).await
}

/// What tells this run's addresses from others'.
fn new_run() -> String {
    hex::encode(rand::random::<[u8; 4]>())
}

fn coming(args: &LoadArgs) -> Result<Coming, Error> {
    let Some(path) = &args.from_file else {
        return Ok(Coming::AtRandom {
            people: args.people,
            within: args.within,
        });
    };
    let unfit = |why: String| {
        Error::new(Kind::Usage, "the recorded arrivals cannot be taken")
            .because(why)
            .hint("a time a line: seconds, or 2026-12-10T18:00:00Z; of CSV the first column")
    };
    let text = fs_err::read_to_string(path).map_err(|error| unfit(error.to_string()))?;
    Coming::read(&text).map_err(|error| unfit(format!("{}: {error}", path.display())))
}

/// The site, with whom it may be vouched for by.
async fn site(session: &Session, args: &LoadArgs, url: &str) -> Result<Arc<Site>, Error> {
    let mut pem = session.read.public.authorities.clone().unwrap_or_default();
    if let Some(path) = &args.cacert {
        let more = fs_err::read(path).map_err(|error| {
            Error::new(Kind::Usage, "could not read the authorities to trust")
                .caused_by(error)
                .hint("--cacert FILE")
        })?;
        pem.push(b'\n');
        pem.extend(more);
    }
    let public = &session.read.public;
    let names = public.name_server.as_ref().map(|server| server.0.clone());
    let site = Site::find_by(url, Some(&pem), public.over_tls, names).await;
    site.map_err(|error| Error::failed(format!("could not reach {url}")).because(chain(&error)))
}

/// How many instances there are, where Beanstalk says: what is not known is no reason to fail.
async fn instances(session: &Session) -> Option<usize> {
    let environment = looking::find(&session.read, &session.stack).await.ok()??;
    let instances = looking::instances(&session.read, &environment.id).await.ok()?;
    Some(instances.len()).filter(|many| *many > 0)
}

/// Names what will be written where, and asks.
async fn confirm(
    session: &Session,
    registrations: &Registrations<'_>,
    global: &Global,
    args: &LoadArgs,
    coming: &Coming,
    url: &str,
) -> Result<(), Error> {
    let heading = session.heading();
    let table = registrations.table();
    session
        .ui
        .say_folded(&format!("{} in {}", heading.stack, heading.place()));
    let after = if args.keep { "kept" } else { "removed afterwards" };
    session.ui.say(format!(
        "  {} people within {} s register at {url}; their generated addresses go into the table {table} and are {after}",
        coming.people(),
        coming.within().as_secs()
    ));
    // A cost for people to see before it comes.
    let cost =
        f64::from(coming.people()) * load::REQUESTS_A_PERSON * cost::of(&session.stack.profile).million_requests / 1e6;
    session
        .ui
        .say(format!("  about ${cost:.2} for the requests at AWS's list prices"));
    if !args.into_live_table && registrations.has_real_ones().await? {
        return Err(Error::refused(format!(
            "the table {table} holds real registrations; nothing was written"
        ))
        .because("load would write generated addresses beside them, and remove only its own")
        .hint("if that is what you want: the same command with --into-live-table"));
    }
    if global.yes {
        return Ok(());
    }
    session.ui.confirm("Do this?", &session.settings.stop).await
}

/// Lets the people come, and shows how it goes. Ends early at the deadline and by a signal.
async fn watched(session: &Session, load: Load, ui: &Ui) -> Measured {
    let stop: CancellationToken = session.settings.stop.child_token();
    let at_deadline = stop.clone();
    let deadline = session.settings.deadline;
    let alarm = tokio::spawn(async move {
        tokio::time::sleep_until(deadline).await;
        at_deadline.cancel();
    });
    let people = load.coming.people();
    let mut watch = ui.watch("load");
    let measured = load::run(load, &stop, |progress| show(&mut watch, progress, people)).await;
    alarm.abort();
    measured
}

/// What one of so many instances did; nothing where they were not the same number all the time.
fn of_one_instance(measured: &Measured, instances: Option<usize>, began: jiff::Timestamp) -> Option<event::Measured> {
    let (rate, saturated) = measured.taken()?;
    Some(event::Measured {
        rate: rate / instances? as f64,
        saturated,
        at: began.to_string(),
    })
}

fn show(watch: &mut Watch, progress: &Progress, people: u32) {
    let p99 = progress
        .newest_p99
        .map_or_else(|| "-".to_owned(), |milliseconds| format!("{milliseconds:.0} ms"));
    let text = format!(
        "{:.0} s: {} of {people} arrived, {} there now, {} accepted, {} turned away, {} errors, p99 {p99}",
        progress.seconds, progress.arrived, progress.present, progress.accepted, progress.shed, progress.errors
    );
    let newest = progress.accepted_by_slot.last().copied().unwrap_or(0.0);
    let curve = Curve {
        name: "accepted",
        values: &progress.accepted_by_slot,
        top: None,
        now: format!("{newest:.0}"),
    };
    let value = json!({"arrived": progress.arrived, "present": progress.present, "accepted": progress.accepted,
        "shed": progress.shed, "errors": progress.errors});
    watch.show(&text, &[curve], value);
}

fn told(
    session: &Session,
    args: &LoadArgs,
    coming: &Coming,
    url: &str,
    began: jiff::Timestamp,
    measured: &Measured,
    stored: &HashSet<u32>,
) -> About {
    let accepted = |person: &u32| measured.outcomes.get(*person as usize) == Some(&Outcome::Accepted);
    let lost = (0..coming.people())
        .filter(|person| accepted(person) && !stored.contains(person))
        .count();
    let unconfirmed = stored.iter().filter(|person| !accepted(person)).count();
    About {
        site: url.to_owned(),
        stack: session.stack.name.to_string(),
        began: began.to_string(),
        from_region: args.from_region.clone(),
        people: coming.people(),
        within_seconds: coming.within().as_secs_f64(),
        think_seconds: args.think.as_secs_f64(),
        table: session.stack.names.table.clone(),
        stored: stored.len() as u64,
        lost: lost as u64,
        unconfirmed: unconfirmed as u64,
        cost: measured.totals.requests as f64 * cost::of(&session.stack.profile).million_requests / 1e6,
        memory: peak_memory(),
        notes: notes(session),
    }
}

fn notes(session: &Session) -> Vec<String> {
    let mut notes = Vec::new();
    if session.read.endpoint.is_some() {
        notes.push(
            "Measured against an endpoint that is not AWS: the figures say something of this machine, nothing of AWS."
                .to_owned(),
        );
    }
    notes.push(
        "All requests came from one machine and took one path to the nearest edge location; people at an event do not."
            .to_owned(),
    );
    notes
}

/// The most memory that this process took so far, in MiB, where the system says so.
fn peak_memory() -> Option<u64> {
    let status = fs_err::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes / 1024)
}

fn report_file(args: &LoadArgs, began: jiff::Timestamp) -> PathBuf {
    let named = args.report.clone();
    named.unwrap_or_else(|| crate::report::default_path("load", began))
}

/// Writes the report and says how it came out.
fn written(
    session: &Session,
    args: &LoadArgs,
    about: About,
    measured: &Measured,
    began: jiff::Timestamp,
    proofs: &mut Proofs,
) -> Result<Summary, Error> {
    let path = report_file(args, began);
    let numbers = json!({"v": 1, "about": about, "measured": measured});
    crate::report::write(&path, &report(&about, measured), &numbers)
        .map_err(|error| Error::failed("could not write the report").caused_by(error))?;
    let totals = &measured.totals;
    let failed = u64::from(about.people) - totals.accepted;
    let mut summary = Summary::done()
        .output("people", about.people)
        .output("accepted", totals.accepted)
        .output("shed", totals.shed)
        .output("abandoned", totals.abandoned)
        .output("failed", failed)
        .output("stored", about.stored)
        .output("report", path.display().to_string())
        .say(verdict(&about, measured));
    summary.stack = Some(about.stack.clone());
    if let Some(latency) = measured.registration {
        summary = summary.say(format!(
            "  registration: p50 {:.0} ms, p90 {:.0} ms, p99 {:.0} ms, slowest {:.0} ms; {:.0} requests a second; {} turned away, {} sent again",
            latency.p50, latency.p90, latency.p99, latency.max,
            totals.requests as f64 / measured.seconds.max(f64::MIN_POSITIVE), totals.shed, totals.retries
        ));
    }
    if totals.abandoned > 0 {
        summary = summary.say(format!("  {} left after having waited in vain", totals.abandoned));
    }
    for (cause, count) in &measured.errors {
        summary = summary.say(format!("  {count} × {cause}"));
    }
    summary = summary.say(format!("Report: {}", path.display()));
    if let Some((proof, error)) = failure(session, args, &about, failed, proofs) {
        proofs.failed(proof, &error);
        summary.exit = Exit::from(error.kind);
        summary.errors.push(error);
    }
    Ok(summary)
}

/// Why the run is none that one can be content with, behind what it does not prove for that.
fn failure(
    session: &Session,
    args: &LoadArgs,
    about: &About,
    failed: u64,
    proofs: &mut Proofs,
) -> Option<(&'static str, Error)> {
    if about.lost > 0 {
        let error = Error::failed(format!(
            "{} accepted registrations are not in the table {}",
            about.lost, about.table
        ));
        let look = Hint::from("the report names the moment; ").and_run("status");
        return Some((STORED, error.hint(look.and(" shows which version runs"))));
    }
    proofs.passed(STORED);
    if Instant::now() >= session.settings.deadline {
        let error = Error::new(Kind::Deadline, "the deadline came before everybody had registered");
        return Some((IN_TIME, error.hint(Hint::run("load --timeout 2h"))));
    }
    proofs.passed(IN_TIME);
    let allowed = f64::from(about.people) * args.max_failed / 100.0;
    if failed as f64 > allowed {
        let error = Error::failed(format!("{failed} of {} people did not get in", about.people))
            .because(format!("more than the {} % of --max-failed", args.max_failed))
            .hint("the report says why, by cause and by time");
        return Some((ADMITTED, error));
    }
    proofs.passed(ADMITTED);
    None
}

/// `--clean`: what interrupted and kept runs left.
async fn clean(session: &Session, registrations: &Registrations<'_>, global: &Global) -> Result<Summary, Error> {
    let left = registrations.generated().await?;
    let mut summary = Summary::done().output("removed", left.len());
    summary.stack = Some(session.stack.name.to_string());
    if left.is_empty() {
        return Ok(summary.say("Nothing to remove: no run left anything in the table."));
    }
    let heading = session.heading();
    let table = registrations.table();
    session.ui.say(format!(
        "{} in the table {table} of account {}, region {}",
        counted_are(left.len() as u64, "generated address"),
        heading.account,
        heading.region
    ));
    if !global.yes {
        session.ui.confirm("Remove them?", &session.settings.stop).await?;
    }
    registrations.remove(&left).await?;
    Ok(summary.say(format!("Removed {}.", counted(left.len() as u64, "generated address"))))
}
