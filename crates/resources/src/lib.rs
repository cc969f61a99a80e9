//! The resources of a stack, one file each, and the one list of them. A resource knows its own AWS service only.
//! Must know nothing of the command line, of the terminal, or of what kind of AWS it talks to.

pub mod all_stacks;
mod application;
mod canary;
mod certificate;
mod certificate_calls;
mod default_vpc;
mod deploying;
mod distribution;
mod distribution_behaviors;
mod distribution_calls;
mod distribution_config;
mod distribution_origin;
mod domain_records;
pub mod draw_record;
mod environment;
mod export;
mod former_listener;
pub mod found;
mod front_door;
mod instance_policies;
mod instance_profile;
mod key_pair;
mod listener_rule;
mod load_balancer;
pub mod looking;
mod maintenance_html;
mod maintenance_page;
mod network_parts;
mod network_removal;
mod network_repair;
mod origin_secret;
pub mod outputs;
mod ownership;
pub mod partition;
pub mod policy;
mod prescale;
mod public_key;
pub mod rate_limits;
mod registrations;
mod role_facts;
mod roles;
pub mod room;
mod security_group;
mod service_role;
mod shared_load_balancer;
mod stack;
mod standing;
mod strategy;
mod target_figures;
mod tickets;
mod users_table;
mod version;
mod version_history;
mod web_acl;
mod web_acl_rules;
mod zones;

use std::sync::Arc;

pub use canary::{Canary, LARGEST_PART, Share, was_sent_back};
pub use default_vpc::unproven_intent;
pub use deploying::{Deploying, Way};
pub use environment::{
    CreditMode, Fares, InstanceVersion, environment_health, instance_versions, is_burstable, key_of_option,
    option_names, sweep_terminated, unswept_intents,
};
pub use front_door::HEADER as ORIGIN_HEADER;
pub use listener_rule::{is_turn, watched_for};
pub use maintenance_html::Page;
pub use maintenance_page::Maintenance;
pub use origin_secret::is_of_rotation;
pub use prescale::{Bounds, Prescale, Scaling, Stage, UNITS, reserved_hour};
pub use public_key::public_key;
pub use registrations::Registrations;
pub use stack::{BuildBundle, BundleToRun, ExportTo, Stack};
pub use standing::{Side, Tried, Turning, place, still_serves, way_to};
pub use strategy::Strategy;
pub use tickets::{Entrants, Holder};
pub use version::ID as VERSION_ID;
pub use version_history::{Attempt, Fate, VersionHistory};

use confctl_aws as aws;
use confctl_engine as engine;
use confctl_load as load;
use confctl_profile as profile;

use crate::aws::Aws;
use crate::engine::{Error, Graph, Node};

/// The graph of a stack: which resources it has depends on its profile.
///
/// # Errors
/// Where the list below does not form a graph, which is a bug of ours.
pub fn graph(stack: &Arc<Stack>) -> Result<Graph<Aws>, Error> {
    if let Some(deploying) = &stack.deploying {
        return deployment_graph(stack, deploying);
    }
    if let Some(Turning::To { .. }) = &stack.turning {
        return Graph::new(vec![Arc::new(listener_rule::ListenerRule::new(stack.clone()))]);
    }
    if let Some(wanted) = &stack.maintenance {
        let page = maintenance_page::MaintenancePage::new(stack.clone(), wanted.clone());
        return Graph::new(vec![Arc::new(page)]);
    }
    if stack.scaling.is_some() {
        return Graph::new(vec![Arc::new(environment::Environment::new(stack.clone()))]);
    }
    let profile = &stack.profile;
    let mut nodes: Vec<Arc<dyn Node<Aws>>> = vec![
        Arc::new(users_table::UsersTable::new(stack.clone())),
        Arc::new(default_vpc::DefaultVpc::new(stack.clone())),
        Arc::new(service_role::ServiceRole::new(stack.clone())),
        Arc::new(instance_profile::InstanceProfile::new(stack.clone())),
        Arc::new(application::Application::new(stack.clone())),
        Arc::new(version::ApplicationVersion::new(stack.clone())),
        Arc::new(environment::Environment::new(stack.clone())),
    ];
    if profile.ssh.enabled {
        nodes.push(Arc::new(key_pair::KeyPair::new(stack.clone())));
    }
    if profile.has_own_load_balancer() {
        nodes.push(Arc::new(security_group::SecurityGroup::new(stack.clone())));
        nodes.push(Arc::new(load_balancer::OwnLoadBalancer::new(stack.clone())));
        nodes.push(Arc::new(listener_rule::ListenerRule::new(stack.clone())));
        nodes.push(Arc::new(origin_secret::OriginSecrets::new(stack.clone())));
        nodes.push(Arc::new(former_listener::FormerListener::new(stack.clone())));
    }
    if profile.shared_load_balancer().is_some() {
        nodes.push(Arc::new(shared_load_balancer::SharedLoadBalancer::new(stack.clone())));
    }
    if profile.has_web_acl() {
        nodes.push(Arc::new(web_acl::WebAcl::new(stack.clone())));
    }
    if profile.cdn.enabled {
        nodes.push(Arc::new(distribution::Distribution::new(stack.clone())));
    }
    if !profile.site_names().is_empty() {
        nodes.push(Arc::new(certificate::Certificate::new(stack.clone())));
        if profile.has_origin_tls() {
            nodes.push(Arc::new(certificate::Certificate::of_origin(stack.clone())));
        }
        nodes.push(Arc::new(domain_records::DomainRecords::new(stack.clone())));
    }
    Graph::new(nodes)
}

/// What a run that only deploys is about: nothing else is looked at, planned or changed.
fn deployment_graph(stack: &Arc<Stack>, deploying: &Deploying) -> Result<Graph<Aws>, Error> {
    if deploying.way == Way::Finish {
        return Graph::new(Vec::new());
    }
    let mut nodes: Vec<Arc<dyn Node<Aws>>> = vec![Arc::new(environment::Environment::new(stack.clone()))];
    if deploying.way == Way::Forward {
        nodes.push(Arc::new(version::ApplicationVersion::new(stack.clone())));
    }
    Graph::new(nodes)
}
