//! CloudWatch's API: alarms; metrics are in `metrics`.

mod metrics;

use std::collections::BTreeMap;
use std::sync::Arc;

use winterbaume_cloudwatch::model as m;

use super::page::page;
use super::{Entry, Service, operation};
use crate::protocols::call::{Answer, Call};
use crate::protocols::cloudwatch::{decode, encode};
use crate::world::monitoring::alarms::NewAlarm;
use crate::world::monitoring::history::HistoryItem;
use crate::world::monitoring::{Alarm, Verdict, minute};
use crate::world::{Refusal, World};

const OPERATIONS: &[Entry] = &[
    operation("DeleteAlarms", &["AlarmNames"], delete),
    operation(
        "DescribeAlarmHistory",
        &[
            "AlarmName",
            "AlarmTypes",
            "HistoryItemType",
            "StartDate",
            "EndDate",
            "MaxRecords",
            "NextToken",
            "ScanBy",
        ],
        describe_history,
    ),
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
        describe,
    ),
    operation(
        "DescribeAlarmsForMetric",
        &[
            "MetricName",
            "Namespace",
            "Dimensions{Name,Value}",
            "Statistic",
            "Period",
            "Unit",
        ],
        describe_for_metric,
    ),
    operation("DisableAlarmActions", &["AlarmNames"], |world, call| {
        enable_actions(world, call, false)
    }),
    operation("EnableAlarmActions", &["AlarmNames"], |world, call| {
        enable_actions(world, call, true)
    }),
    operation("GetMetricData", metrics::GET_DATA, metrics::get_data),
    operation("GetMetricStatistics", metrics::GET_STATISTICS, metrics::get_statistics),
    operation("ListMetrics", metrics::LIST, metrics::list),
    operation("ListTagsForResource", &["ResourceARN"], list_tags),
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
            "Dimensions{Name,Value}",
            "Period",
            "Unit",
            "EvaluationPeriods",
            "DatapointsToAlarm",
            "Threshold",
            "ComparisonOperator",
            "TreatMissingData",
            "Tags{Key,Value}",
        ],
        put,
    ),
    operation("PutMetricData", metrics::PUT, metrics::put_data),
    operation(
        "SetAlarmState",
        &["AlarmName", "StateValue", "StateReason", "StateReasonData"],
        set_state,
    ),
];

pub(crate) const SERVICE: Service = Service {
    scope: "monitoring",
    title: "CloudWatch",
    operations: OPERATIONS,
    refuses: None,
};

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
        state_reason_data: alarm.state_reason_data.clone(),
        state_transitioned_timestamp: seconds(alarm.state_transitioned),
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
    if matches!(request.period, Some(10 | 20 | 30)) {
        return Err(super::not_implemented("alarms with periods of less than a minute"));
    }
    let missing = |what: &str| Refusal::new("MissingParameter", format!("The parameter {what} is required."));
    let now = world.clock.now();
    let new = NewAlarm {
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
        tags: request
            .tags
            .unwrap_or_default()
            .into_iter()
            .map(|tag| (tag.key, tag.value))
            .collect(),
    };
    new.check()?;
    let mut state = world.lock();
    let account = state.account.clone();
    let monitoring = &mut state.region(&call.region).monitoring;
    monitoring.put_alarm(&call.region, &account, new, now);
    encode(call, &serde_json::Map::new(), "PutMetricAlarm")
}

fn delete(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeleteAlarmsInput = decode(call)?;
    let now = world.clock.now();
    let mut state = world.lock();
    let monitoring = &mut state.region(&call.region).monitoring;
    monitoring.delete_alarms(&request.alarm_names, now)?;
    encode(call, &serde_json::Map::new(), "DeleteAlarms")
}

fn enable_actions(world: &Arc<World>, call: &Call, enabled: bool) -> Result<Answer, Refusal> {
    let request: m::EnableAlarmActionsInput = decode(call)?;
    let mut state = world.lock();
    let monitoring = &mut state.region(&call.region).monitoring;
    monitoring.enable_actions(&request.alarm_names, enabled);
    encode(call, &serde_json::Map::new(), &call.operation)
}

/// Until the next evaluation: within a minute the alarm says again what its metric says.
fn set_state(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::SetAlarmStateInput = decode(call)?;
    let value = ["OK", "ALARM", "INSUFFICIENT_DATA"]
        .into_iter()
        .find(|value| *value == request.state_value)
        .ok_or_else(|| {
            Refusal::new(
                "ValidationError",
                "StateValue must be one of: OK, ALARM, INSUFFICIENT_DATA",
            )
        })?;
    if let Some(data) = &request.state_reason_data
        && serde_json::from_str::<serde::de::IgnoredAny>(data).is_err()
    {
        return Err(Refusal::new("InvalidFormat", "StateReasonData was not valid JSON"));
    }
    let now = world.clock.now();
    let mut state = world.lock();
    state.region(&call.region).monitoring.must_exist(&request.alarm_name)?;
    let verdict = Verdict {
        state: value,
        reason: request.state_reason,
        data: request.state_reason_data,
    };
    minute::set_alarm_state(&mut state, &call.region, &request.alarm_name, verdict, now);
    encode(call, &serde_json::Map::new(), "SetAlarmState")
}

/// Newest first, unless asked otherwise.
fn describe_history(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeAlarmHistoryInput = decode(call)?;
    let types = request.alarm_types.unwrap_or_else(|| vec!["MetricAlarm".to_owned()]);
    let mut state = world.lock();
    let history = &state.region(&call.region).monitoring.history;
    let at = |item: &HistoryItem| item.time.as_millisecond() as f64 / 1000.0;
    let wanted = history.iter().filter(|it| {
        types.iter().any(|kind| kind == "MetricAlarm")
            && request.alarm_name.as_ref().is_none_or(|name| *name == it.alarm)
            && request.history_item_type.as_ref().is_none_or(|kind| kind == it.kind)
            && request.start_date.is_none_or(|start| at(it) >= start)
            && request.end_date.is_none_or(|end| at(it) <= end)
    });
    let mut items: Vec<_> = wanted
        .map(|it| m::AlarmHistoryItem {
            alarm_name: Some(it.alarm.clone()),
            alarm_type: Some("MetricAlarm".to_owned()),
            history_data: Some(it.data.clone()),
            history_item_type: Some(it.kind.to_owned()),
            history_summary: Some(it.summary.clone()),
            timestamp: Some(at(it)),
            ..m::AlarmHistoryItem::default()
        })
        .collect();
    if request.scan_by.as_deref() != Some("TimestampAscending") {
        items.reverse();
    }
    let limit = request.max_records.unwrap_or(100).clamp(1, 100);
    let (items, next_token) = page(items, Some(limit), request.next_token.as_deref())?;
    let result = m::DescribeAlarmHistoryOutput {
        alarm_history_items: Some(items),
        next_token,
    };
    encode(call, &result, "DescribeAlarmHistory")
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
