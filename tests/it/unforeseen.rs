//! What changes after a plan was shown: nothing is done that nobody saw, but for what nobody feels.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout};
use std::time::Duration;

use serde_json::Value;

use crate::interrupted::lock_of;
use crate::support::{Ran, User, until};

const BUCKET: &str = "elasticbeanstalk-us-east-1-123456789012";
const ENVIRONMENT: [&str; 2] = ["--environment-name", "Tcb-conference-env"];

fn arguments<'a>(bundle: &'a str, command: &[&'a str]) -> Vec<&'a str> {
    let stack = ["--sandbox", "-p", "dev", "-o", "json", "--set", bundle];
    [command, &stack].concat()
}

/// A run that is being followed.
struct Following {
    run: Child,
    told: BufReader<ChildStdout>,
    so_far: String,
}

impl Following {
    fn start(user: &User, arguments: &[&str]) -> Self {
        let mut run = user.start(arguments);
        let told = BufReader::new(run.stdout.take().unwrap());
        Self {
            run,
            told,
            so_far: String::new(),
        }
    }

    /// Until it says this.
    #[track_caller]
    fn says(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            let read = self.told.read_line(&mut line).unwrap();
            self.so_far.push_str(&line);
            assert!(read > 0, "it ended without '{text}':\n{}", self.so_far);
        }
    }

    fn end(mut self) -> Ran {
        self.told.read_to_string(&mut self.so_far).unwrap();
        let mut ran = Ran::from(self.run.wait_with_output().unwrap());
        ran.stdout = self.so_far;
        ran
    }
}

fn status_of_version(user: &User, label: &str) -> Value {
    let ask = [
        "elasticbeanstalk",
        "describe-application-versions",
        "--version-labels",
        label,
    ];
    user.aws_json(&ask)["ApplicationVersions"][0]["Status"].clone()
}

/// Deletes the version, and makes it again with the same tags of what is no archive.
fn spoil_the_version(user: &User, label: &str) {
    let of = ["--application-name", "tcb-conference", "--version-label", label];
    user.aws(&[&["elasticbeanstalk", "delete-application-version"], &of[..]].concat())
        .exits(0);
    let file = user.home().join("no-archive.zip");
    std::fs::write(&file, "no archive").unwrap();
    let key = format!("confctl/tcb-conference/bundles/{label}.zip");
    let place = format!("s3://{BUCKET}/{key}");
    user.aws(&["s3", "cp", file.to_str().unwrap(), &place]).exits(0);
    let source = format!("S3Bucket={BUCKET},S3Key={key}");
    let made = ["--process", "--source-bundle", &source, "--tags"];
    let tags = [
        "Key=confctl:stack,Value=tcb-conference",
        "Key=confctl:region,Value=us-east-1",
        "Key=confctl:resource,Value=app-version",
    ];
    let create = ["elasticbeanstalk", "create-application-version"];
    // Once more: the same text is no renewal, and its lease begins anew.
    lock_of(user, "other");
    user.aws(&[&create[..], &of, &made, &tags].concat()).exits(0);
    until("the version to be looked into", Duration::from_secs(60), || {
        status_of_version(user, label) == "FAILED"
    });
}

#[test]
fn a_version_that_turns_failed_while_the_lock_is_waited_for_is_not_remade_unseen() {
    let user = User::new();
    let empty = user.inventory_of_a_fresh_sandbox();
    let bundle = user.site(&[]);
    let up = arguments(&bundle, &["up", "--yes", "--no-verify"]);
    let first = user.confctl(&up).exits(0);
    let label = first.summary()["outputs"]["application_version"]
        .as_str()
        .unwrap()
        .to_owned();
    // Somebody terminates the environment, so that there is something to do, and a version that nothing runs.
    user.aws(&[&["elasticbeanstalk", "terminate-environment"], &ENVIRONMENT[..]].concat())
        .exits(0);
    user.awaits_environment(|status| status == "Terminated");

    let lock = lock_of(&user, "other");
    let mut run = Following::start(&user, &up);
    run.says("locked by");
    spoil_the_version(&user, &label);
    let made = |user: &User| ["CreateApplicationVersion", "CreateEnvironment"].map(|call| user.calls(call));
    let before = made(&user);
    user.aws(&["s3", "rm", &lock]).exits(0);
    let refused = run.end().exits(4);
    let error = refused.summary()["error"].clone();
    assert!(error["message"].to_string().contains("changed between"), "{error:#}");
    assert_eq!(made(&user), before);
    assert_eq!(status_of_version(&user, &label), "FAILED");

    // What the next plan shows is what is then done.
    let plan = user.confctl(&arguments(&bundle, &["plan"])).exits(0);
    assert!(plan.stdout.contains("made again"), "{}", plan.stdout);
    user.confctl(&up).exits(0);
    assert_eq!(status_of_version(&user, &label), "PROCESSED");
    user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
    let left = user.inventory().into_iter();
    // Of the one that others terminated: nobody can tell any more whose it was.
    let left: Vec<_> = left.filter(|item| !item.contains("resources/environments/")).collect();
    assert_eq!(left, empty);
}

