//! What AWS's tag service knows of every other service's tags: an index that follows late, and forgets later still.
//! Must know nothing of how a service keeps its tags: it looks at what exists, again and again.
//!
//! What AWS says, and what others saw of it:
//! - "tagged or previously tagged resources" of one region are told; who lost its last tag is there with none, who never had
//!   one is not (Resource Groups Tagging API reference: GetResources).
//! - It is told of changes, and later than the services' own readers are: an acceptance test of a VPC found nothing at
//!   first (github.com/hashicorp/terraform-provider-aws/pull/17804).
//! - What is deleted stays, with its tags: volumes for more than 20 minutes (github.com/aws/aws-cli/issues/4173), instances
//!   for some hours, one by one (github.com/boto/boto3/issues/3341), listeners and rules (github.com/aws/aws-sdk/issues/676).
//! - Auto Scaling groups are not told (API reference, supported services: the operations "aren't supported at this time and
//!   return an empty response for this service"), nor are IAM's roles and users (same page) and instance profiles
//!   (github.com/infrahouse/infrahouse-toolkit/issues/229).
//! - Key pairs are, by their ids. CloudFront's distributions and web ACLs for them are in us-east-1.

mod arns;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::settling::Settling;
use super::{State, Tags, World};

/// How often it looks, in seconds of sandbox time. AWS does not say how late it is.
const BETWEEN_LOOKS: u64 = 5;

/// How long what is deleted stays listed. On AWS it is longer as often as not, see above.
const LINGERS: SignedDuration = SignedDuration::from_mins(20);

/// A resource as the index has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tagged {
    pub region: String,
    pub tags: Tags,
    /// When it was seen to be gone.
    gone: Option<Timestamp>,
}

impl Tagged {
    fn new(region: &str, tags: Tags) -> Self {
        Self {
            region: region.to_owned(),
            tags,
            gone: None,
        }
    }
}

/// A resource's ARN with its tags.
pub type Hit<'a> = (&'a str, &'a Tags);

/// By ARN.
type Known = BTreeMap<String, Tagged>;

#[derive(Default)]
pub struct Index(Settling<Known>);

/// What is wanted of resources: that a tag of that key is there, with one of the values if there are any.
#[derive(Debug, Clone, PartialEq)]
pub struct TagFilter {
    pub key: String,
    pub values: Vec<String>,
}

impl TagFilter {
    fn admits(&self, tags: &Tags) -> bool {
        let value = tags.get(&self.key);
        value.is_some_and(|value| self.values.is_empty() || self.values.contains(value))
    }
}

impl Index {
    /// Takes over what there is now; `as_of` is the oldest time that a reader looks at.
    fn follow(&mut self, live: Known, now: Timestamp, as_of: Timestamp) {
        let mut known = Known::new();
        for (arn, was) in self.0.iter().filter(|(arn, _)| !live.contains_key(*arn)) {
            let gone = was.gone.unwrap_or(now);
            if now.duration_since(gone) < LINGERS {
                let was = was.clone();
                known.insert(
                    arn.clone(),
                    Tagged {
                        gone: Some(gone),
                        ..was
                    },
                );
            }
        }
        let ever_tagged = |arn: &String, it: &Tagged| !it.tags.is_empty() || self.0.contains_key(arn);
        known.extend(live.into_iter().filter(|(arn, it)| ever_tagged(arn, it)));
        if known != *self.0 {
            self.0.keep(now, as_of);
            *self.0 = known;
        }
    }

    /// What carries all of these tags in a region and is of one of the types; all types where there are none.
    pub fn find(&self, region: &str, filters: &[TagFilter], types: &[String], as_of: Timestamp) -> Vec<Hit<'_>> {
        let of_type = |arn: &str| types.is_empty() || types.iter().any(|wanted| arns::is_of_type(arn, wanted));
        self.seen(region, as_of)
            .filter(|(arn, tags)| of_type(arn) && filters.iter().all(|filter| filter.admits(tags)))
            .collect()
    }

    /// All that the index has of a region.
    pub fn seen(&self, region: &str, as_of: Timestamp) -> impl Iterator<Item = Hit<'_>> {
        let known = self.0.seen(as_of).iter();
        known
            .filter(move |(_, it)| it.region == region)
            .map(|(arn, it)| (arn.as_str(), &it.tags))
    }
}

/// Runs for ever: looks at what there is.
pub fn run(world: &Arc<World>) {
    world.look_every(BETWEEN_LOOKS, look);
}

/// Takes over what there is now.
pub fn look(world: &World) {
    let buckets = world.objects.tagged_buckets();
    let mut state = world.lock();
    let mut live = arns::of_all(&state);
    live.extend(buckets.into_iter().map(|(name, region, tags)| {
        let tagged = Tagged::new(&region, tags);
        (format!("arn:aws:s3:::{name}"), tagged)
    }));
    let now = world.clock.now();
    let as_of = state.as_of_elsewhere(now);
    state.tagging.follow(live, now, as_of);
}

impl State {
    /// The index as its readers see it, who are told of changes as late as other services are.
    pub fn tagging_as_of(&self, now: Timestamp) -> (&Index, Timestamp) {
        (&self.tagging, self.as_of_elsewhere(now))
    }
}
