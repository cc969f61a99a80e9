//! What there is of a stack, asked by tags and by names of log groups instead of by what is remembered.
//! Must know nothing of which resources a stack has, or of what becomes of what is found.
//!
//! A hit is a hint, no proof: the index lags, and has what was deleted for hours
//! (github.com/boto/boto3/issues/3341, github.com/aws/aws-cli/issues/4173). Auto Scaling groups, roles and instance profiles
//! are not in it (API reference, supported services; github.com/infrahouse/infrahouse-toolkit/issues/229).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::clients::GLOBAL_REGION;
use super::paging::{self, Page};
use super::partitions;
use super::services::logs::LogGroup;
use super::services::tagging::{ResourceTagMapping, Tagging};
use super::{Aws, Explain};
use crate::engine::Error;

/// A resource with its tags, as the index has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    pub arn: String,
    pub tags: BTreeMap<String, String>,
}

impl Tagged {
    fn of(mapping: ResourceTagMapping) -> Option<Self> {
        let tags = mapping.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
        Some(Self {
            arn: mapping.resource_arn?,
            tags,
        })
    }
}

/// What a run has read of the stack as a whole: tags by ARN, the record's keys. It need not be asked for again while nothing is
/// changed. Shared by clones.
#[derive(Debug, Clone, Default)]
pub struct Index(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    tags: HashMap<String, BTreeMap<String, String>>,
    /// The keys of the record, below this one.
    record: Option<(String, Vec<String>)>,
}

impl Index {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The index lags: from here on, where something is changed or removed by what is read, everything is read by itself.
    pub fn forget(&self) {
        *self.lock() = Known::default();
    }

    /// Takes note of the record's keys that begin so.
    pub fn record(&self, prefix: String, keys: Vec<String>) {
        self.lock().record = Some((prefix, keys));
    }

    /// The record's keys that begin so, if this run has listed them.
    pub(crate) fn recorded(&self, prefix: &str) -> Option<Vec<String>> {
        let known = self.lock();
        let (_, keys) = known.record.as_ref().filter(|(listed, _)| prefix.starts_with(listed))?;
        Some(keys.iter().filter(|key| key.starts_with(prefix)).cloned().collect())
    }

    /// The tags of this resource, if a search found it.
    pub fn tags(&self, arn: &str) -> Option<BTreeMap<String, String>> {
        self.lock().tags.get(arn).cloned()
    }

    /// The ARNs that begin so.
    pub fn beginning(&self, prefix: &str) -> Vec<String> {
        let known = self.lock();
        known
            .tags
            .keys()
            .filter(|arn| arn.starts_with(prefix))
            .cloned()
            .collect()
    }
}

/// The regions in which something of a stack may be: its own, and the one of distributions and their web ACLs, which other
/// partitions have not. Each is asked by itself: a caller may be allowed to ask in one only.
pub fn regions(aws: &Aws) -> Vec<&str> {
    let has_global = partitions::of_region(GLOBAL_REGION).name == aws.partition();
    match aws.region != GLOBAL_REGION && has_global {
        true => vec![&aws.region, GLOBAL_REGION],
        false => vec![&aws.region],
    }
}

/// All that carries all of these tags in one of [`regions`].
///
/// # Errors
/// Where it cannot be read to its end.
pub async fn tagged(aws: &Aws, region: &str, tags: &[(&str, &str)]) -> Result<Vec<Tagged>, Error> {
    let tags: Vec<_> = tags.iter().map(|(key, value)| (*key, Some(*value))).collect();
    let hits = all_tagged(aws, region, &tags).await?;
    let indexed = hits.iter().map(|hit| (hit.arn.clone(), hit.tags.clone()));
    aws.index.lock().tags.extend(indexed);
    Ok(hits)
}

/// The same for tags of any value (`None`): what is found is not taken note of, as it is of more than one stack.
///
/// # Errors
/// Where it cannot be read to its end.
pub async fn all_tagged(aws: &Aws, region: &str, tags: &[(&str, Option<&str>)]) -> Result<Vec<Tagged>, Error> {
    let tagging: &Tagging = match region == GLOBAL_REGION {
        true => &aws.global_tagging,
        false => &aws.tagging,
    };
    let what = format!("search {region} for what carries a stack's tags");
    let what = what.as_str();
    let mappings = paging::all(|token| async move {
        let answer = tagging.get_resources(tags, token).await.explain(what)?;
        Ok(Page::new(answer.resource_tag_mapping_list, answer.pagination_token))
    })
    .await?;
    Ok(mappings.into_iter().filter_map(Tagged::of).collect())
}

/// The log groups in the stack's region whose names begin so.
///
/// # Errors
/// Where they cannot be read to their end.
pub async fn log_groups(aws: &Aws, prefix: &str) -> Result<Vec<LogGroup>, Error> {
    paging::all(|token| async move {
        let answer = aws.logs.describe_log_groups(prefix, token).await;
        let answer = answer.explain("list the log groups")?;
        Ok(Page::new(answer.log_groups, answer.next_token))
    })
    .await
}

/// # Errors
/// Where they cannot be read.
pub async fn tags_of_log_group(aws: &Aws, group: &LogGroup) -> Result<BTreeMap<String, String>, Error> {
    let arn = group.arn.trim_end_matches(":*");
    let tags = aws.logs.list_tags_for_resource(arn).await;
    tags.explain("read the log group's tags")
}
