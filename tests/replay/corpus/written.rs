//! What botocore parsed, written back as it came: JSON, the query services' XML, EC2's, CloudFront's, S3's.
//! Members are named by botocore's names; where a protocol has others, the tables here have them. What is named otherwise there and
//! is in no table is read as unknown: such a member is then not tested.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::script::Answer;
use crate::wire::escaped;

/// The answer of an operation, `service:Operation`.
pub fn answer(operation: &str, data: &Value) -> Answer {
    let (service, name) = operation.split_once(':').unwrap_or((operation, ""));
    match service {
        "dynamodb" | "ssm" | "wafv2" | "servicequotas" | "cloudwatch" => Answer::Body(json(data).to_string()),
        "ec2" => Answer::Body(ec2(name, data)),
        "cloudfront" => cloudfront(name, data),
        "s3" => s3(name, data),
        _ => Answer::Body(query(name, data)),
    }
}

/// Members that are of the recorder's and not of the answer's.
const OF_THE_RECORDER: [&str; 1] = ["ResponseMetadata"];

fn members(data: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let members = data.as_object().into_iter().flatten();
    members.filter(|(name, value)| !OF_THE_RECORDER.contains(&name.as_str()) && !value.is_null())
}

/// A time, if it is one: as the recorder keeps it, as the examples write it, or replaced by a word.
fn time(name: &str, value: &Value) -> Option<jiff::Timestamp> {
    let text = match value {
        Value::Object(object) if object.get("__class__").is_some_and(|class| class == "datetime") => {
            object.get("iso")?.as_str()?
        }
        Value::String(_) if TEXTS.contains(&name) => return None,
        Value::String(text) if WORDS.contains(&text.as_str()) && is_of_times(name) => "2026-11-24T12:00:00Z",
        Value::String(text) if text.len() >= 19 && text.as_bytes()[10] == b'T' && text.as_bytes()[4] == b'-' => text,
        _ => return None,
    };
    let zoned = match text.ends_with('Z') || text[19..].contains(['+', '-']) {
        true => text.to_owned(),
        false => format!("{text}Z"),
    };
    zoned.parse().ok()
}

/// What recorders put in place of times.
const WORDS: [&str; 3] = ["datetime", "<datetime>", "timestamp"];

/// Members that look like times and are text.
const TEXTS: [&str; 4] = [
    "LatestStreamLabel",
    "ExecutionStartDateTime",
    "ExecutionEndDateTime",
    "ExecutionElapsedTime",
];

fn is_of_times(name: &str) -> bool {
    ["Date", "Time", "LastModified"].iter().any(|part| name.contains(part))
}

/// Members that are JSON as text, and that a recorder parsed.
fn is_json_text(name: &str, value: &Value) -> bool {
    name == "StateReasonData" && value.is_object()
}

fn json(data: &Value) -> Value {
    match data {
        Value::Object(_) => {
            let members = members(data).map(|(name, value)| match time(name, value) {
                Some(time) => (name.clone(), Value::from(time.as_millisecond() as f64 / 1000.0)),
                None if is_json_text(name, value) => (name.clone(), Value::from(value.to_string())),
                None => (name.clone(), json(value)),
            });
            Value::Object(members.collect())
        }
        Value::Array(items) => items.iter().map(json).collect(),
        other => other.clone(),
    }
}

fn text(name: &str, value: &Value) -> String {
    if let Some(time) = time(name, value) {
        return time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
    }
    let text = match value {
        Value::String(text) => text.clone(),
        // botocore parses policy documents, which are URL-encoded on the line.
        Value::Object(_) if name.ends_with("PolicyDocument") => {
            utf8_percent_encode(&value.to_string(), NON_ALPHANUMERIC).to_string()
        }
        other => other.to_string(),
    };
    escaped(&text)
}

/// How lists and members are named in an XML protocol.
struct Names {
    /// The element of a member.
    member: fn(&str, &Value) -> String,
    /// The element of each item of a list in this member.
    item: fn(&str) -> &'static str,
    /// Whether its items stand in the parent itself.
    flat: fn(&str) -> bool,
}

fn xml(data: &Value, names: &Names, within: &str) -> String {
    let mut out = String::new();
    for (name, value) in members(data) {
        let element = (names.member)(name, value);
        match value {
            Value::Array(items) => {
                // `Items` says nothing of what it holds: that is named by what it is in.
                let of = if name == "Items" { within } else { name };
                let item = (names.item)(of);
                let items: String = items
                    .iter()
                    .map(|one| format!("<{item}>{}</{item}>", content(item, one, names)))
                    .collect();
                match (names.flat)(name) {
                    true => out.push_str(&items),
                    false => out.push_str(&format!("<{element}>{items}</{element}>")),
                }
            }
            value => out.push_str(&format!("<{element}>{}</{element}>", content(name, value, names))),
        }
    }
    out
}

