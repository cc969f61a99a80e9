//! Where each key and value of a TOML text stands, so that an error can point at it.
//! Knows nothing of which keys there should be.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The spans of one text.
pub(super) struct Spans<'t> {
    text: &'t str,
    entries: Vec<Entry>,
}

struct Entry {
    path: Vec<String>,
    key: Range<usize>,
    value: Range<usize>,
}

impl<'t> Spans<'t> {
    /// Reads `text`; the error is TOML's own.
    pub(super) fn of(text: &'t str) -> Result<Self, toml::de::Error> {
        let table = DeTable::parse(text)?;
        let mut entries = Vec::new();
        collect(table.get_ref(), &mut Vec::new(), &mut entries);
        Ok(Self { text, entries })
    }

    /// The span of the key at this path.
    pub(super) fn key(&self, path: &[String]) -> Option<Range<usize>> {
        self.find(path).map(|entry| entry.key.clone())
    }

    /// The span of the value at this path.
    pub(super) fn value(&self, path: &[String]) -> Option<Range<usize>> {
        self.find(path).map(|entry| entry.value.clone())
    }

    fn find(&self, path: &[String]) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.path == path)
    }

    /// Line and column of a byte, both from 1; the column counts characters.
    pub(super) fn line_and_column(&self, offset: usize) -> (usize, usize) {
        line_and_column(self.text, offset)
    }
}

/// Line and column of a byte of `text`, both from 1; the column counts characters.
pub(super) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (
        before.matches('\n').count() + 1,
        before[line_start..].chars().count() + 1,
    )
}

fn collect(table: &DeTable<'_>, path: &mut Vec<String>, entries: &mut Vec<Entry>) {
    for (key, value) in table {
        path.push(key.get_ref().to_string());
        entries.push(Entry {
            path: path.clone(),
            key: key.span(),
            value: value.span(),
        });
        if let DeValue::Table(inner) = Spanned::get_ref(value) {
            collect(inner, path, entries);
        }
        path.pop();
    }
}
