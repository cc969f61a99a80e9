//! The file that is being written: `FILE.part`, and beside it how far it has come. Whole, it takes its name, and is on the disk.
//! For its owner only: it is full of addresses.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tempfile::NamedTempFile;
use thiserror::Error;

use crate::cells::cell;
use crate::{Format, Row};

/// What is to be written where.
#[derive(Debug, Clone)]
pub struct Plan {
    pub path: PathBuf,
    pub format: Format,
    /// What is read, so that an export of another table does not go on where this one was: the table's ARN and the like.
    pub source: String,
    /// The attribute by which a row is known, which is the first column.
    pub key: String,
    /// The further columns of a CSV file.
    pub columns: Vec<String>,
    /// Rows with such a key are counted and left out.
    pub leaves_out: fn(&str) -> bool,
}

/// How far it has come, as kept beside the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    source: String,
    format: Format,
    /// Of the file, that are complete pages.
    bytes: u64,
    rows: u64,
    left_out: u64,
    /// The key behind which the next page begins; `None` at the beginning.
    next: Option<String>,
    /// Attributes that have no column.
    without_column: BTreeSet<String>,
}

/// An export on its way.
#[derive(Debug)]
pub struct Export {
    plan: Plan,
    part: File,
    progress: Progress,
    resumed: bool,
}

/// An export that is whole and on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub path: PathBuf,
    pub rows: u64,
    pub left_out: u64,
    /// Attributes that a CSV file has no column for.
    pub without_column: BTreeSet<String>,
}

/// Why it cannot be written.
#[derive(Debug, Error)]
pub enum ExportError {
    #[error("{} is there already", .0.display())]
    Taken(PathBuf),
    #[error("another export is writing {}", .0.display())]
    Busy(PathBuf),
    #[error("{} is of another table or another form", .0.display())]
    OfAnother(PathBuf),
    #[error("{} cannot be written: {source}", .path.display())]
    Unwritable { path: PathBuf, source: io::Error },
}

/// Names are kept of so many attributes only: rows may have any.
const MOST_NAMES: usize = 20;

