//! An environment's option settings: what was set, over the catalogue's defaults, and whether it is valid.
//! Must know nothing of the resources that settings become.

use std::collections::{BTreeMap, BTreeSet};

use super::catalogue::{self, COMMAND, ENVIRONMENT, Effect, HEALTH, INSTANCES, LISTENER, PROCESS, PROPERTIES, Values};
use crate::world::Refusal;

/// Values that were set, by namespace and option name.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Settings(BTreeMap<(String, String), String>);

/// A problem of one setting, as ValidateConfigurationSettings lists it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Problem {
    pub namespace: String,
    pub name: String,
    pub message: String,
}

impl Problem {
    fn of_value(namespace: &str, name: &str, value: &str, why: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            message: format!("Invalid option value: '{value}' (Namespace: '{namespace}', OptionName: '{name}'): {why}"),
        }
    }

    /// The error that CreateEnvironment and UpdateEnvironment give for it.
    pub(crate) fn refusal(&self) -> Refusal {
        Refusal::new(
            "ConfigurationValidationException",
            format!("Configuration validation exception: {}", self.message),
        )
    }
}

impl Settings {
    pub(crate) fn set(&mut self, namespace: &str, name: &str, value: &str) {
        self.0.insert((namespace.to_owned(), name.to_owned()), value.to_owned());
    }

    pub(crate) fn remove(&mut self, namespace: &str, name: &str) {
        self.0.remove(&(namespace.to_owned(), name.to_owned()));
    }

    /// What counts: the value set, else the default. An empty text is as good as none.
    pub(crate) fn get(&self, namespace: &str, name: &str) -> Option<&str> {
        self.0
            .get(&(namespace.to_owned(), name.to_owned()))
            .map(String::as_str)
            .or_else(|| catalogue::find(namespace, name).and_then(|option| option.default))
            .filter(|value| !value.is_empty())
    }

    pub(crate) fn text(&self, namespace: &str, name: &str) -> String {
        self.get(namespace, name).unwrap_or_default().to_owned()
    }

    pub(crate) fn is_true(&self, namespace: &str, name: &str) -> bool {
        self.get(namespace, name) == Some("true")
    }

    pub(crate) fn whole(&self, namespace: &str, name: &str) -> i64 {
        self.get(namespace, name)
            .and_then(|value| value.parse().ok())
            .unwrap_or(0)
    }

    pub(crate) fn number(&self, namespace: &str, name: &str) -> f64 {
        self.get(namespace, name)
            .and_then(|value| value.parse().ok())
            .unwrap_or(0.0)
    }

    pub(crate) fn list(&self, namespace: &str, name: &str) -> Vec<String> {
        let items = self.get(namespace, name).unwrap_or_default().split(',');
        items
            .map(|item| item.trim().to_owned())
            .filter(|item| !item.is_empty())
            .collect()
    }

    /// Environment properties.
    pub(crate) fn properties(&self) -> BTreeMap<String, String> {
        let own = self.0.iter().filter(|((namespace, _), _)| namespace == PROPERTIES);
        own.map(|((_, name), value)| (name.clone(), value.clone())).collect()
    }

    pub(crate) fn is_single_instance(&self) -> bool {
        self.get(ENVIRONMENT, "EnvironmentType") == Some("SingleInstance")
    }

    pub(crate) fn has_enhanced_health(&self) -> bool {
        self.get(HEALTH, "SystemType") == Some("enhanced")
    }

    /// Everything that DescribeConfigurationSettings shows: each option with its value, set or default.
    pub(crate) fn effective(&self) -> Vec<(String, String, Option<String>)> {
        let known = catalogue::OPTIONS
            .iter()
            .map(|option| (option.namespace.to_owned(), option.name.to_owned()));
        let keys: BTreeSet<_> = known.chain(self.0.keys().cloned()).collect();
        keys.into_iter()
            .map(|(namespace, name)| {
                let value = self.get(&namespace, &name).map(str::to_owned);
                (namespace, name, value)
            })
            .collect()
    }

