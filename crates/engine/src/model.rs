//! What a resource is to the engine: observed, planned, applied, deleted.
//! Must know nothing of how steps are ordered or shown.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Serialize;

use super::{Error, Hint, Kind, ReadCx, Values, WriteCx};

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
pub enum Observed<L> {
    Absent,
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

impl<L> Observed<L> {
    pub fn live(&self) -> Option<(&L, &Owner)> {
        match self {
            Self::Present { live, owner } | Self::Settling { live, owner, .. } => Some((live, owner)),
            Self::Absent | Self::Unknown(_) => None,
        }
    }

    fn map<M>(self, change: impl FnOnce(L) -> M) -> Observed<M> {
        match self {
            Self::Absent => Observed::Absent,
            Self::Present { live, owner } => Observed::Present {
                live: change(live),
                owner,
            },
            Self::Settling { live, owner, what } => Observed::Settling {
                live: change(live),
                owner,
                what,
            },
            Self::Unknown(error) => Observed::Unknown(error),
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

/// A field that differs. `None`: not set, or known only after apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    pub field: String,
    pub from: Option<String>,
    pub to: Option<String>,
    pub effect: Effect,
}

impl FieldChange {
    pub fn new(field: impl Into<String>, from: impl Into<Option<String>>, to: impl Into<Option<String>>) -> Self {
        Self {
            field: field.into(),
            from: from.into(),
            to: to.into(),
            effect: Effect::None,
        }
    }

    #[must_use]
    pub fn effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }
}

/// What `up` will do with a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum Change {
    Create,
    Update {
        fields: Vec<FieldChange>,
    },
    Keep,
    /// Used as it is: never changed, never deleted.
    Adopt,
    Blocked {
        reason: String,
        hint: Hint,
    },
}

impl Change {
    /// Whether anything is left to do for it.
    pub fn is_pending(&self) -> bool {
        !matches!(self, Self::Keep | Self::Adopt)
    }
}

/// The kinds of what a teardown leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stays {
    /// Nobody's stack made it.
    NotOurs,
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
    type Clients: Send + Sync + 'static;

    fn id(&self) -> ResourceId;

    /// Its name in AWS's terms and its physical name: `table users`.
    fn title(&self) -> String;

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

    /// Finds it by name and tag; needs no output, so that all resources are observed at once.
    ///
    /// # Errors
    /// What makes a plan impossible, such as denied permissions.
    fn observe(&self, cx: &ReadCx<Self::Clients>) -> impl Future<Output = Result<Observed<Self::Live>, Error>> + Send;

    /// What is to be done. Pure: it is run again when more outputs are known.
    fn plan(&self, seen: &Observed<Self::Live>, known: &Values) -> Change;

    /// Publishes the outputs of one that exists.
    fn publish(&self, live: &Self::Live, values: &mut Values);

    /// Makes it so.
    ///
    /// # Errors
    /// Why not, and what was left behind.
    fn apply(
        &self,
        cx: &WriteCx<Self::Clients>,
        seen: Observed<Self::Live>,
        change: &Change,
    ) -> impl Future<Output = Result<Self::Live, Failure>> + Send;

    /// What `teardown` will do. The default removes what is ours and leaves all else.
    fn plan_removal(&self, seen: &Observed<Self::Live>) -> Removal {
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
pub fn default_removal<L>(seen: &Observed<L>) -> Removal {
    match seen {
        Observed::Absent => Removal::Absent,
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

type Live = Arc<dyn Any + Send + Sync>;

/// What was observed, whatever the resource's own type.
pub type Seen = Observed<Live>;

/// A [`Resource`] without its own type, as the engine holds it.
pub trait Node<C>: Send + Sync {
    fn id(&self) -> ResourceId;
    fn title(&self) -> String;
    fn needs(&self) -> Vec<&'static str>;
    fn gives(&self) -> Vec<&'static str>;
    fn limits(&self) -> Limits;
    fn costs(&self) -> Option<String>;
    fn holds_data(&self) -> bool;
    fn observe<'a>(&'a self, cx: &'a ReadCx<C>) -> BoxFuture<'a, Result<Seen, Error>>;
    fn plan(&self, seen: &Seen, known: &Values) -> Change;
    fn plan_removal(&self, seen: &Seen) -> Removal;
    fn publish(&self, seen: &Seen, values: &mut Values);
    /// Applies, and publishes what came of it into `values`.
    fn apply<'a>(
        &'a self,
        cx: &'a WriteCx<C>,
        seen: Seen,
        change: &'a Change,
    ) -> BoxFuture<'a, Result<Values, Failure>>;
    fn delete<'a>(&'a self, cx: &'a WriteCx<C>, seen: Seen) -> BoxFuture<'a, Result<(), Failure>>;
}

/// Gives a resource its own type back. What another type observed reads as absent, which cannot happen: the engine hands
/// each node only what that node observed.
fn own<L: Clone + Send + Sync + 'static>(seen: &Seen) -> Observed<L> {
    match seen.live() {
        Some((live, _)) => match live.downcast_ref::<L>() {
            Some(own) => seen.clone().map(|_| own.clone()),
            None => Observed::Absent,
        },
        None => match seen {
            Observed::Unknown(error) => Observed::Unknown(error.clone()),
            _ => Observed::Absent,
        },
    }
}

impl<R: Resource> Node<R::Clients> for R {
    fn id(&self) -> ResourceId {
        Resource::id(self)
    }

    fn title(&self) -> String {
        Resource::title(self)
    }

    fn needs(&self) -> Vec<&'static str> {
        Resource::needs(self)
    }

    fn gives(&self) -> Vec<&'static str> {
        Resource::gives(self)
    }

