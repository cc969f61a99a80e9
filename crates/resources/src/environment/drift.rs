//! What differs behind Beanstalk's settings, in the group and the alarms themselves, and its repair there. Beanstalk compares
//! settings with settings and would never mend it. Must know nothing of how settings are deployed.

use super::Environment;
use super::live::{self, Live};
use super::options;
use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::aws::services::cloudwatch::{AlarmSettings, Dimension};
use crate::engine::{Error, FieldChange, Step, WriteCx};
use crate::prescale::Bounds;

/// A repair in the services themselves.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum DriftStep {
    MinSize {
        from: i32,
        to: i32,
    },
    MaxSize {
        from: i32,
        to: i32,
    },
    /// By its logical id in the environment's stack, as in the two below.
    Threshold {
        alarm: &'static str,
        from: Option<f64>,
        to: f64,
    },
    /// Its actions are switched off.
    Actions {
        alarm: &'static str,
    },
    /// Somebody deleted it.
    MakeAgain {
        alarm: &'static str,
        threshold: f64,
    },
}

impl Step for DriftStep {
    fn shown(&self) -> FieldChange {
        let size = |name: &str, from: &i32, to: &i32| {
            FieldChange::new(format!("Auto Scaling group {name}"), from.to_string(), to.to_string())
        };
        match self {
            Self::MinSize { from, to } => size("MinSize", from, to),
            Self::MaxSize { from, to } => size("MaxSize", from, to),
            Self::Threshold { alarm, from, to } => {
                let from = from.map(|threshold| threshold.to_string());
                FieldChange::new(format!("alarm {alarm} threshold"), from, to.to_string())
            }
            Self::Actions { alarm } => {
                FieldChange::new(format!("alarm {alarm} actions"), "off".to_owned(), "on".to_owned())
            }
            Self::MakeAgain { alarm, .. } => {
                FieldChange::new(format!("alarm {alarm}"), "deleted".to_owned(), "made again".to_owned())
            }
        }
    }
}

impl Environment {
    /// What differs behind the settings, where those say what we want: Beanstalk compares settings with settings and would never
    /// mend it.
    pub(super) fn drift(&self, live: &Live) -> Vec<DriftStep> {
        let mut steps = self.group_drift(live);
        steps.extend(self.alarm_drift(live));
        steps
    }

    fn group_drift(&self, live: &Live) -> Vec<DriftStep> {
        let Some(group) = live.group.as_ref().filter(|_| self.stack.profile.is_load_balanced()) else {
            return vec![];
        };
        let Bounds { min, max } = self.wanted_bounds(live);
        let stands = live.stands().is_some();
        let says =
            |name: &str, want: i32| stands || options::says(&live.settings, options::GROUP, name, &want.to_string());
        let mut steps = Vec::new();
        if group.min != min && says("MinSize", min) {
            steps.push(DriftStep::MinSize {
                from: group.min,
                to: min,
            });
        }
        if group.max != max && says("MaxSize", max) {
            steps.push(DriftStep::MaxSize {
                from: group.max,
                to: max,
            });
        }
        steps
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

    fn alarm_drift(&self, live: &Live) -> Vec<DriftStep> {
        let mut steps = Vec::new();
        for (logical, option, want) in self.thresholds() {
            let Some(alarm) = live.alarms.get(logical) else {
                if self.can_make_again(live, logical) {
                    steps.push(DriftStep::MakeAgain {
                        alarm: logical,
                        threshold: want,
                    });
                }
                continue;
            };
            let stored = options::says(&live.settings, options::TRIGGER, option, &want.to_string());
            let alarm = &alarm.settings;
            if stored && alarm.threshold != Some(want) {
                steps.push(DriftStep::Threshold {
                    alarm: logical,
                    from: alarm.threshold,
                    to: want,
                });
            }
            if alarm.actions_enabled == Some(false) {
                steps.push(DriftStep::Actions { alarm: logical });
            }
        }
        steps
    }

    /// Takes the steps, in the services as they are now: what was deployed before may have changed them.
    pub(super) async fn repair(&self, cx: &WriteCx<Aws>, id: &str, steps: &[DriftStep]) -> Result<(), Error> {
        let (false, Some(environment)) = (steps.is_empty(), live::by_id(cx.read().aws(), id).await?) else {
            return Ok(());
        };
        let live = Live::read(cx.read().aws(), &environment).await?;
        self.repair_group(cx, &live, steps).await?;
        self.repair_alarms(cx, &live, steps).await
    }

    async fn repair_group(&self, cx: &WriteCx<Aws>, live: &Live, steps: &[DriftStep]) -> Result<(), Error> {
        let min = steps.iter().find_map(|step| match step {
            DriftStep::MinSize { to, .. } => Some(*to),
            _ => None,
        });
        let max = steps.iter().find_map(|step| match step {
            DriftStep::MaxSize { to, .. } => Some(*to),
            _ => None,
        });
        let (true, Some(group)) = (min.or(max).is_some(), &live.group) else {
            return Ok(());
        };
        cx.check()?;
        let update = cx.aws().autoscaling.update_auto_scaling_group();
        let update = update.auto_scaling_group_name(&group.name);
        let updated = update.set_min_size(min).set_max_size(max).send().await;
        updated.explain("repair the bounds of the Auto Scaling group")?;
        Ok(())
    }

    async fn repair_alarms(&self, cx: &WriteCx<Aws>, live: &Live, steps: &[DriftStep]) -> Result<(), Error> {
        for (logical, alarm) in &live.alarms {
            // PutMetricAlarm replaces the whole alarm: all else is sent back as it was read.
            let mut settings = alarm.settings.clone();
            for step in steps {
                match step {
                    DriftStep::Threshold { alarm, to, .. } if alarm == logical => settings.threshold = Some(*to),
                    DriftStep::Actions { alarm } if alarm == logical => settings.actions_enabled = Some(true),
                    _ => {}
                }
            }
            if settings != alarm.settings {
                cx.check()?;
                let put = cx.aws().cloudwatch.put_metric_alarm(&settings).await;
                put.explain(&format!("repair the alarm {}", settings.alarm_name))?;
            }
        }
        for step in steps {
            if let DriftStep::MakeAgain { alarm, threshold } = step {
                self.make_alarm(cx, live, alarm, *threshold).await?;
            }
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
