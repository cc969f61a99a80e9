//! What is known of a running environment, read where it lives: Beanstalk's deployed settings, its stack, the services' own
//! group, alarms and load balancer. Reads only.

use std::collections::BTreeMap;

use aws_sdk_autoscaling::types::{AutoScalingGroup, LifecycleState};
use aws_sdk_elasticbeanstalk::types::{
    ConfigurationDeploymentStatus, EnvironmentDescription, EnvironmentHealth, EnvironmentHealthStatus,
    EnvironmentStatus,
};

use super::credits;
use super::deployment::Around;
use super::instances::{self, InstanceVersion, instance_versions};
use super::options::{self, OptionSettings};
use super::scale::Scale;
use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::aws::services::cloudwatch::MetricAlarm;
use crate::aws::texts;
use crate::engine::Error;
use crate::outputs::LiveEnvironment;
use crate::prescale;

/// The alarms' logical ids in the environment's stack: the one that adds instances, the one that takes them away.
pub(crate) const ALARMS: [&str; 2] = ["AWSEBCloudwatchAlarmHigh", "AWSEBCloudwatchAlarmLow"];

/// What the load balancer forwards to, by its logical id.
pub(crate) const TARGET_GROUP: &str = "AWSEBV2LoadBalancerTargetGroup";

/// The policies that they act by, in the same order.
pub(super) const POLICIES: [&str; 2] = ["AWSEBAutoScalingScaleUpPolicy", "AWSEBAutoScalingScaleDownPolicy"];

/// An environment that rests.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    pub id: String,
    pub arn: String,
    pub application: String,
    pub cname: String,
    pub version: Option<String>,
    pub platform_arn: Option<String>,
    /// Where the user asked for another one; what runs is kept otherwise, however old.
    pub wanted_platform: Option<String>,
    /// On its way out: what it gives is about to be nobody's.
    pub terminating: bool,
    /// Beanstalk's word for a site in trouble, where it is.
    pub trouble: Option<String>,
    /// The set that is deployed, never a draft.
    pub settings: OptionSettings,
    /// Whether a distribution fetches from its CNAME; asked only where the environment would have to be launched again.
    pub origin_of_distribution: bool,
    /// A change that failed left a draft, which stays until it is deleted.
    pub failed_draft: bool,
    /// The environment's stack never came to be, or is broken: only terminating helps.
    pub broken: Option<Trouble>,
    pub load_balancer: Option<String>,
    pub group: Option<Group>,
    /// Its pre-scale; read where the group's tag tells of one, and for a run that scales.
    pub scale: Option<Scale>,
    /// Physical ids by logical id, of what the environment's stack made.
    pub parts: BTreeMap<String, String>,
    /// By the names of [`ALARMS`].
    pub alarms: BTreeMap<String, MetricAlarm>,
    pub tags: BTreeMap<String, String>,
    /// An update is under way.
    pub updating: bool,
    /// It can be aborted.
    pub abortable: bool,
    /// What its instances run; looked at for a deployment, and where its health says that something is wrong.
    pub instances: Vec<InstanceVersion>,
    pub around: Around,
}

/// The Auto Scaling group's own bounds. Its desired capacity is nobody's drift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub name: String,
    pub min: i32,
    pub max: i32,
    /// What its tag tells of a pre-scale.
    pub mark: Option<String>,
    /// Ids of its instances that serve and spend CPU credits.
    pub burstable: Vec<String>,
}

impl Live {
    /// One in transition, of which only the identity is known.
    pub(super) fn passing(environment: &EnvironmentDescription) -> Self {
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        Self {
            id: text(environment.environment_id()),
            arn: text(environment.environment_arn()),
            application: text(environment.application_name()),
            cname: text(environment.cname()),
            version: environment.version_label().map(str::to_owned),
            platform_arn: environment.platform_arn().map(str::to_owned),
            wanted_platform: None,
            terminating: environment.status() == Some(&EnvironmentStatus::Terminating),
            trouble: trouble(environment),
            settings: OptionSettings::new(),
            origin_of_distribution: false,
            failed_draft: false,
            broken: None,
            load_balancer: None,
            group: None,
            scale: None,
            parts: BTreeMap::new(),
            alarms: BTreeMap::new(),
            tags: BTreeMap::new(),
            updating: matches!(
                environment.status(),
                Some(EnvironmentStatus::Updating | EnvironmentStatus::Aborting)
            ),
            abortable: environment.abortable_operation_in_progress() == Some(true),
            instances: Vec::new(),
            around: Around::default(),
        }
    }

