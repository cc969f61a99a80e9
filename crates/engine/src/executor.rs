//! Runs a plan: `up` starts a node when what it needs is published, `down` when all that need its outputs released them.
//! Must know nothing of AWS, of the terminal, or of any one resource.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{
    Action, Change, Error, Event, Failure, Graph, Journal, Kind, Leftover, Node, Observations, Outcome, Planned, Poll,
    ReadCx, Removal, ResourceId, Seen, Values, Wait, WriteCx,
};

/// How each step ended, in the order of the graph.
#[derive(Debug)]
pub struct Report {
    pub steps: Vec<StepReport>,
}

#[derive(Debug)]
pub struct StepReport {
    pub resource: ResourceId,
    pub title: String,
    pub outcome: Outcome,
    /// What exists of it now and goes on costing, however the step ended.
    pub left_behind: Vec<Leftover>,
}

impl Report {
    /// The failed steps: root causes, without those that were skipped because of them.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.steps.iter().filter_map(|step| match &step.outcome {
            Outcome::Failed(failure) => Some(failure),
            _ => None,
        })
    }

    pub fn stopped(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(step.outcome, Outcome::Stopped { .. }))
    }

    /// The first step that was skipped, and because of which.
    pub fn skipped(&self) -> Option<(&str, ResourceId)> {
        self.steps.iter().find_map(|step| match step.outcome {
            Outcome::Skipped { because } => Some((step.title.as_str(), because)),
            _ => None,
        })
    }
}

