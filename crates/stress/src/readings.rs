//! One reading of everything that shows what the load does: metric, alarms, activities, instances, health, the burn itself.
//! Reads only, and judges nothing.

use aws_sdk_autoscaling::types::{Activity as AwsActivity, ScalingActivityStatusCode};
use aws_sdk_elasticbeanstalk::types::EnvironmentHealthAttribute;
use aws_smithy_types::DateTime;

use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::aws::services::cloudwatch::{GetMetricStatistics, MetricAlarm};
use crate::aws::texts::{alarm_of_cause, clean, is_launch};
use crate::engine::Error;
use crate::group::{Group, Rule, alarms_named, find, in_service};
use crate::report::stress::Activity;
use crate::run_command::{self, Sent};

/// Scaling activities asked for; more of them than a test makes.
const ACTIVITIES: i32 = 50;

/// What was seen at one time. Seconds are AWS's, since 1970.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Percent by time, oldest first.
    pub cpu: Vec<(f64, f64)>,
    pub high: Alarm,
    pub low: Option<Alarm>,
    pub in_service: u32,
    pub desired: u32,
    pub activities: Vec<Step>,
    /// Beanstalk's word, with its first cause where there is one.
    pub health: Option<String>,
    /// `None` where nothing was sent.
    pub burn: Option<run_command::State>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    pub state: String,
    /// When it came into this state.
    pub since: f64,
}

impl Alarm {
    pub fn is_on(&self) -> bool {
        self.state == "ALARM"
    }
}

/// A scaling activity with what is told from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub id: String,
    pub shown: Activity,
    /// The alarm that its cause names.
    pub alarm: Option<String>,
    pub end: End,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    Open,
    Successful,
    /// With AWS's reason.
    Failed(String),
}

fn seconds(at: Option<&DateTime>) -> f64 {
    at.map_or(0.0, DateTime::as_secs_f64)
}

/// Reads all of it at once. `since` and `until`: the metric's window.
pub(crate) async fn read(
    aws: &Aws,
    environment: &str,
    group: &Group,
    sent: &[Sent],
    since: f64,
    until: f64,
) -> Result<Reading, Error> {
    let rules = std::iter::once(&group.out).chain(&group.back);
    let names: Vec<&str> = rules.map(Rule::alarm_name).collect();
    let (cpu, alarms, found, activities, health, burn) = tokio::try_join!(
        metric(aws, &group.out, since, until),
        alarms_named(aws, &names),
        find(aws, &group.name),
        activities(aws, &group.name),
        health(aws, environment),
        burning(aws, sent),
    )?;
    let alarm = |rule: &Rule| {
        alarms
            .iter()
            .find(|alarm| alarm.settings.alarm_name == rule.alarm_name())
            .map(state)
    };
    Ok(Reading {
        cpu,
        high: alarm(&group.out)
            .ok_or_else(|| Error::failed(format!("the alarm {} is gone", group.out.alarm_name())))?,
        low: group.back.as_ref().and_then(alarm),
        in_service: u32::try_from(in_service(&found).len()).unwrap_or(0),
        desired: found
            .desired_capacity()
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(0),
        activities,
        health,
        burn,
    })
}

async fn burning(aws: &Aws, sent: &[Sent]) -> Result<Option<run_command::State>, Error> {
    if sent.is_empty() {
        return Ok(None);
    }
    run_command::state(aws, sent).await.map(Some)
}

fn state(alarm: &MetricAlarm) -> Alarm {
    Alarm {
        state: alarm.state_value.as_deref().unwrap_or("INSUFFICIENT_DATA").to_owned(),
        since: seconds(alarm.state_updated_timestamp.as_ref()),
    }
}

/// The alarm's own metric, as it evaluates it.
pub(crate) async fn metric(aws: &Aws, rule: &Rule, since: f64, until: f64) -> Result<Vec<(f64, f64)>, Error> {
    let alarm = &rule.alarm.settings;
    let asked = GetMetricStatistics {
        namespace: alarm.namespace.as_deref(),
        metric_name: alarm.metric_name.as_deref(),
        dimensions: &alarm.dimensions,
        statistics: alarm.statistic.iter().map(String::as_str).collect(),
        period: rule.period(),
        start_time: DateTime::from_secs_f64(since),
        end_time: DateTime::from_secs_f64(until),
    };
    let points = aws.cloudwatch.get_metric_statistics(&asked).await;
    let points = points.explain("read the CPU of the group")?.into_iter();
    Ok(points
        .filter_map(|point| Some((seconds(point.timestamp.as_ref()), point.average?)))
        .collect())
}

async fn activities(aws: &Aws, group: &str) -> Result<Vec<Step>, Error> {
    let describe = aws
        .autoscaling
        .describe_scaling_activities()
        .auto_scaling_group_name(group);
    let answer = describe
        .max_records(ACTIVITIES)
        .send()
        .await
        .explain("read the group's scaling activities")?;
    Ok(answer.activities().iter().map(step).collect())
}

fn step(activity: &AwsActivity) -> Step {
    use ScalingActivityStatusCode as Code;
    let cause = clean(activity.cause().unwrap_or_default());
    let description = clean(activity.description().unwrap_or_default());
    let status = activity.status_code().map_or("", |status| status.as_str());
    let end = match activity.status_code() {
        Some(Code::Successful) => End::Successful,
        Some(Code::Failed | Code::Cancelled) => End::Failed(clean(activity.status_message().unwrap_or(status))),
        _ => End::Open,
    };
    Step {
        id: activity.activity_id().unwrap_or_default().to_owned(),
        alarm: alarm_of_cause(&cause).map(str::to_owned),
        shown: Activity {
            adds: is_launch(&description),
            description,
            cause,
            status: status.to_owned(),
            from: seconds(activity.start_time()),
            to: activity.end_time().map(DateTime::as_secs_f64),
        },
        end,
    }
}

/// Beanstalk's word; nothing where it has only basic health.
async fn health(aws: &Aws, environment: &str) -> Result<Option<String>, Error> {
    let describe = aws.beanstalk.describe_environment_health().environment_id(environment);
    let describe = describe
        .attribute_names(EnvironmentHealthAttribute::HealthStatus)
        .attribute_names(EnvironmentHealthAttribute::Causes);
    let answer = describe
        .send()
        .await
        .or_absent(&["InvalidRequestException"], "read the environment's health")?;
    Ok(answer.and_then(|answer| {
        let word = answer.health_status()?.to_owned();
        Some(match answer.causes().first() {
            Some(cause) => format!("{word}: {}", clean(cause)),
            None => word,
        })
    }))
}
