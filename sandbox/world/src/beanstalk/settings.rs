//! An environment's option settings: what was set, over the catalogue's defaults, and whether it is valid.
//! Must know nothing of the resources that settings become.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::catalogue::{
    self, COMMAND, ENVIRONMENT, Effect, HEALTH, MANAGED, PLATFORM_UPDATE, PROCESS, PROPERTIES, ROLLING, Values,
};
use super::limits;
use super::resources::{CONFIGURATION, TEMPLATE, wants_template};
use super::shared_balancer;
use crate::Refusal;

/// Values by namespace and option name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// By the API, or by a template.
    set: BTreeMap<(String, String), String>,
    /// By the `.ebextensions` of the version; they count less (Beanstalk guide: command-options).
    extensions: BTreeMap<(String, String), String>,
}

/// Where `ConfigDocument` has its rules on 4xx.
pub(crate) const APPLICATION_ERRORS: (&str, &str) = ("Application", "ApplicationRequests4xx");
pub(crate) const BALANCER_ERRORS: (&str, &str) = ("ELB", "ELBRequests4xx");

/// An option as DescribeConfigurationSettings shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Effective {
    pub namespace: String,
    pub name: String,
    /// The logical id of the part of the stack that it is of.
    pub resource: Option<&'static str>,
    /// What was not set and has no default has none, or an empty one: [`catalogue::EMPTY`].
    pub value: Option<String>,
}

/// A problem of one setting, as ValidateConfigurationSettings lists it.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    pub namespace: String,
    pub name: String,
    pub message: String,
}

impl Problem {
    pub(super) fn of_value(namespace: &str, name: &str, value: &str, why: &str) -> Self {
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
    pub fn set(&mut self, namespace: &str, name: &str, value: &str) {
        self.set
            .insert((namespace.to_owned(), name.to_owned()), value.to_owned());
    }

    pub(crate) fn remove(&mut self, namespace: &str, name: &str) {
        self.set.remove(&(namespace.to_owned(), name.to_owned()));
    }

    /// What was set by the API or a template: namespace and option name, value.
    pub(crate) fn of_api(&self) -> impl Iterator<Item = (&(String, String), &String)> {
        self.set.iter()
    }

    /// These, with what a version brings in place of what another one brought.
    pub fn with_extensions(&self, options: Vec<(String, String, String)>) -> Self {
        let options = options.into_iter();
        Self {
            set: self.set.clone(),
            extensions: options
                .map(|(namespace, name, value)| ((namespace, name), value))
                .collect(),
        }
    }

    /// Every option that has a value other than its default.
    fn given(&self) -> BTreeMap<&(String, String), &String> {
        let mut all: BTreeMap<_, _> = self.extensions.iter().collect();
        all.extend(&self.set);
        all
    }

    /// What counts: the value set, else the version's, else the default. An empty text is as good as none.
    pub(crate) fn get(&self, namespace: &str, name: &str) -> Option<&str> {
        let key = (namespace.to_owned(), name.to_owned());
        self.set
            .get(&key)
            .or_else(|| self.extensions.get(&key))
            .map(String::as_str)
            .or_else(|| self.default_of(namespace, name))
            .filter(|value| !value.is_empty())
    }

    /// The catalogue's, but that any option of theirs turns rolling updates on that were not turned off
    /// (Beanstalk guide: command-options-general, RollingUpdateEnabled).
    fn default_of(&self, namespace: &str, name: &str) -> Option<&'static str> {
        let is_given = |name: &&str| self.get(ROLLING, name).is_some();
        let of_batches = ["MaxBatchSize", "MinInstancesInService", "PauseTime"];
        if (namespace, name) == (ROLLING, "RollingUpdateEnabled") && of_batches.iter().any(is_given) {
            return Some("true");
        }
        catalogue::find(namespace, name).and_then(|option| option.default)
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
        let given = self.given().into_iter();
        let own = given.filter(|((namespace, _), _)| namespace == PROPERTIES);
        own.map(|((_, name), value)| (name.clone(), value.clone())).collect()
    }

    pub(crate) fn is_single_instance(&self) -> bool {
        self.get(ENVIRONMENT, "EnvironmentType") == Some("SingleInstance")
    }

