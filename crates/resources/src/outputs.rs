//! The values that resources give to each other: the edges of the graph.

use crate::aws::origin_secret::OriginSecret;
use crate::engine::Output;
use crate::prescale::{Prescale, Stage};

/// The table's name, once it was asked for.
pub const TABLE: Output<String> = Output::new("users-table.name");

/// Where instances and load balancer go.
pub const NETWORK: Output<Network> = Output::new("default-vpc.network");

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    pub vpc_id: String,
    /// For the instances; at least one.
    pub subnets: Vec<String>,
    /// For the load balancer, in at least two availability zones where there is one.
    pub lb_subnets: Vec<String>,
}

/// The service role, as `path/name` where it has a path.
pub const SERVICE_ROLE: Output<String> = Output::new("service-role.name");

/// The instance profile's name, once its role shows in it.
pub const INSTANCE_PROFILE: Output<String> = Output::new("instance-profile.name");

pub const KEY_PAIR: Output<String> = Output::new("key-pair.name");

pub const APPLICATION: Output<String> = Output::new("application.name");

/// When the stack's time is over, as its tag has it; a stack without an end has none.
pub const EXPIRY: Output<String> = Output::new("application.expiry");

pub const VERSION: Output<String> = Output::new("app-version.label");

/// The name that CloudFront fetches from: the load balancer's DNS name, or the environment's CNAME. Known long before the
/// environment is ready. Of a load balancer of the stack's own that gives it.
pub const ORIGIN: Output<String> = Output::new("environment.origin");

/// The id of the group that lets CloudFront reach a load balancer of the stack's own.
pub const SECURITY_GROUP: Output<String> = Output::new("security-group.id");

/// A load balancer that is not the environment's, once it is active.
pub const LOAD_BALANCER: Output<LiveLoadBalancer> = Output::new("load-balancer.active");

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveLoadBalancer {
    pub arn: String,
    pub dns_name: String,
    /// Ids of its security groups, from which the instances let it in.
    pub security_groups: Vec<String>,
}

/// The secrets that a load balancer of the stack's own lets in, the oldest first: one, and two while it is changed.
pub const SECRETS: Output<Vec<OriginSecret>> = Output::new("load-balancer.secrets");

/// The target group that CloudFront's visitors are forwarded to.
pub const FORWARDED: Output<String> = Output::new("listener-rule.target-group");

/// The protocol by which every edge location comes to the load balancer, as CloudFront names it: `https-only`, `http-only`.
pub const EDGE_PROTOCOL: Output<String> = Output::new("distribution.origin-protocol");

/// Since when visitors see the maintenance page in the site's place; `None` of one that was begun and is not everywhere yet.
pub const SHOWN_INSTEAD: Output<Option<String>> = Output::new("load-balancer.maintenance");

/// The secret that every edge location sends along.
pub const EDGE_SECRET: Output<OriginSecret> = Output::new("distribution.secret");

/// The environment, once it is ready.
pub const ENVIRONMENT: Output<LiveEnvironment> = Output::new("environment.ready");

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveEnvironment {
    pub id: String,
    pub cname: String,
    /// The load balancer's DNS name; a single instance has none.
    pub load_balancer: Option<String>,
    /// The ARN of what a load balancer forwards to.
    pub target_group: Option<String>,
    /// Its health, where the site cannot be called up with it.
    pub trouble: Option<String>,
    /// The version that was last deployed to it with success.
    pub version: Option<String>,
    /// Other versions that instances took since, as far as they were looked at.
    pub astray: Vec<String>,
}

/// The group's pre-scale, where one is to come, stands, or should be over and is not.
pub const SCALED: Output<Scaled> = Output::new("environment.scaled");

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scaled {
    pub asked: Prescale,
    pub stage: Stage,
    /// Capacity units that are reserved for the load balancer, and how far that is.
    pub reserved: Option<(u32, String)>,
    /// How its burstable instances spend CPU credits.
    pub credits: Vec<String>,
    /// For people.
    pub told: String,
}

/// The web ACL's ARN.
pub const WEB_ACL: Output<String> = Output::new("web-acl.arn");

/// The ARN of the certificate for the site's own names, once it is issued.
pub const CERTIFICATE: Output<String> = Output::new("certificate.arn");

/// The same ARN, once the records that validate it were set where that is ours to do.
pub const REQUESTED: Output<String> = Output::new("certificate.requested");

/// The ARN of the certificate that the stack's own load balancer shows to CloudFront, once it is issued.
pub const ORIGIN_CERTIFICATE: Output<String> = Output::new("origin-certificate.arn");

/// The distribution, once every edge location answers for the site's own names.
pub const ALIASES: Output<LiveDistribution> = Output::new("distribution.aliases");

/// The distribution, once it exists; it answers some time before it is deployed everywhere.
pub const DISTRIBUTION: Output<LiveDistribution> = Output::new("distribution.live");

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveDistribution {
    pub id: String,
    /// `d111111abcdef8.cloudfront.net`
    pub domain: String,
}
