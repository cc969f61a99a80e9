//! The types of a profile, with the article's values as their defaults.
//! Knows what each key holds; which values are allowed together is `validate`'s, how a file is read is `load`'s.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::words::words;

/// Everything that a stack may differ in. `Profile::default()` is the article.
///
/// Durations are whole seconds, percentages run from 0 to 100. A name that is `None` is derived by [`super::Names`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    /// The only AWS account (12 digits) that this profile may be used in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The AWS region, as `us-east-1`.
    pub region: String,
    pub app: App,
    pub network: Network,
    pub roles: Roles,
    pub ssh: Ssh,
    pub table: Table,
    pub environment: Environment,
    pub instance: Instance,
    pub scaling: Scaling,
    pub load_balancer: LoadBalancer,
    pub cdn: Cdn,
    pub waf: Waf,
    pub notifications: Notifications,
    /// Tags of everything that can be tagged, beside those of confctl itself.
    pub tags: BTreeMap<String, String>,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            account: None,
            region: "us-east-1".into(),
            app: App::default(),
            network: Network::default(),
            roles: Roles::default(),
            ssh: Ssh::default(),
            table: Table::default(),
            environment: Environment::default(),
            instance: Instance::default(),
            scaling: Scaling::default(),
            load_balancer: LoadBalancer::default(),
            cdn: Cdn::default(),
            waf: Waf::default(),
            notifications: Notifications::default(),
            tags: BTreeMap::new(),
        }
    }
}

impl Profile {
    /// Whether the environment has a load balancer in front of its instances.
    pub fn is_load_balanced(&self) -> bool {
        self.environment.kind == EnvironmentType::LoadBalanced
    }

    /// Whether a web ACL is wanted. It protects the distribution only, so without one there is none.
    pub fn has_web_acl(&self) -> bool {
        self.cdn.enabled && self.waf.enabled
    }

    /// The smallest and the largest number of instances; a single-instance environment has exactly one.
    pub fn instance_range(&self) -> (u32, u32) {
        if self.is_load_balanced() {
            (self.scaling.min, self.scaling.max)
        } else {
            (1, 1)
        }
    }
}

/// The Beanstalk application and the code that it runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct App {
    /// The application's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `app-bundle`, or a Cargo package, a folder or a zip with a Procfile.
    pub bundle: String,
    /// The version label; derived from the bundle's inputs where it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_label: Option<String>,
    /// The platform branch, as ListPlatformBranches names it.
    pub platform: String,
    /// An exact platform version, as `4.10.0`; else the recommended one when the environment is created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform_version: Option<String>,
    /// What the load balancer asks for on each instance.
    pub health_path: String,
    /// Environment properties of the app, beside AWS_REGION and the table's name, which confctl sets.
    pub properties: BTreeMap<String, String>,
}

impl Default for App {
    fn default() -> Self {
        Self {
            name: None,
            bundle: "app-bundle".into(),
            version_label: None,
            platform: "Go 1 running on 64bit Amazon Linux 2023".into(),
            platform_version: None,
            health_path: "/health".into(),
            properties: BTreeMap::new(),
        }
    }
}

/// Where the instances and the load balancer are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// A VPC of one's own; the region's default VPC where it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc: Option<String>,
    /// The instances' subnets, needed with `vpc`.
    pub subnets: Vec<String>,
    /// The load balancer's subnets; those of the instances where none are given.
    pub lb_subnets: Vec<String>,
    /// Whether to create the account's default VPC where it has none.
    pub create_default_vpc: bool,
    /// In how many availability zones; the load balancer pays a public IPv4 address in each.
    pub azs: u32,
    /// Public IP addresses for the instances, without which they need a NAT to reach Beanstalk.
    pub public_ip: bool,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            vpc: None,
            subnets: Vec::new(),
            lb_subnets: Vec::new(),
            create_default_vpc: true,
            azs: 2,
            public_ip: true,
        }
    }
}

/// The service role and the instances' role with its profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Roles {
    pub mode: RolesMode,
    /// The service role's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The name of the instances' role and of its instance profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Names of the AWS managed policies for the instances' role.
    pub instance_policies: Vec<String>,
    /// What the instances' role may do in DynamoDB.
    pub dynamodb: DynamoDbAccess,
    /// Whether to add AmazonSSMManagedInstanceCore, without which `stress` cannot reach an instance.
    pub ssm: bool,
    /// ARN of a permissions boundary for the roles that confctl creates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<String>,
}