fn content(name: &str, value: &Value, names: &Names) -> String {
    let is_structure = value.is_object() && time(name, value).is_none() && !name.ends_with("PolicyDocument");
    match is_structure {
        true => xml(value, names, name),
        false => text(name, value),
    }
}

fn query(operation: &str, data: &Value) -> String {
    let names = Names {
        member: |name, _| name.to_owned(),
        item: |_| "member",
        flat: |_| false,
    };
    crate::bodies::query(operation, &xml(data, &names, ""))
}

/// Members of EC2 whose element is not the member's name with a small first letter, or that and `Set` in place of the plural.
/// Source: `locationName` in boto/botocore, botocore/data/ec2/2016-11-15/service-2.json.
const EC2_ELEMENTS: [(&str, &str); 15] = [
    ("AvailabilityZones", "availabilityZoneInfo"),
    ("CidrBlockAssociationSet", "cidrBlockAssociationSet"),
    ("Instances", "instancesSet"),
    ("Ipv6CidrBlockAssociationSet", "ipv6CidrBlockAssociationSet"),
    ("KeyPairs", "keySet"),
    ("Main", "main"),
    ("PrivateIpAddresses", "privateIpAddressesSet"),
    ("ProductCodes", "productCodes"),
    ("PublicDnsName", "dnsName"),
    ("Regions", "regionInfo"),
    ("SecurityGroups", "securityGroupInfo"),
    ("StateTransitionReason", "reason"),
    ("TagSet", "tagSet"),
    ("UserIdGroupPairs", "groups"),
    ("VCpuInfo", "vCpuInfo"),
];

fn ec2_element(name: &str, value: &Value) -> String {
    if let Some((_, element)) = EC2_ELEMENTS.iter().find(|(member, _)| *member == name) {
        return (*element).to_owned();
    }
    // The state of an instance is a structure with an element of its own.
    if name == "State" && value.is_object() {
        return "instanceState".to_owned();
    }
    let mut element = name.to_owned();
    element[..1].make_ascii_lowercase();
    match (value.is_array(), element.strip_suffix('s')) {
        (true, Some(singular)) => format!("{singular}Set"),
        _ => element,
    }
}

fn ec2(operation: &str, data: &Value) -> String {
    let names = Names {
        member: ec2_element,
        item: |_| "item",
        flat: |_| false,
    };
    crate::bodies::ec2(operation, &xml(data, &names, ""))
}

/// Source: `locationName` of the lists in boto/botocore, botocore/data/cloudfront/2020-05-31/service-2.json.
fn cloudfront_item(within: &str) -> &'static str {
    match within {
        "Aliases" => "CNAME",
        "AllowedMethods" | "CachedMethods" => "Method",
        "CacheBehaviors" => "CacheBehavior",
        "CustomErrorResponses" => "CustomErrorResponse",
        "CustomHeaders" => "OriginCustomHeader",
        "DistributionList" => "DistributionSummary",
        "GeoRestriction" => "Location",
        "LambdaFunctionAssociations" => "LambdaFunctionAssociation",
        "OriginGroups" => "OriginGroup",
        "OriginSslProtocols" => "SslProtocol",
        "Origins" => "Origin",
        "Tags" => "Tag",
        _ => "Name",
    }
}

/// The member that is the body, its element, and the ETag as a header.
fn cloudfront(operation: &str, data: &Value) -> Answer {
    let payload = match operation {
        "ListDistributions" => "DistributionList",
        "GetDistributionConfig" => "DistributionConfig",
        "ListTagsForResource" => "Tags",
        _ => "Distribution",
    };
    let names = Names {
        member: |name, _| name.to_owned(),
        item: cloudfront_item,
        flat: |_| false,
    };
    let body = format!(
        "<?xml version=\"1.0\"?>\n<{payload} xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\">{}</{payload}>",
        xml(&data[payload], &names, payload)
    );
    let etag = data["ETag"].as_str().map(|etag| ("etag", etag.to_owned()));
    Answer::With(etag.into_iter().collect(), body)
}

fn s3(operation: &str, data: &Value) -> Answer {
    if operation != "ListObjectsV2" {
        let header = |name: &'static str, member: &str| Some((name, data[member].as_str()?.to_owned()));
        let mut headers: Vec<_> = [
            header("etag", "ETag"),
            header("x-amz-server-side-encryption", "ServerSideEncryption"),
        ]
        .into_iter()
        .flatten()
        .collect();
        if let Some(modified) = time("LastModified", &data["LastModified"]) {
            headers.push((
                "last-modified",
                modified.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string(),
            ));
        }
        return Answer::With(headers, data["Body"].as_str().unwrap_or_default().to_owned());
    }
    let names = Names {
        member: |name, _| name.to_owned(),
        item: |name| match name {
            "CommonPrefixes" => "CommonPrefixes",
            "ChecksumAlgorithm" => "ChecksumAlgorithm",
            _ => "Contents",
        },
        flat: |_| true,
    };
    let body = xml(data, &names, "");
    Answer::Body(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{body}</ListBucketResult>"
    ))
}
