//! Application version lifecycle: old versions go when a new one comes, by number or by age.
//! Must know nothing of the bundles; who asks deletes them (Beanstalk guide: applications-lifecycle).

use jiff::{SignedDuration, Timestamp};

use super::{Beanstalk, Status};
use crate::Refusal;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lifecycle {
    pub service_role: Option<String>,
    /// Versions at most.
    pub max_count: Option<Rule>,
    /// Days at most.
    pub max_age: Option<Rule>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    pub enabled: bool,
    pub limit: i32,
    pub delete_source: bool,
}

impl Lifecycle {
    /// # Errors
    /// Without a role once a rule is on, and with limits that no application can have.
    pub fn check(&self) -> Result<(), Refusal> {
        let invalid = |message: &str| Err(Refusal::new("InvalidParameterValue", message));
        let on = |rule: &Option<Rule>| rule.is_some_and(|rule| rule.enabled);
        if (on(&self.max_count) || on(&self.max_age)) && self.service_role.is_none() {
            return invalid("A ServiceRole is required when an application version lifecycle rule is enabled.");
        }
        if on(&self.max_count) && on(&self.max_age) {
            return invalid("Only one of MaxCountRule and MaxAgeRule can be enabled.");
        }
        let rules = [&self.max_count, &self.max_age];
        if rules.into_iter().flatten().any(|rule| rule.enabled && rule.limit < 1) {
            return invalid("The limit of an application version lifecycle rule must be at least 1.");
        }
        Ok(())
    }
}

impl Beanstalk {
    pub fn set_lifecycle(&mut self, application: &str, wanted: Lifecycle) -> Result<Lifecycle, Refusal> {
        let application = self.application_mut(application)?;
        let old = application.lifecycle.clone();
        // A member that is left out keeps its value.
        let merged = Lifecycle {
            service_role: wanted.service_role.or(old.service_role),
            max_count: wanted.max_count.or(old.max_count),
            max_age: wanted.max_age.or(old.max_age),
        };
        merged.check()?;
        application.lifecycle = merged.clone();
        Ok(merged)
    }

    /// Removes the versions that the rules no longer allow; gives the bundles that are to be deleted with them. Versions
    /// that an environment runs stay.
    pub fn retire_versions(&mut self, application: &str, now: Timestamp) -> Vec<(String, String)> {
        let environments = self.environments.values();
        let used: Vec<_> = environments
            .filter(|it| it.status != Status::Terminated && it.application == application)
            .filter_map(|it| it.version_label.clone())
            .collect();
        let Ok(application) = self.application_mut(application) else {
            return Vec::new();
        };
        let mut versions: Vec<_> = application.versions.values().collect();
        versions.sort_by_key(|version| std::cmp::Reverse(version.created));
        let enabled = |rule: Option<Rule>| rule.filter(|rule| rule.enabled);
        let mut doomed = Vec::new();
        if let Some(rule) = enabled(application.lifecycle.max_count) {
            let kept = usize::try_from(rule.limit).unwrap_or_default();
            let over = versions.iter().skip(kept);
            doomed.extend(over.map(|version| (version.label.clone(), rule.delete_source)));
        }
        if let Some(rule) = enabled(application.lifecycle.max_age) {
            let age = SignedDuration::from_hours(24 * i64::from(rule.limit));
            let old = versions.iter().filter(|it| now.duration_since(it.created) > age);
            doomed.extend(old.map(|version| (version.label.clone(), rule.delete_source)));
        }
        doomed.retain(|(label, _)| !used.contains(label));
        let removed = doomed.into_iter().filter_map(|(label, delete_source)| {
            let version = application.versions.remove(&label)?;
            delete_source.then_some(version.source)
        });
        removed.collect()
    }
}
