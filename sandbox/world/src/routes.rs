//! Where a public host name of the account leads: what the proxy asks before it knows a resource.
//! Must know nothing of how requests are carried.

use super::State;

#[derive(Debug, Clone, PartialEq)]
pub enum Route {
    LoadBalancer {
        region: String,
        arn: String,
    },
    /// An environment without a load balancer.
    Instance {
        region: String,
        instance_id: String,
    },
}

/// Where `host` leads, a name without a port: a load balancer's own name, an environment's CNAME or its address.
pub fn route(state: &State, host: &str) -> Option<Route> {
    state.regions().find_map(|here| {
        let region = here.name.clone();
        let by_name = |arn: &String| Route::LoadBalancer {
            region: region.clone(),
            arn: arn.clone(),
        };
        let balancers = &here.balancing.load_balancers;
        if let Some(balancer) = balancers.values().find(|it| it.dns_name.eq_ignore_ascii_case(host)) {
            return Some(by_name(&balancer.arn));
        }
        let named = |name: &Option<String>| name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(host));
        let mut live = here.beanstalk.environments.values().filter(|it| it.ended.is_none());
        let environment = live.find(|it| named(&it.cname) || named(&it.endpoint))?;
        let made = &environment.made;
        if let Some(arn) = &made.load_balancer {
            return Some(by_name(arn));
        }
        let address = made.address.as_ref().and_then(|id| here.network.addresses.get(id))?;
        address
            .instance_id
            .clone()
            .map(|instance_id| Route::Instance { region, instance_id })
    })
}
