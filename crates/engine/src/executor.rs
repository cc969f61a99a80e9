//! Runs a plan: `up` starts a node when what it needs is published, `down` when all that need its outputs released them.
//! Must know nothing of AWS, of the terminal, or of any one resource.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::context::deadline_passed;
use super::critical_path::{Handed, Leg, Went, critical_path};
use super::forecast::expected;
use super::making::{Existence, Making};
use super::{
    Action, Beyond, Change, Effect, Error, Event, Events, Failure, FieldChange, Gate, Graph, Journal, Kind, Leftover,
    Member, Observations, Outcome, Owner, Planned, Poll, ReadCx, Removal, ResourceId, Seen, Usual, Values, Wait,
    WriteCx,
};

/// What a run changes things with, and whom it asks.
pub struct Run<C> {
    /// Clients that may write.
    pub clients: Arc<C>,
    pub read: ReadCx<C>,
    pub journal: Arc<dyn Journal>,
    pub gate: Arc<dyn Gate>,
    /// How long its steps usually take.
    pub usual: Arc<Usual>,
}

impl<C> Clone for Run<C> {
    fn clone(&self) -> Self {
        Self {
            clients: self.clients.clone(),
            read: self.read.clone(),
            journal: self.journal.clone(),
            gate: self.gate.clone(),
            usual: self.usual.clone(),
        }
    }
}

impl<C: Send + Sync + 'static> Run<C> {
    fn foretell(&self, graph: &Graph<C>, last: &[ResourceId], action_of: impl Fn(ResourceId) -> Option<Action>) {
        let settings = self.read.settings();
        let steps = expected(graph, &self.usual, settings.pace, last, action_of);
        if !steps.is_empty() {
            settings.events.send(Event::Expected { steps });
        }
    }
}

/// How each step ended, in the order of the graph.
#[derive(Debug)]
pub struct Report {
    pub steps: Vec<StepReport>,
    /// The steps that ran, in the order in which they ended.
    pub went: Vec<Went>,
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

