//! What became of alarms, as DescribeAlarmHistory tells it.
//! Must know nothing of why.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Alarm, Verdict};

#[derive(Debug, Clone)]
pub struct HistoryItem {
    pub alarm: String,
    pub time: Timestamp,
    /// `ConfigurationUpdate`, `StateUpdate`, `Action`.
    pub kind: &'static str,
    pub summary: String,
    /// JSON.
    pub data: String,
}

fn item(alarm: &Alarm, time: Timestamp, kind: &'static str, summary: String, data: &Value) -> HistoryItem {
    HistoryItem {
        alarm: alarm.name.clone(),
        time,
        kind,
        summary,
        data: data.to_string(),
    }
}

fn text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string()
}

/// An alarm as history quotes it.
fn quoted(alarm: &Alarm) -> Value {
    let dimension = |(name, value): (&String, &String)| json!({"name": name, "value": value});
    json!({
        "actionsEnabled": alarm.actions_enabled,
        "alarmActions": alarm.alarm_actions,
        "alarmArn": alarm.arn,
        "alarmConfigurationUpdatedTimestamp": text(alarm.updated),
        "alarmDescription": alarm.description,
        "alarmName": alarm.name,
        "comparisonOperator": alarm.comparison,
        "dimensions": alarm.dimensions.iter().map(dimension).collect::<Vec<_>>(),
        "evaluationPeriods": alarm.evaluation_periods,
        "insufficientDataActions": alarm.insufficient_data_actions,
        "metricName": alarm.metric_name,
        "namespace": alarm.namespace,
        "okactions": alarm.ok_actions,
        "period": alarm.period,
        "stateUpdatedTimestamp": text(alarm.state_updated),
        "stateValue": alarm.state,
        "statistic": alarm.statistic,
        "threshold": alarm.threshold,
        "treatMissingData": alarm.treat_missing_data,
        "unit": alarm.unit,
    })
}

pub(super) fn configured(alarm: &Alarm, again: bool) -> HistoryItem {
    let (kind, verb, name) = if again {
        ("Update", "updated", "updatedAlarm")
    } else {
        ("Create", "created", "createdAlarm")
    };
    let data = json!({"version": "1.0", "type": kind, name: quoted(alarm)});
    let summary = format!("Alarm \"{}\" {verb}", alarm.name);
    item(alarm, alarm.updated, "ConfigurationUpdate", summary, &data)
}

pub(super) fn deleted(alarm: &Alarm, now: Timestamp) -> HistoryItem {
    let data = json!({"version": "1.0", "type": "Delete", "deletedAlarm": quoted(alarm)});
    let summary = format!("Alarm \"{}\" deleted", alarm.name);
    item(alarm, now, "ConfigurationUpdate", summary, &data)
}

pub(super) fn transition(alarm: &Alarm, verdict: &Verdict, now: Timestamp) -> HistoryItem {
    let parsed = |data: Option<&String>| data.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let state = |value: &str, reason: &str, data: Option<&String>| {
        let mut state = json!({"stateValue": value, "stateReason": reason});
        if let Some(data) = parsed(data) {
            state["stateReasonData"] = data;
        }
        state
    };
    let data = json!({
        "version": "1.0",
        "oldState": state(alarm.state, &alarm.state_reason, alarm.state_reason_data.as_ref()),
        "newState": state(verdict.state, &verdict.reason, verdict.data.as_ref()),
    });
    let summary = format!("Alarm updated from {} to {}", alarm.state, verdict.state);
    item(alarm, now, "StateUpdate", summary, &data)
}

/// An action that ran, or why it could not.
pub(super) fn action(alarm: &Alarm, arn: &str, failure: Option<&str>, now: Timestamp) -> HistoryItem {
    let (state, summary) = match failure {
        None => ("Succeeded", format!("Successfully executed action {arn}")),
        Some(reason) => (
            "Failed",
            format!("Failed to execute action {arn}. Received error: \"{reason}\""),
        ),
    };
    let data = json!({
        "actionState": state,
        "stateUpdateTimestamp": alarm.state_updated.as_millisecond(),
        "notificationResource": arn,
        "publishedMessage": null,
        "error": failure,
    });
    item(alarm, now, "Action", summary, &data)
}
