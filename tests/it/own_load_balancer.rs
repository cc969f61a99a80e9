//! A load balancer of the stack's own: CloudFront gets through, and nobody else, ever.

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::{User, until};

const OWN: &[&str] = &["--sandbox", "-p", "tests/it/sweep/own.toml", "-o", "json"];

fn run(user: &User, command: &[&str]) -> crate::support::Ran {
    user.confctl(&[command, OWN].concat())
}

/// What only the site says of itself.
const MARK: &str = "<form";

/// Somebody who tries every way past the edge, all the time.
struct Watcher {
    program: Child,
    end: PathBuf,
}

impl Watcher {
    fn start(user: &User) -> Self {
        user.confctl(&["sandbox", "start"]).exits(0);
        let end = user.home().join("end");
        let told = std::fs::File::create(user.home().join("watched")).unwrap();
        let program = user
            .python_command()
            .arg("tests/it/own_load_balancer/watcher.py")
            .arg(MARK)
            .arg(&end)
            .stdout(told)
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        Self { program, end }
    }

    /// What was answered, a line a way.
    fn ends(mut self, user: &User) -> Vec<String> {
        std::fs::write(&self.end, "").unwrap();
        assert!(self.program.wait().unwrap().success());
        let told = std::fs::read_to_string(user.home().join("watched")).unwrap();
        told.lines().map(str::to_owned).collect()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// The rules of the load balancer's listener, and the security group's.
fn rules(user: &User) -> (Vec<Value>, Value) {
    let balancer = user.aws_json(&["elbv2", "describe-load-balancers", "--names", "eb-tcb-conference"]);
    let arn = balancer["LoadBalancers"][0]["LoadBalancerArn"].as_str().unwrap();
    let listener = user.aws_json(&["elbv2", "describe-listeners", "--load-balancer-arn", arn]);
    let listener = listener["Listeners"][0]["ListenerArn"].as_str().unwrap();
    let rules = user.aws_json(&["elbv2", "describe-rules", "--listener-arn", listener]);
    let groups = user.aws_json(&[
        "ec2",
        "describe-security-groups",
        "--filters",
        "Name=group-name,Values=eb-tcb-conference",
    ]);
    (
        rules["Rules"].as_array().unwrap().clone(),
        groups["SecurityGroups"][0].clone(),
    )
}

/// The secrets that are let in.
fn secrets(user: &User) -> Vec<String> {
    let (rules, _) = rules(user);
    let values = rules[0]["Conditions"][0]["HttpHeaderConfig"]["Values"]
        .as_array()
        .cloned();
    let values = values.unwrap_or_default();
    values.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

#[test]
fn whoever_comes_past_the_edge_never_sees_the_site_from_its_first_moment_to_its_last() {
    let user = User::new();
    let watcher = Watcher::start(&user);
    let log = user.home().join("log");
    let log = ["--log-file", log.to_str().unwrap()];
    let with_log = |command: &[&str]| run(&user, &[command, &log[..]].concat());
    let up = with_log(&["up", "--yes"]).exits(0).summary();
    let tried = up["outputs"]["verified"]
        .as_array()
        .unwrap()
        .iter()
        .any(|check| check["check"] == "lock");
    assert!(tried, "{up}");
    let site = up["outputs"]["site_url"].as_str().unwrap().to_owned();
    assert!(user.curl(&[&site]).stdout.contains(MARK));
    let first = secrets(&user);
    assert_eq!(first.len(), 1);
    run(&user, &["plan"]).exits(0);

    // Whoever knows the secret and comes through an edge is let in: that is all that it stands on.
    with_log(&["up", "--yes", "--set", "app.properties.COLOR=blue"]).exits(0);
    // As it is: its profile has another color.
    let rotate = ["rotate-secret", "--yes", "--sandbox", "-o", "json"];
    user.confctl(&[&rotate[..], &log[..]].concat()).exits(0);
    let second = secrets(&user);
    assert!(second.len() == 1 && second != first);
    run(&user, &["verify"]).exits(0);
    assert!(user.curl(&[&site]).stdout.contains(MARK));
    let objects = user.home().join("sandbox/objects");
    assert!(
        contains(&objects, "tcb-conference"),
        "the record and its journal are read here"
    );
    let hidden = |secret: &String| !contains(&objects, secret);
    assert!(first.iter().chain(&second).all(hidden), "the record has a secret");
    with_log(&["teardown", "--yes", "--delete-data"]).exits(0);
    let told = watcher.ends(&user);
    let opened: Vec<_> = told.iter().filter(|line| line.starts_with("OPEN")).collect();
    assert!(opened.is_empty(), "{told:#?}");
    // He did get to the load balancer, by distributions of his own.
    let refused = told
        .iter()
        .any(|line| line.starts_with("distribution of his own") && line.contains(": 403 x"));
    assert!(refused, "{told:#?}");

    let left = user.inventory();
    let ours = left.iter().filter(|item| item.contains("confctl:stack"));
    assert_eq!(ours.count(), 0, "{left:#?}");
    // Neither secret stands anywhere: not in the log of what was sent, not in the record.
    let log = std::fs::read_to_string(log[1]).unwrap();
    assert!(log.contains("CreateRule") && log.contains("UpdateDistribution"));
    for secret in first.iter().chain(&second) {
        assert!(!log.contains(secret.as_str()), "the log has a secret");
    }
}

/// Whether any file below has this text.
fn contains(folder: &std::path::Path, text: &str) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).any(|path| match path.is_dir() {
        true => contains(&path, text),
        false => std::fs::read(&path).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(text)),
    })
}

