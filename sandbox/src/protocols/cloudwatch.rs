//! CloudWatch is spoken in three protocols: CBOR by the Rust SDK, JSON by botocore, query by older clients.
//! Requests become one generated type and answers come from one; the generated serializers leave a private mark where
//! a timestamp is, which only one of the three protocols survives.

use bytes::Bytes;
use ciborium::Value as Cbor;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::call::{Answer, Call, Protocol};
use super::xml::escape;
use crate::world::Refusal;

/// What the generated types put in place of a timestamp.
const TIMESTAMP: &str = "__cbor_epoch_seconds";

/// The request, whatever protocol it came in.
///
/// # Errors
/// Where it is not one of this operation.
pub(crate) fn decode<T: DeserializeOwned>(call: &Call) -> Result<T, Refusal> {
    match call.protocol {
        Protocol::Cbor => {
            let malformed = |error: String| Refusal::new("SerializationException", error);
            let body = if call.body.is_empty() {
                Json::Object(serde_json::Map::new())
            } else {
                let cbor: Cbor = ciborium::from_reader(&call.body[..]).map_err(|error| malformed(error.to_string()))?;
                json_of(cbor)
            };
            serde_json::from_value(body).map_err(|error| malformed(error.to_string()))
        }
        Protocol::Json => call.json(),
        _ => call.query(),
    }
}

/// The answer to `operation` in the protocol of its request.
///
/// # Errors
/// Where the answer cannot be written, which is a fault of the sandbox.
pub(crate) fn encode<T: Serialize>(call: &Call, answer: &T, operation: &str) -> Result<Answer, Refusal> {
    let value = serde_json::to_value(answer)
        .map_err(|error| Refusal::with_status(500, "InternalFailure", error.to_string()))?;
    let mut headers = HeaderMap::new();
    let (content_type, body) = match call.protocol {
        Protocol::Cbor => {
            headers.insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
            let mut bytes = Vec::new();
            ciborium::into_writer(&cbor_of(&value), &mut bytes)
                .map_err(|error| Refusal::with_status(500, "InternalFailure", error.to_string()))?;
            ("application/cbor", Bytes::from(bytes))
        }
        Protocol::Json => ("application/x-amz-json-1.0", Bytes::from(plain(&value).to_string())),
        _ => ("text/xml", Bytes::from(document(&value, operation))),
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    Ok(Answer {
        status: StatusCode::OK,
        headers,
        body,
    })
}

fn timestamp(value: &Json) -> Option<f64> {
    value
        .as_object()
        .filter(|object| object.len() == 1)?
        .get(TIMESTAMP)?
        .as_f64()
}

/// CBOR as JSON: timestamps as seconds.
pub(crate) fn json_of(value: Cbor) -> Json {
    match value {
        Cbor::Bool(value) => value.into(),
        Cbor::Integer(value) => i64::try_from(value).map_or(Json::Null, Json::from),
        Cbor::Float(value) => value.into(),
        Cbor::Text(value) => value.into(),
        Cbor::Array(values) => values.into_iter().map(json_of).collect(),
        Cbor::Map(members) => members
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_text().ok()?, json_of(value))))
            .collect(),
        // Tag 1: seconds since the epoch.
        Cbor::Tag(_, value) => json_of(*value),
        _ => Json::Null,
    }
}

fn cbor_of(value: &Json) -> Cbor {
    if let Some(seconds) = timestamp(value) {
        return Cbor::Tag(1, Box::new(Cbor::Float(whole_milliseconds(seconds))));
    }
    match value {
        Json::Null => Cbor::Null,
        Json::Bool(value) => Cbor::Bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Cbor::Integer(integer.into()),
            None => Cbor::Float(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Cbor::Text(text.clone()),
        Json::Array(values) => Cbor::Array(values.iter().map(cbor_of).collect()),
        Json::Object(members) => Cbor::Map(
            members
                .iter()
                .map(|(name, value)| (Cbor::Text(name.clone()), cbor_of(value)))
                .collect(),
        ),
    }
}

/// The nearest seconds of which no millisecond is lost to a reader that cuts off what is below one, as the Rust SDK does.
fn whole_milliseconds(seconds: f64) -> f64 {
    let milliseconds = (seconds * 1000.0).round();
    let nearest = milliseconds / 1000.0;
    if (nearest * 1000.0).trunc() < milliseconds || nearest.fract() * 1000.0 < milliseconds.rem_euclid(1000.0) {
        nearest.next_up()
    } else {
        nearest
    }
}

/// JSON with timestamps as numbers.
fn plain(value: &Json) -> Json {
    if let Some(seconds) = timestamp(value) {
        return seconds.into();
    }
    match value {
        Json::Array(values) => values.iter().map(plain).collect(),
        Json::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), plain(value)))
            .collect(),
        other => other.clone(),
    }
}

