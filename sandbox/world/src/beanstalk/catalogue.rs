//! The option settings that an environment takes, with the defaults of the raw API.
//! Only data: what a setting does is the workflows' business. Source: Beanstalk guide: command-options-general.

/// One option.
#[derive(Debug, Clone, Copy)]
pub struct ConfigurationOption {
    pub namespace: &'static str,
    pub name: &'static str,
    pub default: Option<&'static str>,
    pub values: Values,
    pub effect: Effect,
    /// Whether anything here goes by it; if not, it is kept and shown.
    pub matters: bool,
}

/// What a value may be.
#[derive(Debug, Clone, Copy)]
pub enum Values {
    Text,
    Boolean,
    /// Comma-separated.
    List,
    OneOf(&'static [&'static str]),
    Whole(i64, i64),
    /// A decimal number between two.
    Number(f64, f64),
    /// An ISO 8601 duration, between so many seconds.
    Duration(i64, i64),
    /// HTTP codes: one, a range, or a list of some.
    Codes,
    /// A path of a URL.
    Path,
}

/// What Beanstalk holds HTTP codes against, and says if they do not fit
/// (github.com/aws/aws-elastic-beanstalk-cli/issues/77).
pub const CODES: &str = r"^((\d{3}(-\d{3})?)|(\d{3}(,\d{3})*))$";

/// What a change of an option does to a running environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Changes resources beside the instances, or nothing.
    NoInterruption,
    /// The application's processes are started again.
    RestartApplicationServer,
    /// Instances are replaced.
    RestartEnvironment,
    /// Fixed when the environment is made.
    Fixed,
}

impl Effect {
    /// As DescribeConfigurationOptions says it.
    pub fn change_severity(self) -> &'static str {
        match self {
            Self::NoInterruption => "NoInterruption",
            Self::RestartApplicationServer => "RestartApplicationServer",
            Self::RestartEnvironment | Self::Fixed => "RestartEnvironment",
        }
    }
}

const fn option(
    namespace: &'static str,
    name: &'static str,
    default: Option<&'static str>,
    values: Values,
    effect: Effect,
) -> ConfigurationOption {
    ConfigurationOption {
        namespace,
        name,
        default,
        values,
        effect,
        matters: true,
    }
}

/// An option that nothing here goes by.
const fn kept(option: ConfigurationOption) -> ConfigurationOption {
    ConfigurationOption {
        matters: false,
        ..option
    }
}

/// Options that are shown with an empty value where they have none; others are shown without one (an answer of 2025, in the
/// solution of CloudGoat's scenario beanstalk_secrets by its players).
pub(crate) const EMPTY: &[&str] = &[
    "Custom Availability Zones",
    "Application Healthcheck URL",
    "ServiceRoleForManagedUpdates",
];

/// The logical id of the part of the stack that an option is of, as recorded answers have it (the same; awsebcli's
/// mock_responses); of second-generation load balancers none was found, and the parts' own names are taken.
pub fn resource_of(namespace: &str, name: &str) -> Option<&'static str> {
    const GROUP: &str = "AWSEBAutoScalingGroup";
    const TEMPLATE: &str = "AWSEBEC2LaunchTemplate";
    const UNTOLD: &[&str] = &[
        "DisableDefaultEC2SecurityGroup",
        "DisableIMDSv1",
        "InstanceType",
        "LaunchTemplateTagPropagationEnabled",
        "SSHSourceRestriction",
    ];
    Some(match (namespace, name) {
        (ASG | ROLLING, _) | (VPC, "Subnets") => GROUP,
        (LAUNCH, name) if UNTOLD.contains(&name) => return None,
        (LAUNCH, _) | (VPC, "AssociatePublicIpAddress") => TEMPLATE,
        (VPC, "VPCId") => "AWSEBSecurityGroup",
        (TRIGGER, "LowerBreachScaleIncrement") => "AWSEBAutoScalingScaleDownPolicy",
        (TRIGGER, "UpperBreachScaleIncrement") => "AWSEBAutoScalingScaleUpPolicy",
        (TRIGGER, "UpperThreshold") => "AWSEBCloudwatchAlarmHigh",
        (TRIGGER, _) => "AWSEBCloudwatchAlarmLow",
        (BALANCER, _) => "AWSEBV2LoadBalancer",
        (LISTENER, _) => "AWSEBV2LoadBalancerListener",
        (PROCESS, _) => "AWSEBV2LoadBalancerTargetGroup",
        _ if namespace.starts_with("aws:elb:") => "AWSEBLoadBalancer",
        _ => return None,
    })
}