    pub(super) fn output(&self) -> LiveEnvironment {
        LiveEnvironment {
            id: self.id.clone(),
            cname: self.cname.clone(),
            load_balancer: self.load_balancer.clone(),
            target_group: self.parts.get(TARGET_GROUP).cloned(),
            trouble: self.trouble.clone(),
            version: self.version.clone(),
            astray: self.others(),
        }
    }

    /// The ARN of a load balancer that is not its own.
    pub(super) fn shared_load_balancer(&self) -> Option<String> {
        let get = |namespace: &str, name: &str| self.settings.get(&(namespace.to_owned(), name.to_owned()));
        let is_shared = get(options::ENVIRONMENT, options::IS_SHARED).is_some_and(|is| is == "true");
        get(options::BALANCER, options::SHARED).filter(|_| is_shared).cloned()
    }

    /// The ARN of the load balancer that it is behind, whosever it is.
    pub(super) fn balancer_arn(&self) -> Option<String> {
        let own = self.parts.get("AWSEBV2LoadBalancer").cloned();
        own.or_else(|| self.shared_load_balancer())
    }

    /// Versions beside its own that instances took.
    fn others(&self) -> Vec<String> {
        let label = self.version.as_deref().unwrap_or_default();
        let astray = instances::astray(&self.instances, label).into_iter();
        let mut others: Vec<_> = astray.filter_map(|instance| instance.version.clone()).collect();
        others.sort();
        others.dedup();
        others
    }

    /// The platform version to move to, where one is wanted that does not run.
    pub(super) fn moves_to(&self) -> Option<&str> {
        self.wanted_platform
            .as_deref()
            .filter(|wanted| self.platform_arn.as_deref() != Some(wanted))
    }

    /// Reads all of one that is Ready.
    pub(crate) async fn read(aws: &Aws, environment: &EnvironmentDescription) -> Result<Self, Error> {
        let mut live = Self::passing(environment);
        let stack = format!("awseb-{}-stack", live.id);
        let (settings, broken, resources) = tokio::try_join!(
            settings(aws, environment),
            stack_trouble(aws, &stack),
            stack_resources(aws, &stack)
        )?;
        (live.settings, live.failed_draft) = settings;
        if let Some(Trouble::LaunchFailed(_)) = &broken {
            live.origin_of_distribution = is_fetched_from(aws, &live.cname).await?;
        }
        live.broken = broken;
        let named = |logical: &str| resources.get(logical).cloned();
        let (group, load_balancer, alarms) = tokio::try_join!(
            group(aws, named("AWSEBAutoScalingGroup")),
            load_balancer_name(
                aws,
                named("AWSEBV2LoadBalancer").or_else(|| live.shared_load_balancer())
            ),
            alarms(aws, &resources),
        )?;
        (live.group, live.load_balancer, live.alarms) = (group, load_balancer, alarms);
        live.parts = resources;
        if let Some(group) = live.group.as_ref().filter(|group| group.mark.is_some()) {
            live.scale = Some(Scale::read(aws, &live, group).await?);
        }
        if is_ill(environment) {
            // It may be that instances run another version than the environment says.
            live.instances = instance_versions(aws, &live.id).await?;
        }
        Ok(live)
    }
}

/// A health in which an instance may be at another version (the developer guide's environments-health-enhanced-notifications).
fn is_ill(environment: &EnvironmentDescription) -> bool {
    let ill = [EnvironmentHealthStatus::Degraded, EnvironmentHealthStatus::Severe];
    environment.health_status().is_some_and(|health| ill.contains(health))
}

/// A health in which the site cannot be called up. Warning and Degraded are what a busy one passes through.
pub(crate) fn trouble(environment: &EnvironmentDescription) -> Option<String> {
    let severe = environment.health_status() == Some(&EnvironmentHealthStatus::Severe);
    let red = environment.health() == Some(&EnvironmentHealth::Red);
    (severe || red).then(|| {
        environment
            .health_status()
            .map_or("Red", |health| health.as_str())
            .to_owned()
    })
}

