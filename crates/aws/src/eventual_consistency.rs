//! Whether a resource is there, where reads are eventually consistent.
//! Must know nothing of how a service is asked.

use super::Aws;
use super::tags::{BETWEEN_READS, CREATED, SLOWEST};
use crate::engine::{Error, ReadCx, ResourceId};

/// What is there. Where a former run was about to create the one of this name and did not end well, "not there" is believed
/// only after it was read again for a minute; once, whatever is read afterwards.
///
/// Sources: dynamodb:DescribeTable ("uses an eventually consistent query, and the metadata for your table might not be
/// available at that moment"), the EC2 developer guide's eventual-consistency, the IAM guide's troubleshoot_general.
///
/// # Errors
/// Where it cannot be read.
pub async fn settled<T, F>(
    cx: &ReadCx<Aws>,
    resource: ResourceId,
    name: &str,
    mut read: impl FnMut() -> F,
) -> Result<Option<T>, Error>
where
    F: Future<Output = Result<Option<T>, Error>> + Send,
{
    let found = match cx.is_in_doubt(resource, CREATED, name) {
        false => read().await?,
        true => shown(cx, read).await?,
    };
    cx.settle(resource, CREATED, name);
    Ok(found)
}

/// What should be there, as somebody was about to create it, or AWS itself has named it: "not there" is believed only after it was
/// read again for a minute.
///
/// # Errors
/// Where it cannot be read.
pub async fn shown<T, F>(cx: &ReadCx<Aws>, mut read: impl FnMut() -> F) -> Result<Option<T>, Error>
where
    F: Future<Output = Result<Option<T>, Error>> + Send,
{
    let mut found = read().await?;
    for _ in 0..SLOWEST.as_secs() / BETWEEN_READS.as_secs() {
        if found.is_some() {
            break;
        }
        tokio::time::sleep(cx.settings().pace.pause(BETWEEN_READS)).await;
        found = read().await?;
    }
    Ok(found)
}
