//! The GitHub Action, its steps run as a runner runs them, against a sandbox and a stand-in for GitHub: a pull request's life, and a
//! run that is cancelled in its middle as GitHub cancels.

mod github;
mod runner;

use serde_json::json;

use self::github::GitHub;
use self::runner::{Cancel, Job};
use crate::support::User;

/// A pull request's events.
fn pull_request(action: &str) -> serde_json::Value {
    json!({"action": action, "pull_request": {"number": 7}})
}

#[test]
fn a_pull_request_has_a_site_and_one_comment_until_it_is_closed() {
    let user = User::new().with("CONFCTL_SANDBOX", "1");
    let empty = user.inventory_of_a_fresh_sandbox();
    let github = GitHub::start();
    // Others talk too, more than a page of it.
    (0..120).for_each(|number| github.says(&format!("comment {number}")));
    let job = Job::new(&user, &github);

    let opened = job
        .with("profile", "dev")
        .event("pull_request", &pull_request("opened"));
    let ran = opened.run();
    assert!(ran.went_well, "{}", ran.log);
    let site = ran.outputs["site_url"].clone();
    user.curl(&["-f", &site]).exits(0);
    assert!(ran.summary.contains("### Plan: "), "{}", ran.summary);
    let comment = github.only_comment_of("confctl pr-7");
    assert!(
        comment.contains("to create") && comment.contains(&format!("Up: {site}")),
        "{comment}"
    );

    // A push: nothing to do, in the same comment.
    let pushed = job
        .with("profile", "dev")
        .event("pull_request", &pull_request("synchronize"));
    assert!(pushed.run().went_well);
    let comment = github.only_comment_of("confctl pr-7");
    assert!(comment.contains("nothing to do"), "{comment}");

    // The branch spoils its profile: the comment says what is wrong, and nothing is changed.
    let spoiled = job
        .with("set", "scaling.maxx=1")
        .event("pull_request", &pull_request("synchronize"))
        .run();
    assert!(!spoiled.went_well, "{}", spoiled.log);
    assert!(
        github.only_comment_of("confctl pr-7").contains("scaling"),
        "{}",
        spoiled.log
    );

    let closed = job.event("pull_request", &pull_request("closed")).run();
    assert!(closed.went_well, "{}", closed.log);
    assert!(github.only_comment_of("confctl pr-7").contains("### Taken away"));
    assert!(closed.summary.contains("### Taken away"), "{}", closed.summary);
    assert_eq!(user.inventory(), empty);
}

#[test]
fn what_nobody_closed_is_taken_away_by_schedule_once_its_time_is_over() {
    let user = User::new().with("CONFCTL_SANDBOX", "1");
    let empty = user.inventory_of_a_fresh_sandbox();
    let github = GitHub::start();
    let job = Job::new(&user, &github);
    let opened = job.with("profile", "dev").with("ttl", "1s");
    let opened = opened.event("pull_request", &pull_request("opened")).run();
    assert!(opened.went_well, "{}", opened.log);
    // No number of a pull request, so no name of a stack either.
    let schedule = job.with("name", "pr-").event("schedule", &json!({}));
    // Somebody registered: it waits for a word, and every run until then says so and is none that failed.
    let table = |operation: &str, item: &[&str]| {
        let line = ["dynamodb", operation, "--table-name", "pr-7-users"];
        user.aws(&[&line[..], item].concat()).exits(0);
    };
    let ann = json!({"email": {"S": "ann@example.org"}}).to_string();
    table("put-item", &["--item", &ann]);
    let refused = schedule.run();
    assert!(
        refused.went_well && refused.log.contains("::warning::"),
        "{}",
        refused.log
    );
    assert!(
        refused.summary.contains("pr-7") && refused.summary.contains("refused"),
        "{}",
        refused.summary
    );
    table("delete-item", &["--key", &ann]);
    let reaped = schedule.run();
    assert!(reaped.went_well, "{}", reaped.log);
    assert!(reaped.summary.contains("removed"), "{}", reaped.summary);
    assert_eq!(user.inventory(), empty);
}

#[test]
fn what_is_not_what_it_was_published_as_does_not_run() {
    let user = User::new();
    let github = GitHub::start();
    let job = Job::new(&user, &github);
    let other = job.with("sha256", &"0".repeat(64)).event("push", &json!({})).run();
    assert!(!other.went_well && other.log.contains("hashes to"), "{}", other.log);
    let plain = job
        .with("archive", "http://127.0.0.1/confctl.tar.gz")
        .event("push", &json!({}))
        .run();
    assert!(
        !plain.went_well && plain.log.contains("neither an https URL"),
        "{}",
        plain.log
    );
    // It runs what a fork proposes, with the repository's secrets.
    let target = job.event("pull_request_target", &pull_request("opened")).run();
    assert!(
        !target.went_well && target.log.contains("pull_request_target"),
        "{}",
        target.log
    );
}

