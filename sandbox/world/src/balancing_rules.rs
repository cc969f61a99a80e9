//! Listener rules of application load balancers: conditions on a request, and what is done with it.
//! Must know nothing of HTTP; the proxy looks. Source: ELB guide, listener-rules; API, CreateRule and RuleCondition.

use super::balancing::Balancing;
use super::{Refusal, Tags, ids};

/// Rules of one load balancer, beside the default ones (ELB quotas).
const MOST_RULES: usize = 100;

/// The highest priority of a rule is the lowest number, this is the last one.
const LAST_PRIORITY: u32 = 50_000;

/// Comparison values of all conditions of a rule.
const MOST_VALUES: usize = 5;

/// Target groups of one action (ELB quotas).
const MOST_TARGET_GROUPS: usize = 5;

/// The largest weight of one of them (ELB API, TargetGroupTuple).
const LARGEST_WEIGHT: u32 = 999;

#[derive(Debug, Clone)]
pub struct ListenerRule {
    pub arn: String,
    pub listener_arn: String,
    /// The lowest is looked at first.
    pub priority: u32,
    /// All must hold.
    pub conditions: Vec<Condition>,
    pub action: RuleAction,
    pub tags: Tags,
}

/// Any of the values must fit. `*` and `?` are wildcards, but in methods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    HostHeader(Vec<String>),
    PathPattern(Vec<String>),
    HttpHeader {
        name: String,
        values: Vec<String>,
    },
    RequestMethod(Vec<String>),
    /// Keys, where there are any, and values.
    QueryString(Vec<(Option<String>, String)>),
}

