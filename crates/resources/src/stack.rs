//! What all resources of one stack share: its profile, its names, its tags, its bundle.
//! Must know nothing of any one resource.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use crate::aws::Ownership;
use crate::aws::lifetime::Lifetime;
use crate::deploying::{Deploying, Way};
use crate::environment::CreditMode;
use crate::maintenance_page::Maintenance;
use crate::prescale::Scaling;
use crate::profile::{Names, Profile, StackName};
use crate::standing::{Side, Tried, Turning};
use crate::version_history::VersionHistory;

/// One stack, as the profile wants it.
pub struct Stack {
    pub name: StackName,
    pub region: String,
    pub profile: Profile,
    pub names: Names,
    pub ownership: Ownership,
    /// The profiles that were applied before, as far as the record knows them: what they set and this one does not is taken back.
    pub former: Vec<Profile>,
    /// Ids of distributions that carry the stack's tags, as far as a search found them.
    pub found_distributions: Vec<String>,
    /// What of the account's own the user took over with `--adopt`, by resource id.
    pub take_over: HashSet<String>,
    /// Move to the newest recommended platform version instead of keeping what runs.
    pub upgrade_platform: bool,
    /// The profile is the recorded one, which leaves out the properties: what is deployed cannot be compared with them.
    pub properties_unknown: bool,
    /// It is looked at to be removed: what that would lose counts.
    pub is_removed: bool,
    /// The user said `--delete-data`.
    pub may_lose_data: bool,
    /// The run deploys, and does nothing else.
    pub deploying: Option<Deploying>,
    /// The run scales the group, and does nothing else.
    pub scaling: Option<Scaling>,
    /// The environment that visitors are sent to, and the one that stands beside it, where the load balancer is the stack's own.
    pub served: Option<Side>,
    pub beside: Option<Side>,
    /// The one that a part of the visitors is sent to, while a canary is under way.
    pub tried: Option<Tried>,
    /// The run sends visitors to another environment.
    pub turning: Option<Turning>,
    /// The run turns the maintenance page on or off, and does nothing else.
    pub maintenance: Option<Maintenance>,
    /// And sets how the instances that run spend CPU credits.
    pub credits: Option<CreditMode>,
    /// What became of former versions, as far as the record knows.
    pub versions: VersionHistory,
    /// The user said `--force`: a version that was rolled back is deployed all the same.
    pub force: bool,
    /// Where registrations are written before their table goes.
    pub export_to: Option<ExportTo>,
    /// The secret between CloudFront and the load balancer is to be another one.
    pub rotating: bool,
    /// What the user said of how long it is to live; `None`: what was said before stays.
    pub lifetime: Option<Lifetime>,
    /// What is deployed: its version label, and the zip once it was built.
    pub bundle: BundleToRun,
}

/// A file for registrations.
#[derive(Debug, Clone)]
pub struct ExportTo {
    pub path: PathBuf,
    /// The stack's own table has that file: this is one of a former profile, whose name goes into the file's.
    pub of_former: bool,
}

impl ExportTo {
    pub(super) fn file(&self, table: &str) -> PathBuf {
        let ending = self.path.extension().and_then(|ending| ending.to_str());
        match (self.of_former, ending) {
            (false, _) => self.path.clone(),
            (true, Some(ending)) => self.path.with_extension(format!("{table}.{ending}")),
            (true, None) => self.path.with_extension(table),
        }
    }
}

/// The bundle's identity, known without building, and how to build it.
pub struct BundleToRun {
    pub label: String,
    /// At most 200 characters.
    pub description: String,
    /// The part of the description that tells one bundle from another; empty where the bundle is not known.
    pub mark: String,
    /// Properties that its own configuration files set.
    pub properties: BTreeSet<String>,
    /// Where the zip is built, when AWS does not have this version yet. Blocking.
    pub build: Box<BuildBundle>,
}

/// Builds the bundle and gives the zip's path. It ends when the token is cancelled; the last argument is told what is done.
pub type BuildBundle =
    dyn Fn(&CancellationToken, &mut dyn FnMut(&str)) -> Result<PathBuf, crate::engine::Error> + Send + Sync;

impl Stack {
    pub fn new(name: StackName, region: &str, profile: Profile, bundle: BundleToRun) -> Self {
        let names = Names::resolve(&profile, &name, region);
        let ownership = Ownership {
            stack: name.to_string(),
            region: region.to_owned(),
            extra: profile.tags.clone(),
        };
        Self {
            name,
            region: region.to_owned(),
            profile,
            names,
            ownership,
            former: Vec::new(),
            found_distributions: Vec::new(),
            take_over: HashSet::new(),
            upgrade_platform: false,
            properties_unknown: false,
            is_removed: false,
            may_lose_data: false,
            deploying: None,
            scaling: None,
            served: None,
            beside: None,
            tried: None,
            turning: None,
            maintenance: None,
            credits: None,
            versions: VersionHistory::default(),
            force: false,
            export_to: None,
            rotating: false,
            lifetime: None,
            bundle,
        }
    }

    /// Whether the environment beside the one that is served stays: it goes when somebody says so.
    pub fn keeps_beside(&self) -> bool {
        let finishes = |deploying: &Deploying| deploying.way == Way::Finish;
        !self.is_removed && !self.deploying.as_ref().is_some_and(finishes)
    }

    /// Whether a version is not deployed again by itself.
    pub(crate) fn holds_back(&self, version: &str) -> bool {
        !self.force && self.versions.was_rolled_back(version)
    }

    /// Whether the distribution may fetch from another load balancer than the stack's own still, or from it by the other protocol: it
    /// comes that way only when its visitors are let through there.
    pub(crate) fn moves_behind_its_own(&self) -> bool {
        let was_elsewhere = |profile: &Profile| {
            let came_so = profile.has_own_load_balancer() && profile.has_origin_tls() == self.profile.has_origin_tls();
            profile.cdn.enabled && !came_so
        };
        self.profile.has_own_load_balancer() && self.former.iter().any(was_elsewhere)
    }

    /// Whether the user said `--adopt` of this resource.
    pub(crate) fn takes_over(&self, resource: &str) -> bool {
        self.take_over.contains(resource)
    }
}

#[cfg(test)]
impl Stack {
    /// The default stack in us-east-1, with a changed profile; it has no bundle to build.
    pub(super) fn for_test(change: impl FnOnce(&mut Profile)) -> std::sync::Arc<Self> {
        Self::for_test_in("us-east-1", change)
    }

    pub(super) fn for_test_in(region: &str, change: impl FnOnce(&mut Profile)) -> std::sync::Arc<Self> {
        let mut profile = Profile::default();
        change(&mut profile);
        let bundle = BundleToRun {
            label: "v1".to_owned(),
            description: String::new(),
            mark: String::new(),
            properties: BTreeSet::new(),
            build: Box::new(|_, _| Err(crate::engine::Error::failed("nothing is built here"))),
        };
        std::sync::Arc::new(Self::new(StackName::default(), region, profile, bundle))
    }
}
