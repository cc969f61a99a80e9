//! An event in a second: people who come when they come, try again when they are turned away, and meet instances, a table and a group
//! that grows by its alarm. The same seed gives the same event.
//! Must know nothing of AWS's calls, of profiles and of the terminal. Time is a number of seconds.

mod agenda;
mod group;
mod instance;
mod people;
mod run;
mod table;

pub use run::run;

use serde::Serialize;

/// Who comes to what.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scenario {
    pub people: u32,
    /// Seconds within which they come, at random moments.
    pub within: f64,
    /// How much denser than the average they come at first, when they are told to; from there on it thins out. One: evenly, as `load`
    /// lets them come.
    pub burst: f64,
    /// How long one looks at the page, on average.
    pub think: f64,
    /// After how many seconds in vain one leaves, on average; `None`: when the page has given up.
    pub patience: Option<f64>,
    pub site: Site,
    pub policy: Policy,
    pub seed: u64,
}

/// What an instance and the table can do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Site {
    /// Processors of an instance, each with a line of its own.
    pub processors: u32,
    /// Seconds of a processor that a registration takes; that a page takes where no edge gives it.
    pub registration: f64,
    pub page: f64,
    /// How much of a registration it takes to turn somebody away.
    pub turning_away: f64,
    /// Registrations under way in an instance at one time.
    pub in_flight: u32,
    /// Seconds to the site and back, beside what it takes there.
    pub distance: f64,
    pub has_edge: bool,
    /// Seconds of a write, on average.
    pub write: f64,
    /// Writes a second that the table takes.
    pub writes: f64,
}

/// How many instances there are, and when that changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Policy {
    pub name: String,
    pub least: u32,
    pub most: u32,
    /// Seconds of a period of the alarm, and how many must agree.
    pub period: f64,
    pub evaluations: u32,
    /// Seconds until a measurement is seen.
    pub delay: f64,
    /// Percent of CPU, on average over the group.
    pub upper: f64,
    pub lower: f64,
    pub increment: u32,
    pub cooldown: f64,
    /// Seconds from the decision to an instance that serves: launch, start, and good health checks.
    pub launch: f64,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    pub policy: String,
    pub people: u32,
    pub accepted: u32,
    /// Who tried as often as the page does and did not get in, and who left before.
    pub gave_up: u32,
    pub abandoned: u32,
    /// Answers 503.
    pub shed: u64,
    /// Seconds from the press of the button to the answer that one is in.
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
    pub slowest: f64,
    /// When somebody was first turned away, and when the last was.
    pub first_shed: Option<f64>,
    pub last_shed: Option<f64>,
    /// Instances that serve, from each of these moments on.
    pub instances: Vec<(f64, u32)>,
    /// When the last person was done.
    pub over: f64,
    /// Registrations that were accepted in each second.
    pub by_second: Vec<u32>,
}

impl Outcome {
    pub fn all_in(&self) -> bool {
        self.accepted == self.people
    }

    pub fn most_instances(&self) -> u32 {
        self.instances.iter().map(|(_, count)| *count).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
