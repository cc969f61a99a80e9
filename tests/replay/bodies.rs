//! The envelopes that AWS's protocols put around an answer, and what several services say alike.
//! Must know nothing of cases.

use crate::account::REGION;
use crate::wire::{REQUEST, escaped};

/// An answer of a query service. Source of the form: boto/botocore, tests/unit/response_parsing/xml/responses.
pub fn query(operation: &str, result: &str) -> String {
    format!(
        "<{operation}Response><{operation}Result>{result}</{operation}Result>\
         <ResponseMetadata><RequestId>{REQUEST}</RequestId></ResponseMetadata></{operation}Response>"
    )
}

/// An answer of a query service that says nothing but that it was done.
pub fn done(operation: &str) -> String {
    format!(
        "<{operation}Response><ResponseMetadata><RequestId>{REQUEST}</RequestId></ResponseMetadata></{operation}Response>"
    )
}

/// An answer of EC2. Source of the form: boto/botocore, tests/unit/response_parsing/xml/responses/ec2-*.xml.
pub fn ec2(operation: &str, result: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{operation}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
         <requestId>{REQUEST}</requestId>{result}</{operation}Response>"
    )
}

/// An answer of EC2's that says nothing but that it was done.
pub fn ec2_done(operation: &str) -> String {
    ec2(operation, "<return>true</return>")
}

/// The three tags of the default stack, for one of its resources.
pub fn our_tags(resource: &str) -> [(&'static str, String); 3] {
    [
        ("confctl:stack", "tcb-conference".to_owned()),
        ("confctl:region", REGION.to_owned()),
        ("confctl:resource", resource.to_owned()),
    ]
}

/// Tags as query services and CloudFront write them, each in an element of this name.
pub fn tags_xml<'a>(element: &str, tags: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let tags = tags.into_iter();
    let tags = tags.map(|(key, value)| {
        let (key, value) = (escaped(key), escaped(&value));
        format!("<{element}><Key>{key}</Key><Value>{value}</Value></{element}>")
    });
    tags.collect()
}

/// Tags as the JSON services write them.
pub fn tags_json<'a>(tags: impl IntoIterator<Item = (&'a str, String)>) -> serde_json::Value {
    let tags = tags.into_iter();
    tags.map(|(key, value)| serde_json::json!({"Key": key, "Value": value}))
        .collect()
}
