//! The rules between the keys of a profile: what each value on its own cannot show.
//! Every rule is one that AWS would enforce late, or with a site that does not work.

use super::choices::*;
use super::keys::*;
use super::patterns;

/// One thing that is wrong, before it is known where it was said.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Finding {
    /// The keys that it is about; the first one that the user wrote is where the error points.
    pub(super) paths: Vec<Vec<String>>,
    /// Whether it is the key that is wrong, or its value.
    pub(super) at_key: bool,
    pub(super) message: String,
    pub(super) help: String,
}

impl Finding {
    pub(super) fn about_key(path: &[String], message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            paths: vec![path.to_vec()],
            at_key: true,
            message: message.into(),
            help: help.into(),
        }
    }

    pub(super) fn about_value(path: &[String], message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            at_key: false,
            ..Self::about_key(path, message, help)
        }
    }

    fn between(paths: &[&str], message: impl Into<String>, help: impl Into<String>) -> Self {
        let split = |path: &&str| path.split('.').map(String::from).collect();
        Self {
            paths: paths.iter().map(split).collect(),
            at_key: false,
            message: message.into(),
            help: help.into(),
        }
    }
}

/// Everything in a well-formed profile that does not go together.
pub(super) fn check(profile: &Profile) -> Vec<Finding> {
    let mut findings = Vec::new();
    scaling(profile, &mut findings);
    network(profile, &mut findings);
    instances(profile, &mut findings);
    roles_and_table(profile, &mut findings);
    edge(profile, &mut findings);
    domain(profile, &mut findings);
    whose_load_balancer(profile, &mut findings);
    uncached(profile, &mut findings);
    rate(profile, &mut findings);
    managed_updates(profile, &mut findings);
    properties_and_tags(profile, &mut findings);
    event(profile, &mut findings);
    findings
}

fn scaling(profile: &Profile, findings: &mut Vec<Finding>) {
    let Scaling {
        min,
        max,
        metric,
        upper,
        lower,
        period,
        ..
    } = profile.scaling;
    let mut no = |paths: &[&str], message: String, help: &str| findings.push(Finding::between(paths, message, help));
    if min > max {
        let message = format!("`scaling.max` ({max}) is below `scaling.min` ({min})");
        no(&["scaling.max", "scaling.min"], message, "allowed: min <= max");
    }
    // Beanstalk's own lower threshold is in bytes (2,000,000): it keeps the low alarm of a CPU trigger on for ever.
    if lower >= upper {
        let message = format!("`scaling.lower` ({lower}) is not below `scaling.upper` ({upper})");
        no(&["scaling.lower", "scaling.upper"], message, "allowed: lower < upper");
    }
    if metric == Metric::CpuUtilization && upper > 100.0 {
        no(
            &["scaling.upper"],
            format!("`scaling.upper` ({upper}) is more than 100 percent"),
            "allowed: 0 to 100",
        );
    }
    if !period.is_multiple_of(60) {
        let message = format!("`scaling.period` ({period}) is not in whole minutes");
        no(
            &["scaling.period"],
            message,
            "allowed: a multiple of 60, from 60 to 36000 seconds",
        );
    }
    let of_instances = matches!(metric, Metric::CpuUtilization | Metric::NetworkIn | Metric::NetworkOut);
    let monitoring = profile.instance.monitoring_period;
    if of_instances && period < monitoring {
        let message = format!(
            "`scaling.period` ({period}) is shorter than `instance.monitoring_period` ({monitoring}): most periods \
             would have no measurement"
        );
        no(
            &["scaling.period", "instance.monitoring_period"],
            message,
            "allowed: period >= monitoring_period",
        );
    }
    let batch = profile.environment.rolling_update_batch;
    if profile.is_load_balanced() && batch > max {
        let message = format!("`environment.rolling_update_batch` ({batch}) is above `scaling.max` ({max})");
        no(
            &["environment.rolling_update_batch", "scaling.max"],
            message,
            "allowed: batch <= scaling.max",
        );
    }
}

