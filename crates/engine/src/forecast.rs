//! How long a run still takes: from how long its steps usually take, and what they wait for.
//! Goes by a run's events alone; must know nothing of who shows it. It never grows, unless a step comes up that nobody expected.

use std::collections::HashMap;

use serde::Serialize;
use tokio::time::Instant;

use super::{Action, Event, Graph, Pace, Report, ResourceId};

/// How long steps usually take, in seconds of AWS's time: of a kind of resource, what is done, and for outputs that are handed
/// over before the step has ended, until when.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Usual(HashMap<Measured, f64>);

type Measured = (String, Action, Option<String>);

impl Usual {
    pub fn set(&mut self, kind: &str, action: Action, until: Option<&str>, seconds: f64) {
        let until = until.map(str::to_owned);
        self.0.insert((kind.to_owned(), action, until), seconds);
    }

    pub fn get(&self, kind: &str, action: Action, until: Option<&str>) -> Option<f64> {
        let until = until.map(str::to_owned);
        self.0.get(&(kind.to_owned(), action, until)).copied()
    }

    /// What the steps of a run took that did what they were to do, all of it.
    pub fn of(report: &Report, pace: Pace) -> Vec<(Measured, f64)> {
        let well = report.went.iter().filter(|step| step.well && !step.followed);
        let whole = well.clone().map(|step| {
            let took = step.ended.saturating_duration_since(step.began);
            ((step.kind.to_owned(), step.action, None), took)
        });
        let handed = report
            .went
            .iter()
            .flat_map(|user| &user.waited_for)
            .filter(|handed| handed.early);
        let early = handed.filter_map(|handed| {
            let giver = well.clone().find(|step| step.resource == handed.by)?;
            let until = Some(handed.output.to_owned());
            let took = handed.at.saturating_duration_since(giver.began);
            Some(((giver.kind.to_owned(), giver.action, until), took))
        });
        whole
            .chain(early)
            .map(|(what, took)| (what, took.as_secs_f64() * pace.speed))
            .collect()
    }
}

/// A step that is to come.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    pub resource: ResourceId,
    /// What it usually takes here, in seconds; `None` where nobody knows.
    pub seconds: Option<f64>,
    /// Whom it waits for: only steps that stand before it in the list.
    pub after: Vec<After>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct After {
    pub resource: ResourceId,
    /// Seconds from its beginning until it hands over what is waited for; `None`: when it ends.
    pub seconds: Option<f64>,
}

/// The steps of `graph` that `action_of` says something of, each after those that stand before it in the order of the run. Those of
/// `last` wait for all others to end.
pub(super) fn expected<C: Send + Sync + 'static>(
    graph: &Graph<C>,
    usual: &Usual,
    pace: Pace,
    last: &[ResourceId],
    action_of: impl Fn(ResourceId) -> Option<Action>,
) -> Vec<Expected> {
    let known = |kind, action, until| usual.get(kind, action, until).map(|seconds| seconds / pace.speed);
    let mut expected = Vec::new();
    for node in graph.nodes() {
        let Some(action) = action_of(node.id()) else { continue };
        let mut after = Vec::new();
        for other in graph.nodes() {
            let Some(action) = action_of(other.id()) else { continue };
            // Going down, a giver waits for those that use what it gives.
            let (gives, needs) = match action {
                Action::Delete => (node.gives(), other.needs()),
                _ => (other.gives(), node.needs()),
            };
            let shared = gives.into_iter().filter(|output| needs.contains(output));
            after.extend(shared.map(|output| After {
                resource: other.id(),
                seconds: known(other.kind(), action, Some(output)),
            }));
            if last.contains(&node.id()) && !last.contains(&other.id()) {
                after.push(After {
                    resource: other.id(),
                    seconds: None,
                });
            }
        }
        expected.push(Expected {
            resource: node.id(),
            seconds: known(node.kind(), action, None),
            after,
        });
    }
    if expected
        .iter()
        .any(|step| action_of(step.resource) == Some(Action::Delete))
    {
        expected.reverse();
    }
    // A stable sort: all others stay in the order of the run.
    expected.sort_by_key(|step| last.contains(&step.resource));
    expected
}

