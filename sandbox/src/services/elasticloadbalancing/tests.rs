//! Elastic Load Balancing's API as its clients speak it: rules, changes, refusals.

use std::sync::Arc;
use std::time::Duration;

use crate::protocols::call::Protocol;
use crate::proxy::tests as proxy;
use crate::services::asked;
use crate::world::balancing::{Target, TargetState};
use crate::world::{Refusal, World};

/// One call; the parameters as they are in the form.
fn call(world: &Arc<World>, operation: &str, parameters: &[(&str, &str)]) -> Result<String, Refusal> {
    let place = ("elasticloadbalancing", "us-east-1");
    let by = (Protocol::Query, "arn:aws:iam::123456789012:root");
    let answer = asked::form(world, place, by, operation, parameters)?;
    Ok(String::from_utf8(answer.body.to_vec()).unwrap())
}

async fn site() -> proxy::Site {
    proxy::Site::at(600.0, proxy::configuration(proxy::OPTIMIZED)).await
}

/// The text of the first element of that name.
fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    let rest = xml.split_once(&format!("<{name}>")).unwrap().1;
    rest.split_once(&format!("</{name}>")).unwrap().0
}

#[tokio::test]
async fn a_listener_for_https_shows_its_certificate_and_policy_and_loses_them_with_the_protocol() {
    let site = site().await;
    let world = &site.world;
    let arn = proxy::certificate(world, "us-east-1", "events.example.org");
    let wanted = |port: &'static str| {
        vec![
            ("LoadBalancerArn", "lb"),
            ("Port", port),
            ("Protocol", "HTTPS"),
            ("DefaultActions.member.1.Type", "fixed-response"),
            ("DefaultActions.member.1.FixedResponseConfig.StatusCode", "403"),
        ]
    };
    let without = call(world, "CreateListener", &wanted("443")).unwrap_err();
    assert_eq!(
        (without.code.as_str(), without.message.as_str()),
        ("ValidationError", "A certificate must be specified for HTTPS listeners")
    );
    let with = |port, arn, policy| {
        let tls = [("Certificates.member.1.CertificateArn", arn), ("SslPolicy", policy)];
        [wanted(port), tls.to_vec()].concat()
    };
    let policy = "ELBSecurityPolicy-TLS13-1-2-2021-06";
    let unknown = "arn:aws:acm:us-east-1:123456789012:certificate/1";
    let refused = |parameters: &[(&str, &str)]| call(world, "CreateListener", parameters).unwrap_err().code;
    assert_eq!(refused(&with("443", unknown, policy)), "CertificateNotFound");
    assert_eq!(
        refused(&with("443", &arn, "ELBSecurityPolicy-None")),
        "SSLPolicyNotFound"
    );
    let made = call(world, "CreateListener", &with("443", &arn, policy)).unwrap();
    assert_eq!(
        (element(&made, "CertificateArn"), element(&made, "SslPolicy")),
        (arn.as_str(), policy)
    );
    assert_eq!(element(&made, "Protocol"), "HTTPS");
    let listener = element(&made, "ListenerArn").to_owned();

    // What is used cannot be deleted.
    let now = world.clock.now();
    let held = world.lock().delete_certificate("us-east-1", &arn, now).unwrap_err();
    assert_eq!(held.code, "ResourceInUseException");
    let plain = [("ListenerArn", listener.as_str()), ("Protocol", "HTTP")];
    let plain = call(world, "ModifyListener", &plain).unwrap();
    assert!(
        !plain.contains("CertificateArn") && !plain.contains("SslPolicy"),
        "{plain}"
    );
    assert_eq!((element(&plain, "Port"), element(&plain, "StatusCode")), ("443", "403"));
    world.lock().delete_certificate("us-east-1", &arn, now).unwrap();
}

const SECRET: &[(&str, &str)] = &[
    ("ListenerArn", "listener"),
    ("Priority", "1"),
    ("Conditions.member.1.Field", "http-header"),
    ("Conditions.member.1.HttpHeaderConfig.HttpHeaderName", "X-Secret"),
    ("Conditions.member.1.HttpHeaderConfig.Values.member.1", "s"),
    ("Actions.member.1.Type", "forward"),
    ("Actions.member.1.TargetGroupArn", "group"),
];

