//! EC2's answers: members by their names on the wire, written as XML in which the elements of every list are called `item`.
//! Must know nothing of what an answer says.

use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::protocols::call::{Answer, Call};
use crate::protocols::xml::escape;

/// The answer to a call. Members without a value are left out.
pub(super) fn answer(call: &Call, members: &Value) -> Answer {
    let operation = &call.operation;
    // The gateway puts the request's id in.
    let mut body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{operation}Response \
         xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId></requestId>"
    );
    write(&mut body, members);
    body.push_str(&format!("</{operation}Response>"));
    let mut headers = HeaderMap::new();
    // With the character set, unlike other services' XML.
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml;charset=UTF-8"));
    Answer {
        status: StatusCode::OK,
        headers,
        body: body.into(),
    }
}

/// The answer to what there is: a page of it, each item as `view` shows it, and the token of the next page.
pub(super) fn list<T>(
    call: &Call,
    name: &str,
    (items, next_token): (Vec<T>, Option<String>),
    view: impl Fn(T) -> Value,
) -> Answer {
    let items: Value = items.into_iter().map(view).collect();
    answer(call, &json!({ name: items, "nextToken": next_token }))
}

/// The answer of what was done and has nothing more to say.
pub(super) fn done(call: &Call) -> Answer {
    answer(call, &json!({ "return": true }))
}

/// The members of several values as one.
pub(super) fn together<const N: usize>(parts: [Value; N]) -> Value {
    let members = |part| match part {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    parts.into_iter().flat_map(members).collect()
}

/// A time as EC2 writes most: whole seconds, with a fraction that is none.
pub(super) fn whole_seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

fn write(body: &mut String, value: &Value) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| element(body, name, value)),
        Value::Array(items) => items.iter().for_each(|item| element(body, "item", item)),
        Value::String(text) => body.push_str(&escape(text)),
        other => body.push_str(&other.to_string()),
    }
}

fn element(body: &mut String, name: &str, value: &Value) {
    if value.is_null() {
        return;
    }
    body.push_str(&format!("<{name}>"));
    write(body, value);
    body.push_str(&format!("</{name}>"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_is_there_and_what_is_not_there_is_not() {
        let mut body = String::new();
        let vpc = json!({ "isDefault": true, "cidrBlock": "<&>", "tagSet": [], "ipv6": null });
        write(&mut body, &json!({ "vpcSet": [vpc], "nextToken": null, "count": 1 }));
        assert_eq!(
            body,
            "<count>1</count><vpcSet><item><cidrBlock>&lt;&amp;&gt;</cidrBlock><isDefault>true</isDefault><tagSet></tagSet>\
             </item></vpcSet>"
        );
    }
}
