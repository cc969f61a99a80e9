//! A canary: which parts of the visitors a version gets before all of them, by which weights, and what decides on each part.
//! Must know nothing of calls.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use crate::aws::services::load_balancing::Action;

/// The largest part that one environment gets while the other one still counts as the one that is served.
pub const LARGEST_PART: u32 = 50;

/// CloudWatch has a minute's figures of a load balancer some time after it. How long no source says: this is inferred.
const PUBLISHED: Duration = Duration::from_secs(120);

/// How visitors are sent over part by part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canary {
    /// Percent of the visitors, rising, from 1 to [`LARGEST_PART`].
    pub parts: Vec<u32>,
    /// How long each part is looked at, in AWS's time.
    pub evaluate: Duration,
    pub most_errors: Share,
}

/// A share of answers, in hundredths of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share(pub u32);

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", f64::from(self.0) / 100.0)
    }
}

/// What came to a target group.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Figures {
    pub requests: f64,
    /// Of them, those that a target answered with 5xx.
    pub errors: f64,
}

impl Figures {
    /// Percent.
    fn share(&self) -> f64 {
        match self.requests > 0.0 {
            true => self.errors * 100.0 / self.requests,
            false => 0.0,
        }
    }
}

/// `3 of 120 requests (2.5 %) answered with 5xx`
impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.requests > 0.0 {
            false => write!(f, "no request"),
            true => write!(
                f,
                "{} of {} requests ({:.1} %) answered with 5xx",
                self.errors,
                self.requests,
                self.share()
            ),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    /// Nobody came: it was tried by nobody.
    Untried,
    Bad,
}

impl Canary {
    /// After which time, in AWS's, it is seen how a part was answered.
    pub(super) fn seen_in(&self) -> Duration {
        self.evaluate + PUBLISHED
    }

    /// The parts that are still to be looked at, where it has one of them already: that one is looked at again, as nobody knows for how
    /// long it was.
    pub(super) fn from(&self, standing: u32) -> impl Iterator<Item = u32> {
        self.parts.iter().copied().filter(move |part| *part >= standing)
    }

    /// Worse than it may be, and worse than what is served meanwhile.
    pub(super) fn verdict(&self, new: &Figures, served: &Figures) -> Verdict {
        let most = f64::from(self.most_errors.0) / 100.0;
        match new.requests > 0.0 {
            false => Verdict::Untried,
            true if new.share() > most && new.share() > served.share() => Verdict::Bad,
            true => Verdict::Good,
        }
    }
}

/// `10 % and 50 % of them first, for 5m each`
impl fmt::Display for Canary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> = self.parts.iter().map(|part| format!("{part} %")).collect();
        let minutes = self.evaluate.as_secs().div_ceil(60);
        write!(f, "{} of them first, for {minutes}m each", parts.join(" and "))
    }
}

/// Sends so many percent of the visitors to the second target group. The first one weighs a little more even where both have the same
/// part: of two that visitors are sent to, the larger weight tells which one is served.
pub(super) fn divided(served: &str, tried: &str, percent: u32) -> Action {
    Action::split(&[(served, 1001 - percent * 10), (tried, percent * 10)])
}

/// What part of all the weights it is, in percent.
pub(super) fn percent(weight: u32, all: u32) -> u32 {
    (weight * 100 + all / 2) / all.max(1)
}

/// A run sent visitors back by itself.
#[derive(Debug, Error)]
#[error("{0}")]
pub(super) struct SentBack(pub String);

/// Whether visitors were sent back because of what they were answered.
pub fn was_sent_back(error: &crate::engine::Error) -> bool {
    let source = std::error::Error::source(error);
    source.is_some_and(|source| source.is::<SentBack>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canary() -> Canary {
        Canary {
            parts: vec![10, 25, 50],
            evaluate: Duration::from_secs(300),
            most_errors: Share(100),
        }
    }

    fn figures(errors: f64, requests: f64) -> Figures {
        Figures { requests, errors }
    }

    #[test]
    fn a_version_is_bad_where_it_is_worse_than_allowed_and_worse_than_the_one_that_is_served() {
        let verdict = |new: (f64, f64), served: (f64, f64)| {
            canary().verdict(&figures(new.0, new.1), &figures(served.0, served.1))
        };
        assert_eq!(verdict((0.0, 100.0), (0.0, 900.0)), Verdict::Good);
        assert_eq!(
            verdict((1.0, 100.0), (0.0, 900.0)),
            Verdict::Good,
            "as many as are allowed"
        );
        assert_eq!(verdict((2.0, 100.0), (0.0, 900.0)), Verdict::Bad);
        assert_eq!(
            verdict((2.0, 100.0), (0.0, 0.0)),
            Verdict::Bad,
            "nobody came to the other"
        );
        assert_eq!(
            verdict((5.0, 100.0), (45.0, 900.0)),
            Verdict::Good,
            "both alike: it is not the version"
        );
        assert_eq!(verdict((6.0, 100.0), (45.0, 900.0)), Verdict::Bad);
        assert_eq!(verdict((0.0, 0.0), (900.0, 900.0)), Verdict::Untried);
    }

    #[test]
    fn the_part_that_it_has_is_looked_at_again_and_a_smaller_one_is_not() {
        let left = |standing| canary().from(standing).collect::<Vec<_>>();
        assert_eq!(left(0), [10, 25, 50]);
        assert_eq!(left(25), [25, 50]);
        assert_eq!(left(30), [50], "by hand");
    }

    #[test]
    fn weights_tell_the_part_and_which_one_is_served() {
        for part in 1..=LARGEST_PART {
            let action = divided("served", "tried", part);
            let groups = action.target_groups();
            let (served, tried) = (groups[0].1, groups[1].1);
            assert!(served > tried && served < 1000, "{groups:?}");
            assert_eq!(percent(tried, served + tried), part);
        }
    }

    #[test]
    fn what_was_counted_is_told_in_words() {
        assert_eq!(
            figures(3.0, 120.0).to_string(),
            "3 of 120 requests (2.5 %) answered with 5xx"
        );
        assert_eq!(figures(0.0, 0.0).to_string(), "no request");
        assert_eq!(Share(50).to_string(), "0.5 %");
        assert_eq!(
            canary().to_string(),
            "10 % and 25 % and 50 % of them first, for 5m each"
        );
    }
}
