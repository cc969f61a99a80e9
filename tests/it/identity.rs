//! A stack is known by its tags: without its record, without the bucket, under any name, by whoever may read something of it.

use serde_json::{Value, json};

use crate::permissions::{allow, confctl_as, end, session};
use crate::support::{Ran, User};

const BUCKET: &str = "elasticbeanstalk-us-east-1-123456789012";
const NOTHING_LEFT: &str = "nothing of this stack is left";

/// A stack of one instance whose names are none of those that the default profile gives.
const NAMED: [&str; 10] = [
    "environment.type=SingleInstance",
    "environment.name=Fair-env",
    "table.name=fair-guests",
    "roles.mode=own",
    "roles.service=fair-service",
    "roles.instance=fair-instances",
    "ssh.key_name=fair-key",
    "waf.name=fair-walls",
    "cdn.origin=cname",
    "cdn.comment=The fair of 2026",
];

fn run(user: &User, command: &[&str], sets: &[&str]) -> Ran {
    let bundle = user.site(&[]);
    let all = [&[bundle.as_str()], sets].concat();
    let sets: Vec<&str> = all.iter().flat_map(|set| ["--set", set]).collect();
    user.confctl(&[command, &["--sandbox", "-o", "json"], &sets].concat())
}

fn up(user: &User, profile: &str, sets: &[&str]) -> Ran {
    run(user, &["up", "--yes", "--no-verify", "-p", profile], sets).exits(0)
}