/// What the steps of one run tell each other.
pub struct Shared {
    state: Mutex<Progress>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct Progress {
    values: Values,
    /// Output, and who released it.
    released: HashSet<(&'static str, ResourceId)>,
    /// Ended without giving or releasing what others wait for.
    ended: HashMap<ResourceId, bool>,
}

impl Shared {
    fn new(values: Values) -> Self {
        let state = Mutex::new(Progress {
            values,
            ..Progress::default()
        });
        Self {
            state,
            changed: watch::channel(()).0,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(super) fn values(&self) -> Values {
        self.lock().values.clone()
    }

    pub(super) fn publish(&self, change: impl FnOnce(&mut Values)) {
        change(&mut self.lock().values);
        self.changed.send_replace(());
    }

    pub(super) fn release(&self, output: &'static str, by: ResourceId) {
        self.lock().released.insert((output, by));
        self.changed.send_replace(());
    }

    fn end(&self, resource: ResourceId, well: bool) {
        self.lock().ended.insert(resource, well);
        self.changed.send_replace(());
    }

    /// Waits until `ready` gives an answer about the progress.
    async fn until<T>(&self, ready: impl Fn(&Progress) -> Option<T>) -> T {
        let mut changes = self.changed.subscribe();
        loop {
            changes.borrow_and_update();
            if let Some(answer) = ready(&self.lock()) {
                return answer;
            }
            // The sender lives as long as `self`, so this cannot fail.
            let _ = changes.changed().await;
        }
    }
}

/// Whether a step may start.
enum Start {
    Now,
    Skip { because: ResourceId },
}

/// Converges the graph. `planned` is the plan that was confirmed.
pub async fn up<C: Send + Sync + 'static>(
    graph: &Graph<C>,
    observations: &Observations,
    planned: &[Planned],
    clients: Arc<C>,
    read: ReadCx<C>,
    journal: Arc<dyn Journal>,
) -> Report {
    let shared = Arc::new(Shared::new(graph.settled_values(observations, planned)));
    let mut steps = JoinSet::new();
    for (position, (node, plan)) in graph.nodes().iter().zip(planned).enumerate() {
        let (node, plan, graph) = (node.clone(), plan.clone(), graph.clone());
        let seen = observations.of(node.id());
        let cx = context(&node, &clients, &read, &journal, &shared);
        steps.spawn(async move {
            let existed = seen.live().is_some();
            let outcome = up_step(&graph, node.as_ref(), &plan, seen, &cx).await;
            let well = matches!(outcome, Outcome::Done | Outcome::Unchanged);
            cx.shared.end(node.id(), well);
            (position, report(node.as_ref(), outcome, existed || well))
        });
    }
    collect(steps).await
}

/// Removes what `removals` says to delete.
pub async fn down<C: Send + Sync + 'static>(
    graph: &Graph<C>,
    observations: &Observations,
    removals: &HashMap<ResourceId, Removal>,
    clients: Arc<C>,
    read: ReadCx<C>,
    journal: Arc<dyn Journal>,
) -> Report {
    let shared = Arc::new(Shared::new(Values::default()));
    let mut steps = JoinSet::new();
    for (position, node) in graph.nodes().iter().enumerate() {
        let (node, graph) = (node.clone(), graph.clone());
        let seen = observations.of(node.id());
        let delete = matches!(removals.get(node.id()), Some(Removal::Delete { .. }));
        let cx = context(&node, &clients, &read, &journal, &shared);
        steps.spawn(async move {
            let existed = seen.live().is_some();
            let outcome = if delete {
                down_step(&graph, node.as_ref(), seen, &cx).await
            } else {
                Outcome::Unchanged
            };
            let well = matches!(outcome, Outcome::Done | Outcome::Unchanged);
            if well {
                node.needs().into_iter().for_each(|need| cx.release(need));
            }
            cx.shared.end(node.id(), well);
            (position, report(node.as_ref(), outcome, existed && !well))
        });
    }
    collect(steps).await
}

fn context<C>(
    node: &Arc<dyn Node<C>>,
    clients: &Arc<C>,
    read: &ReadCx<C>,
    journal: &Arc<dyn Journal>,
    shared: &Arc<Shared>,
) -> WriteCx<C> {
    WriteCx {
        resource: node.id(),
        clients: clients.clone(),
        read: read.clone(),
        journal: journal.clone(),
        shared: shared.clone(),
    }
}

/// `exists`: there was one before the step that is still there, or the step made one.
fn report<C>(node: &dyn Node<C>, outcome: Outcome, exists: bool) -> StepReport {
    let mut left_behind = match &outcome {
        Outcome::Failed(failure) => failure.left_behind.clone(),
        Outcome::Stopped { left_behind } => left_behind.clone(),
        Outcome::Done | Outcome::Unchanged | Outcome::Skipped { .. } => Vec::new(),
    };
    if let (true, true, Some(what)) = (exists, left_behind.is_empty(), node.costs()) {
        left_behind.push(Leftover { what, costs: true });
    }
    StepReport {
        resource: node.id(),
        title: node.title(),
        outcome,
        left_behind,
    }
}

async fn collect(mut steps: JoinSet<(usize, StepReport)>) -> Report {
    let mut reports = Vec::new();
    while let Some(step) = steps.join_next().await {
        match step {
            Ok(report) => reports.push(report),
            // A step that panics is a bug of ours: let it be seen as one, with its own message.
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => {}
        }
    }
    reports.sort_by_key(|(position, _)| *position);
    Report {
        steps: reports.into_iter().map(|(_, report)| report).collect(),
    }
}

async fn up_step<C: Send + Sync + 'static>(
    graph: &Graph<C>,
    node: &dyn Node<C>,
    plan: &Planned,
    seen: Seen,
    cx: &WriteCx<C>,
) -> Outcome {
    let needs = node.needs();
    let settled = needs.iter().all(|need| cx.shared.lock().values.has(need));
    let quiet = !plan.change.is_pending() && plan.settling.is_none();
    if quiet && settled {
        return Outcome::Unchanged;
    }
    // One that is to be kept waits too where what it needs may come out otherwise, and is planned again then.
    let start = cx.shared.until(|progress| {
        let missing: Vec<_> = needs.iter().filter(|need| !progress.values.has(need)).collect();
        if missing.is_empty() {
            return Some(Start::Now);
        }
        let givers = graph
            .nodes()
            .iter()
            .filter(|giver| missing.iter().any(|need| giver.gives().contains(need)));
        givers
            .map(|giver| giver.id())
            .find(|id| progress.ended.contains_key(id))
            .map(|because| Start::Skip { because })
    });
    if let Start::Skip { because } = start.await {
        return skipped(node, because, cx);
    }
    if cx.check().is_err() {
        return stopped(node, action_of(&plan.change), cx, Vec::new());
    }
    if quiet && !node.plan(&seen, &cx.values()).is_pending() {
        return Outcome::Unchanged;
    }
    let began = Instant::now();
    let action = action_of(&plan.change);
    started(node, action, cx);
    let applied = async {
        let seen = settle(node, seen, cx).await?;
        // Planned again, now that what it needs is known and it rests.
        let change = node.plan(&seen, &cx.values());
        match &change {
            Change::Keep | Change::Adopt => {
                cx.shared.publish(|values| node.publish(&seen, values));
                Ok(())
            }
            Change::Blocked { reason, hint } => Err(Failure::from(Error::refused(reason.clone()).hint(hint.clone()))),
            Change::Create | Change::Update { .. } => {
                let values = node.apply(cx, seen, &change).await?;
                cx.shared.publish(|known| known.merge(values));
                Ok(())
            }
        }
    };
    finished(node, action, began, applied.await, cx)
}

async fn down_step<C: Send + Sync + 'static>(
    graph: &Graph<C>,
    node: &dyn Node<C>,
    seen: Seen,
    cx: &WriteCx<C>,
) -> Outcome {
    let gives = node.gives();
    let users: Vec<(&'static str, ResourceId)> = graph
        .nodes()
        .iter()
        .flat_map(|user| user.needs().into_iter().map(move |need| (need, user.id())))
        .filter(|(need, _)| gives.contains(need))
        .collect();
    let start = cx.shared.until(|progress| {
        let holding: Vec<_> = users.iter().filter(|user| !progress.released.contains(*user)).collect();
        if holding.is_empty() {
            return Some(Start::Now);
        }
        let failed = holding
            .iter()
            .map(|(_, user)| *user)
            .find(|user| progress.ended.get(user) == Some(&false));
        failed.map(|because| Start::Skip { because })
    });
    if let Start::Skip { because } = start.await {
        return skipped(node, because, cx);
    }
    if cx.check().is_err() {
        return stopped(node, Action::Delete, cx, Vec::new());
    }
    let began = Instant::now();
    started(node, Action::Delete, cx);
    let deleted = async {
        let seen = settle(node, seen, cx).await?;
        node.delete(cx, seen).await
    };
    finished(node, Action::Delete, began, deleted.await, cx)
}

/// Follows a resource in transition until it rests.
async fn settle<C: Send + Sync + 'static>(node: &dyn Node<C>, seen: Seen, cx: &WriteCx<C>) -> Result<Seen, Failure> {
    let Seen::Settling { what, .. } = &seen else {
        return Ok(seen);
    };
    cx.step(format!("following it: {what}"));
    let wait = Wait::new(format!("{} to rest ({what})", node.title()), 5, node.limits());
    let settled = cx.wait(&wait, || async {
        match node.observe(cx.read()).await {
            Ok(Seen::Settling { what, .. }) => Poll::NotYet(what),
            Ok(Seen::Unknown(error)) | Err(error) if error.kind == Kind::Unreachable => Poll::Unknown(error),
            Ok(Seen::Unknown(error)) | Err(error) => Poll::Failed(error),
            Ok(rested) => Poll::Ready(rested),
        }
    });
    Ok(settled.await?)
}

