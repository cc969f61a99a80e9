//! The journal of a run: intents for what cannot be tagged at birth, durable before the call that makes it.
//! One object per run, rewritten whole: S3 has no append.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::Mutex;

use super::Aws;
use super::record::Record;
use crate::engine::{Error, Intent, Journal};

const PREFIX: &str = "journal/";

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
            let line = serde_json::to_string(&intent)
                .map_err(|error| Error::failed("could not write a journal line").caused_by(error))?;
            // Held across the write: lines of two steps must not overtake each other.
            let mut lines = self.lines.lock().await;
            lines.push_str(&line);
            lines.push('\n');
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

/// Forgets every intent: what they were for is there and tagged.
///
/// # Errors
/// Where they cannot be deleted.
pub async fn settle(aws: &Aws, record: &Record) -> Result<(), Error> {
    let keys = record.list(aws, &record.key(PREFIX)).await?;
    record.delete_keys(aws, &keys).await
}
