//! Faults on demand: which are set, which of them a request meets, and what is held by one.
//! Must know nothing of HTTP; what goes wrong then is done where requests are answered.

mod allowance;
mod fault;
mod refusals;

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use serde::Serialize;
use tokio::sync::oneshot;

use self::allowance::Allowance;
use self::fault::Pattern;
pub use self::fault::{BadFault, Fault, FaultKind, When};
pub(super) use self::refusals::{failed, throttled};
use crate::protocols::call::Call;

/// How many of those that it has hit a fault remembers by name; it counts all.
const REMEMBERED: usize = 20;

/// All that are set.
#[derive(Default)]
pub(crate) struct Faults(Mutex<State>);

#[derive(Default)]
struct State {
    last_id: u64,
    set: Vec<Set>,
}

/// A fault that is set.
struct Set {
    id: u64,
    fault: Fault,
    pattern: Pattern,
    seed: u64,
    /// What passes it, where it lets so many a second pass.
    allowance: Option<Allowance>,
    /// Requests that it could have hit.
    met: u64,
    hit: u64,
    latest: VecDeque<Struck>,
    held: Vec<Held>,
}

/// A request that was hit.
#[derive(Debug, Clone, Serialize)]
struct Struck {
    request_id: String,
    operation: String,
    path: String,
}

impl Struck {
    fn new(call: &Call) -> Self {
        Self {
            request_id: call.request_id.clone(),
            operation: format!("{}:{}", call.service, call.operation),
            path: call.uri.path().to_owned(),
        }
    }
}

struct Held {
    request: Struck,
    go: oneshot::Sender<()>,
}

/// A fault that a request has met.
#[derive(Debug, Clone)]
pub(super) struct Hit {
    pub id: u64,
    pub fault: Fault,
}

/// A fault as it is listed.
#[derive(Serialize)]
pub(super) struct Listed {
    id: u64,
    #[serde(flatten)]
    fault: Fault,
    /// How many requests it could have hit, and how many it has.
    met: u64,
    hit: u64,
    /// The latest that it has hit.
    latest: VecDeque<Struck>,
    held: Vec<Struck>,
}

impl Faults {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// # Errors
    /// As [`Fault::check`].
    pub(super) fn add(&self, mut fault: Fault) -> Result<Listed, BadFault> {
        fault.check()?;
        let pattern = Pattern::read(&fault.hits)?;
        // A draw that nobody seeded can be repeated all the same.
        let seed = fault.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
        fault.seed = fault.probability.map(|_| seed);
        let mut state = self.lock();
        state.last_id += 1;
        let set = Set {
            id: state.last_id,
            allowance: fault.above.map(|above| Allowance::new(above, Instant::now())),
            fault,
            pattern,
            seed,
            met: 0,
            hit: 0,
            latest: VecDeque::new(),
            held: Vec::new(),
        };
        let listed = set.listed();
        state.set.push(set);
        Ok(listed)
    }

    /// Which actions are denied each time they are asked for.
    pub(super) fn withheld(&self) -> Vec<String> {
        let state = self.lock();
        let denied = state.set.iter().filter(|set| set.fault.denies_for_good());
        denied.map(|set| set.fault.hits.clone()).collect()
    }

    pub(super) fn list(&self) -> Vec<Listed> {
        self.lock().set.iter().map(Set::listed).collect()
    }

    /// Takes away one fault, or all. What it holds goes on. Gives those that were there.
    pub(super) fn clear(&self, id: Option<u64>) -> Vec<Listed> {
        let mut state = self.lock();
        let (cleared, kept) = std::mem::take(&mut state.set)
            .into_iter()
            .partition(|set: &Set| id.is_none_or(|id| set.id == id));
        state.set = kept;
        cleared.iter().map(Set::listed).collect()
    }

    /// Lets what a fault holds go on. Gives how many that were; `None` where there is no such fault.
    pub(super) fn release(&self, id: u64) -> Option<usize> {
        let mut state = self.lock();
        let set = state.set.iter_mut().find(|set| set.id == id)?;
        let held: Vec<_> = set.held.drain(..).collect();
        // Who is gone needs no release.
        Some(held.into_iter().filter_map(|held| held.go.send(()).ok()).count())
    }

    /// The first fault that hits the request. All that it could hit count it.
    pub(super) fn meet(&self, call: &Call) -> Option<Hit> {
        let mut found = None;
        for set in self.lock().set.iter_mut().filter(|set| set.covers(call)) {
            set.met += 1;
            if found.is_none() && set.hit < set.fault.limit() && set.chooses() {
                set.hit += 1;
                set.latest.push_back(Struck::new(call));
                while set.latest.len() > REMEMBERED {
                    set.latest.pop_front();
                }
                found = Some(Hit {
                    id: set.id,
                    fault: set.fault.clone(),
                });
            }
        }
        found
    }

    /// Returns when the request is released, or its fault cleared. Whoever stops waiting is held no longer.
    pub(super) async fn hold(&self, hit: &Hit, call: &Call) {
        let (go, released) = oneshot::channel();
        match self.lock().set.iter_mut().find(|set| set.id == hit.id) {
            Some(set) => set.held.push(Held {
                request: Struck::new(call),
                go,
            }),
            // Cleared in between.
            None => return,
        }
        let _held = Holding {
            faults: self,
            id: hit.id,
            request_id: &call.request_id,
        };
        // An error is a fault that was cleared.
        let _ = released.await;
    }
}

impl Set {
    fn covers(&self, call: &Call) -> bool {
        // No policy can deny it (STS API reference, GetCallerIdentity).
        let undeniable = call.service == "sts" && call.operation == "GetCallerIdentity";
        !(undeniable && self.fault.kind == FaultKind::Deny) && self.pattern.covers(call)
    }

    /// Whether the request that it has just met is one of those that it is about.
    fn chooses(&mut self) -> bool {
        match &mut self.allowance {
            Some(allowance) => !allowance.passes(Instant::now()),
            None => self.fault.chooses(self.seed, self.met),
        }
    }

    fn listed(&self) -> Listed {
        Listed {
            id: self.id,
            fault: self.fault.clone(),
            met: self.met,
            hit: self.hit,
            latest: self.latest.clone(),
            held: self.held.iter().map(|held| held.request.clone()).collect(),
        }
    }
}

/// Takes a request off the list when it waits no longer, for whatever reason.
struct Holding<'a> {
    faults: &'a Faults,
    id: u64,
    request_id: &'a str,
}

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        if let Some(set) = self.faults.lock().set.iter_mut().find(|set| set.id == self.id) {
            set.held.retain(|held| held.request.request_id != self.request_id);
        }
    }
}
