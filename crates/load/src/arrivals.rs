//! When people come: independent of each other and of the site.
//! Must know nothing of what they then do.

use std::time::Duration;

/// `people` moments within a time, ascending. Uniform and independent, which is a Poisson stream of which the number is known:
/// it has the bunches and gaps of real arrivals, as evenly spaced ones have not.
pub(super) fn arrivals(people: u32, within: Duration) -> Vec<Duration> {
    let mut moments: Vec<Duration> = (0..people).map(|_| within.mul_f64(rand::random::<f64>())).collect();
    moments.sort_unstable();
    moments
}

/// A pause around `mean`: from half of it to one and a half.
pub(super) fn around(mean: Duration) -> Duration {
    mean.mul_f64(0.5 + rand::random::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_comes_within_the_time_and_in_order() {
        let within = Duration::from_secs(60);
        let moments = arrivals(10_000, within);
        assert_eq!(moments.len(), 10_000);
        assert!(moments.is_sorted() && moments.iter().all(|moment| *moment <= within));
        let first_half = moments.iter().filter(|moment| **moment < within / 2).count();
        assert!((4_500..5_500).contains(&first_half), "{first_half} in the first half");
    }
}
