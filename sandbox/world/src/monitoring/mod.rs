//! CloudWatch: metrics, alarms with their history, and the log groups that Beanstalk makes with what is in them.
//! Must know nothing of what an alarm's action does; [`minute`], [`log_agent`] and [`requests`] alone drive it.

pub mod alarms;
pub(crate) mod evaluation;
pub mod history;
pub mod log_agent;
pub mod metrics;
pub mod minute;
pub mod requests;
pub mod streams;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Item, Tags};
use history::HistoryItem;
use metrics::Metrics;
use streams::Streams;

#[derive(Debug, Default)]
pub struct Monitoring {
    pub metrics: Metrics,
    /// What became of alarms, oldest first.
    pub history: Vec<HistoryItem>,
    /// How busy each instance was in the last minute, in percent: what the health agent on it tells.
    pub load: BTreeMap<String, f64>,
    /// What the instances' processors had done when they were looked at.
    looks: BTreeMap<String, minute::Look>,
    /// By name.
    pub alarms: BTreeMap<String, Alarm>,
    /// By name.
    pub log_groups: BTreeMap<String, LogGroup>,
}

#[derive(Debug, Clone)]
pub struct Alarm {
    pub arn: String,
    pub name: String,
    pub description: Option<String>,
    pub namespace: String,
    pub metric_name: String,
    pub dimensions: BTreeMap<String, String>,
    pub statistic: Option<String>,
    pub unit: Option<String>,
    /// Seconds.
    pub period: i32,
    pub evaluation_periods: i32,
    pub datapoints_to_alarm: Option<i32>,
    pub threshold: f64,
    /// `GreaterThanThreshold`, …
    pub comparison: String,
    pub treat_missing_data: Option<String>,
    pub actions_enabled: bool,
    pub alarm_actions: Vec<String>,
    pub ok_actions: Vec<String>,
    pub insufficient_data_actions: Vec<String>,
    /// `INSUFFICIENT_DATA`, `OK`, `ALARM`.
    pub state: &'static str,
    pub state_reason: String,
    /// JSON; none before the first evaluation.
    pub state_reason_data: Option<String>,
    /// When state or reason last changed.
    pub state_updated: Timestamp,
    /// When the state last became another.
    pub state_transitioned: Timestamp,
    pub updated: Timestamp,
    pub tags: Tags,
}

impl Alarm {
    /// What it looks at.
    pub(crate) fn metric(&self) -> metrics::Metric {
        metrics::Metric {
            namespace: self.namespace.clone(),
            name: self.metric_name.clone(),
            dimensions: self.dimensions.clone(),
        }
    }

    /// What it runs in its present state.
    pub(crate) fn actions(&self) -> &[String] {
        match self.state {
            _ if !self.actions_enabled => &[],
            "ALARM" => &self.alarm_actions,
            "OK" => &self.ok_actions,
            _ => &self.insufficient_data_actions,
        }
    }
}

/// A state and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// `INSUFFICIENT_DATA`, `OK`, `ALARM`.
    pub state: &'static str,
    pub reason: String,
    /// JSON.
    pub data: Option<String>,
}

#[derive(Debug, Clone)]
pub struct LogGroup {
    pub name: String,
    pub created: Timestamp,
    /// Days that events are kept.
    pub retention: i32,
    pub tags: Tags,
    pub streams: Streams,
}

impl Monitoring {
    /// Puts an alarm into a state, and tells whether it became another.
    pub(crate) fn set_state(&mut self, name: &str, verdict: Verdict, now: Timestamp) -> bool {
        let Some(alarm) = self.alarms.get_mut(name) else {
            return false;
        };
        if alarm.state == verdict.state {
            return false;
        }
        self.history.push(history::transition(alarm, &verdict, now));
        alarm.state = verdict.state;
        alarm.state_reason = verdict.reason;
        alarm.state_reason_data = verdict.data;
        (alarm.state_updated, alarm.state_transitioned) = (now, now);
        true
    }

    pub(crate) fn inventory(&self, region: &str) -> Vec<Item> {
        let (alarm, log_group) = (Item::of("cloudwatch", region), Item::of("logs", region));
        let mut items: Vec<_> = self
            .alarms
            .values()
            .map(|it| alarm("alarm", &it.arn, &it.name, &it.tags))
            .collect();
        items.extend(
            self.log_groups
                .values()
                .map(|it| log_group("log-group", &it.name, &it.name, &it.tags)),
        );
        items
    }
}
