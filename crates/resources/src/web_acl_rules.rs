//! The rules of the web ACL as data: AWS's managed groups in the profile's order. Calls nobody.

use serde_json::{Map, Value, json};

use crate::aws::services::waf::{DefaultAction, ManagedRuleGroupStatement, Rule, RuleAction, Statement};
use crate::profile::{Waf, WafMode};

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

/// One rule a group, in the profile's order, named as the console names them.
pub(super) fn rules(wanted: &Waf) -> Vec<Rule> {
    let groups = wanted.groups.iter().zip(0..);
    groups
        .map(|(group, priority)| rule(group, priority, wanted.mode))
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_articles_profile_gives_the_consoles_three_groups() {
        let rules = rules(&Waf::default());
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
