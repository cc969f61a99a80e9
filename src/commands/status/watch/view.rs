//! How what is watched looks: the parts of a screen, and the lines of what changed where there is no screen.
//! Pure. Must know nothing of how it was read.

use jiff::Timestamp;
use serde_json::Value;

use super::super::Row;
use super::Known;
use crate::engine::counted;
use crate::resources::looking::events::Event;
use crate::resources::looking::snapshot::{Alarm, Instance, Requests, Snapshot};
use crate::ui::{Column, Heading, Part, Piece, Tone};

/// From so many columns on there is room for where an instance is, and for what it is.
const WIDE: usize = 120;

/// Causes that are shown: the first ones matter most.
const CAUSES: usize = 4;

pub(super) fn parts(known: &Known, heading: &Heading) -> Vec<Part> {
    let place = format!(" in {}, profile {}", heading.place(), heading.profile);
    let mut parts = vec![
        Part::Folded(vec![
            Piece::new(heading.stack.as_str(), Tone::Strong),
            Piece::plain(place),
        ]),
        Part::Lines(top(known)),
    ];
    let day = Day::of(known);
    if let Some(seen) = &known.snapshot {
        parts.push(Part::Table {
            columns: vec![
                Column::always("INSTANCE"),
                Column::always("HEALTH"),
                Column::number("CPU"),
                Column::number("REQ/S"),
                Column::always("DEPLOYMENT"),
                Column::from("ZONE", WIDE),
                Column::from("TYPE", WIDE),
                Column::from("LAUNCHED", WIDE),
                Column::always("VERSION"),
            ],
            rows: seen.instances.iter().map(|it| instance(it, seen, &day)).collect(),
        });
        parts.push(Part::Lines(seen.alarms.iter().map(|it| alarm(it, &day)).collect()));
    }
    parts.push(Part::Flow {
        title: "RESOURCES",
        items: known.rows.iter().map(resource).collect(),
    });
    parts.push(Part::News {
        title: "EVENTS",
        rows: known.events.iter().map(|it| event(it, &day)).collect(),
    });
    parts.push(Part::Foot(vec![Piece::dim("q or Ctrl-C ends it")]));
    parts
}

/// How it fares, what it answers, and why it does not fare well.
fn top(known: &Known) -> Vec<Vec<Piece>> {
    let mut lines = Vec::new();
    if let Some(site) = &known.site {
        lines.push(vec![Piece::plain(site.as_str())]);
    }
    match &known.snapshot {
        None => lines.push(vec![Piece::new("there is no environment", Tone::Warning)]),
        Some(seen) => {
            lines.push(health(seen));
            lines.extend(seen.requests.as_ref().map(requests));
            let of_instances = seen.instances.iter().flat_map(|instance| {
                let told = |cause: &String| format!("{}: {cause}", instance.id);
                instance.causes.iter().map(told)
            });
            let causes = seen.causes.iter().cloned().chain(of_instances);
            lines.extend(
                causes
                    .take(CAUSES)
                    .map(|cause| vec![Piece::new(format!("  {cause}"), Tone::Warning)]),
            );
        }
    }
    if let Some(trouble) = &known.trouble {
        lines.push(vec![Piece::new(format!("not read just now: {trouble}"), Tone::Bad)]);
    }
    lines
}

fn health(seen: &Snapshot) -> Vec<Piece> {
    let mut line = vec![
        Piece::new(seen.status.as_str(), Tone::Strong),
        Piece::plain(", health "),
        Piece::new(seen.health.as_str(), tone(&seen.health)),
    ];
    if let Some(version) = &seen.version {
        line.push(Piece::plain(format!(", version {version}")));
    }
    if let Some(group) = &seen.group {
        line.push(Piece::plain(format!(
            ", {} wanted of {} to {}",
            counted(u64::try_from(group.desired).unwrap_or_default(), "instance"),
            group.min,
            group.max
        )));
        if let Some(scale) = &group.scale {
            line.push(Piece::new(format!(", scale {scale}"), Tone::Warning));
        }
    }
    line
}

fn requests(asked: &Requests) -> Vec<Piece> {
    let mut line = vec![Piece::plain(format!("{:.1} requests/s", asked.a_second()))];
    for (digit, tone) in [(2, Tone::Good), (3, Tone::Plain), (4, Tone::Warning), (5, Tone::Bad)] {
        let percent = asked.percent(digit);
        // In 80 columns there is room for three of them.
        if digit == 3 && percent == 0.0 {
            continue;
        }
        let tone = if percent > 0.0 { tone } else { Tone::Dim };
        line.push(Piece::new(format!("  {digit}xx {percent:.1} %"), tone));
    }
    if let (Some(p50), Some(p95)) = (asked.p50, asked.p95) {
        line.push(Piece::plain(format!(
            "  p50 {}  p95 {}",
            milliseconds(p50),
            milliseconds(p95)
        )));
    }
    line
}

