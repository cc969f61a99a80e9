//! What differs behind Beanstalk's settings, in the group and the alarms themselves, and its repair there. Beanstalk compares
//! settings with settings and would never mend it. Must know nothing of how settings are deployed.

use super::Environment;
use super::live::{self, Live};
use super::options;
use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::aws::services::cloudwatch::{AlarmSettings, Dimension};
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
            let alarm = &alarm.settings;
            if stored && alarm.threshold != Some(want) {
                let from = alarm.threshold.map(|threshold| threshold.to_string());
                changes.push(FieldChange::new(
                    format!("alarm {logical} threshold"),
                    from,
                    want.to_string(),
                ));
            }
            if alarm.actions_enabled == Some(false) {
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
            let settings = AlarmSettings {
                actions_enabled: Some(true),
                threshold: Some(want),
                ..alarm.settings.clone()
            };
            let put = cx.aws().cloudwatch.put_metric_alarm(&settings).await;
            put.explain(&format!("repair the alarm {}", settings.alarm_name))?;
        }
        Ok(())
    }

    /// The alarm as Beanstalk makes it, under the name by which its stack knows it.
    /// Source: the alarms of public stacks; facts of aws:autoscaling:trigger in the developer guide's command-options-general.
    async fn make_alarm(&self, cx: &WriteCx<Aws>, live: &Live, logical: &str, threshold: f64) -> Result<(), Error> {
        let scaling = &self.stack.profile.scaling;
        let (policy, operator, way) = match logical == live::ALARMS[0] {
            true => (live::POLICIES[0], "GreaterThanThreshold", "Up"),
            false => (live::POLICIES[1], "LessThanThreshold", "Down"),
        };
        let (Some(name), Some(policy), Some(group)) = (live.parts.get(logical), live.parts.get(policy), &live.group)
        else {
            return Ok(());
        };
        let seconds = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
        cx.check()?;
        let alarm = AlarmSettings {
            alarm_name: name.clone(),
            alarm_description: Some(format!("ElasticBeanstalk Default Scale {way} alarm")),
            namespace: Some("AWS/EC2".to_owned()),
            metric_name: Some(scaling.metric.as_str().to_owned()),
            statistic: Some("Average".to_owned()),
            dimensions: vec![Dimension {
                name: "AutoScalingGroupName".to_owned(),
                value: group.name.clone(),
            }],
            period: Some(seconds(scaling.period)),
            evaluation_periods: Some(seconds(scaling.evaluation_periods)),
            comparison_operator: Some(operator.to_owned()),
            threshold: Some(threshold),
            alarm_actions: vec![policy.clone()],
            ..AlarmSettings::default()
        };
        let put = cx.aws().cloudwatch.put_metric_alarm(&alarm).await;
        put.explain(&format!("make the alarm {name} again"))?;
        Ok(())
    }
}
