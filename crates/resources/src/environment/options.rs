//! The option settings of an environment: what the profile means in Beanstalk's namespaces, and how two sets differ.
//! Pure; must know nothing of calls.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::engine::{Effect, FieldChange, Step};
use crate::outputs::{LiveLoadBalancer, Network};
use crate::profile::{Architecture, DeploymentPolicy, LoadBalancerMode, Profile};

/// Namespace and option name.
pub(super) type Key = (String, String);

/// Option settings by key.
pub(super) type OptionSettings = BTreeMap<Key, String>;

pub(crate) const NOTIFICATIONS: &str = "aws:elasticbeanstalk:sns:topics";
pub(crate) const ENDPOINT: &str = "Notification Endpoint";
pub(crate) const PROPERTIES: &str = "aws:elasticbeanstalk:application:environment";
pub(super) const TRIGGER: &str = "aws:autoscaling:trigger";
pub(super) const GROUP: &str = "aws:autoscaling:asg";
pub(super) const VPC: &str = "aws:ec2:vpc";
/// When the app stops taking people, and when it stops taking addresses that confctl made up.
const CLOSES_AT: &str = "REGISTRATION_CLOSES_AT";
const TEST_UNTIL: &str = "CONFCTL_TEST_UNTIL";
pub(super) const ENVIRONMENT: &str = "aws:elasticbeanstalk:environment";
pub(super) const LAUNCH: &str = "aws:autoscaling:launchconfiguration";
pub(super) const BALANCER: &str = "aws:elbv2:loadbalancer";
pub(super) const IS_SHARED: &str = "LoadBalancerIsShared";
pub(super) const SHARED: &str = "SharedLoadBalancer";
pub(super) const GROUPS: &str = "SecurityGroups";
const TLS_LISTENER: &str = "aws:elbv2:listener:443";
const PROCESS: &str = "aws:elasticbeanstalk:environment:process:default";
const HEALTH: &str = "aws:elasticbeanstalk:healthreporting:system";
const MANAGED: &str = "aws:elasticbeanstalk:managedactions";
const PLATFORM_UPDATE: &str = "aws:elasticbeanstalk:managedactions:platformupdate";

/// What enhanced health makes of requests. By default a tenth of 4xx answers is a Warning, a quarter Degraded, and who scans
/// a public address gets little else: a launch would never be Ok, and a visitor's typing would look like a broken site.
/// Source: the developer guide's health-enhanced-rules.
const CONFIG_DOCUMENT: &str = "ConfigDocument";
const RULES: &str = r#"{"Version":1,"Rules":{"Environment":{"Application":{"ApplicationRequests4xx":{"Enabled":false}},"ELB":{"ELBRequests4xx":{"Enabled":false}}}}}"#;

/// Properties that a platform sets by itself, by the first word of its branch's name: its own scripts need them.
/// Source: the developer guide's command-options-specific.
const OF_PLATFORMS: &[(&str, &[&str])] = &[
    ("Corretto", &["GRADLE_HOME", "JAVA_HOME", "M2", "M2_HOME"]),
    ("Python", &["PYTHONPATH"]),
    (
        "Ruby",
        &[
            "BUNDLE_WITHOUT",
            "RACK_ENV",
            "RAILS_ENV",
            "RAILS_SKIP_ASSET_COMPILATION",
            "RAILS_SKIP_MIGRATIONS",
        ],
    ),
    (
        "Tomcat",
        &["GRADLE_HOME", "JAVA_HOME", "JDBC_CONNECTION_STRING", "M2", "M2_HOME"],
    ),
];

/// What other resources give; `None` is known only after apply.
#[derive(Debug, Clone, Default)]
pub(super) struct Inputs {
    pub network: Option<Network>,
    pub service_role: Option<String>,
    pub instance_profile: Option<String>,
    pub key_pair: Option<String>,
    pub table: Option<String>,
    /// A load balancer that is not the environment's.
    pub load_balancer: Option<LiveLoadBalancer>,
}

