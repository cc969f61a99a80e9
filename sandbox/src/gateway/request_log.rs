//! `requests.jsonl`: one line for each API call, for tests and for people who want to see what a tool did.
//! Must never hold what a request carries, only what it is about: no secrets, no items, no addresses.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

use serde::Serialize;

use super::call::{Answer, Call, Protocol};
use crate::world::World;

pub(crate) struct RequestLog {
    file: Mutex<std::fs::File>,
}

#[derive(Serialize)]
struct Line<'a> {
    /// Real time, milliseconds since the epoch.
    at_ms: i64,
    /// Sandbox time.
    time: String,
    request_id: &'a str,
    service: &'a str,
    region: &'a str,
    operation: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    caller: &'a str,
    /// What the request names: `TableName`, `RoleName`, `Key`, …
    about: BTreeMap<String, String>,
}

impl RequestLog {
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        let file = fs_err::OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self {
            file: Mutex::new(file.into_parts().0),
        })
    }

    pub(crate) fn write(&self, world: &World, call: &Call, answer: &Answer, error: Option<&str>) {
        let line = Line {
            at_ms: jiff::Timestamp::now().as_millisecond(),
            time: world.clock.now().to_string(),
            request_id: &call.request_id,
            service: &call.service,
            region: &call.region,
            operation: &call.operation,
            status: answer.status.as_u16(),
            error,
            caller: &call.caller,
            about: about(call),
        };
        let Ok(mut text) = serde_json::to_string(&line) else {
            return;
        };
        text.push('\n');
        let mut file = self.file.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Err(error) = file.write_all(text.as_bytes()) {
            tracing::warn!(%error, "the request log cannot be written");
        }
    }
}

/// The names and ids at the top of a request.
fn about(call: &Call) -> BTreeMap<String, String> {
    match call.protocol {
        Protocol::Query | Protocol::Ec2Query => {
            let parameters = call.parameters().into_iter();
            parameters.filter(|(name, _)| is_identifying(name)).collect()
        }
        Protocol::Json => {
            let body: serde_json::Value = serde_json::from_slice(&call.body).unwrap_or_default();
            let members = body.as_object().into_iter().flatten();
            members
                .filter(|(name, _)| is_identifying(name))
                .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
                .collect()
        }
        Protocol::S3 | Protocol::RestXml => {
            let path = percent_encoding::percent_decode_str(call.uri.path()).decode_utf8_lossy();
            BTreeMap::from([("Path".to_owned(), path.into_owned())])
        }
        Protocol::Cbor => BTreeMap::new(),
    }
}

/// Whether a parameter says what a request is about. List elements count, what is nested deeper does not.
fn is_identifying(parameter: &str) -> bool {
    let mut parts = parameter.split('.').filter(|part| *part != "member");
    let name = parts.next().unwrap_or_default();
    let list = parts.all(|part| part.parse::<u32>().is_ok());
    let endings = [
        "Name",
        "Names",
        "Id",
        "Ids",
        "Arn",
        "Arns",
        "ARN",
        "Label",
        "Labels",
        "ResourceType",
        "Scope",
    ];
    list && name != "AccessKeyId" && endings.iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::is_identifying;

    #[test]
    fn names_are_logged_and_contents_are_not() {
        for name in ["TableName", "RoleName", "EnvironmentNames.member.1", "VpcId.1", "Arn"] {
            assert!(is_identifying(name), "{name}");
        }
        for name in [
            "Item",
            "NextToken",
            "OptionSettings.member.1.OptionName",
            "PolicyDocument",
            "Endpoint",
        ] {
            assert!(!is_identifying(name), "{name}");
        }
    }
}
