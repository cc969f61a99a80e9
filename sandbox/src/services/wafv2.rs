//! WAFv2: JSON ↔ web ACLs of scope CLOUDFRONT.
//! Rules are read for what the edge applies and kept as they were sent.

mod rules;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::order::in_no_order;
use super::{Entry, Service, not_implemented, operation};
use crate::protocols::call::{Answer, Call};
use crate::world::web_acls::{Action, Definition, Sample, WebAcl, nonexistent};
use crate::world::{Refusal, Tags, World};

pub(crate) const SERVICE: Service = Service {
    scope: "wafv2",
    title: "AWS WAF V2",
    operations: OPERATIONS,
    refuses: Some(refuse),
};

/// What clients always send of it, with the value that it has anyway or with nothing in it, is no wish; anything else in it is
/// refused. Defaults: WAF API, CaptchaConfig, ChallengeConfig, AssociationConfig (RequestBodyAssociatedResourceTypeConfig).
const DEFAULTS: &str = "CaptchaConfig{ImmunityTimeProperty{ImmunityTime=300}},\
     ChallengeConfig{ImmunityTimeProperty{ImmunityTime=300}},\
     AssociationConfig{RequestBody{CLOUDFRONT{DefaultSizeInspectionLimit=KB_16}}},\
     CustomResponseBodies{},DataProtectionConfig{DataProtections{}},ApplicationConfig{Attributes{}},\
     OnSourceDDoSProtectionConfig{ALBLowReputationMode=ACTIVE_UNDER_DDOS}";

/// No metrics are kept of web ACLs, and samples always are.
const VISIBILITY: &str = "VisibilityConfig{SampledRequestsEnabled~,CloudWatchMetricsEnabled~,MetricName}";

const RULES: &str = "Rules{Name,Priority,Action{Allow,Block,Count},OverrideAction{None,Count},\
     VisibilityConfig{SampledRequestsEnabled~,CloudWatchMetricsEnabled~,MetricName},\
     Statement{\
     ByteMatchStatement{SearchString,PositionalConstraint,TextTransformations{Priority,Type},\
     FieldToMatch{SingleHeader{Name},SingleQueryArgument{Name},Method,QueryString,UriPath}},\
     SizeConstraintStatement{ComparisonOperator,Size,TextTransformations{Priority,Type},\
     FieldToMatch{SingleHeader{Name},SingleQueryArgument{Name},Method,QueryString,UriPath}},\
     RateBasedStatement{Limit,EvaluationWindowSec,AggregateKeyType,ForwardedIPConfig{HeaderName,FallbackBehavior},\
     ScopeDownStatement{@Statement}},\
     ManagedRuleGroupStatement{VendorName,Name,ExcludedRules{Name},\
     RuleActionOverrides{Name,ActionToUse{Allow,Block,Count}},ScopeDownStatement{@Statement}},\
     AndStatement{Statements{@Statement}},OrStatement{Statements{@Statement}},NotStatement{Statement{@Statement}}}}";

