//! The JSON Schema of the lines that `json` prints. Every story of the tests is held against it.
//! Must know nothing of what a run is about.

use serde_json::{Map, Value, json};

use crate::engine::{Action, Effect, Kind, Stays};
use crate::exit::Exit;

/// Every line has these. Then its own follow.
const COMMON: [&str; 3] = ["v", "time", "type"];

/// One line is one of these.
pub(crate) fn event_schema() -> Value {
    let lines = [
        ("plan", plan()),
        (
            "run.expected",
            left(object(json!({"steps": list("expected")}), json!({}))),
        ),
        ("step.started", left(step(json!({}), json!({})))),
        (
            "step.progress",
            left(object(json!({"resource": text(), "text": text()}), measured())),
        ),
        ("step.done", left(step(json!({"seconds": number()}), json!({})))),
        (
            "step.failed",
            left(step(
                json!({"error": refer("error"), "left_behind": list("leftover")}),
                json!({}),
            )),
        ),
        ("step.skipped", left(of_resource(json!({"because": text()}), json!({})))),
        ("step.stopped", left(step(json!({}), json!({})))),
        (
            "step.unforeseen",
            left(of_resource(json!({"fields": list("field")}), json!({}))),
        ),
        (
            "notice",
            left(object(json!({"text": text(), "hint": or_null("string")}), json!({}))),
        ),
        ("event", told_event()),
        (
            "log",
            object(
                json!({"at": or_null("string"), "source": text(), "file": text(), "message": text()}),
                json!({}),
            ),
        ),
        (
            "status",
            object(
                json!({
                    "resources": {"type": "array"},
                    "environment": or_null("object"),
                    "site_url": or_null("string"),
                    "events": {"type": "array", "items": told_event()},
                    "trouble": or_null("string"),
                }),
                json!({}),
            ),
        ),
        ("inventory", object(json!({"resources": {"type": "array"}}), json!({}))),
        ("dns", object(json!({"records": {"type": "object"}}), json!({}))),
        ("faults", object(json!({"faults": {"type": "array"}}), json!({}))),
        ("summary", summary()),
    ];
    let names: Vec<_> = lines.iter().map(|(name, _)| refer(&format!("line.{name}"))).collect();
    let mut definitions = parts();
    for (name, line) in lines {
        definitions.insert(format!("line.{name}"), of_type(name, line));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line that confctl prints with -o json",
        "description": "The last line of every command is its summary. Later versions may add types and members.",
        "oneOf": names,
        "$defs": definitions,
    })
}

fn plan() -> Value {
    let place = json!({"account": text(), "region": text(), "endpoint": or_null("string"), "stack": text()});
    let cost = json!({"oneOf": [{"type": "null"}, refer("cost")]});
    // Of `teardown` it has removals, of all others the rest.
    object(
        place,
        json!({"steps": list("planned"), "orphans": list("removal"), "cost": cost, "removals": list("removal")}),
    )
}

/// What Beanstalk tells of an environment.
fn told_event() -> Value {
    let told = json!({"at": text(), "severity": text(), "message": text()});
    let of_some = json!({"version_label": or_null("string"), "request_id": or_null("string")});
    object(with(&told, of_some), json!({}))
}

fn summary() -> Value {
    let codes: Vec<u8> = Exit::ALL.iter().map(|exit| *exit as u8).collect();
    object(
        json!({
            "ok": boolean(),
            "stack": or_null("string"),
            "seconds": number(),
            "exit_code": {"enum": codes},
            "resumable": boolean(),
            "outputs": {"type": "object"},
        }),
        json!({
            "critical_path": list("leg"),
            "error": refer("error"),
            "errors": list("error"),
            "left_behind": list("leftover"),
        }),
    )
}

