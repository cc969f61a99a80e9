//! How long it still takes, and what it took, in words. One forecast for whichever sink shows it.
//! Must know nothing of what the steps do.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::engine::{Event, Forecast, Leg, Remaining, ResourceId};

/// The forecast of the run that goes on.
#[derive(Default)]
pub(super) struct Progress(Mutex<Forecast>);

/// What is left at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Left {
    /// Of the step that is spoken of.
    pub step: Option<Remaining>,
    /// Of the run, in seconds.
    pub run: Option<f64>,
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, Forecast> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of what happened, and says what is left then.
    pub(super) fn hear(&self, event: &Event) -> Left {
        let now = Instant::now();
        self.lock().hear(event, now);
        match event {
            Event::Started { resource, .. } | Event::Progress { resource, .. } => self.left(resource),
            _ => Left {
                step: None,
                run: self.lock().run(now),
            },
        }
    }

    pub(super) fn left(&self, resource: ResourceId) -> Left {
        let now = Instant::now();
        let mut forecast = self.lock();
        Left {
            step: forecast.of(resource, now),
            run: forecast.run(now),
        }
    }

    /// Seconds of the run.
    pub(super) fn run(&self) -> Option<f64> {
        self.lock().run(Instant::now())
    }

    pub(super) fn is_over(&self) -> bool {
        self.lock().is_over()
    }
}

impl Left {
    /// ` (about 3m10s left, 6m40s of the run)`, or nothing.
    pub(super) fn in_a_line(self) -> String {
        let step = self.step.map(|step| match step {
            Remaining::About(seconds) => format!("about {} left", about(seconds)),
            Remaining::Longer(seconds) => format!("{} longer than usual", about(seconds)),
        });
        let run = self.run.map(|seconds| match step.is_some() {
            true => format!("the run about {}", about(seconds)),
            false => format!("about {} left", about(seconds)),
        });
        match (step, run) {
            (None, None) => String::new(),
            (step, run) => format!(" ({})", step.into_iter().chain(run).collect::<Vec<_>>().join("; ")),
        }
    }

    /// Members of an object for programs.
    pub(super) fn add_to(self, value: &mut Value) {
        let Value::Object(object) = value else { return };
        match self.step {
            Some(Remaining::About(seconds)) => {
                object.insert("remaining_seconds".to_owned(), json!(seconds.round()));
            }
            Some(Remaining::Longer(seconds)) => {
                object.insert("remaining_seconds".to_owned(), json!(0.0));
                object.insert("longer_than_usual_seconds".to_owned(), json!(seconds.round()));
            }
            None => {}
        }
        if let Some(seconds) = self.run {
            object.insert("run_remaining_seconds".to_owned(), json!(seconds.round()));
        }
    }
}

/// `~4m20s`, or `+50s` beyond what is usual; for a column of 7.
pub(super) fn column(remaining: Option<Remaining>) -> String {
    match remaining {
        Some(Remaining::About(seconds)) => format!("~{}", about(seconds).replace(' ', "")),
        Some(Remaining::Longer(seconds)) => format!("+{}", about(seconds).replace(' ', "")),
        None => String::new(),
    }
}

/// As exact as an estimate is: `5 s`, `40 s`, `4m20s`, `1h05m`.
pub(super) fn about(seconds: f64) -> String {
    let to = |step: f64| ((seconds / step).ceil() * step) as u64;
    match seconds {
        ..=1.0 => "1 s".to_owned(),
        ..=5.0 => long(seconds.ceil() as u64),
        ..=60.0 => long(to(5.0)),
        ..=600.0 => long(to(10.0)),
        _ => long(to(60.0)),
    }
}

/// What was measured: `0.4 s`, `6 s`, `62 s`, `4m20s`.
fn measured(seconds: f64) -> String {
    match seconds {
        ..3.0 => format!("{seconds:.1} s"),
        _ => long(seconds.round() as u64),
    }
}

fn long(seconds: u64) -> String {
    match seconds {
        0..100 => format!("{seconds} s"),
        100..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// `took 7m18s; critical path: version 6 s → environment until its origin 62 s → distribution 4m20s`. What is shorter than a
/// hundredth of the whole is left out.
pub(super) fn took(seconds: f64, legs: &[Leg]) -> String {
    let whole = measured(seconds);
    let told = legs.iter().filter(|leg| leg.seconds * 100.0 >= seconds);
    let told: Vec<_> = told.map(leg).collect();
    match told.is_empty() {
        true => format!("took {whole}"),
        false => format!("took {whole}; critical path: {}", told.join(" → ")),
    }
}

fn leg(leg: &Leg) -> String {
    let seconds = measured(leg.seconds);
    // `environment.origin`: whose it is was just said.
    match leg.until.map(|output| output.rsplit('.').next().unwrap_or(output)) {
        Some(output) => format!("{} until its {output} {seconds}", leg.resource),
        None => format!("{} {seconds}", leg.resource),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_is_as_exact_as_it_can_be() {
        let all = [0.2, 3.4, 42.0, 63.0, 257.0, 1234.0, 4000.0].map(about);
        assert_eq!(all, ["1 s", "4 s", "45 s", "70 s", "4m20s", "21m00s", "1h07m"]);
        assert!(all.iter().all(|text| text.len() <= 6));
    }

    #[test]
    fn a_run_says_what_its_length_came_from() {
        let leg = |resource, until, seconds| Leg {
            resource,
            title: String::new(),
            until,
            seconds,
        };
        let legs = [
            leg("application", None, 0.3),
            leg("app-version", None, 6.2),
            leg("environment", Some("environment.origin"), 62.0),
            leg("distribution", None, 260.4),
        ];
        insta::assert_snapshot!(took(438.0, &legs), @"took 7m18s; critical path: app-version 6 s → environment until its origin 62 s → distribution 4m20s");
        assert_eq!(took(1.26, &[]), "took 1.3 s");
    }

    #[test]
    fn what_is_left_is_said_of_the_step_and_of_the_run() {
        let left = |step, run| Left { step, run }.in_a_line();
        assert_eq!(
            left(Some(Remaining::About(190.0)), Some(400.0)),
            " (about 3m10s left; the run about 6m40s)"
        );
        assert_eq!(left(Some(Remaining::Longer(50.0)), None), " (50 s longer than usual)");
        assert_eq!(left(None, Some(30.0)), " (about 30 s left)");
        assert_eq!(left(None, None), "");
    }
}