/// Every option that we set. Sources: the developer guide's command-options-general, for the traps the comments.
pub(super) fn wanted(profile: &Profile, region: &str, inputs: &Inputs) -> OptionSettings {
    let mut settings = OptionSettings::new();
    let mut set = |namespace: &str, name: &str, value: String| {
        settings.insert((namespace.to_owned(), name.to_owned()), value);
    };
    basics(profile, inputs, &mut set);
    instances(profile, inputs, &mut set);
    network(profile, inputs, &mut set);
    if profile.is_load_balanced() {
        scaling(profile, &mut set);
        process(profile, &mut set);
        match profile.load_balancer.mode {
            LoadBalancerMode::Dedicated => load_balancer(profile, &mut set),
            LoadBalancerMode::Own | LoadBalancerMode::Shared => shared(profile, inputs, &mut set),
        }
    }
    deployments(profile, &mut set);
    managed_updates(profile, inputs, &mut set);
    properties(profile, region, inputs, &mut set);
    settings
}

type Set<'a> = dyn FnMut(&str, &str, String) + 'a;

fn basics(profile: &Profile, inputs: &Inputs, set: &mut Set<'_>) {
    set(
        ENVIRONMENT,
        "EnvironmentType",
        profile.environment.kind.as_str().to_owned(),
    );
    if profile.is_load_balanced() {
        // The raw API's default is a classic load balancer, and it cannot be changed later.
        set(ENVIRONMENT, "LoadBalancerType", "application".to_owned());
    }
    if let Some(role) = &inputs.service_role {
        set(ENVIRONMENT, "ServiceRole", role.clone());
    }
    // The raw API's default is basic health, which says nothing of why.
    set(HEALTH, "SystemType", "enhanced".to_owned());
    set(HEALTH, CONFIG_DOCUMENT, RULES.to_owned());
    let logs = "aws:elasticbeanstalk:cloudwatch:logs";
    set(logs, "StreamLogs", profile.environment.log_streaming.to_string());
    set(
        logs,
        "DeleteOnTerminate",
        profile.environment.log_delete_on_terminate.to_string(),
    );
    set(
        logs,
        "RetentionInDays",
        profile.environment.log_retention_days.to_string(),
    );
    if let Some(email) = &profile.notifications.email {
        set(NOTIFICATIONS, ENDPOINT, email.clone());
        set(NOTIFICATIONS, "Notification Protocol", "email".to_owned());
    }
}

fn instances(profile: &Profile, inputs: &Inputs, set: &mut Set<'_>) {
    let instance = &profile.instance;
    set("aws:ec2:instances", "InstanceTypes", instance.types.join(","));
    set("aws:ec2:instances", "EnableSpot", "false".to_owned());
    if instance.architecture == Architecture::Arm64 {
        set(
            "aws:ec2:instances",
            "SupportedArchitectures",
            instance.architecture.as_str().to_owned(),
        );
    }
    if let Some(profile) = &inputs.instance_profile {
        set(LAUNCH, "IamInstanceProfile", profile.clone());
    }
    if let Some(key) = &inputs.key_pair {
        set(LAUNCH, "EC2KeyName", key.clone());
    }
    // gp3 and DisableIMDSv1, both: each alone was not always enough to get a launch template, and accounts made since
    // October 2024 cannot make launch configurations at all (aws/elastic-beanstalk-roadmap#271).
    set(LAUNCH, "RootVolumeType", instance.root_volume_type.as_str().to_owned());
    set(LAUNCH, "DisableIMDSv1", (!instance.imds_v1).to_string());
    if let Some(size) = instance.root_volume_size {
        set(LAUNCH, "RootVolumeSize", size.to_string());
    }
    let monitoring = if instance.monitoring_period == 60 {
        "1 minute"
    } else {
        "5 minute"
    };
    set(LAUNCH, "MonitoringInterval", monitoring.to_owned());
    // Without it Beanstalk opens port 22 to the world, key pair or not (Beanstalk guide:
    // using-features.managing.ec2.instances.sg).
    set(
        LAUNCH,
        "SSHSourceRestriction",
        format!("tcp, 22, 22, {}", profile.ssh.source),
    );
}

