//! What a resource is to the engine: observed, planned, applied, deleted.
//! Must know nothing of how steps are ordered or shown.

use std::time::Duration;

use serde::Serialize;

use super::{Error, Hint, ReadCx, Values, WriteCx};

/// `users-table`, `environment`, …: fixed, and the same in every stack.
pub type ResourceId = &'static str;

/// Whose a resource is that was found under our name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// It carries this stack's tags.
    Ours,
    /// It carries no tag of any stack.
    Nobody,
    /// It carries the tags of the stack named here.
    OtherStack(String),
}

/// What was found under a resource's name. Every negative answer must be proven: an unproven one is `Unknown`.
#[derive(Debug, Clone)]
pub enum Observed<L, P = ()> {
    /// Not there; the place says where it would be made.
    Absent(P),
    Present {
        live: L,
        owner: Owner,
    },
    /// In transition; `what` says from what to what. The engine follows it until it rests.
    Settling {
        live: L,
        owner: Owner,
        what: String,
    },
    Unknown(Error),
}

impl<L, P> Observed<L, P> {
    pub fn live(&self) -> Option<(&L, &Owner)> {
        match self {
            Self::Present { live, owner } | Self::Settling { live, owner, .. } => Some((live, owner)),
            Self::Absent(_) | Self::Unknown(_) => None,
        }
    }
}

/// What a changed field does to the running site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    None,
    /// The application is restarted, batch by batch.
    Restart,
    /// Instances are replaced, batch by batch.
    ReplaceInstances,
    /// There are no batches: nobody is served while it lasts.
    Interrupt,
}

/// What is shown of a step: a field that differs. `None`: not set, or known only after apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    pub field: String,
    pub from: Option<String>,
    pub to: Option<String>,
    pub effect: Effect,
    /// The output that says what it comes to, where that is not known yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub awaits: Option<&'static str>,
    /// AWS is at it already: it is waited for, and nobody need agree to it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub passes_by_itself: bool,
    /// What it puts into AWS is made on this machine first.
    #[serde(skip)]
    pub made_here: bool,
}

impl FieldChange {
    pub fn new(field: impl Into<String>, from: impl Into<Option<String>>, to: impl Into<Option<String>>) -> Self {
        Self {
            field: field.into(),
            from: from.into(),
            to: to.into(),
            effect: Effect::None,
            awaits: None,
            passes_by_itself: false,
            made_here: false,
        }
    }

    /// What it comes to is known with this output.
    pub fn awaiting(field: impl Into<String>, from: impl Into<Option<String>>, output: &'static str) -> Self {
        Self {
            awaits: Some(output),
            ..Self::new(field, from, None)
        }
    }

    #[must_use]
    pub fn effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    #[must_use]
    pub fn passing_by_itself(mut self) -> Self {
        self.passes_by_itself = true;
        self
    }

    #[must_use]
    pub fn made_here(mut self) -> Self {
        self.made_here = true;
        self
    }

    /// Whether who was shown `shown` was shown this: the same, or the same with what was not known then filled in.
    pub fn was_shown_as(&self, shown: &Self) -> bool {
        let filled_in = shown.awaits.is_some()
            && self.field == shown.field
            && self.from == shown.from
            && self.effect == shown.effect;
        self == shown || filled_in
    }
}

/// One thing that `update` does, and how it is shown.
pub trait Step: Clone + Send + Sync + 'static {
    fn shown(&self) -> FieldChange;
}

/// A step that is nothing but what is shown of it.
impl Step for FieldChange {
    fn shown(&self) -> FieldChange {
        self.clone()
    }
}

/// For resources that are made and removed, and never changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Never {}

impl Step for Never {
    fn shown(&self) -> FieldChange {
        match *self {}
    }
}

/// What `up` has to do with a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan<S> {
    Create,
    /// At least one step, in the order in which they are shown.
    Update(Vec<S>),
    Keep,
    /// Used as it is: never changed, never deleted.
    Use,
    Blocked {
        reason: String,
        hint: Hint,
    },
}

impl<S> Plan<S> {
    /// These steps, or nothing where there is none.
    pub fn of(steps: Vec<S>) -> Self {
        match steps.is_empty() {
            true => Self::Keep,
            false => Self::Update(steps),
        }
    }

    pub fn blocked(reason: impl Into<String>, hint: impl Into<Hint>) -> Self {
        Self::Blocked {
            reason: reason.into(),
            hint: hint.into(),
        }
    }
}

/// Something about a resource that a reader of the plan should know and that needs no step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    pub text: String,
    pub hint: Option<Hint>,
}

impl Notice {
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            hint: None,
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<Hint>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The kinds of what a teardown leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stays {
    /// Nobody's stack made it.
    NotOurs,
    /// This stack may have made it, and nothing proves that.
    Unproven,
    OtherStacks,
    /// Ours, and kept because the user said so.
    Kept,
}

/// What `teardown` will do with a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "removal")]
pub enum Removal {
    Delete {
        /// What is lost with it, where that is more than the resource.
        loses: Option<String>,
    },
    /// Stays, and why.
    Leave {
        stays: Stays,
        reason: String,
    },
    Absent,
    Blocked {
        reason: String,
        hint: Hint,
    },
}

/// Something that exists after a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leftover {
    pub what: String,
    /// Whether it costs money while it exists.
    pub costs: bool,
}

/// Why a step failed, and what it left.
#[derive(Debug, Clone)]
pub struct Failure {
    pub error: Error,
    pub left_behind: Vec<Leftover>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            error,
            left_behind: Vec::new(),
        }
    }
}