/// The environment of this name, if it is not terminated: for an hour AWS shows terminated ones as well.
pub(crate) async fn find(aws: &Aws, name: &str) -> Result<Option<EnvironmentDescription>, Error> {
    let describe = aws
        .beanstalk
        .describe_environments()
        .environment_names(name)
        .include_deleted(false);
    let answer = describe
        .send()
        .await
        .explain(&format!("describe the environment {name}"))?;
    let mut environments = answer.environments.unwrap_or_default().into_iter();
    Ok(environments.find(|environment| environment.status() != Some(&EnvironmentStatus::Terminated)))
}

/// The environment of this id, whatever its status.
pub(crate) async fn by_id(aws: &Aws, id: &str) -> Result<Option<EnvironmentDescription>, Error> {
    let describe = aws
        .beanstalk
        .describe_environments()
        .environment_ids(id)
        .include_deleted(true);
    let answer = describe
        .send()
        .await
        .explain(&format!("describe the environment {id}"))?;
    Ok(answer.environments.unwrap_or_default().into_iter().next())
}

pub(crate) async fn settings(aws: &Aws, environment: &EnvironmentDescription) -> Result<(OptionSettings, bool), Error> {
    let name = environment.environment_name().unwrap_or_default();
    let describe = aws.beanstalk.describe_configuration_settings().environment_name(name);
    let describe = describe.set_application_name(environment.application_name().map(str::to_owned));
    let answer = describe
        .send()
        .await
        .explain(&format!("read the settings of the environment {name}"))?;
    let mut deployed = OptionSettings::new();
    let mut failed_draft = false;
    if answer.configuration_settings().is_empty() {
        // Also what Beanstalk answers without permission: taken for nothing set, everything would be drift.
        aws.proof.of_reads(aws).await?;
        return Err(Error::failed(format!(
            "Beanstalk gives no settings of the environment {name}"
        )));
    }
    // Two descriptions where a change is under way or failed: reading the draft would take wishes for facts.
    for description in answer.configuration_settings.unwrap_or_default() {
        match description.deployment_status() {
            Some(ConfigurationDeploymentStatus::Failed) => failed_draft = true,
            Some(ConfigurationDeploymentStatus::Pending) => {}
            _ => {
                for option in description.option_settings() {
                    if let (Some(namespace), Some(name), Some(value)) =
                        (option.namespace(), option.option_name(), option.value())
                    {
                        deployed.insert((namespace.to_owned(), name.to_owned()), value.to_owned());
                    }
                }
            }
        }
    }
    Ok((deployed, failed_draft))
}

/// Whether the environment's stack can still be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It never came to be: only launching again helps, and nothing served yet.
    LaunchFailed(String),
    /// It did come to be and cannot be changed now; what it runs may serve all the same.
    Stuck(String),
}

async fn stack_trouble(aws: &Aws, stack: &str) -> Result<Option<Trouble>, Error> {
    let stacks = aws.cloudformation.describe_stacks(stack).await;
    // A stack that somebody deleted by hand is a ValidationError: nothing is known to be wrong with what it had made.
    let stacks = stacks.or_absent(&["ValidationError"], &format!("describe the stack {stack}"))?;
    let Some(found) = stacks.and_then(|stacks| stacks.into_iter().next()) else {
        return Ok(None);
    };
    let reason = found.stack_status_reason.unwrap_or_default();
    Ok(trouble_of(stack, found.stack_status.as_str(), &reason))
}

fn trouble_of(stack: &str, status: &str, reason: &str) -> Option<Trouble> {
    let mut told = format!("its stack {stack} is {status}");
    if !reason.is_empty() {
        told = format!("{told}: {}", texts::clean(reason));
    }
    match status {
        "CREATE_FAILED" | "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" => Some(Trouble::LaunchFailed(told)),
        "DELETE_FAILED" | "UPDATE_ROLLBACK_FAILED" => Some(Trouble::Stuck(told)),
        _ => None,
    }
}

