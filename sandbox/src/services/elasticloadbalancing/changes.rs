//! Changes of what there is: health checks, attributes, targets, tags.
//! Nothing is decided here but form.

use std::sync::Arc;

use winterbaume_elasticloadbalancingv2::{model as m, wire};

use super::{done, group_view};
use crate::protocols::call::{Answer, Call};
use crate::services::not_implemented;
use crate::world::balancing::{Balancing, LoadBalancer, TargetGroup, deregister};
use crate::world::balancing_changes::{CheckUpdate, no_target_group};
use crate::world::{Refusal, Tags, World};

pub(super) fn modify_target_group(balancing: &mut Balancing, call: &Call) -> Result<Answer, Refusal> {
    let request: m::ModifyTargetGroupInput = call.query()?;
    let wish = CheckUpdate {
        path: request.health_check_path,
        interval: request.health_check_interval_seconds,
        timeout: request.health_check_timeout_seconds,
        healthy_threshold: request.healthy_threshold_count,
        unhealthy_threshold: request.unhealthy_threshold_count,
        matcher: request.matcher.and_then(|matcher| matcher.http_code),
    };
    let changed = balancing.update_check(&request.target_group_arn, wish)?.clone();
    let result = m::ModifyTargetGroupOutput {
        target_groups: Some(vec![group_view(&changed, balancing)].into()),
    };
    Ok(wire::serialize_modify_target_group_response(&result).into())
}

pub(super) fn target_group_attributes(group: &TargetGroup) -> Vec<m::TargetGroupAttribute> {
    let attributes = [
        (
            "deregistration_delay.timeout_seconds",
            group.deregistration_delay.to_string(),
        ),
        ("load_balancing.algorithm.type", "round_robin".to_owned()),
        ("slow_start.duration_seconds", "0".to_owned()),
        ("stickiness.enabled", "false".to_owned()),
        ("stickiness.lb_cookie.duration_seconds", "86400".to_owned()),
        ("stickiness.type", "lb_cookie".to_owned()),
    ];
    let view = |(key, value): (&str, String)| m::TargetGroupAttribute {
        key: Some(key.to_owned()),
        value: Some(value),
    };
    attributes.into_iter().map(view).collect()
}

/// Only the deregistration delay changes anything here; what would change something else is refused.
pub(super) fn modify_target_group_attributes(balancing: &mut Balancing, call: &Call) -> Result<Answer, Refusal> {
    let request: m::ModifyTargetGroupAttributesInput = call.query()?;
    let group = balancing.target_group_mut(&request.target_group_arn)?;
    for sent in request.attributes.items {
        let (key, value) = (sent.key.unwrap_or_default(), sent.value.unwrap_or_default());
        let mut present = target_group_attributes(group).into_iter();
        let present = present.find(|one| one.key.as_ref() == Some(&key));
        match (key.as_str(), present.and_then(|one| one.value)) {
            ("deregistration_delay.timeout_seconds", _) => group.set_deregistration_delay(&value)?,
            (_, Some(same)) if same == value => {}
            _ => return Err(not_implemented(format!("the target group attribute {key}={value}"))),
        }
    }
    let result = m::ModifyTargetGroupAttributesOutput {
        attributes: Some(target_group_attributes(group).into()),
    };
    Ok(wire::serialize_modify_target_group_attributes_response(&result).into())
}

pub(super) fn load_balancer_attributes(balancer: &LoadBalancer) -> Vec<m::LoadBalancerAttribute> {
    let attributes = [
        ("access_logs.s3.enabled", "false".to_owned()),
        ("client_keep_alive.seconds", "3600".to_owned()),
        ("deletion_protection.enabled", "false".to_owned()),
        ("idle_timeout.timeout_seconds", balancer.idle_timeout.to_string()),
        ("load_balancing.cross_zone.enabled", "true".to_owned()),
        ("routing.http.desync_mitigation_mode", "defensive".to_owned()),
        ("routing.http.drop_invalid_header_fields.enabled", "false".to_owned()),
        ("routing.http.preserve_host_header.enabled", "false".to_owned()),
        ("routing.http.xff_client_port.enabled", "false".to_owned()),
        ("routing.http.xff_header_processing.mode", "append".to_owned()),
        ("routing.http2.enabled", "true".to_owned()),
        ("waf.fail_open.enabled", "false".to_owned()),
    ];
    let view = |(key, value): (&str, String)| m::LoadBalancerAttribute {
        key: Some(key.to_owned()),
        value: Some(value),
    };
    attributes.into_iter().map(view).collect()
}

