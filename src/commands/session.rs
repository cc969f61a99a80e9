//! What most commands begin with: which profile, which account and region, the stack's graph, its record.
//! Must know nothing of what a command then does.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::aws::journal::{self, RunJournal};
use crate::aws::lock::{Holder, Lock};
use crate::aws::record::Record;
use crate::aws::{Aws, clients};
use crate::bundle;
use crate::cli::Global;
use crate::engine::{
    Change, Error, Former, Graph, Journal, Kind, Node, Observations, Planned, PlannedRemoval, ReadCx, Removal, Settings,
};
use crate::profile::{self, Profile, ProfileError, StackName};
use crate::resources::{self, BundleToRun, Stack};
use crate::target::Target;
use crate::ui::signals::Signals;
use crate::ui::{Heading, Ui};

/// The profile that the newest `up` used; a hint for commands that are not told one.
const APPLIED: &str = "profile.toml";
/// Profiles of runs whose orphans may not be gone yet.
const HISTORY: &str = "profiles/";

/// Which profile a command takes where none is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fallback {
    /// The embedded `article`: for what says what the stack should be.
    Article,
    /// The one that `up` used: for what acts on the stack that is.
    Applied,
}

/// One command's run against one stack.
pub(super) struct Session {
    pub ui: Ui,
    pub read: Arc<Aws>,
    pub write: Arc<Aws>,
    pub stack: Arc<Stack>,
    pub graph: Graph<Aws>,
    /// What former runs made and the profile no longer has.
    pub orphans: Graph<Aws>,
    pub record: Record,
    pub settings: Settings,
    pub signals: Signals,
    pub profile_name: String,
    command: &'static str,
}

/// What the user asked of the stack beside its profile.
#[derive(Default)]
pub(super) struct Wishes<'a> {
    pub adopt: &'a [String],
    pub upgrade_platform: bool,
    pub may_lose_data: bool,
}

/// A profile and the word it goes by.
pub(super) struct Chosen {
    pub name: String,
    pub profile: Profile,
    /// Whether a flag, the file or a `--set` says which region; else the AWS configuration may.
    pub names_region: bool,
    /// Read from the record, which has no properties.
    pub recorded: bool,
}