    /// What its length came from.
    pub fn critical_path(&self) -> Vec<Leg> {
        critical_path(&self.went)
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
    /// Outputs as they were given or released in this run.
    handed: Vec<Handed>,
    went: Vec<Went>,
}

impl Shared {
    pub(super) fn new(values: Values) -> Self {
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

    /// `early`: before the step has ended.
    pub(super) fn publish(&self, by: ResourceId, early: bool, values: Values) {
        let mut progress = self.lock();
        let new = values.names().filter(|output| !progress.values.has(output));
        let at = Instant::now();
        let handed: Vec<_> = new.map(|output| Handed { output, by, at, early }).collect();
        progress.handed.extend(handed);
        progress.values.merge(values);
        drop(progress);
        self.changed.send_replace(());
    }

    /// As [`Shared::publish`], going down.
    pub(super) fn release(&self, output: &'static str, by: ResourceId, early: bool) {
        let mut progress = self.lock();
        if progress.released.insert((output, by)) {
            let at = Instant::now();
            progress.handed.push(Handed { output, by, at, early });
        }
        drop(progress);
        self.changed.send_replace(());
    }

    /// What of `outputs` was handed over in this run.
    fn handed(&self, outputs: &[&'static str]) -> Vec<Handed> {
        let progress = self.lock();
        let of_these = progress.handed.iter().filter(|handed| outputs.contains(&handed.output));
        of_these.cloned().collect()
    }

    /// The ends of these steps, as of what a step waited for that goes last.
    fn ends(&self, of: &[ResourceId]) -> Vec<Handed> {
        let progress = self.lock();
        let ended = progress.went.iter().filter(|step| of.contains(&step.resource));
        let end = |step: &Went| Handed {
            output: step.resource,
            by: step.resource,
            at: step.ended,
            early: false,
        };
        ended.map(end).collect()
    }

    fn went(&self, step: Went) {
        self.lock().went.push(step);
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
    run: &Run<C>,
) -> Report {
    let shared = Arc::new(Shared::new(graph.settled_values(observations, planned)));
    run.foretell(graph, &[], |id| {
        let step = planned.iter().find(|step| step.resource == id)?;
        step.is_pending().then(|| action_of(&step.change))
    });
    let mut steps = JoinSet::new();
    for (position, (node, plan)) in graph.nodes().iter().zip(planned).enumerate() {
        let (node, plan, graph) = (node.clone(), plan.clone(), graph.clone());
        let seen = observations.of(node.id());
        let (cx, gate) = (context(&node, run, &shared), run.gate.clone());
        steps.spawn(async move {
            let (existed, title) = (seen.live().is_some(), node.title_of(&seen));
            let outcome = up_step(&graph, &node, &plan, seen, &cx, gate.as_ref()).await;
            let well = matches!(outcome, Outcome::Done | Outcome::Unchanged);
            cx.shared.end(node.id(), well);
            let there = match well || existed && !cx.making.has_gone() {
                true => There::Yes,
                false => made(&node, &cx).await,
            };
            (position, report(&node, title, outcome, there))
        });
    }
    collect(steps, &shared).await
}

/// Removes what `removals` says to delete.
pub async fn down<C: Send + Sync + 'static>(
    graph: &Graph<C>,
    observations: &Observations,
    removals: &HashMap<ResourceId, Removal>,
    run: &Run<C>,
) -> Report {
    let shared = Arc::new(Shared::new(Values::default()));
    let is_deleted = |id: ResourceId| matches!(removals.get(id), Some(Removal::Delete { .. }));
    let ids = || graph.nodes().iter().map(|node| node.id());
    // What one of them used would wait for it, and it for that.
    let goes_last = |node: &&Member<C>| node.needs().is_empty() && node.goes_last(&observations.of(node.id()));
    let last = graph.nodes().iter().filter(|node| is_deleted(node.id()));
    let last: Vec<ResourceId> = last.filter(goes_last).map(|node| node.id()).collect();
    run.foretell(graph, &last, |id| is_deleted(id).then_some(Action::Delete));
    let mut steps = JoinSet::new();
    for (position, node) in graph.nodes().iter().enumerate() {
        let (node, graph) = (node.clone(), graph.clone());
        let seen = observations.of(node.id());
        let delete = is_deleted(node.id());
        let before: Vec<ResourceId> = match last.contains(&node.id()) {
            true => ids().filter(|id| !last.contains(id)).collect(),
            false => Vec::new(),
        };
        let cx = context(&node, run, &shared);
        steps.spawn(async move {
            let (existed, title) = (seen.live().is_some(), node.title_of(&seen));
            let outcome = if delete {
                down_step(&graph, &node, seen, &before, &cx).await
            } else {
                Outcome::Unchanged
            };
            let well = matches!(outcome, Outcome::Done | Outcome::Unchanged);
            if well {
                let released = node.needs().into_iter();
                released.for_each(|need| cx.shared.release(need, node.id(), false));
            }
            cx.shared.end(node.id(), well);
            let there = if existed && !well { There::Yes } else { There::No };
            (position, report(&node, title, outcome, there))
        });
    }
    collect(steps, &shared).await
}

fn context<C: Send + Sync + 'static>(node: &Member<C>, run: &Run<C>, shared: &Arc<Shared>) -> WriteCx<C> {
    WriteCx {
        resource: node.id(),
        kind: node.kind(),
        clients: run.clients.clone(),
        read: run.read.clone(),
        journal: run.journal.clone(),
        shared: shared.clone(),
        making: Making::default(),
    }
}

/// Whether there is one after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum There {
    Yes,
    No,
    /// AWS was asked to make it, and neither its answer nor a read says that it did.
    Unknown,
}

/// How long what is in flight may take to end once the run was stopped or its deadline passed; then it is left, and the next run
/// finds what came of it. Long enough for an answer, and over before a lost lock is anybody else's.
pub const GRACE: Duration = Duration::from_secs(5);

/// Whether a step that did not end well has made one all the same. Where an answer was lost AWS is asked once more.
async fn made<C: Send + Sync + 'static>(node: &Member<C>, cx: &WriteCx<C>) -> There {
    match cx.making.existence() {
        Existence::NotMade => There::No,
        Existence::Made => There::Yes,
        // Nothing is told of what costs nothing.
        Existence::InDoubt if node.costs().is_none() => There::Unknown,
        Existence::InDoubt => match tokio::time::timeout(GRACE, node.observe(cx.read())).await {
            Ok(Ok(Seen::Present { owner, .. } | Seen::Settling { owner, .. })) => match owner {
                Owner::Ours => There::Yes,
                Owner::OtherStack(_) => There::No,
                // Its tags may not show yet.
                Owner::Nobody => There::Unknown,
            },
            Ok(Ok(Seen::Absent(_))) => There::No,
            Ok(Ok(Seen::Unknown(_)) | Err(_)) | Err(_) => There::Unknown,
        },
    }
}

