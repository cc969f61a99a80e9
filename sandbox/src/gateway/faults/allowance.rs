//! How many requests pass in a second: as many as are left of what was allowed, and no more than a second's worth at once.
//! Must know nothing of requests. Time is an argument.

use std::time::Instant;

/// What is left.
#[derive(Debug)]
pub(super) struct Allowance {
    a_second: f64,
    left: f64,
    at: Instant,
}

impl Allowance {
    pub(super) fn new(a_second: f64, now: Instant) -> Self {
        Self {
            a_second,
            left: a_second.max(1.0),
            at: now,
        }
    }

    /// Whether one more passes; it is counted then.
    pub(super) fn passes(&mut self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + since * self.a_second).min(self.a_second.max(1.0));
        self.at = now;
        let passes = self.left >= 1.0;
        if passes {
            self.left -= 1.0;
        }
        passes
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn so_many_a_second_pass_and_what_nobody_wanted_for_a_second() {
        let began = Instant::now();
        let mut allowance = Allowance::new(5.0, began);
        let mut passed = |milliseconds: u64, asked: u32| {
            let now = began + Duration::from_millis(milliseconds);
            (0..asked).filter(|_| allowance.passes(now)).count()
        };
        assert_eq!(passed(0, 20), 5);
        assert_eq!(passed(100, 20), 0);
        assert_eq!(passed(1_000, 20), 5);
        assert_eq!(passed(60_000, 20), 5);
        let seldom = Allowance::new(0.5, began).passes(began);
        assert!(seldom);
    }
}
