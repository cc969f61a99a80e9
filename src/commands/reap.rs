//! `reap`: removes the stacks whose time is over, several at a time. It shows which; `--yes` does it.

use clap::Args;
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::teardown::{self, TeardownArgs};
use crate::aws::lifetime::Verdict;
use crate::cli::Global;
use crate::engine::{Busy, Command, Error, Hint, Kind, counted};
use crate::exit::Exit;
use crate::resources::all_stacks::{self, StackSeen};
use crate::session::region::Region;
use crate::session::{Purpose, Session, unless_stopped};
use crate::ui::{Onward, Repeated, Summary, Ui};

/// So many stacks are looked at, or removed, at the same time. Beanstalk's reads of a region come from one bucket (support's words in
/// aws/aws-toolkit-azure-devops#62), and each environment that goes asks twice every some seconds; with these five a pipeline
/// beside is not turned away. Where it is, all of them ask less often.
const SIDE_BY_SIDE: usize = 5;

#[derive(Debug, Clone, Args)]
pub(crate) struct ReapArgs {
    /// Also delete registrations
    #[arg(long)]
    pub delete_data: bool,
}

pub(super) async fn run(global: &Global, args: &ReapArgs, ui: &Ui) -> Result<Summary, Error> {
    let region = Region::open(global, ui).await?;
    let all = region.stacks(ui).await?;
    ui.say_folded(&format!("Stacks with an end in {}", region.place()));
    let reaping = Reaping {
        global,
        args,
        ui,
        region: &region,
        busy: Busy::default(),
    };
    // Nothing is removed before all have been judged.
    let judged = stream::iter(all.stacks).map(|stack| reaping.judged(stack));
    let judged: Vec<_> = judged.buffered(SIDE_BY_SIDE).collect().await;
    let ended = stream::iter(judged).map(|(stack, verdict)| reaping.one(stack, verdict));
    let ended: Vec<Option<Ended>> = ended.buffered(SIDE_BY_SIDE).collect().await;
    let ended: Vec<Ended> = ended.into_iter().flatten().collect();
    Ok(summary(&ended, global.yes))
}

/// What all stacks of one run share.
struct Reaping<'a> {
    global: &'a Global,
    args: &'a ReapArgs,
    ui: &'a Ui,
    region: &'a Region,
    busy: Busy,
}

/// What became of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    TimeLeft,
    /// It would be removed.
    Due,
    Removed,
    /// Removed but for what other stacks use: it goes with the last of them.
    Kept,
    /// Something of it stays, and the same command, or its own teardown, goes on.
    Unfinished,
    Refused,
    Failed,
}

