//! Elastic Beanstalk: applications, versions and environments, and the workflows that drive the rest of the world for
//! them. Must know nothing of wire formats; statuses, events and failures are AWS's (botocore: elasticbeanstalk;
//! Beanstalk guide: AWSHowTo.eventbridge; public event logs).

pub mod applications;
pub mod catalogue;
pub mod classic;
pub(crate) mod deployment;
pub mod environments;
pub mod events;
mod extensions;
pub mod health;
mod immutable;
pub mod info;
mod launch;
pub mod lifecycle;
mod limits;
pub mod managed;
mod permissions;
mod places;
pub mod platforms;
pub mod quotas;
pub mod rebuild;
mod replacement;
mod resources;
mod roles;
mod rollout;
mod runtime;
pub mod saved;
pub mod settings;
mod shared_balancer;
pub mod swap;
pub mod tagging;
pub mod templates;
mod terminate;
mod traffic_split;
mod update;
mod workflow;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::settling::Settling;
use super::{Item, Refusal, Tags};
use applications::Application;
use deployment::{InstanceDeployment, Wanted};
use events::Event;
use health::Health;
use info::Info;
use platforms::Platform;
use settings::Settings;

/// A terminated environment is still listed that long (Beanstalk guide: environment-management-rebuild).
const VISIBLE_AFTER_END: SignedDuration = SignedDuration::from_hours(1);

#[derive(Debug, Default)]
pub struct Beanstalk {
    /// By name.
    pub applications: BTreeMap<String, Application>,
    /// By id; terminated ones stay as long as they can be rebuilt.
    pub environments: BTreeMap<String, Environment>,
    /// Oldest first.
    pub events: Vec<Event>,
    /// CNAME prefixes that other customers of AWS have: they are one namespace per region. `*` at the end of one stands for
    /// anything.
    foreign_prefixes: BTreeSet<String>,
}

#[derive(Debug, Clone)]
pub struct Environment {
    /// `e-` and ten small letters or digits.
    pub id: String,
    pub arn: String,
    pub name: String,
    pub application: String,
    /// The version that was last deployed with success.
    pub version_label: Option<String>,
    pub description: Option<String>,
    pub platform: Platform,
    /// Asked for or made up; without the domain.
    pub prefix: String,
    /// Known in the answer of CreateEnvironment only if it was asked for (as public logs of the EB CLI show it).
    pub cname: Option<String>,
    pub endpoint: Option<String>,
    pub status: Status,
    pub health: Health,
    /// What is deployed.
    pub settings: Settings,
    /// What a running or failed update wants: `pending` or `failed`.
    pub draft: Option<(&'static str, Settings)>,
    pub tags: Settling<Tags>,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub ended: Option<Timestamp>,
    pub made: Made,
    /// By instance id.
    pub deployments: BTreeMap<String, InstanceDeployment>,
    /// Counts deployments; the first is 1.
    pub deployment_id: i64,
    /// The newest of them that did not fail: what instances are expected to be at.
    pub expected_id: i64,
    /// The request of the newest deployment to all instances: names its log.
    pub request_id: String,
    /// Nothing can be updated any more: the stack failed.
    pub broken: bool,
    /// Why enhanced health cannot be read.
    pub role_problem: Option<String>,
    /// Whether the health agents of its instances may not send what they see.
    pub unheard: bool,
    /// Those that the health watch saw last.
    pub seen_instances: Vec<String>,
    /// What an instance that starts now is to run, while a rollout launches some of its own.
    pub next: Option<Wanted>,
    pub abort: Abort,
    /// The configuration template that it was last given.
    pub template: Option<String>,
    /// A role that acts for the environment's owner (a beta of AWS's; nothing here depends on it).
    pub operations_role: Option<String>,
    /// Logs that were asked for.
    pub infos: Vec<Info>,
}

/// Whether the running update can be cancelled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Abort {
    #[default]
    Impossible,
    Possible,
    Asked,
}

/// What was made for an environment: ids, names or ARNs, as the service of each tells them apart.
#[derive(Debug, Clone, Default)]
pub struct Made {
    pub stack: Option<String>,
    pub security_group: Option<String>,
    pub balancer_security_group: Option<String>,
    pub launch_template: Option<String>,
    pub launch_configuration: Option<String>,
    pub target_group: Option<String>,
    pub group: Option<String>,
    pub up_policy: Option<String>,
    pub down_policy: Option<String>,
    pub high_alarm: Option<String>,
    pub low_alarm: Option<String>,
    pub load_balancer: Option<String>,
    pub listener: Option<String>,
    /// On a load balancer that is not the environment's own.
    pub listener_rule: Option<String>,
    pub address: Option<String>,
    pub topic: Option<String>,
    pub log_groups: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Aborting,
    Launching,
    Updating,
    Ready,
    Terminating,
    Terminated,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aborting => "Aborting",
            Self::Launching => "Launching",
            Self::Updating => "Updating",
            Self::Ready => "Ready",
            Self::Terminating => "Terminating",
            Self::Terminated => "Terminated",
        }
    }
}

