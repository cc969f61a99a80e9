//! Elastic Load Balancing's API of the second generation: load balancers with their listeners and rules; target groups are made by
//! Beanstalk here.

mod capacity;
mod changes;
mod making;
mod rules;

use std::sync::Arc;

use winterbaume_elasticloadbalancingv2::{model as m, wire};

use super::page::page;
use super::{Entry, Service, operation};
use crate::protocols::call::{Answer, Call};
use crate::world::balancing::{Balancing, Listener, LoadBalancer, ShownHealth, TargetGroup};
use crate::world::balancing_changes::{no_load_balancer, no_target_group};
use crate::world::balancing_tls::ListenerTls;
use crate::world::clock::text;
use crate::world::{Refusal, Region, World};

const CONDITIONS: &str = "Conditions{Field,Values,HostHeaderConfig{Values},PathPatternConfig{Values},\
     HttpHeaderConfig{HttpHeaderName,Values},QueryStringConfig{Values{Key,Value}},HttpRequestMethodConfig{Values}}";
/// Of one action the order does not matter.
const ACTIONS: &str = "Actions{Type,Order~,TargetGroupArn,FixedResponseConfig{StatusCode,ContentType,MessageBody},\
     ForwardConfig{TargetGroups{TargetGroupArn,Weight},TargetGroupStickinessConfig{Enabled=false}}}";
/// The same of a listener itself.
const DEFAULT_ACTIONS: &str = "DefaultActions{Type,Order~,TargetGroupArn,FixedResponseConfig{StatusCode,ContentType,MessageBody},\
     ForwardConfig{TargetGroups{TargetGroupArn,Weight},TargetGroupStickinessConfig{Enabled=false}}}";

