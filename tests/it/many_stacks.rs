//! Many stacks in one account: listed, given a time to live, reaped side by side, and kept within the account's quotas.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::permissions::{confctl_as, end, session};
use crate::support::{Ran, User, finish};

const PYTHON: &str = "app.platform=Python 3.14 running on 64bit Amazon Linux 2023";

/// A command about one small stack: an instance that serves a page.
fn of<'a>(command: &[&'a str], name: &'a str, site: &'a str) -> Vec<&'a str> {
    let stack = ["--sandbox", "-p", "dev", "-o", "json", "--name", name];
    [command, &stack, &["--set", site, "--set", PYTHON]].concat()
}

const UP: [&str; 3] = ["up", "--yes", "--no-verify"];

/// Each single instance takes an Elastic IP, of which an account has five.
fn more_addresses(user: &User, value: &str) {
    let ask = ["service-quotas", "request-service-quota-increase"];
    let codes = [
        "--service-code",
        "ec2",
        "--quota-code",
        "L-0263D0A3",
        "--desired-value",
        value,
    ];
    user.aws(&[&ask[..], &codes].concat()).exits(0);
}

/// What `reap` or `list` says of each stack, by its name.
fn stacks(ran: &Ran) -> BTreeMap<String, Value> {
    let rows = ran.summary()["outputs"]["stacks"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    rows.into_iter()
        .map(|row| (row["stack"].as_str().unwrap().to_owned(), row))
        .collect()
}

fn of_stack(items: &[String], name: &str) -> Vec<String> {
    let items = items.iter().filter(|item| item.contains(name));
    items.cloned().collect()
}

#[test]
fn twenty_stacks_are_reaped_side_by_side_and_one_that_refuses_stops_no_other() {
    let user = User::new();
    let site = user.site(&[]);
    user.inventory_of_a_fresh_sandbox();
    more_addresses(&user, "30");
    // They share the account's own default VPC: none of them may take it away.
    user.aws(&["ec2", "create-default-vpc"]).exits(0);
    let empty = user.inventory();
    let names: Vec<String> = (1..=20).map(|number| format!("pr-{number:02}")).collect();
    for some in names.chunks(4) {
        let up = [&UP[..], &["--ttl", "1s"]].concat();
        let ups: Vec<_> = some.iter().map(|name| user.start(&of(&up, name, &site))).collect();
        for (name, ran) in some.iter().zip(ups.into_iter().map(finish)) {
            // On a machine that is busy with others a run may lose its lock, and the next one goes on.
            if ran.code() == 6 {
                user.confctl(&of(&up, name, &site)).exits(0);
            } else {
                ran.exits(0);
            }
        }
    }
    let lasting = [&UP[..], &["--ttl", "4h"]].concat();
    user.confctl(&of(&lasting, "keep", &site)).exits(0);
    // Somebody has registered at the preview of one of them.
    let item = json!({"email": {"S": "ann@example.org"}}).to_string();
    let put = ["dynamodb", "put-item", "--table-name", "pr-07-users", "--item", &item];
    user.aws(&put).exits(0);

    // Shown first: nothing goes, and the one with a registration says why it would stay.
    let before = user.inventory();
    let shown = user.confctl(&["reap", "--sandbox", "-o", "json"]).exits(4);
    assert_eq!(user.inventory(), before);
    let fates = |ran: &Ran| -> BTreeMap<String, Value> {
        let stacks = stacks(ran).into_iter();
        stacks.map(|(name, row)| (name, row["fate"].clone())).collect()
    };
    let wanted = |due: &'static str| -> BTreeMap<String, Value> {
        let fates = names.iter().map(|name| (name.clone(), json!(due)));
        fates
            .chain([
                ("pr-07".to_owned(), json!("refused")),
                ("keep".to_owned(), json!("time_left")),
            ])
            .collect()
    };
    assert_eq!(fates(&shown), wanted("due"));

    let reaped = user.confctl(&["reap", "--sandbox", "--yes", "-o", "json"]).exits(4);
    assert_eq!(fates(&reaped), wanted("removed"));
    let error = &reaped.summary()["error"];
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .starts_with("pr-07: this would delete"),
        "{error}"
    );
    let way_out = "confctl teardown --sandbox --name pr-07 --delete-data";
    assert!(error["hint"].as_str().unwrap().contains(way_out), "{error}");
    let left = user.inventory();
    for name in ["pr-07", "keep"] {
        assert_eq!(of_stack(&left, name), of_stack(&before, name), "{name} was touched");
    }
    let gone = names.iter().filter(|name| *name != "pr-07");
    let leavings: Vec<_> = gone.flat_map(|name| of_stack(&left, name)).collect();
    assert!(leavings.is_empty(), "{leavings:#?}");

    // Data goes where that is said, and what has time left stays whatever is said.
    let reaped = user
        .confctl(&["reap", "--sandbox", "--yes", "--delete-data", "-o", "json"])
        .exits(0);
    assert_eq!(fates(&reaped)["pr-07"], "removed");
    user.confctl(&of(&["teardown", "--yes"], "keep", &site)).exits(0);
    assert_eq!(user.inventory(), empty);
}

