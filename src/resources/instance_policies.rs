//! What the instances' role may do, and what a role of somebody else must be allowed to take its place.
//! Data only: calls nobody.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::instance_profile::ID;
use super::roles::{Deed, WantedRole, managed_policy};
use super::stack::Stack;
use crate::profile::DynamoDbAccess;

const DYNAMODB_FULL: &str = "AmazonDynamoDBFullAccess";
const SSM: &str = "AmazonSSMManagedInstanceCore";

/// The instances' role of this stack.
pub(super) fn wanted(stack: &Stack) -> WantedRole {
    let roles = &stack.profile.roles;
    let mut managed: BTreeSet<String> = roles
        .instance_policies
        .iter()
        .map(|name| managed_policy(name))
        .collect();
    let mut inline = BTreeMap::from([("confctl-record", record_policy())]);
    match roles.dynamodb {
        DynamoDbAccess::Full => {
            managed.insert(managed_policy(DYNAMODB_FULL));
        }
        DynamoDbAccess::Table => {
            inline.insert("confctl-table", table_policy(stack));
        }
    }
    let bundle = format!("confctl/{}/bundles/bundle.zip", stack.name);
    let environment = format!("{}/{}", stack.names.application, stack.names.environment);
    let (region, table) = (&stack.region, &stack.names.table);
    let mut must_do = vec![
        Deed::on(
            "dynamodb:PutItem",
            format!("arn:aws:dynamodb:{region}:{{account}}:table/{table}"),
        ),
        Deed::on(
            "s3:GetObject",
            format!("arn:aws:s3:::elasticbeanstalk-{region}-{{account}}/{bundle}"),
        ),
        Deed::on(
            "elasticbeanstalk:PutInstanceStatistics",
            format!("arn:aws:elasticbeanstalk:{region}:{{account}}:environment/{environment}"),
        ),
    ];
    if roles.ssm {
        managed.insert(managed_policy(SSM));
        must_do.push(Deed::anywhere(&["ssm:UpdateInstanceInformation"]));
    }
    WantedRole {
        resource: ID,
        service: "ec2.amazonaws.com",
        external_id: None,
        managed,
        switched: [DYNAMODB_FULL, SSM].into_iter().map(managed_policy).collect(),
        inline,
        boundary: roles.permissions_boundary.clone(),
        must_do,
    }
}

/// WebTier lets every instance of the account write into Beanstalk's bucket (Beanstalk guide:
/// AWSHowTo.iam.cross-env-s3-access), where the stack's record is; ours must not. They still read: their bundle is there.
fn record_policy() -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "NoWritesIntoRecords",
            "Effect": "Deny",
            "Action": ["s3:PutObject*", "s3:DeleteObject*"],
            "Resource": "arn:aws:s3:::elasticbeanstalk-*/confctl/*",
        }],
    })
}

fn table_policy(stack: &Stack) -> Value {
    let table = format!("arn:aws:dynamodb:{}:*:table/{}", stack.region, stack.names.table);
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
