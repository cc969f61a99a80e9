//! Versions of the application that a deployment may take away: ours, older than the newest few, and nobody's to run or go back to.
//! Deletes nothing.

use std::collections::BTreeSet;

use aws_sdk_elasticbeanstalk::types::ApplicationVersionDescription;

use super::live::Live;
use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::aws::paging::{self, Page};
use crate::engine::{Error, Owner};
use crate::ownership::beanstalk_tags;
use crate::stack::Stack;
use crate::version::ID as VERSION;

/// Of more than so many no run looks at the tags: Beanstalk's reads share one bucket (aws/aws-toolkit-azure-devops#62).
const AT_ONCE: usize = 20;

/// One version of the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownVersion {
    pub label: String,
    arn: String,
    /// Milliseconds of AWS's clock.
    created: i64,
}

/// All versions of the application, newest first. There being none is believed where it is proven: who may not look is shown none
/// either.
///
/// # Errors
/// Where Beanstalk does not say, or the caller may not look.
pub(super) async fn all(aws: &Aws, application: &str) -> Result<Vec<KnownVersion>, Error> {
    let doing = "describe the application's versions";
    let pages = paging::all(async |token: Option<String>| {
        let describe = aws
            .beanstalk
            .describe_application_versions()
            .application_name(application);
        let answer = describe.set_next_token(token).send().await;
        let page = answer.or_absent(&["InvalidParameterValue"], doing)?;
        Ok(page.map_or_else(Page::default, |page| {
            Page::new(page.application_versions.unwrap_or_default(), page.next_token)
        }))
    });
    let mut versions: Vec<_> = pages.await?.into_iter().map(known).collect();
    if versions.is_empty() {
        aws.proof.of_reads(aws).await?;
    }
    versions.sort_by_key(|version| std::cmp::Reverse(version.created));
    Ok(versions)
}

fn known(version: ApplicationVersionDescription) -> KnownVersion {
    KnownVersion {
        created: version
            .date_created
            .and_then(|time| time.to_millis().ok())
            .unwrap_or_default(),
        label: version.version_label.unwrap_or_default(),
        arn: version.application_version_arn.unwrap_or_default(),
    }
}

/// Those of them that may go: known as ours by their tags, and of no use to anybody.
///
/// # Errors
/// Where environments or tags cannot be read.
pub(super) async fn prunable(
    aws: &Aws,
    stack: &Stack,
    live: &Live,
    versions: &[KnownVersion],
) -> Result<Vec<KnownVersion>, Error> {
    let kept = kept(stack, versions);
    if versions.len() <= kept {
        return Ok(Vec::new());
    }
    let used = used(aws, stack, live).await?;
    let mut prunable = Vec::new();
    for version in older(versions, kept, &used).into_iter().take(AT_ONCE) {
        let tags = beanstalk_tags(aws, &version.arn).await?;
        let of_ours = tags
            .get(crate::aws::tags::RESOURCE)
            .is_some_and(|resource| resource == VERSION);
        if of_ours && stack.ownership.owner_by(&tags) == Owner::Ours {
            prunable.push(version.clone());
        }
    }
    Ok(prunable)
}

/// How many of these stay for being the newest: one fewer where the version that is deployed is yet to be made, which is one of them then.
fn kept(stack: &Stack, versions: &[KnownVersion]) -> usize {
    let wanted = stack.profile.app.keep_versions as usize;
    let is_new = !versions.iter().any(|version| version.label == stack.bundle.label);
    wanted.saturating_sub(usize::from(is_new))
}

/// What runs in any environment of the application or on any instance, what is to be deployed, and what would be gone back to.
async fn used(aws: &Aws, stack: &Stack, live: &Live) -> Result<BTreeSet<String>, Error> {
    let describe = aws
        .beanstalk
        .describe_environments()
        .application_name(&live.application);
    let answer = describe.include_deleted(false).send().await;
    let answer = answer.explain("see which versions the application's environments run")?;
    let environments = answer.environments.unwrap_or_default().into_iter();
    let mut used: BTreeSet<String> = environments.filter_map(|it| it.version_label).collect();
    used.extend(live.version.clone());
    used.extend(live.instances.iter().filter_map(|instance| instance.version.clone()));
    used.insert(stack.bundle.label.clone());
    for label in used.clone() {
        used.extend(stack.versions.before(&label).map(str::to_owned));
    }
    Ok(used)
}

/// Behind the newest few, and not among those that are of use.
fn older<'a>(versions: &'a [KnownVersion], kept: usize, used: &BTreeSet<String>) -> Vec<&'a KnownVersion> {
    let older = versions.iter().skip(kept);
    older.filter(|version| !used.contains(&version.label)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `v15`, `v14`, … `v1`.
    fn fifteen() -> Vec<KnownVersion> {
        let version = |number: i64| KnownVersion {
            label: format!("v{number}"),
            arn: String::new(),
            created: number,
        };
        (1..=15).rev().map(version).collect()
    }

    fn gone<'a>(versions: &'a [KnownVersion], kept: usize, used: &[&str]) -> Vec<&'a str> {
        let used = used.iter().map(|label| (*label).to_owned()).collect();
        let older = older(versions, kept, &used);
        older.iter().map(|version| version.label.as_str()).collect()
    }

    #[test]
    fn what_runs_and_what_ran_before_it_stay_however_old_they_are_and_however_few_are_kept() {
        let versions = fifteen();
        assert_eq!(gone(&versions, 10, &["v1", "v3"]), ["v5", "v4", "v2"]);
        let all_but_those_of_use = gone(&versions, 0, &["v1", "v3"]);
        assert_eq!(all_but_those_of_use.len(), 13);
        assert!(!all_but_those_of_use.contains(&"v1") && !all_but_those_of_use.contains(&"v3"));
    }

    #[test]
    fn the_profile_says_how_many_stay_and_the_one_that_is_made_is_one_of_them() {
        let versions = fifteen();
        let keeping = |number| Stack::for_test(|profile| profile.app.keep_versions = number);
        // `v1`, which the stack of the tests deploys, is there already.
        assert_eq!((kept(&keeping(10), &versions), kept(&keeping(5), &versions)), (10, 5));
        assert_eq!((kept(&keeping(5), &versions[..14]), kept(&keeping(1), &[])), (4, 0));
    }
}
