//! Public host names: which load balancer or instance answers to a name.
//! Must know nothing of how the traffic is carried.

use super::State;

/// What stands behind a public name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    LoadBalancer { region: String, arn: String },
    Instance { region: String, instance_id: String },
}

/// What `host` (without a port) names, if it is a name that the account has.
pub(crate) fn route(state: &State, host: &str) -> Option<Route> {
    state.regions().find_map(|region| {
        let balancer = region
            .balancing
            .load_balancers
            .values()
            .find(|balancer| balancer.dns_name == host)?;
        Some(Route::LoadBalancer {
            region: region.name.clone(),
            arn: balancer.arn.clone(),
        })
    })
}