pub const ASG: &str = "aws:autoscaling:asg";
pub const LAUNCH: &str = "aws:autoscaling:launchconfiguration";
pub const TRIGGER: &str = "aws:autoscaling:trigger";
pub(crate) const ROLLING: &str = "aws:autoscaling:updatepolicy:rollingupdate";
pub(crate) const INSTANCES: &str = "aws:ec2:instances";
pub(crate) const VPC: &str = "aws:ec2:vpc";
pub const ENVIRONMENT: &str = "aws:elasticbeanstalk:environment";
pub(crate) const PROCESS: &str = "aws:elasticbeanstalk:environment:process:default";
pub(crate) const PROPERTIES: &str = "aws:elasticbeanstalk:application:environment";
pub(crate) const COMMAND: &str = "aws:elasticbeanstalk:command";
pub(crate) const SPLITTING: &str = "aws:elasticbeanstalk:trafficsplitting";
pub const HEALTH: &str = "aws:elasticbeanstalk:healthreporting:system";
pub(crate) const LOGS: &str = "aws:elasticbeanstalk:cloudwatch:logs";
pub(crate) const HEALTH_LOGS: &str = "aws:elasticbeanstalk:cloudwatch:logs:health";
pub(crate) const TOPICS: &str = "aws:elasticbeanstalk:sns:topics";
pub(crate) const LISTENER: &str = "aws:elbv2:listener:default";
pub(crate) const BALANCER: &str = "aws:elbv2:loadbalancer";
pub(crate) const MANAGED: &str = "aws:elasticbeanstalk:managedactions";
pub(crate) const PLATFORM_UPDATE: &str = "aws:elasticbeanstalk:managedactions:platformupdate";
pub(crate) const APPLICATION: &str = "aws:elasticbeanstalk:application";
pub(crate) const CLASSIC: &str = "aws:elb:loadbalancer";
pub(crate) const CLASSIC_LISTENER: &str = "aws:elb:listener";
pub(crate) const CLASSIC_POLICIES: &str = "aws:elb:policies";
pub(crate) const CLASSIC_CHECK: &str = "aws:elb:healthcheck";
/// The option of [`ASG`] for the number of zones.
pub(crate) const ZONES: &str = "Availability Zones";

use Effect::{Fixed, NoInterruption as Free, RestartApplicationServer as Server, RestartEnvironment as Replace};
use Values::{Boolean, Codes, Duration, List, Number, OneOf, Path, Text, Whole};

const MEASURES: &[&str] = &[
    "CPUUtilization",
    "NetworkIn",
    "NetworkOut",
    "DiskWriteOps",
    "DiskReadBytes",
    "DiskReadOps",
    "DiskWriteBytes",
    "Latency",
    "RequestCount",
    "HealthyHostCount",
    "UnhealthyHostCount",
    "TargetResponseTime",
];

const UNITS: &[&str] = &[
    "Seconds",
    "Percent",
    "Bytes",
    "Bits",
    "Count",
    "Bytes/Second",
    "Bits/Second",
    "Count/Second",
    "None",
];

const RETENTIONS: &[&str] = &[
    "1", "3", "5", "7", "14", "30", "60", "90", "120", "150", "180", "365", "400", "545", "731", "1827", "3653",
];

