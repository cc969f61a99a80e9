//! What the edge keeps: responses by cache key, and which of them are being fetched right now.
//! Must know nothing of how long anything is good; it is told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::sync::watch;

use super::rules;

/// All responses together hold at most this many bytes.
const LARGEST: usize = 64 * 1024 * 1024;

/// A response that was kept. Times in seconds of sandbox time.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// When the origin said so last.
    pub stored: f64,
    pub fresh_until: f64,
    /// The viewer's path, which invalidations name.
    pub path: String,
}

#[derive(Default)]
pub(super) struct Store {
    kept: Mutex<Kept>,
    flights: Mutex<HashMap<String, watch::Receiver<Option<Arc<Entry>>>>>,
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
    pub(super) fn find(&self, key: &str, invalidations: &[(f64, Vec<String>)]) -> Option<Arc<Entry>> {
        let entry = lock(&self.kept).entries.get(key).cloned()?;
        let gone = invalidations
            .iter()
            .filter(|(when, _)| *when >= entry.stored)
            .any(|(_, paths)| paths.iter().any(|path| rules::matches_path(path, &entry.path)));
        (!gone).then_some(entry)
    }

    pub(super) fn keep(&self, key: &str, entry: Arc<Entry>) {
        let mut kept = lock(&self.kept);
        kept.size += entry.body.len();
        if let Some(before) = kept.entries.insert(key.to_owned(), entry) {
            kept.size -= before.body.len();
        }
        while kept.size > LARGEST {
            let oldest = kept
                .entries
                .iter()
                .min_by(|(_, a), (_, b)| a.stored.total_cmp(&b.stored));
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                return;
            };
            if let Some(entry) = kept.entries.remove(&oldest) {
                kept.size -= entry.body.len();
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