impl Failure {
    #[must_use]
    pub fn leaving(mut self, what: impl Into<String>, costs: bool) -> Self {
        self.left_behind.push(Leftover {
            what: what.into(),
            costs,
        });
        self
    }
}

/// How a step ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    Done,
    Unchanged,
    /// It needed what another step did not give.
    Skipped {
        because: ResourceId,
    },
    /// Interrupted; the same command goes on from here.
    Stopped {
        left_behind: Vec<Leftover>,
    },
    Failed(Failure),
}

/// How long a step may take, in AWS's time.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub warn_after: Duration,
    pub give_up_after: Duration,
}

impl Limits {
    pub const fn minutes(warn_after: u64, give_up_after: u64) -> Self {
        Self {
            warn_after: Duration::from_secs(warn_after * 60),
            give_up_after: Duration::from_secs(give_up_after * 60),
        }
    }
}

/// One file in `resources/` implements this for one resource of the stack.
pub trait Resource: Send + Sync + 'static {
    /// What is known of it once it exists.
    type Live: Clone + Send + Sync + 'static;
    /// What is known of where it would be made: its name, and why not another.
    type Place: Clone + Send + Sync + 'static;
    /// What changing it consists of.
    type Step: Step;
    type Clients: Send + Sync + 'static;

    fn id(&self) -> ResourceId;

    /// What tells it from another of its kind within the stack: its name in AWS where it has one that cannot be changed. Two
    /// profiles that mean the same name mean the same resource.
    fn name(&self) -> String;

    /// Its kind in AWS's terms and its name: `table users`. For readers only.
    fn title(&self) -> String;

    /// The same, once it is known under which name it is or would be.
    fn title_of(&self, _: &Observed<Self::Live, Self::Place>) -> String {
        self.title()
    }

    /// Names of outputs that must be known before it is applied.
    fn needs(&self) -> Vec<&'static str>;

    /// Names of outputs that it publishes.
    fn gives(&self) -> Vec<&'static str>;

    fn limits(&self) -> Limits;

    /// What costs money while it exists, whether it is used or not, in the words that name it after a run that did not end.
    fn costs(&self) -> Option<String> {
        None
    }

    /// Whether it holds what people entrusted to it: `up` never removes such a one, even where it is empty.
    fn holds_data(&self) -> bool {
        false
    }

    /// Whether it is removed once everything else of the run is gone, because it says by what the rest may go. Where something stays
    /// that was to go, it stays too. Only what needs nothing itself can be.
    fn goes_last(&self, _: &Self::Live) -> bool {
        false
    }

    /// Finds it by tag and name; needs no output, so that all resources are observed at once.
    ///
    /// # Errors
    /// What makes a plan impossible, such as denied permissions.
    fn observe(
        &self,
        cx: &ReadCx<Self::Clients>,
    ) -> impl Future<Output = Result<Observed<Self::Live, Self::Place>, Error>> + Send;

    /// What is to be done. Pure: it is run again when more outputs are known.
    fn plan(&self, seen: &Observed<Self::Live, Self::Place>, known: &Values) -> Plan<Self::Step>;

    /// What else a reader of the plan should know. Pure.
    fn notices(&self, _: &Observed<Self::Live, Self::Place>) -> Vec<Notice> {
        Vec::new()
    }

    /// What is said of its steps beneath them, in lines: what they cost, and what else could be done. Pure.
    fn remarks(&self, _: &Observed<Self::Live, Self::Place>) -> Vec<String> {
        Vec::new()
    }

    /// Publishes the outputs of one that exists.
    fn publish(&self, live: &Self::Live, values: &mut Values);

    /// The outputs that are known before it is made, where its name decides them. They complete the plan; nothing starts on them.
    fn foresee(&self, _: &Self::Place, _: &mut Values) {}

    /// Makes one where there is none.
    ///
    /// # Errors
    /// Why not, and what was left behind.
    fn create(
        &self,
        cx: &WriteCx<Self::Clients>,
        place: Self::Place,
    ) -> impl Future<Output = Result<Self::Live, Failure>> + Send;

    /// Takes exactly these steps: all of them were shown.
    ///
    /// # Errors
    /// Why not, and what was left behind.
    fn update(
        &self,
        cx: &WriteCx<Self::Clients>,
        live: Self::Live,
        steps: Vec<Self::Step>,
    ) -> impl Future<Output = Result<Self::Live, Failure>> + Send;

    /// What `teardown` will do. The default removes what is ours and leaves all else.
    fn plan_removal(&self, seen: &Observed<Self::Live, Self::Place>) -> Removal {
        default_removal(seen)
    }

    /// Removes it. Called only for what [`Resource::plan_removal`] said to delete.
    ///
    /// # Errors
    /// Why not, and what is left.
    fn delete(&self, cx: &WriteCx<Self::Clients>, live: Self::Live)
    -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Removes what is ours and leaves all else.
pub fn default_removal<L, P>(seen: &Observed<L, P>) -> Removal {
    match seen {
        Observed::Absent(_) => Removal::Absent,
        Observed::Unknown(error) => Removal::Blocked {
            reason: format!("it cannot be told whether it exists: {}", error.in_a_line()),
            hint: error.hint.clone().unwrap_or_else(|| Hint::run("doctor")),
        },
        Observed::Present { owner, .. } | Observed::Settling { owner, .. } => match owner {
            Owner::Ours => Removal::Delete { loses: None },
            Owner::Nobody => Removal::Leave {
                stays: Stays::NotOurs,
                reason: "not made by confctl".to_owned(),
            },
            Owner::OtherStack(stack) => Removal::Leave {
                stays: Stays::OtherStacks,
                reason: format!("belongs to stack {stack}"),
            },
        },
    }
}
