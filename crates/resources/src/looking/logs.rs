//! Logs that an environment streams to CloudWatch Logs, line by line as they come. FilterLogEvents is asked again and again: live tail
//! has hosts of its own, and ends after three hours. Must know nothing of how lines are shown.

use std::cell::Cell;
use std::collections::HashMap;

use jiff::Timestamp;

use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::aws::paging::{self, Page};
use crate::aws::services::logs::{FilterLogEvents, FilteredLogEvent};
use crate::aws::texts::clean;
use crate::engine::Error;
use crate::environment::live;

/// How far back is read again, in milliseconds: an agent sends what it has every 5 s (CloudWatch guide, agent configuration,
/// `force_flush_interval`), so that another instance's lines of before may come after those that were read.
const OVERLAP: i64 = 10_000;

/// A file of an instance that Beanstalk streams (developer guide: AWSHowTo.cloudwatchlogs).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    /// What the app prints.
    Web,
    /// What Beanstalk's engine does on the instance.
    Engine,
    /// What the bundle's hooks print.
    Hooks,
    /// Of the proxy: each request.
    Access,
    /// Of the proxy: what it could not do.
    Errors,
}

impl File {
    /// Below `/var/log`.
    pub fn path(self) -> &'static str {
        match self {
            Self::Web => "web.stdout.log",
            Self::Engine => "eb-engine.log",
            Self::Hooks => "eb-hooks.log",
            Self::Access => "nginx/access.log",
            Self::Errors => "nginx/error.log",
        }
    }

    /// The log group that it goes to.
    pub fn group(self, environment: &str) -> String {
        format!("/aws/elasticbeanstalk/{environment}/var/log/{}", self.path())
    }
}

/// Whether the environment of this name streams its logs, by what is deployed.
///
/// # Errors
/// Where Beanstalk does not say.
pub async fn are_streamed(aws: &Aws, environment: &str) -> Result<bool, Error> {
    let Some(found) = live::find(aws, environment).await? else {
        return Ok(false);
    };
    let (settings, _) = live::settings(aws, &found).await?;
    let streams = (
        "aws:elasticbeanstalk:cloudwatch:logs".to_owned(),
        "StreamLogs".to_owned(),
    );
    Ok(settings.get(&streams).is_some_and(|value| value == "true"))
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub at: Timestamp,
    pub instance: String,
    pub message: String,
}

/// One file of all instances, or of some.
pub struct Streamed<'a> {
    aws: &'a Aws,
    group: String,
    /// Empty: all.
    instances: Vec<String>,
    /// Milliseconds since 1970.
    since: i64,
    newest: Option<i64>,
    /// Ids of what was given already, as far back as is read again.
    given: HashMap<String, i64>,
}

impl<'a> Streamed<'a> {
    pub fn new(aws: &'a Aws, group: String, instances: Vec<String>, since: Timestamp) -> Self {
        Self {
            aws,
            group,
            instances,
            since: since.as_millisecond(),
            newest: None,
            given: HashMap::new(),
        }
    }

    /// Tells the lines that were not told yet, by their times. Gives whether there is such a log: one to which nothing was ever written
    /// is not there.
    ///
    /// # Errors
    /// Where CloudWatch Logs does not say.
    pub async fn next(&mut self, mut tell: impl FnMut(Line)) -> Result<bool, Error> {
        let from = self
            .newest
            .map_or(self.since, |newest| self.since.max(newest - OVERLAP));
        // Several are looked for here: where one of them has no stream yet, AWS refuses the search as a whole.
        let streams = match self.instances.as_slice() {
            [one] => std::slice::from_ref(one),
            _ => &[],
        };
        let (is_there, doing) = (Cell::new(true), format!("read the log group {}", self.group));
        let page = async |next_token: Option<String>| {
            let asked = FilterLogEvents {
                log_group_name: &self.group,
                log_stream_names: streams,
                start_time: from,
                next_token,
            };
            let answer = self.aws.logs.filter_log_events(&asked).await;
            let answer = answer.or_absent(&["ResourceNotFoundException"], &doing)?;
            is_there.set(answer.is_some());
            Ok(answer.map_or_else(Page::default, |answer| Page::new(answer.events, answer.next_token)))
        };
        let (given, newest, instances) = (&mut self.given, &mut self.newest, &self.instances);
        let take = |event: FilteredLogEvent| {
            let wanted = instances.is_empty() || instances.contains(&event.log_stream_name);
            *newest = (*newest).max(Some(event.timestamp));
            if wanted && given.insert(event.event_id.clone(), event.timestamp).is_none() {
                tell(line(event));
            }
            std::ops::ControlFlow::Continue(())
        };
        paging::each(page, take).await?;
        if let Some(newest) = self.newest {
            self.given.retain(|_, at| *at >= newest - OVERLAP);
        }
        Ok(is_there.get())
    }
}

fn line(event: FilteredLogEvent) -> Line {
    Line {
        at: Timestamp::from_millisecond(event.timestamp).unwrap_or_default(),
        instance: clean(&event.log_stream_name),
        message: clean(event.message.trim_end()),
    }
}