fn document(value: &Json, operation: &str) -> String {
    let mut result = String::new();
    write_members(&mut result, value);
    format!(
        "<{operation}Response xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\"><{operation}Result>{result}\
         </{operation}Result><ResponseMetadata><RequestId></RequestId></ResponseMetadata></{operation}Response>"
    )
}

fn write_members(xml: &mut String, value: &Json) {
    match value {
        Json::Object(members) if timestamp(value).is_none() => {
            for (name, value) in members {
                write_element(xml, name, value);
            }
        }
        Json::Array(values) => {
            for value in values {
                write_element(xml, "member", value);
            }
        }
        other => xml.push_str(&text(other)),
    }
}

fn write_element(xml: &mut String, name: &str, value: &Json) {
    if value.is_null() {
        return;
    }
    xml.push_str(&format!("<{name}>"));
    write_members(xml, value);
    xml.push_str(&format!("</{name}>"));
}

fn text(value: &Json) -> String {
    if let Some(seconds) = timestamp(value) {
        let milliseconds = (seconds * 1000.0).round() as i64;
        return jiff::Timestamp::from_millisecond(milliseconds)
            .map(|time| time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
            .unwrap_or_default();
    }
    match value {
        Json::String(text) => escape(text),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use http::{Method, Uri};
    use serde_json::json;
    use winterbaume_cloudwatch::model::{DescribeAlarmsOutput, GetMetricStatisticsInput, MetricAlarm};

    use super::*;

    fn call(protocol: Protocol, body: impl Into<Bytes>) -> Call {
        Call {
            request_id: "r".to_owned(),
            service: "monitoring".to_owned(),
            region: "us-east-1".to_owned(),
            protocol,
            operation: String::new(),
            caller: String::new(),
            method: Method::POST,
            uri: Uri::from_static("/"),
            headers: HeaderMap::new(),
            body: body.into(),
        }
    }

    fn alarms() -> DescribeAlarmsOutput {
        DescribeAlarmsOutput {
            metric_alarms: Some(vec![MetricAlarm {
                alarm_name: Some("a<b".to_owned()),
                threshold: Some(50.0),
                state_updated_timestamp: Some(1_795_500_000.5),
                ..MetricAlarm::default()
            }]),
            ..DescribeAlarmsOutput::default()
        }
    }

    #[test]
    fn a_timestamp_is_the_same_moment_in_all_three_protocols() {
        let body = |protocol| encode(&call(protocol, ""), &alarms(), "DescribeAlarms").unwrap().body;

        let json: Json = serde_json::from_slice(&body(Protocol::Json)).unwrap();
        assert_eq!(json["MetricAlarms"][0]["StateUpdatedTimestamp"], json!(1_795_500_000.5));
        assert_eq!(json["MetricAlarms"][0]["Threshold"], json!(50.0));

        let cbor: Cbor = ciborium::from_reader(&body(Protocol::Cbor)[..]).unwrap();
        assert!(format!("{cbor:?}").contains("Tag(1, Float(1795500000.5))"), "{cbor:?}");

        let xml = String::from_utf8(body(Protocol::Query).to_vec()).unwrap();
        let moment = "<StateUpdatedTimestamp>2026-11-24T06:00:00.500Z</StateUpdatedTimestamp>";
        assert!(xml.contains(moment), "{xml}");
        assert!(
            xml.contains("<MetricAlarms><member>") && xml.contains("<AlarmName>a&lt;b</AlarmName>"),
            "{xml}"
        );
    }

    #[test]
    fn the_three_forms_of_a_request_are_one() {
        let mut cbor = Vec::new();
        let members = vec![
            (
                Cbor::Text("MetricName".to_owned()),
                Cbor::Text("CPUUtilization".to_owned()),
            ),
            (Cbor::Text("Period".to_owned()), Cbor::Integer(60.into())),
            (
                Cbor::Text("StartTime".to_owned()),
                Cbor::Tag(1, Box::new(Cbor::Integer(60.into()))),
            ),
            (
                Cbor::Text("Statistics".to_owned()),
                Cbor::Array(vec![Cbor::Text("Average".to_owned())]),
            ),
        ];
        ciborium::into_writer(&Cbor::Map(members), &mut cbor).unwrap();
        let json = r#"{"MetricName":"CPUUtilization","Period":60,"StartTime":60,"Statistics":["Average"]}"#;
        let query = "Action=GetMetricStatistics&MetricName=CPUUtilization&Period=60\
                     &StartTime=1970-01-01T00:01:00Z&Statistics.member.1=Average";
        for call in [
            call(Protocol::Cbor, cbor),
            call(Protocol::Json, json),
            call(Protocol::Query, query),
        ] {
            let input: GetMetricStatisticsInput = decode(&call).unwrap();
            assert_eq!(input.metric_name, "CPUUtilization");
            assert_eq!((input.period, input.start_time), (60, 60.0));
            assert_eq!(input.statistics, Some(vec!["Average".to_owned()]));
        }
    }
}