fn network(profile: &Profile, findings: &mut Vec<Finding>) {
    let Network {
        vpc,
        subnets,
        lb_subnets,
        azs,
        ..
    } = &profile.network;
    let mut no = |paths: &[&str], message: &str, help: &str| findings.push(Finding::between(paths, message, help));
    let zones_wanted = if profile.is_load_balanced() { 2 } else { 1 };
    if *azs < zones_wanted {
        let message = "a load-balanced environment needs two availability zones (`network.azs`)";
        no(
            &["network.azs"],
            message,
            "allowed: 2 to 6, or `environment.type = \"SingleInstance\"`",
        );
    }
    match vpc {
        Some(_) if subnets.is_empty() => no(
            &["network.vpc", "network.subnets"],
            "`network.vpc` needs `network.subnets`",
            "name subnets of that VPC",
        ),
        None if !subnets.is_empty() || !lb_subnets.is_empty() => no(
            &["network.subnets", "network.lb_subnets", "network.vpc"],
            "subnets without a VPC",
            "set `network.vpc` to the VPC that they belong to",
        ),
        _ => {}
    }
    let for_balancer = if lb_subnets.is_empty() { subnets } else { lb_subnets };
    if vpc.is_some() && !for_balancer.is_empty() && for_balancer.len() < zones_wanted as usize {
        no(
            &["network.lb_subnets", "network.subnets"],
            "the load balancer needs two subnets",
            "name two subnets in different availability zones",
        );
    }
    for (path, list) in [("network.subnets", subnets), ("network.lb_subnets", lb_subnets)] {
        if let Some(twice) = duplicate(list) {
            no(
                &[path],
                &format!("`{path}` names {twice} twice"),
                "name each subnet once",
            );
        }
    }
}

fn instances(profile: &Profile, findings: &mut Vec<Finding>) {
    let Instance {
        types, architecture, ..
    } = &profile.instance;
    if types.is_empty() || types.len() > 40 {
        let message = format!("`instance.types` has {} types", types.len());
        findings.push(Finding::between(
            &["instance.types"],
            message,
            "allowed: 1 to 40 instance types",
        ));
    }
    let wants_arm = *architecture == Architecture::Arm64;
    if let Some(other) = types.iter().find(|name| patterns::is_arm(name) != wants_arm) {
        findings.push(Finding::between(
            &["instance.types", "instance.architecture"],
            format!("{other} is not an instance type of `instance.architecture` {architecture}"),
            "allowed: types of one architecture, as t3.micro for x86_64 and t4g.micro for arm64",
        ));
    }
}

fn roles_and_table(profile: &Profile, findings: &mut Vec<Finding>) {
    let roles = &profile.roles;
    if roles.mode == RolesMode::Existing && (roles.service.is_none() || roles.instance.is_none()) {
        findings.push(Finding::between(
            &["roles.mode", "roles.service", "roles.instance"],
            "`roles.mode` \"existing\" needs the names of both roles",
            "set `roles.service` and `roles.instance`",
        ));
    }
    let table = &profile.table;
    let capacity = ["table.read_capacity", "table.write_capacity", "table.billing"];
    let given = table.read_capacity.is_some() as u8 + table.write_capacity.is_some() as u8;
    match table.billing {
        BillingMode::PayPerRequest if given > 0 => findings.push(Finding::between(
            &capacity,
            "capacities belong to a provisioned table only",
            "set `table.billing = \"PROVISIONED\"`, or leave them out",
        )),
        BillingMode::Provisioned if given < 2 => findings.push(Finding::between(
            &["table.billing", "table.read_capacity", "table.write_capacity"],
            "a provisioned table needs both capacities",
            "set `table.read_capacity` and `table.write_capacity`",
        )),
        _ => {}
    }
    let balancer = &profile.load_balancer;
    if balancer.health_check_timeout >= balancer.health_check_interval {
        findings.push(Finding::between(
            &[
                "load_balancer.health_check_timeout",
                "load_balancer.health_check_interval",
            ],
            format!(
                "`load_balancer.health_check_timeout` ({}) is not below the interval ({})",
                balancer.health_check_timeout, balancer.health_check_interval
            ),
            "allowed: timeout < interval",
        ));
    }
}

/// CloudFront takes exactly these three sets of methods (botocore: cloudfront, AllowedMethods).
const METHOD_SETS: [&[&str]; 3] = [
    &["GET", "HEAD"],
    &["GET", "HEAD", "OPTIONS"],
    &["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"],
];

/// A CNAME that a distribution depends on ends in a hyphen and eight random characters.
const LONGEST_CNAME_STEM: usize = 63 - 9;

