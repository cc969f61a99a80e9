//! One call of each operation that confctl makes, as it makes them, lists to their end. Which arguments it has decides nothing here.
//! Left out: what a request cannot be made for without a whole document (CreateDistributionWithTags, UpdateDistribution,
//! CreateWebACL, UpdateWebACL), and GetMetricStatistics and GetCallerIdentity, which the cases have.

use confctl::aws::Explain;
use confctl::aws::paging::{self, Page};
use confctl::aws::services::cloudwatch::AlarmSettings;
use confctl::aws::services::s3::If;
use confctl::engine::Error;

use crate::account::Account;

pub type Call = Result<(), Error>;

/// Every operation that [`call`] makes.
pub const NAMES: [&str; 92] = [
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribePolicies",
    "autoscaling:DescribeScalingActivities",
    "autoscaling:UpdateAutoScalingGroup",
    "cloudformation:DescribeStackResources",
    "cloudformation:DescribeStacks",
    "cloudfront:GetDistribution",
    "cloudfront:GetDistributionConfig",
    "cloudfront:ListDistributions",
    "cloudfront:ListTagsForResource",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:PutMetricAlarm",
    "dynamodb:BatchWriteItem",
    "dynamodb:CreateTable",
    "dynamodb:DeleteItem",
    "dynamodb:DeleteTable",
    "dynamodb:DescribeContinuousBackups",
    "dynamodb:DescribeTable",
    "dynamodb:GetItem",
    "dynamodb:ListTagsOfResource",
    "dynamodb:Scan",
    "dynamodb:TagResource",
    "dynamodb:UpdateContinuousBackups",
    "dynamodb:UpdateTable",
    "ec2:CreateKeyPair",
    "ec2:CreateTags",
    "ec2:DeleteInternetGateway",
    "ec2:DeleteKeyPair",
    "ec2:DeleteSubnet",
    "ec2:DeleteVpc",
    "ec2:DescribeIamInstanceProfileAssociations",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeInstances",
    "ec2:DescribeInternetGateways",
    "ec2:DescribeKeyPairs",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRegions",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcEndpoints",
    "ec2:DescribeVpcs",
    "ec2:ImportKeyPair",
    "elasticbeanstalk:CheckDNSAvailability",
    "elasticbeanstalk:CreateApplication",
    "elasticbeanstalk:CreateApplicationVersion",
    "elasticbeanstalk:CreateEnvironment",
    "elasticbeanstalk:CreateStorageLocation",
    "elasticbeanstalk:DeleteApplication",
    "elasticbeanstalk:DescribeApplicationVersions",
    "elasticbeanstalk:DescribeApplications",
    "elasticbeanstalk:DescribeConfigurationSettings",
    "elasticbeanstalk:DescribeEnvironmentHealth",
    "elasticbeanstalk:DescribeEnvironmentResources",
    "elasticbeanstalk:DescribeEnvironments",
    "elasticbeanstalk:DescribeEvents",
    "elasticbeanstalk:ListPlatformVersions",
    "elasticbeanstalk:ListTagsForResource",
    "elasticbeanstalk:TerminateEnvironment",
    "elasticbeanstalk:UpdateEnvironment",
    "elasticbeanstalk:UpdateTagsForResource",
    "elasticloadbalancing:DescribeLoadBalancers",
    "iam:AddRoleToInstanceProfile",
    "iam:AttachRolePolicy",
    "iam:CreateInstanceProfile",
    "iam:CreateRole",
    "iam:DeleteInstanceProfile",
    "iam:DeleteRole",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:GetInstanceProfile",
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListInstanceProfileTags",
    "iam:ListRolePolicies",
    "iam:ListRoleTags",
    "iam:PutRolePermissionsBoundary",
    "iam:RemoveRoleFromInstanceProfile",
    "iam:SimulatePrincipalPolicy",
    "iam:UpdateAssumeRolePolicy",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:ListObjectsV2",
    "s3:PutObject",
    "servicequotas:GetServiceQuota",
    "ssm:DescribeInstanceInformation",
    "ssm:GetCommandInvocation",
    "ssm:SendCommand",
    "wafv2:GetWebACL",
    "wafv2:ListTagsForResource",
    "wafv2:ListWebACLs",
];

