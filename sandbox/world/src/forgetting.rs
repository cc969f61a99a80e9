//! What AWS remembers of what is over for a while only, and then forgets; without it a sandbox that lives for days would grow.
//! Must know nothing of who asks for it, nor of what still exists.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::beanstalk::rebuild::RESTORABLE;
use super::compute::VISIBLE_AFTER_END;
use super::{Region, World};

/// How often it looks, in seconds of sandbox time.
const BETWEEN_LOOKS: u64 = 1800;

const fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

/// "information about stacks that have been deleted is kept for 90 days" (CloudFormation API reference, `ListStacks`).
const STACKS: SignedDuration = days(90);

/// "activities … within the previous six weeks" (Auto Scaling API reference, `DescribeScalingActivities`).
const ACTIVITIES: SignedDuration = days(42);

/// "retains the history of active and deleted alarms for two weeks" (CloudWatch's command line reference,
/// mon-describe-alarm-history).
const ALARM_HISTORY: SignedDuration = days(14);

/// Runs for ever: looks what is long over.
pub fn run(world: &Arc<World>) {
    world.look_every(BETWEEN_LOOKS, |world| {
        let now = world.clock.now();
        for here in world.lock().regions.values_mut() {
            here.forget(now);
        }
    });
}

impl Region {
    fn forget(&mut self, now: Timestamp) {
        let is_over =
            |ended: Option<Timestamp>, kept: SignedDuration| ended.is_some_and(|it| now.duration_since(it) > kept);
        let compute = &mut self.compute;
        compute.instances.retain(|_, it| !is_over(it.ended, VISIBLE_AFTER_END));
        compute.credits.retain(|id, _| compute.instances.contains_key(id));
        // How long events are kept nobody says: here as long as what they are about.
        let beanstalk = &mut self.beanstalk;
        let gone: Vec<String> = beanstalk
            .environments
            .extract_if(.., |_, it| is_over(it.ended, RESTORABLE))
            .map(|(id, _)| id)
            .collect();
        if !gone.is_empty() {
            let is_of =
                |environment: &Option<(String, String)>| environment.as_ref().is_some_and(|(id, _)| gone.contains(id));
            beanstalk.events.retain(|event| !is_of(&event.environment));
        }
        self.stacks.stacks.retain(|stack| !is_over(stack.deleted, STACKS));
        self.scaling.activities.retain(|it| !is_over(it.ended, ACTIVITIES));
        let monitoring = &mut self.monitoring;
        monitoring.history.retain(|it| !is_over(Some(it.time), ALARM_HISTORY));
        monitoring.metrics.forget(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitoring::metrics::{Metric, Sample};

    /// A metric of something that is gone is pushed to no more, and was kept for ever.
    #[test]
    fn metrics_of_what_is_gone_are_forgotten_with_their_last_sample() {
        let mut here = Region::new("us-east-1");
        let began = Timestamp::UNIX_EPOCH;
        let metric = |id: &str| Metric {
            namespace: "AWS/EC2".to_owned(),
            name: "CPUUtilization".to_owned(),
            dimensions: [("InstanceId".to_owned(), id.to_owned())].into(),
        };
        let sample = |time| Sample {
            time,
            published: time,
            value: 1.0,
            unit: "Percent",
        };
        here.monitoring.metrics.push(metric("i-1"), sample(began));
        here.monitoring.metrics.push(metric("i-2"), sample(began + days(10)));
        let known = |here: &Region| here.monitoring.metrics.len();
        here.forget(began + days(14));
        assert_eq!(known(&here), 2);
        here.forget(began + days(16));
        assert_eq!(known(&here), 1);
        here.forget(began + days(26));
        assert_eq!(known(&here), 0);
    }
}