    /// These, with those of `over` in their place where it has any.
    pub(crate) fn overlaid(&self, over: &Self) -> Self {
        let mut all = self.0.clone();
        all.extend(over.0.clone());
        Self(all)
    }

    /// Which options count differently in `other`.
    pub(crate) fn changes(&self, other: &Self) -> Vec<(String, String)> {
        let keys: BTreeSet<_> = self.0.keys().chain(other.0.keys()).collect();
        keys.into_iter()
            .filter(|(namespace, name)| self.get(namespace, name) != other.get(namespace, name))
            .cloned()
            .collect()
    }

    /// The strongest effect of those changes on a running environment.
    pub(crate) fn effect_of(changes: &[(String, String)]) -> Option<Effect> {
        let effect = |(namespace, name): &(String, String)| {
            if namespace == PROPERTIES {
                return Effect::RestartApplicationServer;
            }
            catalogue::find(namespace, name).map_or(Effect::NoInterruption, |option| option.effect)
        };
        changes.iter().map(effect).max_by_key(|effect| *effect as u8)
    }

    /// # Errors
    /// The first of its problems.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        self.problems().first().map_or(Ok(()), |problem| Err(problem.refusal()))
    }

    /// All that is wrong with the values.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems: Vec<_> = self
            .0
            .iter()
            .filter_map(|((namespace, name), value)| check(namespace, name, value))
            .collect();
        problems.extend(self.conflicts());
        problems.extend(self.beyond_the_sandbox());
        problems
    }

    fn conflicts(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut refuse = |namespace: &str, name: &str, why: &str| {
            problems.push(Problem::of_value(namespace, name, &self.text(namespace, name), why));
        };
        if self.whole(catalogue::ASG, "MinSize") > self.whole(catalogue::ASG, "MaxSize") {
            refuse(
                catalogue::ASG,
                "MinSize",
                "Minimum instance count is greater than the maximum instance count.",
            );
        }
        if self.whole(catalogue::PROCESS, "HealthCheckTimeout") >= self.whole(catalogue::PROCESS, "HealthCheckInterval")
        {
            refuse(
                catalogue::PROCESS,
                "HealthCheckTimeout",
                "Health check timeout must be less than the interval.",
            );
        }
        // The service role is what reads the health; the guide demands it, the wording is ours (facts/eb.md §1.9).
        if self.has_enhanced_health() && self.get(ENVIRONMENT, "ServiceRole").is_none() {
            refuse(
                HEALTH,
                "SystemType",
                "You must specify a service role to use enhanced health reporting.",
            );
        }
        let length: usize = self
            .properties()
            .iter()
            .map(|(name, value)| name.len() + value.len() + 1)
            .sum();
        if length > 4096 {
            refuse(
                PROPERTIES,
                "EnvironmentVariables",
                "The environment properties exceed 4096 bytes together.",
            );
        }
        problems
    }

    /// What AWS would do and the sandbox cannot: refused, so that nobody takes silence for success.
    fn beyond_the_sandbox(&self) -> Vec<Problem> {
        let balanced = !self.is_single_instance();
        let type_of_balancer = self.get(ENVIRONMENT, "LoadBalancerType") != Some("application");
        let policy = self.get(COMMAND, "DeploymentPolicy");
        let limits = [
            (
                balanced && type_of_balancer,
                ENVIRONMENT,
                "LoadBalancerType",
                "application load balancers only",
            ),
            (
                self.is_true(ENVIRONMENT, "LoadBalancerIsShared"),
                ENVIRONMENT,
                "LoadBalancerIsShared",
                "no shared load balancers",
            ),
            (
                policy == Some("TrafficSplitting"),
                COMMAND,
                "DeploymentPolicy",
                "no traffic splitting",
            ),
            (
                self.is_true(INSTANCES, "EnableSpot"),
                INSTANCES,
                "EnableSpot",
                "on-demand instances only",
            ),
            (
                self.get(LISTENER, "Protocol") != Some("HTTP"),
                LISTENER,
                "Protocol",
                "HTTP listeners only",
            ),
            (
                self.is_true(PROCESS, "StickinessEnabled"),
                PROCESS,
                "StickinessEnabled",
                "no sticky sessions",
            ),
        ];
        limits
            .into_iter()
            .filter(|(beyond, ..)| *beyond)
            .map(|(_, namespace, name, limit)| {
                let why = format!("This sandbox has {limit}.");
                Problem::of_value(namespace, name, &self.text(namespace, name), &why)
            })
            .collect()
    }
}