impl Environment {
    pub fn is_listed(&self, now: Timestamp) -> bool {
        self.ended
            .is_none_or(|ended| now.duration_since(ended) < VISIBLE_AFTER_END)
    }

    /// Tags that every resource made for it carries.
    pub(crate) fn resource_tags(&self) -> Tags {
        self.with_beanstalks(&self.tags)
    }

    /// These tags and those that Beanstalk adds.
    pub fn with_beanstalks(&self, own: &Tags) -> Tags {
        let mut tags = own.clone();
        tags.insert("elasticbeanstalk:environment-name".to_owned(), self.name.clone());
        tags.insert("elasticbeanstalk:environment-id".to_owned(), self.id.clone());
        tags.insert("Name".to_owned(), self.name.clone());
        tags
    }

    pub(crate) fn stack_name(&self) -> String {
        format!("awseb-{}-stack", self.id)
    }
}

/// Where a request comes from and how it is known.
#[derive(Debug, Clone)]
pub struct Origin {
    pub region: String,
    pub account: String,
    pub request_id: String,
    pub now: Timestamp,
}

/// The bucket that Beanstalk has in a region of an account (Beanstalk guide: AWSHowTo.S3).
pub fn bucket(region: &str, account: &str) -> String {
    format!("elasticbeanstalk-{region}-{account}")
}

/// How a request names an environment: id or name is enough, the id is the surer.
#[derive(Debug, Clone)]
pub struct Reference {
    pub id: Option<String>,
    pub name: Option<String>,
    /// Where it is given, an environment of another application is not found.
    pub application: Option<String>,
}

impl Reference {
    /// By what a request gives of both.
    pub fn new(id: Option<String>, name: Option<String>) -> Self {
        Self {
            id,
            name,
            application: None,
        }
    }

    pub fn by_id(id: impl Into<String>) -> Self {
        Self::new(Some(id.into()), None)
    }

    pub fn by_name(name: impl Into<String>) -> Self {
        Self::new(None, Some(name.into()))
    }

    #[must_use]
    pub fn of(mut self, application: impl Into<Option<String>>) -> Self {
        self.application = application.into();
        self
    }
}

impl Beanstalk {
    /// The id of the environment that is meant; terminated ones are not found any more.
    pub fn find(&self, reference: &Reference) -> Result<String, Refusal> {
        let meant = |environment: &&Environment| match (&reference.id, &reference.name) {
            (Some(id), _) => environment.id == *id,
            (None, Some(name)) => environment.name == *name,
            (None, None) => false,
        };
        let of_application = |environment: &&Environment| {
            let application = reference.application.as_ref();
            application.is_none_or(|application| environment.application == *application)
        };
        let live = self
            .environments
            .values()
            .filter(|environment| environment.status != Status::Terminated);
        live.filter(of_application)
            .find(meant)
            .map(|environment| environment.id.clone())
            .ok_or_else(|| {
                let what = match (&reference.id, &reference.name) {
                    (Some(id), _) => format!("EnvironmentId = '{id}'"),
                    (None, name) => format!("EnvironmentName = '{}'", name.clone().unwrap_or_default()),
                };
                Refusal::new("InvalidParameterValue", format!("No Environment found for {what}."))
            })
    }

    pub(crate) fn inventory(&self, region: &str) -> Vec<Item> {
        let item = Item::of("elasticbeanstalk", region);
        let mut items = Vec::new();
        for application in self.applications.values() {
            items.push(item(
                "application",
                &application.arn,
                &application.name,
                &application.tags,
            ));
            let versions = application.versions.values();
            items.extend(versions.map(|it| item("application-version", &it.arn, &it.label, &it.tags)));
            let templates = application.templates.values();
            items.extend(templates.map(|it| item("configuration-template", &it.arn, &it.name, &it.tags)));
        }
        let live = self
            .environments
            .values()
            .filter(|environment| environment.status != Status::Terminated);
        items.extend(live.map(|it| item("environment", &it.id, &it.name, &it.tags)));
        items
    }
}
