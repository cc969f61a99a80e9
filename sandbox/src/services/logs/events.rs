//! What is in log groups: streams and events, page by page.
//! Names and tokens are those of botocore's model of logs, 2014-03-28.

use serde_json::{Value, json};

use super::{Request, answer, invalid, meant, missing_stream};
use crate::protocols::call::Answer;
use crate::services::page::page;
use crate::world::Refusal;
use crate::world::monitoring::Monitoring;
use crate::world::monitoring::streams::{LogEvent, LogStream, Wanted};

/// Most events in one answer, and most bytes (botocore: logs, FilterLogEvents). An event counts for 26 bytes more than it has
/// (API reference, PutLogEvents).
const MOST: i32 = 10_000;
const MOST_BYTES: usize = 1024 * 1024;
const EVENT: usize = 26;

/// Most streams in one answer.
const MOST_STREAMS: i32 = 50;

/// Less than the id of any event: where a search begins that has found nothing yet.
const BEGINNING: &str = "0";

/// Events of several streams come interleaved. As on AWS a page may be empty though there are more: the first one is, of every
/// search in more than one stream.
pub(super) fn filter(monitoring: &mut Monitoring, request: &Request, prefix: &str) -> Result<Answer, Refusal> {
    if !request.log_stream_names.is_empty() && request.log_stream_name_prefix.is_some() {
        return Err(invalid(
            "logStreamNames and logStreamNamePrefix are mutually exclusive parameters.",
        ));
    }
    let group = meant(monitoring, request, prefix)?;
    if let Some(unknown) = request
        .log_stream_names
        .iter()
        .find(|name| group.streams.get(name).is_none())
    {
        tracing::debug!(unknown, "a log stream that is searched is not there");
        return Err(missing_stream());
    }
    let wanted = Wanted {
        streams: &request.log_stream_names,
        prefix: request.log_stream_name_prefix.as_deref().unwrap_or_default(),
        from: request.start_time,
        // Its own end is one of the times that are asked for (model: "later than this time are not returned").
        until: request.end_time.map(|end| end + 1),
    };
    if request.next_token.is_none() && group.streams.all().nth(1).is_some() {
        return Ok(answer(Some(&filtered(&[], Some(BEGINNING)))));
    }
    let mut found = group.streams.find(&wanted);
    if let Some(after) = &request.next_token {
        found.retain(|(_, event)| event.id.as_str() > after.as_str());
    }
    let fitting = fitting(found.iter().map(|(_, event)| *event), request.limit);
    let next = (fitting < found.len()).then(|| found[..fitting].last().map_or(BEGINNING, |(_, event)| &event.id));
    Ok(answer(Some(&filtered(&found[..fitting], next))))
}

fn filtered(events: &[(&str, &LogEvent)], next: Option<&str>) -> Value {
    let view = |(stream, event): &(&str, &LogEvent)| {
        let mut view = view(event);
        view["logStreamName"] = json!(stream);
        view["eventId"] = json!(event.id);
        view
    };
    let mut body = json!({
        "events": events.iter().map(view).collect::<Vec<_>>(),
        // Since May 2020 (model).
        "searchedLogStreams": [],
    });
    if let Some(next) = next {
        body["nextToken"] = next.into();
    }
    body
}

fn view(event: &LogEvent) -> Value {
    json!({
        "timestamp": event.timestamp.as_millisecond(),
        "message": event.message,
        "ingestionTime": event.ingested.as_millisecond(),
    })
}

/// How many of them fit into a page. At least one does: no event is larger than one.
fn fitting<'a>(events: impl Iterator<Item = &'a LogEvent>, limit: Option<i32>) -> usize {
    let limit = usize::try_from(limit.unwrap_or(MOST).clamp(1, MOST)).unwrap_or(1);
    let mut bytes = 0;
    let fits = |event: &&LogEvent| {
        bytes += event.message.len() + EVENT;
        bytes <= MOST_BYTES
    };
    events.take(limit).take_while(fits).count()
}

