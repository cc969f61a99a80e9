//! A test begins from rest, else what it sees is not its own doing; and it must know what the site itself takes.
//! Reads only.

use std::time::Duration;

use tokio::time::Instant;

use crate::aws::{Aws, aws_time};
use crate::engine::{Error, Hint, Settings};
use crate::group::Group;
use crate::readings::{self, Reading};

/// Between two readings, in AWS's time.
const EVERY: Duration = Duration::from_secs(30);

/// Two averages in a row that differ by less are a site at rest. Percent.
const STEADY: f64 = 5.0;

/// Periods after which the newest average has to do.
const PATIENCE: f64 = 5.0;

/// # Errors
/// Where the group moves already.
pub fn at_rest(group: &Group, seen: &Reading) -> Result<(), Error> {
    let wait = Hint::from("wait until it rests (")
        .and_run("status")
        .and("), then again");
    if seen.high.is_on() {
        return Err(Error::refused("the alarm is on already: the group is scaling out without our doing").hint(wait));
    }
    if seen.in_service != seen.desired || seen.in_service == 0 {
        let text = format!(
            "the group is changing: {} of {} instances are in service",
            seen.in_service, seen.desired
        );
        return Err(Error::refused(text).hint(wait));
    }
    if seen.in_service > group.min && seen.low.as_ref().is_some_and(readings::Alarm::is_on) {
        let text = format!(
            "the group is on its way from {} to {} instances",
            seen.in_service, group.min
        );
        return Err(Error::refused(text).hint(wait));
    }
    Ok(())
}

/// The last hours until now.
pub async fn look(aws: &Aws, environment: &str, group: &Group) -> Result<Reading, Error> {
    let now = aws_time::now(aws, environment).await?;
    readings::read(
        aws,
        environment,
        group,
        &[],
        now - 6.0 * f64::from(group.out.period()),
        now,
    )
    .await
}

/// What the site takes by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Idle {
    pub percent: f64,
    /// Whether two averages in a row agreed; if not, it is the newest one.
    pub steady: bool,
}

/// Percent of CPU that the site takes by itself. A launch, or a former test, is still in the newest averages: so two of them must
/// agree that began after the last of it. Each reading that does not settle it is told.
///
/// # Errors
/// Where the group moves, AWS does not say, or the run is stopped.
pub async fn idle(
    aws: &Aws,
    settings: &Settings,
    environment: &str,
    group: &Group,
    mut told: impl FnMut(&Reading),
) -> Result<Idle, Error> {
    let pace = settings.pace;
    let patience = Duration::from_secs_f64(PATIENCE * f64::from(group.out.period()));
    let give_up = Instant::now() + pace.limit(patience);
    loop {
        let seen = look(aws, environment, group).await?;
        at_rest(group, &seen)?;
        if let Some(percent) = steady(&seen) {
            return Ok(Idle { percent, steady: true });
        }
        if Instant::now() >= give_up {
            let percent = seen.cpu.last().map_or(0.0, |(_, percent)| *percent);
            return Ok(Idle { percent, steady: false });
        }
        told(&seen);
        tokio::select! {
            () = tokio::time::sleep(pace.interval(EVERY)) => {}
            () = settings.stop.cancelled() => return Err(Error::stopped().hint("nothing was burned")),
        }
    }
}

fn steady(seen: &Reading) -> Option<f64> {
    let [.., (began, before), (_, newest)] = seen.cpu.as_slice() else {
        return None;
    };
    let moved = seen
        .activities
        .iter()
        .map(|step| step.shown.to.unwrap_or(f64::INFINITY))
        .fold(0.0, f64::max);
    (*began >= moved && (newest - before).abs() < STEADY).then_some(*newest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readings::{Alarm, End, Step};
    use crate::report::stress::Activity;

    fn seen(cpu: &[(f64, f64)], launched: f64) -> Reading {
        let shown = Activity {
            description: String::new(),
            cause: String::new(),
            status: String::new(),
            from: 0.0,
            to: Some(launched),
            adds: true,
        };
        Reading {
            cpu: cpu.to_vec(),
            high: Alarm {
                state: "OK".into(),
                since: 0.0,
            },
            low: None,
            in_service: 2,
            desired: 2,
            activities: vec![Step {
                id: "1".into(),
                shown,
                alarm: None,
                end: End::Successful,
            }],
            health: None,
            burn: None,
        }
    }

    #[test]
    fn the_tail_of_a_former_test_is_not_what_the_site_takes() {
        assert_eq!(steady(&seen(&[(300.0, 65.0), (600.0, 16.0)], 100.0)), None);
        assert_eq!(steady(&seen(&[(600.0, 16.0), (900.0, 0.4)], 100.0)), None);
        assert_eq!(steady(&seen(&[(900.0, 0.4), (1200.0, 0.3)], 1000.0)), None);
        assert_eq!(steady(&seen(&[(900.0, 0.4), (1200.0, 0.3)], 800.0)), Some(0.3));
        assert_eq!(steady(&seen(&[(900.0, 0.4)], 800.0)), None);
    }
}
