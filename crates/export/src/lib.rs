//! Registrations into a file that people open in a spreadsheet or programs read line by line: page by page, so that a million take
//! no more memory than a page, and so that what was interrupted goes on where it was.
//! Must know nothing of where rows come from.

mod cells;
mod file;

pub use cells::harmless;
pub use file::{Export, ExportError, Plan, Written};

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// One registration: its attributes by name.
pub type Row = serde_json::Map<String, serde_json::Value>;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A line each, quoted as RFC 4180 has it, with a head; cells that a spreadsheet would run are made text.
    Csv,
    /// A JSON object each, as it was stored.
    Jsonl,
}

impl Format {
    /// By the name of the file.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            _ => None,
        }
    }
}

/// A small CSV file: a head, and rows of texts that are only shown.
///
/// # Errors
/// Where a row is not as long as the head.
pub fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(head)?;
    for row in rows {
        writer.write_record(row.iter().map(|text| harmless(text).into_owned()))?;
    }
    writer.into_inner().map_err(|error| error.into_error())
}

#[cfg(test)]
mod tests;