impl Fate {
    fn word(self) -> &'static str {
        match self {
            Self::TimeLeft => "has time left",
            Self::Due => "is over",
            Self::Removed => "removed",
            Self::Kept => "removed, but for what others use",
            Self::Unfinished => "not finished",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    /// For programs.
    fn name(self) -> &'static str {
        match self {
            Self::TimeLeft => "time_left",
            Self::Due => "due",
            Self::Removed => "removed",
            Self::Kept => "kept",
            Self::Unfinished => "unfinished",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    fn exit(self) -> Exit {
        match self {
            Self::TimeLeft | Self::Due | Self::Removed | Self::Kept => Exit::Done,
            Self::Unfinished => Exit::Partial,
            Self::Refused => Exit::Refused,
            Self::Failed => Exit::Failed,
        }
    }
}

/// One stack's end.
struct Ended {
    stack: String,
    expires: String,
    fate: Fate,
    /// What is to be known of it beside.
    notes: Vec<String>,
    errors: Vec<Error>,
}

impl Reaping<'_> {
    async fn judged(&self, stack: StackSeen) -> (StackSeen, Result<Verdict, Error>) {
        let verdict = unless_stopped(&self.region.stop, all_stacks::judge(&self.region.aws, &stack)).await;
        (stack, verdict)
    }

    /// `None`: it has no end.
    async fn one(&self, stack: StackSeen, verdict: Result<Verdict, Error>) -> Option<Ended> {
        let (expires, ended) = match verdict {
            Ok(Verdict::Unlimited) => return None,
            Ok(Verdict::Runs { expires }) => (Some(expires), Attempt::alone(Fate::TimeLeft)),
            Ok(Verdict::Unproven { expires, reason }) => {
                (Some(expires), Attempt::unproven(&self.ui_of(&stack), reason))
            }
            Ok(Verdict::Over { expires }) => (Some(expires), self.attempt(&stack).await),
            // What cannot be read of one says nothing of the others.
            Err(error) => (
                stack.expires().and_then(|expires| expires.parse().ok()),
                Attempt::of(Summary::from(error), self.global.yes, &self.ui_of(&stack)),
            ),
        };
        let named = |mut error: Error| {
            error.message = format!("{}: {}", stack.name, error.message);
            error
        };
        Some(Ended {
            stack: stack.name.to_string(),
            expires: expires.map_or_else(|| "?".to_owned(), |expires| expires.to_string()),
            fate: ended.fate,
            notes: ended.notes,
            errors: ended.errors.into_iter().map(named).collect(),
        })
    }

    async fn attempt(&self, stack: &StackSeen) -> Attempt {
        // A lock that is lost stops this one only.
        let stop = self.region.stop.child_token();
        let ui = self.ui_of(stack);
        let ended = match stop.is_cancelled() {
            true => Err(Error::stopped()),
            false => self.removed(stack, &ui, stop).await,
        };
        Attempt::of(ended.unwrap_or_else(Summary::from), self.global.yes, &ui)
    }

    /// As its own `teardown` would.
    async fn removed(&self, stack: &StackSeen, ui: &Ui, stop: CancellationToken) -> Result<Summary, Error> {
        let args = TeardownArgs {
            delete_data: self.args.delete_data,
            export: None,
            keep: Vec::new(),
            adopt: Vec::new(),
        };
        let purpose = Purpose {
            command: "reap",
            ..teardown::purpose(&args)
        };
        let global = self.global_of(stack);
        let session = Session::open_beside(&global, ui, purpose, stop, self.busy.clone()).await?;
        let planned = teardown::Planned::of(&session, &args).await?;
        if ui.is_for_programs() {
            ui.removal_plan(&session.heading(), &planned.removals);
        }
        planned.may_be_done(&args)?;
        if !self.global.yes {
            return Ok(Summary::done().say(format!(
                "{} would be removed",
                counted(planned.deletes() as u64, "resource")
            )));
        }
        let still = async || still_over(&session, stack).await;
        planned.carry_out(&session, &args, still).await
    }

    /// The command line that means this stack, and nothing of what was typed for another.
    fn global_of(&self, stack: &StackSeen) -> Global {
        let mut global = self.global.clone();
        if global.profile.take().is_some() {
            global.region = Some(self.region.aws.region.clone());
        }
        global.set.clear();
        global.name = Some(stack.name.to_string());
        global.yes = true;
        global
    }

    fn ui_of(&self, stack: &StackSeen) -> Ui {
        let repeated = Repeated {
            flags: Vec::new(),
            onward: Onward::Teardown,
        };
        self.ui.beside(&self.global_of(stack), repeated)
    }
}

/// Of a stack of which something stays that others use.
const STAYS_TOO: &str = "its application stays until then: it carries the end";

/// With the lock held, which a renewal needs too.
async fn still_over(session: &Session, stack: &StackSeen) -> Result<(), Error> {
    match all_stacks::judge(&session.read, stack).await? {
        Verdict::Over { .. } => Ok(()),
        Verdict::Runs { expires } => Err(Error::refused(format!(
            "its time was renewed meanwhile, until {expires}; nothing was changed"
        ))),
        Verdict::Unlimited | Verdict::Unproven { .. } => Err(Error::refused(
            "its time is not proven to be over any more; nothing was changed",
        )),
    }
}

/// How it ended with one.
struct Attempt {
    fate: Fate,
    notes: Vec<String>,
    errors: Vec<Error>,
}

impl Attempt {
    fn alone(fate: Fate) -> Self {
        Self {
            fate,
            notes: Vec::new(),
            errors: Vec::new(),
        }
    }

    fn unproven(ui: &Ui, reason: String) -> Self {
        let renew = Hint::run("up --ttl 4h")
            .and(" gives it a new time, ")
            .and_run("teardown");
        let error = Error::refused("its time may be over, and that is not proven")
            .because(reason)
            .hint(ui.shown(&renew.and(" removes it")));
        Self {
            errors: vec![error],
            ..Self::alone(Fate::Refused)
        }
    }