impl Export {
    /// Begins, or goes on where an interrupted one was.
    ///
    /// # Errors
    /// Where something of that name is there, or nothing can be written.
    pub fn open(plan: Plan) -> Result<Self, ExportError> {
        if plan.path.symlink_metadata().is_ok() {
            return Err(ExportError::Taken(plan.path));
        }
        let place = part(&plan.path);
        let unwritable = |source| unwritable(&place, source);
        let mut open = OpenOptions::new();
        open.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = open.open(&place).map_err(unwritable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ExportError::Busy(place)),
            Err(TryLockError::Error(error)) => return Err(unwritable(error)),
        }
        let length = file.metadata().map_err(unwritable)?.len();
        let kept = read_progress(&plan.path).filter(|kept| kept.bytes <= length);
        let resumed = kept.is_some();
        if kept
            .as_ref()
            .is_some_and(|kept| kept.source != plan.source || kept.format != plan.format)
        {
            return Err(ExportError::OfAnother(place));
        }
        let mut export = Self {
            progress: kept.unwrap_or_else(|| Progress::beginning(&plan)),
            part: file,
            plan,
            resumed,
        };
        export.begin()?;
        Ok(export)
    }

    /// Whether it goes on where another was.
    pub fn resumed(&self) -> bool {
        self.resumed
    }

    /// The key behind which the next page begins.
    pub fn next(&self) -> Option<&str> {
        self.progress.next.as_deref()
    }

    pub fn rows(&self) -> u64 {
        self.progress.rows
    }

    /// Drops what is behind the last complete page, and writes the head where there is nothing yet.
    fn begin(&mut self) -> Result<(), ExportError> {
        let place = part(&self.plan.path);
        let end = self.progress.bytes;
        let there = self
            .part
            .set_len(end)
            .and_then(|()| self.part.seek(SeekFrom::Start(end)));
        there.map_err(|source| unwritable(&place, source))?;
        if end == 0 && self.plan.format == Format::Csv {
            let mut head = csv::Writer::from_writer(Vec::new());
            let written = head.write_record(self.columns());
            let bytes = written.map_err(io::Error::from).and_then(|()| finished(head));
            self.append(&bytes.map_err(|source| unwritable(&place, source))?)?;
        }
        Ok(())
    }

    fn columns(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.plan.key.as_str()).chain(self.plan.columns.iter().map(String::as_str))
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        let written = self.part.write_all(bytes);
        written.map_err(|source| unwritable(&part(&self.plan.path), source))?;
        self.progress.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Writes a page; `next` is the key behind which the following begins.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn page(&mut self, rows: impl IntoIterator<Item = Row>, next: Option<&str>) -> Result<(), ExportError> {
        let mut kept = Vec::new();
        for row in rows {
            let key = row.get(&self.plan.key).and_then(Value::as_str).unwrap_or_default();
            if (self.plan.leaves_out)(key) {
                self.progress.left_out += 1;
            } else {
                kept.push(row);
            }
        }
        let bytes = match self.plan.format {
            Format::Csv => self.as_csv(&kept),
            Format::Jsonl => as_lines(&kept),
        };
        let place = part(&self.plan.path);
        self.append(&bytes.map_err(|source| unwritable(&place, source))?)?;
        self.progress.rows += kept.len() as u64;
        self.progress.next = next.map(str::to_owned);
        // In this order: what is said to be there is there.
        self.part.sync_data().map_err(|source| unwritable(&place, source))?;
        write_progress(&self.plan.path, &self.progress)
    }

    fn as_csv(&mut self, rows: &[Row]) -> io::Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in rows {
            writer.write_record(self.columns().map(|column| cell(row.get(column)).into_owned()))?;
            for name in row.keys() {
                let has_column = *name == self.plan.key || self.plan.columns.contains(name);
                if !has_column && self.progress.without_column.len() < MOST_NAMES {
                    self.progress.without_column.insert(name.clone());
                }
            }
        }
        finished(writer)
    }

    /// Gives the file its name, once all of it is on the disk.
    ///
    /// # Errors
    /// Where it cannot be: what is written stays, and the next export goes on from there.
    pub fn finish(self) -> Result<Written, ExportError> {
        let path = self.plan.path.clone();
        let failed = |source| unwritable(&path, source);
        self.part.sync_all().map_err(failed)?;
        if path.symlink_metadata().is_ok() {
            return Err(ExportError::Taken(path));
        }
        fs_err::rename(part(&path), &path).map_err(failed)?;
        File::open(folder(&path))
            .and_then(|folder| folder.sync_all())
            .map_err(failed)?;
        // It only says how far a file is that is no longer there.
        let _ = fs_err::remove_file(progress(&path));
        Ok(Written {
            path,
            rows: self.progress.rows,
            left_out: self.progress.left_out,
            without_column: self.progress.without_column,
        })
    }
}

impl Progress {
    fn beginning(plan: &Plan) -> Self {
        Self {
            source: plan.source.clone(),
            format: plan.format,
            bytes: 0,
            rows: 0,
            left_out: 0,
            next: None,
            without_column: BTreeSet::new(),
        }
    }
}

fn as_lines(rows: &[Row]) -> io::Result<Vec<u8>> {
    let mut lines = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut lines, row)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

fn finished(writer: csv::Writer<Vec<u8>>) -> io::Result<Vec<u8>> {
    writer.into_inner().map_err(|error| error.into_error())
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn part(path: &Path) -> PathBuf {
    beside(path, ".part")
}

fn progress(path: &Path) -> PathBuf {
    beside(path, ".part.json")
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn read_progress(path: &Path) -> Option<Progress> {
    let text = fs_err::read(progress(path)).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Whole or not at all.
fn write_progress(path: &Path, how_far: &Progress) -> Result<(), ExportError> {
    let place = progress(path);
    let written = NamedTempFile::new_in(folder(path)).and_then(|mut file| {
        serde_json::to_writer(&mut file, how_far)?;
        file.as_file().sync_data()?;
        file.persist(&place).map_err(|error| error.error)
    });
    written.map(drop).map_err(|source| unwritable(&place, source))
}

fn unwritable(path: &Path, source: io::Error) -> ExportError {
    ExportError::Unwritable {
        path: path.to_owned(),
        source,
    }
}
