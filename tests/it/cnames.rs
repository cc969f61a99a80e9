//! Names of environments are one namespace for all customers of AWS: somebody else takes one in the middle of a run.

use crate::interrupted::wait_for;
use crate::support::{User, finish};

#[test]
fn a_name_that_was_free_when_asked_may_be_taken_when_wanted() {
    let user = User::new();
    user.confctl(&["sandbox", "start"]).exits(0);
    let bundle = user.confctl(&["bundle", "-o", "json"]).exits(0).summary();
    let bundle = bundle["outputs"]["bundle"].as_str().unwrap().to_owned();
    let bucket = user.aws_json(&["elasticbeanstalk", "create-storage-location"]);
    let bucket = bucket["S3Bucket"].as_str().unwrap();
    user.aws(&["s3", "cp", &bundle, &format!("s3://{bucket}/one.zip")])
        .exits(0);
    let version = [
        "elasticbeanstalk",
        "create-application-version",
        "--auto-create-application",
    ];
    let named = [
        "--application-name",
        "hasty",
        "--version-label",
        "one",
        "--source-bundle",
    ];
    let source = format!("S3Bucket={bucket},S3Key=one.zip");
    user.aws(&[&version[..], &named, &[source.as_str()]].concat()).exits(0);
    user.aws(&["ec2", "create-default-vpc"]).exits(0);

    let asked = [
        "elasticbeanstalk",
        "check-dns-availability",
        "--cname-prefix",
        "conference",
    ];
    assert_eq!(user.aws_json(&asked)["Available"], true);
    user.confctl(&["sandbox", "fault", "take-cname", "conference"]).exits(0);
    let create = ["elasticbeanstalk", "create-environment", "--application-name", "hasty"];
    let named = [
        "--environment-name",
        "hasty-env",
        "--cname-prefix",
        "conference",
        "--version-label",
        "one",
    ];
    let platform = "arn:aws:elasticbeanstalk:::platform/Go 1 running on 64bit Amazon Linux 2023";
    let wanted = [&create[..], &named, &["--platform-arn", platform]].concat();
    let refused = user.aws(&wanted);
    assert!(
        refused.stderr.contains("InvalidParameterValue")
            && refused.stderr.contains("DNS name (conference) is not available."),
        "{}",
        refused.stderr
    );
    assert_eq!(user.aws_json(&asked)["Available"], false);
    user.confctl(&["sandbox", "fault", "free-cname", "conference"]).exits(0);
    user.aws(&wanted).exits(0);
}

#[test]
fn where_every_name_is_taken_up_says_so_and_leaves_nothing_unsaid() {
    let user = User::new();
    let empty = user.inventory_of_a_fresh_sandbox();
    user.confctl(&["sandbox", "fault", "take-cname", "tcb-conference*"])
        .exits(0);
    let up = ["up", "--sandbox", "--yes", "-p", "dev", "--no-verify"];
    let failed = user.confctl(&up).exits(1);
    assert!(
        failed.stderr.contains("three names in a row were taken by others"),
        "{}",
        failed.stderr
    );
    user.confctl(&["sandbox", "fault", "free-cname", "tcb-conference*"])
        .exits(0);
    user.confctl(&up).exits(0);
    user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
    assert_eq!(user.inventory(), empty);
}

#[test]
fn a_name_that_was_asked_for_and_is_taken_is_not_asked_for_again() {
    let user = User::new();
    user.confctl(&["sandbox", "start"]).exits(0);
    user.confctl(&["sandbox", "fault", "take-cname", "our-conference"])
        .exits(0);
    let named = ["--set", "environment.cname_prefix=our-conference"];
    let up = ["up", "--sandbox", "--yes", "-p", "dev", "--no-verify"];
    let failed = user.confctl(&[&up[..], &named].concat()).exits(1);
    for text in [
        "DNS name (our-conference) is not available",
        "--set environment.cname_prefix=NAME",
    ] {
        assert!(failed.stderr.contains(text), "not told '{text}': {}", failed.stderr);
    }
    assert_eq!(user.calls("CreateEnvironment"), 1);
    user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
}

#[test]
fn a_name_that_is_lost_between_two_launches_is_no_origin_any_more() {
    // The first launch ends at once, since IAM spreads the instance profile late, and gives its name up. A slow clock: on a
    // busy machine it must not have been spread before the launch asks for it.
    let user = User::new()
        .with("CONFCTL_SANDBOX_TIME_SCALE", "10")
        .with("CONFCTL_SANDBOX_TAG_DELAY", "55");
    user.confctl(&["bundle"]).exits(0);
    let empty = user.inventory_of_a_fresh_sandbox();
    let mut run = user.start(&["up", "--sandbox", "--yes", "-p", "ci", "-o", "json"]);
    wait_for(&user, &mut run, "CreateEnvironment");
    user.confctl(&["sandbox", "fault", "take-cname", "tcb-conference*"])
        .exits(0);
    let failed = finish(run).exits(1);
    let error = failed.summary()["error"].to_string();
    let left = failed.summary()["left_behind"].to_string();
    assert!(
        left.contains("a distribution that may fetch from tcb-conference-env"),
        "{left}"
    );
    assert!(error.contains("is not available"), "{error}");
    assert!(
        error.contains("somebody else took the name that the distribution fetches from"),
        "{error}"
    );
    user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
    assert_eq!(user.inventory(), empty);
}
