//! The domain model: what exists in the account, the clock, and the rules *between* services, which are the point.
//! Must know nothing of codecs and protocols: it speaks in AWS's terms, and refuses with AWS's codes and statuses. What AWS
//! keeps as a document (an item, a policy, the rules of a web ACL), it keeps as one.

pub mod balancing;
pub mod balancing_access;
pub mod balancing_capacity;
pub mod balancing_changes;
pub mod balancing_making;
pub mod balancing_rules;
pub mod balancing_tls;
pub mod beanstalk;
pub mod certificates;
pub mod clock;
pub mod compute;
pub mod distributions;
pub mod edge_policies;
#[cfg(test)]
mod fakes;
pub mod forgetting;
pub mod gates;
pub mod iam;
pub mod ids;
pub mod life_cycles;
pub mod monitoring;
pub mod network;
pub mod notifications;
pub mod plane;
pub mod quotas;
mod readers;
pub mod routes;
pub mod scaling;
pub mod settling;
pub mod stacks;
pub mod table_backups;
pub mod tables;
pub mod tagging;
pub mod traffic;
pub mod web_acls;
pub mod zones;

#[cfg(test)]
use crate as world;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use clock::Clock;
use jiff::{SignedDuration, Timestamp};
use plane::{DataPlane, Objects};
use settling::Settling;
use tokio_util::sync::CancellationToken;

/// Tags of a resource, key to value.
pub type Tags = BTreeMap<String, String>;

/// An API error as AWS words it. `status` is the HTTP status.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    pub code: String,
    pub message: String,
    pub status: u16,
}

impl Refusal {
    /// A client error (HTTP 400), the status that most services use for all of theirs.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self::with_status(400, code, message)
    }

    pub fn with_status(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            status,
        }
    }

    /// AWS may well have what is asked for: with what there is of it here, as `instance types`.
    #[must_use]
    pub fn of_few<'a>(mut self, what: &str, known: impl Iterator<Item = &'a str>) -> Self {
        let known: Vec<_> = known.collect();
        self.message = format!(
            "{} (This sandbox has only the {what} {}.)",
            self.message,
            known.join(", ")
        );
        self
    }
}

/// A resource that exists, as a leak check sees it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Item {
    /// `dynamodb`, `ec2`, `s3`, …
    pub service: &'static str,
    /// `table`, `security-group`, `object`, …
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// `global` for what has none.
    pub region: String,
    /// ARN or id.
    pub id: String,
    pub name: String,
    pub tags: Tags,
}

impl Item {
    /// What makes items of that service and region, of a type, id, name and tags.
    pub(crate) fn of(service: &'static str, region: &str) -> impl Fn(&'static str, &str, &str, &Tags) -> Self {
        move |kind, id, name, tags| Self {
            service,
            kind,
            region: region.to_owned(),
            id: id.to_owned(),
            name: name.to_owned(),
            tags: tags.clone(),
        }
    }
}

/// The whole account. Cheap to share; every change goes through [`World::lock`].
pub struct World {
    pub clock: Clock,
    /// Cancelled when the daemon stops; every workflow ends with it.
    pub shutdown: CancellationToken,
    pub plane: Box<dyn DataPlane>,
    pub objects: Box<dyn Objects>,
    state: Mutex<State>,
    /// Apart from the rest: every request of a visitor adds to it.
    traffic: Mutex<traffic::Traffic>,
}

impl World {
    pub fn new(
        account: &str,
        clock: Clock,
        shutdown: CancellationToken,
        plane: Box<dyn DataPlane>,
        objects: Box<dyn Objects>,
    ) -> Arc<Self> {
        let state = Mutex::new(State::new(account));
        Arc::new(Self {
            clock,
            shutdown,
            plane,
            objects,
            state,
            traffic: Mutex::default(),
        })
    }

    /// The account's state. Never held across an await.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Never held across an await; whoever has it takes nothing else.
    pub fn traffic(&self) -> MutexGuard<'_, traffic::Traffic> {
        self.traffic.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Keys that act as the role with that ARN, which the instance metadata service gives only where the role trusts EC2.
    pub fn issue_credentials(&self, role_arn: &str) -> Option<iam::credentials::TemporaryCredentials> {
        let mut state = self.lock();
        let account = state.account.clone();
        let role = state.iam.role(role_arn)?;
        let trusted = role.trusts_service("ec2.amazonaws.com", &iam::policy::Context::new());
        trusted.then(|| state.iam.credentials.issue(&account, role_arn))
    }

    /// Everything that exists, of every service, sorted. Each part of the world gives its own by
    /// `fn inventory(&self, region: &str) -> Vec<Item>`.
    pub async fn inventory(&self) -> Vec<Item> {
        let mut items = self.lock().inventory();
        for path in self.objects.list_all().await {
            let kind = if path.ends_with('/') { "bucket" } else { "object" };
            items.push(Item {
                service: "s3",
                kind,
                region: "global".to_owned(),
                id: format!("arn:aws:s3:::{}", path.trim_end_matches('/')),
                name: path.trim_end_matches('/').to_owned(),
                tags: Tags::new(),
            });
        }
        items.sort();
        items
    }

