//! The rules of a web ACL as a client sends them: what the edge applies of them, what they cost, what the sandbox cannot do.
//! Nothing is decided here but form. Source: WAF API, Rule and Statement.

use std::collections::HashSet;

use base64::Engine;
use serde_json::{Map, Value};

use super::{invalid, not_implemented};
use crate::world::Refusal;
use crate::world::web_acls::{
    Action, Comparison, Field, Position, Rate, RateKey, Rule, RuleKind, Statement, Transformation,
};

/// AWS's managed rule groups that the sandbox knows, with their capacity units (WAF guide, aws-managed-rule-groups).
pub(super) const MANAGED_GROUPS: &[(&str, i64)] = &[
    ("AWSManagedRulesAmazonIpReputationList", 25),
    ("AWSManagedRulesAnonymousIpList", 50),
    ("AWSManagedRulesCommonRuleSet", 700),
    ("AWSManagedRulesKnownBadInputsRuleSet", 200),
    ("AWSManagedRulesSQLiRuleSet", 200),
];

/// A rate-based rule's capacity without a scope-down statement.
const RATE_CAPACITY: i64 = 2;

/// What a text transformation other than NONE costs.
const TRANSFORMATION_CAPACITY: i64 = 10;

/// Statements within statements.
const DEEPEST: usize = 8;

/// Reads a list of rules: in order of priority, and their capacity units.
///
/// # Errors
/// `WAFInvalidParameterException`, `WAFNonexistentItemException` for a group that there is not; `NotImplemented` for statements
/// that the edge of the sandbox cannot apply.
pub(super) fn read(sent: &[Value]) -> Result<(Vec<Rule>, i64), Refusal> {
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
    Ok((rules.into_iter().map(|(_, rule)| rule).collect(), capacity))
}

/// The name of the metric of a visibility configuration.
pub(super) fn visibility(config: Option<&Value>) -> Result<String, Refusal> {
    let metric = config.and_then(|config| {
        let complete = config["SampledRequestsEnabled"].is_boolean() && config["CloudWatchMetricsEnabled"].is_boolean();
        config["MetricName"]
            .as_str()
            .filter(|name| complete && !name.is_empty())
    });
    metric
        .map(str::to_owned)
        .ok_or_else(|| invalid("VISIBILITY_CONFIG", "The visibility configuration is not complete"))
}

/// A rule's priority, what the edge applies of it, and its capacity units.
fn read_rule(rule: &Value) -> Result<(i64, Rule, i64), Refusal> {
    let members = rule
        .as_object()
        .ok_or_else(|| invalid("RULE", "A rule is a structure"))?;
    let known = [
        "Name",
        "Priority",
        "Statement",
        "Action",
        "OverrideAction",
        "VisibilityConfig",
    ];
    only(members, &known, "a rule")?;
    let name = rule["Name"]
        .as_str()
        .ok_or_else(|| invalid("RULE", "A rule needs a name"))?;
    let priority = rule["Priority"]
        .as_i64()
        .ok_or_else(|| invalid("PRIORITY", "A rule needs a priority"))?;
    let metric = visibility(rule.get("VisibilityConfig"))?;
    let (kind, body) = one_statement(&rule["Statement"])?;
    let (kind, units) = match kind {
        "ManagedRuleGroupStatement" => {
            // Groups bring their own actions: they are overridden, never set (WAF API, Rule).
            let action = &rule["OverrideAction"];
            if !rule["Action"].is_null() || !(action["None"].is_object() || action["Count"].is_object()) {
                let text = "A rule group takes an OverrideAction and no Action";
                return Err(invalid("RULE_ACTION", text));
            }
            managed(body, action["Count"].is_object())?
        }
        "RateBasedStatement" => {
            let action = action(rule)?;
            if action == Action::Allow {
                return Err(invalid("RULE_ACTION", "A rate-based rule takes any action but Allow"));
            }
            let (rate, units) = rate(body)?;
            (RuleKind::Rate { action, rate }, units)
        }
        _ => {
            let action = action(rule)?;
            let (statement, units) = statement(&rule["Statement"], DEEPEST)?;
            (RuleKind::Plain { action, statement }, units)
        }
    };
    let rule = Rule {
        name: name.to_owned(),
        metric,
        kind,
    };
    Ok((priority, rule, units))
}

/// Refuses members that are not honoured.
fn only(members: &Map<String, Value>, honoured: &[&str], of: &str) -> Result<(), Refusal> {
    match members.keys().find(|member| !honoured.contains(&member.as_str())) {
        Some(other) => Err(not_implemented(format!("{other} of {of} in a web ACL"))),
        None => Ok(()),
    }
}

fn one_statement(statement: &Value) -> Result<(&str, &Value), Refusal> {
    let one = statement.as_object().filter(|statement| statement.len() == 1);
    let one = one.and_then(|statement| statement.iter().next());
    one.map(|(kind, body)| (kind.as_str(), body))
        .ok_or_else(|| invalid("STATEMENT", "There must be exactly one statement"))
}

