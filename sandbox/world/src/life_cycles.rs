//! What took time because AWS takes it: from when a change was accepted until the thing was as it was to be, in sandbox time.
//! For measuring clients against; must know nothing of them, nor of what the things are.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::Serialize;

/// Older ones are forgotten.
const KEPT: usize = 10_000;

/// One thing on its way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LifeCycle {
    /// `distribution`, `environment`, …
    pub kind: &'static str,
    /// Its id or name.
    pub thing: String,
    /// `deployed`, `launched`, `load balancer`, …
    pub until: &'static str,
    /// Seconds since the epoch.
    pub began: f64,
    /// As `began`; in the future for what is on its way and takes a fixed time.
    pub ended: f64,
}

/// The newest of them, oldest first.
#[derive(Debug, Default)]
pub struct LifeCycles(VecDeque<LifeCycle>);

impl LifeCycles {
    pub(crate) fn passed(
        &mut self,
        kind: &'static str,
        thing: &str,
        until: &'static str,
        began: Timestamp,
        ended: Timestamp,
    ) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(LifeCycle {
            kind,
            thing: thing.to_owned(),
            until,
            began: began.as_duration().as_secs_f64(),
            ended: ended.as_duration().as_secs_f64(),
        });
    }

    pub fn iter(&self) -> impl Iterator<Item = &LifeCycle> {
        self.0.iter()
    }
}