const OPERATIONS: &[Entry] = &[
    operation(
        "CreateWebACL",
        &[
            "Name",
            "Scope",
            "DefaultAction{Allow,Block}",
            "Description",
            RULES,
            VISIBILITY,
            DEFAULTS,
            "Tags{Key,Value}",
        ],
        |world, call| act(world, call, create),
    ),
    operation("GetWebACL", &["Name", "Scope", "Id", "ARN"], |world, call| {
        act(world, call, get)
    }),
    operation("ListWebACLs", &["Scope", "NextMarker", "Limit"], |world, call| {
        act(world, call, list)
    }),
    operation(
        "UpdateWebACL",
        &[
            "Name",
            "Scope",
            "Id",
            "DefaultAction{Allow,Block}",
            "Description",
            RULES,
            VISIBILITY,
            DEFAULTS,
            "LockToken",
        ],
        |world, call| act(world, call, update),
    ),
    operation("DeleteWebACL", &["Name", "Scope", "Id", "LockToken"], |world, call| {
        act(world, call, delete)
    }),
    operation(
        "ListTagsForResource",
        &["ResourceARN", "NextMarker", "Limit"],
        |world, call| act(world, call, list_tags),
    ),
    operation("TagResource", &["ResourceARN", "Tags{Key,Value}"], |world, call| {
        act(world, call, tag)
    }),
    operation("UntagResource", &["ResourceARN", "TagKeys"], |world, call| {
        act(world, call, untag)
    }),
    operation("ListAvailableManagedRuleGroups", &["Scope", "Limit~"], |world, call| {
        act(world, call, managed_groups)
    }),
    operation("CheckCapacity", &["Scope", RULES], |world, call| {
        act(world, call, check_capacity)
    }),
    operation(
        "GetSampledRequests",
        &[
            "WebAclArn",
            "RuleMetricName",
            "Scope",
            "TimeWindow{StartTime,EndTime}",
            "MaxItems",
        ],
        |world, call| act(world, call, sampled),
    ),
    operation("AssociateWebACL", &["WebACLArn", "ResourceArn"], |world, call| {
        act(world, call, not_for_cloudfront)
    }),
    operation("DisassociateWebACL", &["ResourceArn"], |world, call| {
        act(world, call, not_for_cloudfront)
    }),
    operation("GetWebACLForResource", &["ResourceArn"], |world, call| {
        act(world, call, not_for_cloudfront)
    }),
    operation(
        "ListResourcesForWebACL",
        &["WebACLArn", "ResourceType"],
        |world, call| act(world, call, not_for_cloudfront),
    ),
];

/// The members of a definition that are kept as they were sent.
const KEPT: &[&str] = &["DefaultAction", "Rules", "VisibilityConfig"];

/// Kept likewise, where something was said.
const KEPT_IF_SAID: &[&str] = &["CaptchaConfig", "ChallengeConfig", "AssociationConfig"];

/// What an operation does with the members of its request.
type Act = fn(&World, &Map<String, Value>) -> Result<Value, Refusal>;

fn act(world: &World, call: &Call, act: Act) -> Result<Answer, Refusal> {
    let answer = act(world, &call.json()?)?;
    Ok(winterbaume_core::MockResponse::json(200, answer.to_string()).into())
}

fn refuse(_: &Arc<World>, call: &Call) -> Result<(), Refusal> {
    let request: Map<String, Value> = call.json()?;
    check_marker(&request)?;
    match request.get("Scope") {
        // There are none, and none can be made.
        Some(scope) if scope == "REGIONAL" && call.operation == "ListWebACLs" => Ok(()),
        Some(scope) => check_scope(scope, &call.region),
        None => check_arn(&request, &call.region),
    }
}

/// A marker is of one character at least, also where an answer of AWS's own had an empty one (mondoohq/mql#9340).
fn check_marker(request: &Map<String, Value>) -> Result<(), Refusal> {
    if request.get("NextMarker").and_then(Value::as_str) != Some("") {
        return Ok(());
    }
    let text = "1 validation error detected: Value '' at 'nextMarker' failed to satisfy constraint: Member must have length \
                greater than or equal to 1";
    Err(Refusal::new("ValidationException", text))
}

fn check_scope(scope: &Value, region: &str) -> Result<(), Refusal> {
    match scope.as_str() {
        // A global scope, but only one region's endpoint knows it (WAF API, Scope).
        Some("CLOUDFRONT") if region == "us-east-1" => Ok(()),
        Some("CLOUDFRONT") => Err(invalid("SCOPE_VALUE", "The scope is not valid., parameter: CLOUDFRONT")),
        Some("REGIONAL") => Err(not_implemented("web ACLs of scope REGIONAL")),
        _ => Err(invalid("SCOPE_VALUE", "The scope is not valid.")),
    }
}

/// What is global is known in one region only, whichever way it is named.
fn check_arn(request: &Map<String, Value>, region: &str) -> Result<(), Refusal> {
    let arns = ["ARN", "ResourceARN", "WebACLArn"]
        .iter()
        .filter_map(|member| request.get(*member)?.as_str());
    let mut global = arns.filter(|arn| arn.contains(":global/"));
    match global.next() {
        Some(_) if region != "us-east-1" => {
            let text = "The ARN isn't valid. A valid ARN begins with arn: and includes other information separated by colons or \
                        slashes.";
            Err(invalid("RESOURCE_ARN", text))
        }
        _ => Ok(()),
    }
}

