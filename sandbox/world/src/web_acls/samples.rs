//! Requests that rules caught lately, for GetSampledRequests.
//! Must know nothing of how a rule catches.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::Action;

/// Requests that are remembered for one rule.
const MOST: usize = 500;

/// How long: the API looks back three hours (WAF API, GetSampledRequests).
const REMEMBERED: SignedDuration = SignedDuration::from_hours(3);

/// A request that a rule caught.
#[derive(Debug, Clone)]
pub struct Sample {
    pub when: Timestamp,
    pub action: Action,
    /// Within a managed group.
    pub rule_within_group: Option<String>,
    pub client: String,
    pub method: String,
    pub uri: String,
    pub headers: Vec<(String, String)>,
}

/// By web ACL's ARN and metric name; the newest are last.
#[derive(Debug, Default, Clone)]
pub struct Samples(BTreeMap<(String, String), VecDeque<Sample>>);

impl Samples {
    pub fn add(&mut self, arn: &str, metric: &str, sample: Sample) {
        let samples = self.0.entry((arn.to_owned(), metric.to_owned())).or_default();
        let oldest = sample.when - REMEMBERED;
        while samples.len() >= MOST || samples.front().is_some_and(|first| first.when < oldest) {
            samples.pop_front();
        }
        samples.push_back(sample);
    }

    /// Those of one rule in a time, the newest first.
    pub fn between(&self, arn: &str, metric: &str, start: Timestamp, end: Timestamp) -> Vec<&Sample> {
        let samples = self.0.get(&(arn.to_owned(), metric.to_owned()));
        let all = samples.into_iter().flatten().rev();
        all.filter(|sample| (start..=end).contains(&sample.when)).collect()
    }

    pub(super) fn forget(&mut self, arn: &str) {
        self.0.retain(|(owner, _), _| owner != arn);
    }
}
