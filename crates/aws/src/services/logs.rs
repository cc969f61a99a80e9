//! CloudWatch Logs: log groups, and what is in them. Source of names: botocore's model of logs, 2014-03-28.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::clients::Mode;
use crate::wire::members::or_default;
use crate::wire::{Called, Client, Json, Service};

const SERVICE: Service = Service {
    id: "CloudWatch Logs",
    signing_name: "logs",
    host: "logs",
};
const PROTOCOL: Json = Json {
    version: "1.1",
    target: "Logs_20140328",
    was_query: false,
};

#[derive(Debug, Clone)]
pub struct Logs(Client);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeLogGroupsAnswer {
    #[serde(default, deserialize_with = "or_default")]
    pub log_groups: Vec<LogGroup>,
    pub next_token: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogGroup {
    #[serde(default, deserialize_with = "or_default")]
    pub log_group_name: String,
    /// Ends in `:*`.
    #[serde(default, deserialize_with = "or_default")]
    pub arn: String,
    /// Absent where events are kept for ever.
    pub retention_in_days: Option<i32>,
}

/// What FilterLogEvents is asked. Times are in milliseconds since 1970.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FilterLogEvents<'a> {
    pub log_group_name: &'a str,
    /// Empty: all of the group; at most 100.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub log_stream_names: &'a [String],
    pub start_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FilterLogEventsAnswer {
    /// May be empty though more pages follow.
    #[serde(default, deserialize_with = "or_default")]
    pub events: Vec<FilteredLogEvent>,
    pub next_token: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FilteredLogEvent {
    #[serde(default, deserialize_with = "or_default")]
    pub log_stream_name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub timestamp: i64,
    #[serde(default, deserialize_with = "or_default")]
    pub message: String,
    #[serde(default, deserialize_with = "or_default")]
    pub event_id: String,
}

#[derive(Debug, Deserialize)]
struct ListTagsForResourceAnswer {
    #[serde(default, deserialize_with = "or_default")]
    tags: BTreeMap<String, String>,
}

impl Logs {
    pub fn new(config: &SdkConfig, region: &str, mode: Mode) -> Self {
        Self(Client::new(config, SERVICE, region, mode))
    }

    /// A page of the log groups whose names begin so.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub(crate) async fn describe_log_groups(
        &self,
        prefix: &str,
        token: Option<String>,
    ) -> Called<DescribeLogGroupsAnswer> {
        let mut input = json!({"logGroupNamePrefix": prefix});
        if let Some(token) = token {
            input["nextToken"] = token.into();
        }
        PROTOCOL.call(&self.0, "DescribeLogGroups", &input).await
    }

    /// A page of what streams of a group got, by their times.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn filter_log_events(&self, asked: &FilterLogEvents<'_>) -> Called<FilterLogEventsAnswer> {
        PROTOCOL.call(&self.0, "FilterLogEvents", asked).await
    }

    /// A log group's tags, by its ARN without `:*`.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn list_tags_for_resource(&self, arn: &str) -> Called<BTreeMap<String, String>> {
        let input = json!({"resourceArn": arn});
        let answer: ListTagsForResourceAnswer = PROTOCOL.call(&self.0, "ListTagsForResource", &input).await?;
        Ok(answer.tags)
    }
}
