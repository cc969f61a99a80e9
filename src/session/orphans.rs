//! What of a stack is there that its graph does not have: made by former profiles, or found by its tags.
//! Deletes nothing, and must know nothing of where former profiles are kept.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::profile_bundle;
use crate::aws::Aws;
use crate::engine::{Error, Graph, Member};
use crate::profile::{Profile, StackName};
use crate::resources::found::Found;
use crate::resources::outputs::DISTRIBUTION;
use crate::resources::{self, ExportTo, Stack};

/// What of a stack is there that its graph does not have: what former profiles had, and what carries its tags.
pub(crate) struct Orphans<'a> {
    pub name: &'a StackName,
    pub region: &'a str,
    pub former: &'a [Profile],
    pub found: &'a Found,
    pub may_lose_data: bool,
    pub export_to: Option<PathBuf>,
}

impl Orphans<'_> {
    /// The resources of former profiles that the graph no longer has, and those found by their tags that nobody remembers.
    pub(crate) fn beside(&self, present: &Stack, graph: &Graph<Aws>) -> Result<Graph<Aws>, Error> {
        let mut among = Among::of(present, graph, self.found);
        for profile in self.former {
            let stack = Arc::new(self.stack(profile.clone()));
            among.add(resources::graph(&stack)?.nodes());
        }
        for (kind, name) in &self.found.parts {
            let mut stack = self.stack(resources::found::profile_with(kind, name));
            resources::found::rename(&mut stack.names, kind, name);
            let graph = resources::graph(&Arc::new(stack))?;
            let of_kind: Vec<_> = graph
                .nodes()
                .iter()
                .filter(|node| node.kind() == *kind || resources::found::goes_with(kind, node.kind()))
                .cloned()
                .collect();
            among.add(&of_kind);
        }
        if !self.found.distributions.is_empty() {
            let graph = resources::graph(&Arc::new(self.stack(Profile::default())))?;
            let all = graph.nodes().iter();
            among.add(
                &all.filter(|node| node.gives().contains(&DISTRIBUTION.name))
                    .cloned()
                    .collect::<Vec<_>>(),
            );
        }
        Graph::partial(among.orphans)
    }

    fn stack(&self, profile: Profile) -> Stack {
        let mut stack = Stack::new(self.name.clone(), self.region, profile, profile_bundle::unknown());
        stack.is_removed = true;
        stack.may_lose_data = self.may_lose_data;
        stack.export_to = self.export_to.clone().map(|path| ExportTo { path, of_former: true });
        stack.found_distributions = self.found.distributions.clone();
        // What there is once a stack may have something of each of them.
        stack.former = self.former.to_vec();
        stack
    }
}

/// What is known so far, by kind and name, and which ids are taken.
struct Among<'a> {
    found: &'a Found,
    known: BTreeSet<(&'static str, String)>,
    ids: BTreeSet<&'static str>,
    orphans: Vec<Member<Aws>>,
}

/// What a resource is known by. The default VPC that was made may be named by its id.
fn identity(found: &Found, kind: &'static str, name: String) -> (&'static str, String) {
    match found.networks.contains(&name) {
        true => (kind, String::new()),
        false => (kind, name),
    }
}

impl<'a> Among<'a> {
    fn of(present: &Stack, graph: &Graph<Aws>, found: &'a Found) -> Self {
        let nodes = graph.nodes().iter();
        let mut known: BTreeSet<_> = nodes.map(|node| identity(found, node.kind(), node.name())).collect();
        // Where the preferred name is taken these are used instead, by the same resources.
        known.insert(("service-role", present.names.own_service_role.clone()));
        known.insert(("instance-profile", present.names.own_instance_profile.clone()));
        // It stays until somebody says that it goes.
        let beside = present.beside.iter().filter(|_| present.keeps_beside());
        known.extend(beside.map(|side| ("environment", side.name.clone())));
        Self {
            found,
            known,
            ids: graph.nodes().iter().map(Member::id).collect(),
            orphans: Vec::new(),
        }
    }

    fn add(&mut self, nodes: &[Member<Aws>]) {
        // A version's name changes with every build; those of former builds go with their application.
        let passing = [resources::VERSION_ID];
        for node in nodes {
            let kind = node.kind();
            if passing.contains(&kind) || !self.known.insert(identity(self.found, kind, node.name())) {
                continue;
            }
            let mut turn = (1..).map(|turn| format!("former-{turn}-{kind}"));
            let id = match self.ids.contains(kind) {
                false => kind,
                // Ids are fixed words everywhere else: the few of former names live as long as the process.
                true => turn
                    .find(|id| !self.ids.contains(id.as_str()))
                    .unwrap_or_default()
                    .leak(),
            };
            self.ids.insert(id);
            self.orphans.push(Member::new(id, node.node().clone()));
        }
    }
}
