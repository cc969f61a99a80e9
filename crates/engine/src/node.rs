//! A resource without its own types, as the engine holds it: what is shown of a plan beside the steps themselves.
//! Must know nothing of how steps are ordered or shown.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::ser::SerializeSeq;

use super::{
    Effect, Error, Failure, FieldChange, Hint, Kind, Limits, Notice, Observed, Plan, ReadCx, Removal, Resource,
    ResourceId, Step, Values, WriteCx,
};

type Erased = Arc<dyn Any + Send + Sync>;

/// What was observed, whatever the resource's own types.
pub type Seen = Observed<Erased, Erased>;

/// The steps of an update, and how they are shown. Only the node that planned them can take them.
#[derive(Clone)]
pub struct Steps {
    shown: Vec<FieldChange>,
    own: Erased,
}

impl Steps {
    fn of<S: Step>(steps: Vec<S>) -> Self {
        Self {
            shown: steps.iter().map(Step::shown).collect(),
            own: Arc::new(steps),
        }
    }

    pub fn shown(&self) -> &[FieldChange] {
        &self.shown
    }

    fn own<S: Step>(&self) -> Option<Vec<S>> {
        self.own.downcast_ref::<Vec<S>>().cloned()
    }
}

/// The steps themselves may hold secrets: only what is shown is printed, written down and compared.
impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shown.fmt(f)
    }
}

impl PartialEq for Steps {
    fn eq(&self, other: &Self) -> bool {
        self.shown == other.shown
    }
}

impl Eq for Steps {}

impl Serialize for Steps {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_seq(Some(self.shown.len()))?;
        for field in &self.shown {
            fields.serialize_element(field)?;
        }
        fields.end()
    }
}

/// What `up` will do with a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum Change {
    Create,
    Update {
        fields: Steps,
    },
    Keep,
    /// Used as it is: never changed, never deleted.
    Use,
    Blocked {
        reason: String,
        hint: Hint,
    },
}

impl Change {
    /// A plan as the engine holds it.
    pub fn of<S: Step>(plan: Plan<S>) -> Self {
        match plan {
            Plan::Create => Self::Create,
            Plan::Update(steps) => Self::Update {
                fields: Steps::of(steps),
            },
            Plan::Keep => Self::Keep,
            Plan::Use => Self::Use,
            Plan::Blocked { reason, hint } => Self::Blocked { reason, hint },
        }
    }

    /// Whether anything is left to do for it.
    pub fn is_pending(&self) -> bool {
        !matches!(self, Self::Keep | Self::Use)
    }

    /// What is shown of an update; nothing of all else.
    pub fn fields(&self) -> &[FieldChange] {
        match self {
            Self::Update { fields } => fields.shown(),
            _ => &[],
        }
    }

    /// What this does that who was shown `shown` has not seen. Less than was shown is nothing new: what an interrupted run did
    /// shows late, as reads are eventually consistent.
    pub fn beyond(&self, shown: &Self) -> Beyond {
        match (self, shown) {
            (Self::Keep, _) => Beyond::Nothing,
            // Part of it was made by a run that did not end: what a creation sets was agreed to with it.
            (Self::Update { .. }, Self::Create) => Beyond::Nothing,
            (Self::Update { fields: now }, shown) => {
                let was_shown = |field: &FieldChange| shown.fields().iter().any(|shown| field.was_shown_as(shown));
                let unseen = now
                    .shown
                    .iter()
                    .filter(|field| !field.passes_by_itself && !was_shown(field));
                let unseen: Vec<_> = unseen.cloned().collect();
                match (unseen.is_empty(), shown) {
                    (true, _) => Beyond::Nothing,
                    (false, Self::Use | Self::Blocked { .. }) => Beyond::Otherwise,
                    (false, _) => Beyond::Steps(unseen),
                }
            }
            (now, shown) if now == shown => Beyond::Nothing,
            _ => Beyond::Otherwise,
        }
    }
}

/// What a plan does beyond another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beyond {
    Nothing,
    /// These steps.
    Steps(Vec<FieldChange>),
    /// It is another kind of plan.
    Otherwise,
}

/// Whether somebody is served worse, for a while or at all, by these steps.
pub fn is_felt(steps: &[FieldChange]) -> bool {
    steps.iter().any(|step| step.effect != Effect::None)
}

/// A [`Resource`] without its own types.
pub trait Node<C>: Send + Sync {
    fn id(&self) -> ResourceId;
    fn name(&self) -> String;
    fn title(&self) -> String;
    fn title_of(&self, seen: &Seen) -> String;
    fn needs(&self) -> Vec<&'static str>;
    fn gives(&self) -> Vec<&'static str>;
    fn limits(&self) -> Limits;
    fn costs(&self) -> Option<String>;
    fn holds_data(&self) -> bool;
    fn goes_last(&self, seen: &Seen) -> bool;
    fn observe<'a>(&'a self, cx: &'a ReadCx<C>) -> BoxFuture<'a, Result<Seen, Error>>;
    fn plan(&self, seen: &Seen, known: &Values) -> Change;
    fn notices(&self, seen: &Seen) -> Vec<Notice>;
    fn remarks(&self, seen: &Seen) -> Vec<String>;
    fn plan_removal(&self, seen: &Seen) -> Removal;
    fn publish(&self, seen: &Seen, values: &mut Values);
    fn foresee(&self, seen: &Seen, values: &mut Values);
    /// Does what `change` says and nothing else. Gives what came of it.
    fn apply<'a>(
        &'a self,
        cx: &'a WriteCx<C>,
        seen: Seen,
        change: &'a Change,
    ) -> BoxFuture<'a, Result<Values, Failure>>;
    fn delete<'a>(&'a self, cx: &'a WriteCx<C>, seen: Seen) -> BoxFuture<'a, Result<(), Failure>>;
}

