//! What differs behind Beanstalk's settings, in the group and the alarms themselves, and its repair there. Beanstalk compares
//! settings with settings and would never mend it. Must know nothing of how settings are deployed.

use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension, Statistic};

use super::Environment;
use super::live::{self, Live};
use super::options;
use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::engine::{Error, FieldChange, WriteCx};

impl Environment {
    /// The group's own bounds, where Beanstalk's settings say what we want and the group does not: Beanstalk compares
    /// settings with settings and would never mend it.
    pub(super) fn group_drift(&self, live: &Live) -> Vec<FieldChange> {
        let Some(group) = live.group.as_ref().filter(|_| self.stack.profile.is_load_balanced()) else {
            return vec![];
        };
        let (min, max) = self.stack.profile.instance_range();
        [("MinSize", group.min, min), ("MaxSize", group.max, max)]
            .into_iter()
            .filter(|(_, is, want)| i64::from(*is) != i64::from(*want))
            .filter(|(name, _, want)| options::says(&live.settings, options::GROUP, name, &want.to_string()))
            .map(|(name, is, want)| {
                FieldChange::new(format!("Auto Scaling group {name}"), is.to_string(), want.to_string())
            })
            .collect()
    }

    /// The two alarms by logical id, the option that each comes from, and the threshold that is wanted.
    fn thresholds(&self) -> [(&'static str, &'static str, f64); 2] {
        let scaling = &self.stack.profile.scaling;
        [
            (live::ALARMS[0], "UpperThreshold", scaling.upper),
            (live::ALARMS[1], "LowerThreshold", scaling.lower),
        ]
    }

    /// Whether an alarm that is not there is one that somebody deleted, so that the group no longer scales. One on a metric of
    /// the load balancer's is left to Beanstalk: how it names its dimensions is not known.
    fn can_make_again(&self, live: &Live, logical: &str) -> bool {
        live.parts.contains_key(logical) && self.stack.profile.scaling.metric.is_of_instances()
    }

    pub(super) fn alarm_drift(&self, live: &Live) -> Vec<FieldChange> {
        let mut changes = Vec::new();
        for (logical, option, want) in self.thresholds() {
            let Some(alarm) = live.alarms.get(logical) else {
                if self.can_make_again(live, logical) {
                    let field = format!("alarm {logical}");
                    changes.push(FieldChange::new(field, "deleted".to_owned(), "made again".to_owned()));
                }
                continue;
            };
            let stored = options::says(&live.settings, options::TRIGGER, option, &want.to_string());
            if stored && alarm.threshold() != Some(want) {
                let from = alarm.threshold().map(|threshold| threshold.to_string());
                changes.push(FieldChange::new(
                    format!("alarm {logical} threshold"),
                    from,
                    want.to_string(),
                ));
            }
            if alarm.actions_enabled() == Some(false) {
                changes.push(FieldChange::new(
                    format!("alarm {logical} actions"),
                    "off".to_owned(),
                    "on".to_owned(),
                ));
            }
        }
        changes
    }

    /// What differs in the services themselves only, repaired there.
    pub(super) async fn repair(&self, cx: &WriteCx<Aws>, before: &Live) -> Result<(), Error> {
        let Some(environment) = live::by_id(cx.read().aws(), &before.id).await? else {
            return Ok(());
        };
        let live = Live::read(cx.read().aws(), &environment).await?;
        if let (Some(group), false) = (&live.group, self.group_drift(&live).is_empty()) {
            let (min, max) = self.stack.profile.instance_range();
            cx.check()?;
            let update = cx
                .aws()
                .autoscaling
                .update_auto_scaling_group()
                .auto_scaling_group_name(&group.name);
            let update = update.min_size(i32::try_from(min).unwrap_or(i32::MAX));
            let update = update.max_size(i32::try_from(max).unwrap_or(i32::MAX));
            update
                .send()
                .await
                .explain("repair the bounds of the Auto Scaling group")?;
        }
        if !self.alarm_drift(&live).is_empty() {
            self.repair_alarms(cx, &live).await?;
        }
        Ok(())
    }

    async fn repair_alarms(&self, cx: &WriteCx<Aws>, live: &Live) -> Result<(), Error> {
        for (logical, _, want) in self.thresholds() {
            let Some(alarm) = live.alarms.get(logical) else {
                if self.can_make_again(live, logical) {
                    self.make_alarm(cx, live, logical, want).await?;
                }
                continue;
            };
            cx.check()?;
            // PutMetricAlarm replaces the whole alarm: all else is sent back as it was read.
            let put = cx.aws().cloudwatch.put_metric_alarm();
            let put = put
                .set_alarm_name(alarm.alarm_name.clone())
                .set_alarm_description(alarm.alarm_description.clone())
                .actions_enabled(true)
                .set_ok_actions(alarm.ok_actions.clone())
                .set_alarm_actions(alarm.alarm_actions.clone())
                .set_insufficient_data_actions(alarm.insufficient_data_actions.clone())
                .set_metric_name(alarm.metric_name.clone())
                .set_namespace(alarm.namespace.clone())
                .set_statistic(alarm.statistic.clone())
                .set_dimensions(alarm.dimensions.clone())
                .set_period(alarm.period)
                .set_unit(alarm.unit.clone())
                .set_evaluation_periods(alarm.evaluation_periods)
                .set_datapoints_to_alarm(alarm.datapoints_to_alarm)
                .set_comparison_operator(alarm.comparison_operator.clone())
                .set_treat_missing_data(alarm.treat_missing_data.clone())
                .threshold(want);
            put.send()
                .await
                .explain(&format!("repair the alarm {}", alarm.alarm_name().unwrap_or(logical)))?;
        }
        Ok(())
    }

    /// The alarm as Beanstalk makes it, under the name by which its stack knows it.
    /// Source: the alarms of public stacks; facts of aws:autoscaling:trigger in the developer guide's command-options-general.
    async fn make_alarm(&self, cx: &WriteCx<Aws>, live: &Live, logical: &str, threshold: f64) -> Result<(), Error> {
        let scaling = &self.stack.profile.scaling;
        let (policy, operator, way) = match logical == live::ALARMS[0] {
            true => (live::POLICIES[0], ComparisonOperator::GreaterThanThreshold, "Up"),
            false => (live::POLICIES[1], ComparisonOperator::LessThanThreshold, "Down"),
        };
        let (Some(name), Some(policy), Some(group)) = (live.parts.get(logical), live.parts.get(policy), &live.group)
        else {
            return Ok(());
        };
        let of_group = Dimension::builder()
            .name("AutoScalingGroupName")
            .value(&group.name)
            .build();
        let seconds = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
        cx.check()?;
        let put = cx.aws().cloudwatch.put_metric_alarm().alarm_name(name);
        let put = put
            .alarm_description(format!("ElasticBeanstalk Default Scale {way} alarm"))
            .namespace("AWS/EC2")
            .metric_name(scaling.metric.as_str())
            .statistic(Statistic::Average)
            .dimensions(of_group)
            .period(seconds(scaling.period))
            .evaluation_periods(seconds(scaling.evaluation_periods))
            .comparison_operator(operator)
            .threshold(threshold)
            .alarm_actions(policy);
        put.send().await.explain(&format!("make the alarm {name} again"))?;
        Ok(())
    }
}
