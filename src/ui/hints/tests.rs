//! What is printed of hints, and that no command can be told but as one.

use std::path::Path;

use clap::{CommandFactory, Parser};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use serde_json::json;

use super::*;
use crate::commands::Cli;

fn run(line: &str) -> Run {
    let cli = Cli::try_parse_from(line.split(' ')).unwrap();
    Run::of(&cli.global, cli.command.repeated())
}

fn shown(line: &str, hint: impl Into<Hint>) -> String {
    run(line).shown(&hint.into())
}

#[test]
fn a_hint_that_is_pasted_means_the_same_stack() {
    let line = "confctl status --sandbox --name two";
    assert_eq!(
        shown(line, Hint::from("mend it; then ").and_run("up")),
        "mend it; then `confctl up --sandbox --name two`"
    );
    assert_eq!(
        shown(line, Hint::run("teardown --keep users-table").then("up")),
        "confctl teardown --sandbox --name two --keep users-table; confctl up --sandbox --name two"
    );
    assert_eq!(shown(line, Hint::run("list")), "confctl list --sandbox");
    assert_eq!(shown(line, Hint::run("profile list")), "confctl profile list");
    assert_eq!(shown(line, Hint::run("sandbox stop")), "confctl sandbox stop");
    assert_eq!(
        shown(line, Hint::run("profile show")),
        "confctl profile show --name two"
    );
}

#[test]
fn a_command_keeps_what_it_says_of_its_own_and_gets_the_rest() {
    let line = "confctl up --sandbox -p article --set scaling.max=4 --set scaling.min=3 --set tags.a=b";
    assert_eq!(
        shown(line, Hint::run("up -p dev --set scaling.max=6")),
        "confctl up --sandbox --set scaling.min=3 --set tags.a=b -p dev --set scaling.max=6"
    );
    assert_eq!(
        shown(
            "confctl plan --aws-profile work --account 123456789012 --name two",
            Hint::run("up --sandbox")
        ),
        "confctl up --name two --sandbox"
    );
}

#[test]
fn the_command_that_a_plan_ends_in_is_the_one_that_was_planned() {
    let line = "confctl plan -p dev --adopt users-table --adopt environment --upgrade-platform --no-check";
    assert_eq!(
        shown(line, Hint::run("up")),
        "confctl up -p dev --adopt users-table --adopt environment --upgrade-platform --no-check"
    );
    assert_eq!(
        shown(line, Hint::run("up --adopt users-table")),
        "confctl up -p dev --adopt environment --upgrade-platform --no-check --adopt users-table"
    );
    assert_eq!(shown(line, Hint::run("teardown")), "confctl teardown -p dev");
    assert_eq!(
        shown("confctl up --yes --no-verify", Hint::run("up")),
        "confctl up --no-verify"
    );
}

#[test]
fn who_kept_something_keeps_it_and_what_deletes_is_typed_by_hand() {
    let line = "confctl teardown --yes --delete-data --keep default-vpc";
    assert_eq!(
        shown(line, Hint::run("teardown")),
        "confctl teardown --keep default-vpc"
    );
    assert_eq!(
        shown(line, Hint::run("teardown --keep users-table")),
        "confctl teardown --keep default-vpc --keep users-table"
    );
}

#[test]
fn what_would_take_another_profile_than_the_stack_has_names_it() {
    let hint = Hint::run("status").then("up --set scaling.max=6").then("up -p ci");
    let stress = run("confctl stress --sandbox");
    stress.acts_on(Some("dev"));
    assert_eq!(
        stress.shown(&hint),
        "confctl status --sandbox; confctl up --sandbox -p dev --set scaling.max=6; confctl up --sandbox -p ci"
    );
    let verify = run("confctl verify --sandbox");
    verify.acts_on(None);
    assert_eq!(
        verify.shown(&Hint::run("up")),
        "confctl up --sandbox -p \"${PROFILE:?}\""
    );
}

#[test]
fn commands_of_the_aws_cli_stay_in_the_sandbox_too() {
    let describe = || Command::aws("iam get-role --role-name").arg("it's");
    assert_eq!(
        shown("confctl up --sandbox --region eu-west-1", Hint::run(describe())),
        r#"(eval "$(confctl sandbox env || echo false)" && aws iam get-role --role-name 'it'\''s')"#
    );
    assert_eq!(
        shown(
            "confctl up --region eu-west-1 --aws-profile work",
            Hint::run(describe())
        ),
        r"aws iam get-role --role-name 'it'\''s' --profile work --region eu-west-1"
    );
    assert_eq!(
        shown(
            "confctl up --region eu-west-1 --aws-profile work",
            Hint::aws("sso login")
        ),
        "aws sso login --profile work"
    );
}

#[test]
fn what_is_typed_again_is_quoted_and_tells_neither_secrets_nor_addresses() {
    let typed = |set: &str| {
        let line = ["confctl", "plan", "--sandbox", "--set", set];
        let cli = Cli::try_parse_from(line).unwrap();
        Run::of(&cli.global, cli.command.repeated()).shown(&Hint::run("up"))
    };
    assert_eq!(
        typed("tags.note=It's on"),
        r"confctl up --sandbox --set 'tags.note=It'\''s on'"
    );
    for set in [
        "app.properties.TOKEN=hunter2",
        r#"app."properties".TOKEN=hunter2"#,
        "app . properties.TOKEN=hunter2",
        r#""\u0061pp".properties.TOKEN=hunter2"#,
        r#"app={properties={TOKEN="hunter2"}}"#,
        "notifications.email=hunter2",
        "tags.owner=hunter2@example.org",
    ] {
        let told = typed(set);
        assert!(
            !told.contains("hunter2") && told.ends_with("=\"${VALUE:?}\""),
            "{set}: {told}"
        );
        runs_nothing(&told);
    }
    assert_eq!(typed("app.properties.TOKEN:hunter2"), "confctl up --sandbox");
}

