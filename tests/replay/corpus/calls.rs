//! One call of each operation that confctl makes, as it makes them, lists to their end. Its arguments decide nothing here.
//! GetCallerIdentity is not among them: an account begins with it.

use aws_smithy_types::DateTime;
use confctl::aws::paging::{self, Page};
use confctl::aws::services::cloudwatch::{AlarmSettings, GetMetricStatistics};
use confctl::aws::services::s3::If;
use confctl::aws::services::waf::{CreateWebAcl, DefaultAction, WebAcl};
use confctl::aws::{Aws, Explain};
use confctl::engine::Error;
use serde_json::{Value, json};

use crate::account::Account;

/// All that was read, as text.
pub type Call = Result<String, Error>;

fn shown<T: std::fmt::Debug>(answer: T) -> String {
    format!("{answer:?}")
}

/// Sends a request of the SDK's.
macro_rules! sent {
    ($operation:ident, $call:expr) => {
        $call.send().await.explain($operation).map(shown)
    };
}

/// Calls a client of confctl's own.
macro_rules! own {
    ($operation:ident, $call:expr) => {
        $call.await.explain($operation).map(shown)
    };
}

/// All pages of a list of the SDK's: how its marker is set, which member has the items and which the next marker.
macro_rules! listed {
    ($operation:ident, $call:expr, $set:ident, $items:ident, $next:ident) => {
        paging::all(async |marker: Option<String>| {
            let page = $call.$set(marker).send().await.explain($operation)?;
            Ok(Page::new(page.$items, page.$next))
        })
        .await
        .map(shown)
    };
}

/// The same where the member may be absent.
macro_rules! pages {
    ($operation:ident, $call:expr, $set:ident, $items:ident, $next:ident) => {
        paging::all(async |marker: Option<String>| {
            let page = $call.$set(marker).send().await.explain($operation)?;
            Ok(Page::new(page.$items.unwrap_or_default(), page.$next))
        })
        .await
        .map(shown)
    };
}

/// The table of calls: their names, and the function that makes one by its name.
macro_rules! calls {
    ($operation:ident, $read:ident, $write:ident: $($name:literal => $call:expr,)*) => {
        /// Every operation that [`call`] makes.
        pub const NAMES: &[&str] = &[$($name),*];

        /// Makes the call, and reads its answer, all pages of it.
        pub async fn call(account: &Account, $operation: &str) -> Call {
            let ($read, $write) = (account.reading(), account.writing());
            match $operation {
                $($name => $call,)*
                _ => Err(Error::failed(format!("{} is not called here", $operation))),
            }
        }
    };
}