/// Makes the call, and reads its answer, all pages of it.
pub async fn call(account: &Account, operation: &str) -> Call {
    match operation.split(':').next() {
        Some("dynamodb") => dynamodb(account, operation).await,
        Some("ec2") => ec2(account, operation).await,
        Some("elasticbeanstalk") => beanstalk(account, operation).await,
        Some("iam") => iam(account, operation).await,
        _ => others(account, operation).await,
    }
}

fn unknown(operation: &str) -> Error {
    Error::failed(format!("{operation} is not called here"))
}

async fn dynamodb(account: &Account, operation: &str) -> Call {
    let (read, write) = (account.reading(), account.writing());
    match operation {
        "dynamodb:BatchWriteItem" => write
            .dynamodb
            .batch_write_item()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "dynamodb:CreateTable" => write
            .dynamodb
            .create_table()
            .table_name("t")
            .send()
            .await
            .explain(operation)
            .map(drop),
        "dynamodb:DeleteItem" => write
            .dynamodb
            .delete_item()
            .table_name("t")
            .send()
            .await
            .explain(operation)
            .map(drop),
        "dynamodb:DeleteTable" => write
            .dynamodb
            .delete_table()
            .table_name("t")
            .send()
            .await
            .explain(operation)
            .map(drop),
        "dynamodb:DescribeContinuousBackups" => read
            .dynamodb
            .describe_continuous_backups()
            .table_name("t")
            .send()
            .await
            .explain(operation)
            .map(drop),
        "dynamodb:DescribeTable" => read
            .dynamodb
            .describe_table()
            .table_name("t")
            .send()
            .await
            .explain(operation)
            .map(drop),
        "dynamodb:GetItem" => read
            .dynamodb
            .get_item()
            .table_name("t")
            .send()
            .await
            .explain(operation)
            .map(drop),
        "dynamodb:ListTagsOfResource" => {
            let page = async |marker: Option<String>| {
                let page = read
                    .dynamodb
                    .list_tags_of_resource()
                    .resource_arn("arn")
                    .set_next_token(marker)
                    .send()
                    .await
                    .explain(operation)?;
                Ok(Page::new(page.tags.unwrap_or_default(), page.next_token))
            };
            paging::all(page).await.map(drop)
        }
        "dynamodb:Scan" => read
            .dynamodb
            .scan()
            .table_name("t")
            .send()
            .await
            .explain(operation)
            .map(drop),
        "dynamodb:TagResource" => write
            .dynamodb
            .tag_resource()
            .resource_arn("arn:aws:dynamodb:us-east-1:123456789012:table/t")
            .send()
            .await
            .explain(operation)
            .map(drop),
        "dynamodb:UpdateContinuousBackups" => write
            .dynamodb
            .update_continuous_backups()
            .table_name("t")
            .send()
            .await
            .explain(operation)
            .map(drop),
        "dynamodb:UpdateTable" => write
            .dynamodb
            .update_table()
            .table_name("t")
            .send()
            .await
            .explain(operation)
            .map(drop),
        _ => Err(unknown(operation)),
    }
}

