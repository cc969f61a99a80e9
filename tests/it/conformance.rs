//! AWS's own tools find AWS in the sandbox: each story of tests/conformance with an account of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, HistoryItemType, ScanBy, Statistic};
use serde_json::Value;

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

#[test]
fn the_walker_finds_whatever_is_wrong_with_an_answer() {
    tell_a_quick_one("walker");
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

#[tokio::test]
async fn boto3_the_rust_sdk_and_a_query_by_hand_read_the_same_moments() {
    let user = User::new();
    user.confctl(&["sandbox", "start"]).exits(0);
    let file = user.home().join("moments.json");
    let user = user.with("MOMENTS", file.to_str().unwrap());
    let user = tell_with_the_site(user, "moments");
    let by_boto3: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let cloudwatch = cloudwatch(&user).await;

    let alarm = by_boto3["alarm"].as_str().unwrap();
    let alarms = cloudwatch.describe_alarms().alarm_names(alarm).send().await.unwrap();
    let configured = alarms.metric_alarms()[0].alarm_configuration_updated_timestamp();
    assert_eq!(milliseconds(configured), by_boto3["configured"]);

    let history = cloudwatch
        .describe_alarm_history()
        .alarm_name(alarm)
        .history_item_type(HistoryItemType::ConfigurationUpdate)
        .scan_by(ScanBy::TimestampAscending)
        .send()
        .await
        .unwrap();
    assert_eq!(
        milliseconds(history.alarm_history_items()[0].timestamp()),
        by_boto3["history"]
    );

    let group = by_boto3["group"].as_str().unwrap();
    let moment = |name: &str| DateTime::from_millis(by_boto3[name].as_i64().unwrap());
    let statistics = cloudwatch
        .get_metric_statistics()
        .namespace("AWS/EC2")
        .metric_name("CPUUtilization")
        .dimensions(Dimension::builder().name("AutoScalingGroupName").value(group).build())
        .statistics(Statistic::Average)
        .period(300)
        .start_time(moment("begin"))
        .end_time(moment("end"))
        .send()
        .await
        .unwrap();
    let points = statistics.datapoints().iter();
    let read: Vec<Value> = points.map(|point| milliseconds(point.timestamp())).collect();
    for point in by_boto3["points"].as_array().unwrap() {
        assert!(read.contains(point), "{point} is not among {read:?}");
    }
}

/// Rounded: seconds travel as a floating point number, of which the SDK cuts off what is below a nanosecond.
fn milliseconds(time: Option<&DateTime>) -> Value {
    ((time.unwrap().as_secs_f64() * 1000.0).round() as i64).into()
}

async fn cloudwatch(user: &User) -> aws_sdk_cloudwatch::Client {
    let set: BTreeMap<String, String> = user.aws_environment().into_iter().collect();
    let (key, secret) = (&set["AWS_ACCESS_KEY_ID"], &set["AWS_SECRET_ACCESS_KEY"]);
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .endpoint_url(&set["AWS_ENDPOINT_URL"])
        .region(aws_config::Region::new(set["AWS_REGION"].clone()))
        .credentials_provider(aws_credential_types::Credentials::new(key, secret, None, None, "test"))
        .load()
        .await;
    aws_sdk_cloudwatch::Client::new(&config)
}
