//! More than one stack, and stacks whose profile changed.

use crate::support::{User, finish};

#[test]
fn two_stacks_side_by_side_and_one_goes_without_a_trace_on_the_other() {
    let user = User::new();
    user.confctl(&["sandbox", "start", "--time-scale", "600"]).exits(0);
    // The account's own default VPC: both use it, neither may take it away.
    user.aws(&["ec2", "create-default-vpc"]).exits(0);
    let line = |name: &'static str| ["up", "--sandbox", "--yes", "-p", "dev", "-o", "json", "--name", name];
    let (one, two) = (user.start(&line("one")), user.start(&line("two")));
    let (one, two) = (finish(one).exits(0), finish(two).exits(0));
    let site = |ran: &crate::support::Ran| ran.summary()["outputs"]["site_url"].as_str().unwrap().to_owned();
    assert_ne!(site(&one), site(&two));

    let of_two =
        |items: Vec<String>| -> Vec<String> { items.into_iter().filter(|item| item.contains("two")).collect() };
    let before = of_two(user.inventory());
    user.confctl(&["teardown", "--sandbox", "--yes", "--delete-data", "--name", "one"])
        .exits(0);
    let after = user.inventory();
    assert!(
        !after
            .iter()
            .any(|item| item.contains("\"one") || item.contains("confctl/one/")),
        "{after:#?}"
    );
    assert_eq!(of_two(after), before);
    assert!(
        user.curl(&["-f", "-o", "/dev/null", &site(&two)]).code() == 0,
        "the other site went down"
    );
    user.confctl(&["plan", "--sandbox", "-p", "dev", "--name", "two", "--detailed-exitcode"])
        .exits(0);
}

#[test]
fn what_the_profile_no_longer_has_is_an_orphan_and_teardown_knows_the_profile_that_was_applied() {
    let user = User::new();
    let empty = user.inventory_of_a_fresh_sandbox();
    let single = ["--set", "environment.type=SingleInstance", "--set", "cdn.origin=cname"];
    user.confctl(&[&["up", "--sandbox", "--yes"], &single[..]].concat())
        .exits(0);

    // Without the web ACL and with another table: what was there shows, and only what holds no data goes.
    let without = [
        &single[..],
        &[
            "--set",
            "waf.enabled=false",
            "--set",
            "table.name=guests",
            "--set",
            "ssh.enabled=false",
        ],
    ]
    .concat();
    let plan = user
        .confctl(&[&["plan", "--sandbox", "--detailed-exitcode"], &without[..]].concat())
        .exits(2);
    let orphans: Vec<_> = plan.stderr.lines().filter(|line| line.contains("orphan")).collect();
    for orphan in ["web ACL", "table users", "key pair"] {
        assert!(
            orphans.iter().any(|line| line.contains(orphan)),
            "no '{orphan}' in {}",
            plan.stderr
        );
    }
    user.confctl(&[&["up", "--sandbox", "--yes"], &without[..]].concat())
        .exits(0);
    let inventory = user.inventory();
    let has = |what: &str| inventory.iter().any(|item| item.contains(what));
    assert!(!has("web-acl") && !has("mod4-ssh-key"), "{inventory:#?}");
    let settings = user.aws(&[
        "elasticbeanstalk",
        "describe-configuration-settings",
        "--application-name",
        "tcb-conference",
        "--environment-name",
        "Tcb-conference-env",
    ]);
    // Else the next instance could not be launched: its template would name a key pair that is gone.
    assert!(
        !settings.exits(0).stdout.contains("mod4-ssh-key"),
        "the environment still names the key pair"
    );
    assert!(
        has("table/users") && has("table/guests"),
        "a table went with a change of the profile: {inventory:#?}"
    );

    // Without -p: the profile that `up` used, and what former ones made.
    user.confctl(&["teardown", "--sandbox", "--yes", "--delete-data"])
        .exits(0);
    let left = user.inventory();
    assert_eq!(left, empty, "{left:#?}");
}

#[test]
fn what_is_named_to_be_kept_stays_and_a_later_teardown_takes_it() {
    let user = User::new();
    let empty = user.inventory_of_a_fresh_sandbox();
    user.confctl(&["up", "--sandbox", "--yes", "-p", "dev"]).exits(0);
    let teardown = ["teardown", "--sandbox", "--yes", "-o", "json"];
    let kept = user
        .confctl(&[&teardown[..], &["--keep", "users-table"]].concat())
        .exits(3);
    // A pipeline that runs again whatever did not end would do so for ever.
    assert_eq!(kept.summary()["resumable"], false);
    let left = user.inventory();
    assert!(left.iter().any(|item| item.contains("table/users")), "{left:#?}");
    assert!(
        !left.iter().any(|item| item.contains("\"type\":\"environment\"")),
        "{left:#?}"
    );

    user.confctl(&teardown).exits(0);
    assert_eq!(user.inventory(), empty);
}
