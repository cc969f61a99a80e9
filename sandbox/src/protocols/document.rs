//! A request as one value, whatever protocol it came in: what dispatch holds against the table of what is honoured.
//! Must know nothing of what an operation does; what a body cannot be read as is the codec's to refuse.

use http::HeaderMap;
use serde_json::{Map, Value};

use super::call::{Call, Protocol};
use super::{cloudwatch, query, xml};

/// Queries that choose the operation, and are no members of its request.
const ROUTING: &[&str] = &["Operation", "WithTags"];

/// The members of a request by their names on the wire.
pub(crate) fn of(call: &Call) -> Value {
    match call.protocol {
        Protocol::Query => query::value(&call.parameters()),
        Protocol::Ec2Query => {
            let mut parameters = call.parameters();
            // Every operation of EC2 takes it, and honours it here.
            parameters.remove("DryRun");
            query::value(&parameters)
        }
        Protocol::Json => serde_json::from_slice(&call.body).unwrap_or_default(),
        Protocol::Cbor => {
            let body = ciborium::from_reader(&call.body[..]).unwrap_or(ciborium::Value::Null);
            cloudwatch::json_of(body)
        }
        Protocol::RestXml => {
            let mut members = parameters(call);
            members.retain(|name, _| !ROUTING.contains(&name.as_str()));
            members.extend(headers(&call.headers, |name| (name == "if-match").then_some("IfMatch")));
            for (root, document) in xml::members(&call.body) {
                match document {
                    // Of Route 53, whose members are in the request's own element.
                    Value::Array(roots) if root.ends_with("Request") => {
                        members.extend(roots.into_iter().filter_map(object).flatten());
                    }
                    document => {
                        members.insert(root, document);
                    }
                }
            }
            Value::Object(members)
        }
        // S3's own codec knows which of its headers are members.
        Protocol::S3 => Value::Object(parameters(call)),
    }
}

fn object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

fn parameters(call: &Call) -> Map<String, Value> {
    let query = call.uri.query().unwrap_or_default().as_bytes();
    let pairs = form_urlencoded::parse(query).into_owned();
    pairs.map(|(name, value)| (name, Value::String(value))).collect()
}

/// The headers that `named` gives a name.
pub(crate) fn headers<'a>(
    headers: &'a HeaderMap,
    named: impl Fn(&'a str) -> Option<&'a str>,
) -> impl Iterator<Item = (String, Value)> {
    headers.iter().filter_map(move |(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        Some((named(name.as_str())?.to_owned(), Value::String(value)))
    })
}
