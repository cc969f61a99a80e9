//! Load balancers of the first generation, which a raw CreateEnvironment gets: no target group, one name, checks by TCP.
//! Must know nothing of the second generation's parts.

use std::collections::BTreeMap;

use super::catalogue::{APPLICATION, CLASSIC_CHECK, CLASSIC_LISTENER, CLASSIC_POLICIES, VPC};
use super::places::Places;
use super::resources::{Part, Site, instance_port, seconds};
use super::settings::Settings;
use crate::balancing::{HealthCheck, Listener, LoadBalancer, TargetGroup};
use crate::balancing_rules::RuleAction;
use crate::ids;

pub(super) const CLASSIC_BALANCER: Part = ("AWSEBLoadBalancer", "AWS::ElasticLoadBalancing::LoadBalancer");

/// The name in a classic load balancer's ARN, by which its API and Beanstalk's know it.
pub fn name_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// `TCP:80` wants a connection, `HTTP:80/path` an answer of 200. The older option gives a path, or such a target.
pub(super) fn health_check(settings: &Settings) -> HealthCheck {
    let whole = |name| seconds(settings.whole(CLASSIC_CHECK, name));
    let target = target(settings);
    HealthCheck {
        port: Some(port(&target)),
        path: path(&target),
        interval: whole("Interval"),
        timeout: whole("Timeout"),
        healthy_threshold: whole("HealthyThreshold"),
        unhealthy_threshold: whole("UnhealthyThreshold"),
        matcher: "200".to_owned(),
    }
}

/// What is checked, as the API shows it.
fn target(settings: &Settings) -> String {
    let url = settings.get(APPLICATION, "Application Healthcheck URL");
    match url {
        Some(path) if path.starts_with('/') => format!("HTTP:80{path}"),
        Some(target) => target.to_owned(),
        None => settings.text(CLASSIC_CHECK, "Target"),
    }
}

/// Of `TCP:80`, `HTTP:80/path`.
fn port(target: &str) -> u16 {
    let number = target.split_once(':').map_or("", |(_, rest)| rest);
    let number = number.split('/').next().unwrap_or_default();
    number.parse().unwrap_or(80)
}

/// Empty for a check by TCP.
fn path(target: &str) -> String {
    match target.split_once('/') {
        Some((start, path)) if start.starts_with("HTTP") => format!("/{path}"),
        _ => String::new(),
    }
}

/// Nothing drains unless it was told to.
pub(super) fn draining(settings: &Settings) -> u32 {
    if settings.is_true(CLASSIC_POLICIES, "ConnectionDrainingEnabled") {
        return seconds(settings.whole(CLASSIC_POLICIES, "ConnectionDrainingTimeout"));
    }
    0
}

impl Site<'_> {
    /// The place for the group's instances; it is there before the load balancer.
    pub(super) fn make_classic_targets(&mut self, vpc_id: &str) {
        let settings = self.settings();
        let name = format!("awseb-e-{}-AWSEBLoa-{}", &self.environment.id[2..3], ids::capitals(13));
        let (region, account) = self.origin();
        let arn = format!("arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/{name}");
        let group = TargetGroup {
            arn: arn.clone(),
            name,
            port: instance_port(&settings),
            protocol: "HTTP".to_owned(),
            vpc_id: vpc_id.to_owned(),
            check: health_check(&settings),
            deregistration_delay: draining(&settings),
            targets: BTreeMap::new(),
            tags: self.tags(),
        };
        self.here.balancing.target_groups.insert(arn.clone(), group);
        self.environment.made.target_group = Some(arn);
    }

    /// The load balancer itself; gives its name.
    pub(super) fn make_classic_balancer(&mut self, places: &Places) -> String {
        let settings = self.settings();
        let (region, _) = self.origin();
        let arn = self.environment.made.target_group.clone().unwrap_or_default();
        let name = name_of(&arn).to_owned();
        let dns_name = format!("{}-{}.{region}.elb.localhost", name.to_lowercase(), ids::digits(10));
        let zone = |subnet: &crate::network::Subnet| (subnet.zone.clone(), subnet.id.clone());
        let internal = settings.get(VPC, "ELBScheme") == Some("internal");
        let balancer = LoadBalancer {
            arn: arn.clone(),
            name: name.clone(),
            dns_name: dns_name.clone(),
            state: "active".to_owned(),
            kind: "classic".to_owned(),
            scheme: if internal { "internal" } else { "internet-facing" }.to_owned(),
            vpc_id: places.vpc_id.clone(),
            subnets: places.balancer.iter().map(zone).collect(),
            security_groups: self.balancer_groups(),
            idle_timeout: seconds(settings.whole(CLASSIC_POLICIES, "ConnectionSettingIdleTimeout")),
            created: self.now(),
            tags: self.tags(),
        };
        self.here.balancing.load_balancers.insert(arn.clone(), balancer);
        self.complete(CLASSIC_BALANCER, &name);
        self.environment.endpoint = Some(dns_name);
        if settings.is_true(CLASSIC_LISTENER, "ListenerEnabled") {
            let listener = Listener {
                arn: format!("{arn}/80"),
                load_balancer_arn: arn.clone(),
                port: 80,
                protocol: "HTTP".to_owned(),
                tls: None,
                default_action: RuleAction::forward(arn.clone()),
            };
            self.here.balancing.listeners.insert(listener.arn.clone(), listener);
        }
        self.environment.made.load_balancer = Some(arn);
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_names_the_port_that_is_checked() {
        assert_eq!((port("TCP:80"), path("TCP:80")), (80, String::new()));
        assert_eq!(
            (port("HTTP:8080/up/now"), path("HTTP:8080/up/now")),
            (8080, "/up/now".to_owned())
        );
    }
}
