//! The event on paper against the site as it is: what a simulation says comes true, and what is said to break first breaks first.
//! One site for all: each part makes one thing of it too small.

use std::time::Duration;

use confctl_simulate::{Outcome, Policy, Scenario, Site, run};
use serde_json::Value;

use crate::support::{User, until};

/// Sandbox seconds in a real one: a period of a minute is a second.
const SPEED: f64 = 60.0;
/// What an instance takes at one time, and how many real seconds each of them takes where the table is slow.
const IN_FLIGHT: u32 = 30;
const SLOW_WRITE: f64 = 1.0;
/// Writes that the table takes in a real second where it is small.
const WRITES: f64 = 20.0;
/// Above what two instances and three can do with a slow table; half of them are above what a small one takes.
const PEOPLE: u32 = 600;
const WITHIN: f64 = 5.0;
const THINK: f64 = 1.0;
const PATIENCE: f64 = 4.0;
/// Percent of CPU that whoever serves people is above, and whoever only answers health checks is not.
const BUSY: f64 = 4.0;

/// The article's site in a new account, whose group grows by one and does not shrink.
fn up(user: &User) {
    let in_flight = format!("app.properties.MAX_IN_FLIGHT={IN_FLIGHT}");
    let upper = format!("scaling.upper={BUSY}");
    let sets = [
        in_flight.as_str(),
        upper.as_str(),
        "scaling.lower=0",
        "scaling.max=3",
        "scaling.period=60",
        "instance.monitoring_period=60",
    ];
    let sets = sets.iter().flat_map(|set| ["--set", set]);
    let line: Vec<_> = ["up", "--sandbox", "--yes", "--no-verify"]
        .into_iter()
        .chain(sets)
        .collect();
    user.confctl(&line).exits(0);
}

fn group(user: &User) -> Value {
    user.aws_json(&["autoscaling", "describe-auto-scaling-groups"])["AutoScalingGroups"][0].clone()
}

fn in_service(user: &User) -> u64 {
    let group = group(user);
    let instances = group["Instances"].as_array().unwrap().iter();
    instances
        .filter(|instance| instance["LifecycleState"] == "InService")
        .count() as u64
}

/// What came of a run, of a simulation or of people at the site.
#[derive(Debug, Clone, Copy)]
struct Came {
    accepted: f64,
    shed: f64,
    instances: f64,
}

impl Came {
    fn and(self, other: Self) -> Self {
        Self {
            accepted: self.accepted + other.accepted,
            shed: self.shed + other.shed,
            instances: self.instances + other.instances,
        }
    }

    /// Each within a tenth.
    #[track_caller]
    fn agrees_with(self, site: Self, way: f64) {
        let near = |said: f64, was: f64| (said - was).abs() <= 0.1 * was;
        assert!(
            near(self.accepted, site.accepted) && near(self.shed, site.shed) && near(self.instances, site.instances),
            "said {self:?}, was {site:?}; {way} ms to the site and back"
        );
    }
}

/// People at the site, and what was measured of them.
fn load(user: &User, people: u32) -> (Came, Value) {
    let (people, within) = (people.to_string(), format!("{WITHIN}s"));
    let (think, patience) = (format!("{THINK}s"), format!("{PATIENCE}s"));
    let crowd = user.lets_come(&[
        "--max-failed",
        "100",
        "--people",
        &people,
        "--within",
        &within,
        "--think",
        &think,
        "--abandon",
        &patience,
    ]);
    let outputs = &crowd.outputs;
    let of = |name: &str| outputs[name].as_f64().unwrap();
    // Whoever did not get in is accounted for, and nobody else is.
    assert_eq!(of("accepted") + of("failed"), of("people"), "{outputs}");
    let came = Came {
        accepted: of("accepted"),
        shed: of("shed"),
        instances: in_service(user) as f64,
    };
    (came, crowd.numbers["measured"].clone())
}

