//! The evaluation of an alarm over its newest periods, with what is missing treated as it is set.
//! Must know nothing of actions. Source: CloudWatch user guide, "Evaluating an alarm" and "Configuring how CloudWatch
//! alarms treat missing data".

use std::fmt::Write;

use jiff::Timestamp;
use serde_json::json;

use super::metrics::{Metrics, Point, after};
use super::{Alarm, Verdict};

/// CloudWatch looks at some more periods than it evaluates, and takes the newest that have data.
const MORE_PERIODS: usize = 2;

/// A period with data.
struct Seen {
    /// Periods before the newest one.
    age: usize,
    point: Point,
    value: f64,
    breaches: bool,
}

/// What the alarm is now; `None`: as it was. To be called on a minute: periods are counted backwards from it.
pub(crate) fn evaluate(alarm: &Alarm, metrics: &Metrics, now: Timestamp) -> Option<Verdict> {
    let wanted = usize::try_from(alarm.evaluation_periods).unwrap_or(1).max(1);
    let to_alarm = alarm
        .datapoints_to_alarm
        .and_then(|count| usize::try_from(count).ok())
        .map_or(wanted, |count| count.clamp(1, wanted));
    let mut seen = look(alarm, metrics, now, wanted + MORE_PERIODS);
    seen.truncate(wanted);
    let missing = wanted - seen.len();
    let breaching = seen.iter().filter(|it| it.breaches).count();
    let treatment = alarm.treat_missing_data.as_deref().unwrap_or("missing");
    let alarms = match treatment {
        "breaching" => breaching + missing >= to_alarm,
        "notBreaching" => breaching >= to_alarm,
        // Only what would be so whatever the missing ones were.
        "ignore" if breaching >= to_alarm => true,
        "ignore" if breaching + missing < to_alarm => false,
        "ignore" => return None,
        _ if seen.is_empty() => return Some(insufficient(alarm, now, wanted)),
        _ if breaching >= to_alarm => true,
        // The rest is missing: it alarms when the oldest breach is old enough.
        _ if breaching == seen.len() => {
            let oldest = seen.last().map_or(0, |it| it.age);
            if oldest + 1 < to_alarm {
                return None;
            }
            true
        }
        _ => false,
    };
    Some(verdict(alarm, &seen, alarms, (wanted, to_alarm), now))
}

/// Periods that have data, the newest first.
fn look(alarm: &Alarm, metrics: &Metrics, now: Timestamp, periods: usize) -> Vec<Seen> {
    let metric = alarm.metric();
    let period = i64::from(alarm.period);
    let statistic = alarm.statistic.as_deref().unwrap_or("Average");
    let seen = (0..periods).filter_map(|age| {
        let back = i64::try_from(age + 1).ok()? * period;
        let start = after(now, -back);
        let point = metrics.point(&metric, start, period, alarm.unit.as_deref(), now)?;
        let value = point.statistic(statistic)?;
        Some(Seen {
            age,
            value,
            breaches: breaches(alarm, value),
            point,
        })
    });
    seen.collect()
}

fn breaches(alarm: &Alarm, value: f64) -> bool {
    match alarm.comparison.as_str() {
        "GreaterThanThreshold" => value > alarm.threshold,
        "GreaterThanOrEqualToThreshold" => value >= alarm.threshold,
        "LessThanThreshold" => value < alarm.threshold,
        "LessThanOrEqualToThreshold" => value <= alarm.threshold,
        _ => false,
    }
}

fn words(comparison: &str) -> &'static str {
    match comparison {
        "GreaterThanThreshold" => "greater than",
        "GreaterThanOrEqualToThreshold" => "greater than or equal to",
        "LessThanThreshold" => "less than",
        _ => "less than or equal to",
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "datapoint" } else { "datapoints" }
}

fn insufficient(alarm: &Alarm, now: Timestamp, wanted: usize) -> Verdict {
    let were = if wanted == 1 { "was" } else { "were" };
    Verdict {
        state: "INSUFFICIENT_DATA",
        reason: format!("Insufficient Data: {wanted} {} {were} unknown.", plural(wanted)),
        data: Some(data(alarm, &[], now)),
    }
}

/// In CloudWatch's words: `Threshold Crossed: 1 out of the last 1 datapoints [65.3 (24/11/26 10:25:00)] was greater than
/// the threshold (50.0) (minimum 1 datapoint for OK -> ALARM transition).`
fn verdict(alarm: &Alarm, seen: &[Seen], alarms: bool, (wanted, to_alarm): (usize, usize), now: Timestamp) -> Verdict {
    let named: Vec<_> = seen.iter().filter(|it| it.breaches == alarms).collect();
    let mut values = String::new();
    for (index, it) in named.iter().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        let time = it.point.time.strftime("%d/%m/%y %H:%M:%S");
        let _ = write!(values, "{separator}{:?} ({time})", it.value);
    }
    let (state, change, needed) = if alarms {
        ("ALARM", "OK -> ALARM", to_alarm)
    } else {
        ("OK", "ALARM -> OK", wanted - to_alarm + 1)
    };
    let verb = if named.len() == 1 { "was" } else { "were" };
    let not = if alarms { "" } else { "not " };
    let reason = if named.is_empty() {
        // Decided by what is missing alone.
        format!(
            "Threshold Crossed: no datapoints were received for {wanted} {} and {wanted} missing {} {} treated as [{}].",
            if wanted == 1 { "period" } else { "periods" },
            plural(wanted),
            if wanted == 1 { "was" } else { "were" },
            if alarms { "Breaching" } else { "NonBreaching" },
        )
    } else {
        format!(
            "Threshold Crossed: {} out of the last {wanted} datapoints [{values}] {verb} {not}{} the threshold ({:?}) \
             (minimum {needed} {} for {change} transition).",
            named.len(),
            words(&alarm.comparison),
            alarm.threshold,
            plural(needed),
        )
    };
    Verdict {
        state,
        reason,
        data: Some(data(alarm, seen, now)),
    }
}

/// `StateReasonData`.
fn data(alarm: &Alarm, seen: &[Seen], now: Timestamp) -> String {
    let time = |time: Timestamp| time.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string();
    let oldest_first = || seen.iter().rev();
    let mut data = json!({
        "version": "1.0",
        "queryDate": time(now),
        "statistic": alarm.statistic.as_deref().unwrap_or("Average"),
        "period": alarm.period,
        "recentDatapoints": oldest_first().map(|it| it.value).collect::<Vec<_>>(),
        "threshold": alarm.threshold,
        "evaluatedDatapoints": seen
            .iter()
            .map(|it| json!({"timestamp": time(it.point.time), "sampleCount": it.point.count, "value": it.value}))
            .collect::<Vec<_>>(),
    });
    if let Some(first) = oldest_first().next() {
        data["startDate"] = time(first.point.time).into();
    }
    if let Some(unit) = &alarm.unit {
        data["unit"] = unit.as_str().into();
    }
    data.to_string()
}