const OPERATIONS: &[Entry] = &[
    operation("DescribeCapacityReservation", &["LoadBalancerArn"], capacity::describe),
    operation(
        "DescribeListeners",
        &["LoadBalancerArn", "ListenerArns", "Marker", "PageSize"],
        |world, call| read(world, call, describe_listeners),
    ),
    operation("DescribeLoadBalancerAttributes", &["LoadBalancerArn"], |world, call| {
        read(world, call, describe_load_balancer_attributes)
    }),
    operation(
        "DescribeLoadBalancers",
        &["LoadBalancerArns", "Names", "Marker", "PageSize"],
        |world, call| read(world, call, describe_load_balancers),
    ),
    operation(
        "DescribeRules",
        &["ListenerArn", "RuleArns", "Marker", "PageSize"],
        |world, call| read(world, call, rules::describe),
    ),
    operation("DescribeTags", &["ResourceArns"], |world, call| {
        read(world, call, describe_tags)
    }),
    operation("DescribeTargetGroupAttributes", &["TargetGroupArn"], |world, call| {
        read(world, call, describe_target_group_attributes)
    }),
    operation(
        "DescribeTargetGroups",
        &["LoadBalancerArn", "TargetGroupArns", "Names", "Marker", "PageSize"],
        |world, call| read(world, call, describe_target_groups),
    ),
    operation(
        "DescribeTargetHealth",
        &["TargetGroupArn", "Targets{Id,Port}"],
        describe_target_health,
    ),
    operation(
        "CreateLoadBalancer",
        &[
            "Name",
            "Subnets",
            "SecurityGroups",
            "Scheme",
            "Tags{Key,Value}",
            "Type=application",
            "IpAddressType=ipv4",
        ],
        making::create_load_balancer,
    ),
    operation(
        "SetSecurityGroups",
        &["LoadBalancerArn", "SecurityGroups"],
        making::set_security_groups,
    ),
    operation("DeleteLoadBalancer", &["LoadBalancerArn"], making::delete_load_balancer),
    operation(
        "CreateListener",
        &[
            "LoadBalancerArn",
            "Port",
            "Protocol=HTTP|HTTPS",
            "Certificates{CertificateArn}",
            "SslPolicy",
            DEFAULT_ACTIONS,
        ],
        making::create_listener,
    ),
    operation(
        "ModifyListener",
        &[
            "ListenerArn",
            "Protocol=HTTP|HTTPS",
            "Certificates{CertificateArn}",
            "SslPolicy",
            DEFAULT_ACTIONS,
        ],
        making::modify_listener,
    ),
    operation(
        "ModifyCapacityReservation",
        &[
            "LoadBalancerArn",
            "MinimumLoadBalancerCapacity{CapacityUnits}",
            "ResetCapacityReservation",
        ],
        capacity::modify,
    ),
    operation("DeleteListener", &["ListenerArn"], |world, call| {
        change(world, call, making::delete_listener)
    }),
    operation(
        "CreateRule",
        &["ListenerArn", "Priority", CONDITIONS, ACTIONS, "Tags{Key,Value}"],
        |world, call| change(world, call, rules::create),
    ),
    operation("ModifyRule", &["RuleArn", CONDITIONS, ACTIONS], |world, call| {
        change(world, call, rules::modify)
    }),
    operation("DeleteRule", &["RuleArn"], |world, call| {
        change(world, call, rules::delete)
    }),
    operation(
        "SetRulePriorities",
        &["RulePriorities{RuleArn,Priority}"],
        |world, call| change(world, call, rules::set_priorities),
    ),
    operation(
        "ModifyTargetGroup",
        &[
            "TargetGroupArn",
            "HealthCheckPath",
            "HealthCheckIntervalSeconds",
            "HealthCheckTimeoutSeconds",
            "HealthyThresholdCount",
            "UnhealthyThresholdCount",
            "Matcher{HttpCode}",
        ],
        |world, call| change(world, call, changes::modify_target_group),
    ),
    operation(
        "ModifyTargetGroupAttributes",
        &["TargetGroupArn", "Attributes{Key,Value}"],
        |world, call| change(world, call, changes::modify_target_group_attributes),
    ),
    operation(
        "ModifyLoadBalancerAttributes",
        &["LoadBalancerArn", "Attributes{Key,Value}"],
        |world, call| change(world, call, changes::modify_load_balancer_attributes),
    ),
    operation(
        "RegisterTargets",
        &["TargetGroupArn", "Targets{Id,Port}"],
        changes::register_targets,
    ),
    operation(
        "DeregisterTargets",
        &["TargetGroupArn", "Targets{Id,Port}"],
        changes::deregister_targets,
    ),
    operation("AddTags", &["ResourceArns", "Tags{Key,Value}"], |world, call| {
        change(world, call, changes::add_tags)
    }),
    operation("RemoveTags", &["ResourceArns", "TagKeys"], |world, call| {
        change(world, call, changes::remove_tags)
    }),
];

pub(crate) const SERVICE: Service = Service {
    scope: "elasticloadbalancing",
    title: "Elastic Load Balancing",
    operations: OPERATIONS,
    refuses: None,
};

/// Reads the load balancers of the region that a call is for.
fn read(
    world: &World,
    call: &Call,
    answer: fn(&Balancing, &Call) -> Result<Answer, Refusal>,
) -> Result<Answer, Refusal> {
    let mut state = world.lock();
    answer(&state.region(&call.region).balancing.second_generation(), call)
}

/// Changes them.
fn change(
    world: &World,
    call: &Call,
    answer: fn(&mut Balancing, &Call) -> Result<Answer, Refusal>,
) -> Result<Answer, Refusal> {
    let mut state = world.lock();
    answer(&mut state.region(&call.region).balancing, call)
}

/// An empty result. Written here: the generated serializers put an element into it.
fn done(operation: &str) -> Answer {
    let body = format!(
        "<{operation}Response xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\"><{operation}Result/>\
         <ResponseMetadata><RequestId></RequestId></ResponseMetadata></{operation}Response>"
    );
    winterbaume_core::MockResponse::xml(200, body).into()
}

