//! How an environment fares at one moment: health with its causes, instances, requests, alarms. Reads only, and judges nothing.
//! Must know nothing of how it is shown.

use aws_sdk_elasticbeanstalk::operation::describe_environment_health::DescribeEnvironmentHealthOutput;
use aws_sdk_elasticbeanstalk::types::{
    ApplicationMetrics, EnvironmentDescription, EnvironmentHealthAttribute, InstancesHealthAttribute,
    SingleInstanceHealth,
};
use jiff::Timestamp;
use serde::Serialize;

use super::{as_text, timestamp};
use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::aws::services::cloudwatch::MetricAlarm;
use crate::aws::texts::clean;
use crate::engine::Error;
use crate::environment::instances::told;
use crate::environment::live;

/// What was seen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Snapshot {
    pub environment_id: String,
    /// `Ready`, `Updating`, …
    pub status: String,
    /// Of enhanced health `Ok`, `Warning`, …; a colour where there is only basic health.
    pub health: String,
    pub causes: Vec<String>,
    pub version: Option<String>,
    pub requests: Option<Requests>,
    pub instances: Vec<Instance>,
    pub group: Option<Group>,
    pub alarms: Vec<Alarm>,
}

/// What was answered lately, as the instances' proxies tell it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Requests {
    /// Of how many seconds.
    pub seconds: i32,
    pub count: i32,
    /// By the first digit of the status: 2xx, 3xx, 4xx, 5xx.
    pub by_status: [i32; 4],
    /// Seconds; absent where nothing was asked.
    pub p50: Option<f64>,
    pub p95: Option<f64>,
}

impl Requests {
    pub fn a_second(&self) -> f64 {
        f64::from(self.count) / f64::from(self.seconds.max(1))
    }

    /// Percent of the answers whose status begins with this digit.
    pub fn percent(&self, digit: usize) -> f64 {
        let of = digit.checked_sub(2).and_then(|place| self.by_status.get(place));
        let of = of.copied().unwrap_or_default();
        100.0 * f64::from(of) / f64::from(self.by_status.iter().sum::<i32>().max(1))
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Instance {
    pub id: String,
    pub health: String,
    pub causes: Vec<String>,
    /// Percent, as its own agent tells it.
    pub cpu: Option<f64>,
    pub version: Option<String>,
    /// Counts the environment's deployments.
    pub deployment: Option<i64>,
    /// `In Progress`, `Deployed`, `Failed`.
    pub deployment_status: Option<String>,
    pub requests: Option<Requests>,
    pub zone: String,
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(serialize_with = "as_text")]
    pub launched: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    pub min: i32,
    pub max: i32,
    pub desired: i32,
    /// The pre-scale that its tag tells of, as it is written there.
    pub scale: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alarm {
    pub name: String,
    /// `OK`, `ALARM`, `INSUFFICIENT_DATA`.
    pub state: String,
    #[serde(serialize_with = "as_text")]
    pub since: Option<Timestamp>,
    /// `CPUUtilization > 50`
    pub rule: String,
}

/// Names of what lies behind the environment, found once.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    group: Option<String>,
    alarms: Vec<String>,
}

impl Parts {
    /// Nothing where there is no stack yet.
    ///
    /// # Errors
    /// Where CloudFormation does not say.
    pub async fn of(aws: &Aws, environment: &str) -> Result<Self, Error> {
        let resources = live::stack_resources(aws, &format!("awseb-{environment}-stack")).await?;
        let alarms = live::ALARMS
            .iter()
            .filter_map(|logical| resources.get(*logical).cloned());
        Ok(Self {
            group: resources.get("AWSEBAutoScalingGroup").cloned(),
            alarms: alarms.collect(),
        })
    }

