//! What a value looks like in a spreadsheet, and what it must not do there.
//! Knows nothing of files.

use std::borrow::Cow;

use serde_json::Value;

/// A cell that begins so is a formula to a spreadsheet, which runs it: with another program's help, too. The wide forms are what
/// some take for the same (OWASP, CSV Injection).
const RUNS: &[char] = &['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// The text as a cell that is only shown: behind an apostrophe where it would be run.
pub fn harmless(text: &str) -> Cow<'_, str> {
    match text.starts_with(RUNS) {
        true => Cow::Owned(format!("'{text}")),
        false => Cow::Borrowed(text),
    }
}

/// A value in a cell. Numbers are what they are; lists and maps are JSON.
pub(crate) fn cell(value: Option<&Value>) -> Cow<'_, str> {
    match value {
        None | Some(Value::Null) => Cow::Borrowed(""),
        Some(Value::String(text)) => harmless(text),
        Some(value) => Cow::Owned(value.to_string()),
    }
}
