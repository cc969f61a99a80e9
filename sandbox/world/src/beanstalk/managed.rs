//! Managed actions: the platform update that is due where managed updates are on.
//! Must know nothing of how an update is done; and nothing is ever applied by itself here, the window only is told.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp, civil::Weekday, tz::TimeZone};

use super::environments::{self, Caller, EnvironmentUpdate};
use super::{Environment, Reference, catalogue, platforms};
use crate::{Refusal, World};

/// A platform update that waits for its window.
#[derive(Debug, Clone, PartialEq)]
pub struct ManagedAction {
    pub id: String,
    pub description: String,
    pub window: Timestamp,
    /// ARN of the platform version that it brings.
    platform_arn: String,
}

/// The newest version of the environment's branch, if it is not that already and its step is small enough for the
/// level that was chosen.
fn due(environment: &Environment, region: &str, now: Timestamp) -> Option<ManagedAction> {
    let settings = &environment.settings;
    if !settings.is_true(catalogue::MANAGED, "ManagedActionsEnabled") {
        return None;
    }
    let newest = platforms::all(region)
        .into_iter()
        .find(|it| it.branch == environment.platform.branch && it.recommended)?;
    if newest.version == environment.platform.version {
        return None;
    }
    let minor = |version: &str| version.rsplit_once('.').map(|(minor, _)| minor.to_owned());
    let only_patches = settings.get(catalogue::PLATFORM_UPDATE, "UpdateLevel") != Some("minor");
    if only_patches && minor(newest.version) != minor(environment.platform.version) {
        return None;
    }
    Some(ManagedAction {
        id: format!("platform-update-{}-to-{}", environment.id, newest.version),
        description: format!("Update the platform to version {}.", newest.version),
        window: window(settings.get(catalogue::MANAGED, "PreferredStartTime"), now),
        platform_arn: newest.arn,
    })
}

/// The next `Tue:09:00` (UTC) after now.
fn window(preferred: Option<&str>, now: Timestamp) -> Timestamp {
    let (day, time) = preferred
        .unwrap_or("Tue:09:00")
        .split_once(':')
        .unwrap_or(("Tue", "09:00"));
    let days = [
        ("Sun", Weekday::Sunday),
        ("Mon", Weekday::Monday),
        ("Tue", Weekday::Tuesday),
        ("Wed", Weekday::Wednesday),
        ("Thu", Weekday::Thursday),
        ("Fri", Weekday::Friday),
        ("Sat", Weekday::Saturday),
    ];
    let day = days
        .iter()
        .find(|(name, _)| *name == day)
        .map_or(Weekday::Tuesday, |(_, day)| *day);
    let (hour, minute) = time.split_once(':').unwrap_or(("9", "0"));
    let number = |text: &str| text.parse::<i8>().unwrap_or_default();
    let today = TimeZone::UTC.to_datetime(now).date().at(0, 0, 0, 0);
    let time = SignedDuration::from_mins(i64::from(number(hour)) * 60 + i64::from(number(minute)));
    let candidates = (0..8).filter_map(|days| {
        let at = today.saturating_add(SignedDuration::from_hours(24 * days) + time);
        let at = (at.weekday() == day).then(|| TimeZone::UTC.to_timestamp(at).ok())??;
        (at > now).then_some(at)
    });
    candidates.min().unwrap_or(now)
}

/// As DescribeEnvironmentManagedActions.
pub fn pending(world: &World, caller: &Caller, reference: &Reference) -> Result<Option<ManagedAction>, Refusal> {
    let now = world.clock.now();
    let mut state = world.lock();
    let beanstalk = &state.region(&caller.region).beanstalk;
    let id = beanstalk.find(reference)?;
    let environment = beanstalk.environments.get(&id);
    Ok(environment.and_then(|it| due(it, &caller.region, now)))
}

/// As ApplyEnvironmentManagedAction: does it now instead of in its window.
pub fn apply(
    world: &Arc<World>,
    caller: &Caller,
    reference: &Reference,
    action_id: &str,
) -> Result<ManagedAction, Refusal> {
    let action = pending(world, caller, reference)?.filter(|action| action.id == action_id);
    let action = action.ok_or_else(|| {
        Refusal::new(
            "InvalidRequestException",
            format!("No scheduled managed action with the id {action_id} found."),
        )
    })?;
    let update = EnvironmentUpdate {
        platform_arn: Some(action.platform_arn.clone()),
        ..EnvironmentUpdate::default()
    };
    environments::update(world, caller, reference, update)
        .map_err(|refusal| Refusal::new("ManagedActionInvalidStateException", refusal.message))?;
    Ok(action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_the_next_of_its_day_and_hour() {
        let wednesday: Timestamp = "2026-11-25T10:30:00Z".parse().unwrap();
        assert_eq!(window(Some("Wed:10:31"), wednesday).to_string(), "2026-11-25T10:31:00Z");
        assert_eq!(window(Some("Wed:10:30"), wednesday).to_string(), "2026-12-02T10:30:00Z");
        assert_eq!(window(None, wednesday).to_string(), "2026-12-01T09:00:00Z");
    }
}
