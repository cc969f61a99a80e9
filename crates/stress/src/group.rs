//! What scales: the environment's Auto Scaling group, its two alarms and what they make it do. Reads only.

use std::collections::BTreeMap;

use aws_sdk_autoscaling::types::{AutoScalingGroup, LifecycleState, ScalingPolicy};

use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::aws::services::cloudwatch::MetricAlarm;
use crate::engine::{Command, Error, Hint, Kind};

/// The group and what moves it.
#[derive(Debug, Clone)]
pub struct Group {
    pub name: String,
    pub min: u32,
    pub max: u32,
    /// Seconds.
    pub cooldown: u32,
    /// Ids of those in service.
    pub instances: Vec<String>,
    /// Processes that somebody suspended.
    pub suspended: Vec<String>,
    pub out: Rule,
    /// What takes instances away again.
    pub back: Option<Rule>,
}

/// An alarm with what it makes the group do.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Instances; negative where they are taken away.
    pub step: i32,
    pub alarm: MetricAlarm,
}

impl Rule {
    pub fn alarm_name(&self) -> &str {
        &self.alarm.settings.alarm_name
    }

    pub fn threshold(&self) -> f64 {
        self.alarm.settings.threshold.unwrap_or_default()
    }

    /// Seconds that the metric must be over the threshold.
    pub fn takes(&self) -> u64 {
        let periods = self.alarm.settings.evaluation_periods.unwrap_or(1);
        u64::try_from(self.period() * periods).unwrap_or(300)
    }

    /// Seconds.
    pub fn period(&self) -> i32 {
        self.alarm.settings.period.unwrap_or(300).max(1)
    }
}

impl Group {
    /// Reads the group of an environment.
    ///
    /// # Errors
    /// Where there is none, or nothing that makes it grow.
    pub async fn of(aws: &Aws, environment: &str) -> Result<Self, Error> {
        let describe = aws
            .beanstalk
            .describe_environment_resources()
            .environment_id(environment);
        let answer = describe
            .send()
            .await
            .explain("find the environment's Auto Scaling group")?;
        let resources = answer
            .environment_resources()
            .map(|resources| resources.auto_scaling_groups())
            .unwrap_or_default();
        let name = resources.first().and_then(|group| group.name());
        let name = name
            .ok_or_else(|| Error::failed("the environment has no Auto Scaling group yet").hint(Hint::run("status")))?;
        let (group, policies) = tokio::try_join!(find(aws, name), policies(aws, name))?;
        let mut alarms = alarms(aws, &policies).await?;
        let mut rule = |grows: bool| {
            let policy = policies.iter().find(|policy| {
                let step = policy.scaling_adjustment().unwrap_or(0);
                if grows { step > 0 } else { step < 0 }
            })?;
            let alarm = policy
                .alarms()
                .iter()
                .find_map(|alarm| alarms.remove(alarm.alarm_name()?))?;
            Some(Rule {
                step: policy.scaling_adjustment().unwrap_or(0),
                alarm,
            })
        };
        let (out, back) = (rule(true), rule(false));
        let out = out.ok_or_else(|| {
            Error::failed(format!("the group {name} has no alarm that adds instances")).hint(Hint::run("plan"))
        })?;
        let count = |count: Option<i32>| count.and_then(|count| u32::try_from(count).ok()).unwrap_or(0);
        Ok(Self {
            name: name.to_owned(),
            min: count(group.min_size()),
            max: count(group.max_size()),
            cooldown: count(group.default_cooldown()),
            instances: in_service(&group),
            suspended: group
                .suspended_processes()
                .iter()
                .filter_map(|process| process.process_name().map(str::to_owned))
                .collect(),
            out,
            back,
        })
    }

