//! The health of instances and environments, derived from deployments, targets and open ports.
//! Must know nothing of workflows; it only looks. Texts: developer guide, "Health colors and statuses".

use std::sync::Arc;

use jiff::Timestamp;

use super::deployment::{DeploymentStatus, InstanceDeployment};
use super::events::Severity;
use super::settings::{APPLICATION_ERRORS, BALANCER_ERRORS};
use super::workflow::Run;
use super::{Environment, Status, roles};
use crate::balancing::TargetState;
use crate::traffic::{Answered, Traffic};
use crate::{Region, World};

/// Sandbox seconds between two looks.
const PACE: u64 = 10;

/// Seconds that a deployed instance has to pass its checks (Beanstalk guide: health-enhanced, twelve checks in two minutes).
const SETTLING: i64 = 120;

/// From how much percent of CPU on the health agent warns. AWS documents "extremely high" and examples from 91 on
/// (developer guide, "Health colors and statuses").
const HIGH_CPU: f64 = 90.0;

#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    pub status: HealthStatus,
    pub causes: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthStatus {
    NoData,
    Unknown,
    Pending,
    Ok,
    Info,
    Warning,
    Degraded,
    Severe,
}

impl HealthStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            // Against the model: recorded in DescribeEnvironments of 2025.
            Self::NoData => "No Data",
            Self::Unknown => "Unknown",
            Self::Pending => "Pending",
            Self::Ok => "Ok",
            Self::Info => "Info",
            Self::Warning => "Warning",
            Self::Degraded => "Degraded",
            Self::Severe => "Severe",
        }
    }

    pub fn color(self) -> &'static str {
        match self {
            Self::NoData | Self::Unknown | Self::Pending => "Grey",
            Self::Ok | Self::Info => "Green",
            Self::Warning => "Yellow",
            Self::Degraded | Self::Severe => "Red",
        }
    }

    pub(crate) fn is_good(self) -> bool {
        matches!(self, Self::Ok | Self::Info)
    }
}

impl Health {
    pub(crate) fn new(status: HealthStatus, cause: Option<String>) -> Self {
        Self {
            status,
            causes: cause.into_iter().collect(),
        }
    }

    /// Too many requests were answered with a client's error, as a cause of its own. `what`: of which requests.
    fn note_client_errors(&mut self, answered: &Answered, what: &str) {
        let share = answered.share_of_class(4);
        let Some((_, status)) = CLIENT_ERRORS.iter().find(|(from, _)| share >= *from) else {
            return;
        };
        let mut cause = format!("{share:.1} % of the requests {what}are erroring with HTTP 4xx.");
        let rate = answered.per_minute();
        if rate < FEW_REQUESTS {
            cause += &format!(" Insufficient request rate ({rate:.1} requests/min) to determine application health.");
        } else if self.status.color() != "Grey" && (*status as u8) > self.status as u8 {
            self.status = *status;
        }
        self.causes.push(cause);
    }

    /// The agent finds the processors nearly exhausted: a cause of its own, and at least a warning.
    fn note_strain(&mut self, cpu: f64) {
        if self.status.is_good() {
            self.status = HealthStatus::Warning;
        }
        self.causes.push(format!("{cpu:.0} % of CPU is in use."));
    }
}

/// One instance, as DescribeInstancesHealth shows it.
#[derive(Debug, Clone)]
pub struct InstanceHealth {
    pub instance_id: String,
    pub health: Health,
    pub deployment: Option<InstanceDeployment>,
    pub zone: String,
    pub instance_type: String,
    pub launched: Timestamp,
    /// How busy its processors were in the last minute, in percent; `None` before the agent has told it.
    pub cpu: Option<f64>,
    /// What it answered lately.
    pub answered: Answered,
}

impl InstanceHealth {
    /// Whether it runs another version than it should, while nothing is done about it.
    fn is_astray(&self, environment: &Environment) -> bool {
        let deployed = self.deployment.as_ref().filter(|_| environment.status == Status::Ready);
        let deployed = deployed.filter(|it| it.status != DeploymentStatus::InProgress);
        deployed.is_some_and(|it| environment.version_label.as_ref() != Some(&it.version_label))
    }

    /// With what its requests say of it, which counts for the environment by the rate of all instances together.
    pub fn shown(&self, environment: &Environment) -> Health {
        let mut health = self.health.clone();
        if environment.counts(APPLICATION_ERRORS) {
            health.note_client_errors(&self.answered, "");
        }
        health
    }
}

impl Environment {
    /// While something is done to it, that is what its health is about.
    fn counts(&self, errors: (&str, &str)) -> bool {
        self.status == Status::Ready && self.settings.counts_client_errors(errors)
    }
}

