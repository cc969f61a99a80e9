//! `teardown`: removes what is ours, in the order in which nothing is in use any more, and says what stays and why.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use futures_util::future::BoxFuture;

use super::export;
use crate::cli::{Global, Wishes, path};
use crate::engine::{
    self, Error, FieldChange, Gate, Graph, Hint, Kind, Observations, Owner, PlannedRemoval, Removal, ResourceId, Stays,
};
use crate::exit::Exit;
use crate::resources;
use crate::resources::draw_record;
use crate::resources::found::Reach;
use crate::session::leftovers::{self, Leftover};
use crate::session::{Purpose, Session, check_kept, in_time, unfinished, unless_stopped, unlock, with_left_behind};
use crate::ui::{Flag, Summary, Ui};

#[derive(Debug, Clone, Args)]
pub(crate) struct TeardownArgs {
    /// Also delete registrations
    #[arg(long)]
    pub delete_data: bool,

    /// Write the registrations to this file (.csv or .jsonl) before they are deleted: once nobody can register any more
    #[arg(long, value_name = "FILE", requires = "delete_data", value_parser = path())]
    pub export: Option<PathBuf>,

    /// Leave this resource (resource id, as the plan shows it); repeatable
    #[arg(long, value_name = "RESOURCE")]
    pub keep: Vec<String>,

    /// Remove this too, which an interrupted run may have made and nothing proves; repeatable
    #[arg(long, value_name = "RESOURCE", value_parser = ["default-vpc"])]
    pub adopt: Vec<String>,
}

impl TeardownArgs {
    /// What deletes is no part of it: who pastes a hint has not said so yet.
    pub(super) fn repeated(&self) -> Vec<Flag> {
        let keep = |resource: &String| Flag::with("--keep", resource, &["teardown"]);
        let adopt = |resource: &String| Flag::with("--adopt", resource, &["teardown"]);
        self.keep.iter().map(keep).chain(self.adopt.iter().map(adopt)).collect()
    }
}

pub(super) async fn run(global: &Global, args: &TeardownArgs, ui: &Ui) -> Result<Summary, Error> {
    if let Some(file) = &args.export {
        export::writable(file)?;
    }
    let session = Session::open(global, ui, purpose(args)).await?;
    let planned = Planned::of(&session, args).await?;
    ui.removal_plan(&session.heading(), &planned.removals);
    planned.may_be_done(args)?;
    if planned.removes() && !global.yes {
        ui.confirm_word(
            "This removes the stack.",
            session.stack.name.as_str(),
            &session.settings.stop,
        )
        .await?;
    }
    planned.carry_out(&session, args, async || Ok(())).await
}

/// What a session is opened for that removes a stack.
pub(super) fn purpose(args: &TeardownArgs) -> Purpose {
    Purpose {
        may_lose_data: args.delete_data,
        wishes: Wishes {
            adopt: args.adopt.clone(),
            ..Wishes::default()
        },
        removes: true,
        export_to: args.export.clone(),
        reach: Reach::Everything,
        ..Purpose::of_what_is("teardown")
    }
}

/// A removal as it is shown.
pub(super) struct Planned {
    graph: Graph<crate::aws::Aws>,
    pub removals: Vec<PlannedRemoval>,
}

impl Planned {
    pub(super) async fn of(session: &Session, args: &TeardownArgs) -> Result<Self, Error> {
        check_kept(session, &args.keep)?;
        if args.export.is_some() && args.keep.iter().any(|kept| kept == "users-table") {
            return Err(
                Error::new(Kind::Usage, "--export is for a table that goes, and --keep keeps it")
                    .hint(Hint::run("export")),
            );
        }
        let graph = everything(session)?;
        let (_, removals) = look(session, &graph, args).await?;
        Ok(Self { graph, removals })
    }

    /// # Errors
    /// Why nothing is to be removed.
    pub(super) fn may_be_done(&self, args: &TeardownArgs) -> Result<(), Error> {
        refuse_losses(&self.removals, args)?;
        let blocked = |step: &&PlannedRemoval| matches!(step.removal, Removal::Blocked { .. });
        match self.removals.iter().find(blocked) {
            None => Ok(()),
            Some(step) => Err(
                Error::failed(format!("{} cannot be removed safely; nothing was changed", step.title))
                    .because(reason(step))
                    .hint(Hint::run("doctor")),
            ),
        }
    }

