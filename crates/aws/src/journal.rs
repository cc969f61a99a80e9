//! The journal of a run: intents for what cannot be tagged at birth, durable before the call that makes it.
//! One object per run, rewritten whole: S3 has no append.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::Mutex;

use super::Aws;
use super::record::Record;
use crate::engine::{Error, Intent, Journal};

const PREFIX: &str = "journal/";
/// What runs that ended well left unsettled.
pub const UNSETTLED: &str = "journal/unsettled.jsonl";

/// The journal of this run.
pub struct RunJournal {
    aws: Arc<Aws>,
    record: Record,
    name: String,
    lines: Mutex<String>,
}

impl RunJournal {
    /// `run` names the run; nothing is written before the first intent.
    pub fn new(aws: Arc<Aws>, record: Record, run: &str) -> Self {
        Self {
            aws,
            record,
            name: format!("{PREFIX}{run}.jsonl"),
            lines: Mutex::new(String::new()),
        }
    }
}

impl Journal for RunJournal {
    fn record(&self, intent: Intent) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let line = line(&intent)?;
            // Held across the write: lines of two steps must not overtake each other.
            let mut lines = self.lines.lock().await;
            lines.push_str(&line);
            self.record
                .write(&self.aws, &self.name, lines.clone().into_bytes())
                .await
        })
    }
}

/// Intents of runs that did not end well, oldest first. Lines that cannot be read are passed over: it is only a hint.
///
/// `keys` are those of the record.
///
/// # Errors
/// Where the journals cannot be read.
pub async fn unsettled(aws: &Aws, record: &Record, keys: &[String]) -> Result<Vec<Intent>, Error> {
    let mut intents = Vec::new();
    let names = keys.iter().filter_map(|key| key.strip_prefix(&record.prefix));
    for name in names.filter(|name| name.starts_with(PREFIX)) {
        let text = record.read(aws, name).await?.unwrap_or_default();
        let lines = String::from_utf8_lossy(&text);
        intents.extend(
            lines
                .lines()
                .filter_map(|line| serde_json::from_str::<Intent>(line).ok()),
        );
    }
    Ok(intents)
}

/// Forgets every intent but those that nothing settled yet: what the others were for is there and tagged.
///
/// # Errors
/// Where they cannot be written or deleted.
pub async fn settle(aws: &Aws, record: &Record, unsettled: &[Intent]) -> Result<(), Error> {
    let mut keys = record.list(aws, &record.key(PREFIX)).await?;
    if !unsettled.is_empty() {
        let lines: Result<Vec<_>, Error> = unsettled.iter().map(line).collect();
        // Before the others go: a run that ends here loses none.
        record.write(aws, UNSETTLED, lines?.concat().into_bytes()).await?;
        keys.retain(|key| *key != record.key(UNSETTLED));
    }
    record.delete_keys(aws, &keys).await
}

fn line(intent: &Intent) -> Result<String, Error> {
    let line = serde_json::to_string(intent);
    let line = line.map_err(|error| Error::failed("could not write a journal line").caused_by(error))?;
    Ok(format!("{line}\n"))
}
