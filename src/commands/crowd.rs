//! Who comes to the event, as `capacity` and `simulate` are told: one set of arguments, and one help.
//! Must know nothing of what either makes of it.

use std::time::Duration;

use clap::Args;

use crate::cli::duration;
use crate::engine::{Error, Hint, Kind};
use crate::profile::Profile;
use crate::session::event::{BURST, denser};

#[derive(Debug, Clone, Args)]
pub(crate) struct CrowdArgs {
    /// How many people come [default: event.people]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub people: Option<u32>,

    /// Within which time they arrive [default: event.within]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub within: Option<Duration>,

    /// How much denser than the average they come at first, when they are told to; 1: evenly, as `load` lets them come
    #[arg(long, default_value_t = BURST, value_name = "FACTOR", value_parser = denser)]
    pub burst: f64,

    /// Registrations a second of one instance [default: as `load` recorded it, else assumed]
    #[arg(long, value_name = "N")]
    pub rate: Option<f64>,
}

impl CrowdArgs {
    /// # Errors
    /// Where nobody says it, with a command that does.
    pub(super) fn people(&self, profile: &Profile, by_command: Hint) -> Result<u32, Error> {
        self.people.or(profile.event.people).ok_or_else(|| {
            Error::new(Kind::Usage, "how many people come?").hint(by_command.and(", or set `event.people`"))
        })
    }

    /// Seconds.
    pub(super) fn within(&self, profile: &Profile) -> f64 {
        self.within
            .map_or(f64::from(profile.event.within), |within| within.as_secs_f64())
    }

    /// # Errors
    /// Where it is no rate.
    pub(super) fn rate(&self) -> Result<Option<f64>, Error> {
        self.rate.map(|rate| above_zero(rate, "--rate")).transpose()
    }
}

/// # Errors
/// Where it is not.
pub(super) fn above_zero(value: f64, name: &str) -> Result<f64, Error> {
    match value.is_finite() && value > 0.0 {
        true => Ok(value),
        false => Err(Error::new(Kind::Usage, format!("{name} is to be above zero"))),
    }
}
