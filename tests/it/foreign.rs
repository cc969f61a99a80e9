//! An account full of other people's things, of every kind that confctl touches: whatever it does, they are what they were.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::User;

/// The article with one instance, which is quick, and with an edge.
const UP: &[&str] = &[
    "up",
    "--sandbox",
    "--yes",
    "--no-verify",
    "-o",
    "json",
    "--set",
    "environment.type=SingleInstance",
    "--set",
    "cdn.origin=cname",
];
const TEARDOWN: &[&str] = &["teardown", "--sandbox", "--yes", "-o", "json"];

/// Runs the program of the other people.
fn others(user: &User, what: &str) -> String {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/foreign/others.py");
    let ran = user.python_command().arg(program).arg(what).output().unwrap();
    let ran: crate::support::Ran = ran.into();
    ran.exits(0).stdout
}

/// What was there at first, with all that AWS tells of it.
struct Theirs<'a> {
    user: &'a User,
    items: BTreeSet<String>,
    told: String,
}

impl Theirs<'_> {
    #[track_caller]
    fn are_untouched(&self, after: &str) {
        let now: BTreeSet<_> = self.user.inventory().into_iter().collect();
        let lost: Vec<_> = self.items.difference(&now).collect();
        assert!(lost.is_empty(), "after {after}: {lost:#?}");
        let told = others(self.user, "look");
        let changed = told.lines().zip(self.told.lines()).find(|(now, then)| now != then);
        assert!(told == self.told, "after {after}: {changed:?}");
    }
}

#[test]
fn whatever_confctl_does_other_peoples_things_are_what_they_were() {
    let user = User::new();
    user.inventory_of_a_fresh_sandbox();
    others(&user, "make");
    let theirs = Theirs {
        user: &user,
        items: user.inventory().into_iter().collect(),
        told: others(&user, "look"),
    };
    assert!(theirs.items.len() > 70, "{:#?}", theirs.items);
    let site = user.site(&[]);
    let with = |more: &[&'static str]| {
        [UP, &["--set", &site], more]
            .concat()
            .iter()
            .map(|word| (*word).to_owned())
            .collect::<Vec<_>>()
    };
    let up = |more: &[&'static str]| {
        let words = with(more);
        user.confctl(&words.iter().map(String::as_str).collect::<Vec<_>>())
    };

    up(&[]).exits(0);
    theirs.are_untouched("up");
    let changed: &[&str] = &[
        "--set",
        "tags.room=42",
        "--set",
        "app.properties.MODE=event",
        "--set",
        "waf.enabled=false",
    ];
    up(changed).exits(0);
    theirs.are_untouched("a change");
    std::fs::write(user.home().join("site/index.html"), "<h1>The second</h1>\n").unwrap();
    up(changed).exits(0);
    theirs.are_untouched("another bundle");

    std::fs::write(user.home().join("site/index.html"), "<h1>The third</h1>\n").unwrap();
    let words = with(&["--set", "tags.room=43"]);
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let ended = user.killed_at(&words, "elasticbeanstalk:UpdateEnvironment", 1, "after");
    assert!(ended.is_none(), "{}", ended.unwrap().stderr);
    theirs.are_untouched("a crash");
    user.confctl(TEARDOWN).exits(0);
    theirs.are_untouched("teardown");
    assert_eq!(user.inventory().into_iter().collect::<BTreeSet<_>>(), theirs.items);
}
