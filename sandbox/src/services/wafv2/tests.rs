//! WAFv2's API as its clients speak it.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::proxy::tests as proxy;
use crate::services::asked;
use crate::world::{Refusal, World};

fn call(world: &Arc<World>, operation: &str, request: &Value) -> Result<Value, Refusal> {
    call_in(world, "us-east-1", operation, request)
}

fn call_in(world: &Arc<World>, region: &str, operation: &str, request: &Value) -> Result<Value, Refusal> {
    let answer = asked::json(world, ("wafv2", region), operation, request)?;
    Ok(serde_json::from_slice(&answer.body).unwrap())
}

fn visibility(name: &str) -> Value {
    json!({ "SampledRequestsEnabled": true, "CloudWatchMetricsEnabled": true, "MetricName": name })
}

/// What the console's "Enable security protections" makes.
fn one_click(name: &str) -> Value {
    let groups = ["AmazonIpReputationList", "CommonRuleSet", "KnownBadInputsRuleSet"];
    let rules = groups.iter().enumerate().map(|(priority, group)| {
        json!({
            "Name": format!("AWS-AWSManagedRules{group}"),
            "Priority": priority,
            "Statement": { "ManagedRuleGroupStatement": { "VendorName": "AWS", "Name": format!("AWSManagedRules{group}") } },
            "OverrideAction": { "None": {} },
            "VisibilityConfig": visibility(group),
        })
    });
    json!({
        "Name": name,
        "Scope": "CLOUDFRONT",
        "DefaultAction": { "Allow": {} },
        "Rules": rules.collect::<Vec<_>>(),
        "VisibilityConfig": visibility(name),
        "Tags": [{ "Key": "stack", "Value": "one" }],
    })
}

#[tokio::test]
async fn a_web_acl_lives_and_dies_by_its_lock_token() {
    let world = proxy::world(60.0, proxy::Fixed::default());
    let made = call(&world, "CreateWebACL", &one_click("site")).unwrap()["Summary"].clone();
    assert_eq!(
        call(&world, "CreateWebACL", &one_click("site")).unwrap_err().code,
        "WAFDuplicateItemException"
    );

    let named = json!({ "Name": "site", "Scope": "CLOUDFRONT", "Id": made["Id"] });
    let read = call(&world, "GetWebACL", &named).unwrap();
    assert_eq!(read["WebACL"]["Capacity"], 925);
    assert_eq!(read["WebACL"]["Rules"], one_click("site")["Rules"]);
    assert_eq!(read["LockToken"], made["LockToken"]);

    let mut update = one_click("site");
    update.as_object_mut().unwrap().remove("Tags");
    update["Id"] = made["Id"].clone();
    update["LockToken"] = made["LockToken"].clone();
    update["Rules"].as_array_mut().unwrap().pop();
    let next = call(&world, "UpdateWebACL", &update).unwrap()["NextLockToken"].clone();
    assert_eq!(
        call(&world, "UpdateWebACL", &update).unwrap_err().code,
        "WAFOptimisticLockException"
    );
    assert_eq!(call(&world, "GetWebACL", &named).unwrap()["WebACL"]["Capacity"], 725);

    let tags = call(&world, "ListTagsForResource", &json!({ "ResourceARN": made["ARN"] })).unwrap();
    assert_eq!(
        tags["TagInfoForResource"]["TagList"],
        json!([{ "Key": "stack", "Value": "one" }])
    );

    let mut delete = named.clone();
    delete["LockToken"] = made["LockToken"].clone();
    assert_eq!(
        call(&world, "DeleteWebACL", &delete).unwrap_err().code,
        "WAFOptimisticLockException"
    );
    delete["LockToken"] = next;
    call(&world, "DeleteWebACL", &delete).unwrap();
    assert_eq!(
        call(&world, "GetWebACL", &named).unwrap_err().code,
        "WAFNonexistentItemException"
    );
}