fn erased<L, P>(seen: Observed<L, P>) -> Seen
where
    L: Send + Sync + 'static,
    P: Send + Sync + 'static,
{
    match seen {
        Observed::Absent(place) => Seen::Absent(Arc::new(place)),
        Observed::Present { live, owner } => Seen::Present {
            live: Arc::new(live),
            owner,
        },
        Observed::Settling { live, owner, what } => Seen::Settling {
            live: Arc::new(live),
            owner,
            what,
        },
        Observed::Unknown(error) => Seen::Unknown(error),
    }
}

/// Gives a resource its own types back. The engine hands each node only what that node observed: what another one did reads as
/// unknown, which is refused everywhere.
fn own<L, P>(seen: &Seen) -> Observed<L, P>
where
    L: Clone + Send + Sync + 'static,
    P: Clone + Send + Sync + 'static,
{
    let not_its_own = || Observed::Unknown(Error::failed("this is what another resource observed"));
    let live = |live: &Erased| live.downcast_ref::<L>().cloned();
    match seen {
        Seen::Absent(place) => place
            .downcast_ref::<P>()
            .cloned()
            .map_or_else(not_its_own, Observed::Absent),
        Seen::Present { live: found, owner } => live(found).map_or_else(not_its_own, |live| Observed::Present {
            live,
            owner: owner.clone(),
        }),
        Seen::Settling {
            live: found,
            owner,
            what,
        } => live(found).map_or_else(not_its_own, |live| Observed::Settling {
            live,
            owner: owner.clone(),
            what: what.clone(),
        }),
        Seen::Unknown(error) => Observed::Unknown(error.clone()),
    }
}

impl<R: Resource> Node<R::Clients> for R {
    fn id(&self) -> ResourceId {
        Resource::id(self)
    }

    fn name(&self) -> String {
        Resource::name(self)
    }

    fn title(&self) -> String {
        Resource::title(self)
    }

    fn title_of(&self, seen: &Seen) -> String {
        Resource::title_of(self, &own(seen))
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

    fn goes_last(&self, seen: &Seen) -> bool {
        let seen = own::<R::Live, R::Place>(seen);
        seen.live().is_some_and(|(live, _)| Resource::goes_last(self, live))
    }

    fn observe<'a>(&'a self, cx: &'a ReadCx<R::Clients>) -> BoxFuture<'a, Result<Seen, Error>> {
        Box::pin(async move {
            let seen = match Resource::observe(self, cx).await {
                // It went between two reads of one look, as what others or a former run are deleting does.
                Err(error) if error.kind == Kind::Missing => Resource::observe(self, cx).await?,
                seen => seen?,
            };
            Ok(erased(seen))
        })
    }

    fn plan(&self, seen: &Seen, known: &Values) -> Change {
        match own(seen) {
            Observed::Unknown(error) => Change::Blocked {
                reason: format!("it cannot be told whether it exists: {}", error.in_a_line()),
                hint: error.hint.unwrap_or_else(|| Hint::run("doctor")),
            },
            seen => Change::of(Resource::plan(self, &seen, known)),
        }
    }

    fn notices(&self, seen: &Seen) -> Vec<Notice> {
        Resource::notices(self, &own(seen))
    }

    fn remarks(&self, seen: &Seen) -> Vec<String> {
        Resource::remarks(self, &own(seen))
    }

    fn plan_removal(&self, seen: &Seen) -> Removal {
        Resource::plan_removal(self, &own(seen))
    }

    fn publish(&self, seen: &Seen, values: &mut Values) {
        if let Some((live, _)) = own::<R::Live, R::Place>(seen).live() {
            Resource::publish(self, live, values);
        }
    }

    fn foresee(&self, seen: &Seen, values: &mut Values) {
        if let Observed::Absent(place) = own::<R::Live, R::Place>(seen) {
            Resource::foresee(self, &place, values);
        }
    }

    fn apply<'a>(
        &'a self,
        cx: &'a WriteCx<R::Clients>,
        seen: Seen,
        change: &'a Change,
    ) -> BoxFuture<'a, Result<Values, Failure>> {
        Box::pin(async move {
            let live = match (change, own::<R::Live, R::Place>(&seen)) {
                (Change::Create, Observed::Absent(place)) => Resource::create(self, cx, place).await?,
                (Change::Update { fields }, Observed::Present { live, .. } | Observed::Settling { live, .. }) => {
                    let steps = fields.own::<R::Step>();
                    let steps = steps.ok_or_else(|| Error::failed("these are another resource's steps"))?;
                    Resource::update(self, cx, live, steps).await?
                }
                (_, Observed::Present { live, .. } | Observed::Settling { live, .. }) => live,
                (_, Observed::Absent(_)) => return Err(Error::failed("what is not there cannot be changed").into()),
                (_, Observed::Unknown(error)) => return Err(error.into()),
            };
            let mut values = Values::default();
            Resource::publish(self, &live, &mut values);
            Ok(values)
        })
    }

    fn delete<'a>(&'a self, cx: &'a WriteCx<R::Clients>, seen: Seen) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            match own::<R::Live, R::Place>(&seen) {
                Observed::Present { live, .. } | Observed::Settling { live, .. } => {
                    Resource::delete(self, cx, live).await
                }
                Observed::Absent(_) => Ok(()),
                Observed::Unknown(error) => Err(error.into()),
            }
        })
    }
}
