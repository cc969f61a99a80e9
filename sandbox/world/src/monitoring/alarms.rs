//! Alarms as clients set them: what they are made of, what is wrong with one, and what is done with several at once.
//! Must know nothing of what they say; [`evaluation`](super::evaluation) does.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Alarm, Monitoring, history};
use crate::{Refusal, Tags};

/// The statistics of a metric that can be asked for.
pub const STATISTICS: &[&str] = &["SampleCount", "Average", "Sum", "Minimum", "Maximum"];

const COMPARISONS: &[&str] = &[
    "GreaterThanOrEqualToThreshold",
    "GreaterThanThreshold",
    "LessThanThreshold",
    "LessThanOrEqualToThreshold",
];

const WITHOUT_DATA: &[&str] = &["breaching", "notBreaching", "ignore", "missing"];

/// What PutMetricAlarm is told; the members are those of [`Alarm`].
#[derive(Debug, Clone)]
pub struct NewAlarm {
    pub name: String,
    pub description: Option<String>,
    pub namespace: String,
    pub metric_name: String,
    pub dimensions: BTreeMap<String, String>,
    pub statistic: Option<String>,
    pub unit: Option<String>,
    pub period: i32,
    pub evaluation_periods: i32,
    pub datapoints_to_alarm: Option<i32>,
    pub threshold: f64,
    pub comparison: String,
    pub treat_missing_data: Option<String>,
    pub actions_enabled: bool,
    pub alarm_actions: Vec<String>,
    pub ok_actions: Vec<String>,
    pub insufficient_data_actions: Vec<String>,
    pub tags: Tags,
}

impl NewAlarm {
    /// What can be evaluated here, in CloudWatch's words where CloudWatch cannot either.
    ///
    /// # Errors
    /// `ValidationError`.
    pub fn check(&self) -> Result<(), Refusal> {
        let invalid = |message: String| Err(Refusal::new("ValidationError", message));
        let of = |value: &Option<String>, allowed: &[&str]| {
            let value = value.as_deref();
            value.is_none_or(|value| allowed.contains(&value))
        };
        if !COMPARISONS.contains(&self.comparison.as_str()) {
            return invalid(format!(
                "ComparisonOperator {} is not one of {COMPARISONS:?}; anomaly detection is a limit of the sandbox",
                self.comparison
            ));
        }
        if !of(&self.statistic, STATISTICS) {
            return invalid(format!("Statistic must be one of {STATISTICS:?}"));
        }
        if !of(&self.treat_missing_data, WITHOUT_DATA) {
            return invalid(format!("TreatMissingData must be one of: {}", WITHOUT_DATA.join(", ")));
        }
        if self.evaluation_periods < 1 {
            return invalid("EvaluationPeriods must be at least 1".to_owned());
        }
        let possible = 1..=self.evaluation_periods;
        if self.datapoints_to_alarm.is_some_and(|count| !possible.contains(&count)) {
            return invalid("DatapointsToAlarm must be between 1 and EvaluationPeriods".to_owned());
        }
        if self.period < 60 || self.period % 60 != 0 {
            return invalid("Period must be 10, 20, 30 or a multiple of 60".to_owned());
        }
        Ok(())
    }

    /// The alarm before its first evaluation.
    fn made(self, region: &str, account: &str, now: Timestamp) -> Alarm {
        Alarm {
            arn: format!("arn:aws:cloudwatch:{region}:{account}:alarm:{}", self.name),
            name: self.name,
            description: self.description,
            namespace: self.namespace,
            metric_name: self.metric_name,
            dimensions: self.dimensions,
            statistic: self.statistic,
            unit: self.unit,
            period: self.period,
            evaluation_periods: self.evaluation_periods,
            datapoints_to_alarm: self.datapoints_to_alarm,
            threshold: self.threshold,
            comparison: self.comparison,
            treat_missing_data: self.treat_missing_data,
            actions_enabled: self.actions_enabled,
            alarm_actions: self.alarm_actions,
            ok_actions: self.ok_actions,
            insufficient_data_actions: self.insufficient_data_actions,
            state: "INSUFFICIENT_DATA",
            state_reason: "Unchecked: Initial alarm creation".to_owned(),
            state_reason_data: None,
            state_updated: now,
            state_transitioned: now,
            updated: now,
            tags: self.tags,
        }
    }
}

impl Monitoring {
    /// As PutMetricAlarm: an alarm of that name is overwritten, but keeps its state and its tags.
    pub fn put_alarm(&mut self, region: &str, account: &str, new: NewAlarm, now: Timestamp) {
        let mut alarm = new.made(region, account, now);
        let old = self.alarms.get(&alarm.name);
        if let Some(old) = old {
            alarm.state = old.state;
            alarm.state_reason.clone_from(&old.state_reason);
            alarm.state_reason_data.clone_from(&old.state_reason_data);
            alarm.state_updated = old.state_updated;
            alarm.state_transitioned = old.state_transitioned;
            alarm.tags.clone_from(&old.tags);
        }
        self.history.push(history::configured(&alarm, old.is_some()));
        self.alarms.insert(alarm.name.clone(), alarm);
    }

    /// As DeleteAlarms: all or none.
    ///
    /// # Errors
    /// Where one is not there.
    pub fn delete_alarms(&mut self, names: &[String], now: Timestamp) -> Result<(), Refusal> {
        for name in names {
            self.must_exist(name)?;
        }
        for name in names {
            self.delete_alarm(name, now);
        }
        Ok(())
    }

    /// As DeleteAlarms does with each; its history stays.
    pub(crate) fn delete_alarm(&mut self, name: &str, now: Timestamp) {
        if let Some(alarm) = self.alarms.remove(name) {
            self.history.push(history::deleted(&alarm, now));
        }
    }

    /// As EnableAlarmActions and DisableAlarmActions: alarms that are not there are passed over, as CloudWatch does.
    pub fn enable_actions(&mut self, names: &[String], enabled: bool) {
        for name in names {
            if let Some(alarm) = self.alarms.get_mut(name) {
                alarm.actions_enabled = enabled;
            }
        }
    }

    /// # Errors
    /// `ResourceNotFound`.
    pub fn must_exist(&self, name: &str) -> Result<(), Refusal> {
        match self.alarms.contains_key(name) {
            true => Ok(()),
            false => Err(Refusal::with_status(
                404,
                "ResourceNotFound",
                format!("Unknown alarm: {name}"),
            )),
        }
    }
}
