//! `sandbox fault`: what goes wrong on AWS, had on demand, and how confctl takes it.

use crate::support::{User, finish};

const UP: &[&str] = &["up", "--sandbox", "--yes", "-p", "dev", "--no-verify", "-o", "json"];

#[test]
fn a_fault_is_set_listed_met_and_taken_away() {
    let user = User::new();
    user.inventory_of_a_fresh_sandbox();
    let id = user.fault("dynamodb:ListTables", &["--kind", "throttle", "--nth", "2"]);
    user.confctl(&["sandbox", "fault", "add", "iam:*", "--kind", "deny"])
        .exits(0);
    let listed = user.confctl(&["sandbox", "fault", "list"]).exits(0).stdout;
    assert_eq!(
        listed.trim(),
        "1  throttle dynamodb:ListTables --nth 2: hit 0 of 0\n2  deny iam:*: hit 0 of 0"
    );
    user.aws(&["dynamodb", "list-tables"]).exits(0);
    let denied = user.aws(&["iam", "list-roles"]);
    assert!(
        denied.stderr.contains("is not authorized to perform: iam:ListRoles"),
        "{}",
        denied.stderr
    );
    // The CLI tries again by itself.
    user.aws(&["dynamodb", "list-tables"]).exits(0);
    assert_eq!((user.hit(id), user.calls("ListTables")), (1, 3));
    let met: Vec<_> = user
        .requests()
        .into_iter()
        .filter(|call| !call["fault"].is_null())
        .collect();
    assert_eq!(met[0]["fault"]["kind"], "deny", "{met:?}");
    user.confctl(&["sandbox", "fault", "clear", &id.to_string()]).exits(0);
    assert_eq!(user.faults().len(), 1);
    user.clear_faults();
    user.aws(&["iam", "list-roles"]).exits(0);
}

#[test]
fn a_run_that_is_held_goes_on_when_it_is_released() {
    let user = User::new();
    user.inventory_of_a_fresh_sandbox();
    let id = user.fault("sts:GetCallerIdentity", &["--kind", "hold"]);
    let mut run = user.start(&["doctor", "--sandbox"]);
    assert!(user.holds(&mut run, id), "it ended without having been held");
    user.release(id);
    finish(run).exits(0);
}

#[test]
fn what_could_never_happen_is_refused_with_what_can() {
    let user = User::new();
    user.inventory_of_a_fresh_sandbox();
    let add = |arguments: &[&str]| {
        user.confctl(&[&["sandbox", "fault", "add"], arguments].concat())
            .exits(64)
            .stderr
    };
    assert!(add(&["iam:MakeRole", "--kind", "throttle"]).contains("CreateRole"));
    assert!(add(&["beanstalk:*", "--kind", "throttle"]).contains("elasticbeanstalk"));
    assert!(add(&["iam:*", "--kind", "slow"]).contains("cut-before"));
    assert!(add(&["iam:*", "--kind", "throttle", "--nth", "0"]).contains("counted from 1"));
    assert!(add(&["iam:*", "--kind", "throttle", "--probability", "2"]).contains("from 0 to 1"));
    let unknown = user.confctl(&["sandbox", "fault", "release", "7"]).exits(1).stderr;
    assert!(
        unknown.contains("there is no fault 7") && unknown.contains("sandbox fault list"),
        "{unknown}"
    );
    assert!(user.faults().is_empty());
}

#[test]
fn a_run_that_is_killed_at_a_request_has_made_it_or_not_as_was_said() {
    for (when, made) in [("before", false), ("after", true)] {
        let user = User::new();
        user.confctl(&["bundle"]).exits(0);
        user.inventory_of_a_fresh_sandbox();
        let ended = user.killed_at(UP, "dynamodb:CreateTable", 1, when);
        assert!(ended.is_none(), "it ended by itself: {}", ended.unwrap().stdout);
        let has_table = user.inventory().iter().any(|item| item.contains("table/users"));
        assert_eq!(has_table, made, "{when}");
    }
}