    /// How many resources are to be deleted.
    pub(super) fn deletes(&self) -> usize {
        let goes = |step: &&PlannedRemoval| matches!(step.removal, Removal::Delete { .. });
        self.removals.iter().filter(goes).count()
    }

    fn removes(&self) -> bool {
        self.deletes() > 0
    }

    /// Removes what was shown. `still` is asked with the lock held whether that is still wanted.
    pub(super) async fn carry_out(
        self,
        session: &Session,
        args: &TeardownArgs,
        still: impl AsyncFnOnce() -> Result<(), Error>,
    ) -> Result<Summary, Error> {
        if !self.removes() {
            return nothing_left(session, &self.graph, &self.removals, args).await;
        }
        let lock = session.lock().await?;
        let summary = match still().await {
            Ok(()) => remove(session, &self.graph, self.removals, args).await,
            Err(error) => Err(error),
        };
        unlock(lock, summary).await
    }
}

/// What the profile has, and what former ones had.
fn everything(session: &Session) -> Result<Graph<crate::aws::Aws>, Error> {
    Graph::partial(
        session
            .graph
            .nodes()
            .iter()
            .chain(session.orphans.nodes())
            .cloned()
            .collect(),
    )
}

async fn look(
    session: &Session,
    graph: &Graph<crate::aws::Aws>,
    args: &TeardownArgs,
) -> Result<(Observations, Vec<PlannedRemoval>), Error> {
    let cx = session.read_cx();
    let seen = unless_stopped(&session.settings.stop, graph.observe(&cx)).await?;
    let mut removals = graph.plan_removal(&seen);
    let kept = kept(graph, &args.keep);
    for step in &mut removals {
        let Some(because) = kept.get(step.resource) else {
            continue;
        };
        if !matches!(step.removal, Removal::Absent | Removal::Leave { .. }) {
            step.removal = Removal::Leave {
                stays: Stays::Kept,
                reason: because.clone(),
            };
        }
    }
    Ok((seen, removals))
}

/// What `--keep` keeps, and why: what is named, and all that it needs. A distribution that stays must not fetch from a name
/// that its environment gave up.
fn kept(graph: &Graph<crate::aws::Aws>, named: &[String]) -> HashMap<ResourceId, String> {
    let mut kept: HashMap<ResourceId, String> = HashMap::new();
    // Users come before givers in the reversed graph, so that one pass is enough.
    for node in graph.nodes().iter().rev() {
        if named.iter().any(|name| name == node.id()) {
            kept.insert(node.id(), KEPT.to_owned());
            continue;
        }
        let user = graph
            .nodes()
            .iter()
            .find(|user| kept.contains_key(user.id()) && user.needs().iter().any(|need| node.gives().contains(need)));
        if let Some(user) = user {
            kept.insert(node.id(), format!("{KEPT}: {} needs it", user.id()));
        }
    }
    kept
}

/// Why something stays that was named by `--keep`.
const KEPT: &str = "kept by --keep";

/// Data goes only where it was said so, beside the confirmation.
fn refuse_losses(removals: &[PlannedRemoval], args: &TeardownArgs) -> Result<(), Error> {
    let lost = removals.iter().find_map(|step| match &step.removal {
        Removal::Delete { loses: Some(loses) } => Some(loses),
        _ => None,
    });
    match lost {
        Some(loses) if !args.delete_data => Err(Error::refused(format!(
            "this would delete {loses}; nothing was changed"
        ))
        .hint(
            Hint::from("to delete it: ")
                .and_run("teardown --delete-data")
                .and("; to keep the table and remove the rest: ")
                .and_run("teardown --keep users-table"),
        )),
        _ => Ok(()),
    }
}

fn reason(step: &PlannedRemoval) -> String {
    match &step.removal {
        Removal::Blocked { reason, .. } | Removal::Leave { reason, .. } => reason.clone(),
        _ => String::new(),
    }
}