impl Session {
    pub(super) async fn open(
        global: &Global,
        ui: &Ui,
        command: &'static str,
        fallback: Fallback,
        wishes: Wishes<'_>,
    ) -> Result<Self, Error> {
        let stop = CancellationToken::new();
        let signals = Signals::listen(ui, stop.clone());
        let name = stack_name(global)?;
        // Read before anything is called: a mistake in it is told at once.
        let mut chosen = choose(global)?;
        let target = target(global, ui).await?;
        let (read, write) = connect(&target, global, &mut chosen).await?;
        let record = Record::new(&read, name.as_str());
        if fallback == Fallback::Applied
            && global.profile.is_none()
            && let Some(applied) = applied(&read, &record, global).await?
        {
            chosen = applied;
        }
        let region = read.region.clone();
        let former = history(&read, &record).await?;
        let unnamed = fallback == Fallback::Article && global.profile.is_none() && global.set.is_empty();
        if unnamed && !former.is_empty() && !former.contains(&public(&chosen.profile)) {
            let hint = "name the one that is meant with -p";
            ui.notice("the stack was brought up with another profile than article", Some(hint));
        }
        let intents = journal::unsettled(&read, &record).await?;
        let mut stack = Stack::new(
            name.clone(),
            &region,
            chosen.profile.clone(),
            bundle_to_run(&chosen.profile)?,
        );
        stack.take_over = wishes.adopt.iter().cloned().collect();
        stack.upgrade_platform = wishes.upgrade_platform;
        stack.may_lose_data = wishes.may_lose_data;
        stack.properties_unknown = chosen.recorded;
        let stack = Arc::new(stack);
        let graph = resources::graph(&stack)?;
        check_ids(&graph, wishes.adopt, "--adopt")?;
        let orphans = orphans(&graph, &name, &region, former, wishes.may_lose_data)?;
        let settings = Settings {
            pace: target.pace,
            events: ui.events(),
            stop,
            deadline: Instant::now() + global.timeout,
            intents: Arc::new(intents),
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
            signals,
            profile_name: chosen.name,
            command,
        })
    }

    pub(super) fn heading(&self) -> Heading {
        Heading {
            account: self.read.account.clone(),
            region: self.read.region.clone(),
            endpoint: self.read.endpoint.clone(),
            stack: self.stack.name.to_string(),
            profile: self.profile_name.clone(),
        }
    }

    pub(super) fn read_cx(&self) -> ReadCx<Aws> {
        ReadCx::new(self.read.clone(), self.settings.clone())
    }

    /// What is there and what is therefore to be done.
    pub(super) async fn look(&self) -> Result<Look, Error> {
        let cx = self.read_cx();
        let (seen, orphaned) = tokio::try_join!(self.graph.observe(&cx), self.orphans.observe(&cx))?;
        let planned = self.graph.plan(&seen);
        let removals = self.orphans.plan_removal(&orphaned);
        let removals = removals
            .into_iter()
            .filter(|orphan| matches!(orphan.removal, Removal::Delete { .. }))
            .collect();
        Ok(Look {
            seen,
            orphaned,
            planned,
            orphans: removals,
        })
    }

    /// Takes the stack's lock; the bucket that it lies in must be there.
    pub(super) async fn lock(&self) -> Result<Lock, Error> {
        self.record.ensure_bucket(&self.write).await?;
        let holder = Holder {
            id: random_id(),
            command: self.command.to_owned(),
            who: whoami(),
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

    pub(super) fn journal(&self) -> Arc<dyn Journal> {
        let run = format!("{}-{}", jiff::Timestamp::now().as_second(), random_id());
        Arc::new(RunJournal::new(self.write.clone(), self.record.clone(), &run))
    }

    /// Writes down which profile is being applied, before anything is.
    pub(super) async fn remember_profile(&self) -> Result<(), Error> {
        let text = recorded(&self.stack.profile)?;
        let name = in_history(&text);
        self.record.write(&self.write, &name, text.clone().into_bytes()).await?;
        self.record.write(&self.write, APPLIED, text.into_bytes()).await
    }

    /// What was made is tagged now. Former profiles are forgotten once nothing of theirs is left: a table that only
    /// `teardown --delete-data` may delete must still be known then.
    pub(super) async fn settle_record(&self, look: &Look) -> Result<(), Error> {
        if look.orphans.is_empty() {
            // The present one stays: the next run writes another over the one that says what is applied.
            let present = self.record.key(&in_history(&recorded(&self.stack.profile)?));
            let keys = self.record.list(&self.write, &self.record.key(HISTORY)).await?;
            let keys: Vec<_> = keys.into_iter().filter(|key| *key != present).collect();
            self.record.delete_keys(&self.write, &keys).await?;
        }
        journal::settle(&self.write, &self.record).await
    }
}

/// One look at a stack.
pub(super) struct Look {
    pub seen: Observations,
    pub orphaned: Observations,
    pub planned: Vec<Planned>,
    pub orphans: Vec<PlannedRemoval>,
}

impl Look {
    pub(super) fn is_blocked(&self) -> bool {
        self.planned
            .iter()
            .any(|step| matches!(step.change, Change::Blocked { .. }))
    }

    /// Whether this look plans what the other one did, but for what has come to rest by itself since.
    pub(super) fn is_what_was_confirmed(&self, confirmed: &Self) -> bool {
        fn lasting(planned: &[Planned]) -> Vec<(&str, Change)> {
            let lasting = planned.iter().map(|step| {
                let Change::Update { fields } = &step.change else {
                    return (step.resource, step.change.clone());
                };
                let fields: Vec<_> = fields.iter().filter(|field| field.field != "Status").cloned().collect();
                (
                    step.resource,
                    if fields.is_empty() {
                        Change::Keep
                    } else {
                        Change::Update { fields }
                    },
                )
            });
            lasting.collect()
        }
        lasting(&self.planned) == lasting(&confirmed.planned)
    }

    /// Orphans that `up` may delete: none that holds data.
    pub(super) fn deletable_orphans(&self) -> HashMap<&'static str, Removal> {
        let deletable = self
            .orphans
            .iter()
            .filter(|orphan| matches!(orphan.removal, Removal::Delete { loses: None }));
        deletable
            .filter(|orphan| !orphan.resource.ends_with("users-table"))
            .map(|orphan| (orphan.resource, orphan.removal.clone()))
            .collect()
    }

    /// Whether `up` has anything to do.
    pub(super) fn is_pending(&self) -> bool {
        let pending = self
            .planned
            .iter()
            .any(|step| step.change.is_pending() || step.settling.is_some());
        pending || !self.deletable_orphans().is_empty()
    }
}