#[test]
fn what_another_stack_uses_stays_and_goes_with_the_last_of_them() {
    let user = User::new();
    let site = user.site(&[]);
    user.confctl(&["sandbox", "start"]).exits(0);
    let empty = user.inventory();
    // The first one makes the default VPC, and the second one is in it.
    for (name, ttl) in [("first", "1s"), ("second", "4h")] {
        let up = [&UP[..], &["--ttl", ttl]].concat();
        user.confctl(&of(&up, name, &site)).exits(0);
    }
    let reap = |code: i32| user.confctl(&["reap", "--sandbox", "--yes", "-o", "json"]).exits(code);
    // Nobody may read when the second one ends; that stops no other.
    user.fault("s3:GetObject:*/confctl/second/lifetime.json", &["--kind", "deny"]);
    let reaped = reap(1);
    assert_eq!(stacks(&reaped)["first"]["fate"], "kept", "{}", reaped.stdout);
    assert_eq!(stacks(&reaped)["second"]["fate"], "failed", "{}", reaped.stdout);
    user.clear_faults();
    let reaped = reap(0);
    assert_eq!(stacks(&reaped)["first"]["fate"], "kept", "{}", reaped.stdout);
    assert_eq!(stacks(&reaped)["second"]["fate"], "time_left");
    // What says that its time is over stays as long as anything of it does.
    let listed = user.confctl(&["list", "--sandbox", "-o", "json"]).exits(0);
    let left = stacks(&listed)["first"].clone();
    let parts = left["parts"].as_array().unwrap().iter();
    let parts: BTreeSet<&str> = parts.filter_map(|part| part["resource"].as_str()).collect();
    assert_eq!(parts, BTreeSet::from(["application", "default-vpc"]), "{left}");
    assert_eq!(left["over"], true, "{left}");
    let over = [&UP[..], &["--ttl", "1s"]].concat();
    let born = born(&user, "second");
    user.confctl(&of(&over, "second", &site)).exits(0);
    assert_eq!(self::born(&user, "second"), born, "it grew younger");
    let ended = [reap(0), reap(0)].map(|ran| stacks(&ran));
    assert_eq!(ended[0]["second"]["fate"], "removed");
    // Tag and record of the first one agree still: the removal that was begun goes on, once nobody is in the VPC.
    let mut of_first = ended.iter().filter_map(|stacks| stacks.get("first"));
    assert_eq!(of_first.next_back().unwrap()["fate"], "removed", "{ended:#?}");
    assert_eq!(user.inventory(), empty);
}

/// Since when the stack is: S3's time of what its first run wrote.
fn born(user: &User, name: &str) -> Value {
    let bucket = "elasticbeanstalk-us-east-1-123456789012";
    let key = format!("confctl/{name}/born");
    let head = user.aws(&["s3api", "head-object", "--bucket", bucket, "--key", &key]);
    head.exits(0).json()["LastModified"].clone()
}

/// The end that a stack's own tags say.
fn expires(user: &User, name: &str) -> Value {
    let status = user
        .confctl(&["status", "--sandbox", "--name", name, "-o", "json"])
        .exits(0);
    status.summary()["outputs"]["expires"].clone()
}

fn begun(ran: &Ran) -> Vec<String> {
    let events = ran.events().into_iter().filter(|event| event["type"] == "step.started");
    events
        .map(|event| event["resource"].as_str().unwrap().to_owned())
        .collect()
}

fn notices(ran: &Ran) -> String {
    let events = ran.events().into_iter().filter(|event| event["type"] == "notice");
    events
        .map(|event| event["text"].as_str().unwrap().to_owned() + "\n")
        .collect()
}

