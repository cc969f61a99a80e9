//! AWS's own tools find AWS in the sandbox: each story of tests/conformance with an account of its own.

use crate::support::{Ran, User};

/// The clock for stories that look at what is in transition: the CLI takes half a second for a call.
const UNHURRIED: &str = "60";

/// The story, in Python, against this user's sandbox.
fn tell(user: &User, story: &str) -> Ran {
    let bundle = user.confctl(&["bundle", "-o", "json"]).exits(0).summary();
    let bundle = bundle["outputs"]["bundle"].as_str().unwrap().to_owned();
    let mut python = user.python_command();
    python
        .args(["tests/conformance/run.py", story])
        .env("CONFORMANCE_BUNDLE", bundle)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    Ran::from(python.output().unwrap()).exits(0)
}

#[test]
fn the_articles_stack_can_be_made_changed_and_removed_by_hand() {
    let user = User::new().with("CONFCTL_SANDBOX_TIME_SCALE", UNHURRIED);
    let before = user.inventory_of_a_fresh_sandbox();
    tell(&user, "article");
    assert_eq!(user.inventory(), before);
}

/// A story that makes nothing that takes time.
fn tell_a_quick_one(story: &str) {
    let user = User::new();
    user.confctl(&["sandbox", "start"]).exits(0);
    tell(&user, story);
}

#[test]
fn tables_keep_registrations_as_dynamodb_does() {
    tell_a_quick_one("tables");
}

#[test]
fn buckets_keep_bundles_locks_and_versions_as_s3_does() {
    tell_a_quick_one("storage");
}

#[test]
fn roles_and_policies_hang_together_as_in_iam() {
    tell_a_quick_one("roles");
}

#[test]
fn networks_come_together_and_apart_as_in_ec2() {
    tell_a_quick_one("networks");
}

#[test]
fn what_the_sandbox_does_not_have_it_says() {
    tell_a_quick_one("limits");
}
