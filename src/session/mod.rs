//! What most commands begin with: which profile, which account and region, the stack's graph, its record.
//! Must know nothing of what a command then does.

mod applied_profiles;
pub(crate) mod asking;
pub(crate) mod beside;
pub(crate) mod building;
pub(crate) mod confirmed;
pub(crate) mod cost;
mod deployed;
mod environment;
pub(crate) mod event;
pub(crate) mod hours;
pub(crate) mod leftovers;
mod look;
mod orphans;
mod outputs;
pub(crate) mod profile_bundle;
pub(crate) mod region;
pub(crate) mod room;
pub(crate) mod saved_plan;
pub(crate) mod selection;
pub(crate) mod since;
mod unfinished;
pub(crate) mod usual;

pub(crate) use look::{Look, not_up};
pub(crate) use outputs::{scale_value, with_outputs};
pub(crate) use unfinished::{goes_on_by_itself, unfinished, with_left_behind};

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::applied_profiles::{APPLIED, HISTORY, applied, history, in_history, public, recorded};
use self::orphans::Orphans;
use self::profile_bundle::{bundle_or_unknown, bundle_to_deploy, bundle_to_run};
use self::selection::{Chosen, Connected, RegionFrom, choose, connect, embedded_as, stack_name};
use crate::aws::Aws;
use crate::aws::journal::{self, RunJournal};
use crate::aws::lifetime::{self, Lifetime};
use crate::aws::lock::{Holder, Lock};
use crate::aws::process::Process;
use crate::aws::record::{BORN, Record};
use crate::aws::target::Target;
use crate::cli::{Global, Wishes};
use crate::engine::{
    self, Action, Busy, Error, Gate, Graph, Hint, Intent, Intents, Kind, PlannedRemoval, ReadCx, Removal, Report, Run,
    Settings,
};
use crate::exit::Exit;
use crate::profile::Profile;
use crate::resources::found::{Found, Reach};
use crate::resources::{
    self, BundleToRun, Deploying, ExportTo, Maintenance, Scaling, Stack, VersionHistory, partition, watched_for,
};
use crate::ui::{Heading, Summary, Ui, signals};

/// Which profile a command takes where none is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fallback {
    /// The embedded `article`: for what says what the stack should be.
    Article,
    /// The one that `up` used: for what acts on the stack that is.
    Applied,
}

/// What a session is opened for.
pub(crate) struct Purpose {
    /// The command's name.
    pub command: &'static str,
    pub fallback: Fallback,
    pub wishes: Wishes,
    pub may_lose_data: bool,
    /// It takes the stack away.
    pub removes: bool,
    /// Where registrations are written before their table goes.
    pub export_to: Option<PathBuf>,
    /// How far what nobody remembers is searched, where the record remembers something.
    pub reach: Reach,
    /// It deploys, and does nothing else.
    pub deploying: Option<Deploying>,
    /// It scales, and does nothing else.
    pub scaling: Option<Scaling>,
    /// It turns the maintenance page on or off, and does nothing else.
    pub maintenance: Option<Maintenance>,
    /// The secret between CloudFront and the load balancer is to be another one.
    pub rotating: bool,
}

impl Purpose {
    /// Says what the stack should be.
    pub(crate) fn to_bring_up(command: &'static str, wishes: &Wishes) -> Self {
        Self {
            command,
            fallback: Fallback::Article,
            wishes: wishes.clone(),
            may_lose_data: false,
            removes: false,
            export_to: None,
            reach: Reach::Index,
            deploying: None,
            scaling: None,
            maintenance: None,
            rotating: false,
        }
    }

    /// Scales: which hours are meant AWS's clock says, so that it looks first.
    pub(crate) fn to_scale() -> Self {
        Self {
            scaling: Some(Scaling::AsItIs),
            ..Self::of_what_is("scale")
        }
    }