/// Somebody changes the environment: these options, and rolling updates by time, which take their four minutes.
fn change_by_hand(user: &User, settings: &[&str]) {
    let options = settings.iter().copied().chain([
        "Namespace=aws:autoscaling:updatepolicy:rollingupdate,OptionName=RollingUpdateEnabled,Value=true",
        "Namespace=aws:autoscaling:updatepolicy:rollingupdate,OptionName=RollingUpdateType,Value=Time",
        "Namespace=aws:autoscaling:updatepolicy:rollingupdate,OptionName=PauseTime,Value=PT4M",
    ]);
    let options: Vec<&str> = options.collect();
    let update = ["elasticbeanstalk", "update-environment"];
    user.aws(&[&update[..], &ENVIRONMENT, &["--option-settings"], &options].concat())
        .exits(0);
}

fn setting(user: &User, namespace: &str, name: &str) -> Value {
    let ask = [
        "elasticbeanstalk",
        "describe-configuration-settings",
        "--application-name",
        "tcb-conference",
    ];
    let answer = user.aws_json(&[&ask[..], &ENVIRONMENT].concat());
    let options = answer["ConfigurationSettings"][0]["OptionSettings"].as_array().unwrap();
    let of = |option: &&Value| option["Namespace"] == namespace && option["OptionName"] == name;
    options.iter().find(of).unwrap()["Value"].clone()
}

const TYPES: (&str, &str) = ("aws:ec2:instances", "InstanceTypes");
const TIMEOUT: (&str, &str) = ("aws:elasticbeanstalk:command", "Timeout");

#[test]
fn what_somebody_changes_meanwhile_is_undone_unseen_only_where_nobody_feels_it() {
    // At this pace the four minutes of an update are four seconds.
    let user = User::new().with("CONFCTL_SANDBOX_TIME_SCALE", "60");
    let bundle = user.site(&[]);
    let up = arguments(&bundle, &["up", "--yes", "--no-verify"]);
    user.confctl(&up).exits(0);
    let by_hand =
        |(namespace, name): (&str, &str), value: &str| format!("Namespace={namespace},OptionName={name},Value={value}");

    // Its instance is replaced while `up` comes, and would be again.
    change_by_hand(&user, &[&by_hand(TYPES, "t3.small")]);
    let before = user.calls("UpdateEnvironment");
    let stopped = user.confctl(&up).exits(3);
    assert!(stopped.stdout.contains("is Updating"), "{}", stopped.stdout);
    let error = stopped.summary()["error"].clone();
    assert!(error["hint"].to_string().contains("confctl plan"), "{error:#}");
    assert!(error["cause"].to_string().contains("InstanceTypes"), "{error:#}");
    assert_eq!(user.calls("UpdateEnvironment"), before);
    assert_eq!(setting(&user, TYPES.0, TYPES.1), "t3.small");

    // Somebody puts that right, and changes what only the next deployment would come to know.
    change_by_hand(&user, &[&by_hand(TYPES, "t3.micro"), &by_hand(TIMEOUT, "901")]);
    let done = user.confctl(&up).exits(0);
    assert!(done.stdout.contains("is Updating"), "{}", done.stdout);
    assert_eq!(setting(&user, TYPES.0, TYPES.1), "t3.micro");
    assert_eq!(setting(&user, TIMEOUT.0, TIMEOUT.1), "600");
    let rest = arguments(&bundle, &["plan", "--detailed-exitcode"]);
    user.confctl(&rest).exits(0);
}