/// What its instances and its load balancer answered lately.
#[derive(Debug, Default)]
pub struct Requests {
    pub to_instances: Answered,
    /// With what it answered itself.
    to_balancer: Answered,
}

impl Requests {
    pub fn of(environment: &Environment, instances: &[InstanceHealth], traffic: &Traffic, now: Timestamp) -> Self {
        let behind = || instances.iter().map(|it| it.instance_id.as_str());
        let balancer = environment.made.load_balancer.as_deref();
        Self {
            to_instances: traffic.lately(behind(), now),
            to_balancer: balancer.map_or_else(Answered::default, |arn| traffic.lately(behind().chain([arn]), now)),
        }
    }
}

/// From how many percent of 4xx on it is a warning, degraded, severe. That the rate decides is documented (Beanstalk guide:
/// health-enhanced-rules), as are causes with 15 and 20 % (environments-health-enhanced-notifications) and Severe at 99 %
/// (meteor-up/mup-aws-beanstalk#13); the figures are inferred.
const CLIENT_ERRORS: [(f64, HealthStatus); 3] = [
    (50.0, HealthStatus::Severe),
    (25.0, HealthStatus::Degraded),
    (10.0, HealthStatus::Warning),
];

/// Requests a minute below which they are told and change nothing: seen with 6; the figure is inferred.
const FEW_REQUESTS: f64 = 60.0;

/// The health of every instance of the environment's group. `listens`: whether something answers on its port 80.
pub fn instances(
    here: &Region,
    environment: &Environment,
    (now, traffic): (Timestamp, &Traffic),
    listens: impl Fn(&str) -> bool,
) -> Vec<InstanceHealth> {
    let group = environment
        .made
        .group
        .as_ref()
        .and_then(|name| here.scaling.groups.get(name));
    let members = group.into_iter().flat_map(|group| group.serving());
    members
        .map(|member| {
            let id = &member.instance_id;
            let deployment = environment.deployments.get(id).cloned();
            let cpu = here.monitoring.load.get(id).copied();
            let mut health = match &deployment {
                _ if environment.unheard => Health::new(HealthStatus::NoData, Some("No data.".to_owned())),
                None => Health::new(
                    HealthStatus::Pending,
                    Some("Instance initialization in progress.".to_owned()),
                ),
                Some(deployment) => of_deployment(here, environment, id, deployment, (listens(id), now)),
            };
            // While something is done to the environment, that is what its health is about.
            if environment.status == Status::Ready
                && let Some(cpu) = cpu.filter(|cpu| *cpu >= HIGH_CPU)
            {
                health.note_strain(cpu);
            }
            let answered = traffic.lately([id.as_str()], now);
            InstanceHealth {
                instance_id: id.clone(),
                health,
                cpu,
                deployment,
                zone: member.zone.clone(),
                instance_type: member.instance_type.clone(),
                launched: member.joined,
                answered,
            }
        })
        .collect()
}

fn of_deployment(
    here: &Region,
    environment: &Environment,
    id: &str,
    deployment: &InstanceDeployment,
    (listens, now): (bool, Timestamp),
) -> Health {
    let label = environment.version_label.as_deref().unwrap_or_default();
    let is_incorrect = environment.status == Status::Ready && deployment.version_label != label;
    let incorrect = is_incorrect.then(|| {
        format!(
            "Incorrect application version \"{}\" (deployment {}). Expected version \"{label}\" (deployment {}).",
            deployment.version_label, deployment.deployment_id, environment.expected_id
        )
    });
    match deployment.status {
        DeploymentStatus::InProgress if environment.status == Status::Launching => Health::new(
            HealthStatus::Pending,
            Some("Performing application deployment.".to_owned()),
        ),
        DeploymentStatus::InProgress => Health::new(
            HealthStatus::Info,
            Some("Performing application deployment.".to_owned()),
        ),
        DeploymentStatus::Failed => {
            let mut health = Health::new(
                HealthStatus::Severe,
                Some(format!(
                    "Application deployment failed at {} with exit status 1 and error: Engine execution has encountered an error.",
                    crate::clock::seconds_text(deployment.time)
                )),
            );
            health.causes.extend(incorrect);
            health
        }
        DeploymentStatus::Deployed if incorrect.is_some() => Health::new(HealthStatus::Degraded, incorrect),
        DeploymentStatus::Deployed => {
            let passed = now.duration_since(deployment.time).as_secs();
            let health = of_traffic(here, environment, id, listens);
            // The load balancer has asked in vain until now: that is no news before it had time to ask again.
            if environment.status == Status::Ready && health.status == HealthStatus::Severe && passed < SETTLING {
                let cause = format!("Application deployment completed {passed} seconds ago.");
                return Health::new(HealthStatus::Info, Some(cause));
            }
            health
        }
    }
}