    /// Deploys: the bundle is that of who says so, all else is about what there is.
    pub(crate) fn to_deploy(deploying: Deploying, wishes: &Wishes) -> Self {
        Self {
            wishes: wishes.clone(),
            deploying: Some(deploying),
            ..Self::of_what_is("deploy")
        }
    }

    /// Turns the maintenance page on or off.
    pub(crate) fn to_maintain(wanted: Maintenance) -> Self {
        Self {
            maintenance: Some(wanted),
            ..Self::of_what_is("maintenance")
        }
    }

    /// Changes the secret between CloudFront and the load balancer.
    pub(crate) fn to_rotate() -> Self {
        Self {
            rotating: true,
            ..Self::of_what_is("rotate-secret")
        }
    }

    /// Acts on the stack that is.
    pub(crate) fn of_what_is(command: &'static str) -> Self {
        Self {
            command,
            fallback: Fallback::Applied,
            wishes: Wishes::default(),
            may_lose_data: false,
            removes: false,
            export_to: None,
            reach: Reach::Index,
            deploying: None,
            scaling: None,
            maintenance: None,
            rotating: false,
        }
    }
}

/// One command's run against one stack.
pub(crate) struct Session {
    pub ui: Ui,
    pub read: Arc<Aws>,
    pub write: Arc<Aws>,
    pub stack: Arc<Stack>,
    pub graph: Graph<Aws>,
    /// What former runs made and the profile no longer has.
    pub orphans: Graph<Aws>,
    pub record: Record,
    pub settings: Settings,
    pub profile_name: String,
    region_from: RegionFrom,
    /// Names of former profiles in the record that could not be read.
    unreadable: Vec<String>,
    command: &'static str,
}

impl Session {
    pub(crate) async fn open(global: &Global, ui: &Ui, purpose: Purpose) -> Result<Self, Error> {
        let stop = CancellationToken::new();
        signals::listen(ui, stop.clone());
        Self::open_beside(global, ui, purpose, stop, Busy::default()).await
    }

    /// One of several that go on side by side: signals are heard by whoever opens them, and all ask less often where AWS turns one
    /// away.
    pub(crate) async fn open_beside(
        global: &Global,
        ui: &Ui,
        purpose: Purpose,
        stop: CancellationToken,
        busy: Busy,
    ) -> Result<Self, Error> {
        let opened = Self::gather(global, ui, purpose, stop.clone(), busy);
        unless_stopped(&stop, opened).await
    }