fn no_listener(what: &str) -> Refusal {
    Refusal::new("ListenerNotFound", format!("One or more listeners not found: {what}"))
}

fn number(value: u32) -> Option<i32> {
    i32::try_from(value).ok()
}

fn describe_load_balancers(balancing: &Balancing, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeLoadBalancersInput = call.query()?;
    let arns = request.load_balancer_arns.map(|list| list.items);
    let names = request.names.map(|list| list.items);
    let all = &balancing.load_balancers;
    for arn in arns.iter().flatten() {
        balancing.load_balancer(arn)?;
    }
    if let Some(name) = names
        .iter()
        .flatten()
        .find(|name| !all.values().any(|it| it.name == **name))
    {
        return Err(no_load_balancer(name));
    }
    let wanted = all.values().filter(|it| {
        arns.as_ref().is_none_or(|arns| arns.contains(&it.arn))
            && names.as_ref().is_none_or(|names| names.contains(&it.name))
    });
    let (views, next_marker) = page(
        wanted.map(balancer_view).collect(),
        request.page_size,
        request.marker.as_deref(),
    )?;
    let result = m::DescribeLoadBalancersOutput {
        load_balancers: Some(views.into()),
        next_marker,
    };
    Ok(wire::serialize_describe_load_balancers_response(&result).into())
}

fn balancer_view(balancer: &LoadBalancer) -> m::LoadBalancer {
    let zone = |(zone, subnet): &(String, String)| m::AvailabilityZone {
        load_balancer_addresses: Some(Vec::new().into()),
        subnet_id: Some(subnet.clone()),
        zone_name: Some(zone.clone()),
        ..m::AvailabilityZone::default()
    };
    m::LoadBalancer {
        availability_zones: Some(balancer.subnets.iter().map(zone).collect()),
        canonical_hosted_zone_id: Some("Z35SXDOTRQ7X7K".to_owned()),
        created_time: Some(text(balancer.created)),
        d_n_s_name: Some(balancer.dns_name.clone()),
        enable_prefix_for_ipv6_source_nat: Some("off".to_owned()),
        ip_address_type: Some("ipv4".to_owned()),
        load_balancer_arn: Some(balancer.arn.clone()),
        load_balancer_name: Some(balancer.name.clone()),
        scheme: Some(balancer.scheme.clone()),
        security_groups: Some(balancer.security_groups.clone().into()),
        state: Some(m::LoadBalancerState {
            code: Some(balancer.state.clone()),
            reason: None,
        }),
        r#type: Some(balancer.kind.clone()),
        vpc_id: Some(balancer.vpc_id.clone()),
        ..m::LoadBalancer::default()
    }
}

fn describe_load_balancer_attributes(balancing: &Balancing, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeLoadBalancerAttributesInput = call.query()?;
    let balancer = balancing.load_balancer(&request.load_balancer_arn)?;
    let result = m::DescribeLoadBalancerAttributesOutput {
        attributes: Some(changes::load_balancer_attributes(balancer).into()),
    };
    Ok(wire::serialize_describe_load_balancer_attributes_response(&result).into())
}

/// With several target groups the action names none of them beside their weights (ELB API, Action).
fn forward(groups: &[(String, u32)]) -> m::Action {
    let tuple = |(arn, weight): &(String, u32)| m::TargetGroupTuple {
        target_group_arn: Some(arn.clone()),
        weight: number(*weight),
    };
    let tuples: Vec<_> = groups.iter().map(tuple).collect();
    m::Action {
        forward_config: Some(m::ForwardActionConfig {
            target_group_stickiness_config: Some(m::TargetGroupStickinessConfig {
                duration_seconds: None,
                enabled: Some(false),
            }),
            target_groups: Some(tuples.into()),
        }),
        target_group_arn: match groups {
            [(only, _)] => Some(only.clone()),
            _ => None,
        },
        r#type: "forward".to_owned(),
        ..m::Action::default()
    }
}

