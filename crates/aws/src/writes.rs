//! The table of writes: every operation that confctl uses and that changes something. With the table of reads it is what a caller
//! has to be allowed. Must know nothing of who writes.

/// Service as the SDK names it, and its writes.
pub const WRITES: &[(&str, &[&str])] = &[
    (
        "ACM",
        &[
            "AddTagsToCertificate",
            "DeleteCertificate",
            "RemoveTagsFromCertificate",
            "RequestCertificate",
        ],
    ),
    (
        "Auto Scaling",
        &[
            "CreateOrUpdateTags",
            "DeleteScheduledAction",
            "DeleteTags",
            "PutScheduledUpdateGroupAction",
            "UpdateAutoScalingGroup",
        ],
    ),
    (
        "CloudFront",
        &[
            "CreateDistributionWithTags",
            "CreateInvalidation",
            "DeleteDistribution",
            "TagResource",
            "UntagResource",
            "UpdateDistribution",
        ],
    ),
    ("CloudWatch", &["PutMetricAlarm"]),
    (
        "DynamoDB",
        &[
            "BatchWriteItem",
            "CreateTable",
            "DeleteItem",
            "DeleteTable",
            "PutItem",
            "TagResource",
            "UntagResource",
            "UpdateContinuousBackups",
            "UpdateItem",
            "UpdateTable",
        ],
    ),
    (
        "EC2",
        &[
            "AttachInternetGateway",
            "AuthorizeSecurityGroupIngress",
            "CreateDefaultSubnet",
            "CreateDefaultVpc",
            "CreateInternetGateway",
            "CreateKeyPair",
            "CreateRoute",
            "CreateSecurityGroup",
            "CreateTags",
            "DeleteInternetGateway",
            "DeleteKeyPair",
            "DeleteRoute",
            "DeleteSecurityGroup",
            "DeleteSubnet",
            "DeleteTags",
            "DeleteVpc",
            "DetachInternetGateway",
            "ImportKeyPair",
            "ModifyInstanceCreditSpecification",
            "ModifySecurityGroupRules",
            "RevokeSecurityGroupIngress",
        ],
    ),
    (
        "Elastic Beanstalk",
        &[
            "AbortEnvironmentUpdate",
            "CreateApplication",
            "CreateApplicationVersion",
            "CreateEnvironment",
            "CreateStorageLocation",
            "DeleteApplication",
            "DeleteApplicationVersion",
            "DeleteEnvironmentConfiguration",
            "RequestEnvironmentInfo",
            "TerminateEnvironment",
            "UpdateEnvironment",
            "UpdateTagsForResource",
        ],
    ),
    (
        "Elastic Load Balancing v2",
        &[
            "AddTags",
            "CreateListener",
            "CreateLoadBalancer",
            "CreateRule",
            "DeleteListener",
            "DeleteLoadBalancer",
            "DeleteRule",
            "ModifyCapacityReservation",
            "ModifyListener",
            "ModifyLoadBalancerAttributes",
            "ModifyRule",
            "RemoveTags",
            "SetRulePriorities",
            "SetSecurityGroups",
        ],
    ),
    (
        "IAM",
        &[
            "AddRoleToInstanceProfile",
            "AttachRolePolicy",
            "CreateInstanceProfile",
            "CreateRole",
            "DeleteInstanceProfile",
            "DeleteRole",
            "DeleteRolePermissionsBoundary",
            "DeleteRolePolicy",
            "DetachRolePolicy",
            "PutRolePermissionsBoundary",
            "PutRolePolicy",
            "RemoveRoleFromInstanceProfile",
            "TagInstanceProfile",
            "TagRole",
            "UntagInstanceProfile",
            "UntagRole",
            "UpdateAssumeRolePolicy",
        ],
    ),
    ("Route 53", &["ChangeResourceRecordSets"]),
    ("S3", &["DeleteObject", "PutObject"]),
    (
        "SSM",
        &["CancelCommand", "SendCommand", "StartSession", "TerminateSession"],
    ),
    (
        "WAFV2",
        &[
            "CreateWebACL",
            "DeleteWebACL",
            "TagResource",
            "UntagResource",
            "UpdateWebACL",
        ],
    ),
];

/// How IAM's actions name the service that the SDK names so (Service Authorization Reference).
fn prefix(service: &str) -> &'static str {
    match service {
        "ACM" => "acm",
        "Auto Scaling" => "autoscaling",
        "CloudFormation" => "cloudformation",
        "CloudFront" => "cloudfront",
        "CloudWatch" => "cloudwatch",
        "CloudWatch Logs" => "logs",
        "DynamoDB" => "dynamodb",
        "EC2" => "ec2",
        "Elastic Beanstalk" => "elasticbeanstalk",
        "Elastic Load Balancing v2" => "elasticloadbalancing",
        "IAM" => "iam",
        "Resource Groups Tagging API" => "tag",
        "Route 53" => "route53",
        "S3" => "s3",
        "SSM" => "ssm",
        "STS" => "sts",
        "Service Quotas" => "servicequotas",
        "WAFV2" => "wafv2",
        _ => "unknown",
    }
}

/// The actions that IAM has to allow for an operation, which have its name but for a few (Service Authorization Reference).
fn actions(service: &str, operation: &str) -> Vec<String> {
    let named: &[&str] = match (service, operation) {
        ("S3", "ListObjectsV2") => &["ListBucket"],
        ("CloudFront", "CreateDistributionWithTags") => &["CreateDistribution", "TagResource"],
        ("ACM", "RequestCertificate") => &["RequestCertificate", "AddTagsToCertificate"],
        ("Elastic Beanstalk", "UpdateTagsForResource") => &["AddTags", "RemoveTags"],
        (_, operation) => &[operation],
    };
    named.iter().map(|name| format!("{}:{name}", prefix(service))).collect()
}

/// The actions of a table's operations, in their order, each once.
pub fn actions_of(table: &[(&str, &[&str])]) -> Vec<String> {
    let operations = table
        .iter()
        .flat_map(|(service, operations)| operations.iter().flat_map(|operation| actions(service, operation)));
    let mut all: Vec<String> = operations.collect();
    all.sort();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reads::READS;

    #[test]
    fn the_page_on_permissions_lists_the_table() {
        let page = include_str!("../../../docs/permissions.md");
        let (_, page) = page.split_once("| service | writes |").unwrap();
        for (service, operations) in WRITES {
            let row = page.lines().find(|line| line.starts_with(&format!("| {service} | ")));
            let row = row.unwrap_or_else(|| panic!("docs/permissions.md has no row of writes for {service}"));
            let named = row.split('`').skip(1).step_by(2);
            // A permission, which no operation has; and commands, which are in small letters.
            let named = named.filter(|word| word.starts_with(|c: char| c.is_ascii_uppercase()) && *word != "PassRole");
            assert_eq!(named.collect::<Vec<_>>(), *operations, "{service}");
        }
    }

    #[test]
    fn every_operation_has_an_action_of_a_service_that_iam_knows() {
        let all: Vec<String> = actions_of(READS).into_iter().chain(actions_of(WRITES)).collect();
        assert!(all.iter().all(|action| !action.starts_with("unknown:")), "{all:?}");
        for action in [
            "s3:ListBucket",
            "cloudfront:CreateDistribution",
            "elasticbeanstalk:AddTags",
            "tag:GetResources",
        ] {
            assert!(all.iter().any(|other| other == action), "{action}");
        }
    }
}
