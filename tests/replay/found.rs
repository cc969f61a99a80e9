//! What of a stack is found by its tags, by what the search, the key pairs, IAM's roles and each service's lists answer.

mod listed;

use std::collections::{BTreeMap, BTreeSet};

use confctl::aws::Ownership;
use confctl::aws::search::Tagged;
use confctl::engine::{Error, Kind};
use confctl::resources::found::{Found, Reach, find, still_there};
use serde_json::{Value, json};

use self::listed::{all_lists, no_front_doors, no_gateways, table_arn, table_tags, tables};
use crate::account::{ACCOUNT, Account, as_caller, connect, of_root};
use crate::beanstalk::{EB_CLI, SAMPLES, environments};
use crate::bodies::{ec2, query, tags_json};
use crate::distribution;
use crate::iam::{CLI, CUSTODIAN, LOCALSTACK, MODEL, role, role_tags, simulated};
use crate::network::SCENARIO;
use crate::script::{Answer, Script, refused};

const ROOT: &str = "arn:aws:iam::123456789012:root";
const USER: &str = "arn:aws:iam::123456789012:user/ann";
const SEARCH: &str = "localstack/localstack tests/aws/services/resourcegroupstaggingapi/test_rgsa.snapshot.json";
const TAGGING: &str = "boto/botocore botocore/data/resourcegroupstaggingapi/2017-01-26/service-2.json";
const DENIALS: &str = "docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html";
const TABLES: &str = "boto/botocore botocore/data/dynamodb/2012-08-10/service-2.json";
const EC2: &str = "boto/botocore botocore/data/ec2/2016-11-15/service-2.json";
const DESCRIBE_TAGS: &str = "aws/aws-cli awscli/examples/ec2/describe-tags.rst";
const ACM: &str = "boto/botocore botocore/data/acm/2015-12-08/service-2.json";
const WAF: &str = "boto/botocore botocore/data/wafv2/2019-07-29/service-2.json";
const VPC: &str = "vpc-0123456789abcdef0";

/// The stack `mod4` in this region.
fn mod4(region: &str) -> Ownership {
    Ownership {
        stack: "mod4".to_owned(),
        region: region.to_owned(),
        extra: BTreeMap::new(),
    }
}