/// The same people on paper, with a table that is too small, on this many instances that stay. One way through this machine, as it
/// was measured, takes so many milliseconds.
fn simulated(user: &User, seed: u64, instances: u64, way: f64) -> Came {
    let (people, within, seed) = ((PEOPLE / 2).to_string(), format!("{WITHIN}s"), seed.to_string());
    let (think, patience, way) = (format!("{THINK}s"), format!("{PATIENCE}s"), format!("{way:.0}ms"));
    let line = [
        "simulate",
        "-o",
        "json",
        "--burst",
        "1",
        "--people",
        &people,
        "--within",
        &within,
        "--think",
        &think,
        "--abandon",
        &patience,
        "--distance",
        &way,
        "--write",
        &way,
        "--seed",
        &seed,
    ];
    let sets = [
        format!("scaling.min={instances}"),
        format!("scaling.max={instances}"),
        format!("app.properties.MAX_IN_FLIGHT={IN_FLIGHT}"),
    ];
    let sets = sets.iter().map(String::as_str).chain(a_small_table());
    let sets: Vec<_> = sets.flat_map(|set| ["--set", set]).collect();
    let outcome = user.confctl(&[&line[..], &sets].concat()).summary()["outputs"]["outcomes"][0].clone();
    Came {
        accepted: outcome["accepted"].as_f64().unwrap(),
        shed: outcome["shed"].as_f64().unwrap(),
        instances: outcome["instances"].as_array().unwrap().last().unwrap()[1]
            .as_f64()
            .unwrap(),
    }
}

/// As a profile says that a table takes so many writes.
fn a_small_table() -> [&'static str; 3] {
    [
        "table.billing=PROVISIONED",
        "table.read_capacity=5",
        "table.write_capacity=20",
    ]
}

/// The group as the sandbox has it, by a clock that runs faster: what takes a minute there takes a second here.
fn a_growing_group() -> Outcome {
    let policy = Policy {
        name: "as it is".to_owned(),
        least: 2,
        most: 3,
        period: 60.0 / SPEED,
        evaluations: 1,
        delay: 60.0 / SPEED,
        upper: BUSY,
        lower: 0.0,
        increment: 1,
        cooldown: 360.0 / SPEED,
        launch: 165.0 / SPEED,
    };
    run(&Scenario {
        people: PEOPLE,
        within: WITHIN,
        burst: 1.0,
        think: THINK,
        patience: Some(PATIENCE),
        site: Site {
            processors: 2,
            registration: 0.010,
            page: 0.005,
            turning_away: 0.45,
            in_flight: IN_FLIGHT,
            distance: 0.0,
            has_edge: true,
            write: SLOW_WRITE,
            writes: 4_000.0,
        },
        policy,
        seed: 1,
    })
}

/// The rows of `capacity`, by what they are about; the tightest first.
fn capacity(user: &User, more: &[&str]) -> Vec<(String, Value)> {
    let people = PEOPLE.to_string();
    let within = format!("{WITHIN}s");
    let line = [
        "capacity",
        "--sandbox",
        "-o",
        "json",
        "--burst",
        "1",
        "--people",
        &people,
        "--within",
        &within,
    ];
    let outputs = user.confctl(&[&line[..], more].concat()).exits(1).summary()["outputs"].clone();
    let rows = outputs["limits"].as_array().unwrap().iter();
    rows.map(|row| (row["name"].as_str().unwrap().to_owned(), row.clone()))
        .collect()
}

#[test]
fn what_is_said_of_the_event_comes_true() {
    let user = User::new()
        .with("CONFCTL_SANDBOX_TIME_SCALE", &SPEED.to_string())
        .with("CONFCTL_SANDBOX_GATES", "vcpus");
    up(&user);
    the_accounts_quota_is_met_by_the_third_instance(&user);
    user.fault(
        "dynamodb:PutItem",
        &["--kind", "delay", "--after", &SLOW_WRITE.to_string()],
    );
    a_group_grows_as_it_was_said_to(&user);
    what_an_instance_can_do_is_measured_and_breaks_first(&user);
    user.clear_faults();
    a_small_table_breaks_first(&user);
    let small = user.fault(
        "dynamodb:PutItem",
        &["--kind", "throttle", "--above", &WRITES.to_string()],
    );
    a_simulation_says_who_gets_in_and_who_is_turned_away(&user);
    assert!(user.hit(small) > 0, "the table took all");
    user.clear_faults();
    a_hall_behind_one_address_is_turned_away_at_the_edge(&user);
}

