//! The web ACL, by what WAFv2 answers: lists that end with an empty marker, or with one that leads to an empty page.

use confctl::engine::{Change, Kind, Outcome};
use serde_json::json;

use crate::account::{Given, of_root, stack};
use crate::bodies::{our_tags, tags_json};
use crate::script::{Script, refused};

const ID: &str = "web-acl";
pub const ARN: &str = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/confctl-tcb-conference-us-east-1/11111111-2222-3333-4444-555555555555";
const CUSTODIAN: &str = "cloud-custodian/cloud-custodian tests/data/placebo/test_distribution_wafv2_value";
const CLI: &str = "aws/aws-cli awscli/examples/wafv2";
const TERRAFORM: &str = "hashicorp/terraform-provider-aws internal/service/wafv2/web_acl.go";

fn summary() -> serde_json::Value {
    json!({
        "Name": "confctl-tcb-conference-us-east-1",
        "Id": "11111111-2222-3333-4444-555555555555",
        "Description": "",
        "LockToken": "aaaaaaaa-1111-2222-3333-444444444444",
        "ARN": ARN,
    })
}

/// The last page has a marker all the same: the name of its last entry, or other text.
fn listed(acls: serde_json::Value, marker: &str) -> String {
    json!({"NextMarker": marker, "WebACLs": acls}).to_string()
}

fn rule(priority: usize, group: &str) -> serde_json::Value {
    json!({
        "Name": format!("AWS-{group}"),
        "Priority": priority,
        "Statement": {"ManagedRuleGroupStatement": {"VendorName": "AWS", "Name": group}},
        "OverrideAction": {"None": {}},
        "VisibilityConfig": {
            "SampledRequestsEnabled": true,
            "CloudWatchMetricsEnabled": true,
            "MetricName": format!("AWS-{group}"),
        },
    })
}

pub fn our_rules() -> Vec<serde_json::Value> {
    let groups = [
        "AWSManagedRulesAmazonIpReputationList",
        "AWSManagedRulesCommonRuleSet",
        "AWSManagedRulesKnownBadInputsRuleSet",
    ];
    groups
        .iter()
        .enumerate()
        .map(|(priority, group)| rule(priority, group))
        .collect()
}

/// As AWS gives it today: with the member that it added for its protection at the source, and no description.
fn web_acl(rules: Vec<serde_json::Value>) -> String {
    json!({
        "WebACL": {
            "Name": "confctl-tcb-conference-us-east-1",
            "Id": "11111111-2222-3333-4444-555555555555",
            "ARN": ARN,
            "DefaultAction": {"Allow": {}},
            "Description": "",
            "Rules": rules,
            "VisibilityConfig": {
                "SampledRequestsEnabled": true,
                "CloudWatchMetricsEnabled": true,
                "MetricName": "confctl-tcb-conference-us-east-1",
            },
            "Capacity": 925,
            "ManagedByFirewallManager": false,
            "RetrofittedByFirewallManager": false,
            "LabelNamespace": "awswaf:123456789012:webacl:confctl-tcb-conference-us-east-1:",
            "OnSourceDDoSProtectionConfig": {"ALBLowReputationMode": "ACTIVE_UNDER_DDOS"},
        },
        "LockToken": "aaaaaaaa-1111-2222-3333-444444444444",
    })
    .to_string()
}

pub fn tagged(tags: serde_json::Value) -> String {
    json!({"NextMarker": "", "TagInfoForResource": {"ResourceARN": ARN, "TagList": tags}}).to_string()
}

/// One that is there, with whatever tags.
pub fn there(tags: serde_json::Value, rules: Vec<serde_json::Value>) -> Script {
    Script::default()
        .recorded(
            "wafv2:ListWebACLs",
            CUSTODIAN,
            listed(json!([summary()]), "confctl-tcb-conference-us-east-1"),
        )
        .recorded("wafv2:GetWebACL", CUSTODIAN, web_acl(rules))
        .recorded(
            "wafv2:ListTagsForResource",
            "cloud-custodian/cloud-custodian tests/data/placebo/test_wafv2_cloudfront_tag",
            tagged(tags),
        )
}

fn ours() -> serde_json::Value {
    tags_json(our_tags(ID))
}

#[tokio::test]
async fn the_empty_marker_behind_the_tags_is_their_end_and_never_sent_back() {
    let account = of_root(there(ours(), our_rules())).await;
    assert_eq!(account.plan(&stack(|_| {}), ID).await, Change::Keep);
    let asked = account.replay.sent("wafv2:ListTagsForResource");
    assert_eq!(asked.len(), 1);
    assert!(asked[0].member("NextMarker").is_null());
    account.check();
}