/// A removal has no further steps to ask for.
struct NothingMore;

impl Gate for NothingMore {
    fn agree<'a>(&'a self, title: &'a str, _: &'a [FieldChange]) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move { Err(Error::refused(format!("{title} is only to be removed"))) })
    }
}

/// With the lock held.
async fn remove(
    session: &Session,
    graph: &Graph<crate::aws::Aws>,
    confirmed: Vec<PlannedRemoval>,
    args: &TeardownArgs,
) -> Result<Summary, Error> {
    let (seen, removals) = look(session, graph, args).await?;
    if !removals
        .iter()
        .zip(&confirmed)
        .all(|(now, then)| is_what_was_confirmed(now, then))
    {
        return Err(Error::refused("the stack changed between the plan and now")
            .hint(Hint::run("teardown").and(" shows the new plan")));
    }
    let removals_by_id: HashMap<ResourceId, Removal> = removals
        .iter()
        .map(|step| (step.resource, step.removal.clone()))
        .collect();
    let run = session.run(NothingMore);
    let report = engine::down(graph, &seen, &removals_by_id, &run).await;
    session.took(&report);
    let ended = match unfinished(session, &report) {
        Some(summary) => Ok(summary),
        None => after(session, graph, &removals, args).await,
    };
    Ok(with_left_behind(session, &report, ended))
}

/// Once nothing should be left.
async fn after(
    session: &Session,
    graph: &Graph<crate::aws::Aws>,
    removals: &[PlannedRemoval],
    args: &TeardownArgs,
) -> Result<Summary, Error> {
    still_there(session, graph, args).await?;
    in_time(&session.settings.stop, finish(session, removals)).await
}

/// How long a read may still show what is gone, in AWS's time: most of its services are eventually consistent.
const STALE: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);

/// What was there twice, or was made while the lock was waited for, must not be forgotten with the record.
async fn still_there(session: &Session, graph: &Graph<crate::aws::Aws>, args: &TeardownArgs) -> Result<(), Error> {
    let there = |step: &PlannedRemoval| matches!(step.removal, Removal::Delete { .. } | Removal::Blocked { .. });
    let mut waited = Duration::ZERO;
    loop {
        let error = match look(session, graph, args).await {
            Ok((_, rest)) => match rest.into_iter().find(there) {
                None => return Ok(()),
                Some(step) => Error::new(Kind::Deadline, format!("{} is still there, or there again", step.title))
                    .hint(Hint::run("teardown")),
            },
            // Who may not look will not see more in a minute.
            Err(error) if error.kind == Kind::Denied => return Err(error),
            // One read may still find what the next no longer knows.
            Err(error) => error,
        };
        if waited >= STALE || session.settings.stop.is_cancelled() {
            return Err(error);
        }
        waited += BETWEEN_LOOKS;
        tokio::select! {
            () = tokio::time::sleep(session.settings.pace.pause(BETWEEN_LOOKS)) => {}
            () = session.settings.stop.cancelled() => {}
        }
    }
}

/// The same, or gone meanwhile: an interrupted run's termination may have come to its end.
fn is_what_was_confirmed(now: &PlannedRemoval, then: &PlannedRemoval) -> bool {
    let gone = now.removal == Removal::Absent && matches!(then.removal, Removal::Delete { .. });
    now == then || (gone && now.resource == then.resource)
}

async fn nothing_left(
    session: &Session,
    graph: &Graph<crate::aws::Aws>,
    removals: &[PlannedRemoval],
    args: &TeardownArgs,
) -> Result<Summary, Error> {
    // What is left of the record belongs to nothing any more; without a record there is no bucket to touch either.
    if session
        .record
        .list(&session.read, &session.record.key(""))
        .await?
        .is_empty()
    {
        let leftovers = leftovers::of(session, &kept_ids(removals)).await?;
        let text = match leftovers.is_empty() {
            true => "Nothing to remove: there is nothing of this stack.",
            false => "Nothing to remove but what is named here.",
        };
        let mut summary = Summary::done().say(text);
        summary.stack = Some(session.stack.name.to_string());
        return Ok(left(summary, removals, &leftovers));
    }
    let lock = session.lock().await?;
    let summary = after(session, graph, removals, args).await;
    unlock(lock, summary).await
}

