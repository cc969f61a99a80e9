//! Load balancers of one's own: CreateLoadBalancer, SetSecurityGroups, DeleteLoadBalancer, and their listeners.
//! Nothing is decided here but form, and where the sandbox has its limits.

use std::sync::Arc;

use winterbaume_elasticloadbalancingv2::{model as m, wire};

use super::{balancer_view, done, listener_view, rules};
use crate::protocols::call::{Answer, Call};
use crate::services::not_implemented;
use crate::world::balancing::Balancing;
use crate::world::balancing_making::{self, NewLoadBalancer};
use crate::world::{Refusal, Tags, World};

pub(super) fn create_load_balancer(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::CreateLoadBalancerInput = call.query()?;
    let list = |items: Option<Vec<String>>| items.unwrap_or_default();
    let scheme = request.scheme.unwrap_or_else(|| "internet-facing".to_owned());
    if !["internet-facing", "internal"].contains(&scheme.as_str()) {
        let text = format!("The scheme '{scheme}' is not valid");
        return Err(Refusal::new("InvalidScheme", text));
    }
    let new = NewLoadBalancer {
        name: request.name,
        subnets: list(request.subnets.map(|list| list.items)),
        security_groups: list(request.security_groups.map(|list| list.items)),
        scheme,
        tags: tags(request.tags),
    };
    let made = balancing_making::create(world, &call.region, &call.caller, new)?;
    let result = m::CreateLoadBalancerOutput {
        load_balancers: Some(vec![balancer_view(&made)].into()),
    };
    Ok(wire::serialize_create_load_balancer_response(&result).into())
}

pub(super) fn set_security_groups(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::SetSecurityGroupsInput = call.query()?;
    let mut state = world.lock();
    let region = state.region(&call.region);
    let groups = region.set_security_groups(&request.load_balancer_arn, &request.security_groups.items)?;
    let result = m::SetSecurityGroupsOutput {
        security_group_ids: Some(groups.into()),
        ..m::SetSecurityGroupsOutput::default()
    };
    Ok(wire::serialize_set_security_groups_response(&result).into())
}

pub(super) fn delete_load_balancer(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeleteLoadBalancerInput = call.query()?;
    refuse_beanstalks(world, call, &request.load_balancer_arn)?;
    balancing_making::delete(world, &call.region, &request.load_balancer_arn);
    Ok(done("DeleteLoadBalancer"))
}

/// What becomes of an environment whose load balancer is deleted behind its back the sandbox does not know.
fn refuse_beanstalks(world: &Arc<World>, call: &Call, arn: &str) -> Result<(), Refusal> {
    let mut state = world.lock();
    let balancers = &state.region(&call.region).balancing.load_balancers;
    let of_beanstalk = |it: &crate::world::balancing::LoadBalancer| it.name.starts_with("awseb-");
    match balancers.get(arn).is_some_and(of_beanstalk) {
        true => Err(not_implemented("the deletion of load balancers that Beanstalk made")),
        false => Ok(()),
    }
}

pub(super) fn create_listener(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::CreateListenerInput = call.query()?;
    let action = rules::action(request.default_actions)?;
    let port = request
        .port
        .and_then(|port| u16::try_from(port).ok())
        .filter(|port| *port > 0);
    let port = port.ok_or_else(|| Refusal::new("ValidationError", "A listener port must be between 1 and 65535"))?;
    let (protocol, arns) = (request.protocol.unwrap_or_default(), arns(request.certificates));
    let mut state = world.lock();
    let now = world.clock.now();
    let tls = state.listener_tls(&call.region, &protocol, &arns, request.ssl_policy.as_deref(), now)?;
    let balancing = &mut state.region(&call.region).balancing;
    let made = balancing.create_listener(&request.load_balancer_arn, port, tls, action)?;
    let result = m::CreateListenerOutput {
        listeners: Some(vec![listener_view(&made)].into()),
    };
    Ok(wire::serialize_create_listener_response(&result).into())
}

/// What is not said of it stays.
pub(super) fn modify_listener(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::ModifyListenerInput = call.query()?;
    let mut state = world.lock();
    let (region, arn, now) = (&call.region, &request.listener_arn, world.clock.now());
    let mut listener = state.region(region).balancing.listener(arn)?.clone();
    let arns = arns(request.certificates);
    if request.protocol.is_some() || request.ssl_policy.is_some() || !arns.is_empty() {
        let protocol = request.protocol.unwrap_or_else(|| listener.protocol.clone());
        let present = listener.tls.as_ref().filter(|_| protocol == "HTTPS");
        let arns = match (arns.is_empty(), present) {
            (true, Some(present)) => vec![present.certificate_arn.clone()],
            _ => arns,
        };
        let policy = request.ssl_policy.or(present.map(|present| present.policy.clone()));
        let tls = state.listener_tls(region, &protocol, &arns, policy.as_deref(), now)?;
        listener = state.region(region).balancing.set_protocol(arn, tls)?;
    }
    if let Some(actions) = request.default_actions {
        let action = rules::action(actions)?;
        listener = state.region(region).balancing.set_default_action(arn, action)?;
    }
    let result = m::ModifyListenerOutput {
        listeners: Some(vec![listener_view(&listener)].into()),
    };
    Ok(wire::serialize_modify_listener_response(&result).into())
}

fn arns(certificates: Option<m::CertificateList>) -> Vec<String> {
    let all = certificates.into_iter().flat_map(|list| list.items);
    all.filter_map(|one| one.certificate_arn).collect()
}

pub(super) fn delete_listener(balancing: &mut Balancing, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeleteListenerInput = call.query()?;
    balancing.delete_listener(&request.listener_arn)?;
    Ok(done("DeleteListener"))
}

pub(super) fn tags(sent: Option<m::TagList>) -> Tags {
    let sent = sent.into_iter().flat_map(|list| list.items);
    sent.map(|tag| (tag.key, tag.value.unwrap_or_default())).collect()
}
