//! The JSON Schema of a profile, made of the list of keys: editors complete and check a file by it.
//! What it cannot say (patterns of names, what goes together) is in its descriptions; `load` checks all of it.

use serde_json::{Map, Value, json};

use super::key::{Key, Takes};
use super::keys::{KEYS, SECTIONS};

/// Draft 7 is what editors of TOML know.
pub fn json_schema() -> Value {
    let mut properties = Map::new();
    for (section, about) in SECTIONS {
        let of_section = KEYS.iter().filter(|key| key.path.split('.').next() == Some(*section));
        properties.insert((*section).to_owned(), section_schema(about, section, of_section));
    }
    for key in KEYS {
        match key.path.split_once('.') {
            None => properties.insert(key.path.to_owned(), key_schema(key)),
            Some((name, "*")) => properties.insert(name.to_owned(), names_schema(key)),
            Some(_) => None,
        };
    }
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A profile of confctl",
        "description": "What a stack is to be. Every key has a default: the article's value.",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}

fn section_schema(about: &str, section: &str, keys: impl Iterator<Item = &'static Key>) -> Value {
    let mut properties = Map::new();
    for key in keys {
        let name = key
            .path
            .strip_prefix(section)
            .unwrap_or_default()
            .trim_start_matches('.');
        match name.strip_suffix(".*") {
            None => properties.insert(name.to_owned(), key_schema(key)),
            Some(name) => properties.insert(name.to_owned(), names_schema(key)),
        };
    }
    json!({"description": about, "type": "object", "additionalProperties": false, "properties": properties})
}

/// Any name may have such a value.
fn names_schema(key: &Key) -> Value {
    json!({"description": key.about, "type": "object", "additionalProperties": takes(key.takes)})
}

fn key_schema(key: &Key) -> Value {
    let mut schema = takes(key.takes);
    let default = key.default().and_then(|value| serde_json::to_value(value).ok());
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), described(key).into());
        schema.extend(default.map(|default| ("default".to_owned(), default)));
    }
    schema
}

fn takes(takes: Takes) -> Value {
    match takes {
        Takes::Text(..) => json!({"type": "string"}),
        Takes::Texts(..) => json!({"type": "array", "items": {"type": "string"}}),
        Takes::Word(words) => json!({"type": "string", "enum": words}),
        Takes::Whole(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Takes::WholeOf(numbers) => json!({"type": "integer", "enum": numbers}),
        Takes::Number => json!({"type": "number", "minimum": 0}),
        Takes::Bool => json!({"type": "boolean"}),
    }
}

fn described(key: &Key) -> String {
    let mut text = key.about.to_owned();
    if matches!(key.takes, Takes::Text(..) | Takes::Texts(..)) {
        text.push_str(&format!("\nAllowed: {}.", key.allowed()));
    }
    if let Some(unset) = key.unset {
        text.push_str(&format!("\nWhere it is not set: {unset}."));
    }
    if let Some(with) = key.with {
        text.push_str(&format!("\nCounts with {} only.", with.as_str()));
    }
    text.push_str(&format!("\nA change of it on a stack that is up: {}.", key.changes));
    text
}
