//! Answers that are lost, denied or never come: the run goes on where it can, and where it cannot it ends soon and says what there is.

use serde_json::Value;

use crate::interrupted::send;
use crate::support::{User, finish};

/// A clock on which a change of AWS's takes longer than to ask for it again.
fn user() -> User {
    User::new().with("CONFCTL_SANDBOX_TIME_SCALE", "60")
}

fn arguments<'a>(profile: &'a str, bundle: &'a str, command: &[&'a str]) -> Vec<&'a str> {
    let stack = ["--sandbox", "--yes", "-p", profile, "-o", "json", "--set", bundle];
    [command, &stack].concat()
}

/// What costs, by the summary of a command that failed.
fn costs(summary: &Value) -> Vec<&str> {
    let left = summary["left_behind"].as_array().into_iter().flatten();
    let left = left.filter(|left| left["costs"] == true);
    left.filter_map(|left| left["what"].as_str()).collect()
}

#[test]
fn every_create_and_change_whose_answer_is_lost_knows_its_own_work() {
    let user = user();
    let empty = user.inventory_of_a_fresh_sandbox();
    let bundle = user.site(&[("health", "well")]);
    let lose = |operation: &&str| user.fault(operation, &["--kind", "cut-after", "--nth", "1"]);
    let creates = [
        "cloudfront:CreateDistributionWithTags",
        "dynamodb:CreateTable",
        "ec2:CreateKeyPair",
        "elasticbeanstalk:CreateApplication",
        "elasticbeanstalk:CreateApplicationVersion",
        "elasticbeanstalk:CreateEnvironment",
        "iam:CreateInstanceProfile",
        "iam:CreateRole",
        "wafv2:CreateWebACL",
    ];
    let lost: Vec<u64> = creates.iter().map(lose).collect();
    let with_key = ["up", "--no-verify", "--set", "ssh.enabled=true"];
    user.confctl(&arguments("ci", &bundle, &with_key)).exits(0);
    assert!(lost.iter().all(|fault| user.hit(*fault) == 1), "{:?}", user.faults());

    let changed = ["--set", "scaling.max=3", "--set", "table.deletion_protection=true"];
    let changes = ["elasticbeanstalk:UpdateEnvironment", "dynamodb:UpdateTable"];
    let lost: Vec<u64> = changes.iter().map(lose).collect();
    let changed = [&with_key[..], &changed].concat();
    let up = arguments("ci", &bundle, &changed);
    user.confctl(&up).exits(0);
    assert!(lost.iter().all(|fault| user.hit(*fault) == 1), "{:?}", user.faults());
    user.confctl(&up).exits(0).has_nothing_to_do();

    // On the way down as well.
    for operation in [
        "cloudfront:DeleteDistribution",
        "dynamodb:DeleteTable",
        "elasticbeanstalk:DeleteApplication",
        "elasticbeanstalk:DeleteApplicationVersion",
        "elasticbeanstalk:TerminateEnvironment",
        "iam:DeleteInstanceProfile",
        "iam:DeleteRole",
        "wafv2:DeleteWebACL",
    ] {
        lose(&operation);
    }
    user.confctl(&["teardown", "--sandbox", "--yes", "--delete-data"])
        .exits(0);
    assert_eq!(user.inventory(), empty);
}

#[test]
fn what_costs_is_told_whatever_read_or_write_is_denied_after_it_was_made() {
    let user = User::new();
    user.inventory_of_a_fresh_sandbox();
    let bundle = user.site(&[]);
    let up = arguments("dev", &bundle, &["up", "--no-verify"]);
    let environment = ["environment Tcb-conference-env with its instance"];

    user.fault("autoscaling:DescribeAutoScalingGroups", &["--kind", "deny"]);
    let denied = user.confctl(&up).exits(1).summary();
    assert_eq!(costs(&denied), environment, "{denied:#}");
    assert!(
        denied["error"]["message"].to_string().contains("Auto Scaling group"),
        "{denied:#}"
    );
    user.clear_faults();

    // All is done by the engine, and the record cannot be put in order.
    user.fault("s3:DeleteObject", &["--kind", "deny"]);
    let change = [&up[..], &["--set", "table.point_in_time_recovery=true"]].concat();
    let denied = user.confctl(&change).exits(1).summary();
    assert_eq!(costs(&denied), environment, "{denied:#}");
    user.clear_faults();
    user.confctl(&change).exits(0);
}

#[test]
fn a_call_that_nobody_answers_ends_at_the_first_ctrl_c() {
    let user = User::new();
    let empty = user.inventory_of_a_fresh_sandbox();
    let bundle = user.site(&[]);
    let up = arguments("dev", &bundle, &["up", "--no-verify"]);
    for held in ["s3:PutObject:*/bundles/*", "elasticbeanstalk:CreateEnvironment"] {
        let fault = user.fault(held, &["--kind", "hold"]);
        let mut run = user.start(&up);
        assert!(user.holds(&mut run, fault), "{held}");
        send(&run, "-INT");
        let stopped = finish(run).exits(130).summary();
        assert_eq!(stopped["resumable"], true, "{stopped:#}");
        // It was not made, and a look says so.
        assert!(costs(&stopped).is_empty(), "{held}: {stopped:#}");
        assert_eq!(user.hit(fault), 1, "{held} was asked for again");
        user.clear_faults();
    }
    user.confctl(&up).exits(0);
    user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
    assert_eq!(user.inventory(), empty);
}

#[test]
fn a_lock_is_shown_and_taken_away_and_its_holder_stops() {
    let user = User::new();
    user.inventory_of_a_fresh_sandbox();
    let bundle = user.site(&[]);
    let unlock = |more: &[&str]| user.confctl(&[&["unlock", "--sandbox"], more].concat());
    let nobody = unlock(&["--yes", "-o", "json"]).exits(0);
    assert_eq!(nobody.summary()["outputs"]["removed"], false);

    let fault = user.fault("dynamodb:CreateTable", &["--kind", "hold"]);
    let mut run = user.start(&arguments("dev", &bundle, &["up", "--no-verify"]));
    assert!(user.holds(&mut run, fault));
    let refused = unlock(&[]).exits(4);
    assert!(refused.stderr.contains("`confctl up`"), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("still at work on this machine"),
        "{}",
        refused.stderr
    );
    // Nobody waits for one that is at work here.
    let locked = user.confctl(&arguments("dev", &bundle, &["up"])).exits(6).summary();
    assert!(
        locked["error"]["hint"].to_string().contains("confctl unlock --sandbox"),
        "{locked:#}"
    );

    assert_eq!(
        unlock(&["--yes", "-o", "json"]).exits(0).summary()["outputs"]["removed"],
        true
    );
    let lost = finish(run).exits(6).summary();
    assert!(lost["error"]["cause"].to_string().contains("was removed"), "{lost:#}");
}
