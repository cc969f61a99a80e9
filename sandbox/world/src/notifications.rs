//! SNS topics and who subscribed to them. Nothing is ever sent.
//! Must know nothing of why a topic exists.

use std::collections::BTreeMap;

use super::{Item, Tags};

#[derive(Debug, Default)]
pub struct Notifications {
    /// By ARN.
    pub topics: BTreeMap<String, Topic>,
}

#[derive(Debug, Clone)]
pub struct Topic {
    pub arn: String,
    pub name: String,
    pub subscriptions: Vec<Subscription>,
    pub tags: Tags,
}

/// A subscription. Those by e-mail wait for a confirmation that nobody gives here.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// `email`, `https`, …
    pub protocol: String,
    pub endpoint: String,
}

impl Notifications {
    pub(crate) fn inventory(&self, region: &str) -> Vec<Item> {
        let item = Item::of("sns", region);
        let topics = self.topics.values();
        topics
            .map(|topic| item("topic", &topic.arn, &topic.name, &topic.tags))
            .collect()
    }
}