async fn ec2(account: &Account, operation: &str) -> Call {
    let (read, write) = (account.reading(), account.writing());
    match operation {
        "ec2:CreateKeyPair" => write.ec2.create_key_pair().send().await.explain(operation).map(drop),
        "ec2:CreateTags" => write.ec2.create_tags().send().await.explain(operation).map(drop),
        "ec2:DeleteInternetGateway" => write
            .ec2
            .delete_internet_gateway()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "ec2:DeleteKeyPair" => write.ec2.delete_key_pair().send().await.explain(operation).map(drop),
        "ec2:DeleteSubnet" => write.ec2.delete_subnet().send().await.explain(operation).map(drop),
        "ec2:DeleteVpc" => write.ec2.delete_vpc().send().await.explain(operation).map(drop),
        "ec2:DescribeIamInstanceProfileAssociations" => {
            let page = async |marker: Option<String>| {
                let page = read
                    .ec2
                    .describe_iam_instance_profile_associations()
                    .set_next_token(marker)
                    .send()
                    .await
                    .explain(operation)?;
                Ok(Page::new(
                    page.iam_instance_profile_associations.unwrap_or_default(),
                    page.next_token,
                ))
            };
            paging::all(page).await.map(drop)
        }
        "ec2:DescribeInstanceTypes" => read
            .ec2
            .describe_instance_types()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "ec2:DescribeInstances" => read.ec2.describe_instances().send().await.explain(operation).map(drop),
        "ec2:DescribeInternetGateways" => read
            .ec2
            .describe_internet_gateways()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "ec2:DescribeKeyPairs" => read.ec2.describe_key_pairs().send().await.explain(operation).map(drop),
        "ec2:DescribeNetworkInterfaces" => read
            .ec2
            .describe_network_interfaces()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "ec2:DescribeRegions" => read.ec2.describe_regions().send().await.explain(operation).map(drop),
        "ec2:DescribeRouteTables" => {
            let page = async |marker: Option<String>| {
                let page = read
                    .ec2
                    .describe_route_tables()
                    .set_next_token(marker)
                    .send()
                    .await
                    .explain(operation)?;
                Ok(Page::new(page.route_tables.unwrap_or_default(), page.next_token))
            };
            paging::all(page).await.map(drop)
        }
        "ec2:DescribeSecurityGroups" => read
            .ec2
            .describe_security_groups()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "ec2:DescribeSubnets" => {
            let page = async |marker: Option<String>| {
                let page = read
                    .ec2
                    .describe_subnets()
                    .set_next_token(marker)
                    .send()
                    .await
                    .explain(operation)?;
                Ok(Page::new(page.subnets.unwrap_or_default(), page.next_token))
            };
            paging::all(page).await.map(drop)
        }
        "ec2:DescribeVpcEndpoints" => read
            .ec2
            .describe_vpc_endpoints()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "ec2:DescribeVpcs" => read.ec2.describe_vpcs().send().await.explain(operation).map(drop),
        "ec2:ImportKeyPair" => write.ec2.import_key_pair().send().await.explain(operation).map(drop),
        _ => Err(unknown(operation)),
    }
}

async fn beanstalk(account: &Account, operation: &str) -> Call {
    let (read, write) = (account.reading(), account.writing());
    match operation {
        "elasticbeanstalk:CheckDNSAvailability" => read
            .beanstalk
            .check_dns_availability()
            .cname_prefix("x")
            .send()
            .await
            .explain(operation)
            .map(drop),
        "elasticbeanstalk:CreateApplication" => write
            .beanstalk
            .create_application()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "elasticbeanstalk:CreateApplicationVersion" => write
            .beanstalk
            .create_application_version()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "elasticbeanstalk:CreateEnvironment" => write
            .beanstalk
            .create_environment()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "elasticbeanstalk:CreateStorageLocation" => write
            .beanstalk
            .create_storage_location()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "elasticbeanstalk:DeleteApplication" => write
            .beanstalk
            .delete_application()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "elasticbeanstalk:DescribeApplicationVersions" => read
            .beanstalk
            .describe_application_versions()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "elasticbeanstalk:DescribeApplications" => read
            .beanstalk
            .describe_applications()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "elasticbeanstalk:DescribeConfigurationSettings" => read
            .beanstalk
            .describe_configuration_settings()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "elasticbeanstalk:DescribeEnvironmentHealth" => read
            .beanstalk
            .describe_environment_health()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "elasticbeanstalk:DescribeEnvironmentResources" => read
            .beanstalk
            .describe_environment_resources()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "elasticbeanstalk:DescribeEnvironments" => read
            .beanstalk
            .describe_environments()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "elasticbeanstalk:DescribeEvents" => read
            .beanstalk
            .describe_events()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "elasticbeanstalk:ListPlatformVersions" => {
            let page = async |marker: Option<String>| {
                let page = read
                    .beanstalk
                    .list_platform_versions()
                    .set_next_token(marker)
                    .send()
                    .await
                    .explain(operation)?;
                Ok(Page::new(
                    page.platform_summary_list.unwrap_or_default(),
                    page.next_token,
                ))
            };
            paging::all(page).await.map(drop)
        }
        "elasticbeanstalk:ListTagsForResource" => read
            .beanstalk
            .list_tags_for_resource()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "elasticbeanstalk:TerminateEnvironment" => write
            .beanstalk
            .terminate_environment()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "elasticbeanstalk:UpdateEnvironment" => write
            .beanstalk
            .update_environment()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "elasticbeanstalk:UpdateTagsForResource" => write
            .beanstalk
            .update_tags_for_resource()
            .send()
            .await
            .explain(operation)
            .map(drop),
        _ => Err(unknown(operation)),
    }
}

