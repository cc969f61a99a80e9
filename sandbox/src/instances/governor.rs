//! An instance's nominal processors: counts what its processes use of them, and holds to them what is run beside the
//! version. Must know nothing of AWS.
//!
//! A nominal processor is a small share of a core, so that an instance can be at 100 % without the machine noticing.
//! Scripts are held to it: stopped when they have used up their share, and continued when it has grown again. The
//! version's own processes are never stopped, since a site must answer; they are counted, and can be over 100 %.
//! Where the sandbox's clock runs faster than usual, their work is counted for less: health checks and restarts come as
//! much more often, and would keep an idle site busy.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use super::processes::{self, Process};
use crate::world::plane::CpuReading;

/// The share of a core that is one nominal processor.
const PROCESSOR: f64 = 0.05;

/// Between two looks while nothing is held.
const PACE: Duration = Duration::from_millis(100);

/// Between two looks while something held runs.
const SLICE: Duration = Duration::from_millis(5);

/// Seconds of its share that can be saved up: on a busy machine a process may not run as soon as it may. What sleeps of
/// its own will saves as well, and more would let a loop that rests between its rounds burn too much.
const SAVED: f64 = 0.1;

/// An ended process that nobody waits for that long is an orphan, and ours to take off the process table.
const ORPHANED: Duration = Duration::from_secs(1);

pub(super) struct Governor {
    /// The supervisor; it adopts orphans.
    root: Pid,
    /// What the environment of held processes has, beside an equals sign and a name.
    held_mark: String,
    processors: f64,
    /// What a second of the version's own processes counts for.
    weight: f64,
    began: Instant,
    looked: Instant,
    /// By all processes.
    used: Duration,
    /// By those that are held, of those that are there.
    held_used: Duration,
    /// What counts, in seconds.
    busy: f64,
    pool: Budget,
    known: HashMap<Pid, Known>,
}

struct Known {
    held: bool,
    used: Duration,
    budget: Budget,
    stopped: bool,
    ended: Option<Instant>,
}

/// Seconds of CPU time that may still be used; negative where more was used than there was.
#[derive(Debug, Clone, Copy, Default)]
struct Budget(f64);

impl Budget {
    fn turn(&mut self, rate: f64, elapsed: Duration, used: Duration) {
        let left = self.0 + rate * elapsed.as_secs_f64() - used.as_secs_f64();
        self.0 = left.min(rate * SAVED);
    }

    /// Until there is something to use again.
    fn wait(&self, rate: f64) -> Duration {
        Duration::from_secs_f64((-self.0 / rate).max(0.0))
    }
}

impl Governor {
    /// For the processes below `root`. Those are held whose mark begins with `held_mark`, and all that they start.
    pub(super) fn new(root: Pid, held_mark: String, processors: u32, weight: f64) -> Self {
        let now = Instant::now();
        Self {
            root,
            held_mark,
            processors: f64::from(processors.max(1)),
            weight,
            began: now,
            looked: now,
            used: Duration::ZERO,
            held_used: Duration::ZERO,
            busy: 0.0,
            pool: Budget::default(),
            known: HashMap::new(),
        }
    }

    fn rate(&self, threads: u32) -> f64 {
        f64::from(threads).clamp(1.0, self.processors) * PROCESSOR
    }

    /// Counts, stops and continues. Returns what has been used so far and when to look again.
    pub(super) fn look(&mut self) -> (CpuReading, Duration) {
        let seen = processes::below(self.root);
        let now = Instant::now();
        let elapsed = now - self.looked;
        self.looked = now;
        // What ended children used is in the account of who waited for them, the supervisor at the latest.
        let reaped = processes::read(self.root).map_or(Duration::ZERO, |root| root.of_children);
        let used = total(&seen) + reaped;
        let by_all = used.saturating_sub(self.used);
        self.used = self.used.max(used);
        self.forget(&seen);
        let held = self.get_to_know(&seen, now);
        let held_used = total(&held);
        let by_held = held_used.saturating_sub(self.held_used);
        self.held_used = held_used;
        let pause = self.hold(&held, elapsed, by_held);
        self.busy += by_held.as_secs_f64() + self.weight * by_all.saturating_sub(by_held).as_secs_f64();
        let reading = CpuReading {
            busy: Duration::from_secs_f64(self.busy / (self.processors * PROCESSOR)),
            alive: now - self.began,
        };
        (reading, pause)
    }

