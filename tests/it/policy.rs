//! The policy that `policy` prints: with exactly it everything works, and without any statement of it something is named.

use std::time::Duration;

use serde_json::{Value, json};

use crate::permissions::{allow, confctl_as, end, session};
use crate::support::{Ran, User, until};

const PATIENCE: Duration = Duration::from_secs(120);

const ACCOUNT: &str = "123456789012";

/// Statements by what tells that one is missing: a look, before anything is made; the making of it; a command that reaches instances.
const LOOKED: [&str; 6] = ["Table", "Roles", "Edge", "Firewall", "Search", "Quotas"];
const MADE: [&str; 2] = ["KeyPair", "Network"];
const REACHED: [&str; 1] = ["Commands"];

const PYTHON: &str = "app.platform=Python 3.14 running on 64bit Amazon Linux 2023";

/// With a site that needs no build.
fn with_site<'a>(line: &[&'a str], site: &'a str) -> Vec<&'a str> {
    [line, &["--set", site, "--set", PYTHON]].concat()
}

/// What `policy` says to attach, and its statements.
struct Printed {
    attach: Vec<String>,
    statements: Vec<Value>,
}

impl Printed {
    /// In the order of the alphabet.
    fn sids(&self) -> Vec<&str> {
        let sids = self.statements.iter().filter_map(|statement| statement["Sid"].as_str());
        let mut sids: Vec<&str> = sids.collect();
        sids.sort_unstable();
        sids
    }
}

fn printed(user: &User, more: &[&str]) -> Printed {
    let line = ["policy", "--account", ACCOUNT, "-o", "json"];
    let summary = user.confctl(&[&line[..], more].concat()).exits(0).summary();
    let documents = summary["outputs"]["documents"].as_array().unwrap().clone();
    for document in &documents {
        let size = document.to_string().chars().filter(|c| !c.is_whitespace()).count();
        assert!(size < 6144, "{size} characters");
    }
    let of = |document: &Value| document["Statement"].as_array().unwrap().clone();
    let attach = summary["outputs"]["attach"].as_array().unwrap().iter();
    Printed {
        attach: attach.map(|arn| arn.as_str().unwrap().to_owned()).collect(),
        statements: documents.iter().flat_map(of).collect(),
    }
}

/// Somebody who has that, and nothing else.
fn caller(user: &User, name: &str, printed: &Printed) -> Vec<(String, String)> {
    let session = session(user, name, &json!(printed.statements));
    for arn in &printed.attach {
        user.aws(&["iam", "attach-role-policy", "--role-name", name, "--policy-arn", arn])
            .exits(0);
    }
    session
}

fn said(ran: &Ran) -> String {
    format!("{}{}", ran.stdout, ran.stderr)
}

/// The statements but one, and that one.
fn without<'a>(printed: &'a Printed, sid: &str) -> (Vec<&'a Value>, &'a Value) {
    let taken = printed.statements.iter().find(|statement| statement["Sid"] == sid);
    let rest = printed.statements.iter().filter(|statement| statement["Sid"] != sid);
    (
        rest.collect(),
        taken.unwrap_or_else(|| panic!("there is no statement {sid}")),
    )
}

/// Whether one of the statement's actions is named, as a denial names it.
#[track_caller]
fn names_one_of(said: &str, statement: &Value) {
    let actions = statement["Action"].as_array().unwrap().iter();
    let named = actions.filter_map(Value::as_str).any(|action| said.contains(action));
    assert!(named, "nothing of {} is named: {said}", statement["Sid"]);
}