#[tokio::test]
async fn a_marker_on_the_last_page_leads_to_an_empty_one_and_that_ends_the_list() {
    let other = json!({"Name": "another", "Id": "1", "Description": "", "LockToken": "2", "ARN": "arn:aws:wafv2:us-east-1:123456789012:global/webacl/another/1"});
    for last in [
        json!({"WebACLs": []}),
        json!({"WebACLs": [], "NextMarker": ""}),
        json!({"WebACLs": [], "NextMarker": "another"}),
    ] {
        let script = Script::default()
            .recorded(
                "wafv2:ListWebACLs",
                "boto/boto3 issue 3715",
                listed(json!([other]), "another"),
            )
            .modelled("wafv2:ListWebACLs", "boto/boto3 issue 3715", last.to_string())
            .to("NextMarker");
        let account = of_root(script).await;
        assert_eq!(account.plan(&stack(|_| {}), ID).await, Change::Create);
        let asked = account.replay.sent("wafv2:ListWebACLs");
        assert_eq!(asked.len(), 2);
        assert_eq!(asked[1].member("NextMarker"), "another");
        account.check();
    }
}

#[tokio::test]
async fn one_without_our_tags_is_not_touched() {
    let tags = json!([{"Key": "Env", "Value": "test"}]);
    let account = of_root(there(tags, our_rules())).await;
    let change = account.plan(&stack(|_| {}), ID).await;
    assert!(matches!(change, Change::Blocked { .. }), "{change:?}");
    account.check();
}

#[tokio::test]
async fn a_new_one_is_made_and_then_found_by_its_tags() {
    let script = Script::default()
        .recorded("wafv2:ListWebACLs", CUSTODIAN, json!({"WebACLs": []}).to_string())
        .documented(
            "wafv2:CreateWebACL",
            TERRAFORM,
            refused(
                400,
                "WAFUnavailableEntityException",
                "AWS WAF couldn\u{2019}t retrieve the resource that you requested. Retry your request.",
            ),
        )
        .modelled(
            "wafv2:CreateWebACL",
            "boto/botocore botocore/data/wafv2/2019-07-29/service-2.json",
            refused(
                500,
                "WAFTagOperationInternalErrorException",
                "WAF couldn\u{2019}t perform your tagging operation because of an internal error. Retry your request.",
            ),
        )
        .documented(
            "wafv2:CreateWebACL",
            &format!("{CLI}/create-web-acl.rst"),
            json!({"Summary": summary()}).to_string(),
        )
        .recorded(
            "wafv2:ListWebACLs",
            CUSTODIAN,
            listed(json!([summary()]), "confctl-tcb-conference-us-east-1"),
        )
        .after("wafv2:CreateWebACL")
        .recorded("wafv2:GetWebACL", CUSTODIAN, web_acl(our_rules()))
        .modelled("wafv2:ListTagsForResource", CUSTODIAN, tagged(json!([])))
        .recorded("wafv2:ListTagsForResource", CUSTODIAN, tagged(ours()));
    let account = of_root(script).await;
    account.up(&stack(|_| {}), ID, Given::default()).await.done();
    let created = &account.replay.sent("wafv2:CreateWebACL")[0];
    assert_eq!(created.member("Scope"), "CLOUDFRONT");
    assert_eq!(created.member("Rules").as_array().map(Vec::len), Some(3));
    // AWS's model gives a description at least one character.
    assert!(created.member("Description").is_null());
    account.check();
}

#[tokio::test]
async fn an_update_sends_back_neither_the_empty_description_nor_what_can_only_be_read() {
    let mut counted = our_rules();
    counted[1]["OverrideAction"] = json!({"Count": {}});
    let script = there(ours(), counted)
        .documented(
            "wafv2:UpdateWebACL",
            &format!("{CLI}/update-web-acl.rst"),
            refused(
                400,
                "WAFOptimisticLockException",
                "AWS WAF couldn’t save your changes because someone changed the resource after you started to edit it. Reapply your changes.",
            ),
        )
        .documented(
            "wafv2:UpdateWebACL",
            &format!("{CLI}/update-web-acl.rst"),
            json!({"NextLockToken": "714a0cfb-0000-0000-0000-2959c8b9a684"}).to_string(),
        );
    let account = of_root(script).await;
    account.up(&stack(|_| {}), ID, Given::default()).await.done();
    let sent = account.replay.sent("wafv2:UpdateWebACL");
    assert_eq!(sent.len(), 2);
    let sent = &sent[1];
    assert_eq!(sent.member("LockToken"), "aaaaaaaa-1111-2222-3333-444444444444");
    assert_ne!(sent.member("Description"), "");
    for read_only in [
        "ARN",
        "Capacity",
        "LabelNamespace",
        "RetrofittedByFirewallManager",
        "ManagedByFirewallManager",
    ] {
        assert!(sent.member(read_only).is_null(), "{read_only} was sent back");
    }
    assert_eq!(sent.member("Rules")[1]["OverrideAction"], json!({"None": {}}));
    account.check();
}

