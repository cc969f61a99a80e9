//! Listener rules: CreateRule, ModifyRule, DeleteRule, SetRulePriorities, DescribeRules.
//! Nothing is decided here but form.

use winterbaume_elasticloadbalancingv2::{model as m, wire};

use super::making::tags;
use super::{done, forward, no_listener};
use crate::protocols::call::{Answer, Call};
use crate::services::not_implemented;
use crate::services::page::page;
use crate::world::Refusal;
use crate::world::balancing::{Balancing, Listener};
use crate::world::balancing_rules::{Condition, ListenerRule, RuleAction};

pub(super) fn create(balancing: &mut Balancing, call: &Call) -> Result<Answer, Refusal> {
    let request: m::CreateRuleInput = call.query()?;
    let conditions = conditions(request.conditions)?;
    let action = action(request.actions)?;
    let tags = tags(request.tags);
    let priority = priority(request.priority);
    let made = balancing.create_rule(&request.listener_arn, priority, conditions, action, tags)?;
    let result = m::CreateRuleOutput {
        rules: Some(vec![view(&made)].into()),
    };
    Ok(wire::serialize_create_rule_response(&result).into())
}

pub(super) fn modify(balancing: &mut Balancing, call: &Call) -> Result<Answer, Refusal> {
    let request: m::ModifyRuleInput = call.query()?;
    refuse_default(balancing, &request.rule_arn, "modified")?;
    let conditions = request.conditions.map(conditions).transpose()?;
    let action = request.actions.map(action).transpose()?;
    let changed = balancing.modify_rule(&request.rule_arn, conditions, action)?;
    let result = m::ModifyRuleOutput {
        rules: Some(vec![view(&changed)].into()),
    };
    Ok(wire::serialize_modify_rule_response(&result).into())
}

pub(super) fn delete(balancing: &mut Balancing, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeleteRuleInput = call.query()?;
    refuse_default(balancing, &request.rule_arn, "deleted")?;
    balancing.rule(&request.rule_arn)?;
    balancing.rules.remove(&request.rule_arn);
    Ok(done("DeleteRule"))
}

pub(super) fn set_priorities(balancing: &mut Balancing, call: &Call) -> Result<Answer, Refusal> {
    let request: m::SetRulePrioritiesInput = call.query()?;
    let pairs = request.rule_priorities.items.into_iter();
    let pairs: Vec<(String, u32)> = pairs
        .map(|pair| {
            (
                pair.rule_arn.unwrap_or_default(),
                priority(pair.priority.unwrap_or_default()),
            )
        })
        .collect();
    let changed = balancing.set_rule_priorities(&pairs)?;
    let result = m::SetRulePrioritiesOutput {
        rules: Some(changed.iter().map(view).collect()),
    };
    Ok(wire::serialize_set_rule_priorities_response(&result).into())
}

/// A number that is no priority is refused as 0.
fn priority(sent: i32) -> u32 {
    u32::try_from(sent).unwrap_or_default()
}

/// The listener's rules in order of priority, the default one last.
pub(super) fn describe(balancing: &Balancing, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeRulesInput = call.query()?;
    let arns = request.rule_arns.map(|list| list.items);
    if let Some(arn) = &request.listener_arn
        && !balancing.listeners.contains_key(arn)
    {
        return Err(no_listener(arn));
    }
    for arn in arns.iter().flatten() {
        if default_of(balancing, arn).is_none() {
            balancing.rule(arn)?;
        }
    }
    let listeners = balancing
        .listeners
        .values()
        .filter(|listener| request.listener_arn.as_ref().is_none_or(|arn| *arn == listener.arn));
    let all = listeners.flat_map(|listener| {
        let own = balancing.rules_of(&listener.arn).into_iter().map(view);
        own.chain([default_view(listener)]).collect::<Vec<_>>()
    });
    let wanted = all.filter(|rule| {
        let arn = rule.rule_arn.as_ref();
        arns.as_ref()
            .is_none_or(|arns| arn.is_some_and(|arn| arns.contains(arn)))
    });
    let (views, next_marker) = page(wanted.collect(), request.page_size, request.marker.as_deref())?;
    let result = m::DescribeRulesOutput {
        next_marker,
        rules: Some(Vec::into(views)),
    };
    Ok(wire::serialize_describe_rules_response(&result).into())
}