    fn of(mut summary: Summary, done: bool, ui: &Ui) -> Self {
        let is_kept = |error: &Error| error.kind == Kind::Kept;
        let fate = match summary.exit {
            Exit::Partial if !summary.errors.is_empty() && summary.errors.iter().all(is_kept) => Fate::Kept,
            Exit::Done if done => Fate::Removed,
            Exit::Done => Fate::Due,
            Exit::Refused => Fate::Refused,
            // Somebody is at work on it: the next `reap` looks again.
            Exit::Partial | Exit::Locked | Exit::Interrupted | Exit::Terminated => Fate::Unfinished,
            _ => Fate::Failed,
        };
        // Nobody has to do anything about it.
        let kept: Vec<Error> = summary.errors.extract_if(.., |error| is_kept(error)).collect();
        let kept = kept.into_iter().map(|error| error.message);
        let carrier = (fate == Fate::Kept).then(|| STAYS_TOO.to_owned());
        // The first line says that it is removed, which its fate does.
        let skipped = usize::from(done);
        let notes = summary
            .result
            .iter()
            .skip(skipped)
            .map(|line| ui.shown(line).trim().to_owned());
        let left = summary
            .left_behind
            .iter()
            .map(|left| format!("left behind: {}", left.what));
        let completed = |mut error: Error| {
            error.hint = error.hint.map(|hint| ui.shown(&hint).into());
            error
        };
        Self {
            fate,
            notes: notes.chain(left).chain(kept).chain(carrier).collect(),
            errors: summary.errors.into_iter().map(completed).collect(),
        }
    }
}

fn summary(ended: &[Ended], done: bool) -> Summary {
    let worst = [Exit::Failed, Exit::Refused, Exit::Partial];
    let exit = worst
        .into_iter()
        .find(|exit| ended.iter().any(|one| one.fate.exit() == *exit));
    let mut summary = Summary::done().exit(exit.unwrap_or(Exit::Done));
    let width = ended.iter().map(|one| one.stack.len()).max().unwrap_or(0);
    for one in ended {
        summary = summary.say(format!(
            "{:<width$}  {:<20}  {}",
            one.stack,
            one.expires,
            one.fate.word()
        ));
        for note in &one.notes {
            summary = summary.say(format!("{:<width$}  {note}", ""));
        }
        summary.errors.extend(one.errors.iter().cloned());
    }
    if summary.errors.iter().any(|error| error.kind == Kind::Stopped) {
        summary.exit = Exit::Interrupted;
    }
    let of = |fate: Fate| ended.iter().filter(|one| one.fate == fate).count();
    let rows: Vec<Value> = ended.iter().map(json).collect();
    let summary = match (done, of(Fate::Due)) {
        (true, _) => summary.say(format!(
            "{} removed of {} that have an end.",
            of(Fate::Removed) + of(Fate::Kept),
            ended.len()
        )),
        (false, 0) if of(Fate::TimeLeft) < ended.len() => {
            summary.say("Nothing was changed, and nothing would go: the reasons are above.")
        }
        (false, 0) => summary.say("Nothing to remove."),
        (false, due) => {
            let does = Hint::from(format!("Nothing was changed; {due} would go by "));
            summary.say(does.and_run(Command::confctl("reap --yes")).and("."))
        }
    };
    summary.output("stacks", rows)
}

fn json(one: &Ended) -> Value {
    json!({"stack": one.stack, "expires": one.expires, "fate": one.fate.name(), "notes": one.notes,
        "errors": one.errors.iter().map(Error::in_a_line).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last_line(fates: &[Fate]) -> String {
        let ended = fates.iter().map(|fate| Ended {
            stack: "pr-1".to_owned(),
            expires: "2026-11-30T16:00:00Z".to_owned(),
            fate: *fate,
            notes: Vec::new(),
            errors: Vec::new(),
        });
        let summary = summary(&ended.collect::<Vec<_>>(), false);
        let line = summary.result.last().cloned().unwrap_or_else(|| "".into());
        line.shown(|commands| commands[0].words.join(" "))
    }

    #[test]
    fn what_is_over_and_stays_is_not_nothing() {
        assert_eq!(last_line(&[]), "Nothing to remove.");
        assert_eq!(last_line(&[Fate::TimeLeft]), "Nothing to remove.");
        for stays in [Fate::Refused, Fate::Failed, Fate::Unfinished] {
            let told = last_line(&[Fate::TimeLeft, stays]);
            assert!(told.contains("nothing would go"), "{stays:?}: {told}");
        }
        assert!(last_line(&[Fate::Refused, Fate::Due]).contains("1 would go"));
    }
}