fn milliseconds(seconds: f64) -> String {
    format!("{:.0} ms", seconds * 1000.0)
}

fn instance(seen: &Instance, of: &Snapshot, day: &Day) -> Vec<Piece> {
    let number = seen.deployment.map(|number| format!("#{number} ")).unwrap_or_default();
    let status = seen.deployment_status.as_deref().unwrap_or("-");
    // Of another version than the environment says: a deployment goes on, or has failed half way.
    let other = seen.version != of.version;
    vec![
        Piece::plain(seen.id.as_str()),
        Piece::new(seen.health.as_str(), tone(&seen.health)),
        Piece::plain(seen.cpu.map_or_else(|| "-".to_owned(), |cpu| format!("{cpu:.0} %"))),
        Piece::plain(
            seen.requests
                .as_ref()
                .map_or_else(|| "-".to_owned(), |asked| format!("{:.1}", asked.a_second())),
        ),
        Piece::new(
            format!("{number}{status}"),
            if status == "Failed" { Tone::Bad } else { Tone::Plain },
        ),
        Piece::dim(seen.zone.as_str()),
        Piece::dim(seen.kind.as_str()),
        Piece::dim(seen.launched.map(|at| day.clock(at)).unwrap_or_default()),
        Piece::new(
            seen.version.as_deref().unwrap_or("-"),
            if other { Tone::Warning } else { Tone::Plain },
        ),
    ]
}

fn alarm(alarm: &Alarm, day: &Day) -> Vec<Piece> {
    let tone = match alarm.state.as_str() {
        // The one that takes instances away is on wherever little is asked.
        "ALARM" if alarm.rule.contains(['<', '≤']) => Tone::Plain,
        "ALARM" => Tone::Bad,
        "OK" => Tone::Good,
        _ => Tone::Dim,
    };
    let since = alarm.since.map(|since| format!(" since {}", day.clock(since)));
    vec![
        Piece::new("ALARM  ", Tone::Strong),
        Piece::plain(format!("{}  ", alarm.rule)),
        Piece::new(alarm.state.as_str(), tone),
        Piece::dim(since.unwrap_or_default()),
    ]
}

fn resource(row: &Row) -> Piece {
    let tone = match row.state.as_str() {
        "ok" | "used, not ours" => Tone::Good,
        "absent" => Tone::Dim,
        _ => Tone::Warning,
    };
    Piece::new(format!("{} {}", row.resource, row.state), tone)
}

fn event(event: &Event, day: &Day) -> Vec<Piece> {
    let tone = match event.severity.as_str() {
        "ERROR" | "FATAL" => Tone::Bad,
        "WARN" => Tone::Warning,
        _ => Tone::Plain,
    };
    vec![
        Piece::dim(format!("{}  ", day.clock(event.at))),
        Piece::new(format!("{:<5}  ", event.severity), tone),
        Piece::plain(event.message.as_str()),
    ]
}

fn tone(health: &str) -> Tone {
    match health {
        "Ok" | "Info" | "Green" => Tone::Good,
        "Warning" | "Yellow" => Tone::Warning,
        "Degraded" | "Severe" | "Red" => Tone::Bad,
        _ => Tone::Dim,
    }
}

/// The day of the newest of all times that are shown: of another one the date is told, or two clocks seem to be on the screen.
struct Day(String);

impl Day {
    fn of(known: &Known) -> Self {
        let seen = known.snapshot.iter();
        let alarms = seen
            .clone()
            .flat_map(|seen| &seen.alarms)
            .filter_map(|alarm| alarm.since);
        let launches = seen
            .flat_map(|seen| &seen.instances)
            .filter_map(|instance| instance.launched);
        let events = known.events.iter().map(|event| event.at);
        Self(events.chain(alarms).chain(launches).max().map(date).unwrap_or_default())
    }

    /// AWS's own time.
    fn clock(&self, at: Timestamp) -> String {
        let clock = at.strftime("%H:%M:%S");
        match date(at) {
            date if date == self.0 => clock.to_string(),
            date => format!("{date} {clock}"),
        }
    }
}

fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// What is another than before, a line each: where results go to a file or a program that wants no JSON.
pub(super) fn changes(before: Option<&Value>, now: &Value) -> Vec<String> {
    let nothing = Value::Null;
    let before = before.unwrap_or(&nothing);
    let mut lines = Vec::new();
    let mut changed = |what: &str, of: fn(&Value) -> String| {
        let (was, is) = (of(before), of(now));
        if was != is && !is.is_empty() {
            lines.push(format!("{what}: {is}"));
        }
    };
    changed("environment", |seen| {
        let of = &seen["environment"];
        let causes: Vec<&str> = items(&of["causes"]).filter_map(Value::as_str).collect();
        let words = [&of["status"], &of["health"], &of["version"]]
            .into_iter()
            .filter_map(Value::as_str);
        words.chain(causes).collect::<Vec<_>>().join(", ")
    });
    changed("trouble", |seen| {
        seen["trouble"].as_str().unwrap_or_default().to_owned()
    });
    lines.extend(of_each(
        before,
        now,
        |seen| &seen["resources"],
        "resource",
        |row| text(&row["state"]),
    ));
    lines.extend(of_each(
        before,
        now,
        |seen| &seen["environment"]["alarms"],
        "rule",
        |alarm| text(&alarm["state"]),
    ));
    lines.extend(of_each(
        before,
        now,
        |seen| &seen["environment"]["instances"],
        "id",
        |instance| {
            let words = ["health", "version", "deployment_status"].map(|member| text(&instance[member]));
            words.join(", ")
        },
    ));
    let former: Vec<&Value> = items(&before["events"]).collect();
    let fresh = items(&now["events"]).filter(|event| !former.contains(event));
    lines.extend(fresh.map(|event| {
        format!(
            "{}  {:<5}  {}",
            text(&event["at"]),
            text(&event["severity"]),
            text(&event["message"])
        )
    }));
    lines
}

/// Of a list of things with names, those that are another than before, and those that are gone.
fn of_each(
    before: &Value,
    now: &Value,
    list: fn(&Value) -> &Value,
    name: &str,
    state: fn(&Value) -> String,
) -> Vec<String> {
    let of = |seen: &Value| -> Vec<(String, String)> {
        items(list(seen)).map(|item| (text(&item[name]), state(item))).collect()
    };
    let (was, is) = (of(before), of(now));
    let fresh = is.iter().filter(|item| !was.contains(item));
    let gone = was
        .iter()
        .filter(|(name, _)| !is.iter().any(|(other, _)| other == name));
    fresh
        .map(|(name, state)| format!("{name}: {state}"))
        .chain(gone.map(|(name, _)| format!("{name}: gone")))
        .collect()
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_of_another_day_has_its_date() {
        let event = |at: &str| Event {
            at: at.parse().unwrap(),
            severity: "INFO".to_owned(),
            message: "launched".to_owned(),
            version: None,
            request: None,
        };
        let known = Known {
            events: vec![event("2026-11-30T20:26:49Z"), event("2026-12-01T09:08:00Z")],
            ..Known::default()
        };
        let day = Day::of(&known);
        let clocks: Vec<String> = known.events.iter().map(|event| day.clock(event.at)).collect();
        assert_eq!(clocks, ["2026-11-30 20:26:49", "09:08:00"]);
    }

    #[test]
    fn only_what_is_another_than_before_is_told() {
        let seen = |health: &str, instances: Value, events: Value| {
            json!({"resources": [{"resource": "environment", "state": "ok"}],
                "environment": {"status": "Ready", "health": health, "version": "app-1", "causes": [], "instances": instances,
                    "alarms": [{"rule": "CPUUtilization > 50", "state": "OK"}]},
                "events": events, "trouble": null})
        };
        let instance =
            |id: &str| json!({"id": id, "health": "Ok", "version": "app-1", "deployment_status": "Deployed"});
        let event = json!({"at": "2026-11-30T12:00:00Z", "severity": "INFO", "message": "launched"});
        let first = seen("Ok", json!([instance("i-1")]), json!([event]));
        assert_eq!(
            changes(None, &first),
            [
                "environment: Ready, Ok, app-1",
                "environment: ok",
                "CPUUtilization > 50: OK",
                "i-1: Ok, app-1, Deployed",
                "2026-11-30T12:00:00Z  INFO   launched"
            ]
        );
        assert!(changes(Some(&first), &first).is_empty());
        let then = seen("Warning", json!([instance("i-2")]), json!([event]));
        assert_eq!(
            changes(Some(&first), &then),
            [
                "environment: Ready, Warning, app-1",
                "i-2: Ok, app-1, Deployed",
                "i-1: gone"
            ]
        );
    }
}