impl Default for Roles {
    fn default() -> Self {
        Self {
            mode: RolesMode::Auto,
            service: None,
            instance: None,
            instance_policies: vec![
                "AWSElasticBeanstalkWebTier".into(),
                "AWSElasticBeanstalkWorkerTier".into(),
                "AWSElasticBeanstalkMulticontainerDocker".into(),
            ],
            dynamodb: DynamoDbAccess::Full,
            ssm: true,
            permissions_boundary: None,
        }
    }
}

words! {
    /// Where the roles come from.
    pub enum RolesMode {
        /// The preferred names if free, an existing role if it can do the job, else our own beside it.
        Auto = "auto",
        /// Always our own, under the names that no other stack or region uses.
        Own = "own",
        /// Those named in `service` and `instance`, which must exist and are never changed.
        Existing = "existing",
    }
}

words! {
    /// DynamoDB rights of the instances' role.
    pub enum DynamoDbAccess {
        /// The managed policy AmazonDynamoDBFullAccess_v2: the article's own is deprecated.
        Full = "full",
        /// An inline policy for the stack's table alone.
        Table = "table",
    }
}

/// The key pair and who may use it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ssh {
    /// Whether there is a key pair at all.
    pub enabled: bool,
    /// The key pair's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_name: Option<String>,
    /// Path of a public key to import; else EC2 creates the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// The CIDR block that may reach port 22. The default closes it: Beanstalk's own is 0.0.0.0/0
    /// (Beanstalk guide: using-features.managing.ec2.instances.sg).
    pub source: String,
}

impl Default for Ssh {
    fn default() -> Self {
        Self {
            enabled: true,
            key_name: None,
            public_key: None,
            source: "127.0.0.1/32".into(),
        }
    }
}

/// The DynamoDB table of registrations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Table {
    /// The table's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The partition key, a string.
    pub key: String,
    pub billing: BillingMode,
    /// Read capacity units a second, with `billing = "PROVISIONED"` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_capacity: Option<u32>,
    /// Write capacity units a second, with `billing = "PROVISIONED"` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_capacity: Option<u32>,
    pub deletion_protection: bool,
    pub point_in_time_recovery: bool,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            name: None,
            key: "email".into(),
            billing: BillingMode::PayPerRequest,
            read_capacity: None,
            write_capacity: None,
            deletion_protection: false,
            point_in_time_recovery: false,
        }
    }
}

words! {
    /// DynamoDB's BillingMode.
    pub enum BillingMode {
        PayPerRequest = "PAY_PER_REQUEST",
        Provisioned = "PROVISIONED",
    }
}

/// The Beanstalk environment itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Environment {
    /// The environment's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The first label of the environment's `elasticbeanstalk.com` name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cname_prefix: Option<String>,
    /// Key `type`. Beanstalk's EnvironmentType.
    #[serde(rename = "type")]
    pub kind: EnvironmentType,
    /// How a new version is brought onto the instances.
    pub deployment_policy: DeploymentPolicy,
    /// How much of the fleet is taken at a time, in percent.
    pub deployment_batch_percent: u32,
    /// How long Beanstalk waits for a command on the instances, in seconds.
    pub command_timeout: u32,
    /// How many instances at a time are replaced by a change of settings.
    pub rolling_update_batch: u32,
    /// Whether logs go to CloudWatch Logs.
    pub log_streaming: bool,
    /// Days that CloudWatch Logs keeps them.
    pub log_retention_days: u32,
    /// Whether the log groups go with the environment.
    pub log_delete_on_terminate: bool,
}

impl Default for Environment {
    fn default() -> Self {
        Self {
            name: None,
            cname_prefix: None,
            kind: EnvironmentType::LoadBalanced,
            deployment_policy: DeploymentPolicy::Rolling,
            deployment_batch_percent: 50,
            command_timeout: 600,
            rolling_update_batch: 1,
            log_streaming: true,
            log_retention_days: 7,
            log_delete_on_terminate: true,
        }
    }
}

words! {
    /// Beanstalk's EnvironmentType.
    pub enum EnvironmentType {
        /// A group of instances behind an application load balancer.
        LoadBalanced = "LoadBalanced",
        /// One instance with an elastic IP address.
        SingleInstance = "SingleInstance",
    }
}

