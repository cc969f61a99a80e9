//! What programs read is what our own schemas say, judged by a validator that is not ours (PyPI's jsonschema): profiles in files,
//! and every line of a site's life.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{User, aws_tools, junit};

/// Prints what is wrong with each of the files, one a line: TOML as one document, else a document a line.
const VALIDATE: &str = "
import json, sys, tomllib, jsonschema
schema = json.load(open(sys.argv[1]))
validator = jsonschema.validators.validator_for(schema)
validator.check_schema(schema)
for name in sys.argv[2:]:
    if name.endswith('.toml'):
        documents = [tomllib.load(open(name, 'rb'))]
    else:
        documents = [json.loads(line) for line in open(name)]
    for document in documents:
        error = jsonschema.exceptions.best_match(validator(schema).iter_errors(document))
        if error:
            print(name, error.json_path, error.message, json.dumps(document)[:300])
";

/// What the validator has against the files.
#[track_caller]
fn wrong(schema: &Path, files: &[&Path]) -> String {
    let python = aws_tools().join("python3");
    let validated = Command::new(python)
        .arg("-c")
        .arg(VALIDATE)
        .arg(schema)
        .args(files)
        .output();
    let validated = validated.unwrap();
    assert!(
        validated.status.success(),
        "{}",
        String::from_utf8_lossy(&validated.stderr)
    );
    String::from_utf8(validated.stdout).unwrap()
}

fn schema(user: &User, of: &[&str]) -> std::path::PathBuf {
    let file = user.home().join("schema.json");
    let schema = user.confctl(&[&["profile", "schema"], of].concat()).exits(0).stdout;
    std::fs::write(&file, schema).unwrap();
    file
}

#[test]
fn an_editor_knows_by_the_schema_what_a_profile_may_say() {
    let user = User::new();
    let schema = schema(&user, &[]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles");
    let mut good: Vec<_> = ["article.toml", "ci.toml", "dev.toml"]
        .map(|name| root.join(name))
        .into();
    let whole = user.home().join("whole.toml");
    std::fs::write(&whole, user.confctl(&["profile", "show"]).exits(0).stdout).unwrap();
    let own = user.home().join("own.toml");
    std::fs::write(
        &own,
        "tags.\"cost:center\" = \"42\"\n[app.properties]\nLOG_LEVEL = \"debug\"\n[scaling]\nupper = 60\n",
    )
    .unwrap();
    good.extend([whole, own]);
    let good: Vec<&Path> = good.iter().map(std::path::PathBuf::as_path).collect();
    assert_eq!(wrong(&schema, &good), "");
    for file in good {
        user.confctl(&["profile", "check", "-p", file.to_str().unwrap()])
            .exits(0);
    }
    // What one of them refuses for what it is by itself, the other does too.
    for bad in [
        "regoin = \"us-east-1\"",
        "region = 1",
        "[scaling]\nmaximum = 3",
        "[scaling]\nmax = 0",
        "[scaling]\nmax = \"four\"",
        "[scaling]\nupper = -1",
        "[environment]\nlog_retention_days = 8",
        "[environment]\ntype = \"loadbalanced\"",
        "[instance]\ntypes = \"t3.micro\"",
        "[cdn]\nenabled = 1",
        "[app.properties]\nPORT = 80",
        "scaling = 4",
        "[tags]\nowner = true",
    ] {
        let file = user.home().join("bad.toml");
        std::fs::write(&file, bad).unwrap();
        assert_ne!(wrong(&schema, &[&file]), "", "{bad}");
        user.confctl(&["profile", "check", "-p", file.to_str().unwrap()])
            .exits(64);
    }
}

#[test]
fn every_line_of_a_sites_life_is_as_the_schema_says() {
    let user = User::new();
    let lines = user.home().join("lines.jsonl");
    let report = user.home().join("verify.xml");
    let report = report.to_str().unwrap();
    let mut printed = String::new();
    let mut types = std::collections::BTreeSet::new();
    let mut run = |code: i32, line: &[&str]| {
        let ran = user.confctl(&[line, &["-o", "json"]].concat()).exits(code);
        types.extend(
            ran.events()
                .iter()
                .map(|line| line["type"].as_str().unwrap().to_owned()),
        );
        printed.push_str(&ran.stdout);
    };
    run(0, &["plan", "--sandbox"]);
    run(0, &["up", "--sandbox", "--yes", "-p", "dev"]);
    run(0, &["verify", "--sandbox", "--junit", report]);
    run(0, &["status", "--sandbox"]);
    run(0, &["doctor", "--sandbox"]);
    run(
        0,
        &[
            "load",
            "--sandbox",
            "--yes",
            "--people",
            "20",
            "--within",
            "1s",
            "--think",
            "0s",
            "--report",
            &format!("{report}.html"),
        ],
    );
    run(
        2,
        &[
            "plan",
            "--sandbox",
            "-p",
            "dev",
            "--detailed-exitcode",
            "--set",
            "scaling.increment=1",
            "--set",
            "instance.types=t3.small",
        ],
    );
    run(4, &["up", "--sandbox", "--yes", "-p", "dev", "--set", "table.key=mail"]);
    run(
        0,
        &[
            "up",
            "--sandbox",
            "--yes",
            "-p",
            "dev",
            "--set",
            "ssh.enabled=true",
            "--no-verify",
        ],
    );
    run(0, &["sandbox", "inventory"]);
    user.fault("dynamodb:DeleteTable", &["--kind", "deny"]);
    run(0, &["sandbox", "fault", "list"]);
    run(1, &["teardown", "--sandbox", "--yes"]);
    user.clear_faults();
    run(3, &["teardown", "--sandbox", "--yes", "--keep", "users-table"]);
    run(0, &["teardown", "--sandbox", "--yes"]);
    run(64, &["up", "--nope"]);
    run(0, &["explain", "environment"]);
    run(0, &["profile", "diff", "article", "dev"]);
    std::fs::write(&lines, &printed).unwrap();
    assert_eq!(wrong(&schema(&user, &["--events"]), &[&lines]), "");
    for wanted in [
        "plan",
        "run.expected",
        "step.started",
        "step.progress",
        "step.done",
        "step.failed",
        "notice",
        "inventory",
        "faults",
        "summary",
    ] {
        assert!(types.contains(wanted), "nothing printed '{wanted}': {types:?}");
    }
    let proven = junit::read(Path::new(report));
    let passed = ["page", "caching", "registration", "removal"]
        .iter()
        .all(|case| proven["cases"][case] == "passed");
    assert!(passed && proven["suite"] == "confctl verify", "{proven}");
}

#[test]
fn the_page_on_operations_names_what_the_schema_has() {
    let user = User::new();
    let schema: Value = serde_json::from_slice(&std::fs::read(schema(&user, &["--events"])).unwrap()).unwrap();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, section) = page.split_once("\n## JSON\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    for (name, part) in schema["$defs"].as_object().unwrap() {
        let kind = name.strip_prefix("line.");
        let members = part["properties"].as_object().unwrap().keys().map(String::as_str);
        for word in members.chain(kind) {
            assert!(
                section.contains(&format!("`{word}`")),
                "docs/operations.md says nothing of `{word}` ({name})"
            );
        }
    }
}

