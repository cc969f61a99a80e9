//! An instance: processors with a line each, a bound on what is under way, and the app's own rule for a line that stands.
//! Knows nothing of the table and of other instances.

use crate::Site;

/// As the app's: a line that was not empty for so long stands, and shortly after it stood much sooner.
const STANDING: f64 = 0.040;
const STANDING_AGAIN: f64 = 0.002;
const SHORTLY: f64 = 0.200;

#[derive(Debug)]
pub(crate) struct Instance {
    processors: Vec<Processor>,
    /// Registrations under way.
    under_way: u32,
    /// Seconds of its processors since they were last measured.
    busy: f64,
    pub(crate) state: State,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum State {
    Launching,
    Serving,
    /// Goes on with what it has.
    Leaving,
}

#[derive(Debug, Clone)]
struct Processor {
    /// When all that waits for it is done.
    free: f64,
    /// Since when it had something to do without a break.
    busy_since: f64,
    stood: f64,
}

impl Instance {
    pub(crate) fn new(site: &Site, state: State) -> Self {
        let processor = Processor {
            free: 0.0,
            busy_since: 0.0,
            stood: f64::NEG_INFINITY,
        };
        Self {
            processors: vec![processor; site.processors.max(1) as usize],
            under_way: 0,
            busy: 0.0,
            state,
        }
    }

    /// Takes something to do; when it is done.
    pub(crate) fn work(&mut self, now: f64, seconds: f64) -> f64 {
        self.busy += seconds;
        let processor = self.next();
        if processor.free <= now {
            processor.busy_since = now;
        }
        processor.free = processor.free.max(now) + seconds;
        processor.free
    }

    fn next(&mut self) -> &mut Processor {
        let mut shortest = 0;
        for place in 1..self.processors.len() {
            if self.processors[place].free < self.processors[shortest].free {
                shortest = place;
            }
        }
        &mut self.processors[shortest]
    }

    /// Takes a registration in and gives when its processor is done with it; `None` where it is turned away.
    pub(crate) fn take(&mut self, now: f64, site: &Site) -> Option<f64> {
        let many = self.under_way >= (site.in_flight / 64).max(1);
        let processor = self.next();
        let busy_for = if processor.free > now {
            now - processor.busy_since
        } else {
            0.0
        };
        let standing = if now - processor.stood < SHORTLY {
            STANDING_AGAIN
        } else {
            STANDING
        };
        let stands = many && busy_for >= standing;
        if stands {
            processor.stood = now;
        }
        if stands || self.under_way >= site.in_flight {
            self.work(now, site.registration * site.turning_away);
            return None;
        }
        self.under_way += 1;
        Some(self.work(now, site.registration))
    }

    /// A registration is no longer under way.
    pub(crate) fn done(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Percent of its processors over the period that ends.
    pub(crate) fn measured(&mut self, now: f64, period: f64) -> f64 {
        // What waits is not done yet.
        let waiting: f64 = self.processors.iter().map(|one| (one.free - now).max(0.0)).sum();
        let done = (self.busy - waiting).max(0.0);
        self.busy -= done;
        let whole = period * self.processors.len() as f64;
        (100.0 * done / whole.max(f64::MIN_POSITIVE)).min(100.0)
    }
}