#[tokio::test]
async fn a_rule_lives_beside_the_default_one_which_stays() {
    let site = site().await;
    let world = &site.world;
    let made = call(world, "CreateRule", SECRET).unwrap();
    let arn = element(&made, "RuleArn").to_owned();
    assert_eq!(call(world, "CreateRule", SECRET).unwrap_err().code, "PriorityInUse");

    let listed = call(world, "DescribeRules", &[("ListenerArn", "listener")]).unwrap();
    assert_eq!(listed.matches("<RuleArn>").count(), 2);
    assert_eq!(element(&listed, "HttpHeaderName"), "X-Secret");
    assert!(listed.contains("<Priority>default</Priority>"));

    let moved = [
        ("RulePriorities.member.1.RuleArn", arn.as_str()),
        ("RulePriorities.member.1.Priority", "7"),
    ];
    let moved = call(world, "SetRulePriorities", &moved).unwrap();
    assert_eq!(element(&moved, "Priority"), "7");

    let default = call(world, "DescribeRules", &[("ListenerArn", "listener")]).unwrap();
    let default = default
        .rsplit_once("<RuleArn>")
        .unwrap()
        .1
        .split_once('<')
        .unwrap()
        .0
        .to_owned();
    let kept = call(world, "DeleteRule", &[("RuleArn", default.as_str())]).unwrap_err();
    assert_eq!(kept.code, "OperationNotPermitted");
    call(world, "DeleteRule", &[("RuleArn", arn.as_str())]).unwrap();
    assert_eq!(
        call(world, "DeleteRule", &[("RuleArn", arn.as_str())])
            .unwrap_err()
            .code,
        "RuleNotFound"
    );
}

/// Of several target groups AWS names none beside their weights (botocore: elbv2, Action).
#[tokio::test]
async fn a_rule_forwards_by_weights_and_then_to_one_target_group_again() {
    let site = site().await;
    let world = &site.world;
    {
        let mut state = world.lock();
        let groups = &mut state.region("us-east-1").balancing.target_groups;
        let mut other = groups["group"].clone();
        other.arn = "other".to_owned();
        groups.insert(other.arn.clone(), other);
    }
    let made = call(world, "CreateRule", SECRET).unwrap();
    assert_eq!(
        (element(&made, "TargetGroupArn"), element(&made, "Weight")),
        ("group", "1")
    );
    let arn = element(&made, "RuleArn").to_owned();
    let to = |parameters: &[(&str, &str)]| {
        let rule = [("RuleArn", arn.as_str()), ("Actions.member.1.Type", "forward")];
        let parameters = parameters
            .iter()
            .map(|(name, value)| (format!("Actions.member.1.{name}"), (*value).to_owned()));
        let parameters: Vec<_> = parameters.collect();
        let parameters = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        call(
            world,
            "ModifyRule",
            &rule.into_iter().chain(parameters).collect::<Vec<_>>(),
        )
    };
    let first = ("ForwardConfig.TargetGroups.member.1.TargetGroupArn", "group");
    let second = ("ForwardConfig.TargetGroups.member.2.TargetGroupArn", "other");
    let weight = |value| ("ForwardConfig.TargetGroups.member.2.Weight", value);
    let divided = to(&[first, second, weight("9")]).unwrap();
    assert_eq!(divided.matches("<TargetGroupArn>").count(), 2, "{divided}");
    assert!(
        divided.contains("<Weight>9</Weight>") && divided.contains("<Weight>1</Weight>"),
        "{divided}"
    );
    let health = call(world, "DescribeTargetHealth", &[("TargetGroupArn", "other")]).unwrap();
    assert!(!health.contains("Target.NotInUse"), "{health}");

    let code = |parameters: &[(&str, &str)]| to(parameters).unwrap_err().code;
    assert_eq!(code(&[("TargetGroupArn", "group"), first, second]), "ValidationError");
    assert_eq!(code(&[first, second, weight("1000")]), "ValidationError");
    assert_eq!(code(&[first, second, weight("-1")]), "ValidationError");
    assert_eq!(code(&[]), "ValidationError");
    let stranger = ("ForwardConfig.TargetGroups.member.2.TargetGroupArn", "none");
    assert_eq!(code(&[first, stranger]), "TargetGroupNotFound");
    let again = to(&[("TargetGroupArn", "other")]).unwrap();
    assert_eq!(
        (element(&again, "TargetGroupArn"), again.matches("<Weight>").count()),
        ("other", 1)
    );
}

#[tokio::test]
async fn rules_that_cannot_be_are_refused() {
    let site = site().await;
    let refused = |name: &str, value: &'static str| {
        let changed = SECRET
            .iter()
            .map(|(key, old)| (*key, if *key == name { value } else { old }));
        let changed: Vec<_> = changed.collect();
        call(&site.world, "CreateRule", &changed).unwrap_err().code
    };
    assert_eq!(refused("ListenerArn", "other"), "ListenerNotFound");
    assert_eq!(refused("Priority", "0"), "ValidationError");
    assert_eq!(
        refused("Actions.member.1.TargetGroupArn", "other"),
        "TargetGroupNotFound"
    );
    assert_eq!(refused("Actions.member.1.Type", "redirect"), "NotImplemented");
    assert_eq!(refused("Conditions.member.1.Field", "source-ip"), "NotImplemented");
}