#[test]
fn where_comments_may_not_be_written_the_plan_is_in_the_summary() {
    let user = User::new().with("CONFCTL_SANDBOX", "1");
    let github = GitHub::start();
    let job = Job::new(&user, &github);
    let job = job.with("do", "plan").with("profile", "dev").with("token", "read-only");
    let ran = job.event("pull_request", &pull_request("opened")).run();
    assert!(ran.went_well && ran.log.contains("::warning::"), "{}", ran.log);
    assert!(ran.summary.contains("to create"), "{}", ran.summary);
    assert_eq!(github.comments(), 0);
    // What is not up is no site to tell of.
    let told = job
        .with("do", "up")
        .steps(&["install", "tell"])
        .event("push", &json!({}));
    let told = told.run();
    assert!(!told.went_well && told.log.contains("is not up"), "{}", told.log);
    assert!(!told.summary.contains("null"), "{}", told.summary);
    user.confctl(&["sandbox", "stop"]).exits(0);
}

/// A slow clock, so that there is a middle to be cancelled in.
fn slow() -> User {
    let user = User::new()
        .with("CONFCTL_SANDBOX", "1")
        .with("CONFCTL_SANDBOX_TIME_SCALE", "60");
    user.inventory_of_a_fresh_sandbox();
    user
}

/// A pull request's first run, cancelled when it is so, ends like this; after `meanwhile` the next run goes on with what was begun, and
/// nothing is left once it is closed.
fn is_cancelled_and_gone_on_with(
    user: &User,
    is_so: impl FnMut() -> bool,
    ends: (Cancel, i32),
    meanwhile: impl FnOnce(),
) {
    let empty = user.inventory();
    let github = GitHub::start();
    let job = Job::new(user, &github).with("profile", "dev");
    let job = job.event("pull_request", &pull_request("opened"));
    let ran = job.run_until(is_so);
    let (by, code) = ends;
    assert_eq!((ran.cancelled, ran.code), (Some(by), code), "{}", ran.log);
    meanwhile();
    let again = job.run();
    assert!(again.went_well, "{}", again.log);
    assert_eq!(
        user.calls("CreateEnvironment"),
        1,
        "it was not followed but created again"
    );
    let closed = job.event("pull_request", &pull_request("closed")).run();
    assert!(closed.went_well, "{}", closed.log);
    assert_eq!(user.inventory(), empty);
}

#[test]
fn a_cancelled_run_ends_before_it_is_killed_and_the_next_goes_on() {
    let user = slow();
    let in_the_middle = || user.calls("CreateEnvironment") > 0;
    is_cancelled_and_gone_on_with(&user, in_the_middle, (Cancel::Interrupted, 130), || {
        assert!(
            !user.inventory().iter().any(|item| item.contains("lock.json")),
            "the lock was not given back"
        );
    });
}

#[test]
fn a_cancelled_run_whose_calls_hang_ends_all_the_same_and_the_next_goes_on() {
    let user = slow();
    // Neither the call in flight is answered, nor what would be asked to see what came of it: only the second signal ends this.
    let made = user.fault(
        "elasticbeanstalk:CreateEnvironment",
        &["--kind", "hold", "--when", "after", "--nth", "1"],
    );
    let hangs = || {
        user.fault("elasticbeanstalk:Describe*", &["--kind", "hold"]);
        true
    };
    let in_the_middle = || user.hit(made) > 0 && hangs();
    is_cancelled_and_gone_on_with(&user, in_the_middle, (Cancel::Terminated, 143), || user.clear_faults());
}

#[test]
fn a_verify_that_is_cancelled_while_the_site_hangs_takes_its_registration_back_and_says_what_may_come_of_it() {
    let user = User::new().with("CONFCTL_SANDBOX", "1");
    user.confctl(&["up", "--yes", "-p", "dev", "--no-verify"]).exits(0);
    // The app's own request: the site gives no answer meanwhile.
    let held = user.fault("dynamodb:PutItem", &["--kind", "hold", "--when", "after"]);
    let github = GitHub::start();
    let job = Job::new(&user, &github);
    let ran = job.process(&["verify"], || user.hit(held) > 0);
    assert_eq!(
        (ran.cancelled, ran.code),
        (Some(Cancel::Interrupted), 130),
        "{}",
        ran.log
    );
    assert!(user.calls("DeleteItem") > 0, "{}", ran.log);
    // The app may write it yet; then it is told how it goes.
    let delete = "aws dynamodb delete-item --table-name users --key";
    assert!(
        ran.log.contains("is nobody's") && ran.log.contains(delete),
        "{}",
        ran.log
    );
    user.clear_faults();
}

#[test]
fn the_page_on_pipelines_gives_the_action_what_it_takes() {
    runner::documented_inputs().iter().for_each(|(input, known)| {
        assert!(known, "docs/ci.md gives the action '{input}', which it does not take");
    });
}
