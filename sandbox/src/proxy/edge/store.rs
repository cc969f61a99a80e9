//! What the edge keeps: responses by cache key, and which of them are being fetched right now.
//! Must know nothing of how long anything is good; it is told.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use tokio::sync::watch;

use crate::world::distributions::Invalidation;

/// All responses together hold at most this many bytes.
const LARGEST: usize = 64 * 1024 * 1024;

/// What a response takes beside what it says, about; and each of its headers.
const OVERHEAD: usize = 1_024;
const OVERHEAD_OF_HEADER: usize = 128;

/// Keys that are remembered as not to be collapsed; then they start anew.
const MOST_PASSING: usize = 10_000;

/// A response that was kept. Times in seconds of sandbox time.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Kept in place of what was asked for.
    pub is_error: bool,
    /// When the origin said so last.
    pub stored: f64,
    /// Until then nobody asks the origin: the end of its life, or of a pause after an error.
    pub fresh_until: f64,
    /// Until then it is given at once and confirmed behind the viewer's back.
    pub revalidates_until: f64,
    /// Until then it stands in for an error.
    pub stands_in_until: f64,
    /// The viewer's path with the query of the cache key, which invalidations name.
    pub path: String,
}

impl Entry {
    /// The memory that it takes under that key, about. Viewers choose keys and paths, which may be longer than any body.
    fn size(&self, key: &str) -> usize {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| OVERHEAD_OF_HEADER + name.as_str().len() + value.len());
        OVERHEAD + key.len() + self.path.len() + headers.sum::<usize>() + self.body.len()
    }
}

#[derive(Default)]
pub(super) struct Store {
    kept: Mutex<Kept>,
    flights: Mutex<HashMap<String, watch::Receiver<Option<Arc<Entry>>>>>,
    /// Hashes of keys: two of the same hash only do not wait for each other.
    passing: Mutex<HashSet<u64>>,
    hasher: RandomState,
}

#[derive(Default)]
struct Kept {
    entries: HashMap<String, Arc<Entry>>,
    size: usize,
}

/// Who fetches a response that several want at once.
pub(super) enum Flight<'a> {
    Leader(Landing<'a>),
    /// Another request fetches it.
    Follower(watch::Receiver<Option<Arc<Entry>>>),
}

/// Ends a flight when it is dropped, also when the leader's viewer has hung up.
pub(super) struct Landing<'a> {
    store: &'a Store,
    key: String,
    sender: watch::Sender<Option<Arc<Entry>>>,
}

impl Landing<'_> {
    /// Gives all followers the response.
    pub(super) fn share(self, entry: Arc<Entry>) {
        self.sender.send_replace(Some(entry));
    }
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        lock(&self.store.flights).remove(&self.key);
    }
}

impl Store {
    /// The response under that key, however old, unless it was invalidated since.
    pub(super) fn find(&self, key: &str, invalidations: &[Invalidation], now: Timestamp) -> Option<Arc<Entry>> {
        let entry = lock(&self.kept).entries.get(key).cloned()?;
        let gone = |one: &Invalidation| {
            let completed = one.completed();
            let seconds = completed.as_nanosecond() as f64 / 1e9;
            completed <= now && seconds >= entry.stored && one.names(&entry.path)
        };
        // The newest are last, and it is them that count.
        (!invalidations.iter().rev().any(gone)).then_some(entry)
    }

    pub(super) fn keep(&self, key: &str, entry: Arc<Entry>) {
        lock(&self.passing).remove(&self.hasher.hash_one(key));
        let mut kept = lock(&self.kept);
        kept.size += entry.size(key);
        if let Some(before) = kept.entries.insert(key.to_owned(), entry) {
            kept.size -= before.size(key);
        }
        if kept.size <= LARGEST {
            return;
        }
        // A quarter goes at once: looking for the oldest is dear.
        let mut by_age: Vec<(f64, String)> = kept
            .entries
            .iter()
            .map(|(key, entry)| (entry.stored, key.clone()))
            .collect();
        by_age.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        for (_, key) in by_age {
            if kept.size <= LARGEST / 4 * 3 {
                return;
            }
            if let Some(entry) = kept.entries.remove(&key) {
                kept.size -= entry.size(&key);
            }
        }
    }

    /// Joins those who want the response under that key now.
    pub(super) fn join(&self, key: &str) -> Flight<'_> {
        let mut flights = lock(&self.flights);
        if let Some(receiver) = flights.get(key) {
            return Flight::Follower(receiver.clone());
        }
        let (sender, receiver) = watch::channel(None);
        flights.insert(key.to_owned(), receiver);
        Flight::Leader(Landing {
            store: self,
            key: key.to_owned(),
            sender,
        })
    }

    /// Remembers that what is under that key was not to be kept: the next ones need not wait for each other.
    pub(super) fn let_pass(&self, key: &str) {
        let mut passing = lock(&self.passing);
        if passing.len() >= MOST_PASSING {
            passing.clear();
        }
        passing.insert(self.hasher.hash_one(key));
    }

    pub(super) fn passes(&self, key: &str) -> bool {
        lock(&self.passing).contains(&self.hasher.hash_one(key))
    }
}

/// What the leader brought; `None` if it cannot be shared.
pub(super) async fn landed(mut flight: watch::Receiver<Option<Arc<Entry>>>) -> Option<Arc<Entry>> {
    flight
        .wait_for(Option::is_some)
        .await
        .ok()
        .and_then(|entry| entry.clone())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_of_long_keys_and_many_headers_are_counted_for_what_they_take() {
        let store = Store::default();
        let mut headers = HeaderMap::new();
        headers.insert("x-a", "a".repeat(2_000).parse().unwrap());
        let path = |number: usize| format!("/{number:0>8000}");
        for number in 0..10_000 {
            let entry = Entry {
                status: StatusCode::OK,
                headers: headers.clone(),
                body: Bytes::new(),
                is_error: false,
                stored: number as f64,
                fresh_until: 0.0,
                revalidates_until: 0.0,
                stands_in_until: 0.0,
                path: path(number),
            };
            store.keep(&path(number), Arc::new(entry));
        }
        let kept = lock(&store.kept);
        let said = |(key, entry): (&String, &Arc<Entry>)| key.len() + entry.path.len() + entry.headers["x-a"].len();
        let all: usize = kept.entries.iter().map(said).sum();
        assert!(
            all <= LARGEST && kept.entries.len() > 2_000,
            "{all} bytes of {}",
            kept.entries.len()
        );
        assert!(kept.entries.contains_key(&path(9_999)), "the newest is gone");
    }
}