/// Five vCPUs: two instances have four.
fn the_accounts_quota_is_met_by_the_third_instance(user: &User) {
    let rows = capacity(user, &["--rate", "1000"]);
    assert_eq!(rows[0].0, "vCPUs of the account", "{rows:#?}");
    assert_eq!(
        (&rows[0].1["known"], &rows[0].1["holds"]),
        (&"measured".into(), &5.0.into())
    );
    let name = group(user)["AutoScalingGroupName"].as_str().unwrap().to_owned();
    let desired = |count: &str| {
        let line = [
            "autoscaling",
            "set-desired-capacity",
            "--auto-scaling-group-name",
            &name,
            "--desired-capacity",
            count,
        ];
        user.aws(&line).exits(0);
    };
    desired("3");
    let failed = || {
        let activities = [
            "autoscaling",
            "describe-scaling-activities",
            "--auto-scaling-group-name",
            &name,
        ];
        let activities = user.aws_json(&activities);
        let newest = &activities["Activities"][0];
        newest["StatusCode"] == "Failed" && newest["StatusMessage"].as_str().unwrap().contains("vCPU")
    };
    until("the third instance is refused", Duration::from_secs(60), failed);
    assert_eq!(in_service(user), 2);
    desired("2");
    // As `capacity` says: by the command that it names, with what is needed.
    let lifted = rows[0].1["way"]["command"].as_str().unwrap().to_owned();
    assert!(lifted.contains("request-service-quota-increase"), "{lifted}");
    let raise = [
        "service-quotas",
        "request-service-quota-increase",
        "--service-code",
        "ec2",
        "--quota-code",
        "L-1216C47A",
    ];
    user.aws(&[&raise[..], &["--desired-value", "64"]].concat()).exits(0);
}

fn a_group_grows_as_it_was_said_to(user: &User) {
    let said = a_growing_group();
    let (was, _) = load(user, PEOPLE);
    // It is launched while people wait or just after.
    until("the third instance", Duration::from_secs(60), || in_service(user) == 3);
    assert_eq!(u64::from(said.most_instances()), in_service(user), "{said:?}");
    assert!(said.shed > 0 && was.shed > 0.0, "{was:?}");
}

/// On the instances that are there.
fn what_an_instance_can_do_is_measured_and_breaks_first(user: &User) {
    let (came, measured) = load(user, PEOPLE);
    let slots = measured["slots"].as_array().unwrap().iter();
    let full = slots.filter(|slot| slot["shed"] != 0).skip(1);
    let accepted: Vec<f64> = full.map(|slot| slot["accepted"].as_f64().unwrap()).collect();
    assert!(came.shed > 0.0 && !accepted.is_empty(), "{measured}");

    let rows = capacity(user, &["--set", "scaling.min=3", "--set", "scaling.max=3"]);
    let (name, app) = &rows[0];
    assert_eq!(name, "app on the instances that are there", "{rows:#?}");
    assert_eq!(app["known"], "measured");
    assert!(app["source"].as_str().unwrap().starts_with("`load` on "), "{app}");
    // People are let in up to seven tenths.
    let of_all = app["holds"].as_f64().unwrap() / 0.7;
    let least = accepted.iter().copied().fold(f64::INFINITY, f64::min);
    let most = accepted.iter().copied().fold(0.0, f64::max);
    assert!((least..=most).contains(&of_all.round()), "{of_all} of {accepted:?}");
    assert!(of_all <= 1.2 * 3.0 * f64::from(IN_FLIGHT) / SLOW_WRITE, "{of_all}");
}

/// Where the instances are quick.
fn a_small_table_breaks_first(user: &User) {
    let sets = ["scaling.min=3", "scaling.max=3"].into_iter().chain(a_small_table());
    let sets = sets.flat_map(|set| ["--set", set]);
    let line: Vec<_> = ["--rate", "1000"].into_iter().chain(sets).collect();
    let rows = capacity(user, &line);
    assert_eq!(rows[0].0, "writes of the table", "{rows:#?}");
    assert_eq!(rows[0].1["holds"], WRITES);
}