fn network(profile: &Profile, inputs: &Inputs, set: &mut Set<'_>) {
    let Some(network) = &inputs.network else { return };
    set(VPC, "VPCId", network.vpc_id.clone());
    set(VPC, "Subnets", network.subnets.join(","));
    if profile.is_load_balanced() && profile.load_balancer.mode == LoadBalancerMode::Dedicated {
        set(VPC, "ELBSubnets", network.lb_subnets.join(","));
    }
    // In a public subnet without a public address an instance cannot call home, and the launch fails after half an hour.
    set(VPC, "AssociatePublicIpAddress", profile.network.public_ip.to_string());
}

fn scaling(profile: &Profile, set: &mut Set<'_>) {
    let scaling = &profile.scaling;
    set(GROUP, "MinSize", scaling.min.to_string());
    set(GROUP, "MaxSize", scaling.max.to_string());
    set(GROUP, "Cooldown", scaling.cooldown.to_string());
    set(TRIGGER, "MeasureName", scaling.metric.as_str().to_owned());
    set(TRIGGER, "Statistic", "Average".to_owned());
    set(TRIGGER, "Unit", scaling.metric.unit().to_owned());
    // Both: the default lower threshold is 2,000,000 whatever the unit, which would pull the group to its minimum for ever.
    set(TRIGGER, "UpperThreshold", scaling.upper.to_string());
    set(TRIGGER, "LowerThreshold", scaling.lower.to_string());
    let minutes = scaling.period / 60;
    set(TRIGGER, "Period", minutes.to_string());
    set(TRIGGER, "EvaluationPeriods", scaling.evaluation_periods.to_string());
    // Beanstalk changes one of the three where this is not their product.
    set(
        TRIGGER,
        "BreachDuration",
        (minutes * scaling.evaluation_periods).to_string(),
    );
    set(TRIGGER, "UpperBreachScaleIncrement", scaling.increment.to_string());
    set(TRIGGER, "LowerBreachScaleIncrement", format!("-{}", scaling.increment));
    // The raw API's default, false, replaces all instances at once.
    let updates = "aws:autoscaling:updatepolicy:rollingupdate";
    set(updates, "RollingUpdateEnabled", "true".to_owned());
    set(updates, "RollingUpdateType", "Health".to_owned());
    set(
        updates,
        "MaxBatchSize",
        profile.environment.rolling_update_batch.to_string(),
    );
}

fn load_balancer(profile: &Profile, set: &mut Set<'_>) {
    set("aws:elbv2:listener:default", "ListenerEnabled", "true".to_owned());
    set("aws:elbv2:listener:default", "Protocol", "HTTP".to_owned());
    set(BALANCER, "IdleTimeout", profile.load_balancer.idle_timeout.to_string());
}

/// One that is there: no other option of it or of its listener may be set (the developer guide's environments-cfg-alb-shared).
fn shared(profile: &Profile, inputs: &Inputs, set: &mut Set<'_>) {
    if profile.has_origin_tls() {
        // Else it adds its rule, by which the instances are checked, to a listener of port 80 only (same guide).
        set(TLS_LISTENER, "Rules", "default".to_owned());
    }
    // Left out, Beanstalk makes one of its own beside it (cloudposse/terraform-aws-elastic-beanstalk-environment#251).
    set(ENVIRONMENT, IS_SHARED, "true".to_owned());
    if let Some(balancer) = &inputs.load_balancer {
        set(BALANCER, SHARED, balancer.arn.clone());
        // Without a group Beanstalk adds one of its own to it, which lets everybody in.
        if let Some(group) = balancer.security_groups.first() {
            set(BALANCER, GROUPS, group.clone());
        }
    }
}

fn process(profile: &Profile, set: &mut Set<'_>) {
    let balancer = &profile.load_balancer;
    // The port of the proxy on the instance, not the app's own.
    set(PROCESS, "Port", "80".to_owned());
    set(PROCESS, "Protocol", "HTTP".to_owned());
    set(PROCESS, "HealthCheckPath", profile.app.health_path.clone());
    set(
        PROCESS,
        "HealthCheckInterval",
        balancer.health_check_interval.to_string(),
    );
    set(PROCESS, "HealthCheckTimeout", balancer.health_check_timeout.to_string());
    set(PROCESS, "HealthyThresholdCount", balancer.healthy_threshold.to_string());
    set(
        PROCESS,
        "UnhealthyThresholdCount",
        balancer.unhealthy_threshold.to_string(),
    );
    set(PROCESS, "MatcherHTTPCode", balancer.matcher.clone());
    set(
        PROCESS,
        "DeregistrationDelay",
        balancer.deregistration_delay.to_string(),
    );
}