/// Ends a step that does not end by itself once it should.
async fn in_time<C>(cx: &WriteCx<C>, step: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let settings = cx.settings();
    let stopped = async {
        settings.stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
        Error::stopped()
    };
    let late = async {
        tokio::time::sleep_until(settings.deadline + GRACE).await;
        deadline_passed("the run")
    };
    let ended = async {
        let why = tokio::select! {
            why = stopped => why,
            why = late => why,
        };
        while !cx.making.may_be_left() {
            tokio::time::sleep(GRACE).await;
        }
        why
    };
    tokio::select! {
        biased;
        result = step => result,
        why = ended => Err(why.into()),
    }
}

fn report<C: Send + Sync + 'static>(node: &Member<C>, title: String, outcome: Outcome, there: There) -> StepReport {
    let mut left_behind = match &outcome {
        Outcome::Failed(failure) => failure.left_behind.clone(),
        Outcome::Stopped { left_behind } => left_behind.clone(),
        Outcome::Done | Outcome::Unchanged | Outcome::Skipped { .. } => Vec::new(),
    };
    let what = node.costs().filter(|_| left_behind.is_empty());
    let what = match there {
        There::Yes => what,
        There::No => None,
        There::Unknown => what.map(|what| format!("{what}, if AWS made it: its answer was lost")),
    };
    left_behind.extend(what.map(|what| Leftover { what, costs: true }));
    StepReport {
        resource: node.id(),
        title,
        outcome,
        left_behind,
    }
}

async fn collect(mut steps: JoinSet<(usize, StepReport)>, shared: &Shared) -> Report {
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
        went: std::mem::take(&mut shared.lock().went),
    }
}

async fn up_step<C: Send + Sync + 'static>(
    graph: &Graph<C>,
    node: &Member<C>,
    plan: &Planned,
    seen: Seen,
    cx: &WriteCx<C>,
    gate: &dyn Gate,
) -> Outcome {
    let (told, needs) = (Told::of(node, &seen, cx), node.needs());
    let settled = needs.iter().all(|need| cx.shared.lock().values.has(need));
    let quiet = !plan.is_pending();
    if quiet && settled {
        return Outcome::Unchanged;
    }
    // One that is to be kept waits too where what it needs may come out otherwise, and is planned again then.
    let start = cx.shared.until(|progress| may_start_up(graph, &needs, progress));
    if let Start::Skip { because } = start.await {
        return told.skipped(because);
    }
    if cx.check().is_err() {
        return told.stopped(action_of(&plan.change), Vec::new());
    }
    if quiet && !node.plan(&seen, &cx.values()).is_pending() {
        return Outcome::Unchanged;
    }
    let began = Instant::now();
    let action = action_of(&plan.change);
    told.started(action);
    let applied = async {
        let seen = settle(node, seen, &told.title, cx).await?;
        // Planned again, now that what it needs is known and it rests.
        let now = node.plan(&seen, &cx.values());
        agreed(node, &seen, &now, &plan.change, cx, gate).await?;
        let values = node.apply(cx, seen, &now).await?;
        cx.shared.publish(node.id(), false, values);
        Ok(())
    };
    let applied = in_time(cx, applied).await;
    told.finished(action, began, applied, cx.shared.handed(&needs))
}

/// Whether all that is needed is known, or will not be.
fn may_start_up<C: Send + Sync + 'static>(
    graph: &Graph<C>,
    needs: &[&'static str],
    progress: &Progress,
) -> Option<Start> {
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
}

/// Whether `now` may be done by who was shown `shown`. What was not shown is shown, and asked for, before it is done.
async fn agreed<C: Send + Sync + 'static>(
    node: &Member<C>,
    seen: &Seen,
    now: &Change,
    shown: &Change,
    cx: &WriteCx<C>,
    gate: &dyn Gate,
) -> Result<(), Failure> {
    let unseen = match (now.beyond(shown), now) {
        (Beyond::Nothing, Change::Blocked { reason, hint }) | (Beyond::Otherwise, Change::Blocked { reason, hint }) => {
            return Err(Error::refused(reason.clone()).hint(hint.clone()).into());
        }
        (Beyond::Nothing, _) => return Ok(()),
        (Beyond::Steps(unseen), _) => unseen,
        // It went while it was followed, or nobody's is used where one was to be made: nobody counted on that.
        (Beyond::Otherwise, Change::Create) => {
            vec![FieldChange::new("all of it", None, "created".to_owned()).effect(Effect::Interrupt)]
        }
        (Beyond::Otherwise, _) => {
            vec![FieldChange::new("one that is there", None, "used as it is".to_owned()).effect(Effect::Interrupt)]
        }
    };
    let title = node.title_of(seen);
    cx.settings().events.send(Event::Unforeseen {
        resource: node.id(),
        title: title.clone(),
        fields: unseen.clone(),
    });
    Ok(gate.agree(&title, &unseen).await?)
}

