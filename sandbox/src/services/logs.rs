//! CloudWatch Logs' API: the log groups that Beanstalk makes, and what instances say in them.
//! The answers are written here: they are small, and no types are generated for them.

mod events;
#[cfg(test)]
mod tests;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::page::page;
use super::{Entry, Service, operation};
use crate::protocols::call::{Answer, Call};
use crate::world::monitoring::{LogGroup, Monitoring};
use crate::world::{Refusal, World};

/// Most groups in one answer.
const MOST: i32 = 50;

const OPERATIONS: &[Entry] = &[
    operation("DeleteLogGroup", &["logGroupName"], |world, call| {
        act(world, call, delete)
    }),
    operation(
        "DescribeLogGroups",
        &["logGroupNamePrefix", "logGroupNamePattern", "limit", "nextToken"],
        |world, call| act(world, call, describe),
    ),
    operation(
        "DescribeLogStreams",
        &[
            "logGroupName",
            "logGroupIdentifier",
            "logStreamNamePrefix",
            "orderBy=LogStreamName|LastEventTime",
            "descending",
            "limit",
            "nextToken",
        ],
        |world, call| act(world, call, events::streams),
    ),
    operation(
        "FilterLogEvents",
        &[
            "logGroupName",
            "logGroupIdentifier",
            "logStreamNames",
            "logStreamNamePrefix",
            "startTime",
            "endTime",
            "limit",
            "nextToken",
            // Since June 2019 (botocore: logs).
            "interleaved~",
        ],
        |world, call| act(world, call, events::filter),
    ),
    operation(
        "GetLogEvents",
        &[
            "logGroupName",
            "logGroupIdentifier",
            "logStreamName",
            "startTime",
            "endTime",
            "startFromHead",
            "limit",
            "nextToken",
        ],
        |world, call| act(world, call, events::get),
    ),
    operation("ListTagsForResource", &["resourceArn"], |world, call| {
        act(world, call, list_tags)
    }),
    operation("ListTagsLogGroup", &["logGroupName"], |world, call| {
        act(world, call, list_tags_of_group)
    }),
];

pub(crate) const SERVICE: Service = Service {
    scope: "logs",
    title: "CloudWatch Logs",
    operations: OPERATIONS,
    refuses: None,
};

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Request {
    log_group_name: String,
    /// Name or ARN.
    log_group_identifier: Option<String>,
    log_group_name_prefix: Option<String>,
    log_group_name_pattern: Option<String>,
    limit: Option<i32>,
    next_token: Option<String>,
    resource_arn: String,
    log_stream_name: String,
    log_stream_names: Vec<String>,
    log_stream_name_prefix: Option<String>,
    /// Milliseconds since 1970.
    start_time: Option<i64>,
    end_time: Option<i64>,
    start_from_head: bool,
    order_by: Option<String>,
    descending: bool,
}

/// Acts on the log groups of the region that a call is for; the text is what stands before a group's name in its ARN.
fn act(
    world: &World,
    call: &Call,
    answer: fn(&mut Monitoring, &Request, &str) -> Result<Answer, Refusal>,
) -> Result<Answer, Refusal> {
    let request: Request = call.json()?;
    let mut state = world.lock();
    let prefix = format!("arn:aws:logs:{}:{}:log-group:", call.region, state.account);
    answer(&mut state.region(&call.region).monitoring, &request, &prefix)
}

fn delete(monitoring: &mut Monitoring, request: &Request, _: &str) -> Result<Answer, Refusal> {
    find(monitoring, &request.log_group_name)?;
    monitoring.log_groups.remove(&request.log_group_name);
    Ok(answer(None))
}

fn list_tags(monitoring: &mut Monitoring, request: &Request, prefix: &str) -> Result<Answer, Refusal> {
    let name = request.resource_arn.strip_prefix(prefix).unwrap_or_default();
    let group = find(monitoring, name.trim_end_matches(":*"))?;
    Ok(answer(Some(&json!({ "tags": group.tags }))))
}

/// The older of the two operations.
fn list_tags_of_group(monitoring: &mut Monitoring, request: &Request, _: &str) -> Result<Answer, Refusal> {
    let group = find(monitoring, &request.log_group_name)?;
    Ok(answer(Some(&json!({ "tags": group.tags }))))
}

fn find<'a>(monitoring: &'a Monitoring, name: &str) -> Result<&'a LogGroup, Refusal> {
    let missing = || Refusal::new("ResourceNotFoundException", "The specified log group does not exist.");
    monitoring.log_groups.get(name).ok_or_else(missing)
}

/// The group that a request names, in one of two ways.
fn meant<'a>(monitoring: &'a Monitoring, request: &Request, prefix: &str) -> Result<&'a LogGroup, Refusal> {
    let name = match (request.log_group_name.as_str(), request.log_group_identifier.as_deref()) {
        ("", Some(identifier)) => identifier.strip_prefix(prefix).unwrap_or(identifier),
        (name, None) if !name.is_empty() => name,
        _ => {
            return Err(invalid(
                "Exactly one of logGroupName and logGroupIdentifier must be given.",
            ));
        }
    };
    find(monitoring, name)
}

fn missing_stream() -> Refusal {
    Refusal::new("ResourceNotFoundException", "The specified log stream does not exist.")
}

fn invalid(message: &str) -> Refusal {
    Refusal::new("InvalidParameterException", message)
}

/// By name; a pattern is a part of it, in its case (API reference, DescribeLogGroups).
fn describe(monitoring: &mut Monitoring, request: &Request, prefix: &str) -> Result<Answer, Refusal> {
    if request.log_group_name_prefix.is_some() && request.log_group_name_pattern.is_some() {
        return Err(invalid(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        ));
    }
    let start = request.log_group_name_prefix.clone().unwrap_or_default();
    let part = request.log_group_name_pattern.clone().unwrap_or_default();
    let groups = monitoring.log_groups.values();
    let wanted = groups.filter(|group| group.name.starts_with(&start) && group.name.contains(&part));
    let limit = request.limit.unwrap_or(MOST).clamp(1, MOST);
    let (groups, next) = page(wanted.collect(), Some(limit), request.next_token.as_deref())?;
    let views: Vec<Value> = groups.into_iter().map(|group| view(group, prefix)).collect();
    let mut body = json!({ "logGroups": views });
    if let Some(next) = next {
        body["nextToken"] = next.into();
    }
    Ok(answer(Some(&body)))
}

fn view(group: &LogGroup, prefix: &str) -> Value {
    let arn = format!("{prefix}{}", group.name);
    json!({
        "logGroupName": group.name,
        "creationTime": group.created.as_millisecond(),
        "retentionInDays": group.retention,
        "metricFilterCount": 0,
        "arn": format!("{arn}:*"),
        "logGroupArn": arn,
        "storedBytes": 0,
        "logGroupClass": "STANDARD",
    })
}

fn answer(body: Option<&Value>) -> Answer {
    let mut headers = HeaderMap::new();
    let json = HeaderValue::from_static("application/x-amz-json-1.1");
    headers.insert(header::CONTENT_TYPE, json);
    Answer {
        status: StatusCode::OK,
        headers,
        body: body.map(Value::to_string).unwrap_or_default().into(),
    }
}