fn default_arn(listener: &Listener) -> String {
    format!(
        "{}/0123456789abcdef",
        listener.arn.replacen(":listener/", ":listener-rule/", 1)
    )
}

fn default_of<'a>(balancing: &'a Balancing, arn: &str) -> Option<&'a Listener> {
    balancing
        .listeners
        .values()
        .find(|listener| default_arn(listener) == arn)
}

fn refuse_default(balancing: &Balancing, arn: &str, what: &str) -> Result<(), Refusal> {
    match default_of(balancing, arn) {
        Some(_) => Err(Refusal::new(
            "OperationNotPermitted",
            format!("Default rule '{arn}' cannot be {what}"),
        )),
        None => Ok(()),
    }
}

fn default_view(listener: &Listener) -> m::Rule {
    m::Rule {
        actions: Some(vec![action_view(&listener.default_action)].into()),
        conditions: Some(Vec::new().into()),
        is_default: Some(true),
        priority: Some("default".to_owned()),
        rule_arn: Some(default_arn(listener)),
        ..m::Rule::default()
    }
}

/// An action as it is shown, of a rule or of a listener.
pub(super) fn action_view(action: &RuleAction) -> m::Action {
    match action {
        RuleAction::Forward(groups) => forward(groups),
        RuleAction::FixedResponse {
            status,
            content_type,
            body,
        } => m::Action {
            fixed_response_config: Some(m::FixedResponseActionConfig {
                content_type: content_type.clone(),
                message_body: Some(body.clone()),
                status_code: status.to_string(),
            }),
            order: Some(1),
            r#type: "fixed-response".to_owned(),
            ..m::Action::default()
        },
    }
}

fn view(rule: &ListenerRule) -> m::Rule {
    m::Rule {
        actions: Some(vec![action_view(&rule.action)].into()),
        conditions: Some(rule.conditions.iter().map(condition_view).collect()),
        is_default: Some(false),
        priority: Some(rule.priority.to_string()),
        rule_arn: Some(rule.arn.clone()),
        ..m::Rule::default()
    }
}

fn condition_view(condition: &Condition) -> m::RuleCondition {
    let named = |field: &str| m::RuleCondition {
        field: Some(field.to_owned()),
        ..m::RuleCondition::default()
    };
    let list = |values: &[String]| Some(m::ListOfString::from(values.to_vec()));
    match condition {
        Condition::HostHeader(values) => m::RuleCondition {
            values: list(values),
            host_header_config: Some(m::HostHeaderConditionConfig {
                regex_values: None,
                values: list(values),
            }),
            ..named("host-header")
        },
        Condition::PathPattern(values) => m::RuleCondition {
            values: list(values),
            path_pattern_config: Some(m::PathPatternConditionConfig {
                regex_values: None,
                values: list(values),
            }),
            ..named("path-pattern")
        },
        Condition::HttpHeader { name, values } => m::RuleCondition {
            http_header_config: Some(m::HttpHeaderConditionConfig {
                http_header_name: Some(name.clone()),
                regex_values: None,
                values: list(values),
            }),
            ..named("http-header")
        },
        Condition::RequestMethod(values) => m::RuleCondition {
            http_request_method_config: Some(m::HttpRequestMethodConditionConfig { values: list(values) }),
            ..named("http-request-method")
        },
        Condition::QueryString(values) => {
            let pair = |(key, value): &(Option<String>, String)| m::QueryStringKeyValuePair {
                key: key.clone(),
                value: Some(value.clone()),
            };
            m::RuleCondition {
                query_string_config: Some(m::QueryStringConditionConfig {
                    values: Some(values.iter().map(pair).collect()),
                }),
                ..named("query-string")
            }
        }
    }
}

