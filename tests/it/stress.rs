//! `stress`: the group grows by its alarm and shrinks again, and everything that AWS's tools show of it says so.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::browser;
use crate::support::{User, finish, junit, until};

/// The sandbox's default: a period of five minutes is five seconds.
fn at_the_default_time_scale() -> User {
    User::new().with("CONFCTL_SANDBOX_TIME_SCALE", "60")
}

fn up(user: &User, more: &[&str]) {
    user.confctl(&[&["up", "--sandbox", "--yes", "--no-verify"], more].concat())
        .exits(0);
}

fn group(user: &User) -> Value {
    user.aws_json(&["autoscaling", "describe-auto-scaling-groups"])["AutoScalingGroups"][0].clone()
}

fn in_service(user: &User) -> usize {
    let group = group(user);
    let instances = group["Instances"].as_array().unwrap().clone();
    instances
        .iter()
        .filter(|instance| instance["LifecycleState"] == "InService")
        .count()
}

/// Processes of this user's sandbox that burn, whatever they are called.
fn burning(user: &User) -> usize {
    let home = user.home().to_str().unwrap().as_bytes().to_vec();
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let burns = |process: &std::fs::DirEntry| {
        let read = |file: &str| std::fs::read(process.path().join(file)).unwrap_or_default();
        let contains = |text: Vec<u8>, wanted: &[u8]| text.windows(wanted.len()).any(|window| window == wanted);
        contains(read("cmdline"), b"while") && contains(read("environ"), &home)
    };
    processes.filter(burns).count()
}

#[test]
fn the_group_grows_by_its_alarm_and_shrinks_again_each_time() {
    let user = at_the_default_time_scale();
    up(&user, &[]);
    let report = user.home().join("stress.html");
    for round in 1..=3 {
        let line = [
            "stress",
            "--sandbox",
            "--yes",
            "-o",
            "json",
            "--report",
            report.to_str().unwrap(),
        ];
        let summary = user.confctl(&line).exits(0).summary();
        let outputs = &summary["outputs"];
        assert_eq!(
            (&outputs["scaled_out"], &outputs["scaled_in"]),
            (&true.into(), &true.into()),
            "{summary}"
        );
        assert_eq!(in_service(&user), 2, "round {round}");
        until("the burn ends", Duration::from_secs(30), || burning(&user) == 0);
    }
    what_awss_tools_show(&user);
    if let Some(page) = browser::open(&report) {
        assert!(
            page.contains("2 → 3 → 2 instances") && page.contains("a monitor alarm"),
            "{page}"
        );
    }
}

fn what_awss_tools_show(user: &User) {
    let group = group(user);
    let name = group["AutoScalingGroupName"].as_str().unwrap();
    let activities = user.aws_json(&[
        "autoscaling",
        "describe-scaling-activities",
        "--auto-scaling-group-name",
        name,
    ]);
    let causes = activities["Activities"].as_array().unwrap().clone();
    let by = |alarm: &str| {
        let named = causes
            .iter()
            .filter(|activity| activity["Cause"].as_str().unwrap().contains(alarm));
        named.count()
    };
    // One step a round, never two.
    assert_eq!(
        (by("AWSEBCloudwatchAlarmHigh"), by("AWSEBCloudwatchAlarmLow")),
        (3, 3),
        "{activities}"
    );

    let newest = causes[0]["EndTime"]
        .as_str()
        .unwrap()
        .parse::<jiff::Timestamp>()
        .unwrap();
    let hours = |hours: i64| (newest + jiff::SignedDuration::from_hours(hours)).to_string();
    let dimension = format!("Name=AutoScalingGroupName,Value={name}");
    let (since, until) = (hours(-3), hours(1));
    let curve = user.aws_json(&[
        "cloudwatch",
        "get-metric-statistics",
        "--namespace",
        "AWS/EC2",
        "--metric-name",
        "CPUUtilization",
        "--dimensions",
        &dimension,
        "--statistics",
        "Average",
        "--period",
        "300",
        "--start-time",
        &since,
        "--end-time",
        &until,
    ]);
    let averages: Vec<f64> = curve["Datapoints"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|point| point["Average"].as_f64())
        .collect();
    assert!(
        averages.iter().any(|percent| *percent > 50.0) && averages.iter().any(|percent| *percent < 25.0),
        "{averages:?}"
    );

    let history = user
        .aws_json(&[
            "cloudwatch",
            "describe-alarm-history",
            "--history-item-type",
            "StateUpdate",
        ])
        .to_string();
    assert!(
        history.contains("from OK to ALARM") && history.contains("from ALARM to OK"),
        "{history}"
    );
}

#[test]
fn where_there_is_no_room_or_no_way_in_nothing_is_burned() {
    let user = at_the_default_time_scale();
    up(&user, &["--set", "roles.ssm=false"]);
    let report = user.home().join("stress.xml");
    let line = ["stress", "--sandbox", "--yes", "--set", "scaling.max=2", "--junit"];
    let no_room = user
        .confctl(&[&line[..], &[report.to_str().unwrap()]].concat())
        .exits(5);
    let proven = junit::read(&report);
    assert_eq!(proven["cases"]["the group grew by its alarm"], "failure", "{proven}");
    assert_eq!(
        proven["cases"]["the group shrank again by its alarm"], "skipped",
        "{proven}"
    );
    assert!(
        no_room.stderr.contains("cannot scale out: 2 instances run"),
        "{}",
        no_room.stderr
    );

    let no_way_in = user.confctl(&["stress", "--sandbox", "--yes"]).exits(4);
    for wanted in ["AmazonSSMManagedInstanceCore", "ssh -i", "--no-burn", "roles.ssm=true"] {
        assert!(no_way_in.stderr.contains(wanted), "no {wanted} in {}", no_way_in.stderr);
    }
    let sent = user
        .requests()
        .iter()
        .any(|request| request["operation"] == "SendCommand");
    assert!(!sent && burning(&user) == 0);
}

#[test]
fn a_client_that_is_killed_leaves_nothing_burning_after_the_bound() {
    let user = at_the_default_time_scale();
    up(&user, &[]);
    // The client is gone before it could end anything: the bound on the instances does.
    let mut killed = user.start(&["stress", "--sandbox", "--yes"]);
    until("the burn", Duration::from_secs(60), || burning(&user) > 0);
    killed.kill().unwrap();
    killed.wait().unwrap();
    until("the bound", Duration::from_secs(90), || burning(&user) == 0);
    until("the group is back", Duration::from_secs(120), || {
        in_service(&user) == 2 && group(&user)["DesiredCapacity"] == 2
    });

    // Ctrl-C ends it at once.
    let stopped = user.start(&["stress", "--sandbox", "--yes"]);
    until("the burn", Duration::from_secs(60), || burning(&user) > 0);
    kill_process(Pid::from_child(&stopped), Signal::INT).unwrap();
    finish(stopped).exits(130);
    until("the burn ends", Duration::from_secs(30), || burning(&user) == 0);
}
