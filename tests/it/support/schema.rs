//! What `profile schema --events` says of JSON lines, and whether a line is one: by its type and the names of its members.
//! Types and values are looked at by a validator, in `schemas`: that would take too long here.

use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// # Panics
/// Where the line has a member, or lacks one, that the schema does not know of.
#[track_caller]
pub fn describes(line: &Value) {
    static LINES: OnceLock<Value> = OnceLock::new();
    let lines = LINES.get_or_init(|| {
        let confctl = Command::new(env!("CARGO_BIN_EXE_confctl"))
            .args(["profile", "schema", "--events"])
            .output();
        serde_json::from_slice(&confctl.unwrap().stdout).unwrap()
    });
    let kind = line["type"].as_str().unwrap_or_default();
    let described = &lines["$defs"][format!("line.{kind}")];
    assert!(
        described.is_object(),
        "src/ui/schema.rs does not know lines of the type '{kind}': {line}"
    );
    let members = line.as_object().unwrap();
    for name in members.keys() {
        let known = described["properties"].get(name).is_some();
        assert!(known, "src/ui/schema.rs does not know '{name}' of '{kind}': {line}");
    }
    for name in described["required"].as_array().unwrap() {
        assert!(members.contains_key(name.as_str().unwrap()), "no {name} in {line}");
    }
}