/// A rule that counts registrations by address, as WAF gives one back.
fn counting(limit: u32) -> serde_json::Value {
    let is = |field: serde_json::Value, text: &str| {
        json!({"ByteMatchStatement": {
            "SearchString": text,
            "FieldToMatch": field,
            "TextTransformations": [{"Priority": 0, "Type": "NONE"}],
            "PositionalConstraint": "EXACTLY",
        }})
    };
    // POST and /register, in base64.
    let both = [
        is(json!({"Method": {}}), "UE9TVA=="),
        is(json!({"UriPath": {}}), "L3JlZ2lzdGVy"),
    ];
    json!({
        "Name": "confctl-registrations",
        "Priority": 3,
        "Statement": {"RateBasedStatement": {
            "Limit": limit,
            "EvaluationWindowSec": 300,
            "AggregateKeyType": "IP",
            "ScopeDownStatement": {"AndStatement": {"Statements": both}},
        }},
        "Action": {"Count": {}},
        "VisibilityConfig": {
            "SampledRequestsEnabled": true,
            "CloudWatchMetricsEnabled": true,
            "MetricName": "confctl-registrations",
        },
    })
}

#[tokio::test]
async fn the_rate_of_registrations_is_added_behind_the_groups_and_kept_as_waf_gives_it_back() {
    let sized = |people| {
        stack(move |profile| {
            profile.waf.rate = confctl::profile::RateMode::Count;
            profile.event.people = Some(people);
        })
    };
    let with = |rate: serde_json::Value| [our_rules(), vec![rate]].concat();
    let updated = |script: Script| {
        let token = json!({"NextLockToken": "1"}).to_string();
        script.documented("wafv2:UpdateWebACL", &format!("{CLI}/update-web-acl.rst"), token)
    };
    let account = of_root(updated(there(ours(), our_rules()))).await;
    account.up(&sized(10_000), ID, Given::default()).await.done();
    let sent = &account.replay.sent("wafv2:UpdateWebACL")[0];
    assert_eq!(sent.member("Rules")[3], counting(80_000));
    account.check();

    let account = of_root(there(ours(), with(counting(80_000)))).await;
    assert_eq!(account.plan(&sized(10_000), ID).await, Change::Keep);
    account.check();

    // More people are expected, and what somebody lowered by hand is brought up to them.
    let account = of_root(updated(there(ours(), with(counting(100))))).await;
    account.up(&sized(20_000), ID, Given::default()).await.done();
    let sent = &account.replay.sent("wafv2:UpdateWebACL")[0];
    assert_eq!(sent.member("Rules")[3], counting(160_000));
    account.check();

    // No longer wanted, it goes.
    let account = of_root(updated(there(ours(), with(counting(80_000))))).await;
    account.up(&stack(|_| {}), ID, Given::default()).await.done();
    let sent = &account.replay.sent("wafv2:UpdateWebACL")[0];
    assert_eq!(sent.member("Rules").as_array().map(Vec::len), Some(3));
    account.check();
}

#[tokio::test]
async fn one_taken_over_is_tagged_first() {
    let mut stack = crate::account::stack_of(Default::default());
    stack.take_over.insert(ID.to_owned());
    let mut counted = our_rules();
    counted[1]["OverrideAction"] = json!({"Count": {}});
    let script = there(json!([]), counted)
        .modelled(
            "wafv2:TagResource",
            "boto/botocore botocore/data/wafv2/2019-07-29/service-2.json",
            "{}",
        )
        .recorded("wafv2:ListTagsForResource", CUSTODIAN, tagged(ours()))
        .after("wafv2:TagResource")
        .documented("wafv2:UpdateWebACL", CLI, json!({"NextLockToken": "1"}).to_string());
    let account = of_root(script).await;
    account.up(&stack.into(), ID, Given::default()).await.done();
    assert_eq!(account.replay.sent("wafv2:TagResource")[0].member("ResourceARN"), ARN);
    let called = account.replay.called();
    let turn = |operation: &str| called.iter().position(|called| called == operation);
    assert!(turn("wafv2:TagResource") < turn("wafv2:UpdateWebACL"), "{called:?}");
    account.check();
}

#[tokio::test]
async fn it_goes_once_cloudfront_has_let_go_of_it() {
    let script = there(ours(), our_rules())
        .documented(
            "wafv2:DeleteWebACL",
            TERRAFORM,
            refused(
                400,
                "WAFAssociatedItemException",
                "AWS WAF couldn’t perform the operation because your resource is being used by another resource or it’s associated with another resource.",
            ),
        )
        .modelled("wafv2:DeleteWebACL", "boto/botocore botocore/data/wafv2/2019-07-29/service-2.json", "{}");
    let account = of_root(script).await;
    account.down(&stack(|_| {}), ID).await.done();
    assert_eq!(account.replay.times("wafv2:DeleteWebACL"), 2);
    account.check();
}

