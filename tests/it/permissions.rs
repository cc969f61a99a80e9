//! A caller who may not do everything: what he cannot see is not taken for missing, and what he may not make is named.

use serde_json::{Value, json};

use crate::support::{Ran, User};

/// Lets a role do what these statements say, from now on.
pub fn allow(user: &User, role: &str, statements: &Value) {
    let policy = json!({ "Statement": statements }).to_string();
    let put = ["iam", "put-role-policy", "--policy-name", "may", "--role-name", role];
    user.aws(&[&put[..], &["--policy-document", &policy]].concat()).exits(0);
}

/// The variables of a session of a role with these statements, made by the account's own user.
pub fn session(user: &User, name: &str, statements: &Value) -> Vec<(String, String)> {
    let trust = json!({"Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
        "Action": "sts:AssumeRole"}]});
    let trust = trust.to_string();
    let make = ["iam", "create-role", "--assume-role-policy-document", &trust];
    user.aws(&[&make[..], &["--role-name", name]].concat()).exits(0);
    allow(user, name, statements);
    let arn = format!("arn:aws:iam::123456789012:role/{name}");
    let keys =
        user.aws_json(&["sts", "assume-role", "--role-session-name", "me", "--role-arn", &arn])["Credentials"].clone();
    let text = |member: &str| keys[member].as_str().unwrap_or_default().to_owned();
    let mut set = user.aws_environment();
    set.retain(|(name, _)| name != "AWS_ACCESS_KEY_ID" && name != "AWS_SECRET_ACCESS_KEY");
    set.push(("AWS_ACCESS_KEY_ID".to_owned(), text("AccessKeyId")));
    set.push(("AWS_SECRET_ACCESS_KEY".to_owned(), text("SecretAccessKey")));
    set.push(("AWS_SESSION_TOKEN".to_owned(), text("SessionToken")));
    set
}

/// Takes the role of such a session away.
pub fn end(user: &User, name: &str) {
    let policy = ["iam", "delete-role-policy", "--policy-name", "may", "--role-name", name];
    user.aws(&policy).exits(0);
    user.aws(&["iam", "delete-role", "--role-name", name]).exits(0);
}

/// confctl as against AWS itself, with a session's keys.
pub fn confctl_as(user: &User, session: &[(String, String)], arguments: &[&str]) -> Ran {
    user.command(arguments)
        .envs(session.iter().cloned())
        .output()
        .unwrap()
        .into()
}

const UP: [&str; 5] = ["up", "--yes", "-p", "dev", "--no-verify"];

#[test]
fn what_a_caller_may_not_see_is_neither_missing_nor_gone() {
    let user = User::new();
    let empty = user.inventory_of_a_fresh_sandbox();
    user.confctl(&[&UP[..], &["--sandbox"]].concat()).exits(0);
    let before = user.inventory();
    // A policy for CI that somebody made too small.
    let small = json!([
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": ["elasticbeanstalk:Describe*", "elasticbeanstalk:List*"], "Resource": "*"},
    ]);
    let session = session(&user, "small", &small);
    let plan = confctl_as(&user, &session, &["plan", "-p", "dev"]).exits(4);
    let teardown = confctl_as(&user, &session, &["teardown", "--yes"]);
    assert_ne!(teardown.code(), 0, "{}", teardown.stdout);
    for ran in [&plan, &teardown] {
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains("Beanstalk answered with an empty list"), "{said}");
        assert!(said.contains("elasticbeanstalk:DescribeEnvironments"), "{said}");
    }
    let after = user.inventory();
    let lost: Vec<_> = before.iter().filter(|item| !after.contains(item)).collect();
    assert!(lost.is_empty(), "{lost:#?}");

    user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
    end(&user, "small");
    assert_eq!(user.inventory(), empty);
}

#[test]
fn a_role_that_a_service_needs_and_the_caller_may_not_make_is_named() {
    let user = User::new().with("CONFCTL_SANDBOX_GATES", "service-linked-roles");
    user.confctl(&["sandbox", "start"]).exits(0);
    let nearly = json!([
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "iam:CreateServiceLinkedRole", "Resource": "*"},
    ]);
    let session = session(&user, "nearly", &nearly);
    let failed = confctl_as(&user, &session, &UP).exits(1);
    for text in [
        "iam:CreateServiceLinkedRole",
        "AWSServiceRoleForAutoScaling",
        "goes on costing money",
    ] {
        assert!(failed.stderr.contains(text), "not told '{text}': {}", failed.stderr);
    }
    // Who may makes it, and the same command goes on.
    let service = ["--aws-service-name", "autoscaling.amazonaws.com"];
    user.aws(&[&["iam", "create-service-linked-role"], &service[..]].concat())
        .exits(0);
    confctl_as(&user, &session, &UP).exits(0);
    user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
}
