//! `load`: people register through the site, and the table is asked about each of them.

use std::time::Duration;

use serde_json::Value;

use crate::browser;
use crate::support::{User, finish, junit};

fn up(user: &User) -> String {
    let up = user
        .confctl(&["up", "--sandbox", "--yes", "--no-verify", "-o", "json"])
        .exits(0);
    up.summary()["outputs"]["site_url"].as_str().unwrap().to_owned()
}

/// Waits until more people than these are registered.
#[track_caller]
fn more_than(user: &User, people: usize) {
    let began = std::time::Instant::now();
    while user.registered().len() <= people {
        assert!(began.elapsed() < Duration::from_secs(60), "nobody registers");
    }
}

#[test]
fn everybody_who_was_accepted_is_in_the_table_and_nobody_stays() {
    let user = User::new();
    let site = up(&user);
    let report = user.home().join("reports/load.html");
    let report_path = report.to_str().unwrap();
    let junit = user.home().join("load.xml");
    let junit_path = junit.to_str().unwrap();
    let people = [
        "load",
        "--sandbox",
        "--people",
        "300",
        "--within",
        "12s",
        "--think",
        "500ms",
        "--report",
        report_path,
    ];

    // Nobody can be asked here, so nothing is written.
    let asked = user.confctl(&people).exits(4);
    assert!(
        asked.stderr.contains("--yes") && asked.stderr.contains("the table users"),
        "{}",
        asked.stderr
    );
    assert!(user.registered().is_empty());

    let kept = user
        .confctl(&[&people[..], &["--yes", "--keep", "-o", "json", "--junit", junit_path]].concat())
        .exits(0);
    let proven = junit::read(&junit);
    assert!(
        proven["cases"]
            .as_object()
            .unwrap()
            .values()
            .all(|came| came == "passed"),
        "{proven}"
    );
    assert_eq!(
        (
            proven["cases"].as_object().unwrap().len(),
            &proven["properties"]["stored"]
        ),
        (3, &"300".into())
    );
    let outputs = kept.summary()["outputs"].clone();
    for (name, value) in [("people", 300), ("accepted", 300), ("stored", 300), ("failed", 0)] {
        assert_eq!(outputs[name], value, "{outputs}");
    }
    let stored = user.registered();
    assert_eq!(stored.len(), 300);
    assert!(
        stored.iter().all(|address| address.ends_with(".load.confctl.invalid")),
        "{:?}",
        stored[0]
    );
    the_report_can_be_read(&report, &outputs);

    // What a notice tells to type means the sandbox too.
    let again = user.confctl(&people).exits(4);
    let notice = "300 addresses of former runs are in the table users (confctl load --sandbox --clean)";
    assert!(again.stderr.contains(notice), "{}", again.stderr);
    user.confctl(&["load", "--sandbox", "--clean", "--yes"]).exits(0);
    assert!(user.registered().is_empty());

    a_real_registration_is_never_touched(&user, &site, report_path);
}

fn the_report_can_be_read(report: &std::path::Path, outputs: &Value) {
    assert_eq!(outputs["report"], report.to_str().unwrap());
    let numbers: Value = serde_json::from_slice(&std::fs::read(report.with_extension("json")).unwrap()).unwrap();
    let measured = &numbers["measured"];
    // A machine that is busy with others turns somebody away for a moment, who sends once more; nothing else may go wrong.
    let errors = measured["errors"].as_object().unwrap();
    assert!(errors.keys().all(|error| error.contains("503")), "{measured}");
    let turned_away: u64 = errors.values().filter_map(Value::as_u64).sum();
    assert!(turned_away < 30, "{measured}");
    // A page, three assets and a POST each: the edge answers the pages and assets after the first.
    let requests = measured["totals"]["requests"].as_u64().unwrap();
    assert!((1500..=1500 + turned_away).contains(&requests), "{measured}");
    assert!(measured["totals"]["cache_hits"].as_u64().unwrap() > 1000, "{measured}");
    assert_eq!(measured["registration"]["count"], 300);
    if let Some(page) = browser::open(report) {
        assert!(
            page.contains("All 300 people registered") && page.matches("<svg").count() >= 3,
            "{page}"
        );
    }
}

fn a_real_registration_is_never_touched(user: &User, site: &str, report: &str) {
    user.curl(&["-d", "email=ada@example.com", &format!("{site}/register")])
        .exits(0);
    let people = [
        "load",
        "--sandbox",
        "--yes",
        "--people",
        "40",
        "--within",
        "1s",
        "--think",
        "0s",
        "--report",
        report,
    ];
    let refused = user.confctl(&people).exits(4);
    assert!(
        refused.stderr.contains("the same command with --into-live-table"),
        "{}",
        refused.stderr
    );
    user.confctl(&[&people[..], &["--into-live-table"]].concat()).exits(0);
    assert_eq!(user.registered(), ["ada@example.com"]);
}

#[test]
fn a_run_that_is_stopped_leaves_no_address_behind() {
    let user = User::new();
    up(&user);
    let line = [
        "load",
        "--sandbox",
        "--yes",
        "--people",
        "2000",
        "--within",
        "60s",
        "--think",
        "0s",
        "-o",
        "json",
    ];
    let load = user.start(&line);
    more_than(&user, 0);
    let id = rustix::process::Pid::from_child(&load);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    finish(load).exits(130);
    assert!(user.registered().is_empty());
}