#[tokio::test]
async fn checks_and_attributes_are_changed_within_their_bounds() {
    let site = site().await;
    let world = &site.world;
    let modify = |name: &str, value: &str| {
        call(
            world,
            "ModifyTargetGroup",
            &[("TargetGroupArn", "group"), (name, value)],
        )
    };
    let changed = modify("HealthCheckPath", "/ready").unwrap();
    assert_eq!(element(&changed, "HealthCheckPath"), "/ready");
    assert_eq!(element(&changed, "HealthCheckIntervalSeconds"), "15");
    assert_eq!(
        modify("HealthCheckTimeoutSeconds", "15").unwrap_err().code,
        "ValidationError"
    );
    assert_eq!(
        modify("HealthyThresholdCount", "1").unwrap_err().code,
        "ValidationError"
    );

    let attribute = |key: &str, value: &str| {
        let parameters = [
            ("LoadBalancerArn", "lb"),
            ("Attributes.member.1.Key", key),
            ("Attributes.member.1.Value", value),
        ];
        call(world, "ModifyLoadBalancerAttributes", &parameters)
    };
    attribute("idle_timeout.timeout_seconds", "90").unwrap();
    assert_eq!(
        world.lock().region("us-east-1").balancing.load_balancers["lb"].idle_timeout,
        90
    );
    attribute("routing.http2.enabled", "true").unwrap();
    assert_eq!(
        attribute("routing.http2.enabled", "false").unwrap_err().code,
        "NotImplemented"
    );
}

#[tokio::test]
async fn a_deregistered_target_drains_for_the_groups_delay() {
    let site = site().await;
    let world = &site.world;
    let group = ("TargetGroupArn", "group");
    let target = ("Targets.member.1.Id", "i-1");
    call(world, "DeregisterTargets", &[group, target]).unwrap();
    let shown = call(world, "DescribeTargetHealth", &[group]).unwrap();
    assert_eq!(element(&shown, "State"), "draining");
    assert_eq!(element(&shown, "Reason"), "Target.DeregistrationInProgress");
    for _ in 0..200 {
        let shown = call(world, "DescribeTargetHealth", &[group, target]).unwrap();
        if element(&shown, "Reason") == "Target.NotRegistered" {
            assert_eq!(element(&shown, "State"), "unused");
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it never left");
}

#[tokio::test]
async fn a_target_of_a_group_that_nothing_forwards_to_is_unused() {
    let site = site().await;
    let world = &site.world;
    world.lock().region("us-east-1").balancing.listeners.clear();
    let shown = call(world, "DescribeTargetHealth", &[("TargetGroupArn", "group")]).unwrap();
    assert_eq!(
        (element(&shown, "State"), element(&shown, "Reason")),
        ("unused", "Target.NotInUse")
    );
    let unknown = call(
        world,
        "RegisterTargets",
        &[("TargetGroupArn", "group"), ("Targets.member.1.Id", "i-9")],
    );
    assert_eq!(unknown.unwrap_err().code, "InvalidTarget");
    assert_eq!(Target::new("i-1", 80).state, TargetState::Initial);
}

#[tokio::test]
async fn capacity_is_reserved_within_the_quota_and_told_zone_by_zone() {
    let site = site().await;
    let world = &site.world;
    let balancer = ("LoadBalancerArn", "lb");
    let reserve = |units: &str| {
        let units = ("MinimumLoadBalancerCapacity.CapacityUnits", units);
        call(world, "ModifyCapacityReservation", &[balancer, units])
    };
    let none = call(world, "DescribeCapacityReservation", &[balancer]).unwrap();
    assert_eq!(element(&none, "DecreaseRequestsRemaining"), "2");
    assert!(!none.contains("CapacityUnits>"), "{none}");
    assert_eq!(reserve("100").unwrap_err().code, "CapacityUnitsLimitExceeded");
    let quota = &crate::world::quotas::RESERVED_UNITS;
    world.lock().region("us-east-1").quotas.raise(quota, 500.0);
    let reserved = reserve("100").unwrap();
    assert_eq!(element(&reserved, "CapacityUnits"), "100");
    let pending = reserve("200").unwrap_err();
    assert_eq!(
        (pending.code.as_str(), pending.status),
        ("PriorRequestNotComplete", 429)
    );
    let neither = call(world, "ModifyCapacityReservation", &[balancer]);
    assert_eq!(neither.unwrap_err().code, "InvalidConfigurationRequest");
    let unknown = [("LoadBalancerArn", "other")];
    assert_eq!(
        call(world, "DescribeCapacityReservation", &unknown).unwrap_err().code,
        "LoadBalancerNotFound"
    );
}