    async fn gather(
        global: &Global,
        ui: &Ui,
        purpose: Purpose,
        stop: CancellationToken,
        busy: Busy,
    ) -> Result<Self, Error> {
        let Purpose {
            command,
            fallback,
            wishes,
            may_lose_data,
            removes,
            export_to,
            reach,
            mut deploying,
            scaling,
            maintenance,
            rotating,
        } = purpose;
        let forward = deploying.as_ref().is_some_and(|deploying| deploying.way.is_forward());
        let name = stack_name(global)?;
        // Read before anything is called: a mistake in it is told at once.
        let mut chosen = choose(global)?;
        let target = target(global, ui).await?;
        let Connected { read, write, .. } = connect(&target, global, &mut chosen).await?;
        let region_from = chosen.region_from.clone();
        let record = Record::new(&read, name.as_str());
        if fallback == Fallback::Applied && global.profile.is_none() {
            match (applied(&read, &record, global).await?, &mut deploying) {
                (Some(applied), _) => chosen = applied,
                (None, Some(_)) if forward => return Err(nobody_says_which()),
                (None, Some(deploying)) => deploying.profile_unknown = true,
                (None, None) => {}
            }
            if chosen.recorded {
                ui.acts_on(embedded_as(&chosen.profile, global));
            }
        }
        let region = read.region.clone();
        // It says what the stack should be.
        let says = fallback == Fallback::Article || forward && global.profile.is_some();
        if says {
            chosen.tell_idle(ui);
            partition::has_what_it_needs(&chosen.profile, &region)?;
        }
        let keys = record.list(&read, &record.key("")).await?;
        read.listed_record(record.key(""), keys.clone());
        let history = history(&read, &record, &keys).await?;
        tell_unreadable(&history.unreadable, &record, ui);
        let former = history.profiles;
        if fallback == Fallback::Article && !former.is_empty() && !former.contains(&public(&chosen.profile)) {
            tell_other_profile(global, ui);
        }
        let intents = journal::unsettled(&read, &record, &keys).await?;
        let bundle = bundle_of(&mut chosen, global, (says, forward), wishes.no_check, ui);
        if forward && global.yes && bundle.is_err() {
            deployed::note_unbegun(&write, &record, None).await;
        }
        let bundle = bundle?;
        let mut stack = Stack::new(name.clone(), &region, chosen.profile.clone(), bundle);
        stack.take_over = wishes.adopt.iter().cloned().collect();
        stack.upgrade_platform = wishes.upgrade_platform;
        stack.may_lose_data = may_lose_data;
        stack.lifetime = asked_lifetime(&read, &wishes).await?;
        stack.properties_unknown = chosen.recorded;
        stack.former = former.clone();
        stack.is_removed = removes;
        stack.force = wishes.force;
        stack.versions = VersionHistory::read(&read, &record, &keys).await?;
        stack.deploying = deploying;
        stack.scaling = scaling;
        stack.maintenance = maintenance;
        stack.rotating = rotating;
        stack.export_to = export_to.clone().map(|path| ExportTo { path, of_former: false });
        let reach = match former.is_empty() {
            true => Reach::Everything,
            false => reach,
        };
        let mut found = found(&read, &stack, reach, ui).await?;
        if removes {
            read.reads_anew();
        }
        beside::place(&read, &mut stack, &mut found, ui).await?;
        stack.found_distributions = found.distributions.clone();
        let stack = Arc::new(stack);
        let graph = resources::graph(&stack)?;
        check_ids(&graph, &wishes.adopt, "--adopt")?;
        let finishes = !stack.keeps_beside() && !removes;
        let orphans = Orphans {
            name: &name,
            region: &region,
            former: if finishes { &[] } else { &former },
            found: &found,
            may_lose_data,
            export_to,
        };
        let does_one_thing = stack.deploying.is_some() || stack.scaling.is_some() || stack.maintenance.is_some();
        let orphans = match does_one_thing && !finishes {
            // It neither has nor removes any.
            true => Graph::partial(Vec::new())?,
            false => orphans.beside(&stack, &graph)?,
        };
        let settings = Settings {
            pace: target.pace,
            events: ui.events(),
            stop,
            deadline: Instant::now() + global.timeout.unwrap_or_else(|| usual_timeout(command)),
            intents: Intents::new(intents),
            busy,
        };
        Ok(Self {
            ui: ui.clone(),
            read: Arc::new(read),
            write: Arc::new(write),
            stack,
            graph,
            orphans,
            record,
            settings,
            profile_name: chosen.name,
            region_from,
            unreadable: history.unreadable,
            command,
        })
    }

    pub(crate) fn heading(&self) -> Heading {
        Heading {
            account: self.read.account.clone(),
            region: self.read.region.clone(),
            region_from: match &self.region_from {
                RegionFrom::Aws(from) => Some(from.clone()),
                _ => None,
            },
            endpoint: self.read.endpoint.clone(),
            stack: self.stack.name.to_string(),
            profile: self.profile_name.clone(),
        }
    }

    pub(crate) fn read_cx(&self) -> ReadCx<Aws> {
        ReadCx::new(self.read.clone(), self.settings.clone())
    }

