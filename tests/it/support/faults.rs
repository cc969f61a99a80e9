//! What goes wrong on AWS, as a story asks for it: faults are set, met, waited for and taken away.
//! Must know nothing of what a story is about.

use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Ran, User, finish};

/// How long a command may take until it sends a request that is waited for.
const LIMIT: Duration = Duration::from_secs(120);

impl User {
    /// Sets a fault: `user.fault("iam:CreateRole", &["--kind", "hold", "--nth", "1"])`. Gives its number.
    #[track_caller]
    pub fn fault(&self, hits: &str, how: &[&str]) -> u64 {
        let add = ["sandbox", "fault", "add", hits, "-o", "json"];
        let added = self.confctl(&[&add[..], how].concat()).exits(0).summary();
        added["outputs"]["fault"]["id"].as_u64().unwrap()
    }

    /// Every fault that is set, with what it has met, hit and held.
    pub fn faults(&self) -> Vec<Value> {
        let listed = self.confctl(&["sandbox", "fault", "list", "-o", "json"]).exits(0);
        listed.events()[0]["faults"].as_array().cloned().unwrap_or_default()
    }

    /// How many requests a fault has hit.
    pub fn hit(&self, id: u64) -> u64 {
        let faults = self.faults();
        let fault = faults.iter().find(|fault| fault["id"] == id);
        fault.and_then(|fault| fault["hit"].as_u64()).unwrap_or_default()
    }

    /// What a fault holds goes on.
    pub fn release(&self, id: u64) {
        self.confctl(&["sandbox", "fault", "release", &id.to_string()]).exits(0);
    }

    /// Takes every fault away.
    pub fn clear_faults(&self) {
        self.confctl(&["sandbox", "fault", "clear"]).exits(0);
    }

    /// Waits until a fault holds a request of this run. Gives whether it does: a run may end without having sent it.
    pub fn holds(&self, run: &mut Child, id: u64) -> bool {
        let began = Instant::now();
        loop {
            let over = run.try_wait().unwrap().is_some();
            if self.held(id) > 0 {
                return true;
            }
            if over {
                return false;
            }
            assert!(began.elapsed() < LIMIT, "fault {id} holds nothing after {LIMIT:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills the run whose request a fault holds, waits until the sandbox has seen that it is gone, so that the request is never
    /// done, and takes all faults away.
    pub fn kill_held(&self, mut run: Child, id: u64) {
        run.kill().unwrap();
        run.wait().unwrap();
        let began = Instant::now();
        while self.held(id) > 0 {
            assert!(
                began.elapsed() < LIMIT,
                "fault {id} still holds a request of who is gone"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        self.clear_faults();
    }

    /// Starts `confctl` and kills it at the N-th request of an operation: before the request is done, or after, before its answer
    /// is there. Gives how it ended where it ended by itself first.
    pub fn killed_at(&self, arguments: &[&str], hits: &str, nth: usize, when: &str) -> Option<Ran> {
        let nth = nth.to_string();
        let id = self.fault(hits, &["--kind", "hold", "--when", when, "--nth", &nth]);
        let mut run = self.start(arguments);
        if self.holds(&mut run, id) {
            self.kill_held(run, id);
            return None;
        }
        self.clear_faults();
        Some(finish(run))
    }

    fn held(&self, id: u64) -> usize {
        let faults = self.faults();
        let fault = faults.iter().find(|fault| fault["id"] == id);
        fault.and_then(|fault| fault["held"].as_array()).map_or(0, Vec::len)
    }
}