fn of_traffic(here: &Region, environment: &Environment, id: &str, listens: bool) -> Health {
    let Some(arn) = &environment.made.target_group else {
        return if listens {
            Health::new(HealthStatus::Ok, None)
        } else {
            Health::new(
                HealthStatus::Severe,
                Some("Following services are not running: web.".to_owned()),
            )
        };
    };
    if environment.made.load_balancer.is_none() && environment.status == Status::Launching {
        return Health::new(
            HealthStatus::Pending,
            Some("ELB health checks have not begun.".to_owned()),
        );
    }
    let target = here
        .balancing
        .target_groups
        .get(arn)
        .and_then(|group| group.targets.get(id));
    match target.map(|target| (target.state, &target.reason)) {
        Some((TargetState::Healthy, _)) => Health::new(HealthStatus::Ok, None),
        // Checks begin before the first version runs: what they say until then is no news.
        Some((TargetState::Unhealthy, _)) if environment.status == Status::Launching => Health::new(
            HealthStatus::Pending,
            Some("ELB health checks are in progress.".to_owned()),
        ),
        Some((TargetState::Unhealthy, reason)) => {
            let why = reason.clone().unwrap_or_else(|| "Target.FailedHealthChecks".to_owned());
            Health::new(
                HealthStatus::Severe,
                Some(format!("ELB health is failing or not available: {why}")),
            )
        }
        Some((TargetState::Initial, _)) => Health::new(
            HealthStatus::Pending,
            Some("ELB health checks are in progress.".to_owned()),
        ),
        Some((TargetState::Draining, _)) | None => Health::new(
            HealthStatus::Info,
            Some("Not registered with the load balancer.".to_owned()),
        ),
    }
}

/// The environment's health, of its instances' and of what was answered to requests.
pub(crate) fn evaluate(environment: &Environment, instances: &[InstanceHealth], requests: &Requests) -> Health {
    if environment.broken {
        let cause = "The environment's CloudFormation stack could not be created.".to_owned();
        return Health::new(HealthStatus::Severe, Some(cause));
    }
    let (total, launching) = (instances.len(), environment.status == Status::Launching);
    let count = |wanted: fn(HealthStatus) -> bool| instances.iter().filter(|it| wanted(it.health.status)).count();
    let bad = count(|status| matches!(status, HealthStatus::Degraded | HealthStatus::Severe));
    let strained = count(|status| status == HealthStatus::Warning);
    let good = count(HealthStatus::is_good);
    let ok = count(|status| status == HealthStatus::Ok);
    let silent = count(|status| status == HealthStatus::NoData);
    let astray: Vec<_> = instances.iter().filter(|it| it.is_astray(environment)).collect();
    let mut health = match () {
        () if total == 0 && launching => Health::new(
            HealthStatus::Pending,
            Some("Initialization in progress. There are no instances.".to_owned()),
        ),
        () if total == 0 => Health::new(HealthStatus::NoData, Some("There are no instances.".to_owned())),
        () if launching && bad == 0 && ok < total => {
            Health::new(HealthStatus::Pending, Some("Initialization in progress.".to_owned()))
        }
        () if silent == total => Health::new(
            HealthStatus::NoData,
            Some("None of the instances are sending data.".to_owned()),
        ),
        () if bad > 0 && good + strained == 0 && astray.len() < total => Health::new(HealthStatus::Severe, None),
        () if bad > 0 => Health::new(HealthStatus::Degraded, None),
        () if environment.status == Status::Updating => {
            Health::new(HealthStatus::Info, Some(progress(environment, instances)))
        }
        () if strained * 2 >= total && strained > 0 => Health::new(HealthStatus::Warning, None),
        () if good + strained == total => Health::new(
            if strained > 0 {
                HealthStatus::Info
            } else {
                HealthStatus::Ok
            },
            None,
        ),
        () => Health::new(
            HealthStatus::Info,
            Some(format!(
                "{} out of {total} instances are starting.",
                total - good - strained
            )),
        ),
    };
    if !astray.is_empty() {
        health.causes.push(of_versions(environment, astray.len(), total));
    }
    let impacted = bad + strained;
    if impacted > 0 {
        health.causes.push(format!(
            "{impacted} out of {total} instances are impacted. See instance health for details."
        ));
    }
    if environment.counts(APPLICATION_ERRORS) {
        health.note_client_errors(&requests.to_instances, "");
    }
    if environment.counts(BALANCER_ERRORS) {
        health.note_client_errors(&requests.to_balancer, "to the ELB ");
    }
    if let Some(cause) = &environment.role_problem {
        health = Health::new(HealthStatus::Severe, Some(cause.clone()));
    }
    health
}