fn describe_listeners(balancing: &Balancing, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeListenersInput = call.query()?;
    let arns = request.listener_arns.map(|list| list.items);
    if let Some(arn) = &request.load_balancer_arn {
        balancing.load_balancer(arn)?;
    }
    if let Some(arn) = arns
        .iter()
        .flatten()
        .find(|arn| !balancing.listeners.contains_key(*arn))
    {
        return Err(no_listener(arn));
    }
    let wanted = balancing.listeners.values().filter(|it| {
        request
            .load_balancer_arn
            .as_ref()
            .is_none_or(|arn| *arn == it.load_balancer_arn)
            && arns.as_ref().is_none_or(|arns| arns.contains(&it.arn))
    });
    let views = wanted.map(listener_view).collect();
    let (views, next_marker) = page(views, request.page_size, request.marker.as_deref())?;
    let result = m::DescribeListenersOutput {
        listeners: Some(Vec::into(views)),
        next_marker,
    };
    Ok(wire::serialize_describe_listeners_response(&result).into())
}

fn listener_view(listener: &Listener) -> m::Listener {
    m::Listener {
        default_actions: Some(vec![rules::action_view(&listener.default_action)].into()),
        listener_arn: Some(listener.arn.clone()),
        certificates: listener.tls.as_ref().map(certificates),
        ssl_policy: listener.tls.as_ref().map(|tls| tls.policy.clone()),
        load_balancer_arn: Some(listener.load_balancer_arn.clone()),
        port: Some(listener.port.into()),
        protocol: Some(listener.protocol.clone()),
        ..m::Listener::default()
    }
}

/// The default one alone, without a word of its being that (botocore: elbv2, Listener).
fn certificates(tls: &ListenerTls) -> m::CertificateList {
    let own = m::Certificate {
        certificate_arn: Some(tls.certificate_arn.clone()),
        ..m::Certificate::default()
    };
    vec![own].into()
}

fn describe_target_groups(balancing: &Balancing, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeTargetGroupsInput = call.query()?;
    let arns = request.target_group_arns.map(|list| list.items);
    let names = request.names.map(|list| list.items);
    for arn in arns.iter().flatten() {
        balancing.target_group(arn)?;
    }
    let all = balancing.target_groups.values();
    if let Some(name) = names
        .iter()
        .flatten()
        .find(|name| !all.clone().any(|it| it.name == **name))
    {
        return Err(no_target_group(name));
    }
    let wanted = all.filter(|it| {
        arns.as_ref().is_none_or(|arns| arns.contains(&it.arn))
            && names.as_ref().is_none_or(|names| names.contains(&it.name))
            && request
                .load_balancer_arn
                .as_ref()
                .is_none_or(|arn| balancing.balancers_of(&it.arn).contains(arn))
    });
    let views = wanted.map(|group| group_view(group, balancing)).collect();
    let (views, next_marker) = page(views, request.page_size, request.marker.as_deref())?;
    let result = m::DescribeTargetGroupsOutput {
        next_marker,
        target_groups: Some(Vec::into(views)),
    };
    Ok(wire::serialize_describe_target_groups_response(&result).into())
}

fn group_view(group: &TargetGroup, balancing: &Balancing) -> m::TargetGroup {
    let check = &group.check;
    m::TargetGroup {
        health_check_enabled: Some(true),
        health_check_interval_seconds: number(check.interval),
        health_check_path: Some(check.path.clone()),
        health_check_port: Some("traffic-port".to_owned()),
        health_check_protocol: Some(group.protocol.clone()),
        health_check_timeout_seconds: number(check.timeout),
        healthy_threshold_count: number(check.healthy_threshold),
        ip_address_type: Some("ipv4".to_owned()),
        load_balancer_arns: Some(balancing.balancers_of(&group.arn).into()),
        matcher: Some(m::Matcher {
            grpc_code: None,
            http_code: Some(check.matcher.clone()),
        }),
        port: Some(group.port.into()),
        protocol: Some(group.protocol.clone()),
        protocol_version: Some("HTTP1".to_owned()),
        target_group_arn: Some(group.arn.clone()),
        target_group_name: Some(group.name.clone()),
        target_type: Some("instance".to_owned()),
        unhealthy_threshold_count: number(check.unhealthy_threshold),
        vpc_id: Some(group.vpc_id.clone()),
        ..m::TargetGroup::default()
    }
}