fn action(rule: &Value) -> Result<Action, Refusal> {
    let given = rule["Action"].as_object().filter(|action| action.len() == 1);
    let Some((name, body)) = given.and_then(|action| action.iter().next()) else {
        return Err(invalid("RULE_ACTION", "A rule needs exactly one Action"));
    };
    if body.as_object().is_some_and(|body| !body.is_empty()) {
        return Err(not_implemented(format!(
            "custom responses and headers of the action {name}"
        )));
    }
    named_action(name)
}

fn named_action(name: &str) -> Result<Action, Refusal> {
    match name {
        "Allow" => Ok(Action::Allow),
        "Block" => Ok(Action::Block),
        "Count" => Ok(Action::Count),
        other => Err(not_implemented(format!("the action {other} of web ACLs"))),
    }
}

fn managed(body: &Value, counts: bool) -> Result<(RuleKind, i64), Refusal> {
    let known = MANAGED_GROUPS
        .iter()
        .find(|(group, _)| body["VendorName"] == "AWS" && body["Name"] == *group)
        .ok_or_else(|| {
            let text = "AWS WAF couldn’t find the managed rule group.";
            let names = MANAGED_GROUPS.iter().map(|(name, _)| *name);
            Refusal::new("WAFNonexistentItemException", text).of_few("rule groups", names)
        })?;
    if let Some(members) = body.as_object() {
        let honoured = [
            "VendorName",
            "Name",
            "ExcludedRules",
            "RuleActionOverrides",
            "ScopeDownStatement",
        ];
        only(members, &honoured, "a managed rule group")?;
    }
    let list = |member: &str| body[member].as_array().cloned().unwrap_or_default();
    let mut overrides = Vec::new();
    for one in list("RuleActionOverrides") {
        let action = one["ActionToUse"]
            .as_object()
            .and_then(|action| action.keys().next().cloned());
        // Names that the group does not have are ignored, as WAF does.
        if let (Some(name), Some(action)) = (one["Name"].as_str(), action) {
            overrides.push((name.to_owned(), named_action(&action)?));
        }
    }
    for one in list("ExcludedRules") {
        overrides.extend(one["Name"].as_str().map(|name| (name.to_owned(), Action::Count)));
    }
    let scope = scope(body)?;
    let kind = RuleKind::Managed {
        group: known.0.to_owned(),
        counts,
        overrides,
        scope: scope.as_ref().map(|(statement, _)| statement.clone()),
    };
    Ok((kind, known.1 + scope.map_or(0, |(_, units)| units)))
}

fn scope(body: &Value) -> Result<Option<(Statement, i64)>, Refusal> {
    match &body["ScopeDownStatement"] {
        Value::Null => Ok(None),
        sent => statement(sent, DEEPEST).map(Some),
    }
}

fn rate(body: &Value) -> Result<(Rate, i64), Refusal> {
    let limit = body["Limit"]
        .as_u64()
        .filter(|limit| (10..=2_000_000_000).contains(limit));
    let window = body["EvaluationWindowSec"].as_u64().unwrap_or(300);
    let window = u32::try_from(window)
        .ok()
        .filter(|window| [60, 120, 300, 600].contains(window));
    let (Some(limit), Some(window)) = (limit, window) else {
        let text = "Limit is 10 to 2000000000, EvaluationWindowSec 60, 120, 300 or 600";
        return Err(invalid("RATE_BASED_STATEMENT", text));
    };
    let scope = scope(body)?;
    let key = match body["AggregateKeyType"].as_str() {
        Some("IP") => RateKey::Ip,
        Some("FORWARDED_IP") => {
            let config = &body["ForwardedIPConfig"];
            let (Some(header), Some(fallback)) = (config["HeaderName"].as_str(), config["FallbackBehavior"].as_str())
            else {
                let text = "FORWARDED_IP needs a ForwardedIPConfig";
                return Err(invalid("FORWARDED_IP_CONFIG", text));
            };
            RateKey::ForwardedIp {
                header: header.to_owned(),
                matches: fallback == "MATCH",
            }
        }
        Some("CONSTANT") if scope.is_some() => RateKey::Constant,
        Some("CONSTANT") => {
            let text = "The aggregate key type CONSTANT needs a ScopeDownStatement";
            return Err(invalid("RATE_BASED_STATEMENT", text));
        }
        other => {
            let name = other.unwrap_or("?");
            return Err(not_implemented(format!(
                "the aggregate key type {name} of rate-based rules"
            )));
        }
    };
    let units = RATE_CAPACITY + scope.as_ref().map_or(0, |(_, units)| *units);
    let rate = Rate {
        limit,
        window,
        key,
        scope: scope.map(|(statement, _)| statement),
    };
    Ok((rate, units))
}