#[test]
fn a_time_to_live_is_written_at_birth_kept_renewed_and_proven_before_it_ends_a_stack() {
    let user = User::new();
    let site = user.site(&[]);
    let run = |command: &[&str]| user.confctl(&of(command, "pr-1", &site));
    let with = |more: &[&'static str]| [&UP[..], more].concat();
    user.confctl(&["sandbox", "start"]).exits(0);

    let planned = run(&["plan", "--ttl", "4h"]).exits(0);
    assert!(
        notices(&planned).contains("the stack's time ends in 4h"),
        "{}",
        planned.stdout
    );
    run(&with(&["--ttl", "4h"])).exits(0);
    let first = expires(&user, "pr-1");
    assert!(first.is_string(), "{first}");

    // Said nothing of, it stays as it is, and is no drift; quotas are asked for only where something is made.
    let asked = user.calls("GetServiceQuota");
    let kept = run(&["plan", "--detailed-exitcode"]).exits(0);
    assert!(notices(&kept).contains(first.as_str().unwrap()), "{}", kept.stdout);
    run(&with(&[])).exits(0).has_nothing_to_do();
    assert_eq!(user.calls("GetServiceQuota"), asked);
    assert_eq!(expires(&user, "pr-1"), first);

    // Renewed: one tag of one resource.
    assert_eq!(begun(&run(&with(&["--ttl", "8h"])).exits(0)), ["application"]);
    let second = expires(&user, "pr-1");
    assert!(second.as_str() > first.as_str(), "{second} after {first}");

    let listed = user.confctl(&["list", "--sandbox", "-o", "json"]).exits(0);
    let row = &stacks(&listed)["pr-1"];
    assert_eq!((&row["health"], &row["over"]), (&json!("Ok"), &json!(false)), "{row}");
    assert!(row["cost_an_hour"].as_f64().unwrap() > 0.01, "{row}");
    let text = user.confctl(&["list", "--sandbox"]).exits(0).stdout;
    assert!(
        text.contains("7h 5") && text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    // Who may not search by tags sees the same.
    let statements = json!([
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "tag:GetResources", "Resource": "*"},
    ]);
    let searchless = session(&user, "searchless", &statements);
    let denied = confctl_as(&user, &searchless, &["list", "-o", "json"]).exits(0);
    assert_eq!(stacks(&denied)["pr-1"]["parts"], row["parts"]);
    end(&user, "searchless");

    // Somebody sets the tag back by hand: it alone proves nothing.
    let arn = "arn:aws:elasticbeanstalk:us-east-1:123456789012:application/pr-1";
    let tag = ["elasticbeanstalk", "update-tags-for-resource", "--resource-arn", arn];
    let past = ["--tags-to-add", "Key=confctl:expires,Value=2020-01-01T00:00:00Z"];
    user.aws(&[&tag[..], &past].concat()).exits(0);
    let before = user.inventory();
    let refused = user.confctl(&["reap", "--sandbox", "--yes", "-o", "json"]).exits(4);
    let why = refused.summary()["error"]["cause"][0].as_str().unwrap().to_owned();
    assert!(
        why.contains("its tag says 2020-01-01T00:00:00Z, and its record"),
        "{why}"
    );
    assert_eq!(user.inventory(), before);

    run(&with(&["--ttl", "never"])).exits(0);
    assert_eq!(expires(&user, "pr-1"), Value::Null);
    let reaped = user.confctl(&["reap", "--sandbox", "--yes", "-o", "json"]).exits(0);
    assert!(stacks(&reaped).is_empty(), "{}", reaped.stdout);
    run(&["teardown", "--yes"]).exits(0);
    let none = user.confctl(&["list", "--sandbox", "-o", "json"]).exits(0);
    assert!(stacks(&none).is_empty(), "{}", none.stdout);
}

#[test]
fn what_does_not_fit_into_the_account_is_blocked_before_anything_is_made_and_fits_once_there_is_more() {
    let user = User::new().with("CONFCTL_SANDBOX_GATES", "vcpus");
    user.confctl(&["sandbox", "start"]).exits(0);
    let empty = user.inventory();
    let site = user.site(&[]);
    let three = ["--sandbox", "--set", "scaling.min=3", "--set", &site, "--set", PYTHON];
    let blocked = user.confctl(&[&["up", "--yes"], &three[..]].concat()).exits(4);
    for text in [
        "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances (L-1216C47A)",
        "0 of 5 are in use, and 6 more are needed",
        "aws service-quotas request-service-quota-increase --service-code ec2 --quota-code L-1216C47A --desired-value 6",
    ] {
        assert!(blocked.stderr.contains(text), "not told '{text}': {}", blocked.stderr);
    }
    assert_eq!(user.inventory(), empty);
    user.confctl(&[&["plan"], &three[..]].concat()).exits(4);

    let ask = ["service-quotas", "request-service-quota-increase"];
    let codes = [
        "--service-code",
        "ec2",
        "--quota-code",
        "L-1216C47A",
        "--desired-value",
        "6",
    ];
    user.aws(&[&ask[..], &codes].concat()).exits(0);
    user.confctl(&[&["plan"], &three[..]].concat()).exits(0);
}
