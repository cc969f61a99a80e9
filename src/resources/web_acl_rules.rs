//! The rules of the web ACL as data: AWS's managed groups in the profile's order. Calls nobody.

use aws_sdk_wafv2::error::BuildError;
use aws_sdk_wafv2::types::{
    AllowAction, CountAction, DefaultAction, ManagedRuleGroupStatement, NoneAction, OverrideAction, Rule, Statement,
    VisibilityConfig,
};

use crate::engine::Error;
use crate::profile::{Waf, WafMode};

fn invalid(error: BuildError) -> Error {
    Error::failed("could not make the rules of the web ACL").because(error.to_string())
}

/// Requests that no rule stops go through.
pub(super) fn default_action() -> DefaultAction {
    DefaultAction::builder().allow(AllowAction::builder().build()).build()
}

/// Samples and metrics under this name, as the console turns them on.
///
/// # Errors
/// Where the SDK does not take it.
pub(super) fn visibility(metric: &str) -> Result<VisibilityConfig, Error> {
    VisibilityConfig::builder()
        .sampled_requests_enabled(true)
        .cloud_watch_metrics_enabled(true)
        .metric_name(metric)
        .build()
        .map_err(invalid)
}

/// One rule a group, in the profile's order, named as the console names them.
///
/// # Errors
/// Where the SDK does not take one.
pub(super) fn rules(wanted: &Waf) -> Result<Vec<Rule>, Error> {
    let groups = wanted.groups.iter().zip(0..);
    groups
        .map(|(group, priority)| rule(group, priority, wanted.mode))
        .collect()
}

fn rule(group: &str, priority: i32, mode: WafMode) -> Result<Rule, Error> {
    let name = format!("AWS-{group}");
    let managed = ManagedRuleGroupStatement::builder()
        .vendor_name("AWS")
        .name(group)
        .build();
    let statement = Statement::builder()
        .managed_rule_group_statement(managed.map_err(invalid)?)
        .build();
    let action = match mode {
        WafMode::Block => OverrideAction::builder().none(NoneAction::builder().build()),
        WafMode::Count => OverrideAction::builder().count(CountAction::builder().build()),
    };
    Rule::builder()
        .visibility_config(visibility(&name)?)
        .name(name)
        .priority(priority)
        .statement(statement)
        // A rule that holds a managed group takes an override, and no action.
        .override_action(action.build())
        .build()
        .map_err(invalid)
}

/// All of a rule that decides what it does, in one line: two rules with the same line do the same.
pub(super) fn describe(rule: &Rule) -> String {
    let managed = rule
        .statement()
        .and_then(|statement| statement.managed_rule_group_statement());
    let Some(group) = managed else {
        return format!("{} {} (not a managed group)", rule.priority(), rule.name());
    };
    let counts = rule.override_action().is_some_and(|action| action.count().is_some());
    let mut line = format!("{} {}/{}", rule.priority(), group.vendor_name(), group.name());
    if counts {
        line.push_str(" (count)");
    }
    if let Some(version) = group.version() {
        line.push_str(&format!(" at {version}"));
    }
    let overrides = group.rule_action_overrides().len() + group.excluded_rules().len();
    if overrides > 0 {
        line.push_str(&format!(" with {overrides} rules overridden"));
    }
    if group.scope_down_statement().is_some() {
        line.push_str(" for some requests only");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_articles_profile_gives_the_consoles_three_groups() {
        let rules = rules(&Waf::default()).unwrap();
        let described: Vec<String> = rules.iter().map(describe).collect();
        assert_eq!(
            described,
            [
                "0 AWS/AWSManagedRulesAmazonIpReputationList",
                "1 AWS/AWSManagedRulesCommonRuleSet",
                "2 AWS/AWSManagedRulesKnownBadInputsRuleSet",
            ]
        );
        assert_eq!(rules[1].name(), "AWS-AWSManagedRulesCommonRuleSet");
        let metric = rules[1].visibility_config().map(|config| config.metric_name());
        assert_eq!(metric, Some("AWS-AWSManagedRulesCommonRuleSet"));
    }
}