/// Connects to the account, in the region of the command line, else of the profile, else of the AWS configuration.
pub(super) async fn connect(target: &Target, global: &Global, chosen: &mut Chosen) -> Result<(Aws, Aws), Error> {
    let settled = chosen.names_region || target.endpoint.is_some();
    let region = settled.then_some(chosen.profile.region.as_str());
    let config = clients::configuration(target, region, global.aws_profile.as_deref()).await;
    if let (false, Some(region)) = (settled, config.region()) {
        chosen.profile.region = region.to_string();
    }
    let only = global.account.clone().or_else(|| chosen.profile.account.clone());
    clients::connect(target, &config, &chosen.profile.region, only.as_deref()).await
}

/// The stack's name, checked.
pub(super) fn stack_name(global: &Global) -> Result<StackName, Error> {
    match &global.name {
        None => Ok(StackName::default()),
        Some(name) => name.parse().map_err(|error: profile::InvalidStackName| {
            Error::new(Kind::Usage, error.to_string()).hint("--name my-conference")
        }),
    }
}

/// The profile that the command line names, or `article`, with `--set` and `--region` on top.
pub(super) fn choose(global: &Global) -> Result<Chosen, Error> {
    if let Some(name) = &global.profile {
        guard_aws_profile(name, global)?;
    }
    let loaded = profile::load(global.profile.as_deref().unwrap_or("article"), &global.set).map_err(usage)?;
    let mut profile = loaded.profile;
    if let Some(region) = &global.region {
        profile.region = region.clone();
    }
    Ok(Chosen {
        name: loaded.name,
        profile,
        names_region: loaded.names_region || global.region.is_some(),
        recorded: false,
    })
}

pub(super) fn usage(error: ProfileError) -> Error {
    let hint = match &error {
        ProfileError::Unknown {
            nearest: Some(nearest), ..
        } => format!("did you mean `-p {nearest}`?"),
        ProfileError::Unknown { .. } => "confctl profile list".to_owned(),
        ProfileError::Read { .. } => "check the path; names of embedded profiles: confctl profile list".to_owned(),
        ProfileError::Invalid { .. } => "confctl profile show prints every key with its value".to_owned(),
    };
    let mut explained = Error::new(Kind::Usage, "the profile cannot be used").hint(hint);
    explained.causes = error.to_string().lines().map(str::to_owned).collect();
    explained
        .causes
        .extend(std::error::Error::source(&error).map(ToString::to_string));
    explained
}

/// `--profile` means credentials to every other AWS tool: refused where it would be taken for ours by mistake.
fn guard_aws_profile(name: &str, global: &Global) -> Result<(), Error> {
    if global.sandbox || global.aws_profile.is_some() || !is_aws_profile(name) {
        return Ok(());
    }
    Err(Error::new(
        Kind::Usage,
        format!("`{name}` names a profile of your AWS configuration as well"),
    )
    .because("-p/--profile is confctl's own: what to build. Whose credentials to use is --aws-profile")
    .hint(format!(
        "for those credentials: --aws-profile {name}; for confctl's profile: -p {name} --aws-profile default"
    )))
}

fn is_aws_profile(name: &str) -> bool {
    let home = std::env::var_os("HOME")
        .map(std::path::PathBuf::from)
        .unwrap_or_default();
    let file = |variable: &str, usual: &str| {
        let path = std::env::var_os(variable)
            .map(Into::into)
            .unwrap_or_else(|| home.join(usual));
        fs_err::read_to_string(path).unwrap_or_default()
    };
    let files = [
        file("AWS_CONFIG_FILE", ".aws/config"),
        file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"),
    ];
    files.iter().flat_map(|text| text.lines()).any(|line| {
        let section = line
            .trim()
            .strip_prefix('[')
            .and_then(|line| line.split(']').next())
            .unwrap_or_default()
            .trim();
        section.strip_prefix("profile ").unwrap_or(section).trim() == name
    })
}

/// AWS, or the sandbox, started if need be.
pub(super) async fn target(global: &Global, ui: &Ui) -> Result<Target, Error> {
    if !global.sandbox {
        return Ok(Target::aws());
    }
    #[cfg(feature = "sandbox")]
    return super::sandbox::target(ui).await;
    #[cfg(not(feature = "sandbox"))]
    {
        let _ = ui;
        Err(Error::new(Kind::Usage, "this confctl was built without the sandbox")
            .hint("build it with its default features"))
    }
}

async fn applied(aws: &Aws, record: &Record, global: &Global) -> Result<Option<Chosen>, Error> {
    let Some(text) = record.read(aws, APPLIED).await? else {
        return Ok(None);
    };
    let place = format!("s3://{}/{}", record.bucket(), record.key(APPLIED));
    let mut profile = profile::parse(&place, &String::from_utf8_lossy(&text), &global.set).map_err(usage)?;
    if let Some(region) = &global.region {
        profile.region = region.clone();
    }
    Ok(Some(Chosen {
        name: "as applied".to_owned(),
        profile,
        names_region: true,
        recorded: true,
    }))
}

