//! When to look again at what goes on and on: at AWS's pace, less often where AWS turns looks away.
//! Must know nothing of what is looked at.

use std::time::Duration;

use tokio::time::Instant;

use crate::engine::Settings;

/// Eight times as seldom at most.
const MOST_DOUBLINGS: u32 = 3;

/// Looks that come one after the other until whoever looks has seen enough.
#[derive(Debug, Clone)]
pub struct Rounds {
    every: Duration,
    doublings: u32,
}

impl Rounds {
    /// `every`: between two looks, in AWS's time.
    pub fn every(every: Duration) -> Self {
        Self { every, doublings: 0 }
    }

    /// How long until the next look, by whether the last one was answered.
    pub fn pause(&mut self, settings: &Settings, answered: bool) -> Duration {
        self.doublings = match answered {
            true => self.doublings.saturating_sub(1),
            false => MOST_DOUBLINGS.min(self.doublings + 1),
        };
        settings.pace.interval(self.every) * 2u32.pow(self.doublings)
    }

    /// Waits for the next look; `false` where there is none: it was stopped, or the time is over.
    pub async fn next(&mut self, settings: &Settings, answered: bool) -> bool {
        let end = (Instant::now() + self.pause(settings, answered)).min(settings.deadline);
        tokio::select! {
            () = tokio::time::sleep_until(end) => end < settings.deadline,
            () = settings.stop.cancelled() => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::engine::{Busy, Event, Events, Intents, Pace, Sink};

    struct Nobody;

    impl Sink for Nobody {
        fn event(&self, _: Event) {}
    }

    fn settings(seconds: u64) -> Settings {
        Settings {
            pace: Pace::AWS,
            events: Events::new(Nobody),
            stop: CancellationToken::new(),
            deadline: Instant::now() + Duration::from_secs(seconds),
            intents: Intents::default(),
            busy: Busy::default(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn looks_that_are_turned_away_become_seldom_and_come_back() {
        let settings = settings(3600);
        let mut rounds = Rounds::every(Duration::from_secs(5));
        let mut pauses = |answered| rounds.pause(&settings, answered).as_secs();
        let turned_away: Vec<u64> = (0..5).map(|_| pauses(false)).collect();
        assert_eq!(turned_away, [10, 20, 40, 40, 40]);
        let answered: Vec<u64> = (0..4).map(|_| pauses(true)).collect();
        assert_eq!(answered, [20, 10, 5, 5]);
    }

    #[tokio::test(start_paused = true)]
    async fn looking_ends_with_its_time_and_when_it_is_stopped() {
        let short = settings(12);
        let mut rounds = Rounds::every(Duration::from_secs(5));
        let went_on = [
            rounds.next(&short, true).await,
            rounds.next(&short, true).await,
            rounds.next(&short, true).await,
        ];
        assert_eq!(went_on, [true, true, false]);
        let long = settings(3600);
        long.stop.cancel();
        assert!(!rounds.next(&long, true).await);
    }
}
