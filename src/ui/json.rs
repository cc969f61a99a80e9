//! JSON lines on standard output: one object a line, `{"v":1,"time":…,"type":…}`, the last one the summary.

use serde_json::{Value, json};

use super::out;
use super::render::{Cost, Heading};
use super::summary::Summary;
use crate::engine::{Error, Event, Kind, Planned, PlannedRemoval, Sink};
use crate::exit::Exit;

/// Prints one object. The given value's members follow the common ones.
pub(super) fn line(kind: &str, value: Value) {
    let mut object = json!({"v": 1, "time": jiff::Timestamp::now().to_string(), "type": kind});
    if let (Some(object), Value::Object(members)) = (object.as_object_mut(), value) {
        object.extend(members);
    }
    out(&object.to_string());
}

pub(super) struct JsonLines;

impl Sink for JsonLines {
    fn event(&self, event: Event) {
        match event {
            Event::Started {
                resource,
                title,
                action,
            } => {
                line(
                    "step.started",
                    json!({"resource": resource, "title": title, "action": action}),
                );
            }
            Event::Progress { resource, text } => line("step.progress", json!({"resource": resource, "text": text})),
            Event::Done {
                resource,
                title,
                action,
                seconds,
            } => line(
                "step.done",
                json!({"resource": resource, "title": title, "action": action, "seconds": round(seconds)}),
            ),
            Event::Failed {
                resource,
                title,
                action,
                error,
                left_behind,
            } => line(
                "step.failed",
                json!({"resource": resource, "title": title, "action": action, "error": of(&error), "left_behind": left_behind}),
            ),
            Event::Skipped {
                resource,
                title,
                because,
            } => {
                line(
                    "step.skipped",
                    json!({"resource": resource, "title": title, "because": because}),
                );
            }
            Event::Stopped {
                resource,
                title,
                action,
            } => {
                line(
                    "step.stopped",
                    json!({"resource": resource, "title": title, "action": action}),
                );
            }
            Event::Unforeseen {
                resource,
                title,
                fields,
            } => line(
                "step.unforeseen",
                json!({"resource": resource, "title": title, "fields": fields}),
            ),
            Event::Notice { text, hint } => line("notice", json!({"text": text, "hint": hint})),
        }
    }
}

pub(super) fn plan(heading: &Heading, planned: &[Planned], orphans: &[PlannedRemoval], cost: Option<&Cost>) {
    line(
        "plan",
        json!({"account": heading.account, "region": heading.region, "endpoint": heading.endpoint,
        "stack": heading.stack, "steps": planned, "orphans": orphans, "cost": cost}),
    );
}

pub(super) fn removal_plan(heading: &Heading, removals: &[PlannedRemoval]) {
    line(
        "plan",
        json!({"account": heading.account, "region": heading.region, "endpoint": heading.endpoint,
        "stack": heading.stack, "removals": removals}),
    );
}

pub(super) fn summary(summary: &Summary) {
    // What was to be kept, and what others use, stays however often the command is run.
    let resumable = match summary.exit {
        Exit::Partial => summary.errors.iter().any(|error| error.kind != Kind::Kept),
        exit => matches!(exit, Exit::Interrupted | Exit::Terminated),
    };
    let mut value = json!({
        "ok": summary.errors.is_empty() && matches!(summary.exit, Exit::Done | Exit::Pending),
        "stack": summary.stack,
        "seconds": round(summary.seconds),
        "exit_code": summary.exit as u8,
        "resumable": resumable,
        "outputs": summary.outputs,
    });
    if let (Some(object), Some(first)) = (value.as_object_mut(), summary.errors.first()) {
        object.insert("error".to_owned(), of(first));
        if summary.errors.len() > 1 {
            object.insert("errors".to_owned(), summary.errors.iter().map(of).collect());
        }
    }
    if let (Some(object), false) = (value.as_object_mut(), summary.left_behind.is_empty()) {
        object.insert("left_behind".to_owned(), json!(summary.left_behind));
    }
    line("summary", value);
}

fn of(error: &Error) -> Value {
    json!({"kind": error.kind, "code": error.code, "message": error.message, "cause": error.causes, "hint": error.hint})
}

fn round(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}