    /// What is there and what is therefore to be done.
    pub(crate) async fn look(&self) -> Result<Look, Error> {
        let cx = self.read_cx();
        let observed = async { tokio::try_join!(self.graph.observe(&cx), self.orphans.observe(&cx)) };
        let (seen, orphaned) = unless_stopped(&self.settings.stop, observed).await?;
        let planned = self.graph.plan(&seen);
        let removals = self.orphans.plan_removal(&orphaned);
        let settled = |orphan: &PlannedRemoval| matches!(orphan.removal, Removal::Absent | Removal::Leave { .. });
        let no_orphans = removals.iter().all(settled);
        let removals = removals
            .into_iter()
            .filter(|orphan| matches!(orphan.removal, Removal::Delete { .. }))
            .collect();
        Ok(Look {
            stack: self.stack.name.clone(),
            seen,
            orphaned,
            planned,
            orphans: removals,
            no_orphans,
        })
    }

    /// Takes the stack's lock; the bucket that it lies in must be there.
    pub(crate) async fn lock(&self) -> Result<Lock, Error> {
        in_time(&self.settings.stop, self.take_lock()).await
    }

    async fn take_lock(&self) -> Result<Lock, Error> {
        self.record.ensure_bucket(&self.write).await?;
        // From here on something may be changed, and the index lags.
        self.read.reads_anew();
        let holder = Holder {
            id: random_id(),
            command: self.command.to_owned(),
            who: whoami(),
            process: Process::this(),
            renewals: 0,
        };
        let ui = self.ui.clone();
        Lock::acquire(
            self.write.clone(),
            self.record.clone(),
            holder,
            self.settings.stop.clone(),
            move |text| {
                ui.notice(text, None);
            },
        )
        .await
    }

    /// What changes something from here on, and who is asked for more than was shown.
    pub(crate) fn run(&self, gate: impl Gate + 'static) -> Run<Aws> {
        let id = format!("{}-{}", jiff::Timestamp::now().as_second(), random_id());
        let mut usual = usual::usual(self.settings.pace);
        if let Some((kind, watched)) = watched_for(&self.stack) {
            usual.set(kind, Action::Update, None, watched.as_secs_f64());
        }
        Run {
            clients: self.write.clone(),
            read: self.read_cx(),
            journal: Arc::new(RunJournal::new(self.write.clone(), self.record.clone(), &id)),
            gate: Arc::new(gate),
            usual: Arc::new(usual),
        }
    }

    /// What a run took: said at the end, and expected of the next.
    pub(crate) fn took(&self, report: &Report) {
        self.ui.took(report.critical_path());
        let watched = watched_for(&self.stack).map(|(kind, _)| kind);
        usual::learn(report, self.settings.pace, watched);
    }

    /// Tells what a plan's reader should know.
    pub(crate) fn tell_notices(&self, look: &Look) {
        for notice in look.planned.iter().flat_map(|step| &step.notices) {
            self.ui.notice(&notice.text, notice.hint.clone());
        }
    }

    /// Writes down which profile is being applied, before anything is.
    pub(crate) async fn remember_profile(&self) -> Result<(), Error> {
        if self.stack.former.is_empty() {
            let by = concat!("confctl ", env!("CARGO_PKG_VERSION"), "\n");
            self.record.write_once(&self.write, BORN, by.into()).await?;
        }
        let text = recorded(&self.stack.profile, &self.stack.bundle.label)?;
        let name = in_history(&text);
        self.record.write(&self.write, &name, text.clone().into_bytes()).await?;
        self.record.write(&self.write, APPLIED, text.into_bytes()).await
    }

    /// Writes down how long the stack is to live, before its tag says so.
    pub(crate) async fn remember_lifetime(&self) -> Result<(), Error> {
        match &self.stack.lifetime {
            Some(lifetime) => lifetime::remember(&self.write, &self.record, lifetime).await,
            None => Ok(()),
        }
    }

    /// Whether the key is of a former profile that could not be read. It is not ours to forget.
    pub(crate) fn is_unreadable(&self, key: &str) -> bool {
        self.unreadable.iter().any(|name| self.record.key(name) == key)
    }

    /// Whether the key is of what [`Self::settle_journal`] keeps.
    pub(crate) fn is_unsettled(&self, key: &str) -> bool {
        self.record.key(journal::UNSETTLED) == key
    }

