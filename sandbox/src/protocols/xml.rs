//! XML as the query and rest protocols have it: documents of requests as one value, and text for answers.
//! Must know nothing of what an operation does.

use std::collections::HashMap;

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Map, Value};

/// Elements whose children are the elements of a list, in CloudFront's documents, in S3's and in Route 53's.
const LISTS: &[&str] = &["Changes", "Items", "ResourceRecords", "TagSet"];

/// Text as it may stand in XML.
pub(crate) fn escape(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |mut escaped, character| {
            match character {
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '&' => escaped.push_str("&amp;"),
                '"' => escaped.push_str("&quot;"),
                other => escaped.push(other),
            }
            escaped
        })
}

/// An XML document as its one root element; nothing where it is none.
pub(crate) fn members(body: &[u8]) -> Map<String, Value> {
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
        assert_eq!(members(body)["Config"], wanted);
        assert!(members(b"{\"no\": \"xml\"}").is_empty());
    }
}
