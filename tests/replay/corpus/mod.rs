//! All recorded answers of a folder, which CONFCTL_RECORDINGS names, given to the decoders of the operations that confctl calls.
//! Recordings are files of JSON, SERVICE/OPERATION/N.json: `kind` is `wire` (`data.body` is what came) or `boto3-parsed` (`data`
//! is what botocore made of it, and is written back as the protocol has it).

mod calls;
mod written;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use self::calls::{Call, call};
use crate::account::{REGION, connect_to, of_root};
use crate::say;
use crate::script::{Answer, Replay, Script, refused};

/// A folder's name where it is not the permission's prefix.
const FOLDERS: [(&str, &str); 2] = [("elbv2", "elasticloadbalancing"), ("service-quotas", "servicequotas")];

struct Recording {
    file: PathBuf,
    operation: &'static str,
    status: u16,
    data: Value,
    is_wire: bool,
}

fn recordings(folder: &Path) -> Vec<Recording> {
    let mut left = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(place) = left.pop() {
        for entry in std::fs::read_dir(&place).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => left.push(path),
                false => files.push(path),
            }
        }
    }
    files.sort();
    files.into_iter().filter_map(recording).collect()
}

/// One of an operation that confctl calls.
fn recording(file: PathBuf) -> Option<Recording> {
    let name = |path: Option<&Path>| Some(path?.file_name()?.to_string_lossy().into_owned());
    let (service, operation) = (name(file.parent()?.parent())?, name(file.parent())?);
    let service = FOLDERS
        .iter()
        .find(|(folder, _)| *folder == service)
        .map_or(service.as_str(), |(_, prefix)| prefix);
    let operation = calls::NAMES
        .iter()
        .chain([&IDENTITY])
        .find(|known| **known == format!("{service}:{operation}"))?;
    let text = std::fs::read_to_string(&file).unwrap();
    let mut document: Value = serde_json::from_str(&text).unwrap();
    Some(Recording {
        operation,
        status: document["status"]
            .as_u64()
            .and_then(|status| u16::try_from(status).ok())
            .unwrap_or(200),
        is_wire: document["kind"] == "wire",
        data: document["data"].take(),
        file,
    })
}

impl Recording {
    fn answer(&self) -> Answer {
        if self.is_wire {
            return Answer::Raw(self.status, self.data["body"].as_str().unwrap_or_default().to_owned());
        }
        if self.status >= 400 {
            let part = |name: &str| self.data["Error"][name].as_str().unwrap_or_default().to_owned();
            return refused(self.status, &part("Code"), &part("Message"));
        }
        written::answer(self.operation, &self.data)
    }

    /// The same without what leads to a next page.
    fn last_page(&self) -> Answer {
        if self.is_wire {
            return Answer::Raw(
                self.status,
                without_markers(self.data["body"].as_str().unwrap_or_default()),
            );
        }
        let mut data = self.data.clone();
        end(&mut data);
        end(&mut data["DistributionList"]);
        written::answer(self.operation, &data)
    }

    /// CloudWatch was recorded when its clients still asked in the query protocol; confctl asks in JSON.
    fn is_of_another_protocol(&self) -> bool {
        let body = self.data["body"].as_str().unwrap_or_default();
        self.is_wire && self.operation.starts_with("cloudwatch:") && body.starts_with('<')
    }

    /// How many of its texts are in what was read, and of how many.
    fn found_in(&self, read: &str) -> (usize, usize) {
        let mut texts = Vec::new();
        if !self.is_wire {
            collect(&self.data, &mut texts);
        }
        let found = texts
            .iter()
            .filter(|text| read.contains(&format!("{text:?}")) || read.contains(text.as_str()));
        (found.count(), texts.len())
    }

    /// AWS's code, where it is a refusal.
    fn code(&self) -> Option<String> {
        let parsed = self.data["Error"]["Code"].as_str().map(str::to_owned);
        let body = self.data["body"].as_str().unwrap_or_default();
        let in_body = body
            .split_once("<Code>")
            .and_then(|(_, rest)| rest.split('<').next())
            .map(str::to_owned);
        (self.status >= 400).then(|| parsed.or(in_body).unwrap_or_default())
    }
}

/// What leads to a next page.
const MARKERS: [&str; 5] = [
    "NextMarker",
    "NextToken",
    "nextToken",
    "NextContinuationToken",
    "Marker",
];