#[test]
fn with_exactly_the_printed_policy_the_article_goes_up_is_looked_at_and_goes_down() {
    let user = User::new();
    let empty = user.inventory_of_a_fresh_sandbox();
    let all = printed(&user, &[]);
    let ours = caller(&user, "least", &all);
    let site = user.site(&[("health", "ok\n")]);
    // The site's own name leads to the internet here, where it would be looked for.
    let up = ["up", "--yes", "--no-verify"];
    confctl_as(&user, &ours, &with_site(&up, &site)).exits(0);
    // Only what is done on an instance tells that this one is missing.
    let ssh = ["ssh", "--by", "run-command", "--", "true"];
    for sid in REACHED {
        let (rest, taken) = without(&all, sid);
        allow(&user, "least", &json!(rest));
        let denied = confctl_as(&user, &ours, &ssh).exits(1);
        names_one_of(&denied.stderr, taken);
        allow(&user, "least", &json!(all.statements));
        // An agent registers some time after its instance was launched.
        until("a command on an instance", PATIENCE, || {
            confctl_as(&user, &ours, &ssh).code() == 0
        });
    }
    for line in [
        &["plan", "--detailed-exitcode"][..],
        &["status"],
        &["list"],
        &["doctor"],
        &["events"],
        &["logs"],
        &["outputs"],
        &["reap"],
        &[
            "up",
            "--yes",
            "--no-verify",
            "--set",
            "scaling.max=5",
            "--set",
            "tags.team=events",
        ],
        &["teardown", "--yes", "--delete-data"],
    ] {
        confctl_as(&user, &ours, &with_site(line, &site)).exits(0);
    }
    user.aws(&[
        "iam",
        "detach-role-policy",
        "--role-name",
        "least",
        "--policy-arn",
        "arn:aws:iam::aws:policy/AdministratorAccess-AWSElasticBeanstalk",
    ])
    .exits(0);
    end(&user, "least");
    assert_eq!(user.inventory(), empty);
}

#[test]
fn without_any_one_of_its_statements_what_is_missing_is_named() {
    let user = User::new();
    user.confctl(&["sandbox", "start"]).exits(0);
    let all = printed(&user, &[]);
    let ours = caller(&user, "less", &all);
    let site = user.site(&[]);
    let mut told = [&LOOKED[..], &MADE, &REACHED].concat();
    told.sort_unstable();
    assert_eq!(told, all.sids(), "each statement has its proof");
    // What a look tells, before anything is made.
    for sid in LOOKED {
        let (rest, taken) = without(&all, sid);
        allow(&user, "less", &json!(rest));
        let ran = confctl_as(&user, &ours, &with_site(&["plan"], &site));
        names_one_of(&said(&ran), taken);
    }
    // What only the making of it tells; what was made goes again.
    for sid in MADE {
        let (rest, taken) = without(&all, sid);
        allow(&user, "less", &json!(rest));
        let up = with_site(&["up", "--yes", "--no-verify"], &site);
        let failed = confctl_as(&user, &ours, &up).exits(1);
        names_one_of(&failed.stderr, taken);
        allow(&user, "less", &json!(all.statements));
        confctl_as(&user, &ours, &["teardown", "--yes"]).exits(0);
    }
}

#[test]
fn who_may_only_read_sees_everything_and_changes_nothing() {
    let user = User::new();
    let site = user.site(&[]);
    let up = ["up", "--sandbox", "--yes", "-p", "dev", "--no-verify"];
    user.confctl(&with_site(&up, &site)).exits(0);
    let all = printed(&user, &["-p", "dev", "--read-only"]);
    let reading = caller(&user, "reader", &all);
    let plan = with_site(&["plan", "-p", "dev", "--detailed-exitcode"], &site);
    let looks = [&plan[..], &["status"], &["list"], &["doctor", "-p", "dev"]];
    for line in looks {
        let ran = confctl_as(&user, &reading, line).exits(0);
        assert!(!said(&ran).contains("not authorized"), "{}", said(&ran));
    }
    for sid in all.sids() {
        let (rest, taken) = without(&all, sid);
        allow(&user, "reader", &json!(rest));
        let told: String = looks
            .iter()
            .map(|line| said(&confctl_as(&user, &reading, line)))
            .collect();
        names_one_of(&told, taken);
    }
    allow(&user, "reader", &json!(all.statements));
    let before = user.inventory();
    let refused = confctl_as(&user, &reading, &["teardown", "--yes"]);
    assert_ne!(refused.code(), 0, "{}", refused.stdout);
    assert_eq!(user.inventory(), before);
}
