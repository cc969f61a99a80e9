//! What was answered to requests lately, by who answered: an instance, or a load balancer by itself. The health agent tells of
//! it. Must know nothing of HTTP but the numbers of its statuses.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

/// The health agent reports so many seconds at a time (DescribeInstancesHealth, `Duration`).
pub const SPAN: i64 = 10;

/// Latencies that are kept of one second; the rest count as these do.
const SAMPLES: usize = 200;

#[derive(Debug, Default)]
pub struct Traffic {
    /// Oldest second first.
    answered: BTreeMap<String, VecDeque<Second>>,
}

#[derive(Debug, Default)]
struct Second {
    second: i64,
    /// By the first digit of the status, from 1.
    classes: [u64; 5],
    latencies: Vec<f64>,
}

/// What was answered in the last [`SPAN`] seconds.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Answered {
    /// By the first digit of the status, from 1.
    classes: [u64; 5],
    /// Seconds, from the shortest.
    latencies: Vec<f64>,
}

impl Traffic {
    pub fn note(&mut self, who: &str, now: Timestamp, status: u16, took: Duration) {
        let seconds = match self.answered.get_mut(who) {
            Some(seconds) => seconds,
            None => self.answered.entry(who.to_owned()).or_default(),
        };
        let second = now.as_second();
        while seconds.front().is_some_and(|first| first.second <= second - SPAN) {
            seconds.pop_front();
        }
        if seconds.back().is_none_or(|last| last.second != second) {
            seconds.push_back(Second {
                second,
                ..Second::default()
            });
        }
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        if let Some(last) = seconds.back_mut() {
            last.classes[class] += 1;
            if last.latencies.len() < SAMPLES {
                last.latencies.push(took.as_secs_f64());
            }
        }
    }

    /// What these answered lately, together.
    pub(crate) fn lately<'a>(&self, who: impl IntoIterator<Item = &'a str>, now: Timestamp) -> Answered {
        let since = now.as_second() - SPAN;
        let mut all = Answered::default();
        for seconds in who.into_iter().filter_map(|who| self.answered.get(who)) {
            for second in seconds.iter().filter(|second| second.second > since) {
                for (sum, count) in all.classes.iter_mut().zip(second.classes) {
                    *sum += count;
                }
                all.latencies.extend(&second.latencies);
            }
        }
        all.latencies.sort_by(f64::total_cmp);
        all
    }
}

impl Answered {
    pub fn requests(&self) -> u64 {
        self.classes.iter().sum()
    }

    /// Answers whose status begins with that digit, 1 to 5.
    pub fn of_class(&self, digit: usize) -> u64 {
        self.classes.get(digit.wrapping_sub(1)).copied().unwrap_or_default()
    }

    /// Percent of the requests.
    pub(crate) fn share_of_class(&self, digit: usize) -> f64 {
        match self.requests() {
            0 => 0.0,
            all => self.of_class(digit) as f64 * 100.0 / all as f64,
        }
    }

    pub(crate) fn per_minute(&self) -> f64 {
        self.requests() as f64 * 60.0 / SPAN as f64
    }

    /// The latency that so many of a thousand requests did not exceed, to the millisecond.
    pub fn latency(&self, of_thousand: usize) -> f64 {
        let place = (self.latencies.len() * of_thousand).div_ceil(1000).max(1) - 1;
        let latency = self.latencies.get(place).copied().unwrap_or_default();
        (latency * 1000.0).round() / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_answered_is_told_for_ten_seconds() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut traffic = Traffic::default();
        for (second, status) in [(1, 200), (1, 404), (2, 200), (8, 503)] {
            traffic.note("i-1", at(second), status, Duration::from_millis(u64::from(status)));
        }
        traffic.note("i-2", at(8), 404, Duration::from_millis(1));
        let both = traffic.lately(["i-1", "i-2", "i-3"], at(9));
        assert_eq!((both.requests(), both.of_class(4), both.of_class(5)), (5, 2, 1));
        assert_eq!((both.share_of_class(4), both.per_minute()), (40.0, 30.0));
        assert_eq!((both.latency(500), both.latency(999)), (0.2, 0.503));
        assert_eq!(traffic.lately(["i-1"], at(12)).requests(), 1);
        assert_eq!(traffic.lately(["i-1"], at(60)), Answered::default());
    }
}
