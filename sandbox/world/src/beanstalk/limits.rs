//! Settings that AWS would honour and the sandbox cannot: refused, so that nobody takes silence for success.
//! Must know nothing of what is done with the others.

use super::catalogue::{
    ASG, BALANCER, CLASSIC, CLASSIC_LISTENER, CLASSIC_POLICIES, COMMAND, ENVIRONMENT, HEALTH, INSTANCES, LISTENER,
    PROCESS, PROPERTIES, ZONES, find,
};
use super::settings::{Problem, Settings};
use super::shared_balancer;

/// Only the default of these has an effect here.
const ONLY_DEFAULT: &[(&str, &str)] = &[
    (ASG, ZONES),
    (ASG, "Custom Availability Zones"),
    (ASG, "EnableCapacityRebalancing"),
    (INSTANCES, "EnableSpot"),
    (ENVIRONMENT, "ExternalExtensionsS3Bucket"),
    (ENVIRONMENT, "ExternalExtensionsS3Key"),
    ("aws:elasticbeanstalk:environment:proxy", "ProxyServer"),
    (PROCESS, "Protocol"),
    (PROCESS, "StickinessEnabled"),
    (LISTENER, "Protocol"),
    (LISTENER, "DefaultProcess"),
    (LISTENER, "Rules"),
    (LISTENER, "SSLCertificateArns"),
    (LISTENER, "SSLPolicy"),
    (BALANCER, "AccessLogsS3Enabled"),
    (BALANCER, "IpAddressType"),
    (CLASSIC, "LoadBalancerHTTPPort"),
    (CLASSIC, "LoadBalancerPortProtocol"),
    (CLASSIC, "LoadBalancerHTTPSPort"),
    (CLASSIC, "SSLCertificateId"),
    (CLASSIC_LISTENER, "ListenerProtocol"),
    (CLASSIC_LISTENER, "InstanceProtocol"),
    (CLASSIC_LISTENER, "PolicyNames"),
    (CLASSIC_LISTENER, "SSLCertificateId"),
    (CLASSIC_POLICIES, "Stickiness Policy"),
    (HEALTH, "HealthCheckSuccessThreshold"),
    ("aws:elasticbeanstalk:xray", "XRayEnabled"),
    ("aws:elasticbeanstalk:hostmanager", "LogPublicationControl"),
    ("aws:elasticbeanstalk:control", "RollbackLaunchOnFailure"),
];

/// Namespaces that AWS has, of which the sandbox has nothing.
const ABSENT: &[&str] = &[
    "aws:elasticbeanstalk:application:environmentsecrets",
    "aws:elasticbeanstalk:environment:proxy:staticfiles",
    "aws:elasticbeanstalk:sqsd",
    "aws:autoscaling:scheduledaction",
    "aws:rds:dbinstance",
];

/// Namespaces that end in a name of the user's: listeners, rules and processes beside the default ones.
const OPEN_ENDED: &[&str] = &[
    "aws:elb:listener:",
    "aws:elb:policies:",
    "aws:elbv2:listener:",
    "aws:elbv2:listenerrule:",
    "aws:elasticbeanstalk:environment:process:",
    "aws:elasticbeanstalk:container:",
];

/// Whether AWS knows the namespace though the sandbox has none of its options.
pub(super) fn is_absent(namespace: &str) -> bool {
    ABSENT.contains(&namespace) || OPEN_ENDED.iter().any(|start| namespace.starts_with(start))
}

fn problem(settings: &Settings, namespace: &str, name: &str, limit: &str) -> Problem {
    let value = settings.text(namespace, name);
    Problem::of_value(namespace, name, &value, &format!("This sandbox has {limit}."))
}

/// Everything that goes beyond the sandbox.
pub(super) fn problems(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !settings.is_single_instance() && settings.get(ENVIRONMENT, "LoadBalancerType") == Some("network") {
        problems.push(problem(
            settings,
            ENVIRONMENT,
            "LoadBalancerType",
            "classic and application load balancers only",
        ));
    }
    let balancer = settings
        .get(ENVIRONMENT, "LoadBalancerType")
        .filter(|_| !settings.is_single_instance());
    if settings.get(COMMAND, "DeploymentPolicy") == Some("TrafficSplitting") && balancer != Some("application") {
        // As on AWS (Beanstalk guide: using-features.rolling-version-deploy); in which words it refuses is not known.
        let limit = "traffic splitting behind application load balancers only";
        problems.push(problem(settings, COMMAND, "DeploymentPolicy", limit));
    }
    if settings.get(PROPERTIES, "PORT").is_some() {
        // Nginx would go where it says (developer guide, platforms-linux-extend.proxy); here instances share one machine.
        let limit = "a port of its own choice for the app of each instance, which finds it in PORT";
        problems.push(problem(settings, PROPERTIES, "PORT", limit));
    }
    problems.extend(shared_balancer::problems(settings));
    for (namespace, name) in ONLY_DEFAULT {
        let default = find(namespace, name).and_then(|option| option.default);
        if settings.get(namespace, name) != default {
            problems.push(problem(settings, namespace, name, "only the default of this option"));
        }
    }
    problems
}
