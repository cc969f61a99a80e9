//! Scheduled actions of a group: changes of its sizes at an hour, once. Recurring ones are not known here.
//! Must know nothing of wire formats. Source: Auto Scaling user guide, "Scheduled scaling".

use jiff::Timestamp;

use super::{Group, Scaling, Sizes, Who};
use crate::{Refusal, ids};

/// Of one group (Auto Scaling user guide: quotas).
const MOST: usize = 125;

#[derive(Debug, Clone)]
pub struct ScheduledAction {
    pub arn: String,
    pub name: String,
    pub start: Timestamp,
    pub sizes: Sizes,
}

/// A request's part that does not name the group.
#[derive(Debug, Clone)]
pub struct NewAction {
    pub name: String,
    pub start: Timestamp,
    pub sizes: Sizes,
}

fn invalid(text: impl Into<String>) -> Refusal {
    Refusal::new("ValidationError", text)
}

impl Scaling {
    /// As PutScheduledUpdateGroupAction: makes one, or changes the one of that name. Texts: hashicorp/terraform-provider-aws#3033
    /// and TerraConstructs/base#127.
    ///
    /// # Errors
    /// Where the hour is past, or another action's; where there are too many, or nothing is to be changed.
    pub fn schedule(
        &mut self,
        region: &str,
        account: &str,
        group: &str,
        new: NewAction,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let group = self.group_mut(group)?;
        let NewAction { name, start, sizes } = new;
        if sizes.min.or(sizes.max).or(sizes.desired).is_none() {
            return Err(invalid(
                "At least one of the following properties must be specified: MaxSize, MinSize, or DesiredCapacity.",
            ));
        }
        if let (Some(min), Some(desired)) = (sizes.min, sizes.desired)
            && desired < min
        {
            return Err(invalid("Desired capacity must be greater than or equal to min size"));
        }
        if let (Some(min), Some(max)) = (sizes.min, sizes.max)
            && min > max
        {
            return Err(invalid(format!(
                "Max bound, {max}, must be greater than or equal to min bound, {min}"
            )));
        }
        if start <= now {
            return Err(invalid("Given start time is in the past"));
        }
        let others = group.scheduled.values().filter(|other| other.name != name);
        if others.clone().any(|other| other.start == start) {
            return Err(Refusal::new(
                "AlreadyExists",
                "Scheduled action with this scheduled start time already exists",
            ));
        }
        if others.count() >= MOST {
            return Err(Refusal::new(
                "LimitExceeded",
                format!("You've reached the quota of {MOST} scheduled actions for this Auto Scaling group."),
            ));
        }
        let arn = group.scheduled.get(&name).map(|former| former.arn.clone());
        let arn = arn.unwrap_or_else(|| {
            format!(
                "arn:aws:autoscaling:{region}:{account}:scheduledUpdateGroupAction:{}:autoScalingGroupName/{}:scheduledActionName/{name}",
                ids::uuid(),
                group.name
            )
        });
        let action = ScheduledAction {
            arn,
            name: name.clone(),
            start,
            sizes,
        };
        group.scheduled.insert(name, action);
        Ok(())
    }

    /// As DeleteScheduledAction.
    ///
    /// # Errors
    /// Where there is none of that name. In which words AWS says it no public source tells.
    pub fn unschedule(&mut self, group: &str, name: &str) -> Result<(), Refusal> {
        let gone = self.group_mut(group)?.scheduled.remove(name);
        gone.map(drop)
            .ok_or_else(|| invalid(format!("Scheduled action name not found - '{name}'")))
    }
}

impl Group {
    /// Does what is due; one that has run is gone ("scheduled actions that haven't run": API reference, DescribeScheduledActions).
    /// What is due while the process is suspended waits here; what AWS does with it is not told.
    pub(super) fn run_scheduled(&mut self, now: Timestamp) {
        if self.suspended.contains("ScheduledActions") {
            return;
        }
        let mut due: Vec<_> = self.scheduled.values().filter(|it| it.start <= now).cloned().collect();
        due.sort_by_key(|action| action.start);
        for action in due {
            self.scheduled.remove(&action.name);
            // Bounds that contradict the group's others leave it as it is.
            let _ = self.resize(action.sizes, Who::Schedule, now);
        }
    }

