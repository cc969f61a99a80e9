//! Simple scaling policies: what they make of the desired capacity, and the cooldown between two of them.
//! Must know nothing of alarms but their names. Source: Auto Scaling user guide, "Simple scaling policies" and "Scaling
//! cooldowns".

use jiff::{SignedDuration, Timestamp};

use super::{Group, Scaling};
use crate::{Refusal, clock};

/// Who runs a policy.
#[derive(Debug, Clone)]
pub enum Trigger {
    Alarm { name: String, state: String },
    User { honor_cooldown: bool },
}

/// After a policy has changed a group.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) enum Cooldown {
    #[default]
    None,
    /// Its activities go on; the time counts from their end.
    Scaling,
    Until(Timestamp),
}

/// What a policy makes of the desired capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adjustment {
    Change(i32),
    Exact(i32),
    /// Percent, and instances that it is at least.
    Percent(i32, i32),
}

impl Adjustment {
    /// Percentages round towards zero, but to one instance at least (guide: as-scaling-simple-step, "Scaling adjustment types").
    fn of(self, desired: i32) -> i32 {
        match self {
            Self::Change(instances) => desired.saturating_add(instances),
            Self::Exact(instances) => instances,
            Self::Percent(0, _) => desired,
            Self::Percent(percent, least) => {
                let part = i64::from(desired) * i64::from(percent) / 100;
                let size = part.abs().max(least.max(1).into()) * i64::from(percent.signum());
                i32::try_from(i64::from(desired) + size).unwrap_or(desired)
            }
        }
    }
}

impl Cooldown {
    fn is_over(self, now: Timestamp) -> bool {
        match self {
            Self::None => true,
            Self::Scaling => false,
            Self::Until(time) => now >= time,
        }
    }
}

/// # Errors
/// `ScalingActivityInProgress` while the group scales or cools down (text:
/// github.com/TwiN/aws-eks-asg-rolling-update-handler/issues/16, which met it with all instances there).
pub fn check_cooldown(scaling: &Scaling, group: &Group, now: Timestamp) -> Result<(), Refusal> {
    if !scaling.is_scaling(&group.name) && group.cooling.is_over(now) {
        return Ok(());
    }
    let activities = scaling.activities.iter().filter(|it| it.group == group.name);
    let newest = activities.max_by_key(|it| it.started).map(|it| it.id.as_str());
    let message = format!(
        "Scaling activity {} is in progress and blocks this action",
        newest.unwrap_or_default()
    );
    Err(Refusal::new("ScalingActivityInProgress", message))
}

/// Runs a policy. One of an alarm is ignored while the group cools down, is still scaling or would leave its bounds.
///
/// # Errors
/// An unknown policy; for a user who honours the cooldown, that there is one.
pub fn execute(scaling: &mut Scaling, policy: &str, trigger: &Trigger, now: Timestamp) -> Result<(), Refusal> {
    let policy = scaling.policies.get(policy).cloned().ok_or_else(|| unknown(policy))?;
    let cooled = match scaling.groups.get(&policy.group) {
        Some(group) => check_cooldown(scaling, group, now),
        None => Ok(()),
    };
    let group = scaling.group_mut(&policy.group)?;
    match trigger {
        Trigger::Alarm { .. } if cooled.is_err() || group.suspended.contains("AlarmNotification") => return Ok(()),
        Trigger::User { honor_cooldown: true } => cooled?,
        _ => {}
    }
    let desired = policy.adjustment.of(group.desired).clamp(group.min, group.max);
    // A group at its bounds stays, without an activity.
    if desired == group.desired {
        return Ok(());
    }
    let (time, from, name) = (clock::seconds_text(now), group.desired, &policy.name);
    let cause = match trigger {
        Trigger::Alarm { name: alarm, state } => format!(
            "At {time} a monitor alarm {alarm} in state {state} triggered policy {name} changing the desired capacity \
             from {from} to {desired}."
        ),
        Trigger::User { .. } => format!(
            "At {time} a user request executed policy {name} changing the desired capacity from {from} to {desired}."
        ),
    };
    group.want(desired, cause);
    group.cooling = Cooldown::Scaling;
    Ok(())
}

pub(super) fn unknown(policy: &str) -> Refusal {
    Refusal::new(
        "ValidationError",
        format!("ScalingPolicy name not found - Policy '{policy}' not found"),
    )
}

