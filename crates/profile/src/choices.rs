//! The words that keys of a profile take, spelled as AWS spells them.
//! Knows nothing of the keys that take them.

use super::words::words;

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
        /// Of that table only what the app that comes along does there: it registers, and counts. It can list nobody.
        App = "app",
    }
}

words! {
    /// DynamoDB's BillingMode.
    pub enum BillingMode {
        PayPerRequest = "PAY_PER_REQUEST",
        Provisioned = "PROVISIONED",
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

words! {
    /// Beanstalk's UpdateLevel of managed platform updates.
    pub enum UpdateLevel {
        /// Newer patch versions of the same minor version.
        Patch = "patch",
        /// Newer minor versions too.
        Minor = "minor",
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

words! {
    /// Whose the load balancer is.
    pub enum LoadBalancerMode {
        /// The environment's: Beanstalk makes it, and it answers whoever asks.
        Dedicated = "dedicated",
        /// The stack's own, which answers CloudFront alone.
        Own = "own",
        /// Somebody else's, named by `load_balancer.arn`: used, never changed.
        Shared = "shared",
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

words! {
    /// What the rule groups do with a request that they match.
    pub enum WafMode {
        /// What each rule says, mostly block.
        Block = "block",
        /// Count only: the console's monitor mode.
        Count = "count",
    }
}

words! {
    /// What the web ACL's rate-based rule does with what an address sends beyond the limit.
    pub enum RateMode {
        /// There is no such rule.
        Off = "off",
        /// Let it pass, and count it: for a look at what a real crowd does.
        Count = "count",
        /// Answer 403.
        Block = "block",
    }
}