impl Condition {
    fn values(&self) -> usize {
        match self {
            Self::HostHeader(values) | Self::PathPattern(values) | Self::RequestMethod(values) => values.len(),
            Self::HttpHeader { values, .. } => values.len(),
            Self::QueryString(values) => values.len(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleAction {
    /// To target groups, each with its weight; mostly it is one.
    Forward(Vec<(String, u32)>),
    FixedResponse {
        status: u16,
        content_type: Option<String>,
        body: String,
    },
}

impl RuleAction {
    /// All to one target group.
    pub fn forward(target_group: impl Into<String>) -> Self {
        Self::Forward(vec![(target_group.into(), 1)])
    }

    /// Its target groups with their weights; none where it answers itself.
    pub fn forwards(&self) -> &[(String, u32)] {
        match self {
            Self::Forward(groups) => groups,
            Self::FixedResponse { .. } => &[],
        }
    }

    /// All weights together.
    pub fn weight(&self) -> usize {
        weight(self.forwards())
    }

    /// The target group that a request goes to, by the request's number: those of each are spread evenly. `None` where no group has a
    /// weight.
    pub fn chosen(&self, request: usize) -> Option<&str> {
        let (mut groups, mut request) = (self.forwards(), request);
        while let [others @ .., (arn, own)] = groups {
            let (all, own) = (weight(groups), *own as usize);
            if all == 0 {
                return None;
            }
            let before = request * own / all;
            if (request + 1) * own / all > before {
                return Some(arn);
            }
            (groups, request) = (others, request - before);
        }
        None
    }
}

fn weight(groups: &[(String, u32)]) -> usize {
    groups.iter().map(|(_, weight)| *weight as usize).sum()
}

impl Balancing {
    /// A listener's rules in order of priority, without its default one.
    pub fn rules_of(&self, listener_arn: &str) -> Vec<&ListenerRule> {
        let mut rules: Vec<_> = self
            .rules
            .values()
            .filter(|rule| rule.listener_arn == listener_arn)
            .collect();
        rules.sort_by_key(|rule| rule.priority);
        rules
    }

    /// The rule with that ARN.
    ///
    /// # Errors
    /// `RuleNotFound`; a rule goes with its listener.
    pub fn rule(&self, arn: &str) -> Result<&ListenerRule, Refusal> {
        let found = self.rules.get(arn);
        found
            .filter(|rule| self.listeners.contains_key(&rule.listener_arn))
            .ok_or_else(|| Refusal::new("RuleNotFound", "One or more rules not found"))
    }

    /// Adds a rule to a listener.
    ///
    /// # Errors
    /// `ListenerNotFound`, `PriorityInUse`, `TargetGroupNotFound`, `TooManyRules`, `ValidationError`.
    pub fn create_rule(
        &mut self,
        listener_arn: &str,
        priority: u32,
        conditions: Vec<Condition>,
        action: RuleAction,
        tags: Tags,
    ) -> Result<ListenerRule, Refusal> {
        if !self.listeners.contains_key(listener_arn) {
            return Err(Refusal::new("ListenerNotFound", "One or more listeners not found"));
        }
        self.check_rule(&conditions, &action)?;
        self.check_priority(listener_arn, priority, &[])?;
        if self.rules_of(listener_arn).len() >= MOST_RULES {
            let text = "The maximum number of rules on the load balancer has been reached";
            return Err(Refusal::new("TooManyRules", text));
        }
        let rule = ListenerRule {
            arn: format!(
                "{}/{}",
                listener_arn.replacen(":listener/", ":listener-rule/", 1),
                &ids::uuid().replace('-', "")[..16]
            ),
            listener_arn: listener_arn.to_owned(),
            priority,
            conditions,
            action,
            tags,
        };
        self.rules.insert(rule.arn.clone(), rule.clone());
        Ok(rule)
    }

    /// Replaces a rule's conditions, its action, or both.
    ///
    /// # Errors
    /// `RuleNotFound`, and what a creation refuses.
    pub fn modify_rule(
        &mut self,
        arn: &str,
        conditions: Option<Vec<Condition>>,
        action: Option<RuleAction>,
    ) -> Result<ListenerRule, Refusal> {
        let mut changed = self.rule(arn)?.clone();
        changed.conditions = conditions.unwrap_or(changed.conditions);
        changed.action = action.unwrap_or(changed.action);
        self.check_rule(&changed.conditions, &changed.action)?;
        self.rules.insert(arn.to_owned(), changed.clone());
        Ok(changed)
    }

    /// Gives rules other priorities, all at once.
    ///
    /// # Errors
    /// `RuleNotFound`, `PriorityInUse`, `ValidationError`.
    pub fn set_rule_priorities(&mut self, priorities: &[(String, u32)]) -> Result<Vec<ListenerRule>, Refusal> {
        let moving: Vec<&str> = priorities.iter().map(|(arn, _)| arn.as_str()).collect();
        for (number, (arn, priority)) in priorities.iter().enumerate() {
            let listener = self.rule(arn)?.listener_arn.clone();
            self.check_priority(&listener, *priority, &moving)?;
            if priorities[..number].iter().any(|(_, other)| other == priority) {
                return Err(in_use(*priority));
            }
        }
        let mut changed = Vec::new();
        for (arn, priority) in priorities {
            if let Some(rule) = self.rules.get_mut(arn) {
                rule.priority = *priority;
                changed.push(rule.clone());
            }
        }
        Ok(changed)
    }

    fn check_priority(&self, listener_arn: &str, priority: u32, moving: &[&str]) -> Result<(), Refusal> {
        if !(1..=LAST_PRIORITY).contains(&priority) {
            let text = format!("Priority must be between 1 and {LAST_PRIORITY}");
            return Err(Refusal::new("ValidationError", text));
        }
        let rules = self.rules_of(listener_arn);
        let mut others = rules.iter().filter(|rule| !moving.contains(&rule.arn.as_str()));
        match others.any(|rule| rule.priority == priority) {
            true => Err(in_use(priority)),
            false => Ok(()),
        }
    }

    fn check_rule(&self, conditions: &[Condition], action: &RuleAction) -> Result<(), Refusal> {
        let values: usize = conditions.iter().map(Condition::values).sum();
        if conditions.is_empty() || conditions.iter().any(|one| one.values() == 0) {
            return Err(Refusal::new("ValidationError", "A condition value must be specified"));
        }
        if values > MOST_VALUES {
            let text = format!("The rule has more than {MOST_VALUES} condition values");
            return Err(Refusal::new("ValidationError", text));
        }
        self.check_action(action)
    }

    /// Whether there is such an action, of a rule or of a listener itself.
    pub(crate) fn check_action(&self, action: &RuleAction) -> Result<(), Refusal> {
        let mut groups = action.forwards().iter();
        if let Some((arn, _)) = groups.clone().find(|(arn, _)| !self.target_groups.contains_key(arn)) {
            let text = format!("Target groups '{arn}' not found");
            return Err(Refusal::new("TargetGroupNotFound", text));
        }
        if groups.any(|(_, weight)| *weight > LARGEST_WEIGHT) {
            let text = format!("A weight is between 0 and {LARGEST_WEIGHT}");
            return Err(Refusal::new("ValidationError", text));
        }
        match action {
            RuleAction::Forward(groups) if groups.is_empty() || groups.len() > MOST_TARGET_GROUPS => {
                let text = format!("A forward action has between 1 and {MOST_TARGET_GROUPS} target groups");
                Err(Refusal::new("ValidationError", text))
            }
            RuleAction::FixedResponse { status, body, .. }
                if !matches!(status / 100, 2 | 4 | 5) || body.len() > 1_024 =>
            {
                let text = "A fixed response has a status of 2XX, 4XX or 5XX and a body of up to 1024 bytes";
                Err(Refusal::new("ValidationError", text))
            }
            _ => Ok(()),
        }
    }
}

fn in_use(priority: u32) -> Refusal {
    Refusal::new("PriorityInUse", format!("Priority '{priority}' is currently in use"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_spread_evenly_by_weight() {
        let to = |groups: &[(&str, u32)]| {
            let groups = groups.iter().map(|(arn, weight)| ((*arn).to_owned(), *weight));
            RuleAction::Forward(groups.collect())
        };
        let three = to(&[("a", 5), ("b", 3), ("c", 2)]);
        let all: Vec<_> = (0..three.weight())
            .filter_map(|request| three.chosen(request))
            .collect();
        let times = |arn: &str| all.iter().filter(|chosen| **chosen == arn).count();
        assert_eq!((times("a"), times("b"), times("c")), (5, 3, 2), "{all:?}");
        assert_eq!(
            all.iter().position(|chosen| *chosen == "c"),
            Some(4),
            "not all of one first"
        );
        let tenth = to(&[("a", 901), ("b", 100)]);
        let first = (0..100).filter(|request| tenth.chosen(*request) == Some("b"));
        assert!((9..=10).contains(&first.count()));
        assert_eq!(to(&[("a", 0), ("b", 7)]).chosen(3), Some("b"));
        assert_eq!(to(&[("a", 0), ("b", 0)]).chosen(0), None);
        assert_eq!(RuleAction::forward("a").chosen(9), Some("a"));
    }
}
