//! The graph of resources, what was observed of each, and what is therefore to be done.
//! Pure but for observing; must know nothing of how steps are run.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Deref;
use std::sync::Arc;

use futures_util::future::join_all;
use serde::Serialize;

use super::{Change, Error, Node, Notice, Owner, ReadCx, Removal, ResourceId, Seen, Values};

/// Resources whose needs are met by each other, in an order in which givers come before users.
pub struct Graph<C> {
    nodes: Vec<Member<C>>,
}

/// A resource of a graph, under the id that it has there: its own, but where the graph has two of a kind.
pub struct Member<C> {
    id: ResourceId,
    node: Arc<dyn Node<C>>,
}

impl<C> Member<C> {
    pub fn new(id: ResourceId, node: Arc<dyn Node<C>>) -> Self {
        Self { id, node }
    }

    pub fn id(&self) -> ResourceId {
        self.id
    }

    /// The id of its kind.
    pub fn kind(&self) -> ResourceId {
        self.node.id()
    }

    pub fn node(&self) -> &Arc<dyn Node<C>> {
        &self.node
    }
}

impl<C> Clone for Member<C> {
    fn clone(&self) -> Self {
        Self {
            id: self.id,
            node: self.node.clone(),
        }
    }
}

impl<C: 'static> Deref for Member<C> {
    type Target = dyn Node<C>;

    fn deref(&self) -> &Self::Target {
        self.node.as_ref()
    }
}

impl<C> Clone for Graph<C> {
    fn clone(&self) -> Self {
        Self {
            nodes: self.nodes.clone(),
        }
    }
}

/// What `up` will do with one resource.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Planned {
    pub resource: ResourceId,
    pub title: String,
    #[serde(flatten)]
    pub change: Change,
    /// Set where it is in transition; the run follows it until it rests.
    pub settling: Option<String>,
    #[serde(skip)]
    pub notices: Vec<Notice>,
    /// Lines beneath its steps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

impl Planned {
    /// Whether `up` has anything to do with it, if only to follow it until it rests.
    pub fn is_pending(&self) -> bool {
        self.change.is_pending() || self.settling.is_some()
    }
}

/// What `teardown` will do with one resource.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlannedRemoval {
    pub resource: ResourceId,
    pub title: String,
    #[serde(skip)]
    pub holds_data: bool,
    #[serde(flatten)]
    pub removal: Removal,
}

/// What was found of each resource.
#[derive(Clone, Default)]
pub struct Observations(HashMap<ResourceId, Seen>);

impl Observations {
    /// What was found; unknown where nobody asked.
    pub fn of(&self, resource: ResourceId) -> Seen {
        let not_asked = || Seen::Unknown(Error::failed(format!("nobody looked for {resource}")));
        self.0.get(resource).cloned().unwrap_or_else(not_asked)
    }

    pub fn owner(&self, resource: ResourceId) -> Option<Owner> {
        self.0.get(resource)?.live().map(|(_, owner)| owner.clone())
    }
}

impl<C: Send + Sync + 'static> Graph<C> {
    /// # Errors
    /// Where two resources have one id, a need has no giver, or needs go in a circle.
    pub fn new(nodes: Vec<Arc<dyn Node<C>>>) -> Result<Self, Error> {
        let nodes: Vec<_> = nodes.into_iter().map(|node| Member::new(node.id(), node)).collect();
        let mut givers: BTreeMap<&'static str, ResourceId> = BTreeMap::new();
        let mut ids = HashSet::new();
        for node in &nodes {
            if !ids.insert(node.id()) {
                return Err(Error::failed(format!("two resources are called '{}'", node.id())));
            }
            for output in node.gives() {
                givers.insert(output, node.id());
            }
        }
        for node in &nodes {
            if let Some(need) = node.needs().into_iter().find(|need| !givers.contains_key(need)) {
                return Err(Error::failed(format!(
                    "nothing gives '{need}', which {} needs",
                    node.id()
                )));
            }
        }
        Ok(Self { nodes: ordered(nodes)? })
    }

    /// Part of a graph: what its resources need may be given by others that are not in it.
    ///
    /// # Errors
    /// Where needs go in a circle.
    pub fn partial(nodes: Vec<Member<C>>) -> Result<Self, Error> {
        Ok(Self { nodes: ordered(nodes)? })
    }

    pub fn nodes(&self) -> &[Member<C>] {
        &self.nodes
    }

    /// Finds every resource, all at once.
    ///
    /// # Errors
    /// The first that could not be observed.
    pub async fn observe(&self, cx: &ReadCx<C>) -> Result<Observations, Error> {
        let seen = join_all(self.nodes.iter().map(|node| async move {
            let seen = node
                .observe(cx)
                .await
                .map_err(|error| error.context(format!("could not read {}", node.title())))?;
            Ok((node.id(), seen))
        }));
        Ok(Observations(seen.await.into_iter().collect::<Result<_, Error>>()?))
    }

    /// What `up` would do, with what is known before anything is applied.
    pub fn plan(&self, observations: &Observations) -> Vec<Planned> {
        let mut known = Values::default();
        let mut planned = Vec::new();
        for node in &self.nodes {
            let seen = observations.of(node.id());
            let change = node.plan(&seen, &known);
            node.publish(&seen, &mut known);
            if change == Change::Create {
                node.foresee(&seen, &mut known);
            }
            let settling = match &seen {
                Seen::Settling { what, .. } => Some(what.clone()),
                _ => None,
            };
            planned.push(Planned {
                resource: node.id(),
                title: node.title_of(&seen),
                change,
                settling,
                notices: node.notices(&seen),
                remarks: node.remarks(&seen),
            });
        }
        planned
    }

    /// What `teardown` would do, in the order of its plan: users before givers.
    pub fn plan_removal(&self, observations: &Observations) -> Vec<PlannedRemoval> {
        let planned = self.nodes.iter().rev().map(|node| PlannedRemoval {
            resource: node.id(),
            title: node.title_of(&observations.of(node.id())),
            holds_data: node.holds_data(),
            removal: node.plan_removal(&observations.of(node.id())),
        });
        planned.collect()
    }

    /// The outputs that are sure before a run: those of resources that stay as they are.
    pub fn settled_values(&self, observations: &Observations, planned: &[Planned]) -> Values {
        let mut values = Values::default();
        for (node, plan) in self.nodes.iter().zip(planned) {
            if !plan.is_pending() {
                node.publish(&observations.of(node.id()), &mut values);
            }
        }
        values
    }
}

/// Givers before users, and otherwise in the order given.
fn ordered<C: 'static>(mut rest: Vec<Member<C>>) -> Result<Vec<Member<C>>, Error> {
    let mut order: Vec<Member<C>> = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let missing: HashSet<&'static str> = rest.iter().flat_map(|node| node.gives()).collect();
        let ready = rest
            .iter()
            .position(|node| !node.needs().iter().any(|need| missing.contains(need)));
        let Some(ready) = ready else {
            let circle: Vec<_> = rest.iter().map(|node| node.id()).collect();
            return Err(Error::failed(format!(
                "these resources need each other: {}",
                circle.join(", ")
            )));
        };
        order.push(rest.remove(ready));
    }
    Ok(order)
}
