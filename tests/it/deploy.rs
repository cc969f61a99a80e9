//! Deployments: one that breaks on its second batch and the way back, one that goes back by itself, one that is stopped, and the ways
//! in which instances take a version.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::process::Child;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::interrupted::wait_for;
use crate::support::{Ran, User, finish, until};

/// Three instances behind a load balancer, deployed to one by one.
const THREE: &[&str] = &[
    "--set",
    "environment.type=LoadBalanced",
    "--set",
    "environment.deployment_policy=Rolling",
    "--set",
    "environment.deployment_batch_percent=30",
    "--set",
    "scaling.min=3",
    "--set",
    "scaling.max=4",
];

/// A user with a site of a page, and a place where hooks of its versions meet, whatever user they are run as.
struct Site {
    user: User,
    settings: Vec<String>,
    meeting: TempDir,
}

impl Site {
    fn new(more: &[&str]) -> Self {
        Self::of(User::new(), more)
    }

    fn of(user: User, more: &[&str]) -> Self {
        let meeting = tempfile::tempdir().unwrap();
        std::fs::set_permissions(meeting.path(), PermissionsExt::from_mode(0o777)).unwrap();
        let bundle = user.site(&[]);
        let mut settings: Vec<String> = more.iter().map(|word| (*word).to_owned()).collect();
        settings.extend([
            "--set".to_owned(),
            bundle,
            "--set".to_owned(),
            "app.health_path=/".to_owned(),
        ]);
        Self {
            user,
            settings,
            meeting,
        }
    }

