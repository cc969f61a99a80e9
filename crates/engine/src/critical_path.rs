//! Which steps the length of a run came from: back from the one that ended last, each time by what it waited for last.
//! Pure; must know nothing of how steps are run or shown.

use serde::Serialize;
use tokio::time::Instant;

use super::{Action, ResourceId};

/// A part of a run that nothing else could have gone on beside: a step, or a step until it gave what the next one waited for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Leg {
    pub resource: ResourceId,
    pub title: String,
    /// The output that it gave, or released, before it ended, where the next one waited only for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<&'static str>,
    pub seconds: f64,
}

/// A step that ran.
#[derive(Debug, Clone)]
pub struct Went {
    pub resource: ResourceId,
    /// The id of its kind.
    pub kind: ResourceId,
    pub title: String,
    pub action: Action,
    pub began: Instant,
    pub ended: Instant,
    /// It did what it was to do.
    pub well: bool,
    /// AWS was at it already when the run came: what it took says nothing of how long such a step takes.
    pub followed: bool,
    /// What it waited for in this run.
    pub waited_for: Vec<Handed>,
}

/// An output as it was given (going up) or released (going down) in this run.
#[derive(Debug, Clone, PartialEq)]
pub struct Handed {
    pub output: &'static str,
    pub by: ResourceId,
    pub at: Instant,
    /// Before the step that did it had ended.
    pub early: bool,
}

/// In the order of time. Empty where nothing ran.
pub(super) fn critical_path(went: &[Went]) -> Vec<Leg> {
    let mut legs = Vec::new();
    let mut next = went
        .iter()
        .max_by_key(|step| step.ended)
        .map(|step| (step, step.ended, None));
    while let Some((step, end, until)) = next {
        legs.push(Leg {
            resource: step.resource,
            title: step.title.clone(),
            until,
            seconds: end.saturating_duration_since(step.began).as_secs_f64(),
        });
        let last = step.waited_for.iter().max_by_key(|handed| handed.at);
        next = last.and_then(|handed| {
            let giver = went.iter().find(|step| step.resource == handed.by)?;
            Some((giver, handed.at, handed.early.then_some(handed.output)))
        });
    }
    legs.reverse();
    legs
}
