//! `--set key=value`: one change of a profile from the command line, applied to its document.
//! Whether the result is a valid profile is seen by the same checks as for a file.

use toml_edit::{DocumentMut, Item, Key, Table, Value};

use super::key::{self, Takes};
use super::schema;
use super::validate::Finding;

/// A parsed `--set`.
#[derive(Clone, Debug)]
pub(super) struct Set {
    flag: String,
    path: Vec<String>,
    /// `None` takes the key out of the document, so that its default holds.
    value: Option<Value>,
}

impl Set {
    /// Reads `key=value`. The value is taken as the key wants it: text needs no quotes, a list may be written `a,b`, and
    /// nothing at all brings the default back.
    pub(super) fn parse(text: &str) -> Result<Self, Finding> {
        let example = "allowed: key=value, as `--set scaling.max=8`";
        let (key, value) = text
            .split_once('=')
            .ok_or_else(|| Finding::about_key(&[], "there is no `=`", example))?;
        let path = path(key.trim()).ok_or_else(|| Finding::about_key(&[], format!("`{key}` is no key"), example))?;
        if key::find(&path).is_none() && !key::is_section(&path) {
            return Err(schema::unknown(&path));
        }
        let value = (!value.is_empty()).then(|| typed(&path, value));
        Ok(Self {
            flag: flag(text),
            path,
            value,
        })
    }

    /// The flag as it was typed.
    pub(super) fn flag(&self) -> &str {
        &self.flag
    }

    /// Whether this sets the key at `path`, or the section that it is in, or something in it.
    pub(super) fn is_about(&self, path: &[String]) -> bool {
        self.path.starts_with(path) || path.starts_with(&self.path)
    }

    /// Changes the document. The error is for a path that leads through something that is no section.
    pub(super) fn apply(&self, document: &mut DocumentMut) -> Result<(), Finding> {
        let Some((last, sections)) = self.path.split_last() else {
            return Ok(());
        };
        let mut table: &mut dyn toml_edit::TableLike = document.as_table_mut();
        for (depth, section) in sections.iter().enumerate() {
            let entry = table.entry(section).or_insert_with(|| Item::Table(Table::new()));
            table = entry.as_table_like_mut().ok_or_else(|| {
                let path = &self.path[..=depth];
                Finding::about_value(
                    path,
                    format!("`{}` is not a section", path.join(".")),
                    "give its keys one by one",
                )
            })?;
        }
        match &self.value {
            Some(value) => table.insert(last, Item::Value(value.clone())),
            None => table.remove(last),
        };
        Ok(())
    }
}

/// A `--set` as it was typed.
pub(super) fn flag(text: &str) -> String {
    format!("--set {text}")
}

/// The parts of a dotted key. The name of a tag or a property is the rest as it stands: it may have dots and colons.
fn path(key: &str) -> Option<Vec<String>> {
    for free in ["tags", "app.properties"] {
        if let Some(name) = key.strip_prefix(free).and_then(|rest| rest.strip_prefix('.'))
            && !name.starts_with(['"', '\''])
        {
            return Some(free.split('.').chain([name]).map(String::from).collect());
        }
    }
    let parts = Key::parse(key).ok()?;
    Some(parts.iter().map(|part| part.get().to_string()).collect())
}

fn typed(path: &[String], text: &str) -> Value {
    let parsed = text.trim().parse::<Value>().ok();
    match (key::find(path).map(|key| key.takes), parsed) {
        // 123456789012 is an account and 1.10 a label: text, whatever TOML would make of it.
        (Some(Takes::Text(..) | Takes::Word(_)), Some(value)) if value.is_str() => value,
        (Some(Takes::Text(..) | Takes::Word(_)), _) => Value::from(text),
        (Some(Takes::Texts(..)), Some(value)) if value.is_array() => value,
        (Some(Takes::Texts(..)), Some(value)) if value.is_str() => Value::from_iter([value]),
        (Some(Takes::Texts(..)), _) => text.split(',').map(str::trim).collect(),
        (_, Some(value)) => value,
        (_, None) => Value::from(text),
    }
}
