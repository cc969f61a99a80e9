//! CloudWatch's API: alarms. Metrics come with the burning of CPU.

use std::collections::BTreeMap;
use std::sync::Arc;

use winterbaume_cloudwatch::model as m;

use super::page::page;
use super::{Operation, Service, operation};
use crate::gateway::call::{Answer, Call};
use crate::gateway::cloudwatch::{decode, encode};
use crate::world::monitoring::Alarm;
use crate::world::{Refusal, World};

const OPERATIONS: &[Operation] = &[
    operation("DeleteAlarms", &["AlarmNames"]),
    operation(
        "DescribeAlarms",
        &[
            "AlarmNames",
            "AlarmNamePrefix",
            "AlarmTypes",
            "StateValue",
            "ActionPrefix",
            "MaxRecords",
            "NextToken",
        ],
    ),
    operation(
        "DescribeAlarmsForMetric",
        &["MetricName", "Namespace", "Dimensions", "Statistic", "Period", "Unit"],
    ),
    operation("ListTagsForResource", &["ResourceARN"]),
    operation(
        "PutMetricAlarm",
        &[
            "AlarmName",
            "AlarmDescription",
            "ActionsEnabled",
            "OKActions",
            "AlarmActions",
            "InsufficientDataActions",
            "MetricName",
            "Namespace",
            "Statistic",
            "Dimensions",
            "Period",
            "Unit",
            "EvaluationPeriods",
            "DatapointsToAlarm",
            "Threshold",
            "ComparisonOperator",
            "TreatMissingData",
            "Tags",
        ],
    ),
];

pub(crate) const SERVICE: Service = Service {
    scope: "monitoring",
    title: "CloudWatch",
    operations: OPERATIONS,
    run,
};

fn run(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    match call.operation.as_str() {
        "DeleteAlarms" => delete(world, call),
        "DescribeAlarms" => describe(world, call),
        "DescribeAlarmsForMetric" => describe_for_metric(world, call),
        "ListTagsForResource" => list_tags(world, call),
        "PutMetricAlarm" => put(world, call),
        other => Err(super::not_implemented(format!("{other} of CloudWatch"))),
    }
}

fn seconds(time: jiff::Timestamp) -> Option<f64> {
    Some(time.as_millisecond() as f64 / 1000.0)
}

fn view(alarm: &Alarm) -> m::MetricAlarm {
    let dimension = |(name, value): (&String, &String)| m::Dimension {
        name: name.clone(),
        value: value.clone(),
    };
    m::MetricAlarm {
        actions_enabled: Some(alarm.actions_enabled),
        alarm_actions: Some(alarm.alarm_actions.clone()),
        alarm_arn: Some(alarm.arn.clone()),
        alarm_configuration_updated_timestamp: seconds(alarm.updated),
        alarm_description: alarm.description.clone(),
        alarm_name: Some(alarm.name.clone()),
        comparison_operator: Some(alarm.comparison.clone()),
        datapoints_to_alarm: alarm.datapoints_to_alarm,
        dimensions: Some(alarm.dimensions.iter().map(dimension).collect()),
        evaluation_periods: Some(alarm.evaluation_periods),
        insufficient_data_actions: Some(alarm.insufficient_data_actions.clone()),
        metric_name: Some(alarm.metric_name.clone()),
        namespace: Some(alarm.namespace.clone()),
        o_k_actions: Some(alarm.ok_actions.clone()),
        period: Some(alarm.period),
        state_reason: Some(alarm.state_reason.clone()),
        state_transitioned_timestamp: seconds(alarm.state_updated),
        state_updated_timestamp: seconds(alarm.state_updated),
        state_value: Some(alarm.state.to_owned()),
        statistic: alarm.statistic.clone(),
        threshold: Some(alarm.threshold),
        treat_missing_data: alarm.treat_missing_data.clone(),
        unit: alarm.unit.clone(),
        ..m::MetricAlarm::default()
    }
}

fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeAlarmsInput = decode(call)?;
    let mut state = world.lock();
    let alarms = state.region(&call.region).monitoring.alarms.values();
    let metric = request
        .alarm_types
        .is_none_or(|types| types.iter().any(|kind| kind == "MetricAlarm"));
    let starts = |prefix: &Option<String>, text: &str| prefix.as_ref().is_none_or(|prefix| text.starts_with(prefix));
    let wanted = alarms.filter(|it| {
        metric
            && request
                .alarm_names
                .as_ref()
                .is_none_or(|names| names.contains(&it.name))
            && starts(&request.alarm_name_prefix, &it.name)
            && request.state_value.as_ref().is_none_or(|value| value == it.state)
            && (request.action_prefix.is_none()
                || it
                    .alarm_actions
                    .iter()
                    .any(|action| starts(&request.action_prefix, action)))
    });
    let limit = request.max_records.unwrap_or(50).clamp(1, 100);
    let (alarms, next_token) = page(wanted.map(view).collect(), Some(limit), request.next_token.as_deref())?;
    let result = m::DescribeAlarmsOutput {
        composite_alarms: Some(Vec::new()),
        metric_alarms: Some(alarms),
        next_token,
    };
    encode(call, &result, "DescribeAlarms")
}

