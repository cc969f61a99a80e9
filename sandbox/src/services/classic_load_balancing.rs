//! Elastic Load Balancing's API of the first generation (2012-06-01), as far as it reads: its load balancers are those of
//! environments that ask for no other. The answers are written here; no types are generated for them.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{Entry, Service, operation};
use crate::protocols::call::{Answer, Call};
use crate::protocols::xml::escape;
use crate::world::balancing::{Balancing, LoadBalancer, Target, TargetGroup, TargetState, is_classic};
use crate::world::clock::text;
use crate::world::{Refusal, World};

const OPERATIONS: &[Entry] = &[
    operation("DescribeInstanceHealth", &["LoadBalancerName"], |world, call| {
        read(world, call, describe_health)
    }),
    operation(
        "DescribeLoadBalancerAttributes",
        &["LoadBalancerName"],
        |world, call| read(world, call, describe_attributes),
    ),
    operation("DescribeLoadBalancers", &["LoadBalancerNames"], |world, call| {
        read(world, call, describe)
    }),
    operation("DescribeTags", &["LoadBalancerNames"], |world, call| {
        read(world, call, describe_tags)
    }),
];

pub(crate) const SERVICE: Service = Service {
    scope: "elasticloadbalancing",
    title: "Elastic Load Balancing, first generation",
    operations: OPERATIONS,
    refuses: None,
};

/// Whether a request is one of this API: both generations are one service.
pub(super) fn is_meant(call: &Call) -> bool {
    call.parameters()
        .get("Version")
        .is_some_and(|version| version == "2012-06-01")
}

/// What a call is about: the load balancers of its region, its parameters, and the account.
struct Asked<'a> {
    balancing: &'a Balancing,
    parameters: BTreeMap<String, String>,
    account: String,
}

impl Asked<'_> {
    fn named(&self) -> Result<Pair<'_>, Refusal> {
        let name = self.parameters.get("LoadBalancerName").map_or("", String::as_str);
        find(self.balancing, name)
    }
}

fn read(world: &World, call: &Call, result: fn(&Asked) -> Result<String, Refusal>) -> Result<Answer, Refusal> {
    let mut state = world.lock();
    let asked = Asked {
        account: state.account.clone(),
        parameters: call.parameters().into_iter().collect(),
        balancing: &state.region(&call.region).balancing,
    };
    Ok(answer(&call.operation, &result(&asked)?))
}

fn describe(asked: &Asked) -> Result<String, Refusal> {
    let views = chosen(asked.balancing, &asked.parameters)?.into_iter();
    let views = views.map(|(balancer, group)| member(&description(balancer, group, &asked.account)));
    Ok(element("LoadBalancerDescriptions", &views.collect::<String>()))
}

fn describe_health(asked: &Asked) -> Result<String, Refusal> {
    let (_, group) = asked.named()?;
    let views = group.targets.values().map(|target| member(&instance_state(target)));
    Ok(element("InstanceStates", &views.collect::<String>()))
}

fn describe_attributes(asked: &Asked) -> Result<String, Refusal> {
    let (balancer, group) = asked.named()?;
    Ok(element("LoadBalancerAttributes", &attributes(balancer, group)))
}

fn describe_tags(asked: &Asked) -> Result<String, Refusal> {
    let views = chosen(asked.balancing, &asked.parameters)?.into_iter();
    let views = views.map(|(balancer, _)| member(&tags(balancer)));
    Ok(element("TagDescriptions", &views.collect::<String>()))
}

type Pair<'a> = (&'a LoadBalancer, &'a TargetGroup);

fn all(balancing: &Balancing) -> Vec<Pair<'_>> {
    let balancers = balancing.load_balancers.values().filter(|it| is_classic(&it.arn));
    balancers
        .filter_map(|it| Some((it, balancing.target_groups.get(&it.arn)?)))
        .collect()
}

fn find<'a>(balancing: &'a Balancing, name: &str) -> Result<Pair<'a>, Refusal> {
    let missing = || {
        Refusal::new(
            "LoadBalancerNotFound",
            format!("There is no ACTIVE Load Balancer named '{name}'"),
        )
    };
    let found = all(balancing).into_iter().find(|(balancer, _)| balancer.name == name);
    found.ok_or_else(missing)
}

/// Those that the request names, or all.
fn chosen<'a>(balancing: &'a Balancing, parameters: &BTreeMap<String, String>) -> Result<Vec<Pair<'a>>, Refusal> {
    let names = parameters
        .iter()
        .filter(|(key, _)| key.starts_with("LoadBalancerNames.member."));
    let named: Vec<_> = names.map(|(_, name)| find(balancing, name)).collect::<Result<_, _>>()?;
    Ok(if named.is_empty() { all(balancing) } else { named })
}

