//! Whose a resource is: the three tags that everything of a stack carries.
//! Must know nothing of how a service stores tags.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Aws, texts};
use crate::engine::{Error, Owner, ReadCx};

pub const STACK: &str = "confctl:stack";
pub const REGION: &str = "confctl:region";
pub const RESOURCE: &str = "confctl:resource";

/// The stack that resources belong to: account-wide services tell stacks of two regions apart by both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ownership {
    pub stack: String,
    pub region: String,
    /// The profile's own tags.
    pub extra: BTreeMap<String, String>,
}

impl Ownership {
    /// The tags of one resource.
    pub fn tags(&self, resource: &str) -> BTreeMap<String, String> {
        let mut tags = self.extra.clone();
        tags.insert(STACK.to_owned(), self.stack.clone());
        tags.insert(REGION.to_owned(), self.region.clone());
        tags.insert(RESOURCE.to_owned(), resource.to_owned());
        tags
    }

    /// Whose a resource with these tags is.
    pub fn owner_by(&self, tags: &BTreeMap<String, String>) -> Owner {
        self.owner(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))
    }

    /// The same, for tags of any form.
    pub fn owner<'a>(&self, tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Owner {
        let tags: BTreeMap<&str, &str> = tags.into_iter().collect();
        let Some(stack) = tags.get(STACK) else {
            return Owner::Nobody;
        };
        let region = tags.get(REGION).copied().unwrap_or(&self.region);
        if *stack == self.stack && region == self.region {
            Owner::Ours
        } else {
            // Anybody may have written these: a line of its own would pass for one of ours.
            Owner::OtherStack(texts::clean(&format!("{stack} in {region}")))
        }
    }
}

/// The journal's word for a resource that a run was about to create, or take over, with its tags; the value is its name.
pub const CREATED: &str = "create";

/// How long a tag, or a resource, may take to show after the call that made it, in AWS's time.
pub(super) const SLOWEST: Duration = Duration::from_secs(60);
pub(super) const BETWEEN_READS: Duration = Duration::from_secs(5);

/// The tags of a resource, and whose it therefore is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    pub owner: Owner,
    pub tags: BTreeMap<String, String>,
}

/// The tags of a resource with an ARN. Where the run's search found it with all tags that it should have, it is not asked for them
/// again: nobody waits for the index to know of a change that is a moment old, and before anything is changed it is forgotten
/// ([`Index::forget`](super::search::Index::forget)).
///
/// # Errors
/// Where the tags cannot be read.
pub async fn indexed_tags<F>(
    cx: &ReadCx<Aws>,
    ownership: &Ownership,
    resource: &'static str,
    name: &str,
    arn: &str,
    read: impl FnMut() -> F,
) -> Result<Tagged, Error>
where
    F: Future<Output = Result<BTreeMap<String, String>, Error>> + Send,
{
    let wanted = ownership.tags(resource);
    let complete = |tags: &BTreeMap<String, String>| wanted.iter().all(|(key, value)| tags.get(key) == Some(value));
    match cx.aws().index.tags(arn).filter(complete) {
        Some(tags) => Ok(Tagged {
            owner: Owner::Ours,
            tags,
        }),
        None => settled_tags(cx, ownership, resource, name, read).await,
    }
}

/// The tags of a resource. They are read eventually consistently: where this run or a former one was about to tag the one of
/// this name, "no tag" is believed only after it was read again for a minute.
///
/// Source: dynamodb:TagResource, "might return the previous tag set, if any, or an empty tag set".
///
/// # Errors
/// Where the tags cannot be read.
pub async fn settled_tags<F>(
    cx: &ReadCx<Aws>,
    ownership: &Ownership,
    resource: &'static str,
    name: &str,
    mut read: impl FnMut() -> F,
) -> Result<Tagged, Error>
where
    F: Future<Output = Result<BTreeMap<String, String>, Error>> + Send,
{
    let tags = read().await?;
    settled_from(cx, ownership, resource, name, tags, read).await
}

/// As [`settled_tags`], where the resource tells its tags. That there are none is asked for by itself.
///
/// # Errors
/// Where the tags cannot be read.
pub async fn told_tags<F>(
    cx: &ReadCx<Aws>,
    ownership: &Ownership,
    resource: &'static str,
    name: &str,
    told: BTreeMap<String, String>,
    mut read: impl FnMut() -> F,
) -> Result<Tagged, Error>
where
    F: Future<Output = Result<BTreeMap<String, String>, Error>> + Send,
{
    let tags = if told.is_empty() { read().await? } else { told };
    settled_from(cx, ownership, resource, name, tags, read).await
}

/// As [`settled_tags`], where a first reading came with the resource itself.
///
/// # Errors
/// Where the tags cannot be read.
pub async fn settled_from<F>(
    cx: &ReadCx<Aws>,
    ownership: &Ownership,
    resource: &'static str,
    name: &str,
    mut tags: BTreeMap<String, String>,
    mut read: impl FnMut() -> F,
) -> Result<Tagged, Error>
where
    F: Future<Output = Result<BTreeMap<String, String>, Error>> + Send,
{
    let is_in_doubt = cx.intents(resource, CREATED).iter().any(|made| made == name);
    let again = match is_in_doubt {
        false => 0,
        true => SLOWEST.as_secs() / BETWEEN_READS.as_secs(),
    };
    for _ in 0..again {
        if ownership.owner_by(&tags) != Owner::Nobody {
            break;
        }
        tokio::time::sleep(cx.settings().pace.pause(BETWEEN_READS)).await;
        tags = read().await?;
    }
    let owner = ownership.owner_by(&tags);
    Ok(Tagged { owner, tags })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_of_the_same_name_in_another_region_is_another_stack() {
        let ours = Ownership {
            stack: "one".into(),
            region: "us-east-1".into(),
            extra: BTreeMap::new(),
        };
        let theirs = Ownership {
            region: "eu-west-1".into(),
            ..ours.clone()
        };
        let tags = theirs.tags("service-role");
        let pairs = || tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        assert_eq!(theirs.owner(pairs()), Owner::Ours);
        assert_eq!(ours.owner(pairs()), Owner::OtherStack("one in eu-west-1".into()));
        assert_eq!(ours.owner([("Name", "x")]), Owner::Nobody);
    }
}