/// Every option but the free ones of `aws:elasticbeanstalk:application:environment`.
pub const OPTIONS: &[ConfigurationOption] = &[
    option(ASG, "MinSize", Some("1"), Whole(1, 10_000), Free),
    option(ASG, "MaxSize", Some("4"), Whole(1, 10_000), Free),
    option(ASG, "Cooldown", Some("360"), Whole(0, 10_000), Free),
    option(
        ASG,
        ZONES,
        Some("Any"),
        OneOf(&["Any", "Any 1", "Any 2", "Any 3"]),
        Replace,
    ),
    option(ASG, "Custom Availability Zones", None, List, Replace),
    option(ASG, "EnableCapacityRebalancing", Some("false"), Boolean, Free),
    option(LAUNCH, "IamInstanceProfile", None, Text, Replace),
    option(LAUNCH, "EC2KeyName", None, Text, Replace),
    option(LAUNCH, "ImageId", None, Text, Replace),
    option(LAUNCH, "InstanceType", None, Text, Replace),
    option(
        LAUNCH,
        "MonitoringInterval",
        Some("5 minute"),
        OneOf(&["1 minute", "5 minute"]),
        Free,
    ),
    option(LAUNCH, "SecurityGroups", None, List, Replace),
    option(LAUNCH, "SSHSourceRestriction", None, Text, Free),
    option(
        LAUNCH,
        "RootVolumeType",
        None,
        OneOf(&["standard", "gp2", "gp3", "io1"]),
        Replace,
    ),
    kept(option(LAUNCH, "RootVolumeSize", None, Whole(8, 16_384), Replace)),
    kept(option(LAUNCH, "RootVolumeIOPS", None, Whole(100, 20_000), Replace)),
    kept(option(LAUNCH, "RootVolumeThroughput", None, Whole(125, 1000), Replace)),
    option(LAUNCH, "BlockDeviceMappings", None, Text, Replace),
    option(LAUNCH, "DisableIMDSv1", Some("true"), Boolean, Replace),
    option(
        LAUNCH,
        "DisableDefaultEC2SecurityGroup",
        Some("false"),
        Boolean,
        Replace,
    ),
    kept(option(
        LAUNCH,
        "LaunchTemplateTagPropagationEnabled",
        Some("false"),
        Boolean,
        Free,
    )),
    option(TRIGGER, "MeasureName", Some("NetworkOut"), OneOf(MEASURES), Free),
    option(
        TRIGGER,
        "Statistic",
        Some("Average"),
        OneOf(&["Minimum", "Maximum", "Sum", "Average"]),
        Free,
    ),
    option(TRIGGER, "Unit", Some("Bytes"), OneOf(UNITS), Free),
    option(TRIGGER, "Period", Some("5"), Whole(1, 600), Free),
    option(TRIGGER, "EvaluationPeriods", Some("1"), Whole(1, 600), Free),
    // AWS holds Period, EvaluationPeriods and BreachDuration together by changing one of them; no source says which
    // (github.com/awsdocs/elastic-beanstalk-samples/issues/87, github.com/hashicorp/terraform-provider-aws/issues/13068).
    // Here the alarms go by the first two.
    kept(option(TRIGGER, "BreachDuration", Some("5"), Whole(1, 600), Free)),
    option(
        TRIGGER,
        "UpperThreshold",
        Some("6000000"),
        Number(0.0, 20_000_000.0),
        Free,
    ),
    option(
        TRIGGER,
        "LowerThreshold",
        Some("2000000"),
        Number(0.0, 20_000_000.0),
        Free,
    ),
    option(
        TRIGGER,
        "UpperBreachScaleIncrement",
        Some("1"),
        Whole(-10_000, 10_000),
        Free,
    ),
    option(
        TRIGGER,
        "LowerBreachScaleIncrement",
        Some("-1"),
        Whole(-10_000, 10_000),
        Free,
    ),
    option(ROLLING, "RollingUpdateEnabled", Some("false"), Boolean, Free),
    option(
        ROLLING,
        "RollingUpdateType",
        Some("Time"),
        OneOf(&["Time", "Health", "Immutable"]),
        Free,
    ),
    option(ROLLING, "MaxBatchSize", None, Whole(1, 10_000), Free),
    option(ROLLING, "MinInstancesInService", None, Whole(0, 9999), Free),
    option(ROLLING, "PauseTime", None, Duration(0, 3600), Free),
    option(ROLLING, "Timeout", Some("PT30M"), Duration(300, 3600), Free),
    option(INSTANCES, "InstanceTypes", None, List, Replace),
    option(INSTANCES, "SupportedArchitectures", None, List, Replace),
    option(INSTANCES, "EnableSpot", Some("false"), Boolean, Replace),
    kept(option(
        INSTANCES,
        "SpotFleetOnDemandBase",
        Some("0"),
        Whole(0, 10_000),
        Replace,
    )),
    kept(option(
        INSTANCES,
        "SpotFleetOnDemandAboveBasePercentage",
        None,
        Whole(0, 100),
        Replace,
    )),
    kept(option(INSTANCES, "SpotMaxPrice", None, Text, Replace)),
    kept(option(
        INSTANCES,
        "SpotAllocationStrategy",
        Some("capacity-optimized"),
        OneOf(&[
            "capacity-optimized",
            "price-capacity-optimized",
            "capacity-optimized-prioritized",
            "lowest-price",
        ]),
        Free,
    )),
    kept(option(VPC, "DBSubnets", None, List, Fixed)),
    option(VPC, "VPCId", None, Text, Fixed),
    option(VPC, "Subnets", None, List, Replace),
    option(VPC, "ELBSubnets", None, List, Fixed),
    option(VPC, "ELBScheme", Some("public"), OneOf(&["public", "internal"]), Fixed),
    option(VPC, "AssociatePublicIpAddress", None, Boolean, Replace),
    option(
        ENVIRONMENT,
        "EnvironmentType",
        Some("LoadBalanced"),
        OneOf(&["LoadBalanced", "SingleInstance"]),
        Fixed,
    ),
    option(ENVIRONMENT, "ServiceRole", None, Text, Free),
    option(
        ENVIRONMENT,
        "LoadBalancerType",
        Some("classic"),
        OneOf(&["classic", "application", "network"]),
        Fixed,
    ),
    option(ENVIRONMENT, "LoadBalancerIsShared", Some("false"), Boolean, Fixed),
    option(ENVIRONMENT, "ExternalExtensionsS3Bucket", None, Text, Free),
    option(ENVIRONMENT, "ExternalExtensionsS3Key", None, Text, Free),
    option(
        "aws:elasticbeanstalk:environment:proxy",
        "ProxyServer",
        Some("nginx"),
        OneOf(&["nginx", "none"]),
        Server,
    ),
    option(PROCESS, "Port", Some("80"), Whole(1, 65_535), Free),
    option(PROCESS, "Protocol", Some("HTTP"), OneOf(&["HTTP", "HTTPS"]), Free),
    option(PROCESS, "HealthCheckPath", Some("/"), Path, Free),
    option(PROCESS, "HealthCheckInterval", Some("15"), Whole(5, 300), Free),
    option(PROCESS, "HealthCheckTimeout", Some("5"), Whole(2, 60), Free),
    option(PROCESS, "HealthyThresholdCount", Some("3"), Whole(2, 10), Free),
    option(PROCESS, "UnhealthyThresholdCount", Some("5"), Whole(2, 10), Free),
    option(PROCESS, "MatcherHTTPCode", Some("200"), Codes, Free),
    option(PROCESS, "DeregistrationDelay", Some("20"), Whole(0, 3600), Free),
    option(PROCESS, "StickinessEnabled", Some("false"), Boolean, Free),
    kept(option(
        PROCESS,
        "StickinessLBCookieDuration",
        Some("86400"),
        Whole(1, 604_800),
        Free,
    )),
    kept(option(PROCESS, "StickinessType", Some("lb_cookie"), Text, Free)),
    option(LISTENER, "ListenerEnabled", Some("true"), Boolean, Fixed),
    option(LISTENER, "Protocol", Some("HTTP"), OneOf(&["HTTP", "HTTPS"]), Free),
    option(LISTENER, "DefaultProcess", Some("default"), Text, Free),
    option(LISTENER, "Rules", None, List, Free),
    option(LISTENER, "SSLCertificateArns", None, Text, Free),
    option(LISTENER, "SSLPolicy", None, Text, Free),
    option(BALANCER, "SecurityGroups", None, List, Fixed),
    option(BALANCER, "ManagedSecurityGroup", None, Text, Fixed),
    option(BALANCER, "SharedLoadBalancer", None, Text, Fixed),
    option(BALANCER, "IdleTimeout", None, Whole(1, 4000), Free),
    kept(option(BALANCER, "AccessLogsS3Bucket", None, Text, Free)),
    option(BALANCER, "AccessLogsS3Enabled", Some("false"), Boolean, Free),
    kept(option(BALANCER, "AccessLogsS3Prefix", None, Text, Free)),
    option(
        BALANCER,
        "IpAddressType",
        Some("ipv4"),
        OneOf(&["ipv4", "dualstack"]),
        Free,
    ),
    kept(option(CLASSIC, "CrossZone", Some("false"), Boolean, Free)),
    option(CLASSIC, "SecurityGroups", None, List, Fixed),
    option(CLASSIC, "ManagedSecurityGroup", None, Text, Fixed),
    option(CLASSIC, "LoadBalancerHTTPPort", Some("80"), OneOf(&["OFF", "80"]), Free),
    option(
        CLASSIC,
        "LoadBalancerPortProtocol",
        Some("HTTP"),
        OneOf(&["HTTP", "TCP"]),
        Free,
    ),
    option(
        CLASSIC,
        "LoadBalancerHTTPSPort",
        Some("OFF"),
        OneOf(&["OFF", "443", "8443"]),
        Free,
    ),
    kept(option(
        CLASSIC,
        "LoadBalancerSSLPortProtocol",
        Some("HTTPS"),
        OneOf(&["HTTPS", "SSL"]),
        Free,
    )),
    option(CLASSIC, "SSLCertificateId", None, Text, Free),
    option(
        CLASSIC_LISTENER,
        "ListenerProtocol",
        Some("HTTP"),
        OneOf(&["HTTP", "HTTPS", "TCP", "SSL"]),
        Free,
    ),
    option(CLASSIC_LISTENER, "InstancePort", Some("80"), Whole(1, 65_535), Free),
    option(
        CLASSIC_LISTENER,
        "InstanceProtocol",
        Some("HTTP"),
        OneOf(&["HTTP", "HTTPS", "TCP", "SSL"]),
        Free,
    ),
    option(CLASSIC_LISTENER, "PolicyNames", None, List, Free),
    option(CLASSIC_LISTENER, "ListenerEnabled", Some("true"), Boolean, Fixed),
    option(CLASSIC_LISTENER, "SSLCertificateId", None, Text, Free),
    option(
        CLASSIC_POLICIES,
        "ConnectionDrainingEnabled",
        Some("false"),
        Boolean,
        Free,
    ),
    option(
        CLASSIC_POLICIES,
        "ConnectionDrainingTimeout",
        Some("20"),
        Whole(1, 3600),
        Free,
    ),
    option(
        CLASSIC_POLICIES,
        "ConnectionSettingIdleTimeout",
        Some("60"),
        Whole(1, 3600),
        Free,
    ),
    kept(option(CLASSIC_POLICIES, "LoadBalancerPorts", None, List, Free)),
    option(CLASSIC_POLICIES, "Stickiness Policy", Some("false"), Boolean, Free),
    kept(option(
        CLASSIC_POLICIES,
        "Stickiness Cookie Expiration",
        Some("0"),
        Whole(0, 1_000_000),
        Free,
    )),
    option(CLASSIC_CHECK, "HealthyThreshold", Some("3"), Whole(2, 10), Free),
    option(CLASSIC_CHECK, "UnhealthyThreshold", Some("5"), Whole(2, 10), Free),
    option(CLASSIC_CHECK, "Interval", Some("10"), Whole(5, 300), Free),
    option(CLASSIC_CHECK, "Timeout", Some("5"), Whole(2, 60), Free),
    option(CLASSIC_CHECK, "Target", Some("TCP:80"), Text, Free),
    option(SPLITTING, "NewVersionPercent", Some("10"), Whole(1, 100), Free),
    option(SPLITTING, "EvaluationTime", Some("5"), Whole(3, 600), Free),
    option(HEALTH, "SystemType", Some("basic"), OneOf(&["basic", "enhanced"]), Free),
    option(HEALTH, "EnhancedHealthAuthEnabled", Some("true"), Boolean, Free),
    option(
        HEALTH,
        "HealthCheckSuccessThreshold",
        Some("Ok"),
        OneOf(&["Ok", "Warning", "Degraded", "Severe"]),
        Free,
    ),
    option(HEALTH, "ConfigDocument", None, Text, Free),
    option(MANAGED, "ManagedActionsEnabled", Some("false"), Boolean, Free),
    option(MANAGED, "PreferredStartTime", None, Text, Free),
    kept(option(MANAGED, "ServiceRoleForManagedUpdates", None, Text, Free)),
    option(PLATFORM_UPDATE, "UpdateLevel", None, OneOf(&["patch", "minor"]), Free),
    kept(option(
        PLATFORM_UPDATE,
        "InstanceRefreshEnabled",
        Some("false"),
        Boolean,
        Free,
    )),
    option(
        COMMAND,
        "DeploymentPolicy",
        Some("AllAtOnce"),
        OneOf(&[
            "AllAtOnce",
            "Rolling",
            "RollingWithAdditionalBatch",
            "Immutable",
            "TrafficSplitting",
        ]),
        Free,
    ),
    option(
        COMMAND,
        "BatchSizeType",
        Some("Percentage"),
        OneOf(&["Percentage", "Fixed"]),
        Free,
    ),
    option(COMMAND, "BatchSize", Some("100"), Whole(1, 10_000), Free),
    option(COMMAND, "Timeout", Some("600"), Whole(1, 3600), Free),
    option(COMMAND, "IgnoreHealthCheck", Some("false"), Boolean, Free),
    option(LOGS, "StreamLogs", Some("false"), Boolean, Free),
    option(LOGS, "DeleteOnTerminate", Some("false"), Boolean, Free),
    option(LOGS, "RetentionInDays", Some("7"), OneOf(RETENTIONS), Free),
    option(HEALTH_LOGS, "HealthStreamingEnabled", Some("false"), Boolean, Free),
    option(HEALTH_LOGS, "DeleteOnTerminate", Some("false"), Boolean, Free),
    option(HEALTH_LOGS, "RetentionInDays", Some("7"), OneOf(RETENTIONS), Free),
    option(TOPICS, "Notification Endpoint", None, Text, Free),
    option(
        TOPICS,
        "Notification Protocol",
        Some("email"),
        OneOf(&["http", "https", "email", "email-json", "sqs"]),
        Free,
    ),
    option(TOPICS, "Notification Topic ARN", None, Text, Free),
    option(TOPICS, "Notification Topic Name", None, Text, Free),
    option(APPLICATION, "Application Healthcheck URL", None, Text, Free),
    option(
        "aws:elasticbeanstalk:xray",
        "XRayEnabled",
        Some("false"),
        Boolean,
        Server,
    ),
    option(
        "aws:elasticbeanstalk:hostmanager",
        "LogPublicationControl",
        Some("false"),
        Boolean,
        Free,
    ),
    kept(option(
        "aws:elasticbeanstalk:monitoring",
        "Automatically Terminate Unhealthy Instances",
        Some("true"),
        Boolean,
        Free,
    )),
    kept(option(
        "aws:elasticbeanstalk:control",
        "DefaultSSHPort",
        Some("22"),
        Text,
        Free,
    )),
    kept(option(
        "aws:elasticbeanstalk:control",
        "LaunchTimeout",
        Some("0"),
        Text,
        Free,
    )),
    kept(option(
        "aws:elasticbeanstalk:control",
        "LaunchType",
        Some("Migration"),
        Text,
        Free,
    )),
    option(
        "aws:elasticbeanstalk:control",
        "RollbackLaunchOnFailure",
        Some("false"),
        Boolean,
        Free,
    ),
];