/// CloudFront's distributions name their web ACL themselves (WAF API, AssociateWebACL: use UpdateDistribution). Other resources
/// would need a web ACL of scope REGIONAL, of which there are none.
fn not_for_cloudfront(_: &World, request: &Map<String, Value>) -> Result<Value, Refusal> {
    let arn = ["ResourceArn", "WebACLArn"]
        .iter()
        .find_map(|member| request.get(*member)?.as_str());
    if arn.is_some_and(|arn| arn.contains(":cloudfront:") || arn.contains(":global/")) {
        let text = "The ARN isn't valid. A valid ARN begins with arn: and includes other information separated by colons or \
                    slashes. For CloudFront, use the distribution's own configuration";
        return Err(invalid("RESOURCE_ARN", text));
    }
    Err(not_implemented("web ACLs of scope REGIONAL"))
}

fn invalid(field: &str, reason: &str) -> Refusal {
    let text = format!("Error reason: {reason}, field: {field}");
    Refusal::new("WAFInvalidParameterException", text)
}

fn text<'a>(request: &'a Map<String, Value>, member: &str) -> Result<&'a str, Refusal> {
    let value = request
        .get(member)
        .and_then(Value::as_str)
        .filter(|value| !value.is_empty());
    value.ok_or_else(|| {
        let text = format!("1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null");
        Refusal::new("ValidationException", text)
    })
}

fn create(world: &World, request: &Map<String, Value>) -> Result<Value, Refusal> {
    text(request, "Scope")?;
    let name = text(request, "Name")?;
    if name.len() > 128 || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)) {
        return Err(invalid(
            "NAME",
            "The name is not valid: 1 to 128 letters, digits, '_' and '-'",
        ));
    }
    let definition = definition(request)?;
    let tags = tags(request);
    let made = world.lock().create_web_acl(name, definition, tags)?;
    Ok(json!({ "Summary": summary(&made) }))
}

/// Reads what CreateWebACL and UpdateWebACL have in common.
fn definition(request: &Map<String, Value>) -> Result<Definition, Refusal> {
    let description = match request.get("Description").and_then(Value::as_str) {
        // A trap of the console's own web ACLs: they read back as "", which no update takes.
        Some("") => {
            return Err(invalid(
                "ENTITY_DESCRIPTION",
                "The description is not valid: at least one character",
            ));
        }
        other => other.map(str::to_owned),
    };
    let action = request.get("DefaultAction").and_then(Value::as_object);
    let allows = match action {
        Some(action) if action.len() == 1 && action.contains_key("Allow") => true,
        Some(action) if action.len() == 1 && action.contains_key("Block") => false,
        _ => {
            return Err(invalid(
                "DEFAULT_ACTION",
                "You have not specified exactly one default action",
            ));
        }
    };
    rules::visibility(request.get("VisibilityConfig"))?;
    let sent = request
        .get("Rules")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let (rules, capacity) = rules::read(sent)?;
    let is_empty = |value: &Value| value.as_object().is_some_and(Map::is_empty);
    let kept = request.iter().filter(|(member, value)| {
        KEPT.contains(&member.as_str()) || (KEPT_IF_SAID.contains(&member.as_str()) && !is_empty(value))
    });
    Ok(Definition {
        description,
        allows,
        rules,
        capacity,
        document: kept.map(|(member, value)| (member.clone(), value.clone())).collect(),
    })
}

fn tags(request: &Map<String, Value>) -> Tags {
    let list = request.get("Tags").and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|tag| {
        Some((
            tag["Key"].as_str()?.to_owned(),
            tag["Value"].as_str().unwrap_or_default().to_owned(),
        ))
    })
    .collect()
}

/// As in lists and as the answer of a creation.
fn summary(acl: &WebAcl) -> Value {
    json!({
        "Name": acl.name,
        "Id": acl.id,
        "Description": acl.definition.description.as_deref().unwrap_or_default(),
        "LockToken": acl.lock_token,
        "ARN": acl.arn,
    })
}

