//! WAFv2's API as its clients speak it.

use std::sync::Arc;

use http::{HeaderMap, Method};
use serde_json::{Value, json};

use super::run;
use crate::gateway::call::{Call, Protocol};
use crate::proxy::tests as proxy;
use crate::world::{Refusal, World};

fn call(world: &Arc<World>, operation: &str, request: &Value) -> Result<Value, Refusal> {
    let answer = run(
        world,
        &Call {
            request_id: "request".to_owned(),
            service: "wafv2".to_owned(),
            region: "us-east-1".to_owned(),
            protocol: Protocol::Json,
            operation: operation.to_owned(),
            caller: "arn:aws:iam::123456789012:root".to_owned(),
            method: Method::POST,
            uri: "/".parse().unwrap(),
            headers: HeaderMap::new(),
            body: request.to_string().into(),
        },
    )?;
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

#[tokio::test]
async fn fresh_tags_read_as_none_where_tags_are_slow() {
    let world = proxy::world(600.0, proxy::Fixed::default());
    world.lock().tag_delay = jiff::SignedDuration::from_secs(60);
    let made = call(&world, "CreateWebACL", &one_click("site")).unwrap()["Summary"].clone();
    let tags = || {
        let answer = call(&world, "ListTagsForResource", &json!({ "ResourceARN": made["ARN"] })).unwrap();
        answer["TagInfoForResource"]["TagList"].as_array().unwrap().len()
    };
    assert_eq!(tags(), 0);
    world.clock.sleep_seconds(61).await;
    assert_eq!(tags(), 1);
}