/// A statement that can stand in others, and its capacity units.
fn statement(sent: &Value, depth: usize) -> Result<(Statement, i64), Refusal> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(invalid("STATEMENT", "Statements are nested too deeply"));
    };
    let (kind, body) = one_statement(sent)?;
    match kind {
        "ByteMatchStatement" => byte_match(body),
        "SizeConstraintStatement" => size_constraint(body),
        "AndStatement" => several(body, depth).map(|(all, units)| (Statement::And(all), units)),
        "OrStatement" => several(body, depth).map(|(all, units)| (Statement::Or(all), units)),
        "NotStatement" => {
            let (inner, units) = statement(&body["Statement"], depth)?;
            Ok((Statement::Not(Box::new(inner)), units))
        }
        other => Err(not_implemented(format!("{other} in web ACLs"))),
    }
}

fn several(body: &Value, depth: usize) -> Result<(Vec<Statement>, i64), Refusal> {
    let list = body["Statements"].as_array().filter(|list| list.len() >= 2);
    let list = list.ok_or_else(|| invalid("STATEMENT", "There must be two statements at least"))?;
    let mut capacity = 0;
    let mut read = Vec::new();
    for one in list {
        let (inner, units) = statement(one, depth)?;
        capacity += units;
        read.push(inner);
    }
    Ok((read, capacity))
}

fn byte_match(body: &Value) -> Result<(Statement, i64), Refusal> {
    let (position, units) = match body["PositionalConstraint"].as_str() {
        Some("EXACTLY") => (Position::Exactly, 2),
        Some("STARTS_WITH") => (Position::StartsWith, 2),
        Some("ENDS_WITH") => (Position::EndsWith, 2),
        Some("CONTAINS") => (Position::Contains, 10),
        other => {
            let name = other.unwrap_or("?");
            return Err(not_implemented(format!("the positional constraint {name} in web ACLs")));
        }
    };
    let search = body["SearchString"].as_str().unwrap_or_default();
    let search = base64::engine::general_purpose::STANDARD
        .decode(search)
        .ok()
        .filter(|bytes| (1..=200).contains(&bytes.len()))
        .ok_or_else(|| invalid("BYTE_MATCH_STATEMENT", "The search string is not valid"))?;
    let (transformations, dear) = transformations(body)?;
    let statement = Statement::Bytes {
        field: field(&body["FieldToMatch"])?,
        transformations,
        position,
        search,
    };
    Ok((statement, units + dear))
}

fn size_constraint(body: &Value) -> Result<(Statement, i64), Refusal> {
    let comparison = match body["ComparisonOperator"].as_str() {
        Some("EQ") => Comparison::Equal,
        Some("NE") => Comparison::NotEqual,
        Some("LE") => Comparison::LessOrEqual,
        Some("LT") => Comparison::Less,
        Some("GE") => Comparison::GreaterOrEqual,
        Some("GT") => Comparison::Greater,
        _ => {
            return Err(invalid(
                "SIZE_CONSTRAINT_STATEMENT",
                "The comparison operator is not valid",
            ));
        }
    };
    let (transformations, dear) = transformations(body)?;
    let statement = Statement::Size {
        field: field(&body["FieldToMatch"])?,
        transformations,
        comparison,
        size: body["Size"].as_u64().unwrap_or_default(),
    };
    Ok((statement, 1 + dear))
}

/// In order of priority, and what they cost.
fn transformations(body: &Value) -> Result<(Vec<Transformation>, i64), Refusal> {
    let mut list = body["TextTransformations"].as_array().cloned().unwrap_or_default();
    if list.is_empty() {
        return Err(invalid(
            "TEXT_TRANSFORMATION",
            "There must be one text transformation at least",
        ));
    }
    list.sort_by_key(|one| one["Priority"].as_i64());
    let read = |one: &Value| match one["Type"].as_str() {
        Some("NONE") => Ok(Transformation::None),
        Some("LOWERCASE") => Ok(Transformation::Lowercase),
        Some("URL_DECODE") => Ok(Transformation::UrlDecode),
        other => {
            let name = other.unwrap_or("?");
            Err(not_implemented(format!("the text transformation {name} in web ACLs")))
        }
    };
    let read = list.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let dear = read.iter().filter(|one| **one != Transformation::None).count();
    Ok((read, TRANSFORMATION_CAPACITY * i64::try_from(dear).unwrap_or(0)))
}

fn field(sent: &Value) -> Result<Field, Refusal> {
    let one = sent.as_object().filter(|field| field.len() == 1);
    let Some((kind, body)) = one.and_then(|field| field.iter().next()) else {
        return Err(invalid("FIELD_TO_MATCH", "There must be exactly one field to match"));
    };
    let name = || body["Name"].as_str().unwrap_or_default().to_ascii_lowercase();
    match kind.as_str() {
        "SingleHeader" => Ok(Field::Header(name())),
        "SingleQueryArgument" => Ok(Field::QueryArgument(name())),
        "Method" => Ok(Field::Method),
        "QueryString" => Ok(Field::QueryString),
        "UriPath" => Ok(Field::UriPath),
        other => Err(not_implemented(format!("the field to match {other} in web ACLs"))),
    }
}