/// How far an update has come (events of 2018 in public logs: "Application update in progress on 1 instance. 0 out of 1 instance
/// completed (running for 19 seconds)."). How long it runs is left out: the sandbox's minutes are none.
fn progress(environment: &Environment, instances: &[InstanceHealth]) -> String {
    let of_newest = |status| {
        let deployments = instances.iter().filter_map(|it| it.deployment.as_ref());
        let deployments = deployments.filter(|it| it.deployment_id == environment.deployment_id);
        deployments.filter(|it| it.status == status).count()
    };
    let (under_way, completed) = (
        of_newest(DeploymentStatus::InProgress),
        of_newest(DeploymentStatus::Deployed),
    );
    if under_way + completed == 0 {
        return "Environment update in progress.".to_owned();
    }
    let what = match environment.draft {
        Some(("pending", _)) => "Configuration",
        _ => "Application",
    };
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    let total = instances.len();
    format!(
        "{what} update in progress on {under_way} instance{}. {completed} out of {total} instance{} completed.",
        plural(under_way),
        plural(total)
    )
}

/// Instances that run another version than the last one that was deployed with success (Beanstalk guide:
/// environments-health-enhanced-notifications).
fn of_versions(environment: &Environment, astray: usize, total: usize) -> String {
    let found = match astray == total {
        true => "all instances".to_owned(),
        false => format!("{astray} out of {total} instances"),
    };
    format!(
        "Incorrect application version found on {found}. Expected version \"{}\" (deployment {}).",
        environment.version_label.as_deref().unwrap_or_default(),
        environment.expected_id
    )
}

/// Looks at an environment until it has ended, and tells changes of its health.
pub(crate) fn watch(world: &Arc<World>, region: &str, id: &str) {
    let run = Run::new(world, region, id, "");
    world.spawn(async move {
        while look(&run) {
            run.world.clock.until_next_look(PACE).await;
        }
    });
}

/// The environment rests, with the health of one at rest: in one step, so that nobody sees the one without the other.
pub(super) fn come_to_rest(run: &Run) {
    run.reached("ready");
    look_after(run, |environment, now| {
        environment.status = Status::Ready;
        environment.updated = now;
    });
}

/// One look; `false` when the environment has ended.
fn look(run: &Run) -> bool {
    look_after(run, |_, _| {})
}

fn look_after(run: &Run, change: impl FnOnce(&mut Environment, Timestamp)) -> bool {
    let mut news = Vec::new();
    {
        let mut state = run.world.lock();
        let role_problem = roles::service_problem(&mut state, run);
        let unheard = roles::is_unheard(&mut state, run);
        let here = state.region(&run.region);
        let now = run.world.clock.now();
        let record = here.beanstalk.environments.get_mut(&run.id);
        let Some(record) = record.filter(|it| it.status != Status::Terminated) else {
            return false;
        };
        change(record, now);
        (record.role_problem, record.unheard) = (role_problem, unheard);
        let environment = record.clone();
        let listens = |id: &str| run.world.plane.address(id).is_some();
        let traffic = run.world.traffic();
        let seen = instances(here, &environment, (now, &traffic), listens);
        let health = evaluate(&environment, &seen, &Requests::of(&environment, &seen, &traffic, now));
        drop(traffic);
        let enhanced = environment.settings.has_enhanced_health();
        if let Some(record) = here.beanstalk.environments.get_mut(&run.id) {
            let (old, new) = (record.health.status, health.status);
            if enhanced && old != new {
                let cause = health.causes.first().cloned().unwrap_or_default();
                let severity = if new.color() == "Red" {
                    Severity::Warn
                } else {
                    Severity::Info
                };
                let text = format!(
                    "Environment health has transitioned from {} to {}. {cause}",
                    old.as_str(),
                    new.as_str()
                );
                news.push((severity, text.trim_end().to_owned()));
            }
            let present: Vec<_> = seen.iter().map(|it| it.instance_id.clone()).collect();
            if enhanced {
                news.extend(comings_and_goings(&record.seen_instances, &present));
            }
            record.seen_instances = present;
            record.health = health;
        }
    }
    for (severity, text) in news {
        run.without_request().event(severity, text);
    }
    true
}

fn comings_and_goings(before: &[String], now: &[String]) -> Vec<(Severity, String)> {
    let added: Vec<_> = now.iter().filter(|id| !before.contains(id)).cloned().collect();
    let removed: Vec<_> = before.iter().filter(|id| !now.contains(id)).cloned().collect();
    let mut news = Vec::new();
    if !added.is_empty() {
        news.push((
            Severity::Info,
            format!("Added instance [{}] to your environment.", added.join(", ")),
        ));
    }
    if !removed.is_empty() {
        news.push((
            Severity::Info,
            format!("Removed instance [{}] from your environment.", removed.join(", ")),
        ));
    }
    news
}
