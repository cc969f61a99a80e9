//! What each service's list answers of a stack's parts and of others', with their tags.
//! Must know nothing of what is found by them.

use serde_json::{Value, json};

use super::{ACM, EC2, TABLES, VPC, of_another_stack, tags};
use crate::account::ACCOUNT;
use crate::beanstalk::{EB_CLI, environment, environments, tags_of};
use crate::bodies::{ec2, query, tags_json, tags_xml};
use crate::iam::CUSTODIAN;
use crate::network::SCENARIO;
use crate::script::Script;
use crate::{distribution, web_acl};

const BALANCERS: &str = "boto/botocore botocore/data/elbv2/2015-12-01/service-2.json";
const CLOUDFRONT: &str = "boto/botocore botocore/data/cloudfront/2020-05-31/service-2.json";

pub fn tables(names: &[&str], last: Option<&str>) -> String {
    let mut answer = json!({ "TableNames": names });
    if let Some(last) = last {
        answer["LastEvaluatedTableName"] = json!(last);
    }
    answer.to_string()
}

pub fn table_tags(tags: Value) -> String {
    json!({ "Tags": tags }).to_string()
}

pub fn table_arn(name: &str) -> String {
    format!("arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{name}")
}

/// Two tables on two pages: one of the stack, one of another.
fn listed_tables() -> Script {
    Script::default()
        .documented("dynamodb:ListTables", TABLES, tables(&["guests"], Some("guests")))
        .recorded(
            "dynamodb:ListTables",
            &format!("{CUSTODIAN}/test_dynamodb_tag"),
            tables(&["rolltop"], None),
        )
        .to("\"ExclusiveStartTableName\":\"guests\"")
        .recorded(
            "dynamodb:ListTagsOfResource",
            CUSTODIAN,
            table_tags(tags_json(tags("users-table"))),
        )
        .to("table/guests\"")
        .recorded(
            "dynamodb:ListTagsOfResource",
            CUSTODIAN,
            table_tags(tags_json(of_another_stack())),
        )
        .to("table/rolltop\"")
}

const APPLICATION: &str = "arn:aws:elasticbeanstalk:us-east-1:123456789012:application/fair";

fn listed_beanstalk() -> Script {
    let application = format!(
        "<member><ApplicationArn>{APPLICATION}</ApplicationArn><ApplicationName>fair</ApplicationName></member>"
    );
    let marked = |resource| tags_xml("member", tags(resource));
    Script::default()
        .recorded(
            "elasticbeanstalk:DescribeApplications",
            EB_CLI,
            query(
                "DescribeApplications",
                &format!("<Applications>{application}</Applications>"),
            ),
        )
        .recorded(
            "elasticbeanstalk:DescribeEnvironments",
            EB_CLI,
            environments(&[environment("Ready", "")]),
        )
        .recorded(
            "elasticbeanstalk:ListTagsForResource",
            crate::beanstalk::CUSTODIAN,
            tags_of(APPLICATION, &marked("application")),
        )
        .to(APPLICATION)
        .recorded(
            "elasticbeanstalk:ListTagsForResource",
            crate::beanstalk::CUSTODIAN,
            tags_of(crate::beanstalk::ENVIRONMENT_ARN, &marked("environment")),
        )
        .to(crate::beanstalk::ENVIRONMENT_ARN)
}

pub fn no_gateways() -> String {
    ec2("DescribeInternetGateways", "<internetGatewaySet/>")
}

fn listed_networks() -> Script {
    let items: String = tags("default-vpc")
        .iter()
        .map(|(key, value)| format!("<item><key>{key}</key><value>{value}</value></item>"))
        .collect();
    let vpc = format!(
        "<vpcSet><item><vpcId>{VPC}</vpcId><isDefault>true</isDefault><tagSet>{items}</tagSet></item></vpcSet>"
    );
    Script::default()
        .modelled("ec2:DescribeVpcs", EC2, ec2("DescribeVpcs", &vpc))
        .to("tag:confctl:stack")
        .recorded("ec2:DescribeInternetGateways", SCENARIO, no_gateways())
}

