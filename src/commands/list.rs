//! `list`: every stack of the account in the region: its age, how it fares, what it costs, whose it is, and when its time is over.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::cli::Global;
use crate::engine::Error;
use crate::resources::all_stacks::StackSeen;
use crate::session::cost;
use crate::session::region::Region;
use crate::ui::{Summary, Ui};

/// The tag by which people say whose a stack is.
const OWNER: &str = "owner";

pub(super) async fn run(global: &Global, ui: &Ui) -> Result<Summary, Error> {
    let region = Region::open(global, ui).await?;
    let all = region.stacks(ui).await?;
    ui.say_folded(&format!("Stacks in {}", region.place()));
    let rows: Vec<Row> = all.stacks.iter().map(|stack| Row::of(stack, all.now)).collect();
    let mut summary = Summary::done();
    for line in table(&rows) {
        summary = summary.say(line);
    }
    let hour: f64 = rows.iter().filter_map(|row| row.hour).sum();
    let last = match rows.len() {
        0 => "There is no stack here.".to_owned(),
        1 => format!("1 stack, about ${hour:.2} an hour at rest."),
        many => format!("{many} stacks, about ${hour:.2} an hour at rest."),
    };
    Ok(summary
        .say(last)
        .output("stacks", rows.iter().map(Row::json).collect::<Vec<_>>())
        .output("account", region.aws.account.clone())
        .output("region", region.aws.region.clone())
        .output("now", all.now.to_string()))
}

/// One stack as it is shown.
struct Row {
    stack: String,
    age: Option<SignedDuration>,
    health: String,
    /// `None`: its profile is not known, or its instances have no price.
    hour: Option<f64>,
    owner: Option<String>,
    expires: Option<String>,
    /// Until then; negative where that is past. `None` too where the tag is no time.
    left: Option<SignedDuration>,
    parts: Vec<Value>,
}

impl Row {
    fn of(stack: &StackSeen, now: Timestamp) -> Self {
        let expires = stack.expires().map(str::to_owned);
        let end: Option<Timestamp> = expires.as_ref().and_then(|text| text.parse().ok());
        let parts = stack.parts.iter();
        Self {
            stack: stack.name.to_string(),
            age: stack.since.map(|since| now.duration_since(since)),
            health: health(stack),
            hour: hour(stack),
            owner: owner(stack),
            left: end.map(|end| end.duration_since(now)),
            expires,
            parts: parts
                .map(|(kind, name)| json!({"resource": kind, "name": name}))
                .collect(),
        }
    }

    fn json(&self) -> Value {
        json!({
            "stack": self.stack,
            "age_seconds": self.age.map(|age| age.as_secs()),
            "health": self.health,
            "cost_an_hour": self.hour.map(|hour| (hour * 10_000.0).round() / 10_000.0),
            "owner": self.owner,
            "expires": self.expires,
            "over": self.left.map(|left| left.is_negative()),
            "parts": self.parts,
        })
    }

    fn cells(&self) -> [String; 6] {
        let time = match (&self.expires, self.left) {
            (None, _) => "-".to_owned(),
            (Some(_), None) => "no time".to_owned(),
            (_, Some(left)) if left.is_negative() => format!("over {}", short(left.abs())),
            (_, Some(left)) => short(left),
        };
        [
            self.stack.clone(),
            self.age.map_or_else(|| "?".to_owned(), short),
            self.health.clone(),
            self.hour.map_or_else(|| "?".to_owned(), |hour| format!("{hour:.3}")),
            cut(self.owner.as_deref().unwrap_or("-"), WIDEST_OWNER),
            time,
        ]
    }
}

/// How the site fares, or what there is instead of one.
fn health(stack: &StackSeen) -> String {
    match stack.environments.first() {
        Some(environment) if environment.status == "Ready" => environment.health.clone(),
        Some(environment) => environment.status.clone(),
        None if stack.applications.is_empty() => "leavings".to_owned(),
        None => "no site".to_owned(),
    }
}