fn describe_target_group_attributes(balancing: &Balancing, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeTargetGroupAttributesInput = call.query()?;
    let group = balancing.target_group(&request.target_group_arn)?;
    let result = m::DescribeTargetGroupAttributesOutput {
        attributes: Some(changes::target_group_attributes(group).into()),
    };
    Ok(wire::serialize_describe_target_group_attributes_response(&result).into())
}

fn describe_target_health(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let mut state = world.lock();
    let region = state.region(&call.region);
    let request: m::DescribeTargetHealthInput = call.query()?;
    let group = region.balancing.target_group(&request.target_group_arn)?;
    let shown = match request.targets.map(|list| list.items) {
        None => group
            .targets
            .values()
            .map(|target| health_view(&target.instance_id, target.port, region.shown_health(group, target)))
            .collect(),
        Some(asked) => asked
            .iter()
            .map(|one| asked_health(region, group, one))
            .collect::<Vec<_>>(),
    };
    let result = m::DescribeTargetHealthOutput {
        target_health_descriptions: Some(shown.into()),
    };
    Ok(wire::serialize_describe_target_health_response(&result).into())
}

/// The health of a target that was asked for by name, which need not be in the group.
fn asked_health(region: &Region, group: &TargetGroup, asked: &m::TargetDescription) -> m::TargetHealthDescription {
    let asked_port = asked.port.and_then(|port| u16::try_from(port).ok());
    let found = group.targets.get(&asked.id);
    match found.filter(|target| asked_port.is_none_or(|port| port == target.port)) {
        Some(target) => health_view(&target.instance_id, target.port, region.shown_health(group, target)),
        None => health_view(
            &asked.id,
            asked_port.unwrap_or(group.port),
            ShownHealth::not_registered(),
        ),
    }
}

fn health_view(instance_id: &str, port: u16, health: ShownHealth) -> m::TargetHealthDescription {
    m::TargetHealthDescription {
        health_check_port: Some(port.to_string()),
        target: Some(m::TargetDescription {
            id: instance_id.to_owned(),
            port: Some(port.into()),
            ..m::TargetDescription::default()
        }),
        target_health: Some(m::TargetHealth {
            description: health.description,
            reason: health.reason,
            state: Some(health.state.to_owned()),
        }),
        ..m::TargetHealthDescription::default()
    }
}

fn describe_tags(balancing: &Balancing, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeTagsInput = call.query()?;
    let mut descriptions = Vec::new();
    for arn in request.resource_arns.items {
        let tags = if arn.contains(":targetgroup/") {
            balancing.target_group(&arn)?.tags.clone()
        } else if arn.contains(":loadbalancer/") {
            balancing.load_balancer(&arn)?.tags.clone()
        } else if arn.contains(":listener-rule/") {
            balancing.rule(&arn)?.tags.clone()
        } else if balancing.listeners.contains_key(&arn) {
            crate::world::Tags::new()
        } else {
            return Err(no_listener(&arn));
        };
        let view = |(key, value)| m::Tag {
            key,
            value: Some(value),
        };
        descriptions.push(m::TagDescription {
            resource_arn: Some(arn),
            tags: Some(tags.into_iter().map(view).collect()),
        });
    }
    let result = m::DescribeTagsOutput {
        tag_descriptions: Some(descriptions.into()),
    };
    Ok(wire::serialize_describe_tags_response(&result).into())
}

#[cfg(test)]
mod tests;