/// Milliseconds of one way through this machine, by what single forms took in the run itself: what is busy beside it makes them longer,
/// and people who are answered later try less often. Most are turned away when the app has tried the small table three times, after two pauses
/// of 75 ms on average each (`app-bundle/src/retries.rs`); so there are four ways in it, to the app and three times to the table. Where
/// those cannot be told from the pauses, an asset says how long a way is at least.
fn way(measured: &Value) -> f64 {
    const PAUSES: f64 = 150.0;
    const WAYS: f64 = 4.0;
    let half = |name: &str| measured[name]["p50"].as_f64().unwrap();
    half("asset").max((half("answer") - PAUSES) / WAYS)
}

fn a_simulation_says_who_gets_in_and_who_is_turned_away(user: &User) {
    let seeds = 1..=3;
    let was: Vec<_> = seeds.clone().map(|_| load(user, PEOPLE / 2)).collect();
    let ways = was.iter().map(|(_, measured)| way(measured));
    let way = ways.sum::<f64>() / was.len() as f64;
    let said = seeds.map(|seed| simulated(user, seed, 3, way));
    let said = said.reduce(Came::and).unwrap();
    let was = was.into_iter().map(|(came, _)| came).reduce(Came::and).unwrap();
    said.agrees_with(was, way);
}

fn site(user: &User) -> String {
    let outputs = user.confctl(&["outputs", "--sandbox", "-o", "json"]).exits(0).summary()["outputs"].clone();
    outputs["site_url"].as_str().unwrap().to_owned()
}

fn a_hall_behind_one_address_is_turned_away_at_the_edge(user: &User) {
    let hall = [
        "--one-address",
        "100",
        "--address-limit",
        "100",
        "--set",
        "scaling.min=3",
        "--set",
        "scaling.max=3",
    ];
    let rows = capacity(user, &hall);
    assert_eq!(rows[0].0, "web ACL, requests of one address", "{rows:#?}");
    limit_each_address(user, 100);
    let refused = user
        .confctl(&["load", "--sandbox", "--yes", "--people", "600", "--within", "5s"])
        .exits(4)
        .stderr;
    assert!(refused.contains("would block this machine"), "{refused}");
    // So the hall comes by another way.
    let site = site(user);
    let answers = |requests: u32| {
        let url = format!("{site}/?[1-{requests}]");
        user.curl(&["-o", "/dev/null", "-w", "%{http_code}\n", &url])
            .exits(0)
            .stdout
    };
    assert!(answers(1).contains("200"));
    until("too many of one address", Duration::from_secs(60), || {
        answers(120).contains("403")
    });
}

fn limit_each_address(user: &User, requests: u32) {
    let scope = ["--scope", "CLOUDFRONT"];
    let listed = user.aws_json(&[&["wafv2", "list-web-acls"], &scope[..]].concat());
    let (name, id) = (
        listed["WebACLs"][0]["Name"].as_str().unwrap(),
        listed["WebACLs"][0]["Id"].as_str().unwrap(),
    );
    let named = [&["--name", name, "--id", id], &scope[..]].concat();
    let got = user.aws_json(&[&["wafv2", "get-web-acl"], &named[..]].concat());
    let rule = serde_json::json!([{
        "Name": "one-address",
        "Priority": 1_000,
        "Statement": {"RateBasedStatement": {"Limit": requests, "AggregateKeyType": "IP", "EvaluationWindowSec": 300}},
        "Action": {"Block": {}},
        "VisibilityConfig": {"SampledRequestsEnabled": false, "CloudWatchMetricsEnabled": false, "MetricName": "one-address"},
    }]);
    let token = got["LockToken"].as_str().unwrap();
    let acl = &got["WebACL"];
    let visibility = acl["VisibilityConfig"].to_string();
    let rules = rule.to_string();
    let update = [
        "wafv2",
        "update-web-acl",
        "--lock-token",
        token,
        "--default-action",
        "Allow={}",
        "--rules",
        &rules,
        "--visibility-config",
        &visibility,
    ];
    user.aws(&[&update[..], &named].concat()).exits(0);
}