#[test]
fn profiles_are_compared_and_say_where_each_value_comes_from() {
    let user = User::new().with("CONFCTL_SET", "scaling.max=6");
    let file = user.home().join("event.toml");
    let file = file.to_str().unwrap();
    std::fs::write(file, "[scaling]\nmin = 3\n\n[app.properties]\nTOKEN = \"hunter2\"\n").unwrap();
    let shown = user
        .confctl(&["profile", "show", "--origin", "-p", file])
        .exits(0)
        .stdout;
    let line = |key: &str| {
        shown
            .lines()
            .find(|line| line.starts_with(&format!("{key} ")))
            .unwrap()
            .to_owned()
    };
    assert!(line("scaling.min").ends_with(&format!("# {file}:2")), "{shown}");
    assert!(line("scaling.max").contains("CONFCTL_SET"), "{shown}");
    assert!(line("scaling.upper").ends_with("# default"), "{shown}");
    assert!(
        shown.contains("# table.name is not set: `users`; else derived"),
        "{shown}"
    );
    // It is still a profile, the same one.
    let again = user.home().join("again.toml");
    std::fs::write(&again, &shown).unwrap();
    let differ = user
        .confctl(&["profile", "diff", file, again.to_str().unwrap()])
        .exits(0)
        .stdout;
    assert_eq!(differ, "scaling.max: 4 -> 6  (in place)\n");

    let flagged = [
        "profile",
        "show",
        "--origin",
        "-p",
        "dev",
        "--set",
        "scaling.upper=70",
        "--region",
        "eu-west-1",
        "-o",
        "json",
    ];
    let origins = user.confctl(&flagged).exits(0).summary()["outputs"]["origins"].clone();
    assert_eq!(origins["scaling.upper"], "--set scaling.upper=70", "{origins}");
    assert_eq!(origins["region"], "--region (or CONFCTL_REGION)", "{origins}");
    assert!(
        origins["cdn.enabled"]
            .as_str()
            .unwrap()
            .starts_with("embedded profile dev, line "),
        "{origins}"
    );

    let differ = user
        .confctl(&["profile", "diff", "article", file, "--set", "instance.types=t3.small"])
        .exits(0)
        .stdout;
    for wanted in [
        "scaling.min: 2 -> 3",
        "instance.types: [\"t3.micro\"] -> [\"t3.small\"]  (replaces)",
        "app.properties.TOKEN: (not set) -> ",
    ] {
        assert!(differ.contains(wanted), "no '{wanted}' in {differ}");
    }
    assert!(!differ.contains("hunter2"), "{differ}");
}
