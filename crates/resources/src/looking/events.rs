//! Beanstalk's events of an environment, oldest first and each once. They have no ids, and one may show later than another that came
//! after it. Must know nothing of what an event means.

use std::collections::HashMap;

use aws_sdk_elasticbeanstalk::operation::describe_events::builders::DescribeEventsFluentBuilder;
use aws_sdk_elasticbeanstalk::types::EventDescription;
use jiff::{SignedDuration, Timestamp};

use super::{date_time, timestamp};
use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::aws::paging::{self, Page};
use crate::aws::texts::clean;
use crate::engine::Error;

/// How far back is read again, so that what shows late is not missed.
const OVERLAP: SignedDuration = SignedDuration::from_secs(60);

/// The most in one answer (botocore: elasticbeanstalk, DescribeEvents).
const PAGE: i32 = 1000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub at: Timestamp,
    /// `INFO`, `WARN`, …
    pub severity: String,
    pub message: String,
    pub version: Option<String>,
    /// The id of the call that it came of; changes of health are of none.
    pub request: Option<String>,
}

/// Whose events.
#[derive(Debug, Clone)]
pub enum Whose {
    /// By its id: names are used again.
    Environment(String),
    /// Of all that ever had these names: one that is gone has no other.
    Named { application: String, environment: String },
}

/// With which of them to begin.
#[derive(Debug, Clone, Copy)]
pub enum Start {
    Time(Timestamp),
    /// So many of the newest.
    Newest(i32),
}

/// The events as they come.
pub struct Events<'a> {
    aws: &'a Aws,
    whose: Whose,
    start: Start,
    newest: Option<Timestamp>,
    /// How many of each were given already, as far back as is read again.
    given: HashMap<(Timestamp, String), usize>,
}

impl<'a> Events<'a> {
    pub fn new(aws: &'a Aws, whose: Whose, start: Start) -> Self {
        Self {
            aws,
            whose,
            start,
            newest: None,
            given: HashMap::new(),
        }
    }

    /// Those that were not given yet, oldest first.
    ///
    /// # Errors
    /// Where Beanstalk does not say, or says nothing and that proves nothing.
    pub async fn next(&mut self) -> Result<Vec<Event>, Error> {
        let first = self.newest.is_none();
        let read = match (self.newest, self.start) {
            (Some(newest), _) => self.since(newest.checked_sub(OVERLAP).unwrap_or(newest)).await?,
            (None, Start::Time(time)) => self.since(time).await?,
            (None, Start::Newest(most)) => {
                let answer = self.describe().max_records(most.clamp(1, PAGE)).send().await;
                answer.explain(DOING)?.events.unwrap_or_default()
            }
        };
        if first && read.is_empty() {
            // Also what Beanstalk answers without permission.
            self.aws.proof.of_reads(self.aws).await?;
        }
        // Newest first.
        let mut events: Vec<Event> = read.iter().rev().filter_map(event).collect();
        events.sort_by_key(|event| event.at);
        Ok(self.fresh(events))
    }

    fn describe(&self) -> DescribeEventsFluentBuilder {
        let describe = self.aws.beanstalk.describe_events();
        match &self.whose {
            Whose::Environment(id) => describe.environment_id(id),
            Whose::Named {
                application,
                environment,
            } => describe.application_name(application).environment_name(environment),
        }
    }

    async fn since(&self, time: Timestamp) -> Result<Vec<EventDescription>, Error> {
        paging::all(async |token: Option<String>| {
            let describe = self.describe().start_time(date_time(time)).max_records(PAGE);
            let page = describe.set_next_token(token).send().await.explain(DOING)?;
            Ok(Page::new(page.events.unwrap_or_default(), page.next_token))
        })
        .await
    }

    /// Two alike at the same moment are two events: what counts is how many there are by now.
    fn fresh(&mut self, events: Vec<Event>) -> Vec<Event> {
        self.newest = self.newest.max(events.last().map(|event| event.at));
        let mut counted: HashMap<(Timestamp, String), usize> = HashMap::new();
        let mut fresh = Vec::new();
        for event in events {
            let key = (event.at, event.message.clone());
            let count = counted.entry(key.clone()).or_default();
            *count += 1;
            if *count > self.given.get(&key).copied().unwrap_or_default() {
                fresh.push(event);
            }
        }
        for (key, count) in counted {
            let given = self.given.entry(key).or_default();
            *given = count.max(*given);
        }
        if let Some(horizon) = self.newest.and_then(|newest| newest.checked_sub(OVERLAP).ok()) {
            self.given.retain(|(at, _), _| *at >= horizon);
        }
        fresh
    }
}

const DOING: &str = "read the environment's events";

fn event(described: &EventDescription) -> Option<Event> {
    Some(Event {
        at: described.event_date().and_then(timestamp)?,
        severity: described
            .severity()
            .map_or("INFO", |severity| severity.as_str())
            .to_owned(),
        message: clean(described.message().unwrap_or_default()),
        version: described.version_label().map(clean),
        request: described.request_id().map(clean),
    })
}