fn element(name: &str, content: &str) -> String {
    format!("<{name}>{content}</{name}>")
}

fn member(content: &str) -> String {
    element("member", content)
}

fn members<'a>(texts: impl Iterator<Item = &'a String>) -> String {
    texts.map(|text| member(&escape(text))).collect()
}

fn description(balancer: &LoadBalancer, group: &TargetGroup, account: &str) -> String {
    let check = &group.check;
    let port = check.port.unwrap_or(group.port);
    let target = if check.path.is_empty() {
        format!("TCP:{port}")
    } else {
        format!("HTTP:{port}{}", check.path)
    };
    let health = [
        element("Target", &escape(&target)),
        element("Interval", &check.interval.to_string()),
        element("Timeout", &check.timeout.to_string()),
        element("UnhealthyThreshold", &check.unhealthy_threshold.to_string()),
        element("HealthyThreshold", &check.healthy_threshold.to_string()),
    ];
    let listener = format!(
        "<Listener><Protocol>HTTP</Protocol><LoadBalancerPort>80</LoadBalancerPort><InstanceProtocol>HTTP\
         </InstanceProtocol><InstancePort>{}</InstancePort></Listener><PolicyNames/>",
        group.port
    );
    let instances = group.targets.keys().map(|id| member(&element("InstanceId", id)));
    [
        element("LoadBalancerName", &balancer.name),
        element("DNSName", &balancer.dns_name),
        element("CanonicalHostedZoneName", &balancer.dns_name),
        element("CanonicalHostedZoneNameID", "Z35SXDOTRQ7X7K"),
        element("ListenerDescriptions", &member(&listener)),
        "<Policies><AppCookieStickinessPolicies/><LBCookieStickinessPolicies/><OtherPolicies/></Policies>".to_owned(),
        "<BackendServerDescriptions/>".to_owned(),
        element(
            "AvailabilityZones",
            &members(balancer.subnets.iter().map(|(zone, _)| zone)),
        ),
        element("Subnets", &members(balancer.subnets.iter().map(|(_, subnet)| subnet))),
        element("VPCId", &balancer.vpc_id),
        element("Instances", &instances.collect::<String>()),
        element("HealthCheck", &health.concat()),
        element("SourceSecurityGroup", &element("OwnerAlias", account)),
        element("SecurityGroups", &members(balancer.security_groups.iter())),
        element("CreatedTime", &text(balancer.created)),
        element("Scheme", &balancer.scheme),
    ]
    .concat()
}

fn instance_state(target: &Target) -> String {
    let (state, code, description) = match target.state {
        TargetState::Healthy => ("InService", "N/A", "N/A"),
        TargetState::Initial => ("OutOfService", "ELB", "Instance registration is still in progress."),
        TargetState::Unhealthy => (
            "OutOfService",
            "Instance",
            "Instance has failed at least the UnhealthyThreshold number of health checks consecutively.",
        ),
        TargetState::Draining => ("InService", "N/A", "Instance deregistration currently in progress."),
    };
    [
        element("InstanceId", &target.instance_id),
        element("State", state),
        element("ReasonCode", code),
        element("Description", description),
    ]
    .concat()
}

fn attributes(balancer: &LoadBalancer, group: &TargetGroup) -> String {
    let delay = group.deregistration_delay;
    let draining = [
        element("Enabled", if delay > 0 { "true" } else { "false" }),
        element("Timeout", &delay.to_string()),
    ];
    let idle = element("IdleTimeout", &balancer.idle_timeout.to_string());
    [
        element("CrossZoneLoadBalancing", &element("Enabled", "false")),
        element("AccessLog", &element("Enabled", "false")),
        element("ConnectionDraining", &draining.concat()),
        element("ConnectionSettings", &idle),
    ]
    .concat()
}

fn tags(balancer: &LoadBalancer) -> String {
    let tag =
        |(key, value): (&String, &String)| member(&(element("Key", &escape(key)) + &element("Value", &escape(value))));
    let tags: String = balancer.tags.iter().map(tag).collect();
    element("LoadBalancerName", &balancer.name) + &element("Tags", &tags)
}

fn answer(operation: &str, result: &str) -> Answer {
    let body = format!(
        "<{operation}Response xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2012-06-01/\"><{operation}Result>\
         {result}</{operation}Result><ResponseMetadata><RequestId></RequestId></ResponseMetadata></{operation}Response>"
    );
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    Answer {
        status: StatusCode::OK,
        headers,
        body: body.into(),
    }
}