    /// Why CloudFormation does not replace its instances in batches, where actions are scheduled
    /// (aws-solutions/instance-scheduler-on-aws#705).
    pub(crate) fn not_rolling(&self) -> Option<String> {
        let named: Vec<_> = self.scheduled.keys().map(String::as_str).collect();
        let stands_in_the_way = !named.is_empty() && !self.suspended.contains("ScheduledActions");
        stands_in_the_way.then(|| {
            format!(
                "Autoscaling rolling updates cannot be performed because scheduled action(s) [{}] are currently associated \
                 with this autoscaling group; either delete these actions or suspend the ScheduledActions process and then \
                 retry the update.",
                named.join(",")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::super::tests::scaling;
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn sizes(min: i32, max: i32) -> Sizes {
        Sizes {
            min: Some(min),
            max: Some(max),
            desired: None,
        }
    }

    fn put(scaling: &mut Scaling, name: &str, minutes: i64, sizes: Sizes) -> Result<(), Refusal> {
        let new = NewAction {
            name: name.to_owned(),
            start: NOW + SignedDuration::from_mins(minutes),
            sizes,
        };
        scaling.schedule("us-east-1", "000000000000", "g", new, NOW)
    }

    #[test]
    fn a_group_is_larger_from_one_hour_to_another_and_what_has_run_is_gone() {
        let mut scaling = scaling();
        put(&mut scaling, "out", 10, sizes(6, 8)).unwrap();
        put(&mut scaling, "back", 70, sizes(2, 4)).unwrap();
        let group = scaling.group_mut("g").unwrap();
        let mut at = |minutes| {
            group.run_scheduled(NOW + SignedDuration::from_mins(minutes));
            (group.min, group.max, group.desired, group.scheduled.len())
        };
        assert_eq!(at(9), (2, 4, 2, 2));
        assert_eq!(at(10), (6, 8, 6, 1));
        assert_eq!(
            at(71),
            (2, 4, 4, 0),
            "what is above the maximum goes; the alarm takes the rest"
        );
        assert!(
            group
                .reason
                .contains("a scheduled action update of AutoScalingGroup constraints to min: 2, max: 4")
        );
    }

    #[test]
    fn an_hour_is_to_come_and_nobody_elses() {
        let mut scaling = scaling();
        let code = |put: Result<(), Refusal>| {
            put.map_err(|refusal| (refusal.code.to_string(), refusal.message))
                .unwrap_err()
        };
        let (past, text) = code(put(&mut scaling, "out", 0, sizes(6, 8)));
        assert_eq!(
            (past.as_str(), text.as_str()),
            ("ValidationError", "Given start time is in the past")
        );
        put(&mut scaling, "out", 10, sizes(6, 8)).unwrap();
        assert_eq!(code(put(&mut scaling, "back", 10, sizes(2, 4))).0, "AlreadyExists");
        // The same one may be put again, and moved.
        put(&mut scaling, "out", 10, sizes(7, 8)).unwrap();
        put(&mut scaling, "out", 20, sizes(7, 8)).unwrap();
        put(&mut scaling, "back", 10, sizes(2, 4)).unwrap();
        assert_eq!(
            code(put(&mut scaling, "none", 30, Sizes::default())).0,
            "ValidationError"
        );
        scaling.unschedule("g", "out").unwrap();
        assert!(scaling.unschedule("g", "out").is_err());
    }

    #[test]
    fn batches_wait_for_no_schedule() {
        let mut scaling = scaling();
        assert_eq!(scaling.group_mut("g").unwrap().not_rolling(), None);
        put(&mut scaling, "out", 10, sizes(6, 8)).unwrap();
        let group = scaling.group_mut("g").unwrap();
        assert!(group.not_rolling().unwrap().contains("[out] are currently associated"));
        group.suspended.insert("ScheduledActions".to_owned());
        assert_eq!(group.not_rolling(), None);
        group.run_scheduled(NOW + SignedDuration::from_hours(1));
        assert_eq!(group.scheduled.len(), 1);
    }
}
