//! The tags of a stack that is up: those of the profile are set in place, one of a former profile goes where its value is still
//! ours, and all others stay. Each case says which calls do that, what they answer, and that the tags are read until they show.

use std::collections::BTreeMap;
use std::sync::Arc;

use confctl::aws::reads::READS;
use confctl::engine::Change;
use confctl::profile::Profile;
use confctl::resources::Stack;
use serde_json::json;

use crate::account::{Account, Given, of_root, stack_of};
use crate::beanstalk::{self, EB_CLI, ENVIRONMENT_ARN, tagged_in_the_end, tags_of};
use crate::bodies::{done, ec2_done, our_tags, query, tags_json, tags_xml};
use crate::environment_answers::{configuration, launched, parts, resting, settings};
use crate::iam::{profile_tags, quietly, role_tags};
use crate::request::Sent;
use crate::script::{Answer, Script, refused};
use crate::{
    application, distribution, environment_answers, instance_profile, key_pair, network, service_role, table, web_acl,
};

const CUSTODIAN: &str = "cloud-custodian/cloud-custodian tests/data/placebo";
const CLI: &str = "aws/aws-cli awscli/examples";
const BOTOCORE: &str = "boto/botocore botocore/data";

/// What the profile says of tags, what a former one said, and what is on each thing beside the three of the stack.
const WANTED: [(&str, &str); 3] = [("room", "42"), ("season", "autumn"), ("site", "yes")];
const FORMER: [(&str, &str); 4] = [
    ("season", "spring"),
    ("site", "yes"),
    ("stage", "test"),
    ("team", "events"),
];
const FOUND: [(&str, &str); 5] = [
    ("season", "spring"),
    ("site", "yes"),
    // Of the former profile, with a value that somebody gave it since.
    ("stage", "live"),
    ("team", "events"),
    ("unit", "theirs"),
];
const LEFT: [(&str, &str); 5] = [
    ("room", "42"),
    ("season", "autumn"),
    ("site", "yes"),
    ("stage", "live"),
    ("unit", "theirs"),
];

