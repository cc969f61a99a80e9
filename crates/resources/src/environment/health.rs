//! How an environment fares, in Beanstalk's own words. Reads only, and judges nothing.

use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::engine::Error;

/// Status, health and version of the environment of this id.
///
/// # Errors
/// Where Beanstalk does not say.
pub async fn environment_health(aws: &Aws, id: &str) -> Result<String, Error> {
    let describe = aws.beanstalk.describe_environments().environment_ids(id);
    let answer = describe.send().await.explain("read the environment's health")?;
    let environment = answer.environments.unwrap_or_default().into_iter().next();
    let Some(environment) = environment else {
        return Ok("unknown".to_owned());
    };
    let status = environment.status().map_or("unknown", |status| status.as_str());
    let health = environment.health_status().map_or("unknown", |health| health.as_str());
    let version = environment.version_label().unwrap_or("none");
    Ok(format!("{status}, {health}, version {version}"))
}