/// `before`: what else has to be gone.
async fn down_step<C: Send + Sync + 'static>(
    graph: &Graph<C>,
    node: &Member<C>,
    seen: Seen,
    before: &[ResourceId],
    cx: &WriteCx<C>,
) -> Outcome {
    let (told, gives) = (Told::of(node, &seen, cx), node.gives());
    let users: Vec<(&'static str, ResourceId)> = graph
        .nodes()
        .iter()
        .flat_map(|user| user.needs().into_iter().map(move |need| (need, user.id())))
        .filter(|(need, _)| gives.contains(need))
        .collect();
    let start = cx.shared.until(|progress| {
        let holding = users.iter().filter(|user| !progress.released.contains(*user));
        let there = before.iter().filter(|id| progress.ended.get(*id) != Some(&true));
        let holding: Vec<ResourceId> = holding.map(|(_, user)| *user).chain(there.copied()).collect();
        if holding.is_empty() {
            return Some(Start::Now);
        }
        let failed = holding
            .into_iter()
            .find(|user| progress.ended.get(user) == Some(&false));
        failed.map(|because| Start::Skip { because })
    });
    if let Start::Skip { because } = start.await {
        return told.skipped(because);
    }
    if cx.check().is_err() {
        return told.stopped(Action::Delete, Vec::new());
    }
    let began = Instant::now();
    told.started(Action::Delete);
    let deleted = async {
        let seen = settle(node, seen, &told.title, cx).await?;
        node.delete(cx, seen).await
    };
    let deleted = in_time(cx, deleted).await;
    let mut waited_for = cx.shared.handed(&gives);
    waited_for.extend(cx.shared.ends(before));
    told.finished(Action::Delete, began, deleted, waited_for)
}

/// Follows a resource in transition until it rests.
async fn settle<C: Send + Sync + 'static>(
    node: &Member<C>,
    seen: Seen,
    title: &str,
    cx: &WriteCx<C>,
) -> Result<Seen, Failure> {
    let Seen::Settling { what, .. } = &seen else {
        return Ok(seen);
    };
    cx.step(format!("following it: {what}"));
    let wait = Wait::new(format!("{title} to rest ({what})"), 5, node.limits());
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
        Change::Keep | Change::Use => Action::Settle,
    }
}

/// A step as it is told of.
struct Told {
    resource: ResourceId,
    kind: ResourceId,
    title: String,
    /// It is in transition already.
    followed: bool,
    events: Events,
    shared: Arc<Shared>,
}

impl Told {
    fn of<C: Send + Sync + 'static>(node: &Member<C>, seen: &Seen, cx: &WriteCx<C>) -> Self {
        Self {
            resource: node.id(),
            kind: node.kind(),
            title: node.title_of(seen),
            followed: matches!(seen, Seen::Settling { .. }),
            events: cx.settings().events.clone(),
            shared: cx.shared.clone(),
        }
    }

    fn started(&self, action: Action) {
        self.events.send(Event::Started {
            resource: self.resource,
            title: self.title.clone(),
            action,
        });
    }

    fn skipped(&self, because: ResourceId) -> Outcome {
        self.events.send(Event::Skipped {
            resource: self.resource,
            title: self.title.clone(),
            because,
        });
        Outcome::Skipped { because }
    }

    fn stopped(&self, action: Action, left_behind: Vec<Leftover>) -> Outcome {
        self.events.send(Event::Stopped {
            resource: self.resource,
            title: self.title.clone(),
            action,
        });
        Outcome::Stopped { left_behind }
    }

    /// `waited_for`: what had to be given, released or gone before it began.
    fn finished(
        &self,
        action: Action,
        began: Instant,
        result: Result<(), Failure>,
        waited_for: Vec<Handed>,
    ) -> Outcome {
        self.shared.went(Went {
            resource: self.resource,
            kind: self.kind,
            title: self.title.clone(),
            action,
            began,
            ended: Instant::now(),
            well: result.is_ok(),
            followed: self.followed,
            waited_for,
        });
        match result {
            Ok(()) => {
                self.events.send(Event::Done {
                    resource: self.resource,
                    title: self.title.clone(),
                    action,
                    seconds: began.elapsed().as_secs_f64(),
                });
                Outcome::Done
            }
            Err(failure) if failure.error.kind == Kind::Stopped => self.stopped(action, failure.left_behind),
            Err(failure) => {
                self.events.send(Event::Failed {
                    resource: self.resource,
                    title: self.title.clone(),
                    action,
                    error: failure.error.clone(),
                    left_behind: failure.left_behind.clone(),
                });
                Outcome::Failed(failure)
            }
        }
    }
}