pub(crate) fn find(namespace: &str, name: &str) -> Option<&'static ConfigurationOption> {
    OPTIONS
        .iter()
        .find(|option| option.namespace == namespace && option.name == name)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{OPTIONS, ZONES};

    /// The sources of what could go by an option, one by one: all but this file and tests.
    fn sources(directory: &Path, texts: &mut Vec<String>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "tests" {
                sources(&path, texts);
            } else if name.ends_with(".rs") && name != "catalogue.rs" && name != "tests.rs" {
                texts.push(std::fs::read_to_string(&path).unwrap());
            }
        }
    }

    /// The constant for a namespace, or the namespace itself where it has none.
    fn written(namespace: &str) -> String {
        let value = format!(": &str = \"{namespace}\";");
        let constant = include_str!("catalogue.rs")
            .lines()
            .find_map(|line| line.split_once("const ")?.1.strip_suffix(&value));
        constant.map_or_else(|| format!("\"{namespace}\""), str::to_owned)
    }

    fn has_word(text: &str, word: &str) -> bool {
        let is_part = |character: char| character.is_alphanumeric() || character == '_';
        text.match_indices(word)
            .any(|(at, _)| !text[..at].ends_with(is_part) && !text[at + word.len()..].starts_with(is_part))
    }

    /// By namespace and name: other options of the same name are no help.
    #[test]
    fn an_option_either_matters_to_some_code_or_is_marked_as_kept_only() {
        let mut texts = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut texts);
        for option in OPTIONS.iter().filter(|option| option.name != ZONES) {
            let (namespace, name) = (written(option.namespace), format!("\"{}\"", option.name));
            let is_used = texts
                .iter()
                .any(|text| has_word(text, &namespace) && text.contains(&name));
            assert_eq!(is_used, option.matters, "{} of {}", option.name, option.namespace);
        }
    }
}
