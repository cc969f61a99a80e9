//! Reports of measurements: one HTML file that needs nothing else, and the numbers in JSON beside it.
//! Must know nothing of AWS, of the terminal, or of how anything was measured.

mod chart;
mod html;
pub mod load;
pub mod stress;

use std::path::{Path, PathBuf};

use serde_json::Value;

pub use chart::{Band, Chart, Hue, Series, Shape, Span, Threshold, TimeLine, clock};

/// What is told.
pub struct Report {
    pub title: String,
    pub verdict: Verdict,
    /// Name and value, in the order in which they are read.
    pub facts: Vec<(String, String)>,
    pub figures: Vec<Figure>,
    pub tables: Vec<Table>,
    pub notes: Vec<String>,
}

/// How it came out, in a sentence.
pub struct Verdict {
    pub good: bool,
    pub text: String,
}

pub enum Figure {
    Chart(Chart),
    TimeLine(TimeLine),
}

pub struct Table {
    pub title: String,
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error("a chart could not be drawn: {0}")]
    Chart(String),
    #[error(transparent)]
    File(#[from] std::io::Error),
}

/// Where a command's report goes if nobody says so: in the current directory, told from other runs by the time.
pub fn default_path(command: &str, began: jiff::Timestamp) -> PathBuf {
    PathBuf::from(format!("confctl-{command}-{}.html", began.strftime("%Y%m%dT%H%M%SZ")))
}

/// Writes `path`, and the numbers beside it with the ending `.json`. Gives the path of the numbers.
///
/// # Errors
/// Where a file cannot be written.
pub fn write(path: &Path, report: &Report, numbers: &Value) -> Result<PathBuf, ReportError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs_err::create_dir_all(folder)?;
    }
    fs_err::write(path, html::page(report)?)?;
    let beside = path.with_extension("json");
    fs_err::write(&beside, format!("{numbers:#}\n"))?;
    Ok(beside)
}