/// Begins the cooldown when what a policy has set off is done: with the launch, or after draining and termination.
pub(super) fn cool(group: &mut Group, is_scaling: bool, now: Timestamp) {
    let serving = i32::try_from(group.serving().count()).unwrap_or(i32::MAX);
    if group.cooling == Cooldown::Scaling && !is_scaling && serving == group.desired {
        group.cooling = Cooldown::Until(now + SignedDuration::from_secs(group.cooldown.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LaunchSource, NewGroup};
    use super::*;
    use crate::Tags;
    use crate::compute::InstanceSpec;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    /// A group of two to four that has what it wants, and a policy that adds one.
    fn scaling() -> (Scaling, String) {
        let mut scaling = Scaling::default();
        let new = NewGroup {
            name: "group".to_owned(),
            min: 2,
            max: 4,
            cooldown: 360,
            subnets: Vec::new(),
            zones: Vec::new(),
            spec: InstanceSpec::default(),
            launch: LaunchSource::Configuration("configuration".to_owned()),
            target_groups: Vec::new(),
            tags: Tags::new(),
            on_launch: None,
        };
        scaling.create_group("us-east-1", "000000000000", new, at(0));
        let policy = scaling.create_policy("us-east-1", "000000000000", "group", "up", Adjustment::Change(1));
        (scaling, policy)
    }

    fn alarm() -> Trigger {
        Trigger::Alarm {
            name: "high".to_owned(),
            state: "ALARM".to_owned(),
        }
    }

    fn desired(scaling: &Scaling) -> i32 {
        scaling.groups["group"].desired
    }

    /// As the keeper does when all instances are there.
    fn settle(scaling: &mut Scaling, now: Timestamp) {
        let group = scaling.groups.get_mut("group").unwrap();
        // The test's group has no members: it is settled by its word.
        group.cooling = Cooldown::Until(now + SignedDuration::from_secs(group.cooldown.into()));
    }

    #[test]
    fn an_alarm_that_lasts_scales_again_only_after_the_cooldown_that_counts_from_the_end_of_the_launch() {
        let (mut scaling, policy) = scaling();
        execute(&mut scaling, &policy, &alarm(), at(60)).unwrap();
        execute(&mut scaling, &policy, &alarm(), at(120)).unwrap();
        assert_eq!(desired(&scaling), 3, "it scaled again while it was scaling");
        let group = scaling.groups.get_mut("group").unwrap();
        cool(group, true, at(130));
        assert_eq!(group.cooling, Cooldown::Scaling);
        settle(&mut scaling, at(200));
        execute(&mut scaling, &policy, &alarm(), at(559)).unwrap();
        assert_eq!(desired(&scaling), 3, "it scaled within the cooldown");
        execute(&mut scaling, &policy, &alarm(), at(560)).unwrap();
        assert_eq!(desired(&scaling), 4);
        settle(&mut scaling, at(600));
        execute(&mut scaling, &policy, &alarm(), at(1200)).unwrap();
        assert_eq!(desired(&scaling), 4, "it left its bounds");
    }

    #[test]
    fn a_user_is_told_of_the_cooldown_only_if_he_honours_it() {
        let (mut scaling, policy) = scaling();
        let user = |honor_cooldown| Trigger::User { honor_cooldown };
        execute(&mut scaling, &policy, &user(true), at(60)).unwrap();
        let refused = execute(&mut scaling, &policy, &user(true), at(120)).unwrap_err();
        assert_eq!(refused.code, "ScalingActivityInProgress");
        execute(&mut scaling, &policy, &user(false), at(120)).unwrap();
        assert_eq!(desired(&scaling), 4);
        let unknown = execute(&mut scaling, "down", &user(false), at(120)).unwrap_err();
        assert_eq!(unknown.code, "ValidationError");
    }

    #[test]
    fn percentages_round_towards_zero_but_to_one_instance_at_least() {
        let percent = |percent, least, desired| Adjustment::Percent(percent, least).of(desired);
        assert_eq!([percent(10, 0, 4), percent(-10, 0, 4)], [5, 3]);
        assert_eq!([percent(50, 0, 5), percent(-67, 0, 10)], [7, 4]);
        assert_eq!([percent(10, 2, 4), percent(0, 2, 4)], [6, 4]);
        assert_eq!(Adjustment::Exact(3).of(2), 3);
    }

    #[test]
    fn a_group_whose_alarm_notifications_are_suspended_hears_no_alarm() {
        let (mut scaling, policy) = scaling();
        let group = scaling.groups.get_mut("group").unwrap();
        group.suspended.insert("AlarmNotification".to_owned());
        execute(&mut scaling, &policy, &alarm(), at(60)).unwrap();
        assert_eq!(desired(&scaling), 2);
    }
}