/// A single instance has no batches: only AllAtOnce and Immutable are possible there.
pub(super) fn deployment_policy(profile: &Profile) -> DeploymentPolicy {
    match profile.environment.deployment_policy {
        DeploymentPolicy::Rolling | DeploymentPolicy::RollingWithAdditionalBatch if !profile.is_load_balanced() => {
            DeploymentPolicy::AllAtOnce
        }
        policy => policy,
    }
}

fn deployments(profile: &Profile, set: &mut Set<'_>) {
    let command = "aws:elasticbeanstalk:command";
    set(
        command,
        "DeploymentPolicy",
        deployment_policy(profile).as_str().to_owned(),
    );
    set(command, "Timeout", profile.environment.command_timeout.to_string());
    if profile.is_load_balanced() {
        set(command, "BatchSizeType", "Percentage".to_owned());
        set(
            command,
            "BatchSize",
            profile.environment.deployment_batch_percent.to_string(),
        );
    }
}

/// Enhanced health, which they need, is always on. Source: the developer guide's environment-platform-update-managed.
fn managed_updates(profile: &Profile, inputs: &Inputs, set: &mut Set<'_>) {
    let environment = &profile.environment;
    let Some(window) = &environment.managed_updates else {
        return;
    };
    set(MANAGED, "ManagedActionsEnabled", "true".to_owned());
    set(MANAGED, "PreferredStartTime", window.clone());
    // Of the two roles that are possible the one that is there: the other is linked to the service, and made at the first use.
    if let Some(role) = &inputs.service_role {
        set(MANAGED, "ServiceRoleForManagedUpdates", role.clone());
    }
    let level = environment.managed_updates_level.as_str().to_owned();
    set(PLATFORM_UPDATE, "UpdateLevel", level);
    let refresh = environment.instance_refresh.to_string();
    set(PLATFORM_UPDATE, "InstanceRefreshEnabled", refresh);
}

fn properties(profile: &Profile, region: &str, inputs: &Inputs, set: &mut Set<'_>) {
    for (name, value) in &profile.app.properties {
        set(PROPERTIES, name, value.clone());
    }
    // Beanstalk does not set it on instances.
    set(PROPERTIES, "AWS_REGION", region.to_owned());
    if let Some(table) = &inputs.table {
        set(PROPERTIES, "TABLE_NAME", table.clone());
    }
    set(PROPERTIES, "TABLE_KEY", profile.table.key.clone());
    // In one form, whatever zone it was written in.
    let event = &profile.event;
    for (name, time) in [(CLOSES_AT, &event.closes_at), (TEST_UNTIL, &event.at)] {
        if let Some(time) = time.as_deref().and_then(crate::profile::time) {
            set(PROPERTIES, name, time.to_string());
        }
    }
}

/// An option that is to be set, or no longer.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct OptionStep {
    pub key: Key,
    pub from: Option<String>,
    /// `None`: taken away.
    pub to: Option<String>,
    effect: Effect,
}

impl Step for OptionStep {
    fn shown(&self) -> FieldChange {
        let (namespace, name) = &self.key;
        let told = |value: &String| shown(namespace, name, value);
        FieldChange::new(
            field(&self.key),
            self.from.as_ref().map(told),
            self.to.as_ref().map(told),
        )
        .effect(self.effect)
    }
}

/// The values may be secrets.
impl OptionStep {
    /// The property that is taken off.
    pub(super) fn property_taken_off(&self) -> Option<&str> {
        let (namespace, name) = &self.key;
        (self.to.is_none() && namespace == PROPERTIES).then_some(name)
    }
}

impl std::fmt::Debug for OptionStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.shown().fmt(f)
    }
}