#[tokio::test]
async fn an_account_has_as_many_web_acls_as_its_quota_says() {
    use crate::world::quotas::{GLOBAL_REGION, WEB_ACLS};
    let world = proxy::world(1.0, proxy::Fixed::default());
    world.lock().region(GLOBAL_REGION).quotas.raise(&WEB_ACLS, 1.0);
    call(&world, "CreateWebACL", &one_click("one")).unwrap();
    let refused = call(&world, "CreateWebACL", &one_click("two")).unwrap_err();
    assert_eq!(refused.code, "WAFLimitsExceededException");
}

#[tokio::test]
async fn every_page_has_a_marker_and_the_list_ends_with_an_empty_one() {
    let world = proxy::world(60.0, proxy::Fixed::default());
    for name in ["one", "two", "three"] {
        call(&world, "CreateWebACL", &one_click(name)).unwrap();
    }
    let page = |marker: Option<&Value>| {
        let mut request = json!({ "Scope": "CLOUDFRONT", "Limit": 2 });
        if let Some(marker) = marker {
            request["NextMarker"] = marker.clone();
        }
        call(&world, "ListWebACLs", &request).unwrap()
    };
    let names = |page: &Value| {
        let acls = page["WebACLs"].as_array().unwrap().iter();
        acls.map(|acl| acl["Name"].clone()).collect::<Vec<_>>()
    };
    let first = page(None);
    assert_eq!(
        (names(&first), &first["NextMarker"]),
        (vec!["one".into(), "three".into()], &json!("three"))
    );
    let last = page(Some(&first["NextMarker"]));
    assert_eq!((names(&last), &last["NextMarker"]), (vec!["two".into()], &json!("two")));
    assert_eq!(page(Some(&last["NextMarker"])), json!({ "WebACLs": [] }));
}

#[tokio::test]
async fn tags_end_with_an_empty_marker_that_nobody_may_send_back() {
    let world = proxy::world(60.0, proxy::Fixed::default());
    let mut wanted = one_click("site");
    let tags = ["a", "b", "c", "d"].map(|key| json!({ "Key": key, "Value": "" }));
    wanted["Tags"] = tags.to_vec().into();
    let arn = call(&world, "CreateWebACL", &wanted).unwrap()["Summary"]["ARN"].clone();
    let (mut seen, mut marker) = (Vec::new(), Value::Null);
    loop {
        let request = json!({ "ResourceARN": arn, "Limit": 3, "NextMarker": marker });
        let page = call(&world, "ListTagsForResource", &request).unwrap();
        seen.extend(page["TagInfoForResource"]["TagList"].as_array().unwrap().clone());
        marker = page["NextMarker"].clone();
        if marker == "" {
            break;
        }
    }
    seen.sort_by_key(|tag| tag["Key"].to_string());
    assert_eq!(seen, tags);
    for request in [
        json!({ "ResourceARN": arn, "NextMarker": marker }),
        json!({ "Scope": "CLOUDFRONT", "NextMarker": marker }),
        json!({ "Scope": "REGIONAL", "NextMarker": marker }),
    ] {
        let operation = if request["Scope"] == Value::Null {
            "ListTagsForResource"
        } else {
            "ListWebACLs"
        };
        let refused = call(&world, operation, &request).unwrap_err();
        assert_eq!(refused.code, "ValidationException", "{request}");
        assert!(
            refused.message.contains("Value '' at 'nextMarker'"),
            "{}",
            refused.message
        );
    }
}

#[tokio::test]
async fn what_aws_fills_in_can_be_sent_back() {
    let world = proxy::world(60.0, proxy::Fixed::default());
    let mut sent = one_click("site");
    sent["CaptchaConfig"] = json!({ "ImmunityTimeProperty": { "ImmunityTime": 300 } });
    sent["AssociationConfig"] = json!({});
    let made = call(&world, "CreateWebACL", &sent).unwrap()["Summary"].clone();
    let read = call(&world, "GetWebACL", &json!({ "ARN": made["ARN"] })).unwrap();
    let protection = json!({ "ALBLowReputationMode": "ACTIVE_UNDER_DDOS" });
    assert_eq!(read["WebACL"]["OnSourceDDoSProtectionConfig"], protection);
    assert_eq!(read["WebACL"]["CaptchaConfig"], sent["CaptchaConfig"]);
    assert_eq!(read["WebACL"]["AssociationConfig"], Value::Null);
}