fn check(namespace: &str, name: &str, value: &str) -> Option<Problem> {
    if namespace == PROPERTIES {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_.:/+\\-@".contains(c);
        let valid = !name.is_empty() && name.chars().all(allowed);
        return (!valid)
            .then(|| Problem::of_value(namespace, name, value, "The name has characters that are not allowed."));
    }
    let Some(option) = catalogue::find(namespace, name) else {
        return Some(Problem {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            message: format!(
                "Invalid option specification (Namespace: '{namespace}', OptionName: '{name}'): Unknown configuration setting."
            ),
        });
    };
    if value.is_empty() {
        return None;
    }
    let why = match option.values {
        Values::Text | Values::List => None,
        Values::Boolean => (!matches!(value, "true" | "false")).then(|| "Value is not a boolean.".to_owned()),
        Values::OneOf(values) => (!values.contains(&value))
            .then(|| format!("Value is not one of the allowed values: [{}].", values.join(", "))),
        Values::Whole(low, high) => match value.parse::<i64>() {
            Err(_) => Some("Value is not an integer.".to_owned()),
            Ok(number) if number < low => Some(format!("Value is less than minimum allowed value: {low}.")),
            Ok(number) if number > high => Some(format!("Value is greater than maximum allowed value: {high}.")),
            Ok(_) => None,
        },
        Values::Number(low, high) => match value.parse::<f64>() {
            Err(_) => Some("Value is not a number.".to_owned()),
            Ok(number) if !(low..=high).contains(&number) => Some(format!("Value is not between {low} and {high}.")),
            Ok(_) => None,
        },
    };
    why.map(|why| Problem::of_value(namespace, name, value, &why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::beanstalk::catalogue::{ASG, TRIGGER};

    #[test]
    fn a_typo_is_refused_in_the_words_of_aws() {
        let mut settings = Settings::default();
        settings.set("aws:autoscaling:asg", " MinSize", "2");
        let refusal = settings.problems()[0].refusal();
        assert_eq!(refusal.code, "ConfigurationValidationException");
        assert_eq!(
            refusal.message,
            "Configuration validation exception: Invalid option specification (Namespace: 'aws:autoscaling:asg', \
             OptionName: ' MinSize'): Unknown configuration setting."
        );
    }

    #[test]
    fn the_raw_defaults_are_those_that_bite() {
        let settings = Settings::default();
        assert_eq!(settings.get(TRIGGER, "LowerThreshold"), Some("2000000"));
        assert!(!settings.has_enhanced_health());
        let limits: Vec<_> = settings.problems().into_iter().map(|problem| problem.name).collect();
        assert_eq!(
            limits,
            ["LoadBalancerType"],
            "the default is a classic load balancer, which the sandbox has not"
        );
    }

    #[test]
    fn only_what_counts_is_a_change() {
        let (mut before, mut after) = (Settings::default(), Settings::default());
        before.set(ASG, "MinSize", "2");
        after.set(ASG, "MinSize", "2");
        after.set(ASG, "MaxSize", "4");
        assert!(before.changes(&after).is_empty(), "4 is the default");
        after.set(PROPERTIES, "COLOR", "green");
        let changes = before.changes(&after);
        assert_eq!(Settings::effect_of(&changes), Some(Effect::RestartApplicationServer));
    }
}