fn listed_distributions() -> Script {
    Script::default()
        .recorded(
            "cloudfront:ListDistributions",
            &format!("{CUSTODIAN}/test_distribution_wafv2_regex"),
            distribution::list_of(&["E1", "E2"]),
        )
        .recorded(
            "cloudfront:ListTagsForResource",
            &format!("{CUSTODIAN}/test_distrbution_tag"),
            distribution::tagged(&tags("distribution")),
        )
        .to("distribution%2FE1")
        .modelled("cloudfront:ListTagsForResource", CLOUDFRONT, distribution::tagged(&[]))
        .to("distribution%2FE2")
}

fn listed_web_acls() -> Script {
    // The last page has a marker, too: the one that it leads to is empty.
    let last = json!({"WebACLs": []}).to_string();
    web_acl::there(tags_json(tags("web-acl")), Vec::new())
        .without(&["wafv2:GetWebACL"])
        .modelled("wafv2:ListWebACLs", "boto/boto3 issue 3715", last)
        .to("NextMarker")
}

/// No load balancer and no group of one is a stack's own.
pub fn no_front_doors() -> Script {
    Script::default()
        .documented(
            "elasticloadbalancing:DescribeLoadBalancers",
            BALANCERS,
            query("DescribeLoadBalancers", "<LoadBalancers/>"),
        )
        .documented(
            "ec2:DescribeSecurityGroups",
            EC2,
            ec2("DescribeSecurityGroups", "<securityGroupInfo/>"),
        )
}

/// One of the stack's own with its group, beside one of somebody's; and the group that Beanstalk gave the stack's tags.
fn listed_front_doors() -> Script {
    let arn = |name: &str| format!("arn:aws:elasticloadbalancing:us-east-1:{ACCOUNT}:loadbalancer/app/{name}/1");
    let balancer = |name: &str| {
        let arn = arn(name);
        format!("<member><LoadBalancerArn>{arn}</LoadBalancerArn><LoadBalancerName>{name}</LoadBalancerName></member>")
    };
    let balancers = ["eb-mod4", "somebodys"].map(balancer).concat();
    let group = |id: &str, tags: &[(&str, String)]| {
        let tags = tags_xml("item", tags.iter().cloned())
            .replace("Key>", "key>")
            .replace("Value>", "value>");
        format!("<item><groupId>{id}</groupId><tagSet>{tags}</tagSet></item>")
    };
    let mut of_environment = tags("environment").to_vec();
    of_environment.push(("elasticbeanstalk:environment-id", "e-pmpgbxpgsc".to_owned()));
    let groups = [group("sg-1", &tags("security-group")), group("sg-2", &of_environment)];
    let marks = tags_xml("member", tags("load-balancer"));
    let marked = format!(
        "<TagDescriptions><member><ResourceArn>{}</ResourceArn><Tags>{marks}</Tags></member></TagDescriptions>",
        arn("eb-mod4")
    );
    Script::default()
        .documented(
            "elasticloadbalancing:DescribeLoadBalancers",
            BALANCERS,
            query(
                "DescribeLoadBalancers",
                &format!("<LoadBalancers>{balancers}</LoadBalancers>"),
            ),
        )
        .documented(
            "elasticloadbalancing:DescribeTags",
            BALANCERS,
            query("DescribeTags", &marked),
        )
        .to("eb-mod4")
        .documented(
            "ec2:DescribeSecurityGroups",
            EC2,
            ec2(
                "DescribeSecurityGroups",
                &format!("<securityGroupInfo>{}</securityGroupInfo>", groups.concat()),
            ),
        )
        .to("tag:confctl:stack")
}

pub fn all_lists() -> Script {
    listed_tables()
        .and(listed_beanstalk())
        .and(listed_networks())
        .and(listed_distributions())
        .and(listed_web_acls())
        .modelled(
            "acm:ListCertificates",
            ACM,
            json!({"CertificateSummaryList": []}).to_string(),
        )
        .and(listed_front_doors())
}
