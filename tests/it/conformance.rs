//! AWS's own tools find AWS in the sandbox: each story of tests/conformance with an account of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Ran, User, aws_tools};

/// The clock for stories that look at what is in transition: the CLI takes half a second for a call.
const UNHURRIED: &str = "60";

/// The same where what is looked at by boto3 takes a minute or more.
const BRISK: &str = "120";

/// The story, in Python, against this user's sandbox.
fn tell(user: &User, story: &str) -> Ran {
    let mut python = user.python_command();
    python
        .args(["tests/conformance/run.py", story])
        .envs(user.environment())
        .env("CONFORMANCE_TIME_SCALE", user.time_scale())
        .env("PYTHONDONTWRITEBYTECODE", "1");
    Ran::from(python.output().unwrap()).exits(0)
}

/// As [`tell`], for a story that deploys the site.
fn tell_with_the_site(user: User, story: &str) -> User {
    let user = with_the_site(user);
    tell(&user, story);
    user
}

fn with_the_site(user: User) -> User {
    let bundle = user.confctl(&["bundle", "-o", "json"]).exits(0).summary();
    let bundle = bundle["outputs"]["bundle"].as_str().unwrap().to_owned();
    user.with("CONFORMANCE_BUNDLE", &bundle)
}

/// Where the programs of `tests/conformance/requirements-NAME.txt` are: an environment of their own, made once beside the
/// build, and again when the requirements change.
fn tools(name: &str) -> PathBuf {
    let requirements = format!("tests/conformance/requirements-{name}.txt");
    let wanted = std::fs::read_to_string(&requirements).unwrap();
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("conformance-{name}"));
    let installed = place.join("installed.txt");
    if std::fs::read_to_string(&installed).is_ok_and(|done| done == wanted) {
        return place.join("bin");
    }
    let run = |program: &Path, arguments: &[&str]| {
        let ended = Command::new(program).args(arguments).status().unwrap();
        assert!(ended.success(), "{} {arguments:?}", program.display());
    };
    run(
        Path::new("python3"),
        &["-m", "venv", "--clear", place.to_str().unwrap()],
    );
    run(&place.join("bin/pip"), &["install", "--quiet", "-r", &requirements]);
    std::fs::write(&installed, wanted).unwrap();
    place.join("bin")
}

/// A story of a client that is installed for it, last in the path: the Python that tells it is another.
fn tell_of_a_client(story: &str, bin: &Path) {
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}:{}", aws_tools().display(), bin.display());
    let user = User::new().with("PATH", &path);
    user.confctl(&["sandbox", "start"]).exits(0);
    tell(&with_the_site(user), story);
}

#[test]
fn the_eb_cli_finds_beanstalk() {
    tell_of_a_client("eb_cli", &tools("eb"));
}

#[test]
fn ansible_makes_the_stack_and_finds_it_as_it_is() {
    tell_of_a_client("ansible", &tools("ansible"));
}

#[test]
fn the_articles_stack_can_be_made_changed_and_removed_by_hand() {
    let user = User::new().with("CONFCTL_SANDBOX_TIME_SCALE", UNHURRIED);
    let before = user.inventory_of_a_fresh_sandbox();
    let user = tell_with_the_site(user, "article");
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
    // A table is made in eight seconds and deleted in five.
    let user = User::new().with("CONFCTL_SANDBOX_TIME_SCALE", "10");
    user.confctl(&["sandbox", "start"]).exits(0);
    tell(&user, "tables");
}

#[test]
fn buckets_keep_bundles_locks_and_versions_as_s3_does() {
    tell_a_quick_one("storage");
}

#[test]
fn answers_are_as_aws_was_recorded_to_give_them() {
    tell_a_quick_one("recorded");
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
fn what_carries_a_tag_is_found_by_it_and_for_a_while_after_it_is_gone() {
    // Twenty minutes are ten seconds.
    let user = User::new().with("CONFCTL_SANDBOX_TIME_SCALE", BRISK);
    user.confctl(&["sandbox", "start"]).exits(0);
    tell(&user, "tagging");
}

#[test]
fn what_the_sandbox_does_not_have_it_says() {
    tell_a_quick_one("limits");
}

#[test]
fn the_walker_finds_whatever_is_wrong_with_an_answer() {
    tell_a_quick_one("walker");
}

#[test]
fn zones_certificates_and_a_distributions_own_names_hang_together_as_on_aws() {
    tell_a_quick_one("domain");
}

#[test]
fn metrics_of_ones_own_are_read_and_watched() {
    tell_a_quick_one("metrics");
}

#[test]
fn of_every_operation_and_member_that_aws_has_none_is_ignored() {
    tell_a_quick_one("exhaustive");
}

#[test]
fn what_a_hasty_client_does_not_expect_happens_here_too() {
    let user = User::new().with("CONFCTL_SANDBOX_TIME_SCALE", BRISK);
    user.confctl(&["sandbox", "start"]).exits(0);
    tell_with_the_site(user, "traps");
}

#[test]
fn a_deployment_that_fails_half_way_is_seen_instance_by_instance() {
    let user = User::new();
    user.confctl(&["sandbox", "start"]).exits(0);
    tell_with_the_site(user, "deployments");
}

#[test]
fn a_group_is_larger_at_an_hour_and_smaller_at_another() {
    let user = User::new();
    user.confctl(&["sandbox", "start"]).exits(0);
    tell_with_the_site(user, "schedules");
}

#[test]
fn a_load_balancer_of_ones_own_is_locked_and_shared_as_elb_and_beanstalk_do_it() {
    let user = User::new();
    user.confctl(&["sandbox", "start"]).exits(0);
    tell_with_the_site(user, "balancers");
}

#[test]
fn an_account_that_was_opened_lately_meets_its_gates() {
    let user = User::new().with("CONFORMANCE_NEW_ACCOUNT", "1");
    user.confctl(&["sandbox", "start", "--gates", "new"]).exits(0);
    tell_with_the_site(user, "new_account");
}

#[test]
fn what_was_just_made_shows_late_where_that_is_switched_on() {
    // Five seconds of real time: what comes right after a call comes within them. And 12 for the hour in which terminated
    // environments are listed.
    let user = User::new()
        .with("CONFORMANCE_SLOW_READS", "1")
        .with("CONFCTL_SANDBOX_TIME_SCALE", "300");
    user.confctl(&["sandbox", "start", "--tag-delay", "1500"]).exits(0);
    tell(&user, "switches");
}

#[test]
fn boto3_in_two_protocols_and_a_query_by_hand_read_the_same_moments() {
    let user = User::new();
    user.confctl(&["sandbox", "start"]).exits(0);
    tell_with_the_site(user, "moments");
}
