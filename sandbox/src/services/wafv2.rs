//! WAFv2: JSON ↔ web ACLs of scope CLOUDFRONT.
//! Rules are read for what the edge applies and kept as they were sent.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Operation, Service, not_implemented, operation};
use crate::gateway::call::{Answer, Call};
use crate::world::web_acls::{Definition, Rule, Statement, WebAcl};
use crate::world::{Refusal, Tags, World};

pub(crate) const SERVICE: Service = Service {
    scope: "wafv2",
    title: "AWS WAF V2",
    operations: OPERATIONS,
    run,
};

const OPERATIONS: &[Operation] = &[
    operation(
        "CreateWebACL",
        &[
            "Name",
            "Scope",
            "DefaultAction",
            "Description",
            "Rules",
            "VisibilityConfig",
            "Tags",
        ],
    ),
    operation("GetWebACL", &["Name", "Scope", "Id", "ARN"]),
    operation("ListWebACLs", &["Scope", "NextMarker", "Limit"]),
    operation(
        "UpdateWebACL",
        &[
            "Name",
            "Scope",
            "Id",
            "DefaultAction",
            "Description",
            "Rules",
            "VisibilityConfig",
            "LockToken",
        ],
    ),
    operation("DeleteWebACL", &["Name", "Scope", "Id", "LockToken"]),
    operation("ListTagsForResource", &["ResourceARN", "NextMarker", "Limit"]),
    operation("TagResource", &["ResourceARN", "Tags"]),
    operation("UntagResource", &["ResourceARN", "TagKeys"]),
    operation("ListAvailableManagedRuleGroups", &["Scope", "NextMarker", "Limit"]),
];

/// AWS's managed rule groups that the sandbox knows, with their capacity units (WAF guide, aws-managed-rule-groups).
const MANAGED_GROUPS: &[(&str, i64)] = &[
    ("AWSManagedRulesAmazonIpReputationList", 25),
    ("AWSManagedRulesAnonymousIpList", 50),
    ("AWSManagedRulesCommonRuleSet", 700),
    ("AWSManagedRulesKnownBadInputsRuleSet", 200),
    ("AWSManagedRulesSQLiRuleSet", 200),
];

/// A rate-based rule's capacity without a scope-down statement.
const RATE_CAPACITY: i64 = 2;

/// The members of a definition that are kept as they were sent.
const KEPT: &[&str] = &["DefaultAction", "Rules", "VisibilityConfig"];

fn run(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: Map<String, Value> = call.json()?;
    if let Some(scope) = request.get("Scope") {
        check_scope(scope, &call.region)?;
    }
    let answer = match call.operation.as_str() {
        "CreateWebACL" => create(world, &request)?,
        "GetWebACL" => get(world, &request)?,
        "ListWebACLs" => list(world, &request)?,
        "UpdateWebACL" => update(world, &request)?,
        "DeleteWebACL" => delete(world, &request)?,
        "ListTagsForResource" => list_tags(world, &request)?,
        "TagResource" => tag(world, &request)?,
        "UntagResource" => untag(world, &request)?,
        "ListAvailableManagedRuleGroups" => managed_groups(),
        other => return Err(not_implemented(format!("{other} of AWS WAF V2"))),
    };
    Ok(winterbaume_core::MockResponse::json(200, answer.to_string()).into())
}

