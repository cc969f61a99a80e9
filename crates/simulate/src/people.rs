//! How people behave: as the page's script does, eight times, after what the site said and a random part of their own.
//! Knows nothing of the site.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Tries of one person.
pub(crate) const TRIES: u32 = 8;
/// The share of a write that each takes.
const ALWAYS: f64 = 0.75;
/// `Retry-After` of the app.
const RETRY_AFTER: f64 = 2.0;

/// The chance of a run, all of it.
#[derive(Debug)]
pub(crate) struct Chance(StdRng);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// From 0 to below 1.
    pub(crate) fn part(&mut self) -> f64 {
        self.0.random()
    }

    /// When somebody comes, of whom so many times more come at the beginning than on average. With that density of b at the
    /// beginning, (1 - t)^(b - 1) of it is left at t.
    pub(crate) fn arrival(&mut self, within: f64, burst: f64) -> f64 {
        within * (1.0 - (1.0 - self.part()).powf(1.0 / burst.max(1.0)))
    }

    /// From half to one and a half of it.
    pub(crate) fn around(&mut self, mean: f64) -> f64 {
        mean * (0.5 + self.part())
    }

    /// How long a write takes: the most of it always, and a long end. (Assumed; how far DynamoDB's spread is published nowhere. Of an
    /// exponential one alone the 99th percentile is five times the mean.)
    pub(crate) fn write(&mut self, mean: f64) -> f64 {
        mean * (ALWAYS - (1.0 - ALWAYS) * (1.0 - self.part()).ln())
    }

    /// How long one who was turned away waits before the next try.
    pub(crate) fn pause(&mut self, tried: u32) -> f64 {
        let spread = f64::from(2_u32.pow(tried.min(10)).min(10));
        RETRY_AFTER + self.part() * spread
    }
}