calls! {
    operation, read, write:
    "autoscaling:DescribeAutoScalingGroups" => sent!(operation, read.autoscaling.describe_auto_scaling_groups()),
    "autoscaling:DescribePolicies" => sent!(operation, read.autoscaling.describe_policies()),
    "autoscaling:DescribeScalingActivities" => sent!(operation, read.autoscaling.describe_scaling_activities()),
    "autoscaling:UpdateAutoScalingGroup" => sent!(operation, write.autoscaling.update_auto_scaling_group()),
    "cloudformation:DescribeStackResources" => own!(operation, read.cloudformation.describe_stack_resources("s")),
    "cloudformation:DescribeStacks" => own!(operation, read.cloudformation.describe_stacks("s")),
    "cloudfront:CreateDistributionWithTags" => sent!(operation, write.cloudfront.create_distribution_with_tags()),
    "cloudfront:GetDistribution" => sent!(operation, read.cloudfront.get_distribution().id("E1")),
    "cloudfront:GetDistributionConfig" => sent!(operation, read.cloudfront.get_distribution_config().id("E1")),
    "cloudfront:ListDistributions" => distributions(read).await,
    "cloudfront:ListTagsForResource" => sent!(operation, read.cloudfront.list_tags_for_resource().resource("arn")),
    "cloudfront:UpdateDistribution" => sent!(operation, write.cloudfront.update_distribution().id("E1")),
    "cloudwatch:DescribeAlarms" => own!(operation, read.cloudwatch.describe_alarms(&["a"])),
    "cloudwatch:GetMetricStatistics" => own!(operation, read.cloudwatch.get_metric_statistics(&statistics())),
    "cloudwatch:PutMetricAlarm" => own!(operation, write.cloudwatch.put_metric_alarm(&AlarmSettings::default())),
    "dynamodb:BatchWriteItem" => sent!(operation, write.dynamodb.batch_write_item()),
    "dynamodb:CreateTable" => sent!(operation, write.dynamodb.create_table().table_name("t")),
    "dynamodb:DeleteItem" => sent!(operation, write.dynamodb.delete_item().table_name("t")),
    "dynamodb:DeleteTable" => sent!(operation, write.dynamodb.delete_table().table_name("t")),
    "dynamodb:DescribeContinuousBackups" => sent!(operation, read.dynamodb.describe_continuous_backups().table_name("t")),
    "dynamodb:DescribeTable" => sent!(operation, read.dynamodb.describe_table().table_name("t")),
    "dynamodb:GetItem" => sent!(operation, read.dynamodb.get_item().table_name("t")),
    "dynamodb:ListTables" => pages!(operation, read.dynamodb.list_tables(), set_exclusive_start_table_name, table_names, last_evaluated_table_name),
    "dynamodb:ListTagsOfResource" => pages!(operation, read.dynamodb.list_tags_of_resource().resource_arn("arn"), set_next_token, tags, next_token),
    "dynamodb:Scan" => sent!(operation, read.dynamodb.scan().table_name("t")),
    "dynamodb:TagResource" => sent!(operation, write.dynamodb.tag_resource().resource_arn("arn:aws:dynamodb:us-east-1:123456789012:table/t")),
    "dynamodb:UpdateContinuousBackups" => sent!(operation, write.dynamodb.update_continuous_backups().table_name("t")),
    "dynamodb:UpdateTable" => sent!(operation, write.dynamodb.update_table().table_name("t")),
    "ec2:CreateKeyPair" => sent!(operation, write.ec2.create_key_pair()),
    "ec2:CreateTags" => sent!(operation, write.ec2.create_tags()),
    "ec2:DeleteInternetGateway" => sent!(operation, write.ec2.delete_internet_gateway()),
    "ec2:DeleteKeyPair" => sent!(operation, write.ec2.delete_key_pair()),
    "ec2:DeleteSubnet" => sent!(operation, write.ec2.delete_subnet()),
    "ec2:DeleteVpc" => sent!(operation, write.ec2.delete_vpc()),
    "ec2:DescribeAvailabilityZones" => sent!(operation, read.ec2.describe_availability_zones()),
    "ec2:DescribeIamInstanceProfileAssociations" => pages!(operation, read.ec2.describe_iam_instance_profile_associations(), set_next_token, iam_instance_profile_associations, next_token),
    "ec2:DescribeInstanceTypes" => sent!(operation, read.ec2.describe_instance_types()),
    "ec2:DescribeInstances" => pages!(operation, read.ec2.describe_instances(), set_next_token, reservations, next_token),
    "ec2:DescribeInternetGateways" => pages!(operation, read.ec2.describe_internet_gateways(), set_next_token, internet_gateways, next_token),
    "ec2:DescribeKeyPairs" => sent!(operation, read.ec2.describe_key_pairs()),
    "ec2:DescribeNetworkInterfaces" => sent!(operation, read.ec2.describe_network_interfaces()),
    "ec2:DescribeRegions" => sent!(operation, read.ec2.describe_regions()),
    "ec2:DescribeRouteTables" => pages!(operation, read.ec2.describe_route_tables(), set_next_token, route_tables, next_token),
    "ec2:DescribeSecurityGroups" => sent!(operation, read.ec2.describe_security_groups()),
    "ec2:DescribeSubnets" => pages!(operation, read.ec2.describe_subnets(), set_next_token, subnets, next_token),
    "ec2:DescribeVpcEndpoints" => sent!(operation, read.ec2.describe_vpc_endpoints()),
    "ec2:DescribeVpcs" => sent!(operation, read.ec2.describe_vpcs()),
    "ec2:ImportKeyPair" => sent!(operation, write.ec2.import_key_pair()),
    "elasticbeanstalk:CheckDNSAvailability" => sent!(operation, read.beanstalk.check_dns_availability().cname_prefix("x")),
    "elasticbeanstalk:CreateApplication" => sent!(operation, write.beanstalk.create_application()),
    "elasticbeanstalk:CreateApplicationVersion" => sent!(operation, write.beanstalk.create_application_version()),
    "elasticbeanstalk:CreateEnvironment" => sent!(operation, write.beanstalk.create_environment()),
    "elasticbeanstalk:CreateStorageLocation" => sent!(operation, write.beanstalk.create_storage_location()),
    "elasticbeanstalk:DeleteApplication" => sent!(operation, write.beanstalk.delete_application()),
    "elasticbeanstalk:DescribeApplicationVersions" => sent!(operation, read.beanstalk.describe_application_versions()),
    "elasticbeanstalk:DescribeApplications" => sent!(operation, read.beanstalk.describe_applications()),
    "elasticbeanstalk:DescribeConfigurationSettings" => sent!(operation, read.beanstalk.describe_configuration_settings()),
    "elasticbeanstalk:DescribeEnvironmentHealth" => sent!(operation, read.beanstalk.describe_environment_health()),
    "elasticbeanstalk:DescribeEnvironmentResources" => sent!(operation, read.beanstalk.describe_environment_resources()),
    "elasticbeanstalk:DescribeEnvironments" => sent!(operation, read.beanstalk.describe_environments()),
    "elasticbeanstalk:DescribeEvents" => sent!(operation, read.beanstalk.describe_events()),
    "elasticbeanstalk:DescribeInstancesHealth" => pages!(operation, read.beanstalk.describe_instances_health(), set_next_token, instance_health_list, next_token),
    "elasticbeanstalk:ListPlatformVersions" => pages!(operation, read.beanstalk.list_platform_versions(), set_next_token, platform_summary_list, next_token),
    "elasticbeanstalk:ListTagsForResource" => sent!(operation, read.beanstalk.list_tags_for_resource()),
    "elasticbeanstalk:TerminateEnvironment" => sent!(operation, write.beanstalk.terminate_environment()),
    "elasticbeanstalk:UpdateEnvironment" => sent!(operation, write.beanstalk.update_environment()),
    "elasticbeanstalk:UpdateTagsForResource" => sent!(operation, write.beanstalk.update_tags_for_resource()),
    "elasticloadbalancing:DescribeLoadBalancers" => own!(operation, read.elb.describe_load_balancers(&["arn"])),
    "iam:AddRoleToInstanceProfile" => sent!(operation, write.iam.add_role_to_instance_profile()),
    "iam:AttachRolePolicy" => sent!(operation, write.iam.attach_role_policy()),
    "iam:CreateInstanceProfile" => sent!(operation, write.iam.create_instance_profile()),
    "iam:CreateRole" => sent!(operation, write.iam.create_role()),
    "iam:DeleteInstanceProfile" => sent!(operation, write.iam.delete_instance_profile()),
    "iam:DeleteRole" => sent!(operation, write.iam.delete_role()),
    "iam:DeleteRolePolicy" => sent!(operation, write.iam.delete_role_policy()),
    "iam:DetachRolePolicy" => sent!(operation, write.iam.detach_role_policy()),
    "iam:GetInstanceProfile" => sent!(operation, read.iam.get_instance_profile()),
    "iam:GetRole" => sent!(operation, read.iam.get_role()),
    "iam:GetRolePolicy" => sent!(operation, read.iam.get_role_policy()),
    "iam:ListAttachedRolePolicies" => pages!(operation, read.iam.list_attached_role_policies(), set_marker, attached_policies, marker),
    "iam:ListInstanceProfileTags" => listed!(operation, read.iam.list_instance_profile_tags(), set_marker, tags, marker),
    "iam:ListInstanceProfilesForRole" => listed!(operation, read.iam.list_instance_profiles_for_role(), set_marker, instance_profiles, marker),
    "iam:ListRolePolicies" => listed!(operation, read.iam.list_role_policies(), set_marker, policy_names, marker),
    "iam:ListRoleTags" => listed!(operation, read.iam.list_role_tags(), set_marker, tags, marker),
    "iam:ListRoles" => listed!(operation, read.iam.list_roles(), set_marker, roles, marker),
    "iam:PutRolePermissionsBoundary" => sent!(operation, write.iam.put_role_permissions_boundary()),
    "iam:RemoveRoleFromInstanceProfile" => sent!(operation, write.iam.remove_role_from_instance_profile()),
    "iam:SimulatePrincipalPolicy" => sent!(operation, read.iam.simulate_principal_policy()),
    "iam:UpdateAssumeRolePolicy" => sent!(operation, write.iam.update_assume_role_policy()),
    "s3:DeleteObject" => own!(operation, write.s3.delete_object("b", "k", If::Always)),
    "s3:GetObject" => own!(operation, read.s3.get_object("b", "k")),
    "s3:ListObjectsV2" => paging::all(async |marker: Option<String>| read.s3.list_objects("b", "p", marker.as_deref()).await.explain(operation)).await.map(shown),
    "s3:PutObject" => own!(operation, write.s3.put_object("b", "k", Vec::new(), If::Always)),
    "servicequotas:GetServiceQuota" => own!(operation, read.quotas.get_service_quota("ec2", "q")),
    "ssm:DescribeInstanceInformation" => own!(operation, read.ssm.describe_instance_information(&[], None)),
    "ssm:GetCommandInvocation" => own!(operation, read.ssm.get_command_invocation("c", "i")),
    "ssm:SendCommand" => own!(operation, write.ssm.send_command("d", &[], serde_json::Value::Null, "c")),
    "wafv2:CreateWebACL" => own!(operation, write.waf.create_web_acl(&new_web_acl())),
    "wafv2:GetWebACL" => own!(operation, read.waf.get_web_acl("n", "1")),
    "wafv2:ListTagsForResource" => paging::all(async |marker: Option<String>| read.waf.list_tags_for_resource("arn", marker).await.explain(operation)).await.map(shown),
    "wafv2:ListWebACLs" => paging::all(async |marker: Option<String>| read.waf.list_web_acls(marker).await.explain(operation)).await.map(shown),
    "wafv2:UpdateWebACL" => own!(operation, write.waf.update_web_acl(&web_acl(), "token")),
}

async fn distributions(aws: &Aws) -> Call {
    let page = async |marker: Option<String>| {
        let page = aws.cloudfront.list_distributions().set_marker(marker).send().await;
        let list = page.explain("list the distributions")?.distribution_list;
        let (items, next) = list.map(|list| (list.items, list.next_marker)).unwrap_or_default();
        Ok(Page::new(items.unwrap_or_default(), next))
    };
    paging::all(page).await.map(shown)
}

fn statistics() -> GetMetricStatistics<'static> {
    GetMetricStatistics {
        namespace: Some("AWS/EC2"),
        metric_name: Some("CPUUtilization"),
        dimensions: &[],
        statistics: vec!["Average"],
        period: 300,
        start_time: DateTime::from_secs(0),
        end_time: DateTime::from_secs(300),
    }
}

fn new_web_acl() -> CreateWebAcl<'static> {
    CreateWebAcl {
        name: "n",
        default_action: DefaultAction::default(),
        rules: Vec::new(),
        visibility_config: Value::Null,
        tags: Vec::new(),
    }
}

fn web_acl() -> WebAcl {
    serde_json::from_value(json!({"ARN": "arn", "DefaultAction": {}})).unwrap()
}