/// What differs: options that are set otherwise, and properties that nobody wants any more.
///
/// The network is kept as it was chosen at creation, unless the profile names one: other subnets replace every instance.
pub(super) fn differences(profile: &Profile, wanted: &OptionSettings, deployed: &OptionSettings) -> Vec<OptionStep> {
    let mut steps = Vec::new();
    for (key, value) in wanted {
        let (namespace, name) = key;
        let chosen = namespace == VPC && ["VPCId", "Subnets", "ELBSubnets"].contains(&name.as_str());
        // Which listener has Beanstalk's rule is settled at creation: nobody is let in by it, and the load balancer's own rule has the
        // instances checked wherever it is.
        if namespace == TLS_LISTENER {
            continue;
        }
        if chosen && profile.network.vpc.is_none() && deployed.contains_key(key) {
            continue;
        }
        let from = deployed.get(key);
        let alike = match from {
            Some(from) => same(key, from, value),
            // Beanstalk does not tell a property without a value from none (aws/aws-elastic-beanstalk-cli#55 shows both).
            None => namespace == PROPERTIES && value.is_empty(),
        };
        if !alike {
            steps.push(OptionStep {
                key: key.clone(),
                from: from.cloned(),
                to: Some(value.clone()),
                effect: effect(profile, namespace),
            });
        }
    }
    for (key, value) in unwanted(profile, wanted, deployed) {
        let effect = effect(profile, &key.0);
        steps.push(OptionStep {
            key,
            from: Some(value),
            to: None,
            effect,
        });
    }
    steps
}

/// Whether the settings have this value: what the services' own things differ in then is their drift, not ours to deploy.
pub(super) fn says(settings: &OptionSettings, namespace: &str, name: &str, value: &str) -> bool {
    let key = (namespace.to_owned(), name.to_owned());
    let stored = settings.get(&key);
    stored.is_some_and(|stored| same(&key, stored, value))
}

