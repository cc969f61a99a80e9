//! A request as one value, whatever protocol it came in: what dispatch holds against the table of what is honoured.
//! Must know nothing of what an operation does; what a body cannot be read as is the codec's to refuse.

use std::collections::HashMap;

use http::HeaderMap;
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Map, Value};

use super::call::{Call, Protocol};
use super::{cloudwatch, query};

/// Elements whose children are the elements of a list, in CloudFront's documents and in S3's.
const LISTS: &[&str] = &["Items", "TagSet"];

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
            members.extend(xml(&call.body));
            Value::Object(members)
        }
        // S3's own codec knows which of its headers are members.
        Protocol::S3 => Value::Object(parameters(call)),
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

/// An XML document as its one root element; nothing where it is none.
pub(crate) fn xml(body: &[u8]) -> Map<String, Value> {
    let mut reader = Reader::from_reader(body);
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => open.push(Element::named(tag.local_name().as_ref())),
            Ok(Event::Empty(tag)) => close(&mut open, Element::named(tag.local_name().as_ref())),
            Ok(Event::Text(text)) => {
                if let (Some(element), Ok(text)) = (open.last_mut(), text.unescape()) {
                    element.text.push_str(&text);
                }
            }
            Ok(Event::CData(text)) => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&String::from_utf8_lossy(&text));
                }
            }
            Ok(Event::End(_)) if open.len() > 1 => {
                if let Some(element) = open.pop() {
                    close(&mut open, element);
                }
            }
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(_) => return Map::new(),
        }
    }
    open.into_iter().next().map(|root| root.members()).unwrap_or_default()
}

#[derive(Default)]
struct Element {
    name: String,
    text: String,
    children: Vec<(String, Value)>,
}

impl Element {
    fn named(name: &[u8]) -> Self {
        let name = String::from_utf8_lossy(name).into_owned();
        Self {
            name,
            ..Self::default()
        }
    }

    /// Elements of one name are a list.
    fn members(self) -> Map<String, Value> {
        let mut members: HashMap<String, Vec<Value>> = HashMap::new();
        for (name, value) in self.children {
            members.entry(name).or_default().push(value);
        }
        members
            .into_iter()
            .map(|(name, values)| (name, Value::Array(values)))
            .collect()
    }

    fn value(self) -> Value {
        if LISTS.contains(&self.name.as_str()) {
            return self.children.into_iter().map(|(_, value)| value).collect();
        }
        if self.children.is_empty() {
            return Value::String(self.text);
        }
        Value::Object(self.members())
    }
}

fn close(open: &mut [Element], element: Element) {
    let name = element.name.clone();
    if let Some(parent) = open.last_mut() {
        parent.children.push((name, element.value()));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_of_xml_are_lists_whatever_their_elements_are_called() {
        let body = b"<?xml version=\"1.0\"?><Config xmlns=\"urn:x\"><Origins><Quantity>1</Quantity><Items><Origin>\
            <Id>a&amp;b</Id></Origin></Items></Origins><Enabled/></Config>";
        let wanted = json!([{
            "Origins": [{ "Quantity": ["1"], "Items": [[{ "Id": ["a&b"] }]] }],
            "Enabled": [""],
        }]);
        assert_eq!(xml(body)["Config"], wanted);
        assert!(xml(b"{\"no\": \"xml\"}").is_empty());
    }
}
