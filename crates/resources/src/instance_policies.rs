//! What the instances' role may do, and what a role of somebody else must be allowed to take its place.
//! Data only: calls nobody.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::instance_profile::ID;
use super::roles::{Deed, WantedRole, managed_policy};
use super::stack::Stack;
use crate::aws::partitions;
use crate::profile::{DynamoDbAccess, Profile};

/// The article's AmazonDynamoDBFullAccess has been deprecated since April 2025, and AWS attaches deprecated policies to nothing
/// new; this is its successor (DynamoDB guide: ddb-security-iam.awsmanpol).
const DYNAMODB_FULL: &str = "AmazonDynamoDBFullAccess_v2";
/// Taken off where a former confctl attached it.
const DYNAMODB_FORMER: &str = "AmazonDynamoDBFullAccess";
/// Inline policies.
const RECORD: &str = "confctl-record";
const TABLE: &str = "confctl-table";
const SSM: &str = "AmazonSSMManagedInstanceCore";

/// The instances' role of this stack.
pub(super) fn wanted(stack: &Stack) -> WantedRole {
    let roles = &stack.profile.roles;
    let partition = partitions::of_region(&stack.region);
    let arn = partition.name;
    let mut managed: BTreeSet<String> = roles
        .instance_policies
        .iter()
        .map(|name| managed_policy(partition, name))
        .collect();
    let mut inline = BTreeMap::from([(RECORD, record_policy(arn))]);
    match roles.dynamodb {
        DynamoDbAccess::Full => {
            managed.insert(managed_policy(partition, DYNAMODB_FULL));
        }
        DynamoDbAccess::Table => {
            inline.insert(TABLE, table_policy(stack, arn));
        }
        DynamoDbAccess::App => {
            inline.insert(TABLE, app_policy(stack, arn));
        }
    }
    let bundle = format!("confctl/{}/bundles/bundle.zip", stack.name);
    let environment = format!("{}/{}", stack.names.application, stack.names.environment);
    let (region, table) = (&stack.region, &stack.names.table);
    let mut must_do = vec![
        Deed::on(
            "dynamodb:PutItem",
            format!("arn:{arn}:dynamodb:{region}:{{account}}:table/{table}"),
        ),
        Deed::on(
            "s3:GetObject",
            format!("arn:{arn}:s3:::elasticbeanstalk-{region}-{{account}}/{bundle}"),
        ),
        Deed::on(
            "elasticbeanstalk:PutInstanceStatistics",
            format!("arn:{arn}:elasticbeanstalk:{region}:{{account}}:environment/{environment}"),
        ),
    ];
    if roles.ssm {
        managed.insert(managed_policy(partition, SSM));
        must_do.push(Deed::anywhere(&["ssm:UpdateInstanceInformation"]));
    }
    WantedRole {
        resource: ID,
        // EC2's is the partition's own: `ec2.amazonaws.com.cn` (AWS's toolkit for Visual Studio, ConstantsTests).
        service: format!("ec2.{}", partition.dns_suffix),
        external_id: None,
        managed,
        switched: switched(stack)
            .iter()
            .map(|name| managed_policy(partition, name))
            .collect(),
        inline,
        former_inline: former_inline(stack),
        boundary: roles.permissions_boundary.clone(),
        former_boundaries: former_boundaries(stack),
        must_do,
    }
}

/// Every policy that is ours to take off again: what confctl attaches by itself, and what a former profile names.
fn switched(stack: &Stack) -> BTreeSet<String> {
    let named = stack.former.iter().flat_map(|profile| &profile.roles.instance_policies);
    let own = [DYNAMODB_FULL, DYNAMODB_FORMER, SSM].into_iter().map(str::to_owned);
    named.cloned().chain(own).collect()
}

fn former_inline(stack: &Stack) -> Option<BTreeSet<&'static str>> {
    let had = |profile: &Profile| match profile.roles.dynamodb {
        DynamoDbAccess::Full => vec![RECORD],
        DynamoDbAccess::Table | DynamoDbAccess::App => vec![RECORD, TABLE],
    };
    (!stack.former.is_empty()).then(|| stack.former.iter().flat_map(had).collect())
}

/// The boundaries that former profiles set.
pub(super) fn former_boundaries(stack: &Stack) -> BTreeSet<String> {
    let boundaries = stack.former.iter().map(|profile| &profile.roles.permissions_boundary);
    boundaries.flatten().cloned().collect()
}

/// WebTier lets every instance of the account write into Beanstalk's bucket (Beanstalk guide:
/// AWSHowTo.iam.cross-env-s3-access), where the stack's record is; ours must not. They still read: their bundle is there.
fn record_policy(partition: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "NoWritesIntoRecords",
            "Effect": "Deny",
            "Action": ["s3:PutObject*", "s3:DeleteObject*"],
            "Resource": format!("arn:{partition}:s3:::elasticbeanstalk-*/confctl/*"),
        }],
    })
}

fn table_arn(stack: &Stack, partition: &str) -> String {
    format!(
        "arn:{partition}:dynamodb:{}:*:table/{}",
        stack.region, stack.names.table
    )
}

/// What the app does: a conditional put for each registration, which gives back the ticket of whoever is in; the readiness of the table;
/// and how many are in. A scan that only counts tells nothing of anybody (DynamoDB developer guide, specifying-conditions).
fn app_policy(stack: &Stack, partition: &str) -> Value {
    let table = table_arn(stack, partition);
    json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Registers",
                "Effect": "Allow",
                "Action": ["dynamodb:DescribeTable", "dynamodb:PutItem"],
                "Resource": table.clone(),
            },
            {
                "Sid": "Counts",
                "Effect": "Allow",
                "Action": "dynamodb:Scan",
                "Resource": table,
                "Condition": {"StringEquals": {"dynamodb:Select": "COUNT"}},
            },
        ],
    })
}

fn table_policy(stack: &Stack, partition: &str) -> Value {
    let table = table_arn(stack, partition);
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "TableOfRegistrations",
            "Effect": "Allow",
            "Action": [
                "dynamodb:BatchGetItem",
                "dynamodb:BatchWriteItem",
                "dynamodb:ConditionCheckItem",
                "dynamodb:DeleteItem",
                "dynamodb:DescribeTable",
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:Query",
                "dynamodb:Scan",
                "dynamodb:UpdateItem",
            ],
            "Resource": [table.clone(), format!("{table}/index/*")],
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_arn_and_principal_is_of_the_regions_partition() {
        for (region, partition, principal) in [
            ("eu-west-1", "aws", "ec2.amazonaws.com"),
            ("cn-north-1", "aws-cn", "ec2.amazonaws.com.cn"),
            ("us-gov-west-1", "aws-us-gov", "ec2.amazonaws.com"),
        ] {
            for access in DynamoDbAccess::ALL.iter().copied() {
                let role = wanted(&Stack::for_test_in(region, |profile| profile.roles.dynamodb = access));
                let mut arns: Vec<String> = role.managed.into_iter().chain(role.switched).collect();
                arns.extend(role.must_do.into_iter().filter_map(|deed| deed.on));
                arns.extend(
                    role.inline
                        .values()
                        .map(|policy| policy["Statement"][0]["Resource"].to_string()),
                );
                for arn in &arns {
                    assert!(arn.contains(&format!("arn:{partition}:")), "{region}: {arn}");
                }
                assert_eq!(role.service, principal);
            }
        }
    }
}