    fn limits(&self) -> Limits {
        Resource::limits(self)
    }

    fn costs(&self) -> Option<String> {
        Resource::costs(self)
    }

    fn holds_data(&self) -> bool {
        Resource::holds_data(self)
    }

    fn observe<'a>(&'a self, cx: &'a ReadCx<R::Clients>) -> BoxFuture<'a, Result<Seen, Error>> {
        Box::pin(async move {
            let seen = match Resource::observe(self, cx).await {
                // It went between two reads of one look, as what others or a former run are deleting does.
                Err(error) if error.kind == Kind::Missing => Resource::observe(self, cx).await?,
                seen => seen?,
            };
            Ok(seen.map(|live| Arc::new(live) as Live))
        })
    }

    fn plan(&self, seen: &Seen, known: &Values) -> Change {
        Resource::plan(self, &own(seen), known)
    }

    fn plan_removal(&self, seen: &Seen) -> Removal {
        Resource::plan_removal(self, &own(seen))
    }

    fn publish(&self, seen: &Seen, values: &mut Values) {
        if let Some((live, _)) = own::<R::Live>(seen).live() {
            Resource::publish(self, live, values);
        }
    }

    fn apply<'a>(
        &'a self,
        cx: &'a WriteCx<R::Clients>,
        seen: Seen,
        change: &'a Change,
    ) -> BoxFuture<'a, Result<Values, Failure>> {
        Box::pin(async move {
            let live = Resource::apply(self, cx, own(&seen), change).await?;
            let mut values = Values::default();
            Resource::publish(self, &live, &mut values);
            Ok(values)
        })
    }

    fn delete<'a>(&'a self, cx: &'a WriteCx<R::Clients>, seen: Seen) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            match own::<R::Live>(&seen) {
                Observed::Present { live, .. } | Observed::Settling { live, .. } => {
                    Resource::delete(self, cx, live).await
                }
                Observed::Absent | Observed::Unknown(_) => Ok(()),
            }
        })
    }
}

/// A node of a former profile that shares its id with one of the present: the same resource under another name.
pub struct Former<C> {
    pub id: ResourceId,
    pub node: Arc<dyn Node<C>>,
}

impl<C: Send + Sync + 'static> Node<C> for Former<C> {
    fn id(&self) -> ResourceId {
        self.id
    }

    fn title(&self) -> String {
        self.node.title()
    }

    fn needs(&self) -> Vec<&'static str> {
        self.node.needs()
    }

    fn gives(&self) -> Vec<&'static str> {
        self.node.gives()
    }

    fn limits(&self) -> Limits {
        self.node.limits()
    }

    fn costs(&self) -> Option<String> {
        self.node.costs()
    }

    fn holds_data(&self) -> bool {
        self.node.holds_data()
    }

    fn observe<'a>(&'a self, cx: &'a ReadCx<C>) -> BoxFuture<'a, Result<Seen, Error>> {
        self.node.observe(cx)
    }

    fn plan(&self, seen: &Seen, known: &Values) -> Change {
        self.node.plan(seen, known)
    }

    fn plan_removal(&self, seen: &Seen) -> Removal {
        self.node.plan_removal(seen)
    }

    fn publish(&self, seen: &Seen, values: &mut Values) {
        self.node.publish(seen, values);
    }

    fn apply<'a>(
        &'a self,
        cx: &'a WriteCx<C>,
        seen: Seen,
        change: &'a Change,
    ) -> BoxFuture<'a, Result<Values, Failure>> {
        self.node.apply(cx, seen, change)
    }

    fn delete<'a>(&'a self, cx: &'a WriteCx<C>, seen: Seen) -> BoxFuture<'a, Result<(), Failure>> {
        self.node.delete(cx, seen)
    }
}