fn get(world: &World, request: &Map<String, Value>) -> Result<Value, Refusal> {
    let state = world.lock();
    let web_acls = state.web_acls.seen(state.as_of(world.clock.now()));
    let acl = match request.get("ARN").and_then(Value::as_str) {
        Some(arn) => web_acls.by_arn(arn).ok_or_else(nonexistent)?,
        None => web_acls.get(text(request, "Id")?, text(request, "Name")?)?,
    };
    let mut shown = acl.definition.document.clone();
    shown.entry("Rules").or_insert_with(|| json!([]));
    let namespace = format!("awswaf:{}:webacl:{}:", state.account, acl.name);
    for (member, value) in [
        ("Name", json!(acl.name)),
        ("Id", json!(acl.id)),
        ("ARN", json!(acl.arn)),
        (
            "Description",
            json!(acl.definition.description.as_deref().unwrap_or_default()),
        ),
        ("Capacity", json!(acl.definition.capacity)),
        ("ManagedByFirewallManager", json!(false)),
        ("RetrofittedByFirewallManager", json!(false)),
        // Of CLOUDFRONT ones, too, where it says nothing (cloud-custodian's recordings of GetWebACL: 4 of 5).
        (
            "OnSourceDDoSProtectionConfig",
            json!({ "ALBLowReputationMode": "ACTIVE_UNDER_DDOS" }),
        ),
        ("LabelNamespace", json!(namespace)),
    ] {
        shown.insert(member.to_owned(), value);
    }
    Ok(json!({ "WebACL": shown, "LockToken": acl.lock_token }))
}

fn list(world: &World, request: &Map<String, Value>) -> Result<Value, Refusal> {
    if text(request, "Scope")? == "REGIONAL" {
        return Ok(json!({ "WebACLs": [] }));
    }
    let most = request
        .get("Limit")
        .and_then(Value::as_u64)
        .unwrap_or(100)
        .clamp(1, 100);
    let marker = request.get("NextMarker").and_then(Value::as_str).unwrap_or_default();
    let state = world.lock();
    let mut rest: Vec<&WebAcl> = state
        .web_acls
        .seen(state.as_of(world.clock.now()))
        .all
        .values()
        .filter(|acl| acl.name.as_str() > marker)
        .collect();
    rest.sort_by(|a, b| a.name.cmp(&b.name));
    rest.truncate(usize::try_from(most).unwrap_or(100));
    let mut answer = json!({ "WebACLs": rest.iter().map(|acl| summary(acl)).collect::<Vec<_>>() });
    // After the last page, too: what ends the list is a page with nothing on it (boto/boto3#3715).
    if let Some(last) = rest.last() {
        answer["NextMarker"] = json!(last.name);
    }
    Ok(answer)
}

fn update(world: &World, request: &Map<String, Value>) -> Result<Value, Refusal> {
    text(request, "Scope")?;
    let (id, name, token) = (
        text(request, "Id")?,
        text(request, "Name")?,
        text(request, "LockToken")?,
    );
    let definition = definition(request)?;
    let next = world.lock().update_web_acl(id, name, token, definition)?;
    Ok(json!({ "NextLockToken": next }))
}

fn delete(world: &World, request: &Map<String, Value>) -> Result<Value, Refusal> {
    text(request, "Scope")?;
    let now = world.clock.now();
    let (id, name, token) = (
        text(request, "Id")?,
        text(request, "Name")?,
        text(request, "LockToken")?,
    );
    world.lock().delete_web_acl(id, name, token, now)?;
    Ok(json!({}))
}

fn list_tags(world: &World, request: &Map<String, Value>) -> Result<Value, Refusal> {
    let arn = text(request, "ResourceARN")?;
    let state = world.lock();
    let web_acls = state.web_acls.seen(state.as_of(world.clock.now()));
    let acl = web_acls.by_arn(arn).ok_or_else(nonexistent)?;
    let most = request.get("Limit").and_then(Value::as_u64).unwrap_or(100);
    let most = usize::try_from(most.clamp(1, 100)).unwrap_or(100);
    let tags = in_no_order(&acl.tags, |(key, _)| (*key).clone());
    let marker = request.get("NextMarker").and_then(Value::as_str);
    let after = match marker {
        None => 0,
        Some(marker) => {
            let place = tags.iter().position(|(key, _)| key.as_str() == marker);
            place.ok_or_else(|| invalid("NEXT_MARKER", "The next marker is not valid"))? + 1
        }
    };
    let page = &tags[after..tags.len().min(after + most)];
    let more = after + page.len() < tags.len();
    // An empty marker ends the list: all that there are recordings of have it.
    let next = page.last().filter(|_| more).map_or("", |(key, _)| key.as_str());
    let shown: Vec<Value> = page
        .iter()
        .map(|(key, value)| json!({ "Key": key, "Value": value }))
        .collect();
    Ok(json!({ "NextMarker": next, "TagInfoForResource": { "ResourceARN": arn, "TagList": shown } }))
}