fn edge(profile: &Profile, findings: &mut Vec<Finding>) {
    let cdn = &profile.cdn;
    if !cdn.enabled {
        return;
    }
    let mut no = |paths: &[&str], message: &str, help: &str| findings.push(Finding::between(paths, message, help));
    let mut methods: Vec<&str> = cdn.methods.iter().map(String::as_str).collect();
    methods.sort_unstable();
    if !METHOD_SETS.contains(&methods.as_slice()) {
        no(
            &["cdn.methods"],
            "`cdn.methods` is none of CloudFront's three sets",
            "allowed: GET and HEAD, those and OPTIONS, or all seven (registering needs POST)",
        );
    }
    if cdn.origin == CdnOrigin::LoadBalancer && !profile.is_load_balanced() {
        no(
            &["cdn.origin", "environment.type"],
            "a single instance has no load balancer for CloudFront to fetch from",
            "set `cdn.origin = \"cname\"`, or `cdn.enabled = false`",
        );
    }
    let prefix = profile.environment.cname_prefix.as_deref().unwrap_or_default();
    if cdn.origin == CdnOrigin::Cname && prefix.len() > LONGEST_CNAME_STEM {
        no(
            &["environment.cname_prefix"],
            "`environment.cname_prefix` is too long to get the random end that `cdn.origin = \"cname\"` needs",
            "allowed: up to 54 characters",
        );
    }
    // The origin must not close a connection that CloudFront still means to use.
    if profile.is_load_balanced() && cdn.origin_keepalive_timeout >= profile.load_balancer.idle_timeout {
        no(
            &["cdn.origin_keepalive_timeout", "load_balancer.idle_timeout"],
            "`cdn.origin_keepalive_timeout` is not below `load_balancer.idle_timeout`",
            "allowed: keepalive < idle",
        );
    }
    let groups = &profile.waf.groups;
    if profile.waf.enabled && (groups.is_empty() || duplicate(groups).is_some()) {
        no(
            &["waf.groups"],
            "`waf.groups` is empty or names a group twice",
            "name each rule group once",
        );
    }
}

/// Names that a certificate may have without asking AWS for more (ACM quotas), and what a tag holds of them.
const MOST_NAMES: usize = 10;
const NAMES_LENGTH: usize = 256;

fn domain(profile: &Profile, findings: &mut Vec<Finding>) {
    let domain = &profile.domain;
    let mut no = |message: &str, help: &str| {
        findings.push(Finding::between(&["domain.also", "domain.name"], message, help));
    };
    let Some(name) = &domain.name else {
        if !domain.also.is_empty() {
            no(
                "`domain.also` without `domain.name`",
                "set `domain.name` to the site's first name",
            );
        }
        return;
    };
    let names: Vec<String> = std::iter::once(name).chain(&domain.also).cloned().collect();
    if let Some(twice) = duplicate(&names) {
        no(&format!("the domain names {twice} twice"), "name each name once");
    }
    if names.len() > MOST_NAMES || names.join(" ").len() > NAMES_LENGTH {
        no(
            "the domain has too many names",
            "allowed: 10 names, of 256 characters together",
        );
    }
}

/// An own or a shared load balancer. Sources: the developer guide's environments-cfg-alb-shared and command-options-general.
fn whose_load_balancer(profile: &Profile, findings: &mut Vec<Finding>) {
    const MODE: &str = "load_balancer.mode";
    const ARN: &str = "load_balancer.arn";
    let LoadBalancer {
        mode,
        arn,
        idle_timeout,
        ..
    } = &profile.load_balancer;
    let mut no = |paths: &[&str], message: String, help: &str| findings.push(Finding::between(paths, message, help));
    match (mode, arn) {
        (LoadBalancerMode::Shared, None) => no(
            &[MODE, ARN],
            "`load_balancer.mode` \"shared\" needs `load_balancer.arn`".to_owned(),
            "set `load_balancer.arn` to the application load balancer's ARN",
        ),
        (LoadBalancerMode::Dedicated | LoadBalancerMode::Own, Some(_)) => no(
            &[ARN, MODE],
            format!("`load_balancer.arn` names a shared load balancer, and `load_balancer.mode` is \"{mode}\""),
            "set `load_balancer.mode = \"shared\"`, or leave it out",
        ),
        _ => {}
    }
    if *mode == LoadBalancerMode::Dedicated {
        return;
    }
    if !profile.is_load_balanced() {
        no(
            &[MODE, "environment.type"],
            format!("`load_balancer.mode` is \"{mode}\", and a single instance has no load balancer"),
            "set `environment.type = \"LoadBalanced\"`, or leave `load_balancer.mode` out",
        );
    }
    if profile.scaling.metric == Metric::TargetResponseTime {
        no(
            &["scaling.metric", MODE],
            "`scaling.metric` TargetResponseTime is the load balancer's, which is not the environment's own (`load_balancer.mode`)".to_owned(),
            "allowed: CPUUtilization, NetworkIn, NetworkOut, RequestCount; or `load_balancer.mode = \"dedicated\"`",
        );
    }
    let (edge, origin) = (profile.cdn.enabled, profile.cdn.origin);
    match mode {
        LoadBalancerMode::Own if !edge => no(
            &[MODE, "cdn.enabled"],
            "a load balancer of its own (`load_balancer.mode`) answers CloudFront alone, and `cdn.enabled` is false".to_owned(),
            "set `cdn.enabled = true`, or `load_balancer.mode = \"dedicated\"`",
        ),
        LoadBalancerMode::Own if origin == CdnOrigin::Cname => no(
            &[MODE, "cdn.origin"],
            "a load balancer of its own (`load_balancer.mode`) is fetched from by its own name, and `cdn.origin` is \"cname\""
                .to_owned(),
            "set `cdn.origin = \"load-balancer\"`",
        ),
        LoadBalancerMode::Shared if edge && origin == CdnOrigin::LoadBalancer => no(
            &[MODE, "cdn.origin"],
            "a shared load balancer (`load_balancer.mode`) tells its environments apart by their names, which CloudFront then has \
             to ask for"
                .to_owned(),
            "set `cdn.origin = \"cname\"`, or `cdn.enabled = false`",
        ),
        LoadBalancerMode::Shared if *idle_timeout != LoadBalancer::default().idle_timeout => no(
            &["load_balancer.idle_timeout", MODE],
            "`load_balancer.idle_timeout` is set, and a shared load balancer is not changed".to_owned(),
            "leave it out, and have its owner set it",
        ),
        _ => {}
    }
}

