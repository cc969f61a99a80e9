//! Which key of the profile says what an option of an environment is: plans show options by Beanstalk's names.
//! Must know nothing of values.

/// By the option's name, which is one whatever its namespace; `Protocol` and `Port`, which are no profile's to say, are left out, and
/// so is all that follows from the account or from other resources.
const KEYS: &[(&str, &str)] = &[
    ("VersionLabel", "app.version_label"),
    ("EnvironmentType", "environment.type"),
    ("ServiceRole", "roles.service"),
    ("StreamLogs", "environment.log_streaming"),
    ("DeleteOnTerminate", "environment.log_delete_on_terminate"),
    ("RetentionInDays", "environment.log_retention_days"),
    ("Notification Endpoint", "notifications.email"),
    ("Notification Protocol", "notifications.email"),
    ("InstanceTypes", "instance.types"),
    ("SupportedArchitectures", "instance.architecture"),
    ("IamInstanceProfile", "roles.instance"),
    ("EC2KeyName", "ssh.key_name"),
    ("RootVolumeType", "instance.root_volume_type"),
    ("RootVolumeSize", "instance.root_volume_size"),
    ("DisableIMDSv1", "instance.imds_v1"),
    ("MonitoringInterval", "instance.monitoring_period"),
    ("SSHSourceRestriction", "ssh.source"),
    ("VPCId", "network.vpc"),
    ("Subnets", "network.subnets"),
    ("ELBSubnets", "network.lb_subnets"),
    ("AssociatePublicIpAddress", "network.public_ip"),
    ("MinSize", "scaling.min"),
    ("MaxSize", "scaling.max"),
    ("Cooldown", "scaling.cooldown"),
    ("MeasureName", "scaling.metric"),
    ("Unit", "scaling.metric"),
    ("UpperThreshold", "scaling.upper"),
    ("LowerThreshold", "scaling.lower"),
    ("Period", "scaling.period"),
    ("BreachDuration", "scaling.period"),
    ("EvaluationPeriods", "scaling.evaluation_periods"),
    ("UpperBreachScaleIncrement", "scaling.increment"),
    ("LowerBreachScaleIncrement", "scaling.increment"),
    ("MaxBatchSize", "environment.rolling_update_batch"),
    ("IdleTimeout", "load_balancer.idle_timeout"),
    ("HealthCheckPath", "app.health_path"),
    ("HealthCheckInterval", "load_balancer.health_check_interval"),
    ("HealthCheckTimeout", "load_balancer.health_check_timeout"),
    ("HealthyThresholdCount", "load_balancer.healthy_threshold"),
    ("UnhealthyThresholdCount", "load_balancer.unhealthy_threshold"),
    ("MatcherHTTPCode", "load_balancer.matcher"),
    ("DeregistrationDelay", "load_balancer.deregistration_delay"),
    ("ManagedActionsEnabled", "environment.managed_updates"),
    ("PreferredStartTime", "environment.managed_updates"),
    ("ServiceRoleForManagedUpdates", "environment.managed_updates"),
    ("UpdateLevel", "environment.managed_updates_level"),
    ("InstanceRefreshEnabled", "environment.instance_refresh"),
    ("DeploymentPolicy", "environment.deployment_policy"),
    ("Timeout", "environment.command_timeout"),
    ("BatchSize", "environment.deployment_batch_percent"),
    ("AWS_REGION", "region"),
    ("TABLE_NAME", "table.name"),
    ("TABLE_KEY", "table.key"),
    ("REGISTRATION_CLOSES_AT", "event.closes_at"),
    ("CONFCTL_TEST_UNTIL", "event.at"),
];

/// The key of an option, by its name or as a plan shows it: `aws:autoscaling:asg MinSize`. In any case of letters.
pub fn key_of_option(option: &str) -> Option<(&'static str, &'static str)> {
    let name = match option.split_once(' ') {
        Some((namespace, name)) if namespace.starts_with("aws:") => name,
        _ => option,
    };
    let found = KEYS.iter().find(|(of_table, _)| of_table.eq_ignore_ascii_case(name));
    found.copied()
}

/// The names that [`key_of_option`] knows.
pub fn option_names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::super::options::{Inputs, wanted};
    use super::*;
    use crate::outputs::Network;
    use crate::profile::{self, Profile};

    /// The same whatever a profile says.
    const ALWAYS: &[&str] = &[
        "BatchSizeType",
        "ConfigDocument",
        "EnableSpot",
        "ListenerEnabled",
        "LoadBalancerType",
        "Port",
        "Protocol",
        "RollingUpdateEnabled",
        "RollingUpdateType",
        "Statistic",
        "SystemType",
    ];

    #[test]
    fn every_option_that_a_plan_may_show_leads_to_its_key() {
        let mut profile = Profile::default();
        profile.notifications.email = Some("ops@example.org".to_owned());
        profile.instance.architecture = crate::profile::Architecture::Arm64;
        profile.instance.root_volume_size = Some(20);
        profile.environment.managed_updates = Some("Sun:04:00".to_owned());
        profile.event.at = Some("2026-12-10T18:00:00Z".to_owned());
        profile.event.closes_at = Some("2026-12-10T19:00:00Z".to_owned());
        let some = |text: &str| Some(text.to_owned());
        let inputs = Inputs {
            load_balancer: None,
            network: Some(Network {
                vpc_id: "vpc-1".to_owned(),
                subnets: Vec::new(),
                lb_subnets: Vec::new(),
            }),
            service_role: some("service"),
            instance_profile: some("instance"),
            key_pair: some("key"),
            table: some("users"),
        };
        for (namespace, name) in wanted(&profile, "us-east-1", &inputs).keys() {
            let found = key_of_option(&format!("{namespace} {name}"));
            assert_eq!(found.is_some(), !ALWAYS.contains(&name.as_str()), "{namespace} {name}");
        }
        for (name, key) in KEYS {
            assert!(profile::KEYS.iter().any(|known| known.path == *key), "{name}: {key}");
        }
        assert_eq!(key_of_option("minsize"), Some(("MinSize", "scaling.min")));
        assert_eq!(
            key_of_option("VersionLabel").map(|(_, key)| key),
            Some("app.version_label")
        );
        assert_eq!(key_of_option("scaling.min"), None);
    }
}