/// Takes what leads to a next page out of an answer.
fn end(data: &mut Value) {
    let Some(members) = data.as_object_mut() else { return };
    for marker in MARKERS {
        members.remove(marker);
    }
    if members.contains_key("IsTruncated") {
        members.insert("IsTruncated".to_owned(), Value::Bool(false));
    }
}

/// The texts of an answer that are no times.
fn collect(data: &Value, texts: &mut Vec<String>) {
    match data {
        Value::Object(members) if members.contains_key("__class__") => {}
        Value::Object(members) => {
            let members = members.iter().filter(|(name, _)| *name != "ResponseMetadata");
            members.for_each(|(_, value)| collect(value, texts));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::String(text) if text.len() > 2 => texts.push(text.clone()),
        _ => {}
    }
}

fn without_markers(body: &str) -> String {
    let mut body = body.replace("<IsTruncated>true<", "<IsTruncated>false<");
    for marker in MARKERS {
        let (opening, closing) = (format!("<{marker}>"), format!("</{marker}>"));
        if let Some((before, rest)) = body.split_once(&opening)
            && let Some((_, after)) = rest.split_once(&closing)
        {
            body = format!("{before}{after}");
        }
    }
    body
}

/// With what an account begins.
const IDENTITY: &str = "sts:GetCallerIdentity";

/// Makes the call that the recording answers.
async fn asked(recording: &Recording) -> (Replay, Call) {
    let source = recording.file.to_string_lossy();
    let mut script = Script::default().recorded(recording.operation, &source, recording.answer());
    if recording.status < 400 {
        script = script.recorded(recording.operation, &source, recording.last_page());
    }
    if recording.operation == IDENTITY {
        let replay = Replay::new(script);
        let connected = connect_to(replay.clone(), REGION).await;
        return (replay, connected.map(|account| account.reading().caller.clone()));
    }
    let account = of_root(script).await;
    let answer = call(&account, recording.operation).await;
    (account.replay, answer)
}

/// Pages asked for before a list counts as one that does not end.
const PAGES: usize = 3;

#[tokio::test]
async fn every_recorded_answer_is_read_and_every_list_of_them_ends() {
    let Some(folder) = std::env::var_os("CONFCTL_RECORDINGS").filter(|folder| !folder.is_empty()) else {
        say("skipped: CONFCTL_RECORDINGS names no folder of recordings");
        return;
    };
    let recordings = recordings(Path::new(&folder));
    assert!(!recordings.is_empty(), "{} has no recordings", folder.display());
    let (mut read, mut wrong, mut texts) = (BTreeMap::<&str, usize>::new(), Vec::new(), (0, 0));
    let (recordings, others): (Vec<_>, Vec<_>) = recordings.into_iter().partition(|one| !one.is_of_another_protocol());
    for recording in &recordings {
        let (replay, answer) = asked(recording).await;
        let said = match (recording.code(), answer) {
            (None, Ok(text)) => {
                let (found, all) = recording.found_in(&text);
                texts = (texts.0 + found, texts.1 + all);
                None
            }
            (Some(code), Err(error)) if error.is_code(&code) => None,
            (None, Err(error)) => Some(error.in_a_line()),
            (Some(code), answer) => Some(format!("a refusal, {code}, is read as {answer:?}")),
        };
        replay.check_markers();
        let pages = replay.times(recording.operation);
        let said = said.or_else(|| (pages > PAGES).then(|| format!("the list does not end: {pages} pages")));
        match said {
            None => *read.entry(recording.operation).or_default() += 1,
            Some(said) => wrong.push(format!("{}: {said}", recording.file.display())),
        }
    }
    say(&format!(
        "{} recorded answers of {} operations read, with {} of the {} texts in them; left out: {} of a protocol that confctl does not speak",
        read.values().sum::<usize>(),
        read.len(),
        texts.0,
        texts.1,
        others.len()
    ));
    assert!(
        wrong.is_empty(),
        "{} of {} not read:\n{}",
        wrong.len(),
        recordings.len(),
        wrong.join("\n")
    );
    // The others are constants, which the SDK shows by its own names, or of members that confctl's own clients leave unread.
    assert!(
        texts.0 * 2 > texts.1,
        "most of what was written back was not read: {texts:?}"
    );
}