#[tokio::test]
async fn one_that_others_use_stays_and_they_are_named() {
    let users = r#"<?xml version="1.0"?>
<DistributionList xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><Marker></Marker><MaxItems>100</MaxItems><IsTruncated>false</IsTruncated><Quantity>1</Quantity><Items><DistributionSummary><Id>EDFDVBD6EXAMPLE</Id><ARN>arn:aws:cloudfront::123456789012:distribution/EDFDVBD6EXAMPLE</ARN><Status>Deployed</Status><LastModifiedTime>2026-11-24T12:00:00.000Z</LastModifiedTime><DomainName>d111111abcdef8.cloudfront.net</DomainName><Aliases><Quantity>0</Quantity></Aliases><Origins><Quantity>1</Quantity><Items><Origin><Id>one</Id><DomainName>www.example.com</DomainName></Origin></Items></Origins><DefaultCacheBehavior><TargetOriginId>one</TargetOriginId><ViewerProtocolPolicy>allow-all</ViewerProtocolPolicy></DefaultCacheBehavior><CacheBehaviors><Quantity>0</Quantity></CacheBehaviors><CustomErrorResponses><Quantity>0</Quantity></CustomErrorResponses><Comment></Comment><PriceClass>PriceClass_All</PriceClass><Enabled>true</Enabled><ViewerCertificate><CloudFrontDefaultCertificate>true</CloudFrontDefaultCertificate></ViewerCertificate><Restrictions><GeoRestriction><RestrictionType>none</RestrictionType><Quantity>0</Quantity></GeoRestriction></Restrictions><WebACLId></WebACLId><HttpVersion>HTTP2</HttpVersion><IsIPV6Enabled>true</IsIPV6Enabled><Staging>false</Staging></DistributionSummary></Items></DistributionList>"#;
    let script = there(ours(), our_rules())
        .documented(
            "wafv2:DeleteWebACL",
            TERRAFORM,
            refused(400, "WAFAssociatedItemException", "It is in use."),
        )
        .modelled(
            "cloudfront:ListDistributionsByWebACLId",
            "boto/botocore botocore/data/cloudfront/2020-05-31/service-2.json",
            users,
        );
    let account = of_root(script).await;
    let ran = account.down(&stack(|_| {}), ID).await;
    let failure = ran.failure();
    assert!(
        failure.error.message.contains("EDFDVBD6EXAMPLE"),
        "{}",
        failure.error.in_a_line()
    );
    assert_eq!(failure.error.kind, Kind::Refused);
    assert!(matches!(ran.report.steps[1].outcome, Outcome::Failed(_)));
    account.check();
}

#[tokio::test]
async fn a_duplicate_is_ours_only_by_its_tags_and_a_full_account_says_so() {
    let made = || {
        Script::default()
            .recorded("wafv2:ListWebACLs", CUSTODIAN, json!({"WebACLs": []}).to_string())
            .recorded("wafv2:ListWebACLs", CUSTODIAN, listed(json!([summary()]), "confctl-tcb-conference-us-east-1"))
            .after("wafv2:CreateWebACL")
            .documented(
                "wafv2:CreateWebACL",
                TERRAFORM,
                refused(400, "WAFDuplicateItemException", "AWS WAF couldn\u{2019}t perform the operation because some resource in your request is a duplicate of an existing one."),
            )
    };
    let another =
        json!([{"Key": "confctl:stack", "Value": "another"}, {"Key": "confctl:region", "Value": "us-east-1"}]);
    for (tags, well) in [(ours(), true), (another, false)] {
        let script = made().recorded("wafv2:ListTagsForResource", CUSTODIAN, tagged(tags));
        let script = match well {
            true => script.recorded("wafv2:GetWebACL", CUSTODIAN, web_acl(our_rules())),
            false => script,
        };
        let account = of_root(script).await;
        let ran = account.up(&stack(|_| {}), ID, Given::default()).await;
        match well {
            true => ran.done(),
            false => assert_eq!(ran.failure().error.kind, Kind::Refused),
        }
        account.check();
    }
    let full = Script::default()
        .recorded("wafv2:ListWebACLs", CUSTODIAN, json!({"WebACLs": []}).to_string())
        .documented(
            "wafv2:CreateWebACL",
            "boto/botocore botocore/data/wafv2/2019-07-29/service-2.json",
            refused(
                400,
                "WAFLimitsExceededException",
                "AWS WAF couldn\u{2019}t perform the operation because you exceeded your resource limit.",
            ),
        );
    let account = of_root(full).await;
    let ran = account.up(&stack(|_| {}), ID, Given::default()).await;
    assert!(ran.failure().error.in_a_line().contains("resource limit"));
    account.check();
}
