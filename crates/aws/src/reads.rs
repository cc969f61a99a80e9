//! The table of reads: every operation that confctl uses and that changes nothing, and the interceptor that refuses the rest.
//! Must know nothing of who reads.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeSerializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// Service as the SDK names it, and its reads.
pub const READS: &[(&str, &[&str])] = &[
    (
        "ACM",
        &["DescribeCertificate", "ListCertificates", "ListTagsForCertificate"],
    ),
    (
        "Auto Scaling",
        &[
            "DescribeAutoScalingGroups",
            "DescribePolicies",
            "DescribeScalingActivities",
            "DescribeScheduledActions",
        ],
    ),
    ("CloudFormation", &["DescribeStackResources", "DescribeStacks"]),
    (
        "CloudFront",
        &[
            "GetDistribution",
            "GetDistributionConfig",
            "ListDistributions",
            "ListDistributionsByWebACLId",
            "ListTagsForResource",
        ],
    ),
    ("CloudWatch", &["DescribeAlarms", "GetMetricStatistics"]),
    (
        "CloudWatch Logs",
        &["DescribeLogGroups", "FilterLogEvents", "ListTagsForResource"],
    ),
    (
        "DynamoDB",
        &[
            "DescribeContinuousBackups",
            "DescribeTable",
            "GetItem",
            "ListTables",
            "ListTagsOfResource",
            "Scan",
        ],
    ),
    (
        "EC2",
        &[
            "DescribeAddresses",
            "DescribeAvailabilityZones",
            "DescribeIamInstanceProfileAssociations",
            "DescribeInstanceCreditSpecifications",
            "DescribeInstanceTypeOfferings",
            "DescribeInstanceTypes",
            "DescribeInstances",
            "DescribeInternetGateways",
            "DescribeKeyPairs",
            "DescribeManagedPrefixLists",
            "DescribeNetworkInterfaces",
            "DescribeRegions",
            "DescribeRouteTables",
            "DescribeSecurityGroupRules",
            "DescribeSecurityGroups",
            "DescribeSubnets",
            "DescribeTags",
            "DescribeVpcEndpoints",
            "DescribeVpcs",
        ],
    ),
    (
        "Elastic Beanstalk",
        &[
            "CheckDNSAvailability",
            "DescribeApplicationVersions",
            "DescribeApplications",
            "DescribeConfigurationSettings",
            "DescribeEnvironmentHealth",
            "DescribeEnvironmentResources",
            "DescribeEnvironments",
            "DescribeEvents",
            "DescribeInstancesHealth",
            "ListPlatformVersions",
            "ListTagsForResource",
            "RetrieveEnvironmentInfo",
        ],
    ),
    (
        "Elastic Load Balancing v2",
        &[
            "DescribeCapacityReservation",
            "DescribeListeners",
            "DescribeLoadBalancerAttributes",
            "DescribeLoadBalancers",
            "DescribeRules",
            "DescribeTags",
            "DescribeTargetHealth",
        ],
    ),
    (
        "IAM",
        &[
            "GetInstanceProfile",
            "GetPolicy",
            "GetRole",
            "GetRolePolicy",
            "ListAttachedRolePolicies",
            "ListInstanceProfileTags",
            "ListInstanceProfilesForRole",
            "ListRolePolicies",
            "ListRoleTags",
            "ListRoles",
            "SimulatePrincipalPolicy",
        ],
    ),
    ("Resource Groups Tagging API", &["GetResources"]),
    (
        "Route 53",
        &[
            "GetChange",
            "GetHostedZone",
            "ListHostedZonesByName",
            "ListResourceRecordSets",
        ],
    ),
    ("S3", &["GetObject", "ListObjectsV2"]),
    ("SSM", &["DescribeInstanceInformation", "GetCommandInvocation"]),
    ("STS", &["GetCallerIdentity"]),
    ("Service Quotas", &["GetAWSDefaultServiceQuota", "GetServiceQuota"]),
    ("WAFV2", &["GetWebACL", "ListTagsForResource", "ListWebACLs"]),
];

/// Whether the operation changes nothing.
pub fn is_read(service: &str, operation: &str) -> bool {
    READS
        .iter()
        .any(|(name, reads)| *name == service && reads.contains(&operation))
}

/// Refuses every operation that is not in [`READS`], before anything is sent.
#[derive(Debug)]
pub struct ReadOnly;

/// The refusal; a bug of ours wherever it is seen.
#[derive(Debug, thiserror::Error)]
#[error("{service}:{operation} was called where only reads are allowed")]
struct NotARead {
    service: String,
    operation: String,
}

#[dyn_dispatch_hint]
impl Intercept for ReadOnly {
    fn name(&self) -> &'static str {
        "ReadOnly"
    }

    // The earliest hook at which the operation's name is known: in `read_before_execution` it is not.
    fn read_before_serialization(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let (service, operation) = match cfg.load::<Metadata>() {
            Some(metadata) => (metadata.service().to_owned(), metadata.name().to_owned()),
            None => ("unknown".to_owned(), "unknown".to_owned()),
        };
        if is_read(&service, &operation) {
            return Ok(());
        }
        Err(NotARead { service, operation }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_on_permissions_lists_the_table() {
        let page = include_str!("../../../docs/permissions.md");
        for (service, operations) in READS {
            let row = format!("| {service} | `{}` |\n", operations.join("`, `"));
            assert!(page.contains(&row), "docs/permissions.md lacks this row:\n{row}");
        }
    }

    #[test]
    fn a_write_is_not_a_read_even_where_another_service_reads_by_that_name() {
        assert!(is_read("Elastic Beanstalk", "DescribeEvents"));
        assert!(!is_read("Elastic Beanstalk", "UpdateEnvironment"));
        assert!(!is_read("DynamoDB", "ListTagsForResource"));
    }
}