/// Whether any distribution of the account has this name as an origin, whatever the profile says by now.
async fn is_fetched_from(aws: &Aws, name: &str) -> Result<bool, Error> {
    // The other partitions have no distribution for it.
    if aws.partition() != "aws" {
        return Ok(false);
    }
    let mut pages = aws.cloudfront.list_distributions().into_paginator().items().send();
    while let Some(distribution) = pages.next().await {
        let distribution = distribution.explain("see whether a distribution fetches from the environment")?;
        let mut origins = distribution.origins().into_iter().flat_map(|origins| origins.items());
        if origins.any(|origin| origin.domain_name().eq_ignore_ascii_case(name)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Physical ids by logical id; empty where there is no stack yet.
pub(crate) async fn stack_resources(aws: &Aws, stack: &str) -> Result<BTreeMap<String, String>, Error> {
    let resources = aws.cloudformation.describe_stack_resources(stack).await;
    let resources = resources.or_absent(
        &["ValidationError"],
        &format!("read the resources of the stack {stack}"),
    )?;
    let resources = resources.unwrap_or_default().into_iter();
    Ok(resources
        .filter_map(|resource| Some((resource.logical_resource_id?, resource.physical_resource_id?)))
        .collect())
}

async fn group(aws: &Aws, name: Option<String>) -> Result<Option<Group>, Error> {
    let Some(name) = name else { return Ok(None) };
    let found = described_group(aws, &name).await?;
    Ok(found.map(|found| Group {
        name,
        min: found.min_size().unwrap_or(0),
        max: found.max_size().unwrap_or(0),
        mark: mark_of(&found),
        burstable: credits::burstable(&found),
    }))
}

pub(crate) async fn described_group(aws: &Aws, name: &str) -> Result<Option<AutoScalingGroup>, Error> {
    let describe = aws
        .autoscaling
        .describe_auto_scaling_groups()
        .auto_scaling_group_names(name);
    let answer = describe.send().await;
    let answer = answer.explain(&format!("describe the Auto Scaling group {name}"))?;
    Ok(answer.auto_scaling_groups.unwrap_or_default().into_iter().next())
}

/// What a group's tag tells of its pre-scale.
pub(crate) fn mark_of(group: &AutoScalingGroup) -> Option<String> {
    let tag = group.tags().iter().find(|tag| tag.key() == Some(prescale::TAG));
    tag.and_then(|tag| tag.value()).map(str::to_owned)
}

/// How many instances of a group serve.
pub(super) async fn in_service(aws: &Aws, name: &str) -> Result<i32, Error> {
    let group = described_group(aws, name).await?;
    let instances = group.iter().flat_map(|group| group.instances());
    let serving = instances.filter(|it| it.lifecycle_state() == Some(&LifecycleState::InService));
    Ok(i32::try_from(serving.count()).unwrap_or(i32::MAX))
}

/// The DNS name of a load balancer, once it has one.
pub(super) async fn load_balancer_name(aws: &Aws, arn: Option<String>) -> Result<Option<String>, Error> {
    let Some(arn) = arn.filter(|arn| arn.starts_with("arn:")) else {
        return Ok(None);
    };
    let found = aws.elb.describe_load_balancers(&[&arn]).await;
    let found = found.or_absent(
        &["LoadBalancerNotFound", "LoadBalancerNotFoundException"],
        &format!("describe the load balancer {arn}"),
    )?;
    Ok(found.unwrap_or_default().into_iter().find_map(|found| found.dns_name))
}

async fn alarms(aws: &Aws, resources: &BTreeMap<String, String>) -> Result<BTreeMap<String, MetricAlarm>, Error> {
    let names: BTreeMap<&str, &str> = ALARMS
        .into_iter()
        .filter_map(|logical| Some((resources.get(logical)?.as_str(), logical)))
        .collect();
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let asked: Vec<&str> = names.keys().copied().collect();
    let alarms = aws.cloudwatch.describe_alarms(&asked).await;
    let alarms = alarms.explain("read the environment's alarms")?.into_iter();
    Ok(alarms
        .filter_map(|alarm| Some((names.get(alarm.settings.alarm_name.as_str())?.to_string(), alarm)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_that_never_came_up_is_launched_again_and_one_that_is_stuck_is_not() {
        let trouble = |status| trouble_of("awseb-e-1-stack", status, "The following failed: [x]");
        assert!(matches!(trouble("ROLLBACK_COMPLETE"), Some(Trouble::LaunchFailed(told)) if told.ends_with("[x]")));
        assert!(matches!(trouble("UPDATE_ROLLBACK_FAILED"), Some(Trouble::Stuck(_))));
        assert_eq!(trouble("UPDATE_COMPLETE"), None);
    }
}