    fn arguments<'a>(&'a self, command: &[&'a str]) -> Vec<&'a str> {
        let usual = ["--sandbox", "-p", "dev", "-o", "json"];
        let settings = self.settings.iter().map(String::as_str);
        command.iter().copied().chain(usual).chain(settings).collect()
    }

    fn run(&self, command: &[&str]) -> Ran {
        self.user.confctl(&self.arguments(command))
    }

    fn start(&self, command: &[&str]) -> Child {
        self.user.start(&self.arguments(command))
    }

    /// Another page, and what the version does before it is started.
    fn becomes(&self, page: &str, hook: &str) {
        let page = format!("<h1>{page}</h1>\n");
        let hook = format!("#!/bin/sh\ncd {}\n{hook}\n", self.meeting.path().display());
        self.user
            .site(&[("index.html", &page), (".platform/hooks/predeploy/1.sh", &hook)]);
    }

    /// Puts the site up; gives the version's label.
    fn up(&self) -> String {
        version(&self.run(&["up", "--yes", "--no-verify"]).exits(0).summary())
    }

    /// Label and status of each instance's deployment, as the AWS CLI shows it.
    fn deployed(&self) -> BTreeSet<(String, String, String)> {
        let ask = [
            "elasticbeanstalk",
            "describe-instances-health",
            "--attribute-names",
            "All",
        ];
        let named = ["--environment-name", "Tcb-conference-env"];
        let health = self.user.aws_json(&[&ask[..], &named[..]].concat());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let instances = health["InstanceHealthList"].as_array().unwrap().iter();
        instances
            .map(|it| {
                let deployment = &it["Deployment"];
                (
                    text(&deployment["VersionLabel"]),
                    text(&deployment["Status"]),
                    text(&it["InstanceId"]),
                )
            })
            .collect()
    }

    /// How many instances are at which version and status.
    fn counted(&self) -> Vec<(String, String)> {
        self.deployed()
            .into_iter()
            .map(|(label, status, _)| (label, status))
            .collect()
    }

    #[track_caller]
    fn runs_everywhere(&self, label: &str) {
        let deployed = self.counted();
        let everywhere = deployed
            .iter()
            .all(|one| *one == (label.to_owned(), "Deployed".to_owned()));
        assert!(!deployed.is_empty() && everywhere, "{label}: {deployed:?}");
    }

    fn environment(&self) -> Value {
        let describe = ["elasticbeanstalk", "describe-environments", "--environment-names"];
        let environments = self.user.aws_json(&[&describe[..], &["Tcb-conference-env"]].concat());
        environments["Environments"][0].clone()
    }
}

fn version(summary: &Value) -> String {
    summary["outputs"]["application_version"].as_str().unwrap().to_owned()
}

fn pair(label: &str, status: &str) -> (String, String) {
    (label.to_owned(), status.to_owned())
}

/// The first instance takes it, and no other one: with its own words.
const FRAIL: &str = "mkdir taken 2>/dev/null || { echo 'no room for a second one' >&2; exit 3; }";

#[track_caller]
fn says(value: &Value, part: &str) {
    assert!(value.to_string().contains(part), "no word of {part}: {value:#}");
}

#[test]
fn one_that_breaks_on_its_second_batch_names_the_mixed_versions_and_goes_back_to_one() {
    let site = Site::new(THREE);
    let first = site.up();
    site.becomes("two", FRAIL);

    let broken = site.run(&["deploy", "--yes"]).exits(1);
    // Watched batch by batch, with what it costs told before.
    says(
        &Value::from(broken.stdout.clone()),
        "by rolling: 3 batches of 1, about 9 min of AWS's",
    );
    says(&Value::from(broken.stdout.clone()), "1 of 3 instances run");
    let error = &broken.summary()["error"];
    let labels = site.counted();
    let other = labels
        .iter()
        .map(|(label, _)| label)
        .find(|label| **label != first)
        .unwrap();
    let mut mixed = vec![pair(&first, "Deployed"), pair(other, "Deployed"), pair(other, "Failed")];
    mixed.sort();
    assert_eq!(labels, mixed);
    // Which instances run what, why, and the way back.
    says(&error["cause"], &format!("took {other} (deployment 2)"));
    says(&error["cause"], &format!("{other} failed there (deployment 2)"));
    says(&error["cause"], &format!("stayed at {first} (deployment 1)"));
    // Where and why in the first line, and nothing of it again.
    let message = error["message"].as_str().unwrap();
    assert!(
        message.starts_with(&format!("the deployment of {other} failed on i-")),
        "{message}"
    );
    assert!(
        message.contains(" (batch 2 of 3): ") && message.ends_with("no room for a second one"),
        "{message}"
    );
    assert!(!error["cause"].to_string().contains("no room"), "{error:#}");
    // It was there before, and is no leftover of a deployment.
    assert_eq!(broken.summary()["left_behind"], Value::Null);
    says(&error["hint"], "confctl deploy --sandbox");
    says(&error["hint"], "--rollback");
    // The label of the environment itself tells nothing of it.
    assert_eq!(site.environment()["VersionLabel"], first.as_str());
    says(&site.run(&["plan"]).exits(0).summary(), "\"changes\":true");
    // Whoever only looks sees it, too.
    let status = site.run(&["status"]).exits(0).summary();
    let states: BTreeSet<_> = status["outputs"]["instances"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["state"].to_string())
        .collect();
    assert_eq!(states.len(), 2, "{status:#}");
    says(&status["outputs"]["causes"], "Incorrect application version");
    let text = site.user.confctl(&["status", "--sandbox"]).exits(0).stdout;
    assert!(
        text.contains(&format!("{other} failed there")) && text.contains("deploy --sandbox --rollback"),
        "{text}"
    );

    let back = site.run(&["deploy", "--rollback", "--yes"]).exits(0).summary();
    assert_eq!(back["outputs"]["application_version"], first.as_str());
    assert_eq!(back["outputs"]["rolled_back"][0], other.as_str());
    site.runs_everywhere(&first);

    // What was rolled back stays so until somebody says otherwise.
    let plan = site.run(&["plan"]).exits(0);
    assert_eq!(plan.summary()["outputs"]["changes"], false, "{}", plan.stdout);
    says(&Value::from(plan.stdout), &format!("{other} was rolled back"));
    site.run(&["up", "--yes", "--no-verify"]).exits(0).has_nothing_to_do();
    let refused = site.run(&["deploy", "--yes"]).exits(4).summary();
    says(&refused["error"]["hint"], "--force");
    let forced = site.run(&["plan", "--force"]).exits(0).summary();
    assert_eq!(forced["outputs"]["changes"], true);
    site.runs_everywhere(&first);

    // A further one that breaks goes back by itself.
    std::fs::remove_dir(site.meeting.path().join("taken")).unwrap();
    site.becomes("three", FRAIL);
    let broken = site.run(&["deploy", "--yes", "--auto-rollback"]).exits(1).summary();
    says(&broken["error"]["message"], "no room for a second one");
    assert!(!broken["error"]["cause"].to_string().contains(" runs "), "{broken:#}");
    assert_eq!(broken["outputs"]["application_version"], first.as_str());
    let third = broken["outputs"]["rolled_back"][0].as_str().unwrap().to_owned();
    assert!(third != first && third != *other, "{third}");
    site.runs_everywhere(&first);
    let plan = site.run(&["plan"]).exits(0);
    assert_eq!(plan.summary()["outputs"]["changes"], false, "{}", plan.stdout);
}

#[test]
fn one_that_is_stopped_leaves_mixed_versions_and_a_way_back() {
    // An instance may wait for two minutes until its command counts as hung.
    let patient = [THREE, &["--set", "environment.command_timeout=3600"]].concat();
    let site = Site::of(User::new().with("CONFCTL_SANDBOX_TIME_SCALE", "30"), &patient);
    let first = site.up();
    site.run(&["deploy", "--abort", "--yes"]).exits(0).has_nothing_to_do();
    // The second instance takes it once somebody says so.
    let wait = "mkdir taken 2>/dev/null && exit 0\nwhile [ ! -e go ]; do sleep 0.1; done";
    site.becomes("two", wait);
    let mut deploying = site.start(&["deploy", "--yes"]);
    until("the second batch", Duration::from_secs(240), || {
        let over = deploying.try_wait().unwrap().is_some();
        over || site
            .counted()
            .iter()
            .any(|(label, status)| *label != first && status == "Deployed")
            && site.counted().iter().any(|(_, status)| status == "In Progress")
    });
    assert_eq!(site.environment()["AbortableOperationInProgress"], true);
    // Going back has to wait until it is over, one way or the other.
    let refused = site.run(&["deploy", "--rollback", "--yes"]).exits(4).summary();
    says(&refused["error"], "--abort");

    let mut stopping = site.start(&["deploy", "--abort", "--yes"]);
    wait_for(&site.user, &mut stopping, "AbortEnvironmentUpdate");
    std::fs::write(site.meeting.path().join("go"), "").unwrap();
    let stopped = finish(stopping).exits(0).summary();
    assert_eq!(
        stopped["outputs"]["instances"].as_array().unwrap().len(),
        3,
        "{stopped:#}"
    );
    assert_eq!(stopped["outputs"]["application_version"], first.as_str());
    let broken_off = finish(deploying).exits(1).summary();
    assert_eq!(broken_off["error"]["kind"], "aborted");
    says(&broken_off["error"]["message"], "was stopped by somebody");
    says(&broken_off["error"]["cause"], "During an aborted deployment");
    says(&broken_off["error"]["hint"], "--rollback");
    let labels: BTreeSet<String> = site.counted().into_iter().map(|(label, _)| label).collect();
    assert_eq!(labels.len(), 2, "{labels:?}");

    site.run(&["deploy", "--rollback", "--yes"]).exits(0);
    site.runs_everywhere(&first);
}

/// The value of the option by which instances take versions.
fn policy(site: &Site) -> Value {
    let describe = ["elasticbeanstalk", "describe-configuration-settings"];
    let named = [
        "--application-name",
        "tcb-conference",
        "--environment-name",
        "Tcb-conference-env",
    ];
    let settings = site.user.aws_json(&[&describe[..], &named[..]].concat());
    let options = settings["ConfigurationSettings"][0]["OptionSettings"]
        .as_array()
        .unwrap()
        .clone();
    let option = options.iter().find(|option| option["OptionName"] == "DeploymentPolicy");
    option.unwrap()["Value"].clone()
}

/// Versions that another run of the same stack left long ago, and one of somebody else's.
const OLDER: &str = "
import boto3
beanstalk, storage = boto3.client('elasticbeanstalk'), 'elasticbeanstalk-us-east-1-123456789012'
boto3.client('s3').put_object(Bucket=storage, Key='old.zip', Body=b'')
ours = {'confctl:stack': 'tcb-conference', 'confctl:region': 'us-east-1', 'confctl:resource': 'app-version'}
for number in range(13):
    tags = ours if number != 1 else {'team': 'billing'}
    beanstalk.create_application_version(
        ApplicationName='tcb-conference', VersionLabel=f'old-{number}',
        SourceBundle={'S3Bucket': storage, 'S3Key': 'old.zip'},
        Tags=[{'Key': key, 'Value': value} for key, value in tags.items()])
";

#[test]
fn a_single_instance_is_replaced_for_one_deployment_and_old_versions_go() {
    let site = Site::new(&[]);
    let first = site.up();
    site.user.python(OLDER).exits(0);
    let (before, usual) = (site.deployed(), policy(&site));
    site.becomes("two", "exit 0");

    // What a single instance cannot have is refused, and what the sandbox has not is said by it.
    let refused = site
        .run(&["deploy", "--yes", "--strategy", "rolling"])
        .exits(4)
        .summary();
    says(&refused["error"], "a single instance");
    let five = ["--set", "app.keep_versions=5"];
    let immutable = ["deploy", "--yes", "--strategy", "immutable"];
    let deployed = site.run(&[&immutable[..], &five].concat()).exits(0);
    says(
        &Value::from(deployed.stdout.clone()),
        "by immutable: about 12 min of AWS's, 2 vCPUs more, all serve",
    );
    says(&Value::from(deployed.stdout.clone()), "Immutable, for this deployment");
    let second = version(&deployed.summary());
    site.runs_everywhere(&second);
    let ids = |deployed: &BTreeSet<(String, String, String)>| -> BTreeSet<String> {
        deployed.iter().map(|(_, _, id)| id.clone()).collect()
    };
    assert!(
        ids(&before).is_disjoint(&ids(&site.deployed())),
        "the instance was not replaced"
    );
    assert_eq!(policy(&site), usual, "for one deployment only");

    // Of 15 versions the newest 5 stay, and whatever is of use: the one that runs, the one before, somebody else's.
    let describe = [
        "elasticbeanstalk",
        "describe-application-versions",
        "--application-name",
        "tcb-conference",
    ];
    let versions = site.user.aws_json(&describe);
    let labels = versions["ApplicationVersions"].as_array().unwrap().iter();
    let labels: BTreeSet<&str> = labels
        .map(|version| version["VersionLabel"].as_str().unwrap())
        .collect();
    assert!(
        labels.contains(first.as_str()) && labels.contains(second.as_str()),
        "{labels:?}"
    );
    assert!(labels.contains("old-1"), "somebody else's went: {labels:?}");
    assert!(labels.contains("old-9") && !labels.contains("old-8"), "{labels:?}");
    assert_eq!(labels.len(), 7, "{labels:?}");

    // Back to a version by its name, and to one that is not there.
    let gone = site.run(&["deploy", "--rollback", "old-0", "--yes"]).exits(4).summary();
    says(&gone["error"], "is not there any more");
    // What is killed on the way goes to the same version the next time, and not to the one before it.
    let back = site.arguments(&["deploy", "--rollback", "--yes"]);
    for (hits, nth) in [
        ("elasticbeanstalk:UpdateEnvironment", 1),
        ("s3:PutObject:*/confctl/*/versions*", 2),
    ] {
        assert!(site.user.killed_at(&back, hits, nth, "after").is_none(), "{hits}");
        site.run(&["deploy", "--rollback", "--yes"]).exits(0);
        site.runs_everywhere(&first);
        let refused = site.run(&["deploy", "--yes"]).exits(4).summary();
        says(&refused["error"], &format!("{second} was rolled back"));
        site.run(&["deploy", "--yes", "--force"]).exits(0);
        site.runs_everywhere(&second);
    }
    site.run(&["deploy", "--rollback", &first, "--yes"]).exits(0);
    site.runs_everywhere(&first);
    site.run(&["plan"]).exits(0);

    // One that leaves no trace is nothing to go back from: the good version stays, and the other is not tried again by itself.
    site.becomes("three", "echo 'no room' >&2; exit 3");
    let broken = site
        .run(&["deploy", "--yes", "--strategy", "immutable"])
        .exits(1)
        .summary();
    says(&broken["error"]["message"], "no room");
    site.runs_everywhere(&first);
    for _ in 0..2 {
        let back = site.run(&["deploy", "--rollback", "--yes"]).exits(0);
        back.has_nothing_to_do();
        assert_eq!(back.summary()["outputs"]["application_version"], first.as_str());
        site.runs_everywhere(&first);
    }
    assert_eq!(site.run(&["plan"]).exits(0).summary()["outputs"]["changes"], false);
    // Neither is one that did not even begin, as a pipeline's that finds no bundle.
    let missing = ["--set", "app.bundle=/nowhere"];
    let arguments = [&site.arguments(&["deploy", "--yes"])[..], &missing].concat();
    assert_ne!(site.user.confctl(&arguments).code(), 0);
    site.run(&["deploy", "--rollback", "--yes"])
        .exits(0)
        .has_nothing_to_do();
    site.runs_everywhere(&first);

    // Without a profile it is the one that was applied; the site stays, for the bundle is on somebody's machine.
    let plain = ["deploy", "--sandbox", "--yes", "-o", "json"];
    let refused = site.user.confctl(&plain).exits(64).summary();
    says(&refused["error"]["hint"], "--set app.bundle=PATH");
    site.runs_everywhere(&first);
    let bundle = site.settings.iter().find(|set| set.starts_with("app.bundle=")).unwrap();
    let named = [&plain[..], &["--set", bundle]].concat();
    says(
        &site.user.confctl(&named).exits(4).summary()["error"]["cause"],
        "was rolled back",
    );
}

#[test]
fn there_is_nothing_to_deploy_to_before_the_first_up() {
    let site = Site::new(&[]);
    let refused = site.run(&["deploy", "--yes"]).exits(4).summary();
    says(&refused["error"]["hint"], "confctl up");
    assert_eq!(site.user.calls("CreateApplicationVersion"), 0);
}