/// What `status` names that is there, by its title.
fn named(status: &Ran) -> Vec<String> {
    let rows = status.summary()["outputs"]["resources"].clone();
    let rows = rows.as_array().cloned().unwrap_or_default().into_iter();
    let there = rows.filter(|row| row["state"] != "absent");
    there.map(|row| row["title"].as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn names_all(status: &Ran, names: &[&str]) {
    let named = named(status);
    for name in names {
        assert!(
            named.iter().any(|title| title.contains(name)),
            "{name} is not in {named:#?}\n{}",
            status.stderr
        );
    }
}

fn empty_the_record(user: &User) {
    let record = format!("s3://{BUCKET}/confctl/");
    user.aws(&["s3", "rm", "--recursive", &record]).exits(0);
}

#[test]
fn a_stack_whose_record_was_emptied_is_named_and_taken_away() {
    let user = User::new();
    let empty = user.inventory_of_a_fresh_sandbox();
    up(&user, "dev", &[]);
    empty_the_record(&user);
    let status = user.confctl(&["status", "--sandbox", "-o", "json"]).exits(0);
    names_all(
        &status,
        &[
            "users",
            "tcb-conference",
            "Tcb-conference-env",
            "aws-elasticbeanstalk-service-role",
            "aws-elasticbeanstalk-ec2-role",
            "VPC",
        ],
    );
    let down = user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
    assert!(down.stdout.contains(NOTHING_LEFT), "{}", down.stdout);
    assert_eq!(user.inventory(), empty);
}

/// What is changed where it is, by a plan: each resource with its fields.
fn changed(plan: &Ran) -> Vec<(String, Vec<String>)> {
    let plan = plan.events().into_iter().find(|event| event["type"] == "plan").unwrap();
    let steps = plan["steps"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let pending = steps.filter(|step| step["change"] != "keep");
    let fields = |step: &Value| {
        let fields = step["fields"].as_array().into_iter().flatten();
        fields.map(|field| text(&field["field"])).collect()
    };
    let changed = pending.map(|step| (text(&step["resource"]), fields(step)));
    let changed: Vec<_> = changed.collect();
    assert_eq!(plan["orphans"], json!([]), "{plan:#}");
    changed
}

#[test]
fn a_comment_changes_where_it_is_and_a_bucket_that_is_gone_takes_nothing_with_it() {
    let user = User::new();
    let empty = user.inventory_of_a_fresh_sandbox();
    let first = up(&user, "article", &NAMED).summary()["outputs"].clone();

    let renamed = [&NAMED[..9], &["cdn.comment=The fair of 2027"]].concat();
    let plan = run(&user, &["plan"], &renamed).exits(0);
    assert_eq!(
        changed(&plan),
        [("distribution".to_owned(), vec!["Comment".to_owned()])]
    );
    let second = up(&user, "article", &renamed).summary()["outputs"].clone();
    for same in ["distribution_id", "distribution_domain"] {
        assert!(
            first[same].is_string() && first[same] == second[same],
            "{first}\n{second}"
        );
    }
    assert_eq!(
        changed(&run(&user, &["plan", "--detailed-exitcode"], &renamed).exits(0)),
        []
    );

    // What Beanstalk put there so that nobody does this by accident.
    user.aws(&["s3api", "delete-bucket-policy", "--bucket", BUCKET])
        .exits(0);
    user.aws(&["s3", "rb", "--force", &format!("s3://{BUCKET}")]).exits(0);
    let status = user.confctl(&["status", "--sandbox", "-o", "json"]).exits(0);
    names_all(
        &status,
        &[
            "fair-guests",
            "tcb-conference",
            "Fair-env",
            "fair-service",
            "fair-instances",
            "fair-key",
            "fair-walls",
            "distribution",
        ],
    );
    let down = user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
    assert!(down.stdout.contains(NOTHING_LEFT), "{}", down.stdout);
    assert_eq!(user.inventory(), empty);
}

#[test]
fn log_groups_that_are_to_stay_are_named_when_the_rest_is_gone() {
    let user = User::new();
    let empty = user.inventory_of_a_fresh_sandbox();
    let kept = [
        "environment.log_streaming=true",
        "environment.log_delete_on_terminate=false",
    ];
    up(&user, "dev", &kept);
    let down = user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
    assert!(!down.stdout.contains(NOTHING_LEFT), "{}", down.stdout);
    let left = user.inventory();
    let groups: Vec<String> = user.aws_json(&["logs", "describe-log-groups"])["logGroups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["logGroupName"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        !groups.is_empty() && left.len() == empty.len() + groups.len(),
        "{left:#?}"
    );
    for group in &groups {
        assert!(
            down.stdout.contains(&format!("left: log group {group}")),
            "{}",
            down.stdout
        );
    }
    // And as long as they are there.
    let again = user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
    assert!(
        again.stdout.contains(&groups[0]) && !again.stdout.contains("there is nothing of this stack"),
        "{}",
        again.stdout
    );
    let delete = format!(
        "import boto3\nlogs = boto3.client('logs')\nfor group in {groups:?}: logs.delete_log_group(logGroupName=group)"
    );
    user.python(&delete).exits(0);
    assert_eq!(user.inventory(), empty);
    let nothing = user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
    assert!(
        nothing.stdout.contains("there is nothing of this stack"),
        "{}",
        nothing.stdout
    );
}

#[test]
fn who_may_not_search_by_tags_finds_all_by_the_lists_and_is_told_what_may_be_missed() {
    let user = User::new();
    let empty = user.inventory_of_a_fresh_sandbox();
    up(&user, "article", &NAMED);
    empty_the_record(&user);
    let without = |denied: &[&str]| {
        json!([
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": denied, "Resource": "*"},
        ])
    };
    let all = [
        "fair-guests",
        "Fair-env",
        "fair-service",
        "fair-instances",
        "fair-key",
        "fair-walls",
        "distribution",
    ];
    let status = ["status", "-o", "json"];
    let caller = session(&user, "few", &without(&["tag:GetResources", "dynamodb:ListTables"]));
    let seen = confctl_as(&user, &caller, &status).exits(0);
    names_all(&seen, &all[1..]);
    let said = format!("{}{}", seen.stdout, seen.stderr);
    assert!(
        said.contains("may be missed") && said.contains("dynamodb:ListTables"),
        "{said}"
    );

    allow(&user, "few", &without(&["tag:GetResources"]));
    let seen = confctl_as(&user, &caller, &status).exits(0);
    names_all(&seen, &all);
    let said = format!("{}{}", seen.stdout, seen.stderr);
    assert!(!said.contains("may be missed"), "{said}");
    let down = confctl_as(&user, &caller, &["teardown", "--yes"]).exits(0);
    assert!(down.stdout.contains(NOTHING_LEFT), "{}", down.stdout);
    // Who cannot look everywhere is not told that there is nothing.
    allow(&user, "few", &without(&["tag:GetResources", "dynamodb:ListTables"]));
    let unseen = confctl_as(&user, &caller, &["teardown", "--yes"]).exits(0);
    assert!(
        unseen.stdout.contains("could not be looked for") && !unseen.stdout.contains("there is nothing of this stack"),
        "{}",
        unseen.stdout
    );
    end(&user, "few");
    assert_eq!(user.inventory(), empty);
}
