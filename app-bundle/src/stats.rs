//! `GET /api/stats`: how many are in, as a lower bound that tells nobody who is.
//! Were it exact, anyone could register an address and see whether the number grew.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderValue};
use axum::response::{IntoResponse, Response};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::App;
use crate::table::{Count, Table};

/// Kept by browsers and the edge for as long as CachingOptimized would keep it anyway.
const CACHING: HeaderValue = HeaderValue::from_static("public, max-age=1, s-maxage=1");
/// The shortest time between two counts.
const FRESH: Duration = Duration::from_secs(1);
/// After a failed count.
const AFTER_FAILURE: Duration = Duration::from_secs(30);
/// What counting may cost on average, in read request units a second: some cents an hour and process. 10,000 registrations take about
/// 100 units, so they are counted every two seconds; a million every few minutes.
const UNITS_PER_SECOND: f64 = 50.0;
const UNKNOWN: u64 = u64::MAX;

/// The last bound, and when to count again. Whoever asks while somebody counts gets the last bound.
pub struct Stats {
    at_least: AtomicU64,
    counting: Mutex<Counting>,
}

struct Counting {
    due: Instant,
    bound: Bound,
}

/// What is told of a growing number: it moves in steps, each at a secret place, so that nobody can put the number just
/// below a step and then see whether one more address makes it move.
struct Bound {
    told: u64,
    next: u64,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            at_least: AtomicU64::new(UNKNOWN),
            counting: Mutex::new(Counting {
                due: Instant::now(),
                bound: Bound::new(),
            }),
        }
    }
}

impl Stats {
    /// The bound; `None` while nothing is known.
    async fn at_least(&self, table: &Table) -> Option<u64> {
        let last = self.at_least.load(Ordering::Relaxed);
        let mut counting = match self.counting.try_lock() {
            Ok(counting) => counting,
            Err(_) if last != UNKNOWN => return Some(last),
            Err(_) => self.counting.lock().await,
        };
        if Instant::now() >= counting.due {
            let pause = match table.count().await {
                Ok(count) => {
                    self.at_least
                        .store(counting.bound.after(count.items), Ordering::Relaxed);
                    pause_after(count)
                }
                Err(_) => AFTER_FAILURE,
            };
            counting.due = Instant::now() + pause;
        }
        let last = self.at_least.load(Ordering::Relaxed);
        (last != UNKNOWN).then_some(last)
    }
}

impl Bound {
    fn new() -> Self {
        Self {
            told: 0,
            next: secret_place_after(0),
        }
    }

    fn after(&mut self, items: u64) -> u64 {
        if items >= self.next {
            self.told = items - items % step(items);
            self.next = secret_place_after(items);
        }
        self.told
    }
}

/// Two significant digits, and never steps of less than 50.
fn step(items: u64) -> u64 {
    (10_u64.pow(items.max(1).ilog10()) / 10).max(50)
}

fn secret_place_after(items: u64) -> u64 {
    let step = step(items);
    items + step + fastrand::u64(..step)
}

fn pause_after(count: Count) -> Duration {
    FRESH.max(Duration::from_secs_f64(count.units.clamp(0.0, 1e6) / UNITS_PER_SECOND))
}

/// `GET /api/stats`: `{"registrations_at_least":1200}`.
pub async fn stats(State(app): State<App>) -> Response {
    let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    match app.stats.at_least(&app.table).await {
        Some(bound) => {
            let caching = [(header::CACHE_CONTROL, CACHING)];
            (json, caching, format!("{{\"registrations_at_least\":{bound}}}")).into_response()
        }
        None => (StatusCode::SERVICE_UNAVAILABLE, json, r#"{"status":"unknown"}"#).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn counting_costs_the_same_however_much_there_is() {
        let pause = |units| pause_after(Count { items: 0, units });
        assert_eq!(pause(0.5), FRESH);
        assert_eq!(pause(100.0), Duration::from_secs(2));
        assert_eq!(pause(10_000.0), Duration::from_secs(200));
        assert_eq!(pause(f64::INFINITY), Duration::from_secs(20_000));
    }

    #[test]
    fn it_has_two_digits_and_no_small_steps() {
        for (items, wanted) in [(0, 50), (999, 50), (1_000, 100), (12_345, 1_000), (1_000_000, 100_000)] {
            assert_eq!(step(items), wanted, "{items}");
        }
    }

    proptest! {
        #[test]
        fn it_never_says_too_much_and_one_more_seldom_moves_it(growth in prop::collection::vec(0_u64..400, 1..60)) {
            let mut bound = Bound::new();
            let (mut items, mut last) = (0, 0);
            for grown in growth {
                items += grown;
                let told = bound.after(items);
                prop_assert!(told <= items && told >= last && told.is_multiple_of(50));
                // Further on than the last place by less than a step: told nothing new.
                prop_assert!(told == last || told >= last + 50);
                last = told;
            }
        }
    }

    #[test]
    fn where_it_moves_is_a_secret() {
        let places: std::collections::BTreeSet<u64> = (0..200).map(|_| secret_place_after(1_000)).collect();
        assert!(places.len() > 50, "{places:?}");
        assert!(places.iter().all(|place| (1_100..1_200).contains(place)));
    }
}