    fn forget(&mut self, seen: &[Process]) {
        self.known.retain(|pid, _| seen.iter().any(|it| it.pid == *pid));
    }

    /// Those that are held, of those that are seen.
    fn get_to_know(&mut self, seen: &[Process], now: Instant) -> Vec<Process> {
        for process in seen {
            if !self.known.contains_key(&process.pid) {
                let known = Known {
                    held: self.is_held(process),
                    used: Duration::ZERO,
                    budget: Budget::default(),
                    stopped: false,
                    ended: None,
                };
                self.known.insert(process.pid, known);
            }
            if process.has_ended && process.parent == self.root.as_raw_nonzero().get() {
                self.bury(process.pid, now);
            }
        }
        let held = |it: &&Process| !it.has_ended && self.known.get(&it.pid).is_some_and(|known| known.held);
        seen.iter().filter(held).cloned().collect()
    }

    /// As its parent is; by its mark where the parent is the supervisor.
    fn is_held(&self, process: &Process) -> bool {
        let parent = Pid::from_raw(process.parent).and_then(|parent| self.known.get(&parent));
        match parent {
            Some(parent) => parent.held,
            None => super::mark::has(process.pid, &self.held_mark),
        }
    }

    /// The supervisor waits for its own children at once; one that is left was adopted.
    fn bury(&mut self, pid: Pid, now: Instant) {
        if let Some(known) = self.known.get_mut(&pid) {
            let ended = *known.ended.get_or_insert(now);
            if now - ended > ORPHANED {
                // Somebody else may have been faster.
                let _ = waitpid(Some(pid), WaitOptions::NOHANG);
            }
        }
    }

    fn hold(&mut self, held: &[Process], elapsed: Duration, used: Duration) -> Duration {
        let pool_rate = self.processors * PROCESSOR;
        self.pool.turn(pool_rate, elapsed, used);
        if held.is_empty() {
            self.pool = Budget::default();
            return PACE;
        }
        let for_all = self.pool.wait(pool_rate);
        let mut pause = PACE;
        for process in held {
            let rate = self.rate(process.threads);
            let Some(known) = self.known.get_mut(&process.pid) else {
                continue;
            };
            known.budget.turn(rate, elapsed, process.own.saturating_sub(known.used));
            known.used = process.own;
            let wait = known.budget.wait(rate).max(for_all);
            let stop = !wait.is_zero();
            if stop != known.stopped {
                known.stopped = stop;
                let signal = if stop { Signal::STOP } else { Signal::CONT };
                // It may have ended meanwhile.
                let _ = kill_process(process.pid, signal);
            }
            pause = pause.min(wait.max(SLICE));
        }
        pause
    }
}

fn total(processes: &[Process]) -> Duration {
    processes.iter().map(|it| it.own + it.of_children).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_rests_for_most_of_each_second_cannot_make_up_for_it() {
        let mut budget = Budget::default();
        let (mut used, mut stopped) = (Duration::ZERO, false);
        let a_second = Duration::from_secs(1).as_millis() / SLICE.as_millis();
        for slice in 0..100 * a_second {
            let burns = slice % a_second < a_second / 4 && !stopped;
            let burnt = if burns { SLICE } else { Duration::ZERO };
            budget.turn(PROCESSOR, SLICE, burnt);
            stopped = !budget.wait(PROCESSOR).is_zero();
            used += burnt;
        }
        let share = used.as_secs_f64() / (100.0 * PROCESSOR);
        // A quarter, and what one look each few milliseconds cannot see.
        assert!((0.25..0.45).contains(&share), "{share}");
    }
}