fn conditions(sent: m::RuleConditionList) -> Result<Vec<Condition>, Refusal> {
    sent.items.into_iter().map(condition).collect()
}

fn condition(sent: m::RuleCondition) -> Result<Condition, Refusal> {
    let list = |config: Option<m::ListOfString>| config.map(|list| list.items).unwrap_or_default();
    let values = list(sent.values);
    // The older form has its values beside the field, the newer one in a structure of its own.
    let either = |newer: Option<m::ListOfString>| if values.is_empty() { list(newer) } else { values.clone() };
    match sent.field.as_deref() {
        Some("host-header") => Ok(Condition::HostHeader(either(
            sent.host_header_config.and_then(|config| config.values),
        ))),
        Some("path-pattern") => Ok(Condition::PathPattern(either(
            sent.path_pattern_config.and_then(|config| config.values),
        ))),
        Some("http-request-method") => Ok(Condition::RequestMethod(either(
            sent.http_request_method_config.and_then(|config| config.values),
        ))),
        Some("http-header") => {
            let config = sent.http_header_config.unwrap_or_default();
            let name = config.http_header_name.unwrap_or_default();
            if name.parse::<http::HeaderName>().is_err() || name.eq_ignore_ascii_case("host") {
                let text = format!("'{name}' is not a valid header name for a condition");
                return Err(Refusal::new("ValidationError", text));
            }
            Ok(Condition::HttpHeader {
                name,
                values: list(config.values),
            })
        }
        Some("query-string") => {
            let pairs = sent.query_string_config.and_then(|config| config.values);
            let pairs = pairs.map(|list| list.items).unwrap_or_default().into_iter();
            let pairs = pairs.map(|pair| (pair.key, pair.value.unwrap_or_default()));
            Ok(Condition::QueryString(pairs.collect()))
        }
        other => {
            let field = other.unwrap_or("?");
            Err(not_implemented(format!(
                "the condition field {field} of listener rules"
            )))
        }
    }
}

pub(super) fn action(sent: m::Actions) -> Result<RuleAction, Refusal> {
    let mut all = sent.items.into_iter();
    let (Some(one), None) = (all.next(), all.next()) else {
        return Err(not_implemented("rules with other than one action"));
    };
    match one.r#type.as_str() {
        "forward" => {
            let groups = one.forward_config.and_then(|config| config.target_groups);
            let groups = groups.map(|list| list.items).unwrap_or_default();
            forwards(one.target_group_arn, groups)
        }
        "fixed-response" => {
            let config = one.fixed_response_config.unwrap_or_default();
            Ok(RuleAction::FixedResponse {
                status: config.status_code.parse().unwrap_or_default(),
                content_type: config.content_type,
                body: config.message_body.unwrap_or_default(),
            })
        }
        other => Err(not_implemented(format!("the action {other} of listener rules"))),
    }
}

/// "If you specify both ForwardConfig and TargetGroupArn, you can specify only one target group using ForwardConfig and it must be the
/// same" (botocore: elbv2, Action). What a group weighs of which nothing is said, is inferred.
fn forwards(single: Option<String>, groups: Vec<m::TargetGroupTuple>) -> Result<RuleAction, Refusal> {
    let invalid = |text: &str| Err(Refusal::new("ValidationError", text));
    let mut weighed = Vec::new();
    for group in groups {
        let Ok(weight) = u32::try_from(group.weight.unwrap_or(1)) else {
            return invalid("A weight is not below 0");
        };
        weighed.push((group.target_group_arn.unwrap_or_default(), weight));
    }
    match (single, &weighed[..]) {
        (Some(single), []) => Ok(RuleAction::forward(single)),
        (Some(single), [(only, _)]) if *only == single => Ok(RuleAction::Forward(weighed)),
        (Some(_), _) => invalid("The target groups of ForwardConfig are not the one of TargetGroupArn"),
        (None, _) => Ok(RuleAction::Forward(weighed)),
    }
}
