//! The graph of resources, what was observed of each, and what is therefore to be done.
//! Pure but for observing; must know nothing of how steps are run.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use futures_util::future::join_all;
use serde::Serialize;

use super::{Change, Error, Hint, Node, Owner, ReadCx, Removal, ResourceId, Seen, Values};

/// Resources whose needs are met by each other, in an order in which givers come before users.
pub struct Graph<C> {
    nodes: Vec<Arc<dyn Node<C>>>,
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
    /// What was found; absent where nobody asked.
    pub fn of(&self, resource: ResourceId) -> Seen {
        self.0.get(resource).cloned().unwrap_or(Seen::Absent)
    }

    pub fn owner(&self, resource: ResourceId) -> Option<Owner> {
        self.0.get(resource)?.live().map(|(_, owner)| owner.clone())
    }
}

impl<C: Send + Sync + 'static> Graph<C> {
    /// # Errors
    /// Where two resources have one id, a need has no giver, or needs go in a circle.
    pub fn new(nodes: Vec<Arc<dyn Node<C>>>) -> Result<Self, Error> {
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
    pub fn partial(nodes: Vec<Arc<dyn Node<C>>>) -> Result<Self, Error> {
        Ok(Self { nodes: ordered(nodes)? })
    }

    pub fn nodes(&self) -> &[Arc<dyn Node<C>>] {
        &self.nodes
    }

    /// The edges: who gives an output, which, and to whom.
    pub fn edges(&self) -> Vec<(ResourceId, &'static str, ResourceId)> {
        let mut edges = Vec::new();
        for user in &self.nodes {
            for need in user.needs() {
                let givers = self.nodes.iter().filter(|giver| giver.gives().contains(&need));
                edges.extend(givers.map(|giver| (giver.id(), need, user.id())));
            }
        }
        edges
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
            let change = match &seen {
                Seen::Unknown(error) => Change::Blocked {
                    reason: format!("it cannot be told whether it exists: {}", error.in_a_line()),
                    hint: error.hint.clone().unwrap_or_else(|| Hint::run("doctor")),
                },
                _ => node.plan(&seen, &known),
            };
            node.publish(&seen, &mut known);
            let settling = match &seen {
                Seen::Settling { what, .. } => Some(what.clone()),
                _ => None,
            };
            planned.push(Planned {
                resource: node.id(),
                title: node.title(),
                change,
                settling,
            });
        }
        planned
    }

    /// What `teardown` would do, in the order of its plan: users before givers.
    pub fn plan_removal(&self, observations: &Observations) -> Vec<PlannedRemoval> {
        let planned = self.nodes.iter().rev().map(|node| PlannedRemoval {
            resource: node.id(),
            title: node.title(),
            holds_data: node.holds_data(),
            removal: node.plan_removal(&observations.of(node.id())),
        });
        planned.collect()
    }

    /// The outputs that are sure before a run: those of resources that stay as they are.
    pub fn settled_values(&self, observations: &Observations, planned: &[Planned]) -> Values {
        let mut values = Values::default();
        for (node, plan) in self.nodes.iter().zip(planned) {
            if matches!(plan.change, Change::Keep | Change::Adopt) && plan.settling.is_none() {
                node.publish(&observations.of(node.id()), &mut values);
            }
        }
        values
    }
}

/// Givers before users, and otherwise in the order given.
fn ordered<C>(mut rest: Vec<Arc<dyn Node<C>>>) -> Result<Vec<Arc<dyn Node<C>>>, Error> {
    let mut order: Vec<Arc<dyn Node<C>>> = Vec::with_capacity(rest.len());
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