#[tokio::test]
async fn a_distribution_holds_its_web_acl_and_for_a_while_after() {
    let site = proxy::Site::at(1.0, proxy::configuration(proxy::OPTIMIZED)).await;
    let world = &site.world;
    let made = call(world, "CreateWebACL", &one_click("site")).unwrap()["Summary"].clone();
    let change = |web_acl: &str| site.update(|configuration| configuration.web_acl_id = web_acl.to_owned());
    let delete = json!({ "Name": "site", "Scope": "CLOUDFRONT", "Id": made["Id"], "LockToken": made["LockToken"] });
    change(made["ARN"].as_str().unwrap());
    assert_eq!(
        call(world, "DeleteWebACL", &delete).unwrap_err().code,
        "WAFAssociatedItemException"
    );
    change("");
    assert_eq!(
        call(world, "DeleteWebACL", &delete).unwrap_err().code,
        "WAFAssociatedItemException"
    );
    site.later(15);
    call(world, "DeleteWebACL", &delete).unwrap();
}

#[tokio::test]
async fn wrong_web_acls_are_refused() {
    let world = proxy::world(60.0, proxy::Fixed::default());
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut request = one_click("site");
        change(&mut request);
        call(&world, "CreateWebACL", &request).unwrap_err().code
    };
    assert_eq!(
        refused(&|acl| acl["Description"] = "".into()),
        "WAFInvalidParameterException"
    );
    assert_eq!(
        refused(&|acl| acl["Rules"][1]["Priority"] = 0.into()),
        "WAFInvalidParameterException"
    );
    assert_eq!(
        refused(&|acl| acl["Rules"][0]["Action"] = json!({ "Block": {} })),
        "WAFInvalidParameterException"
    );
    assert_eq!(
        refused(&|acl| acl["DefaultAction"] = json!({})),
        "WAFInvalidParameterException"
    );
    let unknown = |acl: &mut Value| acl["Rules"][0]["Statement"]["ManagedRuleGroupStatement"]["Name"] = "Other".into();
    assert_eq!(refused(&unknown), "WAFNonexistentItemException");
    assert_eq!(refused(&|acl| acl["Scope"] = "REGIONAL".into()), "NotImplemented");
}

/// A limit on registrations from one address, as a client sends it.
fn limited(statement: &Value) -> Value {
    let mut acl = one_click("limited");
    acl["Rules"] = json!([{
        "Name": "registrations",
        "Priority": 1,
        "Action": { "Block": {} },
        "Statement": { "RateBasedStatement": { "Limit": 100, "AggregateKeyType": "IP", "ScopeDownStatement": statement } },
        "VisibilityConfig": visibility("registrations"),
    }]);
    acl
}

/// `/register`, as the API takes bytes.
fn register() -> Value {
    json!({ "ByteMatchStatement": {
        "SearchString": "L3JlZ2lzdGVy",
        "FieldToMatch": { "UriPath": {} },
        "TextTransformations": [{ "Priority": 0, "Type": "LOWERCASE" }],
        "PositionalConstraint": "STARTS_WITH",
    } })
}

#[tokio::test]
async fn a_rate_limit_takes_a_scope_and_reads_back_as_it_was_sent() {
    let world = proxy::world(60.0, proxy::Fixed::default());
    let made = call(&world, "CreateWebACL", &limited(&register())).unwrap()["Summary"].clone();
    let read = call(&world, "GetWebACL", &json!({ "ARN": made["ARN"] })).unwrap();
    assert_eq!(read["WebACL"]["Rules"], limited(&register())["Rules"]);
    let rules = json!({ "Scope": "CLOUDFRONT", "Rules": limited(&register())["Rules"] });
    let capacity = call(&world, "CheckCapacity", &rules).unwrap()["Capacity"].clone();
    // 2 for the rate, 2 for the match, 10 for the transformation.
    assert_eq!((&read["WebACL"]["Capacity"], &capacity), (&json!(14), &json!(14)));
}

