//! What one looks at in a stack that is up: its events, its instances' logs, how it fares, an instance from inside.
//! Must know nothing of how it is shown.

pub mod events;
pub mod logs;
mod rounds;
pub mod shell;
pub mod snapshot;
pub mod tails;

pub use rounds::Rounds;

use aws_smithy_types::DateTime;
use jiff::Timestamp;
use serde::Serializer;

use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::engine::Error;
use crate::environment::live;
use crate::stack::Stack;

/// The environment that is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    pub id: String,
    pub name: String,
}

/// Whether an environment that does not show is not there.
///
/// # Errors
/// Where the caller may not look: Beanstalk shows nothing then.
pub async fn none_is_there(aws: &Aws) -> Result<(), Error> {
    aws.proof.of_reads(aws).await
}

/// The stack's environment, whatever its status; whose it is was asked before.
///
/// # Errors
/// Where Beanstalk does not say.
pub async fn find(aws: &Aws, stack: &Stack) -> Result<Option<Looked>, Error> {
    let found = live::find(aws, &stack.names.environment).await?;
    Ok(found.and_then(|found| {
        Some(Looked {
            id: found.environment_id?,
            name: found.environment_name?,
        })
    }))
}

/// Ids of the environment's instances, as Beanstalk lists them.
///
/// # Errors
/// Where Beanstalk does not say.
pub async fn instances(aws: &Aws, environment: &str) -> Result<Vec<String>, Error> {
    let describe = aws.beanstalk.describe_environment_resources();
    let answer = describe.environment_id(environment).send().await;
    let answer = answer.explain("list the environment's instances")?;
    let resources = answer.environment_resources.unwrap_or_else(no_resources);
    let ids = resources.instances().iter().filter_map(|instance| instance.id());
    let mut ids: Vec<String> = ids.map(str::to_owned).collect();
    ids.sort();
    Ok(ids)
}

fn no_resources() -> aws_sdk_elasticbeanstalk::types::EnvironmentResourceDescription {
    aws_sdk_elasticbeanstalk::types::EnvironmentResourceDescription::builder().build()
}

/// A time of AWS's, to the millisecond.
fn timestamp(at: &DateTime) -> Option<Timestamp> {
    Timestamp::from_millisecond(at.to_millis().ok()?).ok()
}

/// A time for programs, always to the millisecond.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

fn as_text<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.serialize_str(&moment(*at)),
        None => serializer.serialize_none(),
    }
}

fn date_time(at: Timestamp) -> DateTime {
    DateTime::from_millis(at.as_millisecond())
}