    /// Runs a workflow of AWS's in the background until it ends or the daemon stops.
    pub fn spawn(self: &Arc<Self>, workflow: impl Future<Output = ()> + Send + 'static) {
        let shutdown = self.shutdown.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = workflow => {}
                () = shutdown.cancelled() => {}
            }
        });
    }

    /// Looks again and again, with so many seconds of the sandbox's time between, until the daemon stops.
    fn look_every(self: &Arc<Self>, seconds: u64, look: impl Fn(&Self) + Send + Sync + 'static) {
        let then = Arc::clone(self);
        self.spawn(async move {
            loop {
                look(&then);
                then.clock.until_next_look(seconds).await;
            }
        });
    }
}

/// Everything that exists. Global services at the top, the others by region.
pub struct State {
    /// Twelve digits.
    pub account: String,
    /// How long, in sandbox time, readers see what was before a change: AWS's services are eventually consistent.
    pub settling: SignedDuration,
    pub gates: gates::Gates,
    pub iam: Settling<iam::Iam>,
    pub distributions: Settling<distributions::Distributions>,
    pub edge_policies: edge_policies::EdgePolicies,
    /// Web ACLs of scope CLOUDFRONT; regional ones are not supported.
    pub web_acls: Settling<web_acls::WebAcls>,
    /// Hosted zones, and the records of names that have none here.
    pub zones: zones::Zones,
    tagging: tagging::Index,
    pub life_cycles: life_cycles::LifeCycles,
    regions: BTreeMap<String, Region>,
}

impl State {
    fn new(account: &str) -> Self {
        Self {
            account: account.to_owned(),
            settling: SignedDuration::ZERO,
            gates: gates::Gates::default(),
            iam: Settling::default(),
            distributions: Settling::default(),
            edge_policies: edge_policies::EdgePolicies::default(),
            web_acls: Settling::default(),
            zones: zones::Zones::default(),
            tagging: tagging::Index::default(),
            life_cycles: life_cycles::LifeCycles::default(),
            regions: BTreeMap::new(),
        }
    }

    /// The region of that name; regions exist as soon as somebody asks.
    pub fn region(&mut self, name: &str) -> &mut Region {
        let gates = self.gates;
        self.regions.entry(name.to_owned()).or_insert_with(|| {
            let mut region = Region::new(name);
            if gates.vcpus {
                region.quotas.standard_vcpus = gates::NEW_ACCOUNT_VCPUS;
            }
            region
        })
    }

    /// The time as of which readers see the world.
    pub fn as_of(&self, now: Timestamp) -> Timestamp {
        now - self.settling
    }

    /// The time as of which other services see IAM: later than IAM's own readers do, and no API tells when (IAM guide:
    /// troubleshoot_general).
    pub fn as_of_elsewhere(&self, now: Timestamp) -> Timestamp {
        now - self.settling.saturating_mul(2)
    }

    /// All that exists but objects, which are not kept here.
    fn inventory(&self) -> Vec<Item> {
        let mut items = self.iam.inventory("global");
        items.extend(self.distributions.inventory("global"));
        items.extend(self.web_acls.inventory("global"));
        items.extend(self.zones.inventory("global"));
        for region in self.regions() {
            let name = &region.name;
            items.extend(region.tables.inventory(name));
            items.extend(region.network.inventory(name));
            items.extend(region.compute.inventory(name));
            items.extend(region.scaling.inventory(name));
            items.extend(region.balancing.inventory(name));
            items.extend(region.monitoring.inventory(name));
            items.extend(region.stacks.inventory(name));
            items.extend(region.notifications.inventory(name));
            items.extend(region.beanstalk.inventory(name));
            items.extend(region.certificates.inventory(name));
        }
        items
    }

    pub fn regions(&self) -> impl Iterator<Item = &Region> {
        self.regions.values()
    }
}

/// What exists in one region.
pub struct Region {
    pub name: String,
    pub network: Settling<network::Network>,
    pub compute: compute::Compute,
    pub scaling: scaling::Scaling,
    pub balancing: balancing::Balancing,
    pub monitoring: monitoring::Monitoring,
    pub stacks: stacks::Stacks,
    pub notifications: notifications::Notifications,
    pub tables: tables::Tables,
    pub beanstalk: beanstalk::Beanstalk,
    pub certificates: Settling<certificates::Certificates>,
    pub quotas: quotas::Quotas,
}

impl Region {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            network: Settling::default(),
            compute: compute::Compute::default(),
            scaling: scaling::Scaling::default(),
            balancing: balancing::Balancing::default(),
            monitoring: monitoring::Monitoring::default(),
            stacks: stacks::Stacks::default(),
            notifications: notifications::Notifications::default(),
            tables: tables::Tables::default(),
            beanstalk: beanstalk::Beanstalk::default(),
            certificates: Settling::default(),
            quotas: quotas::Quotas::default(),
        }
    }
}
