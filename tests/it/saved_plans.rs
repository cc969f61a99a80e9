//! A plan in a file: who may read it and what is in it, that `up` does what it says, and that a stale one is refused with why.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::support::{Ran, User};

const SECRET: &str = "correct-horse-battery-staple";

/// A user with a site to put up on one instance, and a place for plans.
struct Planner {
    user: User,
    bundle: String,
}

impl Planner {
    fn new() -> Self {
        let user = User::new();
        let bundle = user.site(&[]);
        Self { user, bundle }
    }

    fn file(&self) -> String {
        self.user.home().join("plan.json").display().to_string()
    }

    fn run(&self, command: &[&str], secret: &str) -> Ran {
        let secret = format!("app.properties.SIGNING_KEY={secret}");
        let sets = [self.bundle.as_str(), secret.as_str()];
        let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
        let all = ["--sandbox", "-p", "dev", "-o", "json"];
        self.user.confctl(&[command, &all, &sets].concat())
    }

    fn plan(&self) {
        self.run(&["plan", "--out", &self.file()], SECRET).exits(0);
    }

    fn up(&self, more: &[&str], secret: &str) -> Ran {
        self.run(&[&["up", &self.file(), "--no-verify"], more].concat(), secret)
    }
}

/// The refusal, with all that it says.
#[track_caller]
fn refusal(ran: Ran, code: i32) -> Value {
    ran.exits(code).summary()["error"].clone()
}

#[track_caller]
fn is_stale_for(ran: Ran, what: &[&str]) {
    let error = refusal(ran, 4);
    let hint = error["hint"].to_string();
    assert!(
        hint.contains("confctl plan") && hint.contains("--out /") && hint.contains("plan.json"),
        "{error:#}"
    );
    let said = error["cause"].to_string();
    for what in what {
        assert!(said.contains(what), "'{what}' is not named in {said}");
    }
}

#[test]
fn a_saved_plan_is_the_owners_has_no_values_and_is_done_once() {
    let planner = Planner::new();
    let empty = planner.user.inventory_of_a_fresh_sandbox();
    planner.plan();
    let file = planner.file();
    let saved = std::fs::read_to_string(&file).unwrap();
    assert_eq!(Path::new(&file).metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!saved.contains(SECRET), "{saved}");
    assert!(saved.contains("\"environment\""), "{saved}");

    // Nobody is there to be asked, and a file is no consent.
    let asked = refusal(planner.up(&[], SECRET), 4);
    assert!(asked["hint"].to_string().contains("--yes"), "{asked:#}");
    assert_eq!(planner.user.inventory(), empty);

    let done = planner.up(&["--yes"], SECRET).exits(0);
    assert!(done.summary()["outputs"]["environment_id"].is_string());
    let up = planner.user.inventory();
    // The stack that it was made for is another one now.
    is_stale_for(planner.up(&["--yes"], SECRET), &["steps"]);
    assert_eq!(planner.user.inventory(), up);
    planner.plan();
    planner.up(&["--yes"], SECRET).exits(0).has_nothing_to_do();

    planner.user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
    assert_eq!(planner.user.inventory(), empty);
}

#[test]
fn a_plan_of_another_profile_bundle_region_or_stack_is_refused_and_says_which() {
    let planner = Planner::new();
    let empty = planner.user.inventory_of_a_fresh_sandbox();
    planner.plan();
    is_stale_for(planner.up(&["--yes"], "another"), &["profile"]);
    is_stale_for(planner.up(&["--yes", "--region", "eu-west-1"], SECRET), &["region"]);
    is_stale_for(planner.up(&["--yes", "--name", "fair"], SECRET), &["stack"]);
    // Somebody was faster: one part of it is there already, and is not confctl's.
    planner.user.aws(&["ec2", "create-default-vpc"]).exits(0);
    let with_network = planner.user.inventory();
    is_stale_for(planner.up(&["--yes"], SECRET), &["steps"]);
    planner
        .user
        .site(&[("index.html", "<h1>The wrong date is corrected</h1>\n")]);
    is_stale_for(planner.up(&["--yes"], SECRET), &["bundle"]);
    assert_eq!(planner.user.inventory(), with_network);
    assert_ne!(with_network, empty);
}

#[test]
fn what_is_no_plan_and_where_none_can_be_written_is_told_before_aws_is_asked() {
    let planner = Planner::new();
    let text = planner.user.home().join("notes.json");
    std::fs::write(&text, "{\"version\": 1}\n").unwrap();
    let missing = planner.user.home().join("missing/plan.json");
    let folder = planner.user.home();
    for file in [&text, &missing, &folder.to_owned()] {
        let file = file.to_str().unwrap();
        let error = refusal(planner.run(&["up", file, "--yes"], SECRET), 64);
        assert!(error["message"].as_str().unwrap().contains(file), "{error:#}");
    }
    for place in [&missing, &folder.to_owned(), &text.join("plan.json")] {
        let place = place.to_str().unwrap();
        let error = refusal(planner.run(&["plan", "--out", place], SECRET), 64);
        assert!(error["message"].as_str().unwrap().contains(place), "{error:#}");
    }
    assert!(
        planner.user.requests().is_empty(),
        "AWS was asked: {:?}",
        planner.user.requests()
    );
}
