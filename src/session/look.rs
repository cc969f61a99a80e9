//! One look at a stack: what is there, what is therefore to be done, and whether that is more than was shown before.
//! Must know nothing of how it was looked.

use std::collections::HashMap;

use crate::engine::{Beyond, Change, Error, Hint, Observations, Owner, Planned, PlannedRemoval, Removal};
use crate::profile::StackName;
use crate::resources;
use crate::ui::Ui;

/// One look at a stack.
pub(crate) struct Look {
    pub stack: StackName,
    pub seen: Observations,
    pub orphaned: Observations,
    pub planned: Vec<Planned>,
    pub orphans: Vec<PlannedRemoval>,
    /// Nothing of former profiles is left, and that could be told.
    pub no_orphans: bool,
}

impl Look {
    pub(crate) fn is_blocked(&self) -> bool {
        self.planned
            .iter()
            .any(|step| matches!(step.change, Change::Blocked { .. }))
    }

    /// Whether this look plans no more than the other one did: what has come to rest, or came to show, since is left out.
    pub(crate) fn is_what_was_confirmed(&self, confirmed: &Self) -> bool {
        let same = |(now, then): (&Planned, &Planned)| {
            // Followed until it rested, as the plan said: what it came to is shown, and asked for, when its turn comes.
            let rested = then.settling.is_some() && !matches!(now.change, Change::Blocked { .. });
            rested || now.change.beyond(&then.change) == Beyond::Nothing
        };
        self.planned.len() == confirmed.planned.len() && self.planned.iter().zip(&confirmed.planned).all(same)
    }

    /// Orphans that `up` may delete: none that holds data.
    pub(crate) fn deletable_orphans(&self) -> HashMap<&'static str, Removal> {
        let deletable = self
            .orphans
            .iter()
            .filter(|orphan| matches!(orphan.removal, Removal::Delete { loses: None }) && !orphan.holds_data);
        deletable
            .map(|orphan| (orphan.resource, orphan.removal.clone()))
            .collect()
    }

    /// Whether `up` needs the bundle itself.
    pub(crate) fn deploys(&self) -> bool {
        self.planned.iter().any(|step| match &step.change {
            Change::Create => step.resource == resources::VERSION_ID,
            change => change.fields().iter().any(|field| field.made_here),
        })
    }

    /// The version that the environment is to run, where it is another one than now.
    pub(crate) fn version(&self) -> Option<&str> {
        let mut fields = self.planned.iter().flat_map(|step| step.change.fields());
        fields.find(|field| field.field == "VersionLabel")?.to.as_deref()
    }

    /// Whether `up` has anything to do.
    pub(crate) fn is_pending(&self) -> bool {
        self.planned.iter().any(Planned::is_pending) || !self.deletable_orphans().is_empty()
    }

    /// After the plan, whose reader has read why.
    pub(crate) fn blocked_as_shown(&self, ui: &Ui) -> Error {
        match ui.shows_plans() {
            true => Error::refused(BLOCKED),
            false => self.blocked(),
        }
    }

    /// Why nothing may be done; nothing was.
    pub(crate) fn blocked(&self) -> Error {
        let mut error = Error::refused(BLOCKED);
        for step in &self.planned {
            if let Change::Blocked { reason, hint } = &step.change {
                error.causes.push(format!("{}: {reason}", step.title));
                error.hint.get_or_insert_with(|| hint.clone());
            }
        }
        error
    }

    /// The table is ours to write into only if it carries our tag: one of this name may be somebody's production.
    pub(crate) fn own_table(&self, command: &str) -> Result<(), Error> {
        match self.seen.owner("users-table") {
            Some(Owner::Ours) => Ok(()),
            None => Err(not_up(&self.stack)),
            Some(_) => Err(Error::refused(format!(
                "the table does not carry this stack's tag: {command} leaves it alone"
            ))
            .hint(Hint::run("status"))),
        }
    }
}

const BLOCKED: &str = "the plan is blocked; nothing was changed";

/// What needs the stack has none: whichever command it is, the same sentence, and 1.
pub(crate) fn not_up(stack: &StackName) -> Error {
    Error::failed(format!("the stack {stack} is not up")).hint(Hint::run("up").and(" brings it up"))
}