#[test]
fn what_somebody_opened_by_hand_is_shown_by_verify_and_plan_and_closed_by_up() {
    let user = User::new();
    run(&user, &["up", "--yes", "--no-verify"]).exits(0);
    let (before, group) = rules(&user);
    let id = group["GroupId"].as_str().unwrap();
    user.aws_json(&[
        "ec2",
        "authorize-security-group-ingress",
        "--group-id",
        id,
        "--protocol",
        "tcp",
        "--port",
        "80",
        "--cidr",
        "0.0.0.0/0",
    ]);
    // The inner wall stands.
    run(&user, &["verify"]).exits(0);
    let everybody = before[1]["RuleArn"].as_str().unwrap();
    user.aws_json(&["elbv2", "delete-rule", "--rule-arn", everybody]);
    let open = run(&user, &["verify"]).exits(7).summary();
    let told = open["error"]["message"].as_str().unwrap();
    assert!(told.contains("200") && told.contains("environment's name"), "{told}");
    let plan = run(&user, &["plan", "--detailed-exitcode"]).exits(2);
    for field in ["ingress", "rule for everybody"] {
        assert!(plan.stdout.contains(field), "{field}: {}", plan.stdout);
    }
    run(&user, &["up", "--yes"]).exits(0);
    run(&user, &["plan", "--detailed-exitcode"]).exits(0);

    // Another secret in the rule than the edge sends: nobody gets in, until it does.
    let (now, _) = rules(&user);
    let conditions =
        r#"[{"Field":"http-header","HttpHeaderConfig":{"HttpHeaderName":"x-confctl-origin","Values":["*"]}}]"#;
    let rule = now[0]["RuleArn"].as_str().unwrap();
    user.aws_json(&["elbv2", "modify-rule", "--rule-arn", rule, "--conditions", conditions]);
    run(&user, &["up", "--yes"]).exits(0);
    assert_eq!(secrets(&user).len(), 1);
    assert_ne!(secrets(&user), ["*"]);
    run(&user, &["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn a_rotation_that_was_broken_off_is_ended_by_the_next_and_by_up() {
    let user = User::new();
    run(&user, &["up", "--yes", "--no-verify"]).exits(0);
    let first = secrets(&user);
    let rotate = [&["rotate-secret", "--yes"], OWN].concat();
    for (next, point) in [
        (&["up", "--yes"][..], "cloudfront:UpdateDistribution"),
        (&["rotate-secret", "--yes"][..], "cloudfront:UpdateDistribution"),
    ] {
        assert!(user.killed_at(&rotate, point, 1, "after").is_none());
        let both = secrets(&user);
        assert_eq!(both.len(), 2, "either is let in");
        let url = run(&user, &["outputs"]).exits(0).summary();
        let url = url["outputs"]["site_url"].as_str().unwrap().to_owned();
        assert!(
            user.curl(&[&url]).stdout.contains(MARK),
            "whatever an edge location sends"
        );
        run(&user, next).exits(0);
        assert_eq!(secrets(&user), [both.iter().max().unwrap().clone()]);
        run(&user, &["plan", "--detailed-exitcode"]).exits(0);
    }
    assert_ne!(secrets(&user), first);
}

#[test]
fn a_stack_of_the_article_moves_behind_its_own_load_balancer_with_another_environment_and_not_without() {
    let user = User::new();
    let small = ["--set", "scaling.min=1", "--set", "waf.enabled=false"];
    let with = |command: &[&str], sets: &[&str]| {
        let sets = sets.iter().flat_map(|set| ["--set", set]).collect::<Vec<_>>();
        user.confctl(&[command, &["--sandbox", "-o", "json"][..], &small, &sets].concat())
    };
    let up = with(&["up", "--yes", "--no-verify"], &[]).exits(0).summary();
    let site = up["outputs"]["site_url"].as_str().unwrap().to_owned();
    let before = user.inventory();
    let blocked = with(&["up", "--yes"], &["load_balancer.mode=own"]).exits(4);
    assert!(blocked.stdout.contains("environment.name"), "{}", blocked.stdout);
    assert_eq!(user.inventory(), before, "nothing was begun");

    let moved = ["load_balancer.mode=own", "environment.name=behind-its-own"];
    let up = with(&["up", "--yes"], &moved).exits(0).summary();
    assert_eq!(up["outputs"]["site_url"], site.as_str());
    assert!(user.curl(&[&site]).stdout.contains(MARK));
    with(&["plan", "--detailed-exitcode"], &moved).exits(0);
    // CloudFront went there when the way was open, and not before.
    let requests = user.requests();
    let position = |operation: &str| {
        requests
            .iter()
            .rposition(|call| call["operation"] == operation)
            .unwrap()
    };
    assert!(position("UpdateDistribution") > position("ModifyRule"));

    // And back, by the same way.
    let back = ["environment.name=on-its-own-again"];
    with(&["up", "--yes"], &back).exits(0);
    assert!(user.curl(&[&site]).stdout.contains(MARK));
    assert!(!user.inventory().iter().any(|item| item.contains("eb-tcb-conference")));
    until("nothing to do", Duration::from_secs(60), || {
        with(&["plan", "--detailed-exitcode"], &back).code() == 0
    });
}