words! {
    /// Beanstalk's DeploymentPolicy.
    pub enum DeploymentPolicy {
        AllAtOnce = "AllAtOnce",
        Rolling = "Rolling",
        RollingWithAdditionalBatch = "RollingWithAdditionalBatch",
        Immutable = "Immutable",
    }
}

/// The EC2 instances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Instance {
    /// Instance types, the preferred one first, all of one architecture. Without Spot Beanstalk uses the first only.
    pub types: Vec<String>,
    pub architecture: Architecture,
    pub root_volume_type: VolumeType,
    /// GiB; the platform's own size where it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_volume_size: Option<u32>,
    /// Whether the old metadata service answers too.
    pub imds_v1: bool,
    /// Seconds between two measurements of an instance: 300, or 60 (detailed monitoring, paid).
    pub monitoring_period: u32,
}

impl Default for Instance {
    fn default() -> Self {
        Self {
            types: vec!["t3.micro".into()],
            architecture: Architecture::X86_64,
            root_volume_type: VolumeType::Gp3,
            root_volume_size: None,
            imds_v1: false,
            monitoring_period: 300,
        }
    }
}

words! {
    /// What an instance's processor runs; Beanstalk's SupportedArchitectures.
    pub enum Architecture {
        X86_64 = "x86_64",
        Arm64 = "arm64",
    }
}

words! {
    /// EBS volume types for the root volume. gp3 also forces a launch template, the only kind that new accounts may create
    /// (Beanstalk guide: environments-cfg-autoscaling-launch-templates).
    pub enum VolumeType {
        Gp2 = "gp2",
        Gp3 = "gp3",
    }
}

/// How many instances, and when that changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scaling {
    pub min: u32,
    pub max: u32,
    /// The trigger's MeasureName; its average over the group is compared with the thresholds.
    pub metric: Metric,
    /// Above this, instances are added. In the metric's unit: percent for CPUUtilization.
    pub upper: f64,
    /// Below this, instances are removed. In the metric's unit: percent for CPUUtilization.
    pub lower: f64,
    /// Length of one evaluation in seconds, a multiple of 60.
    pub period: u32,
    /// How many evaluations in a row must agree.
    pub evaluation_periods: u32,
    /// Seconds of rest after a change of the group.
    pub cooldown: u32,
    /// How many instances are added, or removed, at a time.
    pub increment: u32,
}

impl Default for Scaling {
    fn default() -> Self {
        Self {
            min: 2,
            max: 4,
            metric: Metric::CpuUtilization,
            upper: 50.0,
            lower: 25.0,
            period: 300,
            evaluation_periods: 1,
            cooldown: 360,
            increment: 1,
        }
    }
}

words! {
    /// MeasureName of Beanstalk's trigger.
    pub enum Metric {
        CpuUtilization = "CPUUtilization",
        NetworkIn = "NetworkIn",
        NetworkOut = "NetworkOut",
        RequestCount = "RequestCount",
        TargetResponseTime = "TargetResponseTime",
    }
}

impl Metric {
    /// Whether EC2 measures it, not the load balancer.
    pub fn is_of_instances(self) -> bool {
        matches!(self, Self::CpuUtilization | Self::NetworkIn | Self::NetworkOut)
    }

    /// The trigger's Unit for this metric; Beanstalk's default is Bytes whatever the metric.
    pub fn unit(self) -> &'static str {
        match self {
            Self::CpuUtilization => "Percent",
            Self::NetworkIn | Self::NetworkOut => "Bytes",
            Self::RequestCount => "Count",
            Self::TargetResponseTime => "Seconds",
        }
    }
}

/// The application load balancer and its health check of the instances, on `app.health_path`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoadBalancer {
    /// Seconds after which an idle connection is closed.
    pub idle_timeout: u32,
    /// Seconds between two checks.
    pub health_check_interval: u32,
    /// Seconds until a check has failed.
    pub health_check_timeout: u32,
    /// Good checks in a row that make an instance healthy.
    pub healthy_threshold: u32,
    /// Failed checks in a row that make it unhealthy.
    pub unhealthy_threshold: u32,
    /// The statuses of a good check: `200`, `200,301` or `200-299`.
    pub matcher: String,
    /// Seconds that requests in flight have when an instance is taken out.
    pub deregistration_delay: u32,
}