fn check_scope(scope: &Value, region: &str) -> Result<(), Refusal> {
    match scope.as_str() {
        // A global scope, but only one region's endpoint knows it (WAF API, Scope).
        Some("CLOUDFRONT") if region == "us-east-1" => Ok(()),
        Some("CLOUDFRONT") => Err(invalid(
            "SCOPE_VALUE",
            "The scope is not valid., field: SCOPE_VALUE, parameter: CLOUDFRONT",
        )),
        Some("REGIONAL") => Err(not_implemented("web ACLs of scope REGIONAL")),
        _ => Err(invalid("SCOPE_VALUE", "The scope is not valid.")),
    }
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

fn create(world: &Arc<World>, request: &Map<String, Value>) -> Result<Value, Refusal> {
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
    check_visibility(request.get("VisibilityConfig"))?;
    let sent = request
        .get("Rules")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let (mut names, mut priorities) = (HashSet::new(), HashSet::new());
    let (mut rules, mut capacity) = (Vec::new(), 0);
    for rule in sent {
        let (priority, read, units) = read_rule(rule)?;
        if !names.insert(read.name.clone()) || !priorities.insert(priority) {
            return Err(invalid("PRIORITY", "Rules must have different names and priorities"));
        }
        capacity += units;
        rules.push((priority, read));
    }
    rules.sort_by_key(|(priority, _)| *priority);
    let kept = request.iter().filter(|(member, _)| KEPT.contains(&member.as_str()));
    Ok(Definition {
        description,
        allows,
        rules: rules.into_iter().map(|(_, rule)| rule).collect(),
        capacity,
        document: kept.map(|(member, value)| (member.clone(), value.clone())).collect(),
    })
}

fn check_visibility(config: Option<&Value>) -> Result<(), Refusal> {
    let complete = config.is_some_and(|config| {
        config["SampledRequestsEnabled"].is_boolean()
            && config["CloudWatchMetricsEnabled"].is_boolean()
            && config["MetricName"].as_str().is_some_and(|name| !name.is_empty())
    });
    if complete {
        Ok(())
    } else {
        Err(invalid(
            "VISIBILITY_CONFIG",
            "The visibility configuration is not complete",
        ))
    }
}

/// A rule's priority, what the edge applies of it, and its capacity units.
fn read_rule(rule: &Value) -> Result<(i64, Rule, i64), Refusal> {
    let name = rule["Name"]
        .as_str()
        .ok_or_else(|| invalid("RULE", "A rule needs a name"))?
        .to_owned();
    let priority = rule["Priority"]
        .as_i64()
        .ok_or_else(|| invalid("PRIORITY", "A rule needs a priority"))?;
    check_visibility(rule.get("VisibilityConfig"))?;
    let statement = rule["Statement"].as_object().filter(|statement| statement.len() == 1);
    let (kind, body) = statement
        .and_then(|statement| statement.iter().next())
        .ok_or_else(|| invalid("STATEMENT", "A rule needs exactly one statement"))?;
    let (statement, units, counts) = match kind.as_str() {
        "ManagedRuleGroupStatement" => {
            // Groups bring their own actions: they are overridden, never set (WAF API, Rule).
            let action = &rule["OverrideAction"];
            if !rule["Action"].is_null() || !(action["None"].is_object() || action["Count"].is_object()) {
                return Err(invalid(
                    "RULE_ACTION",
                    "A rule group takes an OverrideAction and no Action",
                ));
            }
            let (statement, units) = managed(body)?;
            (statement, units, action["Count"].is_object())
        }
        "RateBasedStatement" => {
            let action = &rule["Action"];
            if !(action["Block"].is_object() || action["Count"].is_object()) {
                return Err(invalid(
                    "RULE_ACTION",
                    "A rate-based rule takes the Action Block or Count",
                ));
            }
            (rate(body)?, RATE_CAPACITY, action["Count"].is_object())
        }
        other => return Err(not_implemented(format!("{other} in web ACLs"))),
    };
    Ok((
        priority,
        Rule {
            name,
            counts,
            statement,
        },
        units,
    ))
}

fn managed(body: &Value) -> Result<(Statement, i64), Refusal> {
    if !body["ScopeDownStatement"].is_null() {
        return Err(not_implemented("ScopeDownStatement in web ACLs"));
    }
    let known = MANAGED_GROUPS
        .iter()
        .find(|(group, _)| body["VendorName"] == "AWS" && body["Name"] == *group)
        .ok_or_else(|| {
            Refusal::new(
                "WAFNonexistentItemException",
                "AWS WAF couldn’t find the managed rule group.",
            )
        })?;
    let list = |member: &str| body[member].as_array().cloned().unwrap_or_default();
    let overridden = list("RuleActionOverrides")
        .into_iter()
        .filter(|one| one["ActionToUse"]["Count"].is_object() || one["ActionToUse"]["Allow"].is_object());
    // Names that the group does not have are ignored, as WAF does.
    let counted = overridden
        .chain(list("ExcludedRules"))
        .filter_map(|one| one["Name"].as_str().map(str::to_owned));
    let statement = Statement::Managed {
        group: known.0.to_owned(),
        counted: counted.collect(),
    };
    Ok((statement, known.1))
}

fn rate(body: &Value) -> Result<Statement, Refusal> {
    if !body["ScopeDownStatement"].is_null() {
        return Err(not_implemented("ScopeDownStatement in web ACLs"));
    }
    let limit = body["Limit"]
        .as_u64()
        .filter(|limit| (10..=2_000_000_000).contains(limit));
    let window = body["EvaluationWindowSec"].as_u64().unwrap_or(300);
    let window = u32::try_from(window)
        .ok()
        .filter(|window| [60, 120, 300, 600].contains(window));
    let (Some(limit), Some(window)) = (limit, window) else {
        return Err(invalid(
            "RATE_BASED_STATEMENT",
            "Limit is 10 to 2000000000, EvaluationWindowSec 60, 120, 300 or 600",
        ));
    };
    let forwarded_in = match body["AggregateKeyType"].as_str() {
        Some("IP") => None,
        Some("FORWARDED_IP") => Some(
            body["ForwardedIPConfig"]["HeaderName"]
                .as_str()
                .unwrap_or("X-Forwarded-For")
                .to_owned(),
        ),
        other => {
            return Err(not_implemented(format!(
                "the aggregate key type {} of rate-based rules",
                other.unwrap_or("?")
            )));
        }
    };
    Ok(Statement::Rate {
        limit,
        window,
        forwarded_in,
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

fn get(world: &Arc<World>, request: &Map<String, Value>) -> Result<Value, Refusal> {
    let state = world.lock();
    let acl = match request.get("ARN").and_then(Value::as_str) {
        Some(arn) => state.web_acls.by_arn(arn).ok_or_else(|| {
            Refusal::new(
                "WAFNonexistentItemException",
                "AWS WAF couldn’t perform the operation because your resource doesn’t exist.",
            )
        })?,
        None => state.web_acls.get(text(request, "Id")?, text(request, "Name")?)?,
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
        ("LabelNamespace", json!(namespace)),
    ] {
        shown.insert(member.to_owned(), value);
    }
    Ok(json!({ "WebACL": shown, "LockToken": acl.lock_token }))
}

fn list(world: &Arc<World>, request: &Map<String, Value>) -> Result<Value, Refusal> {
    text(request, "Scope")?;
    let most = request
        .get("Limit")
        .and_then(Value::as_u64)
        .unwrap_or(100)
        .clamp(1, 100);
    let marker = request.get("NextMarker").and_then(Value::as_str).unwrap_or_default();
    let state = world.lock();
    let mut rest: Vec<&WebAcl> = state
        .web_acls
        .all
        .values()
        .filter(|acl| acl.name.as_str() > marker)
        .collect();
    rest.sort_by(|a, b| a.name.cmp(&b.name));
    let most = usize::try_from(most).unwrap_or(100);
    let more = rest.len() > most;
    rest.truncate(most);
    let mut answer = json!({ "WebACLs": rest.iter().map(|acl| summary(acl)).collect::<Vec<_>>() });
    if let Some(last) = rest.last().filter(|_| more) {
        answer["NextMarker"] = json!(last.name);
    }
    Ok(answer)
}

fn update(world: &Arc<World>, request: &Map<String, Value>) -> Result<Value, Refusal> {
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

fn delete(world: &Arc<World>, request: &Map<String, Value>) -> Result<Value, Refusal> {
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

fn list_tags(world: &Arc<World>, request: &Map<String, Value>) -> Result<Value, Refusal> {
    let arn = text(request, "ResourceARN")?;
    let mut state = world.lock();
    let acl = state.web_acls.by_arn_mut(arn)?;
    let tags: Vec<Value> = acl
        .tags
        .iter()
        .map(|(key, value)| json!({ "Key": key, "Value": value }))
        .collect();
    Ok(json!({ "TagInfoForResource": { "ResourceARN": arn, "TagList": tags } }))
}

fn tag(world: &Arc<World>, request: &Map<String, Value>) -> Result<Value, Refusal> {
    let arn = text(request, "ResourceARN")?;
    world.lock().web_acls.by_arn_mut(arn)?.tags.extend(tags(request));
    Ok(json!({}))
}

fn untag(world: &Arc<World>, request: &Map<String, Value>) -> Result<Value, Refusal> {
    let arn = text(request, "ResourceARN")?;
    let keys: Vec<&str> = request
        .get("TagKeys")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    world
        .lock()
        .web_acls
        .by_arn_mut(arn)?
        .tags
        .retain(|key, _| !keys.contains(&key.as_str()));
    Ok(json!({}))
}

fn managed_groups() -> Value {
    let groups = MANAGED_GROUPS
        .iter()
        .map(|(name, _)| json!({ "VendorName": "AWS", "Name": name, "VersioningSupported": true, "Description": "" }));
    json!({ "ManagedRuleGroups": groups.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests;