async fn iam(account: &Account, operation: &str) -> Call {
    let (read, write) = (account.reading(), account.writing());
    match operation {
        "iam:AddRoleToInstanceProfile" => write
            .iam
            .add_role_to_instance_profile()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "iam:AttachRolePolicy" => write.iam.attach_role_policy().send().await.explain(operation).map(drop),
        "iam:CreateInstanceProfile" => write
            .iam
            .create_instance_profile()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "iam:CreateRole" => write.iam.create_role().send().await.explain(operation).map(drop),
        "iam:DeleteInstanceProfile" => write
            .iam
            .delete_instance_profile()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "iam:DeleteRole" => write.iam.delete_role().send().await.explain(operation).map(drop),
        "iam:DeleteRolePolicy" => write.iam.delete_role_policy().send().await.explain(operation).map(drop),
        "iam:DetachRolePolicy" => write.iam.detach_role_policy().send().await.explain(operation).map(drop),
        "iam:GetInstanceProfile" => read
            .iam
            .get_instance_profile()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "iam:GetRole" => read.iam.get_role().send().await.explain(operation).map(drop),
        "iam:GetRolePolicy" => read.iam.get_role_policy().send().await.explain(operation).map(drop),
        "iam:ListAttachedRolePolicies" => {
            let page = async |marker: Option<String>| {
                let page = read
                    .iam
                    .list_attached_role_policies()
                    .set_marker(marker)
                    .send()
                    .await
                    .explain(operation)?;
                Ok(Page::new(page.attached_policies.unwrap_or_default(), page.marker))
            };
            paging::all(page).await.map(drop)
        }
        "iam:ListInstanceProfileTags" => {
            let page = async |marker: Option<String>| {
                let page = read
                    .iam
                    .list_instance_profile_tags()
                    .set_marker(marker)
                    .send()
                    .await
                    .explain(operation)?;
                Ok(Page::new(page.tags, page.marker))
            };
            paging::all(page).await.map(drop)
        }
        "iam:ListRolePolicies" => {
            let page = async |marker: Option<String>| {
                let page = read
                    .iam
                    .list_role_policies()
                    .set_marker(marker)
                    .send()
                    .await
                    .explain(operation)?;
                Ok(Page::new(page.policy_names, page.marker))
            };
            paging::all(page).await.map(drop)
        }
        "iam:ListRoleTags" => {
            let page = async |marker: Option<String>| {
                let page = read
                    .iam
                    .list_role_tags()
                    .set_marker(marker)
                    .send()
                    .await
                    .explain(operation)?;
                Ok(Page::new(page.tags, page.marker))
            };
            paging::all(page).await.map(drop)
        }
        "iam:PutRolePermissionsBoundary" => write
            .iam
            .put_role_permissions_boundary()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "iam:RemoveRoleFromInstanceProfile" => write
            .iam
            .remove_role_from_instance_profile()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "iam:SimulatePrincipalPolicy" => read
            .iam
            .simulate_principal_policy()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "iam:UpdateAssumeRolePolicy" => write
            .iam
            .update_assume_role_policy()
            .send()
            .await
            .explain(operation)
            .map(drop),
        _ => Err(unknown(operation)),
    }
}

