//! CloudWatch: alarms as they are set, and the log groups that Beanstalk makes.
//! Must know nothing of what an alarm's action does.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Item, Tags};

#[derive(Debug, Default)]
pub(crate) struct Monitoring {
    /// By name.
    pub alarms: BTreeMap<String, Alarm>,
    /// By name.
    pub log_groups: BTreeMap<String, LogGroup>,
}

#[derive(Debug, Clone)]
pub(crate) struct Alarm {
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
    pub state_updated: Timestamp,
    pub updated: Timestamp,
    pub tags: Tags,
}

#[derive(Debug, Clone)]
pub(crate) struct LogGroup {
    pub name: String,
    pub created: Timestamp,
    /// Days that events are kept.
    pub retention: i32,
    pub tags: Tags,
}

impl Monitoring {
    /// As PutMetricAlarm: an alarm of that name is overwritten, but keeps its state and its tags.
    pub(crate) fn put_alarm(&mut self, mut alarm: Alarm) {
        if let Some(old) = self.alarms.get(&alarm.name) {
            alarm.state = old.state;
            alarm.state_reason.clone_from(&old.state_reason);
            alarm.state_updated = old.state_updated;
            alarm.tags.clone_from(&old.tags);
        }
        self.alarms.insert(alarm.name.clone(), alarm);
    }

    pub(crate) fn inventory(&self, region: &str) -> Vec<Item> {
        let item = |service: &'static str, kind: &'static str, id: &str, name: &str, tags: &Tags| Item {
            service,
            kind,
            region: region.to_owned(),
            id: id.to_owned(),
            name: name.to_owned(),
            tags: tags.clone(),
        };
        let mut items: Vec<_> = self
            .alarms
            .values()
            .map(|it| item("cloudwatch", "alarm", &it.arn, &it.name, &it.tags))
            .collect();
        items.extend(
            self.log_groups
                .values()
                .map(|it| item("logs", "log-group", &it.name, &it.name, &it.tags)),
        );
        items
    }
}