#[test]
fn hints_anywhere_in_json_are_completed() {
    let mut value = json!({"steps": [{"change": "blocked", "hint": Hint::run("up")}], "hint": Hint::from("wait")});
    run("confctl plan --sandbox").complete(&mut value);
    let wanted = json!({"steps": [{"change": "blocked", "hint": "confctl up --sandbox"}], "hint": "wait"});
    assert_eq!(value, wanted);
}

/// Pasted as it is into a shell, with a file of every name that it could take for one, it ends before any command.
#[track_caller]
fn runs_nothing(line: &str) {
    let home = tempfile::tempdir().unwrap();
    for name in ["value", "profile"] {
        fs_err::write(home.path().join(name), "").unwrap();
    }
    let program = format!("confctl() {{ echo ran; }}\n{line}\n");
    let mut shell = std::process::Command::new("sh");
    let ran = shell
        .args(["-c", &program])
        .current_dir(home.path())
        .env_clear()
        .output();
    let ran = ran.unwrap();
    assert!(!ran.status.success() && ran.stdout.is_empty(), "{line}: {ran:?}");
    assert_eq!(fs_err::read_dir(home.path()).unwrap().count(), 2, "{line} wrote a file");
}

/// Every command of confctl's, groups left out.
fn commands(command: &clap::Command, path: &str) -> Vec<String> {
    let deeper = command.get_subcommands().filter(|command| command.get_name() != "help");
    let deeper: Vec<_> = deeper
        .flat_map(|inner| commands(inner, format!("{path} {}", inner.get_name()).trim_start()))
        .collect();
    if deeper.is_empty() {
        vec![path.to_owned()]
    } else {
        deeper
    }
}

/// What is about no stack and reads no profile of the command line.
const OF_NONE: &[&str] = &[
    "completions",
    "man",
    "profile diff",
    "profile init",
    "profile list",
    "profile schema",
];

#[test]
fn no_command_is_forgotten_where_hints_get_their_flags() {
    let of_none = |name: &str| name.starts_with("sandbox") || OF_NONE.contains(&name);
    for name in commands(&Cli::command(), "") {
        assert!(PROFILE.contains(&name.as_str()) || of_none(&name), "confctl {name}");
    }
    assert!(STACK.iter().all(|name| PROFILE.contains(name)));
}

/// A string of the product's code, with what stands before it.
struct Literal {
    place: String,
    called: Option<String>,
    text: String,
}

/// Every string of the product's code; documentation, attributes and tests are none.
fn literals() -> Vec<Literal> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src")];
    let crates = fs_err::read_dir(root.join("crates")).unwrap();
    folders.extend(crates.map(|package| package.unwrap().path().join("src")));
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "tests" {
                folders.push(path);
            } else if name.ends_with(".rs") && name != "tests.rs" {
                let tokens: TokenStream = fs_err::read_to_string(&path).unwrap().parse().unwrap();
                let place = path.strip_prefix(root).unwrap().display().to_string();
                strings(tokens, &place, None, &mut found);
            }
        }
    }
    found
}

fn strings(tokens: TokenStream, place: &str, called: Option<&str>, found: &mut Vec<Literal>) {
    let mut before = String::new();
    let mut is_test = false;
    for token in tokens {
        match &token {
            // After `#`, or `#!`.
            TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket && ["#", "!"].contains(&&*before) => {
                is_test |= group.stream().to_string().replace(' ', "") == "cfg(test)";
            }
            TokenTree::Group(group) if is_test && group.delimiter() == Delimiter::Brace => is_test = false,
            TokenTree::Group(group) => strings(group.stream(), place, Some(&before), found),
            TokenTree::Literal(literal) if literal.to_string().starts_with(['"', 'r']) => found.push(Literal {
                place: place.to_owned(),
                called: called.map(str::to_owned),
                text: literal.to_string(),
            }),
            TokenTree::Punct(punct) if punct.as_char() == ';' => is_test = false,
            _ => {}
        }
        before = token.to_string();
    }
}

#[test]
fn no_text_tells_a_command_that_would_miss_the_flags_of_the_run() {
    let found = literals();
    assert!(found.len() > 1000, "{}", found.len());
    for Literal { place, text, .. } in &found {
        for name in PROFILE {
            assert!(!text.contains(&format!("confctl {name}")), "{place}: {text}");
        }
    }
}

#[test]
fn every_command_that_is_told_can_be_typed() {
    let mut cli = Cli::command();
    cli.build();
    let told = literals().into_iter().filter(|literal| {
        let called = literal.called.as_deref();
        literal.place != "src/ui/hints.rs"
            && called.is_some_and(|name| ["run", "and_run", "then", "confctl", "arg"].contains(&name))
    });
    let mut count = 0;
    for Literal { place, text, called } in told {
        // A shell takes these for files, whatever stands between them.
        assert!(!text.contains(['<', '>']), "{place}: {text}");
        if called.as_deref() == Some("arg") {
            continue;
        }
        let mut command = &cli;
        for word in text.trim_matches('"').split(' ') {
            if let Some(inner) = command.find_subcommand(word) {
                command = inner;
            } else if word.starts_with('-') {
                let is_it = |argument: &clap::Arg| {
                    argument.get_long().is_some_and(|long| word == format!("--{long}"))
                        || argument.get_short().is_some_and(|short| word == format!("-{short}"))
                };
                assert!(command.get_arguments().any(is_it), "{place}: {text}: {word}");
            } else {
                assert!(!std::ptr::eq(command, &cli), "{place}: {text}: {word}");
            }
        }
        count += 1;
    }
    assert!(count > 30, "{count}");
}
