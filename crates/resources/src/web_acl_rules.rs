//! The rules of the web ACL as data: AWS's managed groups in the profile's order, then the rate of registrations. Calls nobody.

use aws_smithy_types::base64;
use serde_json::{Map, Value, json};

use crate::aws::services::waf::{
    DefaultAction, ManagedRuleGroupStatement, RateBasedStatement, Rule, RuleAction, Statement,
};
use crate::profile::{Profile, RateRule, WafMode};

/// Its name and that of its metric and its samples.
const RATE: &str = "confctl-registrations";
/// Where the app takes registrations.
const FORM: &str = "/register";

/// Requests that no rule stops go through.
pub(super) fn default_action() -> DefaultAction {
    DefaultAction {
        allow: Some(json!({})),
        block: None,
    }
}

/// Samples and metrics under this name, as the console turns them on.
pub(super) fn visibility(metric: &str) -> Value {
    json!({"SampledRequestsEnabled": true, "CloudWatchMetricsEnabled": true, "MetricName": metric})
}

/// One rule a group, in the profile's order, named as the console names them. What they block is not counted by the rate, which
/// comes behind them.
pub(super) fn rules(profile: &Profile) -> Vec<Rule> {
    let wanted = &profile.waf;
    let groups = wanted.groups.iter().zip(0..);
    let mut rules: Vec<_> = groups
        .map(|(group, priority)| rule(group, priority, wanted.mode))
        .collect();
    if let Some(rate) = profile.rate_rule() {
        rules.push(rate_rule(rate, i64::try_from(rules.len()).unwrap_or(i64::MAX)));
    }
    rules
}

fn rate_rule(rate: RateRule, priority: i64) -> Rule {
    let statement = RateBasedStatement {
        limit: rate.limit.into(),
        evaluation_window_sec: Some(rate.window.into()),
        scope_down_statement: Some(registrations()),
        rest: Map::from_iter([("AggregateKeyType".to_owned(), "IP".into())]),
    };
    let (count, rest) = match rate.blocks {
        true => (None, Map::from_iter([("Block".to_owned(), json!({}))])),
        false => (Some(json!({})), Map::new()),
    };
    Rule {
        name: RATE.to_owned(),
        priority,
        statement: Statement {
            rate_based_statement: Some(statement),
            ..Statement::default()
        },
        action: Some(RuleAction {
            count,
            rest,
            ..RuleAction::default()
        }),
        override_action: None,
        rest: Map::from_iter([("VisibilityConfig".to_owned(), visibility(RATE))]),
    }
}

/// `POST /register`, to the letter: under other spellings of it the app answers 404. Search strings are binary to WAF, so base64 in
/// JSON (botocore: wafv2, SearchString).
fn registrations() -> Value {
    let is = |field: Value, text: &str| {
        json!({"ByteMatchStatement": {
            "SearchString": base64::encode(text),
            "FieldToMatch": field,
            "TextTransformations": [{"Priority": 0, "Type": "NONE"}],
            "PositionalConstraint": "EXACTLY",
        }})
    };
    let both = [is(json!({"Method": {}}), "POST"), is(json!({"UriPath": {}}), FORM)];
    json!({"AndStatement": {"Statements": both}})
}

fn rule(group: &str, priority: i64, mode: WafMode) -> Rule {
    let name = format!("AWS-{group}");
    let statement = Statement {
        managed_rule_group_statement: Some(ManagedRuleGroupStatement {
            vendor_name: "AWS".to_owned(),
            name: group.to_owned(),
            ..ManagedRuleGroupStatement::default()
        }),
        ..Statement::default()
    };
    // A rule that holds a managed group takes an override, and no action.
    let action = match mode {
        WafMode::Block => RuleAction {
            none: Some(json!({})),
            ..RuleAction::default()
        },
        WafMode::Count => RuleAction {
            count: Some(json!({})),
            ..RuleAction::default()
        },
    };
    Rule {
        rest: Map::from_iter([("VisibilityConfig".to_owned(), visibility(&name))]),
        name,
        priority,
        statement,
        action: None,
        override_action: Some(action),
    }
}

/// All of a rule that decides what it does, in one line: two rules with the same line do the same.
pub(super) fn describe(rule: &Rule) -> String {
    if let Some(rate) = &rule.statement.rate_based_statement {
        return describe_rate(rule, rate);
    }
    let Some(group) = &rule.statement.managed_rule_group_statement else {
        return format!("{} {} (not a managed group)", rule.priority, rule.name);
    };
    let counts = rule
        .override_action
        .as_ref()
        .is_some_and(|action| action.count.is_some());
    let mut line = format!("{} {}/{}", rule.priority, group.vendor_name, group.name);
    if counts {
        line.push_str(" (count)");
    }
    if let Some(version) = &group.version {
        line.push_str(&format!(" at {version}"));
    }
    let overrides = group.rule_action_overrides.len() + group.excluded_rules.len();
    if overrides > 0 {
        line.push_str(&format!(" with {overrides} rules overridden"));
    }
    if group.scope_down_statement.is_some() {
        line.push_str(" for some requests only");
    }
    line
}

