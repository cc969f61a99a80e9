//! Alarms as CloudWatch evaluates them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::alarms::NewAlarm;
use super::evaluation::evaluate;
use super::metrics::{Metric, Metrics, Sample, after};
use super::{Alarm, Monitoring, Verdict};
use crate::Tags;

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + seconds).unwrap()
}

fn metric() -> Metric {
    Metric {
        namespace: "AWS/EC2".to_owned(),
        name: "CPUUtilization".to_owned(),
        dimensions: BTreeMap::from([("AutoScalingGroupName".to_owned(), "group".to_owned())]),
    }
}

/// Above 50 on average, in three of three periods of a minute.
fn new_alarm() -> NewAlarm {
    let metric = metric();
    NewAlarm {
        name: "high".to_owned(),
        description: None,
        namespace: metric.namespace,
        metric_name: metric.name,
        dimensions: metric.dimensions,
        statistic: Some("Average".to_owned()),
        unit: Some("Percent".to_owned()),
        period: 60,
        evaluation_periods: 3,
        datapoints_to_alarm: None,
        threshold: 50.0,
        comparison: "GreaterThanThreshold".to_owned(),
        treat_missing_data: None,
        actions_enabled: true,
        alarm_actions: vec!["policy".to_owned()],
        ok_actions: Vec::new(),
        insufficient_data_actions: Vec::new(),
        tags: Tags::new(),
    }
}

fn put(monitoring: &mut Monitoring) {
    monitoring.put_alarm("us-east-1", "000000000000", new_alarm(), time(0));
}

fn alarm() -> Alarm {
    let mut monitoring = Monitoring::default();
    put(&mut monitoring);
    monitoring.alarms.remove("high").unwrap()
}

fn publish(metrics: &mut Metrics, seconds: i64, value: f64) {
    let sample = Sample {
        time: time(seconds),
        published: time(seconds),
        value,
        unit: "Percent",
    };
    metrics.push(metric(), sample);
}

/// Five periods, the oldest first: `X` breaches, `0` does not, `-` is missing.
fn periods(text: &str) -> Metrics {
    let mut metrics = Metrics::default();
    for (index, period) in (0_i64..).zip(text.chars()) {
        match period {
            'X' => publish(&mut metrics, index * 60, 80.0),
            '0' => publish(&mut metrics, index * 60, 20.0),
            _ => {}
        }
    }
    metrics
}

/// The states that the user guide's table gives for three of three periods, by treatment: `missing`, `ignore`, `breaching`,
/// `notBreaching`. `None`: the present state is kept.
#[test]
fn missing_data_is_treated_as_the_user_guide_says() {
    let (ok, alarms, unknown, kept) = (Some("OK"), Some("ALARM"), Some("INSUFFICIENT_DATA"), None);
    let table = [
        ("0-X-X", [ok, ok, ok, ok]),
        ("0----", [ok, ok, ok, ok]),
        ("-----", [unknown, kept, alarms, ok]),
        ("0XX-X", [alarms, alarms, alarms, alarms]),
        ("--X--", [alarms, kept, alarms, ok]),
        ("----X", [kept, kept, alarms, ok]),
    ];
    for (text, expected) in table {
        let metrics = periods(text);
        let treatments = ["missing", "ignore", "breaching", "notBreaching"];
        for (treatment, expected) in treatments.into_iter().zip(expected) {
            let mut alarm = alarm();
            alarm.treat_missing_data = Some(treatment.to_owned());
            let state = evaluate(&alarm, &metrics, time(300)).map(|verdict| verdict.state);
            // Of the table's row `0 - - - -` only the sum of the periods matters here.
            if text == "0----" && treatment != "missing" {
                continue;
            }
            assert_eq!(state, expected, "{text} {treatment}");
        }
    }
}

