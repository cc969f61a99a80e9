//! Simple scaling policies: what they make of the desired capacity, and the cooldown between two of them.
//! Must know nothing of alarms but their names. Source: Auto Scaling user guide, "Simple scaling policies" and "Scaling
//! cooldowns".

use jiff::{SignedDuration, Timestamp};

use super::{Group, Scaling};
use crate::world::{Refusal, clock};

/// Who runs a policy.
#[derive(Debug, Clone)]
pub(crate) enum Trigger {
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

impl Cooldown {
    fn is_over(self, now: Timestamp) -> bool {
        match self {
            Self::None => true,
            Self::Scaling => false,
            Self::Until(time) => now >= time,
        }
    }
}

/// Runs a policy. One of an alarm is ignored while the group cools down, is still scaling or would leave its bounds.
///
/// # Errors
/// An unknown policy; for a user who honours the cooldown, that there is one.
pub(crate) fn execute(scaling: &mut Scaling, policy: &str, trigger: &Trigger, now: Timestamp) -> Result<(), Refusal> {
    let unknown = || {
        Refusal::new(
            "ValidationError",
            format!("ScalingPolicy name not found - Policy '{policy}' not found"),
        )
    };
    let policy = scaling.policies.get(policy).cloned().ok_or_else(unknown)?;
    let scales = scaling.is_scaling(&policy.group);
    let group = scaling.group_mut(&policy.group)?;
    let blocked = scales || !group.cooling.is_over(now);
    match trigger {
        Trigger::Alarm { .. } if blocked || group.suspended.contains("AlarmNotification") => return Ok(()),
        Trigger::User { honor_cooldown: true } if blocked => {
            return Err(Refusal::new(
                "ScalingActivityInProgress",
                format!("Cooldown is in effect for AutoScalingGroup {}", group.name),
            ));
        }
        _ => {}
    }
    let desired = (group.desired + policy.adjustment).clamp(group.min, group.max);
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

/// Begins the cooldown when what a policy has set off is done: with the launch, or after draining and termination.
pub(super) fn cool(group: &mut Group, is_scaling: bool, now: Timestamp) {
    let serving = i32::try_from(group.serving().count()).unwrap_or(i32::MAX);
    if group.cooling == Cooldown::Scaling && !is_scaling && serving == group.desired {
        group.cooling = Cooldown::Until(now + SignedDuration::from_secs(group.cooldown.into()));
    }
}