fn tags(resource: &str) -> [(&'static str, String); 3] {
    tags_in("us-east-1", resource)
}

fn tags_in(region: &str, resource: &str) -> [(&'static str, String); 3] {
    [
        ("confctl:stack", "mod4".to_owned()),
        ("confctl:region", region.to_owned()),
        ("confctl:resource", resource.to_owned()),
    ]
}

fn of_another_stack() -> [(&'static str, String); 2] {
    [
        ("confctl:stack", "mod5".to_owned()),
        ("confctl:region", "us-east-1".to_owned()),
    ]
}

fn hit(arn: &str, more: &[(&'static str, String)]) -> Value {
    let all = tags("x").into_iter().chain(more.iter().cloned());
    json!({"ResourceARN": arn, "Tags": tags_json(all)})
}

fn hits(hits: &[Value]) -> String {
    json!({"PaginationToken": "", "ResourceTagMappingList": hits}).to_string()
}

fn key_pairs(names: &[&str]) -> String {
    let items: String = names
        .iter()
        .map(|name| {
            format!(
                "<item><keyPairId>key-{name}</keyPairId><keyName>{name}</keyName><keyType>ed25519</keyType><tagSet/></item>"
            )
        })
        .collect();
    ec2("DescribeKeyPairs", &format!("<keySet>{items}</keySet>"))
}

/// A role as a list shows it: with its description, and without tags.
fn listed_role(name: &str, description: &str) -> String {
    let description = match description {
        "" => String::new(),
        text => format!("<Description>{text}</Description>"),
    };
    let role = role(name, "ec2.amazonaws.com").replace("<RoleLastUsed/>", "");
    format!("<member>{role}{description}</member>")
}

fn roles(roles: &[String], end: &str) -> String {
    query("ListRoles", &format!("<Roles>{}</Roles>{end}", roles.concat()))
}

const LAST: &str = "<IsTruncated>false</IsTruncated>";
const OURS: &str = "Made by confctl for stack mod4 in us-east-1";

fn profiles_of(role: &str, profiles: &[&str]) -> String {
    let profiles: String = profiles
        .iter()
        .map(|name| {
            format!(
                "<member><InstanceProfileId>AIPAD4ARI5Y6FVHSMKRMI</InstanceProfileId>\
                 <InstanceProfileName>{name}</InstanceProfileName><Path>/</Path>\
                 <Arn>arn:aws:iam::{ACCOUNT}:instance-profile/{name}</Arn><CreateDate>2026-11-24T12:00:00Z</CreateDate>\
                 <Roles>{}</Roles></member>",
                listed_role(role, "")
            )
        })
        .collect();
    query(
        "ListInstanceProfilesForRole",
        &format!("<InstanceProfiles>{profiles}</InstanceProfiles>{LAST}"),
    )
}

/// No key pair and no role is the stack's.
fn no_others() -> Script {
    Script::default()
        .modelled("ec2:DescribeKeyPairs", EC2, key_pairs(&[]))
        .recorded(
            "iam:ListRoles",
            &format!("{CUSTODIAN}/test_iam_role_tags"),
            roles(
                &[listed_role(
                    "test",
                    "Allows EC2 instances to call AWS services on your behalf.",
                )],
                LAST,
            ),
        )
}

fn denied_as(status: u16, code: &str, action: &str) -> Answer {
    let words = format!(
        "User: {USER} is not authorized to perform: {action} because no identity-based policy allows the {action} action"
    );
    refused(status, code, &words)
}

/// Nobody lets the caller search.
fn denied_search() -> Script {
    let denied = denied_as(400, "AccessDeniedException", "tag:GetResources");
    Script::default().documented("tag:GetResources", DENIALS, denied)
}

async fn found(script: Script) -> Found {
    let account = of_root(script).await;
    let found = find(account.reading(), &mod4("us-east-1"), Reach::Everything)
        .await
        .unwrap();
    account.check();
    found
}

/// By kind and name.
fn parts(found: &Found) -> BTreeSet<(&str, &str)> {
    let parts = found.parts.iter();
    parts.map(|(kind, name)| (*kind, name.as_str())).collect()
}

fn missed(found: &Found) -> &Error {
    found.missed.as_ref().unwrap()
}

#[tokio::test]
async fn what_the_search_finds_is_known_by_its_kind_and_name() {
    let of_environment = [("elasticbeanstalk:environment-id", "e-pmpgbxpgsc".to_owned())];
    let arn = |service: &str, resource: &str| format!("arn:aws:{service}:us-east-1:{ACCOUNT}:{resource}");
    let answer = hits(&[
        hit(&arn("dynamodb", "table/guests"), &[]),
        hit(&arn("elasticbeanstalk", "application/fair"), &[]),
        hit(&arn("elasticbeanstalk", "environment/fair/Fair-env"), &of_environment),
        hit(&arn("elasticbeanstalk", "applicationversion/fair/v1"), &[]),
        hit(&arn("ec2", &format!("vpc/{VPC}")), &[]),
        hit(&arn("ec2", "subnet/subnet-0a"), &[]),
        hit(&arn("ec2", "key-pair/key-0123456789abcdef0"), &[]),
        hit(&arn("wafv2", "global/webacl/walls/1"), &[]),
        hit(&format!("arn:aws:cloudfront::{ACCOUNT}:distribution/E1"), &[]),
        // Beanstalk's own, with the tags of its environment: it goes with that.
        hit(
            &arn("elasticloadbalancing", "loadbalancer/app/awseb/1"),
            &of_environment,
        ),
        hit("arn:aws:s3:::somebodys-copy", &[]),
    ]);
    let script = no_others().recorded("tag:GetResources", SEARCH, answer);
    let found = found(script).await;
    let wanted = [
        ("application", "fair"),
        ("default-vpc", ""),
        ("environment", "Fair-env"),
        ("users-table", "guests"),
        ("web-acl", "walls"),
    ];
    assert_eq!(parts(&found), BTreeSet::from(wanted));
    assert_eq!(found.distributions, ["E1"]);
    let others: Vec<_> = found.others.iter().map(|other| other.arn.as_str()).collect();
    assert_eq!(others, [&arn("ec2", "subnet/subnet-0a"), "arn:aws:s3:::somebodys-copy"]);
    assert!(found.missed.is_none(), "{:?}", found.missed);
}

#[tokio::test]
async fn key_pairs_are_asked_for_by_both_tags_and_known_by_their_names() {
    let script = no_others()
        .without(&["ec2:DescribeKeyPairs"])
        .recorded("tag:GetResources", SEARCH, hits(&[]))
        .modelled("ec2:DescribeKeyPairs", EC2, key_pairs(&["fair-key", "mod4-ssh-key"]));
    let account = of_root(script).await;
    let found = find(account.reading(), &mod4("us-east-1"), Reach::Everything)
        .await
        .unwrap();
    let wanted = [("key-pair", "fair-key"), ("key-pair", "mod4-ssh-key")];
    assert_eq!(parts(&found), BTreeSet::from(wanted));
    let asked = &account.replay.sent("ec2:DescribeKeyPairs")[0];
    let filter = |name: &str| asked.parameter(name).unwrap_or_default();
    assert_eq!(
        [filter("Filter.1.Name"), filter("Filter.1.Value.1")],
        ["tag:confctl:stack", "mod4"]
    );
    assert_eq!(
        [filter("Filter.2.Name"), filter("Filter.2.Value.1")],
        ["tag:confctl:region", "us-east-1"]
    );
    account.check();
}

#[tokio::test]
async fn roles_are_looked_for_by_their_description_and_known_by_their_tags() {
    let first = [
        listed_role("test", ""),
        listed_role("fair-service", OURS),
        listed_role("of-mod5", "Made by confctl for stack mod5 in us-east-1"),
        // Somebody made one like ours, with its description and without its tags.
        listed_role("a-copy", OURS),
    ];
    let second = [listed_role("fair-ec2", OURS), listed_role("bare-ec2", OURS)];
    let list = |marks: [(&'static str, String); 3]| role_tags(marks);
    let script = Script::default()
        .modelled("ec2:DescribeKeyPairs", EC2, key_pairs(&[]))
        .recorded("tag:GetResources", SEARCH, hits(&[]))
        .recorded(
            "iam:ListRoles",
            &format!("{CUSTODIAN}/test_cloudtrail_create"),
            roles(&first, "<IsTruncated>true</IsTruncated><Marker>more</Marker>"),
        )
        .recorded("iam:ListRoles", LOCALSTACK, roles(&second, LAST))
        .to("Marker=more")
        .documented("iam:ListRoleTags", CLI, list(tags("service-role")))
        .to("RoleName=fair-service")
        .documented("iam:ListRoleTags", CLI, role_tags([]))
        .to("RoleName=a-copy")
        .documented("iam:ListRoleTags", CLI, list(tags("instance-profile")))
        .to("RoleName=fair-ec2")
        .documented("iam:ListRoleTags", CLI, list(tags("instance-profile")))
        .to("RoleName=bare-ec2")
        .documented(
            "iam:ListInstanceProfilesForRole",
            &format!("{CLI}/list-instance-profiles-for-role.rst"),
            profiles_of("fair-ec2", &["fair-profile"]),
        )
        .to("RoleName=fair-ec2")
        .recorded(
            "iam:ListInstanceProfilesForRole",
            &format!("{CUSTODIAN}/test_force_delete_role"),
            profiles_of("bare-ec2", &[]),
        )
        .to("RoleName=bare-ec2");
    let account = of_root(script).await;
    let found = find(account.reading(), &mod4("us-east-1"), Reach::Everything)
        .await
        .unwrap();
    // One whose run ended before its profile was made is known by its own name.
    let wanted = [
        ("instance-profile", "bare-ec2"),
        ("instance-profile", "fair-profile"),
        ("service-role", "fair-service"),
    ];
    assert_eq!(parts(&found), BTreeSet::from(wanted));
    assert_eq!(account.replay.times("iam:ListRoleTags"), 4);
    account.check();
}

#[tokio::test]
async fn a_gateway_that_was_detached_is_found_where_its_vpc_is_not() {
    let arn = format!("arn:aws:ec2:us-east-1:{ACCOUNT}:internet-gateway/igw-1");
    let by_search = no_others().recorded("tag:GetResources", SEARCH, hits(&[hit(&arn, &[])]));
    let marks: String = tags("default-vpc")
        .iter()
        .map(|(key, value)| format!("<item><key>{key}</key><value>{value}</value></item>"))
        .collect();
    let loose = format!(
        "<internetGatewaySet><item><internetGatewayId>igw-1</internetGatewayId><attachmentSet/><tagSet>{marks}</tagSet></item></internetGatewaySet>"
    );
    let lists = all_lists()
        .without(&["ec2:DescribeVpcs", "ec2:DescribeInternetGateways"])
        .modelled("ec2:DescribeVpcs", EC2, ec2("DescribeVpcs", "<vpcSet/>"))
        .recorded(
            "ec2:DescribeInternetGateways",
            SCENARIO,
            ec2("DescribeInternetGateways", &loose),
        );
    for script in [by_search, denied_search().and(no_others()).and(lists)] {
        let found = found(script).await;
        assert!(parts(&found).contains(&("default-vpc", "")), "{found:?}");
        // Should nobody delete it, it is named at the end.
        assert_eq!(found.others[0].arn, arn);
    }
}

const BY_LISTS: [(&str, &str); 9] = [
    ("application", "fair"),
    ("default-vpc", ""),
    ("environment", "Tcb-conference-env"),
    ("former-listener", "eb-mod4"),
    ("listener-rule", "eb-mod4"),
    ("load-balancer", "eb-mod4"),
    ("security-group", "eb-mod4"),
    ("users-table", "guests"),
    ("web-acl", "confctl-tcb-conference-us-east-1"),
];

#[tokio::test]
async fn who_may_not_search_is_served_by_every_list_and_the_tags_of_what_is_in_it() {
    let found = found(denied_search().and(no_others()).and(all_lists())).await;
    assert_eq!(parts(&found), BTreeSet::from(BY_LISTS));
    assert_eq!(found.distributions, ["E1"]);
    assert!(found.others.is_empty() && found.missed.is_none(), "{found:?}");
}

#[tokio::test]
async fn who_may_search_in_one_region_only_is_served_by_the_lists_for_both() {
    let arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/guests";
    let marked = |resource| tags_json(tags_in("eu-west-1", resource));
    let one = json!({"ResourceARN": arn, "Tags": marked("users-table")});
    let script = no_others()
        .recorded("tag:GetResources", SEARCH, hits(&[one]))
        .to("tagging.eu-west-1")
        .documented(
            "tag:GetResources",
            DENIALS,
            denied_as(400, "AccessDeniedException", "tag:GetResources"),
        )
        .to("tagging.us-east-1")
        .recorded("dynamodb:ListTables", CUSTODIAN, tables(&["guests"], None))
        .recorded(
            "dynamodb:ListTagsOfResource",
            CUSTODIAN,
            table_tags(marked("users-table")),
        )
        .and(nothing_of_beanstalk())
        .and(no_front_doors())
        .modelled("ec2:DescribeVpcs", EC2, ec2("DescribeVpcs", "<vpcSet/>"))
        .recorded("ec2:DescribeInternetGateways", SCENARIO, no_gateways())
        .recorded(
            "cloudfront:ListDistributions",
            CUSTODIAN,
            distribution::list_of(&["E1", "E2"]),
        )
        .recorded(
            "cloudfront:ListTagsForResource",
            CUSTODIAN,
            distribution::tagged(&tags_in("eu-west-1", "distribution")),
        )
        .to("distribution%2FE1")
        // The stack of the same name in another region is another stack.
        .recorded(
            "cloudfront:ListTagsForResource",
            CUSTODIAN,
            distribution::tagged(&tags("distribution")),
        )
        .to("distribution%2FE2")
        .modelled("wafv2:ListWebACLs", WAF, json!({"WebACLs": []}).to_string())
        .modelled(
            "acm:ListCertificates",
            ACM,
            json!({"CertificateSummaryList": []}).to_string(),
        );
    let account = connect(script, ROOT, "eu-west-1").await.unwrap();
    let found = find(account.reading(), &mod4("eu-west-1"), Reach::Everything)
        .await
        .unwrap();
    account.check();
    assert_eq!(parts(&found), BTreeSet::from([("users-table", "guests")]));
    assert_eq!(found.distributions, ["E1"]);
    assert!(found.missed.is_none(), "{found:?}");
}

#[tokio::test]
async fn a_certificate_is_found_by_the_list_and_a_tag_says_for_which_names() {
    let arn = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012";
    let names = ("confctl:domain", "example.org www.example.org".to_owned());
    let marks = tags_json(tags("certificate").into_iter().chain([names]));
    let listed = json!({"CertificateSummaryList": [{"CertificateArn": arn, "DomainName": "example.org"}]});
    let lists = all_lists()
        .without(&["acm:ListCertificates"])
        .documented(
            "acm:ListCertificates",
            "aws/aws-cli awscli/examples/acm/list-certificates.rst",
            listed.to_string(),
        )
        .documented(
            "acm:ListTagsForCertificate",
            "aws/aws-cli awscli/examples/acm/list-tags-for-certificate.rst",
            json!({"Tags": marks}).to_string(),
        );
    let found = found(denied_search().and(no_others()).and(lists)).await;
    assert!(
        parts(&found).contains(&("certificate", "example.org www.example.org")),
        "{found:?}"
    );
}

fn nothing_of_beanstalk() -> Script {
    Script::default()
        .documented(
            "elasticbeanstalk:DescribeApplications",
            &format!("{SAMPLES}/elasticbeanstalk-describe-applications.xml"),
            query("DescribeApplications", "<Applications/>"),
        )
        .modelled("elasticbeanstalk:DescribeEnvironments", EB_CLI, environments(&[]))
}

#[tokio::test]
async fn in_china_nobody_is_asked_for_distributions_and_their_web_acls() {
    let script = denied_search()
        .and(no_others())
        .and(nothing_of_beanstalk())
        .and(no_front_doors())
        .modelled("dynamodb:ListTables", TABLES, tables(&[], None))
        .modelled("ec2:DescribeVpcs", EC2, ec2("DescribeVpcs", "<vpcSet/>"))
        .recorded("ec2:DescribeInternetGateways", SCENARIO, no_gateways());
    let account = connect(script, "arn:aws-cn:iam::123456789012:root", "cn-north-1");
    let account = account.await.unwrap();
    let found = find(account.reading(), &mod4("cn-north-1"), Reach::Everything)
        .await
        .unwrap();
    account.check();
    assert!(found.parts.is_empty() && found.missed.is_none(), "{found:?}");
}

#[tokio::test]
async fn a_list_that_is_denied_too_is_said_and_the_others_are_read_all_the_same() {
    let lists = all_lists()
        .without(&["dynamodb:ListTables", "dynamodb:ListTagsOfResource"])
        .documented(
            "dynamodb:ListTables",
            DENIALS,
            denied_as(400, "AccessDeniedException", "dynamodb:ListTables"),
        );
    let found = found(denied_search().and(no_others()).and(lists)).await;
    let mut wanted = BTreeSet::from(BY_LISTS);
    wanted.remove(&("users-table", "guests"));
    assert_eq!(parts(&found), wanted);
    let said = missed(&found).in_a_line();
    assert!(said.contains("dynamodb:ListTables"), "{said}");
}

#[tokio::test]
async fn key_pairs_and_roles_that_may_not_be_read_are_missed_and_end_nothing() {
    let arn = table_arn("guests");
    let search = || Script::default().recorded("tag:GetResources", SEARCH, hits(&[hit(&arn, &[])]));
    let no_pairs = no_others().without(&["ec2:DescribeKeyPairs"]).documented(
        "ec2:DescribeKeyPairs",
        DENIALS,
        denied_as(403, "UnauthorizedOperation", "ec2:DescribeKeyPairs"),
    );
    let no_roles = no_others().without(&["iam:ListRoles"]).documented(
        "iam:ListRoles",
        DENIALS,
        denied_as(403, "AccessDenied", "iam:ListRoles"),
    );
    for (denied, action) in [(no_pairs, "ec2:DescribeKeyPairs"), (no_roles, "iam:ListRoles")] {
        let found = found(search().and(denied)).await;
        assert_eq!(parts(&found), BTreeSet::from([("users-table", "guests")]));
        let said = missed(&found).in_a_line();
        assert!(said.contains(action), "{said}");
    }
}

#[tokio::test]
async fn what_is_gone_when_its_tags_are_read_is_not_there() {
    let lists = all_lists()
        .without(&["dynamodb:ListTagsOfResource", "elasticbeanstalk:ListTagsForResource"])
        .modelled(
            "dynamodb:ListTagsOfResource",
            TABLES,
            refused(
                400,
                "ResourceNotFoundException",
                "Requested resource not found: ResourcArn: arn:aws:dynamodb:us-east-1:123456789012:table/x not found",
            ),
        )
        .modelled(
            "elasticbeanstalk:ListTagsForResource",
            crate::beanstalk::MODEL,
            refused(400, "ResourceNotFoundException", "No such resource"),
        );
    let gone = denied_search().and(lists).and(
        no_others()
            .without(&["iam:ListRoles"])
            .recorded(
                "iam:ListRoles",
                CUSTODIAN,
                roles(&[listed_role("fair-ec2", OURS)], LAST),
            )
            .recorded(
                "iam:ListRoleTags",
                &format!("{CUSTODIAN}/test_force_delete_role"),
                crate::iam::no_such_role("fair-ec2"),
            ),
    );
    let found = found(gone).await;
    let left = [
        ("default-vpc", ""),
        ("former-listener", "eb-mod4"),
        ("listener-rule", "eb-mod4"),
        ("load-balancer", "eb-mod4"),
        ("security-group", "eb-mod4"),
        ("web-acl", "confctl-tcb-conference-us-east-1"),
    ];
    assert_eq!(parts(&found), BTreeSet::from(left));
    assert!(found.missed.is_none(), "{:?}", found.missed);
}

#[tokio::test]
async fn one_whose_tags_may_not_be_read_hides_no_other() {
    let lists = all_lists()
        .without(&["dynamodb:ListTables", "dynamodb:ListTagsOfResource"])
        .recorded("dynamodb:ListTables", CUSTODIAN, tables(&["closed", "guests"], None))
        .documented(
            "dynamodb:ListTagsOfResource",
            DENIALS,
            denied_as(400, "AccessDeniedException", "dynamodb:ListTagsOfResource"),
        )
        .to("table/closed\"")
        .recorded(
            "dynamodb:ListTagsOfResource",
            CUSTODIAN,
            table_tags(tags_json(tags("users-table"))),
        )
        .to("table/guests\"");
    let found = found(denied_search().and(no_others()).and(lists)).await;
    assert_eq!(parts(&found), BTreeSet::from(BY_LISTS));
    let said = missed(&found).in_a_line();
    assert!(said.contains("closed"), "{said}");
}

#[tokio::test]
async fn an_empty_list_of_beanstalks_that_is_not_proven_is_missed() {
    let denied = [("elasticbeanstalk:DescribeApplications", "explicitDeny", "")];
    let lists = all_lists()
        .without(&[
            "elasticbeanstalk:DescribeApplications",
            "elasticbeanstalk:DescribeEnvironments",
            "elasticbeanstalk:ListTagsForResource",
        ])
        .and(nothing_of_beanstalk())
        .documented(
            "iam:SimulatePrincipalPolicy",
            "aws/aws-cli awscli/examples/iam/simulate-principal-policy.rst",
            simulated(&denied),
        );
    let account = as_caller(denied_search().and(no_others()).and(lists), USER).await;
    let found = find(account.reading(), &mod4("us-east-1"), Reach::Everything)
        .await
        .unwrap();
    account.check();
    assert!(parts(&found).contains(&("users-table", "guests")), "{found:?}");
    let said = missed(&found).in_a_line();
    assert!(said.contains("elasticbeanstalk:DescribeApplications"), "{said}");
}

#[tokio::test]
async fn a_search_that_is_not_answered_decides_nothing() {
    let script = no_others().modelled(
        "tag:GetResources",
        TAGGING,
        refused(400, "ThrottledException", "Rate exceeded"),
    );
    let account = of_root(script.without(&["ec2:DescribeKeyPairs", "iam:ListRoles"])).await;
    let error = find(account.reading(), &mod4("us-east-1"), Reach::Everything)
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Unreachable);
    account.check();
}

#[tokio::test]
async fn roles_that_are_not_answered_for_decide_nothing_either() {
    let script = no_others()
        .without(&["iam:ListRoles"])
        .recorded("tag:GetResources", SEARCH, hits(&[]))
        .modelled("iam:ListRoles", MODEL, refused(400, "Throttling", "Rate exceeded"));
    let account = of_root(script).await;
    let error = find(account.reading(), &mod4("us-east-1"), Reach::Everything)
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Unreachable);
    account.check();
}

fn tagged(arn: &str) -> Tagged {
    let tags = tags("x").into_iter();
    Tagged {
        arn: arn.to_owned(),
        tags: tags.map(|(key, value)| (key.to_owned(), value)).collect(),
    }
}

/// Whether it is still there, by the tags that EC2 has of it.
async fn is_there(account: &Account, arn: &str) -> Option<bool> {
    let there = still_there(account.reading(), &tagged(arn)).await;
    there.unwrap()
}

#[tokio::test]
async fn what_ec2_has_no_tags_of_any_more_is_gone_whatever_the_search_says() {
    let has = "<tagSet><item><resourceId>subnet-0a</resourceId><resourceType>subnet</resourceType>\
               <key>confctl:stack</key><value>mod4</value></item></tagSet>";
    let script = Script::default()
        .documented("ec2:DescribeTags", DESCRIBE_TAGS, ec2("DescribeTags", has))
        .to("subnet-0a")
        .modelled("ec2:DescribeTags", EC2, ec2("DescribeTags", "<tagSet/>"))
        .to("subnet-0b");
    let account = of_root(script).await;
    let subnet = |id: &str| format!("arn:aws:ec2:us-east-1:{ACCOUNT}:subnet/{id}");
    assert_eq!(is_there(&account, &subnet("subnet-0a")).await, Some(true));
    assert_eq!(is_there(&account, &subnet("subnet-0b")).await, Some(false));
    // Of what has no such read nothing is said, and nobody is asked.
    assert_eq!(is_there(&account, "arn:aws:s3:::somebodys-copy").await, None);
    assert_eq!(account.replay.times("ec2:DescribeTags"), 2);
    account.check();
}