/// What lines are made of.
fn parts() -> Map<String, Value> {
    let changes = ["create", "update", "keep", "use", "blocked"];
    let removals = ["delete", "leave", "absent", "blocked"];
    let blocked = json!({"reason": text(), "hint": text()});
    let parts = [
        (
            "expected",
            object(
                json!({"resource": text(), "usual_seconds": or_null("number")}),
                json!({}),
            ),
        ),
        (
            "planned",
            of_resource(
                json!({"change": {"enum": changes}, "settling": or_null("string")}),
                with(
                    &blocked,
                    json!({"fields": list("field"), "remarks": {"type": "array", "items": text()}}),
                ),
            ),
        ),
        (
            "removal",
            of_resource(
                json!({"removal": {"enum": removals}}),
                with(
                    &blocked,
                    json!({"loses": or_null("string"), "stays": words(&[Stays::NotOurs, Stays::Unproven, Stays::OtherStacks, Stays::Kept])}),
                ),
            ),
        ),
        ("field", field()),
        (
            "error",
            object(
                json!({
                    "kind": words(Kind::ALL),
                    "code": or_null("string"),
                    "message": text(),
                    "cause": {"type": "array", "items": text()},
                    "hint": or_null("string"),
                }),
                json!({}),
            ),
        ),
        (
            "leftover",
            object(json!({"what": text(), "costs": boolean()}), json!({})),
        ),
        (
            "leg",
            of_resource(json!({"seconds": number(), "until": or_null("string")}), json!({})),
        ),
        (
            "cost",
            object(
                json!({"hour": number(), "month": number(), "million_requests": number(), "note": text()}),
                json!({}),
            ),
        ),
    ];
    parts.into_iter().map(|(name, part)| (name.to_owned(), part)).collect()
}

fn field() -> Value {
    let effects = [
        Effect::None,
        Effect::Restart,
        Effect::ReplaceInstances,
        Effect::Interrupt,
    ];
    object(
        json!({"field": text(), "from": or_null("string"), "to": or_null("string"), "effect": words(&effects)}),
        json!({"awaits": text(), "passes_by_itself": boolean()}),
    )
}

/// What `load` and `stress` measure on the way.
fn measured() -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    json!({
        "arrived": count, "present": count, "accepted": count, "shed": count, "errors": count,
        "cpu": or_null("number"), "alarm": text(), "instances": count, "health": or_null("string"),
    })
}

/// A step: what is done to a resource.
fn step(required: Value, optional: Value) -> Value {
    let actions = [Action::Create, Action::Update, Action::Delete, Action::Settle];
    of_resource(with(&required, json!({"action": words(&actions)})), optional)
}

fn of_resource(required: Value, optional: Value) -> Value {
    object(with(&required, json!({"resource": text(), "title": text()})), optional)
}

/// With how long it still takes, where that is known, and with the stack where a command is about several.
fn left(mut line: Value) -> Value {
    let left = json!({
        "stack": text(),
        "remaining_seconds": number(),
        "longer_than_usual_seconds": number(),
        "run_remaining_seconds": number(),
    });
    line["properties"] = with(&line["properties"], left);
    line
}

/// A whole line: with what all have.
fn of_type(name: &str, mut line: Value) -> Value {
    let common = json!({"v": {"const": 1}, "time": {"type": "string", "format": "date-time"}, "type": {"const": name}});
    line["properties"] = with(&line["properties"], common);
    if let Some(required) = line["required"].as_array_mut() {
        required.extend(COMMON.map(Value::from));
    }
    line
}

/// Nothing but these members.
fn object(required: Value, optional: Value) -> Value {
    let names: Vec<_> = required.as_object().into_iter().flat_map(Map::keys).cloned().collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": names,
        "properties": with(&required, optional),
    })
}

fn with(members: &Value, more: Value) -> Value {
    let mut all = members.as_object().cloned().unwrap_or_default();
    if let Value::Object(more) = more {
        all.extend(more);
    }
    Value::Object(all)
}

fn words<T: serde::Serialize>(all: &[T]) -> Value {
    json!({"enum": all})
}

fn list(of: &str) -> Value {
    json!({"type": "array", "items": refer(of)})
}

fn refer(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

fn text() -> Value {
    json!({"type": "string"})
}

fn number() -> Value {
    json!({"type": "number"})
}

fn boolean() -> Value {
    json!({"type": "boolean"})
}

fn or_null(kind: &str) -> Value {
    json!({"type": [kind, "null"]})
}