fn dimensions(list: Option<Vec<m::Dimension>>) -> BTreeMap<String, String> {
    let list = list.unwrap_or_default().into_iter();
    list.map(|dimension| (dimension.name, dimension.value)).collect()
}

fn describe_for_metric(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeAlarmsForMetricInput = decode(call)?;
    let wanted_dimensions = request.dimensions.is_some().then(|| dimensions(request.dimensions));
    let mut state = world.lock();
    let alarms = state.region(&call.region).monitoring.alarms.values();
    let wanted = alarms.filter(|it| {
        it.metric_name == request.metric_name
            && it.namespace == request.namespace
            && wanted_dimensions.as_ref().is_none_or(|wanted| *wanted == it.dimensions)
            && request.period.is_none_or(|period| period == it.period)
            && (request.statistic.is_none() || request.statistic == it.statistic)
            && (request.unit.is_none() || request.unit == it.unit)
    });
    let result = m::DescribeAlarmsForMetricOutput {
        metric_alarms: Some(wanted.map(view).collect()),
    };
    encode(call, &result, "DescribeAlarmsForMetric")
}

fn put(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::PutMetricAlarmInput = decode(call)?;
    let missing = |what: &str| Refusal::new("MissingParameter", format!("The parameter {what} is required."));
    let now = world.clock.now();
    let mut state = world.lock();
    let account = state.account.clone();
    let alarm = Alarm {
        arn: format!(
            "arn:aws:cloudwatch:{}:{account}:alarm:{}",
            call.region, request.alarm_name
        ),
        name: request.alarm_name,
        description: request.alarm_description,
        namespace: request.namespace.ok_or_else(|| missing("Namespace"))?,
        metric_name: request.metric_name.ok_or_else(|| missing("MetricName"))?,
        dimensions: dimensions(request.dimensions),
        statistic: request.statistic,
        unit: request.unit,
        period: request.period.ok_or_else(|| missing("Period"))?,
        evaluation_periods: request.evaluation_periods,
        datapoints_to_alarm: request.datapoints_to_alarm,
        threshold: request.threshold.ok_or_else(|| missing("Threshold"))?,
        comparison: request.comparison_operator,
        treat_missing_data: request.treat_missing_data,
        actions_enabled: request.actions_enabled.unwrap_or(true),
        alarm_actions: request.alarm_actions.unwrap_or_default(),
        ok_actions: request.o_k_actions.unwrap_or_default(),
        insufficient_data_actions: request.insufficient_data_actions.unwrap_or_default(),
        state: "INSUFFICIENT_DATA",
        state_reason: "Unchecked: Initial alarm creation".to_owned(),
        state_updated: now,
        updated: now,
        tags: request
            .tags
            .unwrap_or_default()
            .into_iter()
            .map(|tag| (tag.key, tag.value))
            .collect(),
    };
    state.region(&call.region).monitoring.put_alarm(alarm);
    encode(call, &serde_json::Map::new(), "PutMetricAlarm")
}

/// Those that are there are deleted; one that is not there refuses the rest.
fn delete(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeleteAlarmsInput = decode(call)?;
    let mut state = world.lock();
    let alarms = &mut state.region(&call.region).monitoring.alarms;
    if let Some(name) = request.alarm_names.iter().find(|name| !alarms.contains_key(*name)) {
        return Err(Refusal::with_status(
            404,
            "ResourceNotFound",
            format!("Unknown alarm: {name}"),
        ));
    }
    alarms.retain(|name, _| !request.alarm_names.contains(name));
    encode(call, &serde_json::Map::new(), "DeleteAlarms")
}

fn list_tags(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::ListTagsForResourceInput = decode(call)?;
    let mut state = world.lock();
    let mut alarms = state.region(&call.region).monitoring.alarms.values();
    let missing = || Refusal::with_status(404, "ResourceNotFoundException", "Unknown resource");
    let alarm = alarms.find(|it| it.arn == request.resource_a_r_n).ok_or_else(missing)?;
    let view = |(key, value): (&String, &String)| m::Tag {
        key: key.clone(),
        value: value.clone(),
    };
    let result = m::ListTagsForResourceOutput {
        tags: Some(alarm.tags.iter().map(view).collect()),
    };
    encode(call, &result, "ListTagsForResource")
}