    /// Whether nothing was found yet.
    pub fn is_empty(&self) -> bool {
        self.group.is_none() && self.alarms.is_empty()
    }
}

/// Reads all of it at once; `None` where the environment is not there.
///
/// # Errors
/// Where AWS does not say.
pub async fn read(aws: &Aws, environment: &str, parts: &Parts) -> Result<Option<Snapshot>, Error> {
    let (described, health, instances, group, alarms) = tokio::try_join!(
        live::by_id(aws, environment),
        health(aws, environment),
        instances(aws, environment),
        group(aws, parts.group.as_deref()),
        alarms(aws, &parts.alarms),
    )?;
    Ok(described.map(|described| snapshot(&described, health, instances, group, alarms)))
}

fn snapshot(
    described: &EnvironmentDescription,
    health: Option<DescribeEnvironmentHealthOutput>,
    instances: Vec<Instance>,
    group: Option<Group>,
    alarms: Vec<Alarm>,
) -> Snapshot {
    let words = |word: Option<&str>| word.map_or_else(|| "unknown".to_owned(), clean);
    let basic = described.health().map(|colour| colour.as_str());
    let enhanced = health.as_ref().and_then(|health| health.health_status());
    let causes = health.as_ref().map(|health| health.causes()).unwrap_or_default();
    Snapshot {
        environment_id: words(described.environment_id()),
        status: words(described.status().map(|status| status.as_str())),
        health: words(enhanced.or(basic)),
        causes: causes.iter().map(|cause| clean(cause)).collect(),
        version: described.version_label().map(clean),
        requests: health.and_then(|health| requests(health.application_metrics())),
        instances,
        group,
        alarms,
    }
}

/// `None` where there is only basic health.
async fn health(aws: &Aws, environment: &str) -> Result<Option<DescribeEnvironmentHealthOutput>, Error> {
    let describe = aws.beanstalk.describe_environment_health().environment_id(environment);
    let answer = describe.attribute_names(EnvironmentHealthAttribute::All).send().await;
    answer.or_absent(&["InvalidRequestException"], "read the environment's health")
}

async fn instances(aws: &Aws, environment: &str) -> Result<Vec<Instance>, Error> {
    let told = told(aws, environment, InstancesHealthAttribute::All).await?;
    Ok(told.iter().map(instance).collect())
}

fn instance(seen: &SingleInstanceHealth) -> Instance {
    let words = |word: Option<&str>| word.map(clean).unwrap_or_default();
    let deployment = seen.deployment();
    let cpu = seen.system().and_then(|system| system.cpu_utilization());
    Instance {
        id: words(seen.instance_id()),
        health: words(seen.health_status()),
        causes: seen.causes().iter().map(|cause| clean(cause)).collect(),
        // What is not idle is at work, for whatever. To a tenth, as the agent tells it.
        cpu: cpu
            .and_then(|cpu| cpu.idle())
            .map(|idle| ((100.0 - idle).clamp(0.0, 100.0) * 10.0).round() / 10.0),
        version: deployment.and_then(|it| it.version_label()).map(clean),
        deployment: deployment.and_then(|it| it.deployment_id()),
        deployment_status: deployment.and_then(|it| it.status()).map(clean),
        requests: requests(seen.application_metrics()),
        zone: words(seen.availability_zone()),
        kind: words(seen.instance_type()),
        launched: seen.launched_at().and_then(timestamp),
    }
}

fn requests(metrics: Option<&ApplicationMetrics>) -> Option<Requests> {
    let metrics = metrics?;
    let codes = metrics.status_codes();
    let counted = |count: Option<i32>| count.unwrap_or_default();
    let latency = metrics.latency();
    Some(Requests {
        seconds: metrics.duration()?,
        count: metrics.request_count(),
        by_status: [
            counted(codes.and_then(|codes| codes.status2xx())),
            counted(codes.and_then(|codes| codes.status3xx())),
            counted(codes.and_then(|codes| codes.status4xx())),
            counted(codes.and_then(|codes| codes.status5xx())),
        ],
        p50: latency.and_then(|latency| latency.p50()),
        p95: latency.and_then(|latency| latency.p95()),
    })
}

async fn group(aws: &Aws, name: Option<&str>) -> Result<Option<Group>, Error> {
    let Some(name) = name else { return Ok(None) };
    let found = live::described_group(aws, name).await?;
    Ok(found.map(|found| Group {
        scale: live::mark_of(&found).as_deref().map(clean),
        min: found.min_size().unwrap_or_default(),
        max: found.max_size().unwrap_or_default(),
        desired: found.desired_capacity().unwrap_or_default(),
    }))
}

async fn alarms(aws: &Aws, names: &[String]) -> Result<Vec<Alarm>, Error> {
    // Without names CloudWatch would give all of the account.
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let alarms = aws.cloudwatch.describe_alarms(&names).await;
    let mut alarms: Vec<Alarm> = alarms
        .explain("read the environment's alarms")?
        .iter()
        .map(alarm)
        .collect();
    alarms.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(alarms)
}

fn alarm(alarm: &MetricAlarm) -> Alarm {
    let settings = &alarm.settings;
    let compared = match settings.comparison_operator.as_deref().unwrap_or_default() {
        "GreaterThanThreshold" => ">",
        "GreaterThanOrEqualToThreshold" => "≥",
        "LessThanThreshold" => "<",
        "LessThanOrEqualToThreshold" => "≤",
        other => other,
    };
    let metric = settings.metric_name.as_deref().unwrap_or("?");
    let threshold = settings.threshold.unwrap_or_default();
    Alarm {
        name: clean(&settings.alarm_name),
        state: clean(alarm.state_value.as_deref().unwrap_or("INSUFFICIENT_DATA")),
        since: alarm.state_updated_timestamp.as_ref().and_then(timestamp),
        rule: clean(&format!("{metric} {compared} {threshold}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_of_all_that_was_answered() {
        let quiet = Requests {
            seconds: 10,
            count: 0,
            by_status: [0; 4],
            p50: None,
            p95: None,
        };
        assert_eq!((quiet.a_second(), quiet.percent(5)), (0.0, 0.0));
        let busy = Requests {
            count: 200,
            by_status: [150, 0, 40, 10],
            ..quiet
        };
        assert_eq!((busy.a_second(), busy.percent(2), busy.percent(5)), (20.0, 75.0, 5.0));
        assert_eq!(busy.percent(1), 0.0);
    }
}