#[test]
fn comparisons_are_strict_and_the_reason_is_in_cloudwatchs_words() {
    let mut metrics = Metrics::default();
    publish(&mut metrics, 0, 0.0);
    publish(&mut metrics, 0, 100.0);
    let mut alarm = alarm();
    alarm.evaluation_periods = 1;
    let verdict = evaluate(&alarm, &metrics, time(60)).unwrap();
    assert_eq!(
        verdict.state, "OK",
        "one of two instances at 100 % is on the threshold, not over it"
    );
    publish(&mut metrics, 60, 65.25);
    let verdict = evaluate(&alarm, &metrics, time(120)).unwrap();
    assert_eq!(
        (verdict.state, verdict.reason.as_str()),
        (
            "ALARM",
            "Threshold Crossed: 1 out of the last 1 datapoints [65.25 (01/01/26 00:01:00)] was greater than the \
             threshold (50.0) (minimum 1 datapoint for OK -> ALARM transition)."
        )
    );
    let data: serde_json::Value = serde_json::from_str(&verdict.data.unwrap()).unwrap();
    assert_eq!(data["recentDatapoints"], serde_json::json!([65.25]));
    assert_eq!(
        data["evaluatedDatapoints"][0]["timestamp"],
        "2026-01-01T00:01:00.000+0000"
    );
}

#[test]
fn an_alarm_in_another_unit_than_the_metric_has_no_data() {
    let mut alarm = alarm();
    alarm.unit = Some("Bytes".to_owned());
    let verdict = evaluate(&alarm, &periods("XXXXX"), time(300)).unwrap();
    assert_eq!(
        (verdict.state, verdict.reason.as_str()),
        ("INSUFFICIENT_DATA", "Insufficient Data: 3 datapoints were unknown.")
    );
}

#[test]
fn a_value_counts_from_its_publication_on_and_two_of_three_can_be_enough() {
    let mut metrics = periods("0X");
    let late = Sample {
        time: time(120),
        published: time(240),
        value: 90.0,
        unit: "Percent",
    };
    metrics.push(metric(), late);
    let mut alarm = alarm();
    alarm.datapoints_to_alarm = Some(2);
    let state = |now| evaluate(&alarm, &metrics, now).map(|verdict| verdict.state);
    assert_eq!(state(time(180)), Some("OK"));
    assert_eq!(state(time(240)), Some("ALARM"));
}

#[test]
fn statistics_count_periods_from_the_minute_of_their_start() {
    let mut metrics = Metrics::default();
    for minute in 0..10_i32 {
        publish(&mut metrics, i64::from(minute) * 60, minute.into());
    }
    let now = time(3600);
    let points = metrics.points(&metric(), (time(130), now), 300, None, now);
    let seen: Vec<_> = points
        .iter()
        .map(|it| (it.time, it.count, it.minimum, it.maximum))
        .collect();
    assert_eq!(seen, [(time(120), 5.0, 2.0, 6.0), (time(420), 3.0, 7.0, 9.0)]);
    assert_eq!(points[0].statistic("Average"), Some(4.0));
    assert_eq!(points[0].statistic("p99"), None);
}

#[test]
fn history_tells_of_settings_and_states_and_survives_the_alarm() {
    let mut monitoring = Monitoring::default();
    put(&mut monitoring);
    let verdict = |state| Verdict {
        state,
        reason: "by hand".to_owned(),
        data: None,
    };
    assert!(monitoring.set_state("high", verdict("ALARM"), time(60)));
    assert!(!monitoring.set_state("high", verdict("ALARM"), time(120)));
    put(&mut monitoring);
    assert_eq!(
        monitoring.alarms["high"].state, "ALARM",
        "a new setting keeps the state"
    );
    assert_eq!(monitoring.alarms["high"].state_transitioned, time(60));
    monitoring.delete_alarm("high", after(time(0), 300));
    let summaries: Vec<_> = monitoring.history.iter().map(|it| it.summary.as_str()).collect();
    assert_eq!(
        summaries,
        [
            "Alarm \"high\" created",
            "Alarm updated from INSUFFICIENT_DATA to ALARM",
            "Alarm \"high\" updated",
            "Alarm \"high\" deleted"
        ]
    );
}
