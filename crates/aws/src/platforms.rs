//! Which platform versions Beanstalk has of a branch. Must know nothing of environments.

use aws_sdk_elasticbeanstalk::types::{PlatformFilter, PlatformStatus, PlatformSummary};

use super::Aws;
use super::errors::Explain;
use super::paging::{self, Page};
use crate::engine::Error;

/// The newest version of a branch: the one named, else the newest that is recommended, else the newest that is ready.
/// `None`: there is none.
///
/// Only the branch is asked for. AWS's own client sends the state as `Recommended`, the API reference has it in lower case
/// (aws/aws-elastic-beanstalk-cli, platform_version_ops.py; ListPlatformVersions), and nobody says whether case matters.
///
/// # Errors
/// Where they cannot be listed.
pub async fn newest(aws: &Aws, branch: &str, version: Option<&str>) -> Result<Option<PlatformSummary>, Error> {
    let of_branch = PlatformFilter::builder()
        .r#type("PlatformBranchName")
        .operator("=")
        .values(branch)
        .build();
    let found = paging::all(async |token: Option<String>| {
        let list = aws.beanstalk.list_platform_versions().filters(of_branch.clone());
        let page = list.set_next_token(token).send().await;
        let page = page.explain("list the platform's versions")?;
        Ok(Page::new(
            page.platform_summary_list.unwrap_or_default(),
            page.next_token,
        ))
    });
    Ok(choose(&found.await?, version))
}

/// Whether a version of this ARN is of the branch: `arn:aws:elasticbeanstalk:us-east-1::platform/Go 1 running on …/4.3.0`.
pub fn is_of(arn: &str, branch: &str) -> bool {
    let mut parts = arn.rsplit('/');
    parts.next();
    parts.next() == Some(branch)
}

fn choose(found: &[PlatformSummary], version: Option<&str>) -> Option<PlatformSummary> {
    let newest = |fits: &dyn Fn(&&PlatformSummary) -> bool| {
        let fit = found.iter().filter(fits);
        fit.max_by_key(|one| numbers(version_of(one))).cloned()
    };
    match version {
        Some(version) => newest(&|one| version_of(one) == version),
        None => newest(&is_recommended).or_else(|| newest(&is_ready)),
    }
}

/// The version's number; its ARN ends in it, and AWS has left the number itself out (EB CLI's mock_responses.py).
pub fn version_of(one: &PlatformSummary) -> &str {
    let of_arn = || one.platform_arn().and_then(|arn| arn.rsplit('/').next());
    one.platform_version().or_else(of_arn).unwrap_or_default()
}

fn is_recommended(one: &&PlatformSummary) -> bool {
    one.platform_lifecycle_state()
        .is_some_and(|state| state.eq_ignore_ascii_case("recommended"))
}

/// One without a status is AWS's own of old (botocore: PlatformStatus has the states of custom platforms' builds).
fn is_ready(one: &&PlatformSummary) -> bool {
    one.platform_status()
        .is_none_or(|status| *status == PlatformStatus::Ready)
}

/// `4.10.0` as numbers: as text it would come before `4.9.0`.
fn numbers(version: &str) -> Vec<u64> {
    let parts = version.split('.');
    parts.map(|part| part.parse().unwrap_or(0)).collect()
}

/// Whether a version of this ARN runs the same language on the same system as the branch, in whatever version of the language.
/// Between others the guide wants another environment (Beanstalk guide: using-features.platform.upgrade, Method 2).
pub fn is_akin(arn: &str, branch: &str) -> bool {
    let family = |branch: &str| {
        let (language, system) = branch.split_once(" running on ")?;
        let words = language
            .split(' ')
            .take_while(|word| !word.starts_with(|first: char| first.is_ascii_digit()));
        Some((words.collect::<Vec<_>>().join(" "), system.to_owned()))
    };
    let own = arn.rsplit('/').nth(1).and_then(family);
    own.is_some() && own == family(branch)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: &str, state: Option<&str>, status: PlatformStatus) -> PlatformSummary {
        PlatformSummary::builder()
            .platform_arn(format!(
                "arn:aws:elasticbeanstalk:us-east-1::platform/Go 1 running on 64bit Amazon Linux 2023/{number}"
            ))
            .set_platform_lifecycle_state(state.map(str::to_owned))
            .platform_status(status)
            .build()
    }

    #[test]
    fn the_recommended_one_is_taken_however_aws_writes_it_else_the_newest_that_is_ready() {
        for word in ["Recommended", "recommended"] {
            let found = vec![
                version("4.9.1", None, PlatformStatus::Ready),
                version("4.9.0", Some(word), PlatformStatus::Ready),
            ];
            let chosen = choose(&found, None).unwrap();
            assert_eq!(version_of(&chosen), "4.9.0", "{word}");
        }
        let found = vec![
            version("4.10.0", None, PlatformStatus::Deleting),
            version("4.9.1", None, PlatformStatus::Ready),
            version("4.8.0", None, PlatformStatus::Ready),
        ];
        assert_eq!(choose(&found, None).as_ref().map(version_of), Some("4.9.1"));
        assert_eq!(choose(&found, Some("4.8.0")).as_ref().map(version_of), Some("4.8.0"));
        assert_eq!(choose(&[], None), None);
    }

    #[test]
    fn ten_is_newer_than_nine() {
        assert!(numbers("4.10.0") > numbers("4.9.12"));
    }

    #[test]
    fn another_version_of_a_language_is_akin_and_another_language_or_system_is_not() {
        let arn = "arn:aws:elasticbeanstalk:us-east-1::platform/Corretto 21 running on 64bit Amazon Linux 2023/4.12.8";
        assert!(is_akin(arn, "Corretto 25 running on 64bit Amazon Linux 2023"));
        for other in [
            "Tomcat 11 Corretto 21 running on 64bit Amazon Linux 2023",
            "Corretto 21 running on 64bit Amazon Linux 2",
            "Go 1 running on 64bit Amazon Linux 2023",
        ] {
            assert!(!is_akin(arn, other), "{other}");
        }
    }
}
