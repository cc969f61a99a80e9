//! JSON lines on standard output: one object a line, `{"v":1,"time":…,"type":…}`, the last one the summary.

use std::sync::Arc;

use serde_json::{Value, json};

use super::hints::Run;
use super::out;
use super::progress::Progress;
use super::render::{Cost, Heading};
use super::summary::Summary;
use super::terminal;
use crate::engine::{Error, Event, Kind, Leg, Planned, PlannedRemoval, Sink};
use crate::exit::Exit;

/// Prints one object. The given value's members follow the common ones.
pub(super) fn line(run: &Run, kind: &str, value: Value) {
    out(&terminal::json(
        &object(run, kind, value, jiff::Timestamp::now()).to_string(),
    ));
}

pub(super) fn object(run: &Run, kind: &str, mut value: Value, time: jiff::Timestamp) -> Value {
    run.complete(&mut value);
    let mut object = json!({"v": 1, "time": time.to_string(), "type": kind});
    if let (Some(object), Value::Object(members)) = (object.as_object_mut(), value) {
        object.extend(members);
    }
    object
}

pub(super) struct JsonLines {
    run: Arc<Run>,
    progress: Progress,
}

impl JsonLines {
    pub(super) fn new(run: Arc<Run>) -> Self {
        let progress = Progress::default();
        Self { run, progress }
    }
}

impl Sink for JsonLines {
    fn event(&self, event: Event) {
        let left = self.progress.hear(&event);
        let (kind, mut value) = of_event(&event);
        left.add_to(&mut value);
        line(&self.run, kind, value);
    }
}

pub(super) fn of_event(event: &Event) -> (&'static str, Value) {
    match event {
        Event::Expected { steps } => (
            "run.expected",
            json!({"steps": steps.iter().map(|step| json!({"resource": step.resource, "usual_seconds": step.seconds.map(round)})).collect::<Vec<_>>()}),
        ),
        Event::Started {
            resource,
            title,
            action,
        } => (
            "step.started",
            json!({"resource": resource, "title": title, "action": action}),
        ),
        Event::Progress { resource, text } => ("step.progress", json!({"resource": resource, "text": text})),
        Event::Done {
            resource,
            title,
            action,
            seconds,
        } => (
            "step.done",
            json!({"resource": resource, "title": title, "action": action, "seconds": round(*seconds)}),
        ),
        Event::Failed {
            resource,
            title,
            action,
            error,
            left_behind,
        } => (
            "step.failed",
            json!({"resource": resource, "title": title, "action": action, "error": of(error), "left_behind": left_behind}),
        ),
        Event::Skipped {
            resource,
            title,
            because,
        } => (
            "step.skipped",
            json!({"resource": resource, "title": title, "because": because}),
        ),
        Event::Stopped {
            resource,
            title,
            action,
        } => (
            "step.stopped",
            json!({"resource": resource, "title": title, "action": action}),
        ),
        Event::Unforeseen {
            resource,
            title,
            fields,
        } => (
            "step.unforeseen",
            json!({"resource": resource, "title": title, "fields": fields}),
        ),
        Event::Notice { text, hint } => ("notice", json!({"text": text, "hint": hint})),
    }
}

pub(super) fn plan(heading: &Heading, planned: &[Planned], orphans: &[PlannedRemoval], cost: Option<&Cost>) -> Value {
    json!({"account": heading.account, "region": heading.region, "endpoint": heading.endpoint,
        "stack": heading.stack, "steps": planned, "orphans": orphans, "cost": cost})
}

pub(super) fn removal_plan(heading: &Heading, removals: &[PlannedRemoval]) -> Value {
    json!({"account": heading.account, "region": heading.region, "endpoint": heading.endpoint,
        "stack": heading.stack, "removals": removals})
}

pub(super) fn summary(summary: &Summary, legs: &[Leg]) -> Value {
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
    if let (Some(object), false) = (value.as_object_mut(), legs.is_empty()) {
        object.insert("critical_path".to_owned(), legs.iter().map(leg).collect());
    }
    if let (Some(object), Some(first)) = (value.as_object_mut(), summary.errors.first()) {
        object.insert("error".to_owned(), of(first));
        if summary.errors.len() > 1 {
            object.insert("errors".to_owned(), summary.errors.iter().map(of).collect());
        }
    }
    if let (Some(object), false) = (value.as_object_mut(), summary.left_behind.is_empty()) {
        object.insert("left_behind".to_owned(), json!(summary.left_behind));
    }
    value
}

fn of(error: &Error) -> Value {
    json!({"kind": error.kind, "code": error.code, "message": error.message, "cause": error.causes, "hint": error.hint})
}

fn leg(leg: &Leg) -> Value {
    json!({"resource": leg.resource, "title": leg.title, "until": leg.until, "seconds": round(leg.seconds)})
}

fn round(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}