/// Forwards from the token's event, or backwards; without one the newest, or the oldest with `startFromHead`. At an end the same
/// token comes back.
pub(super) fn get(monitoring: &mut Monitoring, request: &Request, prefix: &str) -> Result<Answer, Refusal> {
    let group = meant(monitoring, request, prefix)?;
    group.streams.get(&request.log_stream_name).ok_or_else(missing_stream)?;
    let streams = [request.log_stream_name.clone()];
    let wanted = Wanted {
        streams: &streams,
        from: request.start_time,
        until: request.end_time,
        ..Wanted::default()
    };
    let mut found: Vec<&LogEvent> = group
        .streams
        .find(&wanted)
        .into_iter()
        .map(|(_, event)| event)
        .collect();
    let token = request.next_token.as_deref();
    let place = token.map(|token| place(token).ok_or_else(|| invalid("The specified nextToken is invalid.")));
    let place = place.transpose()?;
    let forwards = place.map_or(request.start_from_head, |(forwards, _)| forwards);
    match place {
        Some((true, id)) => found.retain(|event| event.id.as_str() > id),
        Some((false, id)) => found.retain(|event| event.id.as_str() < id),
        None => {}
    }
    let shown = match forwards {
        true => found[..fitting(found.iter().copied(), request.limit)].to_vec(),
        false => {
            let count = fitting(found.iter().rev().copied(), request.limit);
            found[found.len() - count..].to_vec()
        }
    };
    let mark = |way: &str, event: Option<&&LogEvent>| {
        let id = event.map(|event| event.id.as_str()).or(place.map(|(_, id)| id));
        format!("{way}/{}/s", id.unwrap_or(BEGINNING))
    };
    let body = json!({
        "events": shown.iter().map(|event| view(event)).collect::<Vec<_>>(),
        "nextForwardToken": mark("f", shown.last()),
        "nextBackwardToken": mark("b", shown.first()),
    });
    Ok(answer(Some(&body)))
}

/// Whether a token leads forwards, and from which event.
fn place(token: &str) -> Option<(bool, &str)> {
    let (way, rest) = token.split_once('/')?;
    let id = rest.strip_suffix("/s")?;
    match way {
        "f" => Some((true, id)),
        "b" => Some((false, id)),
        _ => None,
    }
}

pub(super) fn streams(monitoring: &mut Monitoring, request: &Request, prefix: &str) -> Result<Answer, Refusal> {
    let by_time = request.order_by.as_deref() == Some("LastEventTime");
    if by_time && request.log_stream_name_prefix.is_some() {
        return Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
    }
    let group = meant(monitoring, request, prefix)?;
    let start = request.log_stream_name_prefix.as_deref().unwrap_or_default();
    let mut found: Vec<_> = group
        .streams
        .all()
        .filter(|(name, _)| name.starts_with(start))
        .collect();
    if by_time {
        found.sort_by_key(|(_, stream)| stream.events.back().map(|event| event.timestamp));
    }
    if request.descending {
        found.reverse();
    }
    let limit = request.limit.unwrap_or(MOST_STREAMS).clamp(1, MOST_STREAMS);
    let arn = format!("{prefix}{}", group.name);
    let views = found
        .into_iter()
        .map(|(name, stream)| stream_view(name, stream, &arn))
        .collect();
    let (views, next): (Vec<Value>, _) = page(views, Some(limit), request.next_token.as_deref())?;
    let mut body = json!({ "logStreams": views });
    if let Some(next) = next {
        body["nextToken"] = next.into();
    }
    Ok(answer(Some(&body)))
}

fn stream_view(name: &str, stream: &LogStream, group: &str) -> Value {
    let milliseconds = |event: Option<&LogEvent>| event.map(|event| event.timestamp.as_millisecond());
    json!({
        "logStreamName": name,
        "creationTime": stream.created.as_millisecond(),
        "firstEventTimestamp": milliseconds(stream.events.front()),
        "lastEventTimestamp": milliseconds(stream.events.back()),
        "lastIngestionTime": stream.events.back().map(|event| event.ingested.as_millisecond()),
        "arn": format!("{group}:log-stream:{name}"),
        // Since June 2019 (model).
        "storedBytes": 0,
    })
}