async fn others(account: &Account, operation: &str) -> Call {
    let (read, write) = (account.reading(), account.writing());
    match operation {
        "autoscaling:DescribeAutoScalingGroups" => read
            .autoscaling
            .describe_auto_scaling_groups()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "autoscaling:DescribePolicies" => read
            .autoscaling
            .describe_policies()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "autoscaling:DescribeScalingActivities" => read
            .autoscaling
            .describe_scaling_activities()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "autoscaling:UpdateAutoScalingGroup" => write
            .autoscaling
            .update_auto_scaling_group()
            .send()
            .await
            .explain(operation)
            .map(drop),
        "cloudformation:DescribeStackResources" => read
            .cloudformation
            .describe_stack_resources("s")
            .await
            .explain(operation)
            .map(drop),
        "cloudformation:DescribeStacks" => read
            .cloudformation
            .describe_stacks("s")
            .await
            .explain(operation)
            .map(drop),
        "cloudfront:GetDistribution" => read
            .cloudfront
            .get_distribution()
            .id("E1")
            .send()
            .await
            .explain(operation)
            .map(drop),
        "cloudfront:GetDistributionConfig" => read
            .cloudfront
            .get_distribution_config()
            .id("E1")
            .send()
            .await
            .explain(operation)
            .map(drop),
        "cloudfront:ListDistributions" => {
            let page = async |marker: Option<String>| {
                let page = read
                    .cloudfront
                    .list_distributions()
                    .set_marker(marker)
                    .send()
                    .await
                    .explain(operation)?;
                let list = page.distribution_list;
                let (items, next) = list.map(|list| (list.items, list.next_marker)).unwrap_or_default();
                Ok(Page::new(items.unwrap_or_default(), next))
            };
            paging::all(page).await.map(drop)
        }
        "cloudfront:ListTagsForResource" => read
            .cloudfront
            .list_tags_for_resource()
            .resource("arn")
            .send()
            .await
            .explain(operation)
            .map(drop),
        "cloudwatch:DescribeAlarms" => read
            .cloudwatch
            .describe_alarms(&["a"])
            .await
            .explain(operation)
            .map(drop),
        "cloudwatch:PutMetricAlarm" => write
            .cloudwatch
            .put_metric_alarm(&AlarmSettings::default())
            .await
            .explain(operation)
            .map(drop),
        "elasticloadbalancing:DescribeLoadBalancers" => read
            .elb
            .describe_load_balancers(&["arn"])
            .await
            .explain(operation)
            .map(drop),
        "s3:DeleteObject" => write
            .s3
            .delete_object("b", "k", If::Always)
            .await
            .explain(operation)
            .map(drop),
        "s3:GetObject" => read.s3.get_object("b", "k").await.explain(operation).map(drop),
        "s3:ListObjectsV2" => {
            let page = async |marker: Option<String>| {
                read.s3
                    .list_objects("b", "p", marker.as_deref())
                    .await
                    .explain(operation)
            };
            paging::all(page).await.map(drop)
        }
        "s3:PutObject" => write
            .s3
            .put_object("b", "k", Vec::new(), If::Always)
            .await
            .explain(operation)
            .map(drop),
        "servicequotas:GetServiceQuota" => read
            .quotas
            .get_service_quota("ec2", "q")
            .await
            .explain(operation)
            .map(drop),
        "ssm:DescribeInstanceInformation" => read
            .ssm
            .describe_instance_information(&[], None)
            .await
            .explain(operation)
            .map(drop),
        "ssm:GetCommandInvocation" => read
            .ssm
            .get_command_invocation("c", "i")
            .await
            .explain(operation)
            .map(drop),
        "ssm:SendCommand" => write
            .ssm
            .send_command("d", &[], serde_json::Value::Null, "c")
            .await
            .explain(operation)
            .map(drop),
        "wafv2:GetWebACL" => read.waf.get_web_acl("n", "1").await.explain(operation).map(drop),
        "wafv2:ListTagsForResource" => {
            let page =
                async |marker: Option<String>| read.waf.list_tags_for_resource("arn", marker).await.explain(operation);
            paging::all(page).await.map(drop)
        }
        "wafv2:ListWebACLs" => {
            let page = async |marker: Option<String>| read.waf.list_web_acls(marker).await.explain(operation);
            paging::all(page).await.map(drop)
        }
        _ => Err(unknown(operation)),
    }
}