/// Only the idle time-out changes anything here; what would change something else is refused.
pub(super) fn modify_load_balancer_attributes(balancing: &mut Balancing, call: &Call) -> Result<Answer, Refusal> {
    let request: m::ModifyLoadBalancerAttributesInput = call.query()?;
    let balancer = balancing.load_balancer_mut(&request.load_balancer_arn)?;
    for sent in request.attributes.items {
        let (key, value) = (sent.key.unwrap_or_default(), sent.value.unwrap_or_default());
        let mut present = load_balancer_attributes(balancer).into_iter();
        let present = present.find(|one| one.key.as_ref() == Some(&key));
        match (key.as_str(), present.and_then(|one| one.value)) {
            ("idle_timeout.timeout_seconds", _) => balancer.set_idle_timeout(&value)?,
            (_, Some(same)) if same == value => {}
            _ => return Err(not_implemented(format!("the load balancer attribute {key}={value}"))),
        }
    }
    let result = m::ModifyLoadBalancerAttributesOutput {
        attributes: Some(load_balancer_attributes(balancer).into()),
    };
    Ok(wire::serialize_modify_load_balancer_attributes_response(&result).into())
}

pub(super) fn register_targets(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::RegisterTargetsInput = call.query()?;
    let mut state = world.lock();
    let region = state.region(&call.region);
    let port = region.balancing.target_group(&request.target_group_arn)?.port;
    let elsewhere = |target: &m::TargetDescription| target.port.is_some_and(|asked| asked != i32::from(port));
    if request.targets.items.iter().any(elsewhere) {
        return Err(not_implemented("targets on other ports than their group's"));
    }
    let instances: Vec<String> = request.targets.items.into_iter().map(|target| target.id).collect();
    region.register_targets(&request.target_group_arn, &instances)?;
    Ok(done("RegisterTargets"))
}

pub(super) fn deregister_targets(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeregisterTargetsInput = call.query()?;
    let port = {
        let mut state = world.lock();
        state
            .region(&call.region)
            .balancing
            .target_group(&request.target_group_arn)?
            .port
    };
    for target in request.targets.items {
        // On another port it is another target, which is not registered.
        if target.port.is_some_and(|asked| asked != i32::from(port)) {
            continue;
        }
        deregister(world, &call.region, &request.target_group_arn, &target.id);
    }
    Ok(done("DeregisterTargets"))
}

pub(super) fn add_tags(balancing: &mut Balancing, call: &Call) -> Result<Answer, Refusal> {
    let request: m::AddTagsInput = call.query()?;
    for arn in &request.resource_arns.items {
        let tags = tags_of(balancing, arn)?;
        for tag in &request.tags.items {
            tags.insert(tag.key.clone(), tag.value.clone().unwrap_or_default());
        }
    }
    Ok(done("AddTags"))
}

pub(super) fn remove_tags(balancing: &mut Balancing, call: &Call) -> Result<Answer, Refusal> {
    let request: m::RemoveTagsInput = call.query()?;
    for arn in &request.resource_arns.items {
        let tags = tags_of(balancing, arn)?;
        tags.retain(|key, _| !request.tag_keys.items.contains(key));
    }
    Ok(done("RemoveTags"))
}

/// Listeners have no tags here.
fn tags_of<'a>(balancing: &'a mut Balancing, arn: &str) -> Result<&'a mut Tags, Refusal> {
    if balancing.rules.contains_key(arn) {
        balancing.rule(arn)?;
    }
    let group = balancing.target_groups.get_mut(arn).map(|group| &mut group.tags);
    let balancer = balancing.load_balancers.get_mut(arn).map(|balancer| &mut balancer.tags);
    let rule = balancing.rules.get_mut(arn).map(|rule| &mut rule.tags);
    match group.or(balancer).or(rule) {
        Some(tags) => Ok(tags),
        None if arn.contains(":listener/") => Err(not_implemented("tags of listeners")),
        None => Err(no_target_group(arn)),
    }
}