/// Everything of ours is gone: so goes the record, the lock last of all.
async fn finish(session: &Session, removals: &[PlannedRemoval]) -> Result<Summary, Error> {
    let kept = stays(removals, Stays::Kept);
    let unproven = match stays(removals, Stays::Unproven) {
        true => resources::unproven_intent(&session.settings.intents, Some(&Owner::Nobody)),
        false => None,
    };
    let unswept = resources::sweep_terminated(&session.write, &session.stack, &session.settings.intents).await?;
    session.settle_journal(&unproven).await?;
    let keys = session.record.list(&session.write, &session.record.key("")).await?;
    let lock = session.record.key("lock.json");
    let applied = session.record.key("profile.toml");
    let bundles = session.record.key("bundles/");
    let draw = session.record.key(draw_record::PREFIX);
    // With something kept on purpose the next command still needs to know the profile, and what nothing proves is asked about again.
    let keys: Vec<String> = keys
        .into_iter()
        .filter(|key| {
            // A draw goes with the people who were in it.
            let lasting = *key == applied || key.starts_with(&bundles) || key.starts_with(&draw);
            let known_later = kept && lasting || session.is_unsettled(key);
            *key != lock && !session.is_unreadable(key) && !known_later
        })
        .collect();
    session.record.delete_keys(&session.write, &keys).await?;
    let leftovers = leftovers::of(session, &kept_ids(removals)).await?;
    let mut summary = match (kept, unproven.is_some(), leftovers.is_empty() && unswept.is_empty()) {
        (true, ..) => Summary::done()
            .exit(Exit::Partial)
            .say("Removed, but for what was to be kept."),
        (false, true, _) => Summary::done()
            .exit(Exit::Partial)
            .say("Removed, but for what nothing proves to be this stack's."),
        (false, false, true) => Summary::done().say("Removed: nothing of this stack is left."),
        (false, false, false) => Summary::done().say("Removed, but for what AWS keeps."),
    };
    summary.stack = Some(session.stack.name.to_string());
    for id in unswept {
        // Beanstalk forgets a terminated environment within an hour or so; whose it was cannot be told any more.
        let place = format!("s3://{}/resources/environments/…/{id}/", session.record.bucket());
        summary = summary.say(format!(
            "  left: logs of the environment {id} in {place}: Beanstalk no longer says whose it was"
        ));
    }
    Ok(left(summary, removals, &leftovers))
}

/// Whether something stays for this.
fn stays(removals: &[PlannedRemoval], why: Stays) -> bool {
    let for_this = |step: &PlannedRemoval| matches!(step.removal, Removal::Leave { stays, .. } if stays == why);
    removals.iter().any(for_this)
}

fn kept_ids(removals: &[PlannedRemoval]) -> BTreeSet<&str> {
    let stay = removals
        .iter()
        .filter(|step| matches!(step.removal, Removal::Leave { .. }));
    stay.map(|step| step.resource).collect()
}

/// What stays, and why.
fn left(mut summary: Summary, removals: &[PlannedRemoval], leftovers: &[Leftover]) -> Summary {
    let left: Vec<_> = removals
        .iter()
        .filter(|step| {
            matches!(
                step.removal,
                Removal::Leave {
                    stays: Stays::NotOurs | Stays::Kept | Stays::Unproven,
                    ..
                }
            )
        })
        .collect();
    for step in &left {
        summary = summary.say(format!("  left: {} ({})", step.title, reason(step)));
    }
    for leftover in leftovers {
        summary = summary.say(format!("  left: {} ({})", leftover.what, leftover.reason));
    }
    let removals = left
        .iter()
        .map(|step| serde_json::json!({"resource": step.resource, "title": step.title, "reason": reason(step)}));
    let leftovers = leftovers
        .iter()
        .map(|one| serde_json::json!({"resource": one.resource, "title": one.what, "reason": one.reason}));
    let remains: Vec<_> = removals.chain(leftovers).collect();
    summary.output("remains", remains)
}
