//! What time it is at AWS: times of AWS's are compared with AWS's own.
//! Must know nothing of what is timed.

use aws_sdk_elasticbeanstalk::types::EnvironmentHealthAttribute;
use aws_smithy_types::DateTime;

use crate::Aws;
use crate::engine::Error;
use crate::errors::Explain;

/// AWS's time in seconds since 1970, told by an environment with enhanced health. This machine's clock may be wrong, and a sandbox's runs
/// faster; it counts where nobody tells.
///
/// # Errors
/// Where Beanstalk does not answer.
pub async fn now(aws: &Aws, environment: &str) -> Result<f64, Error> {
    let describe = aws.beanstalk.describe_environment_health().environment_id(environment);
    let describe = describe.attribute_names(EnvironmentHealthAttribute::RefreshedAt);
    let answer = describe
        .send()
        .await
        .or_absent(&["InvalidRequestException"], "read AWS's time")?;
    let refreshed = answer.and_then(|answer| answer.refreshed_at().map(DateTime::as_secs_f64));
    Ok(refreshed.unwrap_or_else(|| jiff::Timestamp::now().as_millisecond() as f64 / 1000.0))
}
