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

/// How many of the newest stay in any case. An account has 1,000 in a region (the Beanstalk page of AWS's service quotas).
const KEPT: usize = 10;
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

/// All versions of the application, newest first.
///
/// # Errors
/// Where Beanstalk does not say.
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
    if versions.len() <= KEPT {
        return Ok(Vec::new());
    }
    let used = used(aws, stack, live).await?;
    let mut prunable = Vec::new();
    for version in older(versions, &used).into_iter().take(AT_ONCE) {
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
fn older<'a>(versions: &'a [KnownVersion], used: &BTreeSet<String>) -> Vec<&'a KnownVersion> {
    let older = versions.iter().skip(KEPT);
    older.filter(|version| !used.contains(&version.label)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_and_what_ran_before_it_stay_however_old_they_are() {
        let versions: Vec<_> = (0..15)
            .map(|number| KnownVersion {
                label: format!("v{}", 15 - number),
                arn: String::new(),
                created: 15 - number,
            })
            .collect();
        let used = BTreeSet::from(["v1".to_owned(), "v3".to_owned()]);
        let gone: Vec<_> = older(&versions, &used)
            .iter()
            .map(|version| version.label.as_str())
            .collect();
        assert_eq!(gone, ["v5", "v4", "v2"]);
    }
}