/// The profiles that runs applied since the last that ended well. What cannot be read is passed over: it is only a hint.
async fn history(aws: &Aws, record: &Record) -> Result<Vec<Profile>, Error> {
    let mut names: BTreeSet<String> = BTreeSet::from([APPLIED.to_owned()]);
    for key in record.list(aws, &record.key(HISTORY)).await? {
        names.insert(key[record.key("").len()..].to_owned());
    }
    let mut profiles: Vec<Profile> = Vec::new();
    for name in names {
        let Some(text) = record.read(aws, &name).await? else {
            continue;
        };
        if let Ok(profile) = profile::parse(&name, &String::from_utf8_lossy(&text), &[])
            && !profiles.contains(&profile)
        {
            profiles.push(profile);
        }
    }
    Ok(profiles)
}

/// The resources of former profiles that the graph no longer has, by id and name.
fn orphans(
    graph: &Graph<Aws>,
    name: &StackName,
    region: &str,
    former: Vec<Profile>,
    may_lose_data: bool,
) -> Result<Graph<Aws>, Error> {
    let mut known: BTreeSet<(&str, String)> = graph.nodes().iter().map(|node| (node.id(), node.title())).collect();
    let mut ids: BTreeSet<&str> = graph.nodes().iter().map(|node| node.id()).collect();
    // A version's name changes with every build; those of former builds go with their application.
    let passing = ["app-version"];
    let mut orphans: Vec<Arc<dyn Node<Aws>>> = Vec::new();
    for profile in former {
        let mut stack = Stack::new(name.clone(), region, profile.clone(), bundle_or_unknown(&profile));
        stack.may_lose_data = may_lose_data;
        for node in resources::graph(&Arc::new(stack))?.nodes() {
            if passing.contains(&node.id()) || !known.insert((node.id(), node.title())) {
                continue;
            }
            if ids.insert(node.id()) {
                orphans.push(node.clone());
                continue;
            }
            let turn = (1..)
                .map(|turn| format!("former-{turn}-{}", node.id()))
                .find(|id| !ids.contains(id.as_str()));
            // Ids are fixed words everywhere else: the few of former names live as long as the process.
            let id: &'static str = turn.unwrap_or_default().leak();
            ids.insert(id);
            orphans.push(Arc::new(Former { id, node: node.clone() }));
        }
    }
    Graph::partial(orphans)
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
pub(super) fn check_kept(session: &Session, ids: &[String]) -> Result<(), Error> {
    check_ids(&session.graph, ids, "--keep")
}

fn bundle_to_run(profile: &Profile) -> Result<BundleToRun, Error> {
    let source = bundle::Source::locate(&profile.app.bundle, Path::new(".")).map_err(bundle_error)?;
    let identity = bundle::identity(&source).map_err(bundle_error)?;
    let architecture = profile.instance.architecture;
    Ok(BundleToRun {
        label: profile.app.version_label.clone().unwrap_or(identity.version_label),
        description: identity.description,
        build: Box::new(move |progress| {
            bundle::build(&source, architecture, progress)
                .map(|bundle| bundle.path)
                .map_err(bundle_error)
        }),
    })
}

/// For what is only removed or looked at: that must work without the bundle's sources and a toolchain.
fn bundle_or_unknown(profile: &Profile) -> BundleToRun {
    bundle_to_run(profile).unwrap_or_else(|_| BundleToRun {
        label: String::new(),
        description: String::new(),
        build: Box::new(|_| Err(Error::failed("the bundle cannot be built from here").hint("confctl bundle"))),
    })
}

pub(super) fn bundle_error(error: bundle::BundleError) -> Error {
    let mut explained = Error::failed(error.to_string());
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        explained.causes.push(error.to_string());
        cause = error.source();
    }
    explained.hint("confctl bundle builds and checks it alone")
}

/// The profile as it is recorded: without properties, which may be secrets, and without addresses. Every Beanstalk instance
/// of the account may read that bucket.
fn recorded(profile: &Profile) -> Result<String, Error> {
    let text = public(profile).to_toml();
    text.map_err(|error| Error::failed("could not write the profile down").because(error.to_string()))
}

fn public(profile: &Profile) -> Profile {
    let mut public = profile.clone();
    public.app.properties.clear();
    public.notifications.email = None;
    public
}

/// Where a profile is kept among those that were applied.
fn in_history(text: &str) -> String {
    format!("{HISTORY}{}.toml", &hex::encode(Sha256::digest(text))[..16])
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