/// What it costs at rest as its profile has it; nothing where nothing of it costs.
fn hour(stack: &StackSeen) -> Option<f64> {
    let costs = |(kind, _): &(&str, String)| ["environment", "load-balancer", "distribution", "web-acl"].contains(kind);
    match stack.parts.iter().any(costs) {
        false => Some(0.0),
        true => stack.profile.as_ref().map(|profile| cost::of(profile).hour),
    }
}

fn owner(stack: &StackSeen) -> Option<String> {
    let mut tags = stack.applications.iter().flat_map(|application| &application.tags);
    let owner = tags.find(|(key, _)| key.eq_ignore_ascii_case(OWNER));
    owner.map(|(_, value)| value.clone())
}

const HEADS: [&str; 6] = ["STACK", "AGE", "HEALTH", "$/HOUR", "OWNER", "TIME LEFT"];
/// With it the widest row has 80 columns: 20 of a name, 7, 11 and 7 of age, health and price, 12 of the time.
const WIDEST_OWNER: usize = 13;
/// Numbers end where their column does.
const RIGHT: [bool; 6] = [false, true, false, true, false, false];

fn table(rows: &[Row]) -> Vec<String> {
    if rows.is_empty() {
        return Vec::new();
    }
    let heads = HEADS.map(str::to_owned);
    let lines: Vec<[String; 6]> = std::iter::once(heads).chain(rows.iter().map(Row::cells)).collect();
    let width = |column: usize| {
        lines
            .iter()
            .map(|cells| cells[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..HEADS.len()).map(width).collect();
    let line = |cells: &[String; 6]| {
        let cells = cells.iter().zip(&widths).zip(RIGHT);
        let cells = cells.map(|((cell, width), right)| match right {
            true => format!("{cell:>width$}"),
            false => format!("{cell:<width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(line).collect()
}

fn cut(text: &str, most: usize) -> String {
    match text.chars().count() <= most {
        true => text.to_owned(),
        false => text.chars().take(most - 1).chain(['…']).collect(),
    }
}

/// In its two largest units: `45s`, `12m`, `3h 58m`, `12d 4h`.
fn short(time: SignedDuration) -> String {
    let seconds = time.as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}m"),
        (0, hours, minutes) => format!("{hours}h {}m", minutes % 60),
        (days, hours, _) if days < 100 => format!("{days}d {}h", hours % 24),
        (days, ..) => format!("{days}d"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(stack: &str, owner: &str, left: i64) -> Row {
        Row {
            stack: stack.to_owned(),
            age: Some(SignedDuration::from_hours(24 * 99)),
            health: "Terminating".to_owned(),
            hour: Some(123.4567),
            owner: Some(owner.to_owned()),
            expires: Some("2026-11-30T16:00:00Z".to_owned()),
            left: Some(SignedDuration::from_secs(left)),
            parts: Vec::new(),
        }
    }

    #[test]
    fn the_widest_table_fits_eighty_columns() {
        let long = row(
            "a-name-of-twenty-let",
            "somebody.with-a-long@example.org",
            -86_400 * 99 - 3600 * 23,
        );
        let lines = table(&[long, row("pr-1", "ann", 3600)]);
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{lines:#?}");
        assert!(lines[1].contains("somebody.wit…  over 99d 23h"), "{lines:#?}");
        assert!(
            lines[2].starts_with("pr-1 ") && lines[2].ends_with("ann            1h 0m"),
            "{lines:#?}"
        );
    }

    #[test]
    fn times_are_told_in_their_two_largest_units() {
        let told = [45, 720, 14_280, 86_400 * 12 + 14_400, 86_400 * 400]
            .map(SignedDuration::from_secs)
            .map(short);
        assert_eq!(told, ["45s", "12m", "3h 58m", "12d 4h", "400d"]);
    }
}