type Tags = Vec<(&'static str, String)>;

fn with(resource: &str, more: &[(&'static str, &str)]) -> Tags {
    let more = more.iter().map(|(key, value)| (*key, (*value).to_owned()));
    our_tags(resource).into_iter().chain(more).collect()
}

fn found(resource: &str) -> Tags {
    with(resource, &FOUND)
}

fn left(resource: &str) -> Tags {
    with(resource, &LEFT)
}

fn tagging(tags: &[(&str, &str)]) -> Profile {
    let mut profile = Profile::default();
    let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    profile.tags = tags.collect();
    profile
}

fn stack() -> Arc<Stack> {
    let mut stack = stack_of(tagging(&WANTED));
    stack.former = vec![tagging(&FORMER)];
    Arc::new(stack)
}

/// What the plan shows, each with this behind its field.
fn shown(behind: &str) -> [(String, Option<&'static str>, Option<&'static str>); 3] {
    let field = |key: &str| format!("tag {key}{behind}");
    [
        (field("room"), None, Some("42")),
        (field("season"), Some("spring"), Some("autumn")),
        (field("team"), Some("events"), None),
    ]
}

/// Plans, does what is planned, and finds nothing left to do. Gives the account, with what was sent.
async fn changed(script: Script, resource: &'static str, given: Given, behind: &[&str]) -> Account {
    let (account, stack) = (of_root(script).await, stack());
    let change = account.plan_with(&stack, resource, given.clone()).await;
    let fields = change.fields().iter();
    let fields: Vec<_> = fields
        .map(|field| (field.field.clone(), field.from.as_deref(), field.to.as_deref()))
        .collect();
    let wanted: Vec<_> = behind.iter().flat_map(|behind| shown(behind)).collect();
    assert_eq!(fields, wanted);
    account.up(&stack, resource, given.clone()).await.done();
    assert_eq!(account.plan_with(&stack, resource, given).await, Change::Keep);
    account.check();
    account
}

/// Every call that changed something, in order.
fn writes(account: &Account) -> Vec<String> {
    let is_read = |called: &String| {
        let operation = called.split(':').nth(1).unwrap_or_default();
        READS.iter().any(|(_, operations)| operations.contains(&operation))
    };
    let called = account.replay.called().into_iter();
    called.filter(|called| !is_read(called)).collect()
}

fn pairs(tags: &[(&str, &str)]) -> BTreeMap<String, String> {
    let tags = tags.iter();
    tags.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// What is set, and nothing else.
fn set() -> BTreeMap<String, String> {
    pairs(&[("room", "42"), ("season", "autumn")])
}

/// The tags in a form.
fn tags_in(sent: &Sent, list: &str) -> BTreeMap<String, String> {
    let numbered = (1..).map(|n| format!("{list}.{n}"));
    let tags = numbered.map_while(|tag| {
        let value = sent.parameter(&format!("{tag}.Value")).unwrap_or_default();
        Some((sent.parameter(&format!("{tag}.Key"))?, value))
    });
    tags.collect()
}

/// The members of a list in a form.
fn listed(sent: &Sent, list: &str) -> Vec<String> {
    let numbered = (1..).map(|n| format!("{list}.{n}"));
    numbered.map_while(|name| sent.parameter(&name)).collect()
}

/// The tags in a document.
fn tags_of_document(sent: &Sent) -> BTreeMap<String, String> {
    let tags = sent.member("Tags");
    let tags = tags.as_array().into_iter().flatten();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    tags.map(|tag| (text(&tag["Key"]), text(&tag["Value"]))).collect()
}

#[tokio::test]
async fn of_the_table() {
    let id = "users-table";
    let tags = |tags: Tags| json!({"Tags": tags_json(tags)}).to_string();
    let model = &format!("{BOTOCORE}/dynamodb/2012-08-10/service-2.json");
    let script = table::there(json!({}), tags_json(found(id)), "DISABLED", 0)
        .recorded("dynamodb:TagResource", &format!("{CUSTODIAN}/test_dynamodb_tag"), "")
        .documented(
            "dynamodb:UntagResource",
            &format!("{CLI}/dynamodb/untag-resource.rst"),
            "",
        )
        // The previous tags, or none, for some seconds: the model says so of both operations.
        .documented("dynamodb:ListTagsOfResource", model, tags(found(id)))
        .after("dynamodb:TagResource")
        .documented("dynamodb:ListTagsOfResource", model, tags(Tags::new()))
        .after("dynamodb:TagResource")
        .documented("dynamodb:ListTagsOfResource", model, tags(left(id)))
        .after("dynamodb:TagResource");
    let account = changed(script, id, Given::default(), &[""]).await;
    assert_eq!(writes(&account), ["dynamodb:UntagResource", "dynamodb:TagResource"]);
    let arn = "arn:aws:dynamodb:us-east-1:123456789012:table/users";
    let tagged = &account.replay.sent("dynamodb:TagResource")[0];
    assert_eq!(tagged.member("ResourceArn"), arn);
    assert_eq!(tags_of_document(tagged), set());
    let untagged = &account.replay.sent("dynamodb:UntagResource")[0];
    assert_eq!(untagged.member("ResourceArn"), arn);
    assert_eq!(untagged.member("TagKeys"), json!(["team"]));
}

#[tokio::test]
async fn of_the_network_with_all_that_came_with_it() {
    let id = "default-vpc";
    let source = &format!("{CUSTODIAN}/test_appelb_default_vpc");
    let source_of_tags = &format!("{CLI}/ec2/describe-tags.rst");
    let all = [network::VPC, "subnet-us-east-1a", "subnet-us-east-1b", "igw-1"];
    // One that somebody made in it since.
    let theirs = network::subnet("us-east-1c", false);
    let subnets = |tags: &Tags| network::subnets(&[network::both_with(tags), vec![theirs.clone()]].concat(), "");
    let script = network::there(&found(id))
        .without(&["ec2:DescribeSubnets"])
        .recorded("ec2:DescribeSubnets", network::MANAGE_IQ, subnets(&found(id)))
        .recorded(
            "ec2:CreateTags",
            &format!("{CUSTODIAN}/test_asg_tag"),
            ec2_done("CreateTags"),
        )
        .documented(
            "ec2:DeleteTags",
            &format!("{CLI}/ec2/delete-tags.rst"),
            ec2_done("DeleteTags"),
        )
        .documented("ec2:DescribeTags", source_of_tags, network::tags_of(&all, &found(id)))
        .documented("ec2:DescribeTags", source_of_tags, network::tags_of(&all, &left(id)))
        .recorded("ec2:DescribeVpcs", source, network::vpcs(&left(id)))
        .after("ec2:CreateTags")
        .recorded("ec2:DescribeSubnets", network::MANAGE_IQ, subnets(&left(id)))
        .after("ec2:CreateTags")
        .recorded(
            "ec2:DescribeInternetGateways",
            network::SCENARIO,
            network::gateways(Some(network::VPC), &left(id)),
        )
        .after("ec2:CreateTags");
    let account = changed(script, id, Given::default(), &[""]).await;
    assert_eq!(writes(&account), ["ec2:DeleteTags", "ec2:CreateTags"]);
    let tagged = &account.replay.sent("ec2:CreateTags")[0];
    assert_eq!(listed(tagged, "ResourceId"), all);
    assert_eq!(tags_in(tagged, "Tag"), set());
    let untagged = &account.replay.sent("ec2:DeleteTags")[0];
    assert_eq!(listed(untagged, "ResourceId"), all);
    // By its value too: of a subnet whose tag somebody changed, EC2 then leaves it.
    assert_eq!(tags_in(untagged, "Tag"), pairs(&[("team", "events")]));
}

#[tokio::test]
async fn of_the_key_pair_by_its_id() {
    let id = "key-pair";
    let source = "ManageIQ/manageiq-providers-amazon spec/vcr_cassettes/manageiq/providers/amazon/cloud_manager/refresher_targeted";
    let script = Script::default()
        .recorded("ec2:DescribeKeyPairs", source, key_pair::pairs(&found(id), ""))
        .recorded(
            "ec2:CreateTags",
            &format!("{CUSTODIAN}/test_asg_tag"),
            ec2_done("CreateTags"),
        )
        .documented(
            "ec2:DeleteTags",
            &format!("{CLI}/ec2/delete-tags.rst"),
            ec2_done("DeleteTags"),
        )
        .recorded("ec2:DescribeKeyPairs", source, key_pair::pairs(&found(id), ""))
        .after("ec2:CreateTags")
        .recorded("ec2:DescribeKeyPairs", source, key_pair::pairs(&left(id), ""))
        .after("ec2:CreateTags");
    let account = changed(script, id, Given::default(), &[""]).await;
    assert_eq!(writes(&account), ["ec2:DeleteTags", "ec2:CreateTags"]);
    let tagged = &account.replay.sent("ec2:CreateTags")[0];
    assert_eq!(listed(tagged, "ResourceId"), ["key-0123456789abcdef0"]);
    assert_eq!(tags_in(tagged, "Tag"), set());
    let untagged = &account.replay.sent("ec2:DeleteTags")[0];
    assert_eq!(listed(untagged, "ResourceId"), ["key-0123456789abcdef0"]);
    assert_eq!(tags_in(untagged, "Tag"), pairs(&[("team", "events")]));
}

/// Takes a role's tags, and shows them when it is asked the second time.
fn role_takes(resource: &str) -> Script {
    let source = &format!("{CLI}/iam/list-role-tags.rst");
    Script::default()
        .documented("iam:ListRoleTags", source, role_tags(found(resource)))
        .documented("iam:TagRole", &format!("{CLI}/iam/tag-role.rst"), quietly("TagRole"))
        .documented(
            "iam:UntagRole",
            &format!("{CLI}/iam/untag-role.rst"),
            quietly("UntagRole"),
        )
        .documented("iam:ListRoleTags", source, role_tags(found(resource)))
        .after("iam:TagRole")
        .documented("iam:ListRoleTags", source, role_tags(left(resource)))
        .after("iam:TagRole")
}

/// That the role of this name was sent what differs and nothing else: what goes before what comes, as IAM takes keys for the same
/// that differ in case.
fn check_role(account: &Account, name: &str) {
    let tagged = &account.replay.sent("iam:TagRole")[0];
    assert_eq!(tagged.parameter("RoleName").as_deref(), Some(name));
    assert_eq!(tags_in(tagged, "Tags.member"), set());
    let untagged = &account.replay.sent("iam:UntagRole")[0];
    assert_eq!(untagged.parameter("RoleName").as_deref(), Some(name));
    assert_eq!(listed(untagged, "TagKeys.member"), ["team"]);
}

#[tokio::test]
async fn of_the_service_role() {
    let id = "service-role";
    let role = service_role::ours(&service_role::POLICIES).without(&["iam:ListRoleTags", "iam:ListRolePolicies"]);
    let account = changed(role.and(role_takes(id)), id, Given::default(), &[""]).await;
    assert_eq!(writes(&account), ["iam:UntagRole", "iam:TagRole"]);
    check_role(&account, service_role::NAME);
}

#[tokio::test]
async fn of_the_instances_role_and_its_profile_each() {
    let id = "instance-profile";
    let (_, carried) = instance_profile::as_made().await;
    let source = &format!("{CLI}/iam/list-instance-profile-tags.rst");
    let script = instance_profile::linked(true)
        .without(&["iam:ListRoleTags", "iam:ListInstanceProfileTags"])
        // The record tells which inline policies there are.
        .and(carried.without(&["iam:ListRolePolicies"]))
        .and(role_takes(id))
        .documented("iam:ListInstanceProfileTags", source, profile_tags(found(id)))
        .documented(
            "iam:TagInstanceProfile",
            &format!("{CLI}/iam/tag-instance-profile.rst"),
            quietly("TagInstanceProfile"),
        )
        .documented(
            "iam:UntagInstanceProfile",
            &format!("{CLI}/iam/untag-instance-profile.rst"),
            quietly("UntagInstanceProfile"),
        )
        .documented("iam:ListInstanceProfileTags", source, profile_tags(found(id)))
        .after("iam:TagInstanceProfile")
        .documented("iam:ListInstanceProfileTags", source, profile_tags(left(id)))
        .after("iam:TagInstanceProfile");
    let account = changed(script, id, Given::default(), &["", " of the instance profile"]).await;
    let calls = [
        "iam:UntagRole",
        "iam:TagRole",
        "iam:UntagInstanceProfile",
        "iam:TagInstanceProfile",
    ];
    assert_eq!(writes(&account), calls);
    check_role(&account, instance_profile::NAME);
    let tagged = &account.replay.sent("iam:TagInstanceProfile")[0];
    assert_eq!(
        tagged.parameter("InstanceProfileName").as_deref(),
        Some(instance_profile::NAME)
    );
    assert_eq!(tags_in(tagged, "Tags.member"), set());
    let untagged = &account.replay.sent("iam:UntagInstanceProfile")[0];
    assert_eq!(
        untagged.parameter("InstanceProfileName").as_deref(),
        Some(instance_profile::NAME)
    );
    assert_eq!(listed(untagged, "TagKeys.member"), ["team"]);
}

/// Takes the tags of one of Beanstalk's, in one call, and shows them when it is asked the second time.
fn beanstalk_takes(resource: &str, arn: &str) -> Script {
    let tags = |tags: Tags| tags_of(arn, &tags_xml("member", tags));
    Script::default()
        .recorded("elasticbeanstalk:ListTagsForResource", EB_CLI, tags(found(resource)))
        .recorded(
            "elasticbeanstalk:UpdateTagsForResource",
            &format!("{CUSTODIAN}/test_elasticbeanstalk_env_unmark"),
            done("UpdateTagsForResource"),
        )
        .recorded("elasticbeanstalk:ListTagsForResource", EB_CLI, tags(found(resource)))
        .after("elasticbeanstalk:UpdateTagsForResource")
        .recorded("elasticbeanstalk:ListTagsForResource", EB_CLI, tags(left(resource)))
        .after("elasticbeanstalk:UpdateTagsForResource")
}

fn check_beanstalk(account: &Account, arn: &str) {
    let sent = account.replay.sent("elasticbeanstalk:UpdateTagsForResource");
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].parameter("ResourceArn").as_deref(), Some(arn));
    assert_eq!(tags_in(&sent[0], "TagsToAdd.member"), set());
    assert_eq!(listed(&sent[0], "TagsToRemove.member"), ["team"]);
}

#[tokio::test]
async fn of_the_application() {
    let id = "application";
    let script = Script::default().recorded("elasticbeanstalk:DescribeApplications", EB_CLI, application::found());
    let script = script.and(beanstalk_takes(id, application::ARN));
    let account = changed(script, id, Given::default(), &[""]).await;
    assert_eq!(writes(&account), ["elasticbeanstalk:UpdateTagsForResource"]);
    check_beanstalk(&account, application::ARN);
}

#[tokio::test]
async fn of_the_version() {
    let id = "app-version";
    let script = Script::default()
        .recorded(
            "elasticbeanstalk:DescribeApplicationVersions",
            EB_CLI,
            application::versions("PROCESSED"),
        )
        .and(application::bundle_is_there())
        .and(beanstalk_takes(id, application::VERSION_ARN));
    let account = changed(script, id, application::given(), &[""]).await;
    assert_eq!(writes(&account), ["elasticbeanstalk:UpdateTagsForResource"]);
    check_beanstalk(&account, application::VERSION_ARN);
}

/// The environment at rest. It takes its tags as an update, and is Updating meanwhile.
async fn environment(serving: String) -> Script {
    let asked = launched(&stack()).await;
    let updating = beanstalk::environment("Updating", "<VersionLabel>v1</VersionLabel><Health>Grey</Health>");
    let source = "hashicorp/terraform-provider-aws pull request 36074";
    resting(
        serving.clone(),
        configuration(&settings(&asked, "deployed")),
        String::new(),
    )
    .without(&["elasticbeanstalk:ListTagsForResource"])
    .and(parts(2, 4))
    .and(beanstalk_takes("environment", ENVIRONMENT_ARN))
    .and(tagged_in_the_end())
    .documented(
        "elasticbeanstalk:DescribeEnvironments",
        source,
        beanstalk::environments(&[updating]),
    )
    .after("elasticbeanstalk:UpdateTagsForResource")
    .documented(
        "elasticbeanstalk:DescribeEnvironments",
        source,
        beanstalk::environments(&[serving]),
    )
    .after("elasticbeanstalk:UpdateTagsForResource")
}

#[tokio::test]
async fn of_the_environment() {
    let script = environment(beanstalk::serving()).await;
    let account = changed(script, "environment", environment_answers::given(), &[""]).await;
    assert_eq!(writes(&account), ["elasticbeanstalk:UpdateTagsForResource"]);
    check_beanstalk(&account, ENVIRONMENT_ARN);
}

#[tokio::test]
async fn a_version_is_deployed_only_when_the_environment_has_its_tags() {
    let older = beanstalk::serving().replace("<VersionLabel>v1<", "<VersionLabel>v0<");
    let script = environment(older)
        .await
        .documented(
            "elasticbeanstalk:UpdateEnvironment",
            &format!("{CLI}/elasticbeanstalk/update-environment.rst"),
            query("UpdateEnvironment", &beanstalk::environment("Updating", "")),
        )
        .recorded(
            "elasticbeanstalk:DescribeEvents",
            EB_CLI,
            beanstalk::events(&[("INFO", "Environment update completed successfully.")]),
        )
        .after("elasticbeanstalk:UpdateEnvironment")
        .and(beanstalk::runs_everywhere("v1"));
    let account = of_root(script).await;
    account
        .up(&stack(), "environment", environment_answers::given())
        .await
        .done();
    let calls = [
        "elasticbeanstalk:UpdateTagsForResource",
        "elasticbeanstalk:UpdateEnvironment",
    ];
    assert_eq!(writes(&account), calls);
    // Updating, and then Ready again: until it is, Beanstalk refuses the update, which "Must be Ready".
    let called = account.replay.called();
    let between = called.split(|called| calls.contains(&called.as_str())).nth(1);
    let looks = between.into_iter().flatten();
    let looks = looks.filter(|called| *called == "elasticbeanstalk:DescribeEnvironments");
    assert!(looks.count() >= 2, "{called:?}");
    account.check();
}

#[tokio::test]
async fn tags_that_beanstalk_could_not_pass_on_fail_the_step_with_its_reason_unless_they_show() {
    let told = [
        ("ERROR", "Environment tag update failed."),
        (
            "ERROR",
            "Service:AmazonCloudFormation, Message:No updates are to be performed.",
        ),
    ];
    for shows in [true, false] {
        let script = environment(beanstalk::serving())
            .await
            .without(&["elasticbeanstalk:DescribeEvents"])
            .recorded(
                "elasticbeanstalk:DescribeEvents",
                "cloudposse/terraform-aws-elastic-beanstalk-environment pull request 37",
                beanstalk::events(&told),
            );
        let tags = |tags: Tags| tags_of(ENVIRONMENT_ARN, &tags_xml("member", tags));
        let script = match shows {
            true => script,
            false => script
                .without(&["elasticbeanstalk:ListTagsForResource"])
                .recorded(
                    "elasticbeanstalk:ListTagsForResource",
                    EB_CLI,
                    tags(found("environment")),
                )
                .recorded(
                    "elasticbeanstalk:DescribeEnvironmentHealth",
                    EB_CLI,
                    query("DescribeEnvironmentHealth", "<HealthStatus>Ok</HealthStatus><Causes/>"),
                )
                .recorded(
                    "s3:GetObject",
                    "localstack/localstack tests/aws/services/s3/test_s3.snapshot.json",
                    refused(404, "NoSuchKey", "The specified key does not exist."),
                ),
        };
        let account = of_root(script).await;
        let ran = account.up(&stack(), "environment", environment_answers::given()).await;
        match shows {
            true => ran.done(),
            false => {
                let error = ran.failure().error.in_a_line();
                assert!(error.contains("No updates are to be performed"), "{error}");
            }
        }
        account.check();
    }
}

#[tokio::test]
async fn of_an_environment_that_is_launched_again_none_is_changed_before() {
    let script = environment(beanstalk::serving())
        .await
        .without(&["cloudformation:DescribeStacks"])
        .modelled(
            "cloudformation:DescribeStacks",
            &format!("{BOTOCORE}/cloudformation/2010-05-15/service-2.json"),
            environment_answers::cfn_stack("CREATE_FAILED"),
        )
        .modelled(
            "cloudfront:ListDistributions",
            &format!("{BOTOCORE}/cloudfront/2020-05-31/service-2.json"),
            distribution::none(),
        );
    let account = of_root(script).await;
    let change = account
        .plan_with(&stack(), "environment", environment_answers::given())
        .await;
    let fields: Vec<_> = change.fields().iter().map(|field| field.field.as_str()).collect();
    assert_eq!(fields, ["launch"]);
}

#[tokio::test]
async fn of_the_web_acl() {
    let id = "web-acl";
    let source = &format!("{CUSTODIAN}/test_wafv2_cloudfront_tag");
    let tags = |tags: Tags| web_acl::tagged(tags_json(tags));
    let script = web_acl::there(tags_json(found(id)), web_acl::our_rules())
        .documented("wafv2:TagResource", &format!("{CLI}/wafv2/tag-resource.rst"), "{}")
        .documented("wafv2:UntagResource", &format!("{CLI}/wafv2/untag-resource.rst"), "{}")
        .recorded("wafv2:ListTagsForResource", source, tags(found(id)))
        .after("wafv2:TagResource")
        .recorded("wafv2:ListTagsForResource", source, tags(left(id)))
        .after("wafv2:TagResource");
    let account = changed(script, id, Given::default(), &[""]).await;
    assert_eq!(writes(&account), ["wafv2:UntagResource", "wafv2:TagResource"]);
    let tagged = &account.replay.sent("wafv2:TagResource")[0];
    assert_eq!(tagged.member("ResourceARN"), web_acl::ARN);
    assert_eq!(tags_of_document(tagged), set());
    let untagged = &account.replay.sent("wafv2:UntagResource")[0];
    assert_eq!(untagged.member("ResourceARN"), web_acl::ARN);
    assert_eq!(untagged.member("TagKeys"), json!(["team"]));
}

#[tokio::test]
async fn of_the_distribution() {
    let id = "distribution";
    let source = &format!("{CUSTODIAN}/test_distrbution_tag");
    let script = distribution::resting()
        .without(&["cloudfront:ListTagsForResource"])
        .recorded(
            "cloudfront:ListTagsForResource",
            source,
            distribution::tagged(&found(id)),
        )
        .documented(
            "cloudfront:TagResource",
            &format!("{CLI}/cloudfront/tag-resource.rst"),
            Answer::Raw(204, String::new()),
        )
        .documented(
            "cloudfront:UntagResource",
            &format!("{CLI}/cloudfront/untag-resource.rst"),
            Answer::Raw(204, String::new()),
        )
        .recorded(
            "cloudfront:ListTagsForResource",
            source,
            distribution::tagged(&found(id)),
        )
        .after("cloudfront:TagResource")
        .recorded(
            "cloudfront:ListTagsForResource",
            source,
            distribution::tagged(&left(id)),
        )
        .after("cloudfront:TagResource");
    let account = changed(script, id, distribution::given(), &[""]).await;
    assert_eq!(writes(&account), ["cloudfront:UntagResource", "cloudfront:TagResource"]);
    let resource = format!("Resource={}", distribution::ARN.replace(':', "%3A").replace('/', "%2F"));
    let tagged = &account.replay.sent("cloudfront:TagResource")[0];
    assert!(tagged.contains(&resource), "{}", tagged.text);
    let items =
        "<Items><Tag><Key>room</Key><Value>42</Value></Tag><Tag><Key>season</Key><Value>autumn</Value></Tag></Items>";
    assert!(tagged.body.contains(items), "{}", tagged.body);
    let untagged = &account.replay.sent("cloudfront:UntagResource")[0];
    assert!(untagged.contains(&resource), "{}", untagged.text);
    assert!(
        untagged.body.contains("<Items><Key>team</Key></Items>"),
        "{}",
        untagged.body
    );
}