/// What is still to be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum Remaining {
    /// Seconds.
    About(f64),
    /// It took that many seconds more already than it usually takes.
    Longer(f64),
}

/// What was expected of a run, and how far it came.
#[derive(Debug, Default)]
pub struct Forecast {
    steps: Vec<Step>,
    /// The least that was said.
    said: Option<f64>,
}

#[derive(Debug)]
struct Step {
    expected: Expected,
    began: Option<Instant>,
    is_over: bool,
}

impl Forecast {
    pub fn hear(&mut self, event: &Event, now: Instant) {
        match event {
            Event::Expected { steps } => {
                let step = |expected: &Expected| Step {
                    expected: expected.clone(),
                    began: None,
                    is_over: false,
                };
                self.steps = steps.iter().map(step).collect();
                self.said = None;
            }
            Event::Started { resource, .. } => {
                if let Some(step) = self.step_mut(resource) {
                    step.began.get_or_insert(now);
                }
            }
            Event::Done { resource, .. }
            | Event::Failed { resource, .. }
            | Event::Skipped { resource, .. }
            | Event::Stopped { resource, .. } => {
                if let Some(step) = self.step_mut(resource) {
                    step.is_over = true;
                }
            }
            // A reason for it to grow.
            Event::Unforeseen { .. } => self.said = None,
            Event::Progress { .. } | Event::Notice { .. } => {}
        }
    }

    fn step_mut(&mut self, resource: ResourceId) -> Option<&mut Step> {
        self.steps.iter_mut().find(|step| step.expected.resource == resource)
    }

    /// Of a step that runs.
    pub fn of(&self, resource: ResourceId, now: Instant) -> Option<Remaining> {
        let step = self.steps.iter().find(|step| step.expected.resource == resource)?;
        let began = step.began.filter(|_| !step.is_over)?;
        let left = step.expected.seconds? - now.saturating_duration_since(began).as_secs_f64();
        Some(match left > 0.0 {
            true => Remaining::About(left),
            false => Remaining::Longer(-left),
        })
    }

    /// Whether nothing is left that was expected.
    pub fn is_over(&self) -> bool {
        self.steps.iter().all(|step| step.is_over)
    }

    /// Seconds until the last step ends, if each takes from now on what it usually takes. `None` where nobody knows of any.
    pub fn run(&mut self, now: Instant) -> Option<f64> {
        if self.is_over() || self.steps.iter().all(|step| step.expected.seconds.is_none()) {
            return None;
        }
        let left = self.left(now).min(self.said.unwrap_or(f64::INFINITY));
        self.said = Some(left);
        Some(left)
    }

    fn left(&self, now: Instant) -> f64 {
        // When each step begins and ends, from now; one that runs began before it.
        let mut times: HashMap<ResourceId, (f64, f64)> = HashMap::new();
        for step in &self.steps {
            let usual = step.expected.seconds.unwrap_or_default();
            let begins = match step.began {
                Some(began) => -now.saturating_duration_since(began).as_secs_f64(),
                None => step
                    .expected
                    .after
                    .iter()
                    .map(|after| handed(after, &times))
                    .fold(0.0, f64::max),
            };
            let ends = if step.is_over { 0.0 } else { (begins + usual).max(0.0) };
            times.insert(step.expected.resource, (begins, ends));
        }
        times.values().map(|(_, ends)| *ends).fold(0.0, f64::max)
    }
}

/// When what is waited for is handed over: not later than the step ends.
fn handed(after: &After, times: &HashMap<ResourceId, (f64, f64)>) -> f64 {
    let Some((begins, ends)) = times.get(after.resource) else {
        return 0.0;
    };
    let early = after.seconds.map_or(*ends, |seconds| begins + seconds);
    early.clamp(0.0, ends.max(0.0))
}