/// What is deployed and no longer wanted: properties, and options that the profile sets only sometimes.
fn unwanted(profile: &Profile, wanted: &OptionSettings, deployed: &OptionSettings) -> Vec<(Key, String)> {
    let gone = |(namespace, name): &Key| match (namespace.as_str(), name.as_str()) {
        (PROPERTIES, name) => !is_of_platform(profile, name),
        // Left in the launch template, it fails the next scale-out once the key pair is gone.
        (LAUNCH, "EC2KeyName") => !profile.ssh.enabled,
        (NOTIFICATIONS, ENDPOINT) => profile.notifications.email.is_none(),
        // All of them: a time and a level without the switch are refused (cloudposse/terraform-aws-elastic-beanstalk-environment#33).
        (MANAGED | PLATFORM_UPDATE, _) => {
            profile.environment.managed_updates.is_none() && says(deployed, MANAGED, "ManagedActionsEnabled", "true")
        }
        _ => false,
    };
    let extra = deployed
        .iter()
        .filter(|(key, value)| gone(key) && !value.is_empty() && !wanted.contains_key(*key));
    extra.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn is_of_platform(profile: &Profile, property: &str) -> bool {
    let found = OF_PLATFORMS
        .iter()
        .find(|(word, _)| profile.app.platform.starts_with(word));
    found.is_some_and(|(_, properties)| properties.contains(&property))
}

/// Which option a field of [`differences`] is about.
pub(super) fn field((namespace, name): &Key) -> String {
    format!("{namespace} {name}")
}

/// A value as it may be shown: of properties, which may be secrets, only that there is one; of addresses nothing.
fn shown(namespace: &str, name: &str, value: &str) -> String {
    let own = ["AWS_REGION", "TABLE_NAME", "TABLE_KEY", CLOSES_AT, TEST_UNTIL];
    let secret = namespace == PROPERTIES && !own.contains(&name);
    if secret || name == ENDPOINT {
        "(not shown)".to_owned()
    } else {
        value.to_owned()
    }
}

/// Whether two values mean the same: Beanstalk's own numbers, lists and the ends of ARNs are written in more than one way.
/// Properties are the app's, and compared to the letter.
fn same((namespace, name): &Key, left: &str, right: &str) -> bool {
    if namespace == PROPERTIES {
        return left == right;
    }
    if left.trim() == right.trim() {
        return true;
    }
    if let (Ok(left), Ok(right)) = (left.trim().parse::<f64>(), right.trim().parse::<f64>()) {
        return left == right;
    }
    let name = name.as_str();
    if name == CONFIG_DOCUMENT {
        let parsed = |text: &str| serde_json::from_str::<Value>(text).ok();
        return parsed(left)
            .zip(parsed(right))
            .is_some_and(|(left, right)| has_all(&left, &right));
    }
    if ["true", "false"].contains(&right) {
        return left.eq_ignore_ascii_case(right);
    }
    if ["IamInstanceProfile", "ServiceRole", "ServiceRoleForManagedUpdates"].contains(&name) {
        let last = |arn: &str| arn.rsplit('/').next().unwrap_or(arn).to_owned();
        return last(left) == last(right);
    }
    let in_order = |text: &str| -> Vec<_> { text.split(',').map(|item| item.trim().to_owned()).collect() };
    if name == "InstanceTypes" {
        // The first that is to be had is launched, so that the order matters.
        return in_order(left) == in_order(right);
    }
    let list = |text: &str| {
        let mut items = in_order(text);
        items.sort();
        items
    };
    ["Subnets", "ELBSubnets", "SecurityGroups", "SSHSourceRestriction"].contains(&name) && list(left) == list(right)
}

/// Whether a document says all that is wanted of it: Beanstalk fills in the rest, and others have their metrics in it.
fn has_all(deployed: &Value, wanted: &Value) -> bool {
    match wanted {
        Value::Object(members) => members
            .iter()
            .all(|(name, member)| has_all(&deployed[name.as_str()], member)),
        wanted => deployed == wanted,
    }
}

/// What changing an option does to the site. Source: ChangeSeverity of DescribeConfigurationOptions, in short.
fn effect(profile: &Profile, namespace: &str) -> Effect {
    match namespace {
        LAUNCH | VPC | "aws:ec2:instances" => in_batches(profile, Effect::ReplaceInstances),
        PROPERTIES => in_batches(profile, Effect::Restart),
        _ => Effect::None,
    }
}

/// The effect, or an interruption where there are no batches: one instance, or all at once.
pub(super) fn in_batches(profile: &Profile, effect: Effect) -> Effect {
    let at_once = effect == Effect::Restart && profile.environment.deployment_policy == DeploymentPolicy::AllAtOnce;
    match profile.is_load_balanced() && !at_once {
        true => effect,
        false => Effect::Interrupt,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs() -> Inputs {
        let network = Network {
            vpc_id: "vpc-1".into(),
            subnets: vec!["subnet-a".into(), "subnet-b".into()],
            lb_subnets: vec!["subnet-a".into(), "subnet-b".into()],
        };
        Inputs {
            network: Some(network),
            table: Some("users".into()),
            ..Inputs::default()
        }
    }

    fn get<'a>(settings: &'a OptionSettings, namespace: &str, name: &str) -> Option<&'a str> {
        settings
            .get(&(namespace.to_owned(), name.to_owned()))
            .map(String::as_str)
    }

    #[test]
    fn the_article_scales_at_fifty_percent_and_never_by_bytes() {
        let settings = wanted(&Profile::default(), "us-east-1", &inputs());
        assert_eq!(get(&settings, TRIGGER, "MeasureName"), Some("CPUUtilization"));
        assert_eq!(get(&settings, TRIGGER, "Unit"), Some("Percent"));
        assert_eq!(get(&settings, TRIGGER, "UpperThreshold"), Some("50"));
        assert_eq!(get(&settings, TRIGGER, "LowerThreshold"), Some("25"));
        assert_eq!(get(&settings, TRIGGER, "BreachDuration"), Some("5"));
        assert_eq!(get(&settings, GROUP, "MinSize"), Some("2"));
        assert_eq!(get(&settings, GROUP, "MaxSize"), Some("4"));
        assert_eq!(get(&settings, ENVIRONMENT, "LoadBalancerType"), Some("application"));
    }

    #[test]
    fn of_a_load_balancer_that_is_not_its_own_an_environment_sets_nothing() {
        let mut profile = Profile::default();
        profile.load_balancer.mode = LoadBalancerMode::Own;
        let balancer = LiveLoadBalancer {
            arn: "arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/app/eb-one/1".to_owned(),
            dns_name: "eb-one-1.us-east-1.elb.amazonaws.com".to_owned(),
            security_groups: vec!["sg-1".to_owned()],
        };
        let inputs = Inputs {
            load_balancer: Some(balancer.clone()),
            ..inputs()
        };
        let settings = wanted(&profile, "us-east-1", &inputs);
        assert_eq!(get(&settings, ENVIRONMENT, IS_SHARED), Some("true"));
        let of_balancer: Vec<_> = settings
            .iter()
            .filter(|((namespace, _), _)| namespace.starts_with("aws:elbv2:"))
            .map(|((_, name), value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(of_balancer, [(GROUPS, "sg-1"), (SHARED, balancer.arn.as_str())]);
        assert_eq!(get(&settings, VPC, "ELBSubnets"), None);
        assert_eq!(get(&settings, PROCESS, "HealthCheckPath"), Some("/health"));
    }

    #[test]
    fn behind_a_listener_for_https_beanstalks_rule_goes_there_and_where_it_went_elsewhere_it_stays() {
        let mut profile = Profile::default();
        profile.load_balancer.mode = LoadBalancerMode::Own;
        let in_clear = wanted(&profile, "us-east-1", &inputs());
        assert_eq!(get(&in_clear, TLS_LISTENER, "Rules"), None);
        profile.domain.name = Some("events.example.org".to_owned());
        let by_https = wanted(&profile, "us-east-1", &inputs());
        assert_eq!(get(&by_https, TLS_LISTENER, "Rules"), Some("default"));
        // It is settled at creation.
        assert_eq!(differences(&profile, &by_https, &in_clear), vec![]);
        assert_eq!(differences(&profile, &in_clear, &by_https), vec![]);
    }

    #[test]
    fn ssh_is_closed_with_and_without_a_key_pair() {
        let mut profile = Profile::default();
        for enabled in [true, false] {
            profile.ssh.enabled = enabled;
            let settings = wanted(&profile, "us-east-1", &inputs());
            let source = get(&settings, LAUNCH, "SSHSourceRestriction");
            assert_eq!(source, Some("tcp, 22, 22, 127.0.0.1/32"));
        }
    }

    #[test]
    fn what_beanstalk_writes_otherwise_is_no_difference() {
        let profile = Profile::default();
        let wanted = wanted(&profile, "us-east-1", &inputs());
        let mut deployed = wanted.clone();
        deployed.insert((TRIGGER.into(), "UpperThreshold".into()), "50.0".into());
        deployed.insert((VPC.into(), "Subnets".into()), "subnet-b, subnet-a".into());
        deployed.insert(
            (
                "aws:elasticbeanstalk:monitoring".into(),
                "Automatically Terminate Unhealthy Instances".into(),
            ),
            "true".into(),
        );
        assert_eq!(differences(&profile, &wanted, &deployed), vec![]);
    }

    #[test]
    fn a_property_set_behind_our_back_is_shown_without_its_value() {
        let profile = Profile::default();
        let wanted = wanted(&profile, "us-east-1", &inputs());
        let mut deployed = wanted.clone();
        deployed.insert((PROPERTIES.into(), "API_TOKEN".into()), "hunter2".into());
        let changes = differences(&profile, &wanted, &deployed);
        assert_eq!(changes.len(), 1);
        assert!(changes[0].shown().field.ends_with("API_TOKEN") && changes[0].to.is_none());
        assert!(!format!("{changes:?}").contains("hunter2"));
    }

    #[test]
    fn health_minds_no_strangers_and_beanstalks_own_spelling_of_it_is_no_difference() {
        let profile = Profile::default();
        let wanted = wanted(&profile, "us-east-1", &inputs());
        let document = |elb: bool| {
            format!(
                r#"{{"Version":1,"CloudWatchMetrics":{{"Instance":{{}},"Environment":{{}}}},"Rules":{{"Environment":{{"ELB":{{"ELBRequests4xx":{{"Enabled":{elb}}}}},"Application":{{"ApplicationRequests4xx":{{"Enabled":false}}}}}}}}}}"#
            )
        };
        let mut deployed = wanted.clone();
        deployed.insert((HEALTH.into(), CONFIG_DOCUMENT.into()), document(false));
        assert_eq!(differences(&profile, &wanted, &deployed), vec![]);
        deployed.insert((HEALTH.into(), CONFIG_DOCUMENT.into()), document(true));
        assert_eq!(differences(&profile, &wanted, &deployed).len(), 1);
    }

    #[test]
    fn managed_updates_are_set_whole_and_taken_out_whole() {
        let mut profile = Profile::default();
        let off = wanted(&profile, "us-east-1", &inputs());
        let of_them = |settings: &OptionSettings| -> Vec<String> {
            let ours = settings
                .iter()
                .filter(|((namespace, _), _)| namespace.starts_with(MANAGED));
            ours.map(|((_, name), value)| format!("{name}={value}")).collect()
        };
        assert!(of_them(&off).is_empty(), "they are Beanstalk's own to default");
        profile.environment.managed_updates = Some("Sun:04:00".into());
        let with_role = Inputs {
            service_role: Some("service-role/one".into()),
            ..inputs()
        };
        let on = wanted(&profile, "us-east-1", &with_role);
        assert_eq!(
            of_them(&on),
            [
                "ManagedActionsEnabled=true",
                "PreferredStartTime=Sun:04:00",
                "ServiceRoleForManagedUpdates=service-role/one",
                "InstanceRefreshEnabled=false",
                "UpdateLevel=minor",
            ]
        );
        let mut deployed = on.clone();
        deployed.insert((MANAGED.into(), "ServiceRoleForManagedUpdates".into()), "one".into());
        assert_eq!(differences(&profile, &on, &deployed), vec![]);

        // Off again: nothing of it stays, and nobody is disturbed. What Beanstalk says of them where they are off is no difference.
        profile.environment.managed_updates = None;
        let gone = differences(&profile, &wanted(&profile, "us-east-1", &with_role), &deployed);
        assert_eq!(gone.len(), 5);
        assert!(gone.iter().all(|step| step.to.is_none() && step.effect == Effect::None));
        let mut resting = wanted(&profile, "us-east-1", &with_role);
        resting.insert((MANAGED.into(), "ManagedActionsEnabled".into()), "false".into());
        resting.insert(
            (PLATFORM_UPDATE.into(), "InstanceRefreshEnabled".into()),
            "false".into(),
        );
        let again = differences(&profile, &wanted(&profile, "us-east-1", &with_role), &resting);
        assert_eq!(again, vec![]);
    }

    #[test]
    fn what_a_platform_sets_for_itself_is_not_taken_away() {
        let mut profile = Profile::default();
        let wanted = wanted(&profile, "us-east-1", &inputs());
        let mut deployed = wanted.clone();
        deployed.insert(
            (PROPERTIES.into(), "PYTHONPATH".into()),
            "/var/app/venv/staging-LQM1lest/bin".into(),
        );
        profile.app.platform = "Python 3.14 running on 64bit Amazon Linux 2023".into();
        assert_eq!(differences(&profile, &wanted, &deployed), vec![]);
        profile.app.platform = "Go 1 running on 64bit Amazon Linux 2023".into();
        assert_eq!(differences(&profile, &wanted, &deployed).len(), 1);
    }

    #[test]
    fn newer_subnets_do_not_replace_instances_that_run() {
        let profile = Profile::default();
        let deployed = wanted(&profile, "us-east-1", &inputs());
        let mut other = inputs();
        other.network = Some(Network {
            vpc_id: "vpc-1".into(),
            subnets: vec!["subnet-c".into()],
            lb_subnets: vec!["subnet-c".into()],
        });
        assert_eq!(
            differences(&profile, &wanted(&profile, "us-east-1", &other), &deployed),
            vec![]
        );
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_set_otherwise_shows_once_and_what_is_the_same_never(place in 0usize..200, value in "[a-z]{1,12}") {
            let mut profile = Profile::default();
            profile.network.vpc = Some("vpc-1".into());
            let wanted = wanted(&profile, "us-east-1", &inputs());
            let mut deployed = wanted.clone();
            let key = wanted.keys().nth(place % wanted.len()).unwrap().clone();
            deployed.insert(key.clone(), value.clone());
            let changes = differences(&profile, &wanted, &deployed);
            let differs = !same(&key, &value, &wanted[&key]);
            proptest::prop_assert_eq!(changes.len(), usize::from(differs));
            proptest::prop_assert!(changes.iter().all(|change| change.key == key));
        }
    }
}