    /// What was made is tagged now, and what an interrupted run terminated is swept; what neither settles stays in the journal. Former profiles are forgotten once nothing of theirs is left: a table that only
    /// `teardown --delete-data` may delete must still be known then.
    pub(crate) async fn settle_record(&self, look: &Look) -> Result<(), Error> {
        if look.no_orphans {
            // The present one stays: the next run writes another over the one that says what is applied.
            let present = self
                .record
                .key(&in_history(&recorded(&self.stack.profile, &self.stack.bundle.label)?));
            let keys = self.record.list(&self.write, &self.record.key(HISTORY)).await?;
            let keys: Vec<_> = keys
                .into_iter()
                .filter(|key| *key != present && !self.is_unreadable(key))
                .collect();
            self.record.delete_keys(&self.write, &keys).await?;
        }
        self.settle_intents(look).await?;
        self.note_deployed(look).await
    }

    /// What was begun is over, but for what is still to be swept or proven.
    pub(crate) async fn settle_intents(&self, look: &Look) -> Result<(), Error> {
        let unswept = resources::sweep_terminated(&self.write, &self.stack, &self.settings.intents).await?;
        let mut unsettled = resources::unswept_intents(&unswept);
        let network = look.seen.owner("default-vpc");
        unsettled.extend(resources::unproven_intent(&self.settings.intents, network.as_ref()));
        self.settle_journal(&unsettled).await
    }

    /// Forgets the journal but for these.
    pub(crate) async fn settle_journal(&self, unsettled: impl IntoIterator<Item = &Intent>) -> Result<(), Error> {
        let unsettled: Vec<_> = unsettled.into_iter().cloned().collect();
        journal::settle(&self.write, &self.record, &unsettled).await
    }
}

/// No run wrote down which profile it applied, or there was none.
fn nobody_says_which() -> Error {
    Error::refused("the record does not say which profile this stack was brought up with").hint(
        Hint::from("of one that is up, name it with -p NAME|FILE; ")
            .and_run("up")
            .and(" makes it where it is not"),
    )
}

/// What `--ttl` comes to, by AWS's clock.
async fn asked_lifetime(aws: &Aws, wishes: &Wishes) -> Result<Option<Lifetime>, Error> {
    Ok(match wishes.ttl.as_ref().map(|ttl| ttl.lasts) {
        None => None,
        Some(None) => Some(Lifetime::Unlimited),
        Some(Some(lasts)) => Some(Lifetime::lasting(aws, lasts).await?),
    })
}

fn tell_unreadable(names: &[String], record: &Record, ui: &Ui) {
    for name in names {
        let text = format!(
            "s3://{}/{} is no profile that this confctl can read: what it had made is not looked for",
            record.bucket(),
            record.key(name)
        );
        let hint = "put a profile in its place, or delete the object when nothing of it is left";
        ui.notice(&text, Some(hint.into()));
    }
}

/// Where nobody said which profile is meant, and it is not the one that the stack has.
fn tell_other_profile(global: &Global, ui: &Ui) {
    if global.profile.is_none() && global.set.is_empty() {
        let text = "the stack was brought up with another profile than article";
        ui.notice(text, Some("name the one that is meant with -p".into()));
    }
}

/// `says`: the profile says what the stack should be. `forward`: its bundle is deployed.
fn bundle_of(
    chosen: &mut Chosen,
    global: &Global,
    (says, forward): (bool, bool),
    unchecked: bool,
    ui: &Ui,
) -> Result<BundleToRun, Error> {
    match (says, forward) {
        (true, _) => bundle_to_build(&chosen.profile, unchecked, ui),
        (false, true) => bundle_to_deploy(&mut chosen.profile, &global.set, unchecked, ui),
        _ if global.profile.is_some() => Ok(bundle_or_unknown(&chosen.profile)),
        _ => Ok(profile_bundle::labelled(chosen.profile.app.version_label.as_deref())),
    }
}

