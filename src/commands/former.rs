//! What runs wrote down for later ones: the applied profile, and former ones whose resources may not be gone yet.
//! Hints only: nothing is deleted on their word alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::choice::{Chosen, RegionFrom, usage};
use super::to_run;
use crate::aws::Aws;
use crate::aws::record::Record;
use crate::cli::Global;
use crate::engine::{Error, Graph, Member};
use crate::profile::{self, Profile, StackName};
use crate::resources::found::Found;
use crate::resources::outputs::DISTRIBUTION;
use crate::resources::{self, Stack};

/// The profile that the newest `up` used; a hint for commands that are not told one.
pub(super) const APPLIED: &str = "profile.toml";
/// Profiles of runs whose orphans may not be gone yet.
pub(super) const HISTORY: &str = "profiles/";

pub(super) async fn applied(aws: &Aws, record: &Record, global: &Global) -> Result<Option<Chosen>, Error> {
    let Some(text) = record.read(aws, APPLIED).await? else {
        return Ok(None);
    };
    let place = format!("s3://{}/{}", record.bucket(), record.key(APPLIED));
    let profile = profile::parse(&place, &String::from_utf8_lossy(&text), &global.set).map_err(usage);
    // Other instances of the account may write there: what they spoil must not stand in the way.
    let mut profile = profile.map_err(|error| error.hint("say which profile it is with -p NAME|FILE"))?;
    if let Some(region) = &global.region {
        profile.region = region.clone();
    }
    let region_from = match global.region {
        Some(_) => RegionFrom::Flag,
        None => RegionFrom::Profile,
    };
    Ok(Some(Chosen::recorded(profile, region_from)))
}

/// Profiles of former runs.
pub(super) struct History {
    pub profiles: Vec<Profile>,
    /// Names of those that are no profiles (any more): what they had made cannot be told.
    pub unreadable: Vec<String>,
}

/// The profiles that runs applied since the last that ended well; `keys` are those of the record.
pub(super) async fn history(aws: &Aws, record: &Record, keys: &[String]) -> Result<History, Error> {
    let names = keys.iter().filter_map(|key| key.strip_prefix(&record.key("")));
    let mut names: BTreeSet<&str> = names
        .filter(|name| *name == APPLIED || name.starts_with(HISTORY))
        .collect();
    let mut history = History {
        profiles: Vec::new(),
        unreadable: Vec::new(),
    };
    // Read first: its copy in the history is known by its hash, and need not be read again.
    if names.remove(APPLIED)
        && let Some(text) = history.take(aws, record, APPLIED).await?
    {
        names.remove(in_history(&text).as_str());
    }
    for name in names {
        history.take(aws, record, name).await?;
    }
    Ok(history)
}

impl History {
    /// Reads one; gives its text.
    async fn take(&mut self, aws: &Aws, record: &Record, name: &str) -> Result<Option<String>, Error> {
        let Some(text) = record.read(aws, name).await? else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(&text).into_owned();
        match profile::parse(name, &text, &[]) {
            Ok(profile) if self.profiles.contains(&profile) => {}
            Ok(profile) => self.profiles.push(profile),
            Err(_) => self.unreadable.push(name.to_owned()),
        }
        Ok(Some(text))
    }
}

/// What of a stack is there that its graph does not have: what former profiles had, and what carries its tags.
pub(super) struct Orphans<'a> {
    pub name: &'a StackName,
    pub region: &'a str,
    pub former: &'a [Profile],
    pub found: &'a Found,
    pub may_lose_data: bool,
}

