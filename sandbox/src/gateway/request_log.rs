//! `requests.jsonl`: one line for each API call, for tests and for people who want to see what a tool did.
//! Must never hold what a request carries, only what it is about: no secrets, no items, no addresses.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Mutex;

use serde::Serialize;
use serde_json::Value;

use super::faults::{FaultKind, Hit};
use crate::protocols::call::{Answer, Call, Protocol};
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
    /// None where the request was not handled.
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    caller: &'a str,
    /// What the request names: `TableName`, `RoleName`, `Key`, …
    about: BTreeMap<String, String>,
    /// The fault that it met, by its id and kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<Met>,
}

#[derive(Serialize)]
struct Met {
    id: u64,
    kind: FaultKind,
}

impl RequestLog {
    /// Begins anew: the log is of one life of the sandbox, as its world is.
    pub(crate) fn create(path: &Path) -> std::io::Result<Self> {
        let mut options = std::fs::OpenOptions::new();
        let file = options.create(true).write(true).truncate(true).mode(0o600).open(path)?;
        Ok(Self { file: Mutex::new(file) })
    }

    pub(super) fn write(&self, world: &World, call: &Call, answer: Option<&Answer>, hit: Option<&Hit>) {
        let line = Line {
            at_ms: jiff::Timestamp::now().as_millisecond(),
            time: world.clock.now().to_string(),
            request_id: &call.request_id,
            service: &call.service,
            region: &call.region,
            operation: &call.operation,
            status: answer.map(|answer| answer.status.as_u16()),
            error: answer.and_then(error_code),
            caller: &call.caller,
            about: about(call),
            fault: hit.map(|hit| Met {
                id: hit.id,
                kind: hit.fault.kind,
            }),
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

/// The code of an error, in whatever protocol it is said.
fn error_code(answer: &Answer) -> Option<String> {
    if answer.status.is_success() || answer.status.is_redirection() {
        return None;
    }
    let text = std::str::from_utf8(&answer.body).unwrap_or_default();
    if let Some((_, rest)) = text.split_once("<Code>") {
        return rest.split('<').next().map(str::to_owned);
    }
    let json = serde_json::from_slice(&answer.body);
    let value = json.or_else(|_| ciborium::from_reader::<Value, _>(&answer.body[..]).map_err(|_| ()));
    let kind = value.ok().and_then(|value| value["__type"].as_str().map(str::to_owned));
    let code = kind.map(|kind| kind.rsplit('#').next().unwrap_or_default().to_owned());
    code.or_else(|| Some(answer.status.as_u16().to_string()))
}

/// The names and ids at the top of a request.
fn about(call: &Call) -> BTreeMap<String, String> {
    match call.protocol {
        Protocol::Query | Protocol::Ec2Query => {
            let parameters = call.parameters().into_iter();
            parameters.filter(|(name, _)| is_identifying(name)).collect()
        }
        Protocol::Json => named(serde_json::from_slice(&call.body).unwrap_or_default()),
        Protocol::Cbor => named(ciborium::from_reader(&call.body[..]).unwrap_or_default()),
        Protocol::S3 | Protocol::RestXml => {
            let path = percent_encoding::percent_decode_str(call.uri.path()).decode_utf8_lossy();
            BTreeMap::from([("Path".to_owned(), path.into_owned())])
        }
    }
}

fn named(body: Value) -> BTreeMap<String, String> {
    let text = |value: &Value| match value {
        Value::Array(values) => values
            .iter()
            .map(|value| value.as_str())
            .collect::<Option<Vec<_>>>()?
            .join(",")
            .into(),
        value => value.as_str().map(str::to_owned),
    };
    let members = body.as_object().into_iter().flatten();
    members
        .filter(|(name, _)| is_identifying(name))
        .filter_map(|(name, value)| Some((name.clone(), text(value)?)))
        .collect()
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