    /// Whether the environment has a load balancer of the first generation, which is the default.
    pub(crate) fn is_classic(&self) -> bool {
        !self.is_single_instance() && self.get(ENVIRONMENT, "LoadBalancerType") == Some("classic")
    }

    pub fn has_enhanced_health(&self) -> bool {
        self.get(HEALTH, "SystemType") == Some("enhanced")
    }

    /// Whether 4xx count for the environment's health: of what its instances answer, or of what comes through its load balancer.
    /// Both do unless `ConfigDocument` says otherwise (Beanstalk guide: health-enhanced-rules).
    pub(crate) fn counts_client_errors(&self, (part, rule): (&str, &str)) -> bool {
        let document: serde_json::Value =
            serde_json::from_str(self.get(HEALTH, "ConfigDocument").unwrap_or_default()).unwrap_or_default();
        document["Rules"]["Environment"][part][rule]["Enabled"] != false
    }

    /// Everything that DescribeConfigurationSettings shows: each option with its value, set or default. Those of another
    /// kind of load balancer only where they were set.
    pub fn effective(&self) -> Vec<Effective> {
        let known = catalogue::OPTIONS
            .iter()
            .filter(|option| self.concerns(option.namespace))
            .map(|option| (option.namespace.to_owned(), option.name.to_owned()));
        let keys: BTreeSet<_> = known.chain(self.given().into_keys().cloned()).collect();
        keys.into_iter()
            .map(|(namespace, name)| {
                let is_empty = catalogue::EMPTY.contains(&name.as_str());
                let value = self.get(&namespace, &name).map(str::to_owned);
                Effective {
                    value: value.or_else(|| is_empty.then(String::new)),
                    resource: self.resource_of(&namespace, &name),
                    namespace,
                    name,
                }
            })
            .collect()
    }

