//! A profile key by key, with the value of each: for what lists profiles and what compares them.
//! Knows nothing of where a value comes from.

use toml::{Table, Value};

use super::key::Key;
use super::keys::{KEYS, Profile};

/// One value of a profile, or that there is none.
#[derive(Clone, Debug)]
pub struct Setting {
    pub key: &'static Key,
    /// Its place; of a property or a tag it ends in its name.
    pub path: Vec<String>,
    /// `None` where it is not set, and something else counts (`key.unset`).
    pub value: Option<Value>,
}

impl Setting {
    /// The path as TOML writes it.
    pub fn name(&self) -> String {
        let parts = self.path.iter().map(|part| toml_edit::Key::new(part).to_string());
        parts.collect::<Vec<_>>().join(".")
    }

    /// Whether the value may be a secret or somebody's address, which are not for logs.
    pub fn is_private(&self) -> bool {
        self.key.path.starts_with("app.properties.") || self.key.path.starts_with("notifications.")
    }
}

impl Profile {
    /// Every value, in the order of the keys.
    pub fn settings(&self) -> Vec<Setting> {
        // What cannot be written as TOML could not be read from it.
        let table = Table::try_from(self).unwrap_or_default();
        KEYS.iter().flat_map(|key| of_key(key, &table)).collect()
    }
}

fn of_key(key: &'static Key, table: &Table) -> Vec<Setting> {
    let setting = |path: Vec<String>, value| Setting { key, path, value };
    match key.path.strip_suffix(".*") {
        None => vec![setting(parts(key.path), found(table, key.path).cloned())],
        Some(section) => {
            let named = found(table, section).and_then(Value::as_table).into_iter().flatten();
            let path = |name: &String| [parts(section), vec![name.clone()]].concat();
            named
                .map(|(name, value)| setting(path(name), Some(value.clone())))
                .collect()
        }
    }
}

fn parts(path: &str) -> Vec<String> {
    path.split('.').map(str::to_owned).collect()
}

fn found<'a>(table: &'a Table, path: &str) -> Option<&'a Value> {
    let mut parts = path.split('.');
    let first = table.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}
