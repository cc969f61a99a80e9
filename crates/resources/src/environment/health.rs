//! How an environment fares, in Beanstalk's own words, and what each of its instances runs. Reads only, and judges nothing.

use aws_sdk_elasticbeanstalk::types::{EnvironmentHealthAttribute, EnvironmentHealthStatus, EnvironmentStatus};

use super::instances::{InstanceVersion, instance_versions};
use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::aws::texts;
use crate::engine::Error;

/// How one fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fares {
    /// Status, health and version.
    pub text: String,
    /// Why it is not well, where it is not.
    pub causes: Vec<String>,
    pub instances: Vec<InstanceVersion>,
    version: String,
    /// No update is under way.
    rests: bool,
}

impl Fares {
    /// Whether it rests, and an instance runs another version than the environment's, or could not take one.
    pub fn is_mixed(&self) -> bool {
        self.rests && self.instances.iter().any(|instance| instance.is_amiss(&self.version))
    }

    /// What the environment says it runs.
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// Status, health and version of the environment of this id, and of its instances.
///
/// # Errors
/// Where Beanstalk does not say.
pub async fn environment_health(aws: &Aws, id: &str) -> Result<Fares, Error> {
    let describe = aws.beanstalk.describe_environments().environment_ids(id);
    let answer = describe.send().await.explain("read the environment's health")?;
    let environment = answer.environments.unwrap_or_default().into_iter().next();
    let Some(environment) = environment else {
        return Ok(Fares {
            text: "unknown".to_owned(),
            causes: Vec::new(),
            instances: Vec::new(),
            version: String::new(),
            rests: false,
        });
    };
    let status = environment.status().map_or("unknown", |status| status.as_str());
    let health = environment.health_status().map_or("unknown", |health| health.as_str());
    let version = environment.version_label().unwrap_or("none");
    let mut fares = Fares {
        text: format!("{status}, {health}, version {version}"),
        causes: Vec::new(),
        // Who may not read them is told of the environment alone.
        instances: instance_versions(aws, id).await.unwrap_or_default(),
        version: version.to_owned(),
        rests: environment.status() == Some(&EnvironmentStatus::Ready),
    };
    let is_well = environment.health_status() == Some(&EnvironmentHealthStatus::Ok);
    if !is_well || fares.is_mixed() {
        fares.causes = causes(aws, id).await;
    }
    Ok(fares)
}

/// What Beanstalk itself gives as causes of the environment's health.
pub(super) async fn causes(aws: &Aws, id: &str) -> Vec<String> {
    let health = aws.beanstalk.describe_environment_health().environment_id(id);
    let answer = health.attribute_names(EnvironmentHealthAttribute::All).send().await;
    let causes = answer.ok().and_then(|answer| answer.causes).unwrap_or_default();
    causes.iter().map(|cause| texts::clean(cause)).collect()
}