fn tag(world: &World, request: &Map<String, Value>) -> Result<Value, Refusal> {
    let arn = text(request, "ResourceARN")?;
    let mut state = world.lock();
    state.web_acls.by_arn_mut(arn)?.tags.extend(tags(request));
    Ok(json!({}))
}

fn untag(world: &World, request: &Map<String, Value>) -> Result<Value, Refusal> {
    let arn = text(request, "ResourceARN")?;
    let keys = request.get("TagKeys").and_then(Value::as_array).into_iter().flatten();
    let keys: Vec<&str> = keys.filter_map(Value::as_str).collect();
    let mut state = world.lock();
    let acl = state.web_acls.by_arn_mut(arn)?;
    acl.tags.retain(|key, _| !keys.contains(&key.as_str()));
    Ok(json!({}))
}

fn check_capacity(_: &World, request: &Map<String, Value>) -> Result<Value, Refusal> {
    text(request, "Scope")?;
    let sent = request.get("Rules").and_then(Value::as_array);
    let (_, capacity) = rules::read(sent.map_or(&[][..], Vec::as_slice))?;
    Ok(json!({ "Capacity": capacity }))
}

/// Requests that a rule caught. What the default action let through or blocked is not sampled here.
fn sampled(world: &World, request: &Map<String, Value>) -> Result<Value, Refusal> {
    let (arn, metric) = (text(request, "WebAclArn")?, text(request, "RuleMetricName")?);
    let most = request
        .get("MaxItems")
        .and_then(Value::as_u64)
        .unwrap_or(500)
        .clamp(1, 500);
    let window = request.get("TimeWindow").cloned().unwrap_or_default();
    // Seconds since the epoch, as the JSON protocol has it.
    let time = |member: &str| {
        let seconds = window[member].as_f64();
        let time = seconds.and_then(|seconds| jiff::Timestamp::from_millisecond((seconds * 1e3) as i64).ok());
        time.ok_or_else(|| invalid("TIME_WINDOW", "The time window is not valid"))
    };
    let (start, end) = (time("StartTime")?, time("EndTime")?);
    let state = world.lock();
    if state.web_acls.by_arn(arn).is_none() {
        return Err(nonexistent());
    }
    let found = state.web_acls.samples.between(arn, metric, start, end);
    let population = found.len();
    let shown = found.into_iter().take(usize::try_from(most).unwrap_or(500)).map(sample);
    Ok(json!({
        "SampledRequests": shown.collect::<Vec<_>>(),
        "PopulationSize": population,
        "TimeWindow": { "StartTime": start.as_second(), "EndTime": end.as_second() },
    }))
}

fn sample(sample: &Sample) -> Value {
    let action = match sample.action {
        Action::Allow => "ALLOW",
        Action::Block => "BLOCK",
        Action::Count => "COUNT",
    };
    let headers = sample
        .headers
        .iter()
        .map(|(name, value)| json!({ "Name": name, "Value": value }));
    let mut shown = json!({
        "Request": {
            "ClientIP": sample.client,
            "Country": "-",
            "URI": sample.uri,
            "Method": sample.method,
            "HTTPVersion": "HTTP/1.1",
            "Headers": headers.collect::<Vec<_>>(),
        },
        "Weight": 1,
        "Timestamp": sample.when.as_millisecond() as f64 / 1e3,
        "Action": action,
    });
    if let Some(rule) = &sample.rule_within_group {
        shown["RuleNameWithinRuleGroup"] = json!(rule);
    }
    shown
}

fn managed_groups(_: &World, _: &Map<String, Value>) -> Result<Value, Refusal> {
    let groups = rules::MANAGED_GROUPS
        .iter()
        .map(|(name, _)| json!({ "VendorName": "AWS", "Name": name, "VersioningSupported": true, "Description": "" }));
    Ok(json!({ "ManagedRuleGroups": groups.collect::<Vec<_>>() }))
}

#[cfg(test)]
mod tests;