fn bundle_to_build(profile: &Profile, unchecked: bool, ui: &Ui) -> Result<BundleToRun, Error> {
    // What is on this machine is looked at before anything is made.
    resources::public_key(profile)?;
    bundle_to_run(profile, unchecked, ui)
}

/// What is there by its tags. Says what that may have missed.
async fn found(aws: &Aws, stack: &Stack, reach: Reach, ui: &Ui) -> Result<Found, Error> {
    let found = resources::found::find(aws, &stack.ownership, reach).await?;
    if let Some(missed) = &found.missed {
        let missed = missed.in_a_line();
        ui.notice(
            &format!("what nobody remembers of this stack may be missed: {missed}"),
            None,
        );
    }
    Ok(found)
}

/// On AWS a stack is up within half an hour; a group that grew and shrank again by alarms of five minutes needs more than one.
fn usual_timeout(command: &str) -> Duration {
    Duration::from_secs(60 * if command == "stress" { 90 } else { 45 })
}

/// Gives the lock back. A run that did not get to its end because it lost the lock says so.
pub(crate) async fn unlock(lock: Lock, summary: Result<Summary, Error>) -> Result<Summary, Error> {
    let released = lock.release().await;
    let finished = summary.as_ref().is_ok_and(|summary| summary.errors.is_empty());
    match released {
        Err(lost) if !finished && signals::first().is_none() => {
            let mut told = summary.unwrap_or_else(Summary::from);
            told.exit = Exit::from(lost.kind);
            told.errors.retain(|error| error.kind != Kind::Stopped);
            told.errors.insert(0, lost);
            Ok(told)
        }
        _ => summary,
    }
}

/// Reads can be left at any point; what changes something goes through the engine, which ends its calls in flight.
pub(crate) async fn unless_stopped<T>(
    stop: &CancellationToken,
    reading: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::select! {
        read = reading => read,
        () = stop.cancelled() => Err(Error::stopped()),
    }
}

/// As [`unless_stopped`], for what changes something outside the engine: calls in flight may end, if they do so soon.
pub(crate) async fn in_time<T>(
    stop: &CancellationToken,
    changing: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(engine::GRACE).await;
    };
    tokio::select! {
        changed = changing => changed,
        () = late => Err(Error::stopped()),
    }
}

/// AWS, or the sandbox, started if need be.
pub(crate) async fn target(global: &Global, ui: &Ui) -> Result<Target, Error> {
    if !global.sandbox {
        return Ok(Target::aws());
    }
    #[cfg(feature = "sandbox")]
    return crate::local_aws::target(ui).await;
    #[cfg(not(feature = "sandbox"))]
    {
        let _ = ui;
        Err(Error::new(Kind::Usage, "this confctl was built without the sandbox")
            .hint("build it with its default features"))
    }
}

fn check_ids(graph: &Graph<Aws>, ids: &[String], flag: &str) -> Result<(), Error> {
    let known: Vec<_> = graph.nodes().iter().map(|node| node.id()).collect();
    match ids.iter().find(|id| !known.contains(&id.as_str())) {
        None => Ok(()),
        Some(id) => Err(
            Error::new(Kind::Usage, format!("{flag} {id}: there is no such resource"))
                .hint(format!("one of {}", known.join(", "))),
        ),
    }
}

/// As [`check_ids`], for `--keep`.
pub(crate) fn check_kept(session: &Session, ids: &[String]) -> Result<(), Error> {
    check_ids(&session.graph, ids, "--keep")
}

fn random_id() -> String {
    hex::encode(rand::random::<[u8; 8]>())
}

/// For people who meet the lock: never part of a decision.
fn whoami() -> String {
    let user = std::env::var("USER")
        .or_else(|_| std::env::var("LOGNAME"))
        .unwrap_or_else(|_| "somebody".to_owned());
    let host = fs_err::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!(
        "{user}@{}",
        if host.trim().is_empty() {
            "a machine"
        } else {
            host.trim()
        }
    )
}