#[tokio::test]
async fn what_the_edge_cannot_look_for_is_refused_and_not_ignored() {
    let world = proxy::world(60.0, proxy::Fixed::default());
    let refused = |acl: Value| call(&world, "CreateWebACL", &acl).unwrap_err().code;
    let geo = json!({ "GeoMatchStatement": { "CountryCodes": ["DE"] } });
    assert_eq!(refused(limited(&geo)), "NotImplemented");
    let mut body = register();
    body["ByteMatchStatement"]["FieldToMatch"] = json!({ "Body": {} });
    assert_eq!(refused(limited(&body)), "NotImplemented");
    let mut captcha = limited(&register());
    captcha["Rules"][0]["Action"] = json!({ "Captcha": {} });
    assert_eq!(refused(captcha), "NotImplemented");
    let mut allow = limited(&register());
    allow["Rules"][0]["Action"] = json!({ "Allow": {} });
    assert_eq!(refused(allow), "WAFInvalidParameterException");
    assert_eq!(world.lock().web_acls.all.len(), 0);
}

/// A global scope that one region's endpoint knows, whichever way a web ACL is named.
#[tokio::test]
async fn another_region_than_us_east_1_knows_nothing_of_cloudfronts_web_acls() {
    let world = proxy::world(60.0, proxy::Fixed::default());
    let made = call(&world, "CreateWebACL", &one_click("site")).unwrap()["Summary"].clone();
    for (operation, request) in [
        ("ListWebACLs", json!({ "Scope": "CLOUDFRONT" })),
        ("CreateWebACL", one_click("other")),
        ("ListTagsForResource", json!({ "ResourceARN": made["ARN"] })),
    ] {
        let refused = call_in(&world, "eu-west-1", operation, &request).unwrap_err();
        assert_eq!(refused.code, "WAFInvalidParameterException", "{operation}");
    }
}

/// CloudFront's own configuration names the web ACL; WAF's association is for other resources.
#[tokio::test]
async fn a_distribution_cannot_be_associated_through_waf() {
    let site = proxy::Site::at(1.0, proxy::configuration(proxy::OPTIMIZED)).await;
    let made = call(&site.world, "CreateWebACL", &one_click("site")).unwrap()["Summary"].clone();
    let distribution = site.world.lock().distributions.get(&site.id).unwrap().clone();
    let association = json!({ "WebACLArn": made["ARN"], "ResourceArn": distribution.arn });
    let refused = call(&site.world, "AssociateWebACL", &association).unwrap_err();
    assert_eq!(refused.code, "WAFInvalidParameterException");
}

#[tokio::test]
async fn a_blocked_request_can_be_looked_up_by_the_rule_that_caught_it() {
    let site = proxy::Site::at(1.0, proxy::configuration(proxy::OPTIMIZED)).await;
    let made = call(&site.world, "CreateWebACL", &one_click("site")).unwrap()["Summary"].clone();
    let arn = made["ARN"].as_str().unwrap().to_owned();
    site.update(|configuration| configuration.web_acl_id = arn.clone());
    site.later(300);
    site.ask_without_agent("/page").await;
    let now = site.world.clock.now().as_second();
    let request = json!({
        "WebAclArn": arn,
        "RuleMetricName": "CommonRuleSet",
        "Scope": "CLOUDFRONT",
        "TimeWindow": { "StartTime": now - 60, "EndTime": now + 1 },
        "MaxItems": 10,
    });
    let samples = call(&site.world, "GetSampledRequests", &request).unwrap();
    assert_eq!(samples["PopulationSize"], 1);
    let sample = &samples["SampledRequests"][0];
    assert_eq!(
        (&sample["Action"], &sample["Request"]["URI"]),
        (&json!("BLOCK"), &json!("/page"))
    );
    assert_eq!(sample["RuleNameWithinRuleGroup"], "NoUserAgent_HEADER");
}
