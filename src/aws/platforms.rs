//! Which platform versions Beanstalk has of a branch. Must know nothing of environments.

use aws_sdk_elasticbeanstalk::types::{PlatformFilter, PlatformSummary};

use super::Aws;
use super::errors::Explain;
use crate::engine::Error;

/// The newest version of a branch: the one named, else the newest that is recommended. `None`: there is none.
///
/// # Errors
/// Where they cannot be listed.
pub async fn newest(aws: &Aws, branch: &str, version: Option<&str>) -> Result<Option<PlatformSummary>, Error> {
    let filter = |kind: &str, value: &str| {
        PlatformFilter::builder()
            .r#type(kind)
            .operator("=")
            .values(value)
            .build()
    };
    let list = aws.beanstalk.list_platform_versions();
    let list = list.filters(filter("PlatformBranchName", branch));
    let list = list.filters(match version {
        Some(version) => filter("PlatformVersion", version),
        None => filter("PlatformLifecycleState", "recommended"),
    });
    let answer = list.send().await.explain("list the platform's versions")?;
    let found = answer.platform_summary_list.unwrap_or_default();
    Ok(found
        .into_iter()
        .max_by_key(|summary| numbers(summary.platform_version())))
}

/// `4.10.0` as numbers: as text it would come before `4.9.0`.
fn numbers(version: Option<&str>) -> Vec<u64> {
    let parts = version.unwrap_or_default().split('.');
    parts.map(|part| part.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_is_newer_than_nine() {
        assert!(numbers(Some("4.10.0")) > numbers(Some("4.9.12")));
    }
}
