//! Which version each instance of an environment runs, in Beanstalk's own words. Reads only.
//! The environment's own label is not it: after a deployment that failed half way instances run others, and one that Beanstalk calls
//! a success may have left one out (aws/elastic-beanstalk-roadmap#162).

use aws_sdk_elasticbeanstalk::types::{InstancesHealthAttribute, SingleInstanceHealth};

use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::aws::paging::{self, Page};
use crate::engine::Error;

/// What Beanstalk says of one instance (botocore: elasticbeanstalk, Deployment).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceVersion {
    pub id: String,
    /// The one that it took last, or could not take; `None` where nothing is told.
    pub version: Option<String>,
    /// Counts the deployments of the environment.
    pub deployment: i64,
    pub state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    UnderWay,
    Deployed,
    Failed,
    Unknown,
}

/// By instance; nothing where the environment has basic health, which knows of no deployments.
///
/// # Errors
/// Where Beanstalk does not say.
pub async fn instance_versions(aws: &Aws, environment: &str) -> Result<Vec<InstanceVersion>, Error> {
    let all = told(aws, environment, InstancesHealthAttribute::Deployment).await?;
    Ok(all.iter().map(read).collect())
}

/// What Beanstalk tells of each instance, by id; nothing with basic health.
pub(crate) async fn told(
    aws: &Aws,
    environment: &str,
    what: InstancesHealthAttribute,
) -> Result<Vec<SingleInstanceHealth>, Error> {
    let all = paging::all(async |token: Option<String>| {
        let describe = aws.beanstalk.describe_instances_health().environment_id(environment);
        let describe = describe.attribute_names(what.clone());
        let answer = describe.set_next_token(token).send().await;
        let page = answer.or_absent(&["InvalidRequestException"], "read how the instances fare")?;
        Ok(page.map_or_else(Page::default, |page| {
            Page::new(page.instance_health_list.unwrap_or_default(), page.next_token)
        }))
    });
    let mut instances = all.await?;
    instances.sort_by(|one, other| one.instance_id().cmp(&other.instance_id()));
    Ok(instances)
}

fn read(instance: &SingleInstanceHealth) -> InstanceVersion {
    let deployment = instance.deployment();
    let label = deployment
        .and_then(|it| it.version_label())
        .filter(|label| !label.is_empty());
    InstanceVersion {
        id: instance.instance_id().unwrap_or_default().to_owned(),
        version: label.map(str::to_owned),
        deployment: deployment.and_then(|it| it.deployment_id()).unwrap_or_default(),
        state: match deployment.and_then(|it| it.status()) {
            Some("Deployed") => State::Deployed,
            Some("Failed") => State::Failed,
            Some("In Progress") => State::UnderWay,
            _ => State::Unknown,
        },
    }
}

impl InstanceVersion {
    /// Whether it has taken this version, and well.
    pub(crate) fn runs(&self, version: &str) -> bool {
        self.state == State::Deployed && self.version.as_deref() == Some(version)
    }

    /// Whether it is known to be at another version.
    fn is_astray(&self, version: &str) -> bool {
        let rests = matches!(self.state, State::Deployed | State::Failed);
        rests && self.version.as_deref().is_some_and(|label| label != version)
    }
}

impl InstanceVersion {
    /// What became of it in a deployment of `version` that ended without success. It stays true whatever is deployed next.
    pub(super) fn after(&self, version: &str) -> String {
        let (id, deployment) = (&self.id, self.deployment);
        match (self.version.as_deref(), self.state) {
            (Some(own), State::Failed) => format!("{id}: {own} failed there (deployment {deployment})"),
            (Some(own), State::UnderWay) => format!("{id} was taking {own} (deployment {deployment})"),
            (Some(own), _) if own == version => format!("{id} took {own} (deployment {deployment})"),
            (Some(own), _) => format!("{id} stayed at {own} (deployment {deployment})"),
            (None, _) => format!("{id} was just launched: it had no version yet"),
        }
    }

    /// Members of an object for programs.
    pub fn told(&self) -> serde_json::Value {
        serde_json::json!({
            "instance": self.id, "version": self.version, "deployment": self.deployment, "state": self.state.as_str(),
        })
    }

    /// Whether it failed there, or runs another version than its environment's.
    pub fn is_amiss(&self, label: &str) -> bool {
        self.state == State::Failed || self.is_astray(label)
    }
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::UnderWay => "under_way",
            Self::Deployed => "deployed",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

impl std::fmt::Display for InstanceVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (id, deployment) = (&self.id, self.deployment);
        match (&self.version, self.state) {
            (Some(version), State::Failed) => write!(f, "{id}: {version} failed there (deployment {deployment})"),
            (Some(version), State::UnderWay) => write!(f, "{id} is taking {version} (deployment {deployment})"),
            (Some(version), _) => write!(f, "{id} runs {version} (deployment {deployment})"),
            (None, _) => write!(f, "{id} has no version yet, as far as Beanstalk says"),
        }
    }
}

/// Those that are known to be at another version.
pub(super) fn astray<'a>(instances: &'a [InstanceVersion], version: &str) -> Vec<&'a InstanceVersion> {
    instances
        .iter()
        .filter(|instance| instance.is_astray(version))
        .collect()
}

/// The environment's version, and where its instances are at others, those: `v1, and v2 on 2 of 3 instances`.
pub(super) fn shown(label: Option<&str>, instances: &[InstanceVersion]) -> Option<String> {
    let label = label?;
    let astray = astray(instances, label);
    if astray.is_empty() {
        return Some(label.to_owned());
    }
    let mut others: Vec<&str> = astray.iter().filter_map(|it| it.version.as_deref()).collect();
    others.sort_unstable();
    others.dedup();
    Some(format!(
        "{label}, and {} on {} of {} instances",
        others.join(", "),
        astray.len(),
        instances.len()
    ))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn instance(id: &str, version: &str, deployment: i64, state: State) -> InstanceVersion {
        InstanceVersion {
            id: id.to_owned(),
            version: Some(version.to_owned()),
            deployment,
            state,
        }
    }

    #[test]
    fn mixed_versions_are_shown_beside_the_environments_own() {
        let instances = [
            instance("i-1", "v2", 2, State::Deployed),
            instance("i-2", "v2", 2, State::Failed),
            instance("i-3", "v1", 1, State::Deployed),
        ];
        assert_eq!(
            shown(Some("v1"), &instances).as_deref(),
            Some("v1, and v2 on 2 of 3 instances")
        );
        assert_eq!(shown(Some("v1"), &instances[2..]).as_deref(), Some("v1"));
        let after: Vec<_> = instances.iter().map(|it| it.after("v2")).collect();
        assert_eq!(
            after,
            [
                "i-1 took v2 (deployment 2)",
                "i-2: v2 failed there (deployment 2)",
                "i-3 stayed at v1 (deployment 1)"
            ]
        );
        let told: Vec<_> = instances.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "i-1 runs v2 (deployment 2)",
                "i-2: v2 failed there (deployment 2)",
                "i-3 runs v1 (deployment 1)"
            ]
        );
    }

    #[test]
    fn one_that_is_being_deployed_to_or_says_nothing_is_not_astray() {
        let mut silent = instance("i-1", "", 0, State::Unknown);
        silent.version = None;
        let instances = [silent, instance("i-2", "v2", 2, State::UnderWay)];
        assert!(astray(&instances, "v1").is_empty());
    }
}