/// Whether a statement says what is wanted and nothing beside: members that WAF came to know later are written out empty.
fn says_as_much(live: &Value, wanted: &Value) -> bool {
    let is_empty = |value: &Value| *value == json!([]) || *value == json!("") || value.is_null();
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            let mut others = live.iter().filter(|(name, _)| !wanted.contains_key(*name));
            let has = |(name, wanted): (&String, &Value)| live.get(name).is_some_and(|live| says_as_much(live, wanted));
            others.all(|(_, value)| is_empty(value)) && wanted.iter().all(has)
        }
        (Value::Array(live), Value::Array(wanted)) => {
            live.len() == wanted.len() && live.iter().zip(wanted).all(|(live, wanted)| says_as_much(live, wanted))
        }
        (live, wanted) => live == wanted,
    }
}

fn describe_rate(rule: &Rule, rate: &RateBasedStatement) -> String {
    let what = match &rate.scope_down_statement {
        Some(scope) if says_as_much(scope, &registrations()) => format!("POST {FORM}"),
        Some(_) => "some requests".to_owned(),
        None => "all requests".to_owned(),
    };
    let action = rule.action.as_ref();
    let action = match action.map(|action| (&action.count, action.rest.keys().next())) {
        Some((Some(_), _)) => "count",
        Some((None, Some(other))) if other == "Block" => "block",
        Some((None, Some(other))) => other.as_str(),
        _ => "no action",
    };
    let by = rate.rest.get("AggregateKeyType").and_then(Value::as_str).unwrap_or("?");
    let mut line = format!(
        "{} {}: {} of {what} in {} s by {by} ({action})",
        rule.priority,
        rule.name,
        rate.limit,
        // What holds where none is given (WAF API reference, RateBasedStatement).
        rate.evaluation_window_sec.unwrap_or(300),
    );
    let more = rate.rest.values().filter(|value| !value.is_null()).count();
    if more > 1 {
        line.push_str(&format!(" with {} further settings", more - 1));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::RateMode;

    fn counting(change: impl FnOnce(&mut Profile)) -> Rule {
        let mut profile = Profile::default();
        profile.event.people = Some(10_000);
        profile.waf.rate = RateMode::Count;
        change(&mut profile);
        rules(&profile).pop().unwrap()
    }

    #[test]
    fn registrations_are_counted_by_address_behind_the_groups() {
        let rule = counting(|_| {});
        assert_eq!(
            describe(&rule),
            "3 confctl-registrations: 80000 of POST /register in 300 s by IP (count)"
        );
        // As WAF's own examples write it.
        let sent = serde_json::to_value(&rule).unwrap();
        let statement = &sent["Statement"]["RateBasedStatement"];
        assert_eq!(statement["Limit"], 80_000);
        let method = &statement["ScopeDownStatement"]["AndStatement"]["Statements"][0]["ByteMatchStatement"];
        assert_eq!(method["SearchString"], "UE9TVA==");
        assert_eq!(
            (&sent["Action"], sent.get("OverrideAction")),
            (&json!({"Count": {}}), None)
        );
        let blocking = counting(|profile| profile.waf.rate = RateMode::Block);
        assert_eq!(serde_json::to_value(&blocking).unwrap()["Action"], json!({"Block": {}}));
    }

    #[test]
    fn whatever_decides_what_the_rate_does_is_in_its_line() {
        let line = describe(&counting(|_| {}));
        let changes: [fn(&mut Rule); 6] = [
            |rule| rule.action = serde_json::from_value(json!({"Block": {}})).unwrap(),
            |rule| rule.action = serde_json::from_value(json!({"Captcha": {}})).unwrap(),
            |rule| rate(rule).limit = 100,
            |rule| rate(rule).evaluation_window_sec = Some(60),
            |rule| rate(rule).scope_down_statement = None,
            |rule| drop(rate(rule).rest.insert("AggregateKeyType".to_owned(), "CONSTANT".into())),
        ];
        let mut written_out = counting(|_| {});
        scope_of(&mut written_out)["AndStatement"]["Statements"][0]["ByteMatchStatement"]["Later"] = json!([]);
        assert_eq!(describe(&written_out), line);
        scope_of(&mut written_out)["AndStatement"]["Statements"][0]["ByteMatchStatement"]["Later"] = json!(["x"]);
        assert_ne!(describe(&written_out), line);
        for (number, change) in changes.into_iter().enumerate() {
            let mut other = counting(|_| {});
            change(&mut other);
            assert_ne!(describe(&other), line, "{number}");
        }
    }

    fn scope_of(rule: &mut Rule) -> &mut Value {
        rate(rule).scope_down_statement.as_mut().unwrap()
    }

    fn rate(rule: &mut Rule) -> &mut RateBasedStatement {
        rule.statement.rate_based_statement.as_mut().unwrap()
    }

    #[test]
    fn the_articles_profile_gives_the_consoles_three_groups() {
        let rules = rules(&Profile::default());
        let described: Vec<String> = rules.iter().map(describe).collect();
        assert_eq!(
            described,
            [
                "0 AWS/AWSManagedRulesAmazonIpReputationList",
                "1 AWS/AWSManagedRulesCommonRuleSet",
                "2 AWS/AWSManagedRulesKnownBadInputsRuleSet",
            ]
        );
        assert_eq!(rules[1].name, "AWS-AWSManagedRulesCommonRuleSet");
        let metric = &rules[1].rest["VisibilityConfig"]["MetricName"];
        assert_eq!(metric, "AWS-AWSManagedRulesCommonRuleSet");
    }
}