/// Cache behaviours of one distribution, the default one among them (CloudFront guide, cloudfront-limits).
const BEHAVIORS: usize = 75;

fn uncached(profile: &Profile, findings: &mut Vec<Finding>) {
    let paths = &profile.cdn.uncached;
    let mut no = |message: String, help: &str| findings.push(Finding::between(&["cdn.uncached"], message, help));
    if let Some(twice) = duplicate(paths) {
        no(
            format!("`cdn.uncached` names {twice} twice"),
            "name each path pattern once",
        );
    }
    if paths.len() >= BEHAVIORS {
        let help = "allowed: 74, beside the distribution's default; a flat-rate plan may have fewer";
        no(format!("`cdn.uncached` has {} path patterns", paths.len()), help);
    }
}

fn rate(profile: &Profile, findings: &mut Vec<Finding>) {
    let wanted = profile.has_web_acl() && profile.waf.rate != RateMode::Off;
    if wanted && profile.rate_rule().is_none() {
        findings.push(Finding::between(
            &["waf.rate"],
            "nothing says how many registrations of one address `waf.rate` is to let pass",
            "set `event.people`, by which it is sized, or `waf.rate_limit`",
        ));
    }
}

fn managed_updates(profile: &Profile, findings: &mut Vec<Finding>) {
    if profile.environment.managed_updates.is_some() && profile.app.platform_version.is_some() {
        findings.push(Finding::between(
            &["environment.managed_updates", "app.platform_version"],
            "`environment.managed_updates` would move the environment off `app.platform_version`, and the next `up` back",
            "leave one of them out",
        ));
    }
}

/// Beanstalk takes 4,096 bytes of `key=value` in all; some are kept for what confctl sets itself.
const PROPERTY_BYTES: usize = 4096 - 512;
/// Beanstalk takes 47 tags on an environment, of which confctl uses three.
const TAGS: usize = 47 - 3;

fn properties_and_tags(profile: &Profile, findings: &mut Vec<Finding>) {
    let bytes: usize = profile
        .app
        .properties
        .iter()
        .map(|(key, value)| key.len() + value.len() + 2)
        .sum();
    if bytes > PROPERTY_BYTES {
        let message = format!("`app.properties` takes {bytes} bytes in all");
        let help = format!("allowed: {PROPERTY_BYTES} bytes, names and values together");
        findings.push(Finding::between(&["app.properties"], message, help));
    }
    if profile.tags.len() > TAGS {
        let message = format!("{} tags are too many", profile.tags.len());
        findings.push(Finding::between(&["tags"], message, format!("allowed: {TAGS} tags")));
    }
}

fn event(profile: &Profile, findings: &mut Vec<Finding>) {
    let time = |text: &Option<String>| text.as_deref().and_then(patterns::time);
    let (at, closes_at) = (time(&profile.event.at), time(&profile.event.closes_at));
    if at.zip(closes_at).is_some_and(|(at, closes_at)| closes_at <= at) {
        findings.push(Finding::between(
            &["event.closes_at", "event.at"],
            "`event.closes_at` is not behind `event.at`: nobody could register",
            "allowed: event.at < event.closes_at",
        ));
    }
}

fn duplicate(list: &[String]) -> Option<&str> {
    list.iter()
        .enumerate()
        .find(|(index, item)| list[..*index].contains(item))
        .map(|(_, item)| item.as_str())
}