impl Default for LoadBalancer {
    fn default() -> Self {
        Self {
            idle_timeout: 60,
            health_check_interval: 15,
            health_check_timeout: 5,
            healthy_threshold: 3,
            unhealthy_threshold: 5,
            matcher: "200".into(),
            deregistration_delay: 20,
        }
    }
}

/// The CloudFront distribution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cdn {
    pub enabled: bool,
    pub origin: CdnOrigin,
    pub price_class: PriceClass,
    pub cache_policy: CachePolicy,
    /// Key `viewer_protocol`: what becomes of plain HTTP from visitors.
    pub viewer_protocol: ViewerProtocolPolicy,
    /// The HTTP methods that visitors may use: one of CloudFront's three sets.
    pub methods: Vec<String>,
    pub http_version: HttpVersion,
    /// Whether the edge answers on IPv6.
    pub ipv6: bool,
    /// Whether the edge compresses what viewers accept compressed.
    pub compress: bool,
    /// Seconds that CloudFront waits for the origin's answer.
    pub origin_read_timeout: u32,
    /// Seconds that CloudFront keeps an idle connection to the origin.
    pub origin_keepalive_timeout: u32,
    /// The distribution's comment, by which it is found again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl Default for Cdn {
    fn default() -> Self {
        Self {
            enabled: true,
            origin: CdnOrigin::LoadBalancer,
            price_class: PriceClass::All,
            cache_policy: CachePolicy::CachingOptimized,
            viewer_protocol: ViewerProtocolPolicy::AllowAll,
            methods: ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
                .map(String::from)
                .to_vec(),
            http_version: HttpVersion::Http2,
            ipv6: true,
            compress: true,
            origin_read_timeout: 30,
            origin_keepalive_timeout: 5,
            comment: None,
        }
    }
}

words! {
    /// Which name of the environment CloudFront fetches from.
    pub enum CdnOrigin {
        /// The load balancer's DNS name, as in the article.
        LoadBalancer = "load-balancer",
        /// The environment's CNAME, known minutes earlier; teardown then waits for the distribution first.
        Cname = "cname",
    }
}

words! {
    /// AWS's managed cache policies, without their prefix `Managed-`.
    pub enum CachePolicy {
        /// Keeps every page at least one second, even one marked `no-store`.
        CachingOptimized = "CachingOptimized",
        CachingOptimizedForUncompressedObjects = "CachingOptimizedForUncompressedObjects",
        CachingDisabled = "CachingDisabled",
        UseOriginCacheControlHeaders = "UseOriginCacheControlHeaders",
        UseOriginCacheControlHeadersQueryStrings = "UseOriginCacheControlHeaders-QueryStrings",
    }
}

words! {
    /// CloudFront's PriceClass: which edge locations serve.
    pub enum PriceClass {
        All = "PriceClass_All",
        Class200 = "PriceClass_200",
        Class100 = "PriceClass_100",
    }
}

words! {
    /// CloudFront's ViewerProtocolPolicy.
    pub enum ViewerProtocolPolicy {
        AllowAll = "allow-all",
        RedirectToHttps = "redirect-to-https",
        HttpsOnly = "https-only",
    }
}

words! {
    /// CloudFront's HttpVersion: the newest that viewers may speak.
    pub enum HttpVersion {
        Http11 = "http1.1",
        Http2 = "http2",
        Http3 = "http3",
        Http2And3 = "http2and3",
    }
}

/// The web ACL in front of the distribution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Waf {
    pub enabled: bool,
    /// The web ACL's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// AWS managed rule groups, in their order. The default are those of CloudFront's "Enable security protections".
    pub groups: Vec<String>,
    pub mode: WafMode,
}

impl Default for Waf {
    fn default() -> Self {
        Self {
            enabled: true,
            name: None,
            groups: vec![
                "AWSManagedRulesAmazonIpReputationList".into(),
                "AWSManagedRulesCommonRuleSet".into(),
                "AWSManagedRulesKnownBadInputsRuleSet".into(),
            ],
            mode: WafMode::Block,
        }
    }
}

words! {
    /// What the rule groups do with a request that they match.
    pub enum WafMode {
        /// What each rule says, mostly block.
        Block = "block",
        /// Count only: the console's monitor mode.
        Count = "count",
    }
}

/// Who is told by e-mail.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Notifications {
    /// The address that Beanstalk's notifications go to, after its owner has confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}