fn action_of(change: &Change) -> Action {
    match change {
        Change::Create => Action::Create,
        Change::Update { .. } | Change::Blocked { .. } => Action::Update,
        Change::Keep | Change::Adopt => Action::Settle,
    }
}

fn started<C>(node: &dyn Node<C>, action: Action, cx: &WriteCx<C>) {
    cx.settings().events.send(Event::Started {
        resource: node.id(),
        title: node.title(),
        action,
    });
}

fn skipped<C>(node: &dyn Node<C>, because: ResourceId, cx: &WriteCx<C>) -> Outcome {
    cx.settings().events.send(Event::Skipped {
        resource: node.id(),
        title: node.title(),
        because,
    });
    Outcome::Skipped { because }
}

fn stopped<C>(node: &dyn Node<C>, action: Action, cx: &WriteCx<C>, left_behind: Vec<Leftover>) -> Outcome {
    cx.settings().events.send(Event::Stopped {
        resource: node.id(),
        title: node.title(),
        action,
    });
    Outcome::Stopped { left_behind }
}

fn finished<C>(
    node: &dyn Node<C>,
    action: Action,
    began: Instant,
    result: Result<(), Failure>,
    cx: &WriteCx<C>,
) -> Outcome {
    let (resource, title) = (node.id(), node.title());
    match result {
        Ok(()) => {
            let seconds = began.elapsed().as_secs_f64();
            cx.settings().events.send(Event::Done {
                resource,
                title,
                action,
                seconds,
            });
            Outcome::Done
        }
        Err(failure) if failure.error.kind == Kind::Stopped => stopped(node, action, cx, failure.left_behind),
        Err(failure) => {
            cx.settings().events.send(Event::Failed {
                resource,
                title,
                action,
                error: failure.error.clone(),
                left_behind: failure.left_behind.clone(),
            });
            Outcome::Failed(failure)
        }
    }
}