    /// Whether there is room for one more: by the group itself, and by the profile that was given.
    ///
    /// # Errors
    /// Why a burn would change nothing.
    pub fn can_grow(&self, wanted: u32) -> Result<(), Error> {
        let metric = self.out.alarm.settings.metric_name.as_deref().unwrap_or_default();
        if metric != "CPUUtilization" {
            let text = format!("the trigger measures {metric}: a CPU burn does not move it");
            return Err(Error::new(Kind::Usage, text).hint(Hint::run("up --set scaling.metric=CPUUtilization")));
        }
        let running = u32::try_from(self.instances.len()).unwrap_or(u32::MAX);
        if running < self.max.min(wanted) {
            return Ok(());
        }
        let (whose, hint) = if self.max <= wanted {
            let more = Command::confctl("up --set").arg(format!("scaling.max={}", self.max + 2));
            (format!("the group's MaxSize is {}", self.max), Hint::run(more))
        } else {
            let whose = format!(
                "the profile given has scaling.max = {wanted} (the group itself allows {})",
                self.max
            );
            (whose, "leave scaling.max out, and the group's own maximum holds".into())
        };
        let text = format!("it cannot scale out: {running} instances run, and {whose}");
        Err(Error::new(Kind::DidNotScale, text)
            .because("an alarm that goes off at the maximum changes nothing, so nothing was burned")
            .hint(hint))
    }
}

/// Ids of the group's instances in service.
pub(crate) fn in_service(group: &AutoScalingGroup) -> Vec<String> {
    let serving = group
        .instances()
        .iter()
        .filter(|instance| instance.lifecycle_state() == Some(&LifecycleState::InService));
    serving
        .filter_map(|instance| instance.instance_id().map(str::to_owned))
        .collect()
}

/// The group of this name.
pub(crate) async fn find(aws: &Aws, name: &str) -> Result<AutoScalingGroup, Error> {
    let describe = aws
        .autoscaling
        .describe_auto_scaling_groups()
        .auto_scaling_group_names(name);
    let answer = describe
        .send()
        .await
        .explain(&format!("describe the Auto Scaling group {name}"))?;
    let found = answer.auto_scaling_groups.unwrap_or_default().into_iter().next();
    found.ok_or_else(|| Error::failed(format!("the Auto Scaling group {name} is gone")))
}

async fn policies(aws: &Aws, group: &str) -> Result<Vec<ScalingPolicy>, Error> {
    let describe = aws.autoscaling.describe_policies().auto_scaling_group_name(group);
    let answer = describe
        .send()
        .await
        .explain(&format!("read the scaling policies of {group}"))?;
    Ok(answer.scaling_policies.unwrap_or_default())
}

async fn alarms(aws: &Aws, policies: &[ScalingPolicy]) -> Result<BTreeMap<String, MetricAlarm>, Error> {
    let of_policies = policies.iter().flat_map(|policy| policy.alarms());
    let names: Vec<&str> = of_policies.filter_map(|alarm| alarm.alarm_name()).collect();
    let alarms = alarms_named(aws, &names).await?.into_iter();
    Ok(alarms.map(|alarm| (alarm.settings.alarm_name.clone(), alarm)).collect())
}

/// The alarms of these names; without any CloudWatch would give all of the account.
pub(crate) async fn alarms_named(aws: &Aws, names: &[&str]) -> Result<Vec<MetricAlarm>, Error> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let alarms = aws.cloudwatch.describe_alarms(names).await;
    alarms.explain("read the group's alarms")
}

/// Virtual CPUs of the smallest of these instances.
pub(crate) async fn processors(aws: &Aws, instances: &[String]) -> Result<u32, Error> {
    let describe = aws.ec2.describe_instances().set_instance_ids(Some(instances.to_vec()));
    let answer = describe.send().await.explain("see of which type the instances are")?;
    let types = answer
        .reservations()
        .iter()
        .flat_map(|reservation| reservation.instances());
    let mut types: Vec<_> = types.filter_map(|instance| instance.instance_type().cloned()).collect();
    types.sort_by(|one, other| one.as_str().cmp(other.as_str()));
    types.dedup();
    let describe = aws.ec2.describe_instance_types().set_instance_types(Some(types));
    let answer = describe
        .send()
        .await
        .explain("see how many virtual CPUs the instances have")?;
    let counts = answer
        .instance_types()
        .iter()
        .filter_map(|kind| kind.v_cpu_info()?.default_v_cpus());
    counts
        .filter_map(|count| u32::try_from(count).ok())
        .min()
        .ok_or_else(|| Error::failed("AWS does not say how many virtual CPUs the instances have"))
}