impl Orphans<'_> {
    /// The resources of former profiles that the graph no longer has, and those found by their tags that nobody remembers.
    pub(super) fn beside(&self, present: &Stack, graph: &Graph<Aws>) -> Result<Graph<Aws>, Error> {
        let mut among = Among::of(present, graph, self.found);
        for profile in self.former {
            let stack = Arc::new(self.stack(profile.clone()));
            among.add(resources::graph(&stack)?.nodes());
        }
        for (kind, name) in &self.found.parts {
            let mut stack = self.stack(Profile::default());
            resources::found::rename(&mut stack.names, kind, name);
            let graph = resources::graph(&Arc::new(stack))?;
            let of_kind: Vec<_> = graph
                .nodes()
                .iter()
                .filter(|node| node.kind() == *kind)
                .cloned()
                .collect();
            among.add(&of_kind);
        }
        if !self.found.distributions.is_empty() {
            let graph = resources::graph(&Arc::new(self.stack(Profile::default())))?;
            let all = graph.nodes().iter();
            among.add(
                &all.filter(|node| node.gives().contains(&DISTRIBUTION.name))
                    .cloned()
                    .collect::<Vec<_>>(),
            );
        }
        Graph::partial(among.orphans)
    }

    fn stack(&self, profile: Profile) -> Stack {
        let mut stack = Stack::new(self.name.clone(), self.region, profile, to_run::unknown());
        stack.is_removed = true;
        stack.may_lose_data = self.may_lose_data;
        stack.found_distributions = self.found.distributions.clone();
        stack
    }
}

/// What is known so far, by kind and name, and which ids are taken.
struct Among<'a> {
    found: &'a Found,
    known: BTreeSet<(&'static str, String)>,
    ids: BTreeSet<&'static str>,
    orphans: Vec<Member<Aws>>,
}

/// What a resource is known by. The default VPC that was made may be named by its id.
fn identity(found: &Found, kind: &'static str, name: String) -> (&'static str, String) {
    match found.networks.contains(&name) {
        true => (kind, String::new()),
        false => (kind, name),
    }
}

impl<'a> Among<'a> {
    fn of(present: &Stack, graph: &Graph<Aws>, found: &'a Found) -> Self {
        let nodes = graph.nodes().iter();
        let mut known: BTreeSet<_> = nodes.map(|node| identity(found, node.kind(), node.name())).collect();
        // Where the preferred name is taken these are used instead, by the same resources.
        known.insert(("service-role", present.names.own_service_role.clone()));
        known.insert(("instance-profile", present.names.own_instance_profile.clone()));
        Self {
            found,
            known,
            ids: graph.nodes().iter().map(Member::id).collect(),
            orphans: Vec::new(),
        }
    }

    fn add(&mut self, nodes: &[Member<Aws>]) {
        // A version's name changes with every build; those of former builds go with their application.
        let passing = [resources::VERSION_ID];
        for node in nodes {
            let kind = node.kind();
            if passing.contains(&kind) || !self.known.insert(identity(self.found, kind, node.name())) {
                continue;
            }
            let mut turn = (1..).map(|turn| format!("former-{turn}-{kind}"));
            let id = match self.ids.contains(kind) {
                false => kind,
                // Ids are fixed words everywhere else: the few of former names live as long as the process.
                true => turn
                    .find(|id| !self.ids.contains(id.as_str()))
                    .unwrap_or_default()
                    .leak(),
            };
            self.ids.insert(id);
            self.orphans.push(Member::new(id, node.node().clone()));
        }
    }
}

/// The profile as it is recorded: without properties, which may be secrets, and without addresses. Every Beanstalk instance
/// of the account may read that bucket.
pub(super) fn recorded(profile: &Profile) -> Result<String, Error> {
    let text = public(profile).to_toml();
    text.map_err(|error| Error::failed("could not write the profile down").because(error.to_string()))
}

pub(super) fn public(profile: &Profile) -> Profile {
    let mut public = profile.clone();
    public.app.properties.clear();
    public.notifications.email = None;
    public
}

/// Where a profile is kept among those that were applied.
pub(super) fn in_history(text: &str) -> String {
    format!("{HISTORY}{}.toml", &hex::encode(Sha256::digest(text))[..16])
}