    /// The part of the stack that an option is of; instances have a template or a configuration that they are launched from.
    pub fn resource_of(&self, namespace: &str, name: &str) -> Option<&'static str> {
        let resource = catalogue::resource_of(namespace, name)?;
        let templated = resource != TEMPLATE.0 || wants_template(self);
        Some(if templated { resource } else { CONFIGURATION.0 })
    }

    fn concerns(&self, namespace: &str) -> bool {
        let classic = namespace.starts_with("aws:elb:");
        let application = namespace.starts_with("aws:elbv2:") || namespace == PROCESS;
        match (self.is_single_instance(), self.is_classic()) {
            (true, _) => !classic && !application,
            (false, true) => !application,
            (false, false) => !classic,
        }
    }

    /// These, with those of `over` in their place where it has any.
    pub(crate) fn overlaid(&self, over: &Self) -> Self {
        let mut set = self.set.clone();
        set.extend(over.set.clone());
        Self {
            set,
            extensions: self.extensions.clone(),
        }
    }

    /// Which options count differently in `other`.
    pub(crate) fn changes(&self, other: &Self) -> Vec<(String, String)> {
        let keys: BTreeSet<_> = self.given().into_keys().chain(other.given().into_keys()).collect();
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
    pub fn problems(&self) -> Vec<Problem> {
        let given = self.given().into_iter();
        let mut problems: Vec<_> = given
            .filter_map(|((namespace, name), value)| check(namespace, name, value))
            .collect();
        problems.extend(self.conflicts());
        problems.extend(limits::problems(self));
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
        // That it must be JSON is plain, the wording is ours.
        let document = self.text(HEALTH, "ConfigDocument");
        if !document.is_empty() && serde_json::from_str::<serde_json::Value>(&document).is_err() {
            refuse(HEALTH, "ConfigDocument", "The document is no valid JSON.");
        }
        // The service role is what reads the health; AWS demands it (Beanstalk guide: health-enhanced), the wording is ours.
        if self.has_enhanced_health() && self.get(ENVIRONMENT, "ServiceRole").is_none() {
            refuse(
                HEALTH,
                "SystemType",
                "You must specify a service role to use enhanced health reporting.",
            );
        }
        let is_percentage = self.get(COMMAND, "BatchSizeType") == Some("Percentage");
        if is_percentage && self.whole(COMMAND, "BatchSize") > 100 {
            refuse(
                COMMAND,
                "BatchSize",
                "Value is greater than maximum allowed value: 100.",
            );
        }
        // AWS demands them (Beanstalk guide: environment-platform-update-managed), the wording is ours.
        if self.is_true(MANAGED, "ManagedActionsEnabled") {
            for (namespace, name) in [(MANAGED, "PreferredStartTime"), (PLATFORM_UPDATE, "UpdateLevel")] {
                if self.get(namespace, name).is_none() {
                    refuse(
                        namespace,
                        name,
                        "You must specify it to enable managed platform updates.",
                    );
                }
            }
            if !self.has_enhanced_health() {
                refuse(
                    MANAGED,
                    "ManagedActionsEnabled",
                    "Managed platform updates require enhanced health reporting.",
                );
            }
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
}

fn check(namespace: &str, name: &str, value: &str) -> Option<Problem> {
    if namespace == PROPERTIES {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_.:/+\\-@".contains(c);
        let valid = !name.is_empty() && name.chars().all(allowed);
        return (!valid)
            .then(|| Problem::of_value(namespace, name, value, "The name has characters that are not allowed."));
    }
    let Some(option) = catalogue::find(namespace, name) else {
        if shared_balancer::knows(namespace, name, value) {
            return None;
        }
        if limits::is_absent(namespace) {
            return Some(Problem::of_value(
                namespace,
                name,
                value,
                "This sandbox has no option of this namespace.",
            ));
        }
        return Some(Problem {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            message: format!(
                "Invalid option specification (Namespace: '{namespace}', OptionName: '{name}'): Unknown configuration setting."
            ),
        });
    };
    // As good as none; but codes and numbers that have a default are never none (github.com/aws/aws-elastic-beanstalk-cli/issues/77).
    let is_required = match option.values {
        Values::Codes => true,
        Values::Whole(..) | Values::Number(..) => option.default.is_some(),
        _ => false,
    };
    if value.is_empty() && !is_required {
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
        Values::Duration(low, high) => {
            let seconds = value.parse().map(|duration: SignedDuration| duration.as_secs());
            (!seconds.is_ok_and(|seconds| (low..=high).contains(&seconds)))
                .then(|| format!("Value is not an ISO 8601 duration of {low} to {high} seconds."))
        }
        Values::Codes => (!are_codes(value)).then(|| {
            format!(
                "Value does not satisfy regex: '{}' [The configured value for '{name}' is invalid. A valid value must be a \
                 single code of 3 digits, a comma separated list of codes (e.g 200,210), or a range of codes (e.g 200-210).]",
                catalogue::CODES
            )
        }),
        // A target group takes no other (ELB API, CreateTargetGroup: HealthCheckPath); the wording is ours.
        Values::Path => (!value.starts_with('/')).then(|| "Value does not begin with '/'.".to_owned()),
    };
    why.map(|why| Problem::of_value(namespace, name, value, &why))
}

/// As [`catalogue::CODES`] has it.
fn are_codes(value: &str) -> bool {
    let is_code = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    match value.split_once('-') {
        Some((first, last)) => is_code(first) && is_code(last),
        None => value.split(',').all(is_code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::beanstalk::catalogue::{ASG, TRIGGER};

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
        assert!(settings.is_classic());
        assert_eq!(settings.problems(), [], "AWS takes it as it is");
    }

    #[test]
    fn an_option_says_which_part_of_the_stack_it_is_of_and_a_few_are_empty() {
        let shown = Settings::default().effective();
        let of = |name: &str| {
            let found = shown.iter().find(|option| option.name == name).unwrap();
            (found.resource, found.value.as_deref())
        };
        assert_eq!(of("MinSize"), (Some("AWSEBAutoScalingGroup"), Some("1")));
        assert_eq!(
            of("Custom Availability Zones"),
            (Some("AWSEBAutoScalingGroup"), Some(""))
        );
        assert_eq!(of("EC2KeyName"), (Some("AWSEBAutoScalingLaunchConfiguration"), None));
        assert_eq!(of("DisableIMDSv1").0, None);
        assert_eq!(of("SystemType"), (None, Some("basic")));
    }

    #[test]
    fn an_option_of_rolling_updates_turns_them_on_that_were_not_turned_off() {
        let mut settings = Settings::default();
        let is_on = |settings: &Settings| settings.is_true(ROLLING, "RollingUpdateEnabled");
        settings.set(ROLLING, "RollingUpdateType", "Health");
        assert!(!is_on(&settings));
        settings.set(ROLLING, "MaxBatchSize", "1");
        assert!(is_on(&settings));
        settings.set(ROLLING, "RollingUpdateEnabled", "false");
        assert!(!is_on(&settings));
    }

    #[test]
    fn what_the_sandbox_cannot_do_is_said_to_be_its_limit() {
        let mut settings = Settings::default();
        settings.set("aws:elbv2:listener:443", "Protocol", "HTTPS");
        settings.set("aws:elasticbeanstalk:xray", "XRayEnabled", "true");
        settings.set("aws:elbv2:listener", "Protocol", "HTTP");
        let texts: Vec<_> = settings.problems().into_iter().map(|problem| problem.message).collect();
        assert!(
            texts[0].ends_with("This sandbox has only the default of this option.") || texts.len() == 3,
            "{texts:?}"
        );
        let limits = texts.iter().filter(|text| text.contains("This sandbox has"));
        assert_eq!((limits.count(), texts.len()), (2, 3), "{texts:?}");
    }

    fn wrong(settings: &[(&str, &str, &str)]) -> Vec<(String, String)> {
        let mut all = Settings::default();
        for (namespace, name, value) in settings {
            all.set(namespace, name, value);
        }
        all.problems().into_iter().map(|it| (it.name, it.message)).collect()
    }

    #[test]
    fn managed_updates_need_a_window_a_level_and_enhanced_health() {
        let enabled = (MANAGED, "ManagedActionsEnabled", "true");
        let names: Vec<_> = wrong(&[enabled]).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["PreferredStartTime", "UpdateLevel", "ManagedActionsEnabled"]);
        let rest = [
            enabled,
            (MANAGED, "PreferredStartTime", "Tue:09:00"),
            (PLATFORM_UPDATE, "UpdateLevel", "minor"),
            (HEALTH, "SystemType", "enhanced"),
            (ENVIRONMENT, "ServiceRole", "service-role"),
        ];
        assert_eq!(wrong(&rest), []);
    }

    #[test]
    fn values_that_are_no_codes_no_path_no_time_and_no_number_are_refused() {
        for (namespace, name, value, why) in [
            (PROCESS, "MatcherHTTPCode", "ok", "does not satisfy regex"),
            (PROCESS, "MatcherHTTPCode", "200-299,301", "does not satisfy regex"),
            (PROCESS, "MatcherHTTPCode", "", "does not satisfy regex"),
            (PROCESS, "HealthCheckPath", "health", "does not begin with '/'"),
            (COMMAND, "BatchSize", "101", "maximum allowed value: 100."),
            (ASG, "MinSize", "", "not an integer"),
            (TRIGGER, "LowerThreshold", "", "not a number"),
            (catalogue::ROLLING, "Timeout", "PT1M", "300 to 3600 seconds"),
            (catalogue::ROLLING, "PauseTime", "soon", "ISO 8601"),
        ] {
            let problems = wrong(&[(namespace, name, value)]);
            assert!(
                problems.len() == 1 && problems[0].1.contains(why),
                "{name}={value}: {problems:?}"
            );
        }
        let fixed = (COMMAND, "BatchSizeType", "Fixed");
        for good in [
            &[(PROCESS, "MatcherHTTPCode", "200,301")][..],
            &[(PROCESS, "MatcherHTTPCode", "200-299")],
            &[fixed, (COMMAND, "BatchSize", "101")],
            &[(catalogue::ROLLING, "MaxBatchSize", "")],
        ] {
            assert_eq!(wrong(good), [], "{good:?}");
        }
    }

    #[test]
    fn a_document_can_leave_client_errors_out_of_the_health() {
        let mut settings = Settings::default();
        assert!(settings.counts_client_errors(APPLICATION_ERRORS) && settings.counts_client_errors(BALANCER_ERRORS));
        let document =
            r#"{"Version":1,"Rules":{"Environment":{"Application":{"ApplicationRequests4xx":{"Enabled":false}}}}}"#;
        settings.set(HEALTH, "ConfigDocument", document);
        assert_eq!(settings.problems(), []);
        assert!(!settings.counts_client_errors(APPLICATION_ERRORS) && settings.counts_client_errors(BALANCER_ERRORS));
        settings.set(HEALTH, "ConfigDocument", "{");
        assert!(settings.problems()[0].message.contains("ConfigDocument"));
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
