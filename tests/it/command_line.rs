//! What people type and read: help, mistakes, refusals, and their exit codes.

use std::os::unix::fs::PermissionsExt;

use crate::support::User;

#[test]
fn the_help_fits_a_screen_and_names_every_command() {
    let user = User::new();
    insta::assert_snapshot!(user.confctl(&["--help"]).exits(0).stdout);
}

#[test]
fn a_mistake_on_the_command_line_is_64_and_never_looks_like_changes() {
    let user = User::new();
    for line in [
        &["nonsense"][..],
        &["up", "--nope"],
        &["up", "-o", "yaml"],
        &["up", "--timeout", "soon"],
        &["plan", "--set", "scaling.max=0"],
        &["plan", "--set", "scaling"],
        &["plan", "-p", "artikel"],
        &["plan", "-p", "./absent.toml"],
        &["plan", "--name", "Not_A_Name"],
        &["plan", "--account", "12"],
        &["policy", "--account", "12"],
        &["list", "--account", "1234-5678-9012"],
        &["policy", "--set", "account=\"12\""],
        &["up", "--ttl", "4"],
        &["bundle", "--set", "app.bundle=./absent"],
        &["up", "-o", "markdown"],
    ] {
        let ran = user.confctl(line);
        assert_eq!(ran.code(), 64, "{line:?}: {}", ran.stderr);
        assert!(
            ran.stdout.is_empty(),
            "{line:?} wrote to standard output: {}",
            ran.stdout
        );
    }
}

#[test]
fn an_error_in_a_profile_names_file_line_key_and_the_nearest_one() {
    let user = User::new();
    let file = user.home().join("mine.toml");
    std::fs::write(&file, "region = \"eu-west-1\"\n\n[scaling]\nmaximum = 3\n").unwrap();
    let ran = user
        .confctl(&["profile", "check", "-p", file.to_str().unwrap()])
        .exits(64);
    let shown = ran.stderr.replace(user.home().to_str().unwrap(), "HOME");
    insta::assert_snapshot!(shown);
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let user = User::new();
    for line in [
        &["profile", "show"][..],
        &["profile", "check", "-o", "json"],
        &["--version"],
    ] {
        let full = std::fs::File::create("/dev/full").unwrap();
        let ran = user.command(line).stdout(full).output().unwrap();
        let stderr = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(1), "{line:?}: {stderr}");
        assert!(stderr.contains("No space left on device"), "{line:?}: {stderr}");
    }
    // A reader that went away, as `head` does, is none.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ran = user.command(&["profile", "show"]).stdout(writer).output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn a_file_that_could_not_be_written_is_told_before_anything_begins() {
    let user = User::new();
    std::fs::write(user.home().join("file"), "").unwrap();
    // Below a file there is no folder, whoever one is.
    let place = |name: &str| user.home().join("file").join(name).to_str().unwrap().to_owned();
    for (line, name) in [
        (&["load", "--junit"][..], "x.xml"),
        (&["stress", "--junit"], "x.xml"),
        (&["verify", "--junit"], "x.xml"),
        (&["load", "--report"], "x.html"),
        (&["stress", "--report"], "x.html"),
        (&["simulate", "--report"], "x.html"),
        (&["plan", "--out"], "x.json"),
        (&["export"], "x.csv"),
        (&["teardown", "--delete-data", "--export"], "x.csv"),
        (&["draw", "--winners", "1", "--folder"], "x"),
        (&["man", "--dir"], "x"),
        (&["profile", "init"], "x.toml"),
        (&["plan", "--log-file"], "x.log"),
    ] {
        let place = place(name);
        // Without credentials whatever begins ends in another mistake.
        let ran = user.confctl(&[line, &[&place]].concat()).exits(64);
        assert!(ran.stderr.contains(&place), "{line:?}: {}", ran.stderr);
    }
    let line = ["outputs", "--format", "github"];
    let ran: crate::support::Ran = user
        .command(&line)
        .env("GITHUB_OUTPUT", place("output"))
        .output()
        .unwrap()
        .into();
    assert!(ran.exits(64).stderr.contains("GITHUB_OUTPUT"));
}

#[test]
fn a_path_may_begin_at_home_where_no_shell_sees_it() {
    let user = User::new();
    std::fs::write(user.home().join("stack.toml"), "[app]\nbundle = \"~/no-app\"\n").unwrap();
    user.confctl(&["profile", "check", "--profile=~/stack.toml"]).exits(0);
    let missing = user.confctl(&["bundle", "-p", "~/stack.toml"]).exits(64);
    let place = user.home().join("no-app");
    assert!(missing.stderr.contains(place.to_str().unwrap()), "{}", missing.stderr);
}

#[test]
fn without_credentials_the_way_out_is_told() {
    let user = User::new();
    let ran = user.confctl(&["up", "--yes"]).exits(1);
    assert!(ran.stderr.contains("no AWS credentials"), "{}", ran.stderr);
    assert!(ran.stderr.contains("confctl up --sandbox"), "{}", ran.stderr);
}

#[test]
fn a_confctl_profile_is_not_mistaken_for_an_aws_profile() {
    let user = User::new();
    std::fs::create_dir(user.home().join(".aws")).unwrap();
    std::fs::write(user.home().join(".aws/config"), "[profile dev]\nregion = us-east-1\n").unwrap();
    let ran = user.confctl(&["teardown", "-p", "dev", "--yes"]).exits(64);
    assert!(ran.stderr.contains("--aws-profile dev"), "{}", ran.stderr);
}

#[test]
fn the_last_line_of_json_is_a_summary_also_of_a_failure() {
    let user = User::new();
    let summary = user
        .confctl(&["plan", "--set", "scaling.mx=1", "-o", "json"])
        .exits(64)
        .summary();
    assert_eq!(summary["ok"], false);
    assert_eq!(summary["exit_code"], 64);
    let mistyped = user.confctl(&["up", "--nope", "-o", "json"]).exits(64).summary();
    assert!(
        mistyped["error"]["message"].as_str().unwrap().contains("--nope"),
        "{mistyped}"
    );
    assert!(
        summary["error"]["cause"][0].as_str().unwrap().contains("scaling.max"),
        "{summary}"
    );
}

#[test]
fn profiles_can_be_listed_shown_and_written_and_never_written_over() {
    let user = User::new();
    let listed = user.confctl(&["profile", "list"]).exits(0).stdout;
    for name in ["article", "dev", "ci", "hardened"] {
        assert!(listed.contains(name), "{listed}");
    }
    let shown = user.confctl(&["profile", "show", "--name", "one"]).exits(0).stdout;
    assert!(shown.contains("one-users") && shown.contains("upper = 50.0"), "{shown}");
    let file = user.home().join("confctl.toml");
    let file = file.to_str().unwrap();
    user.confctl(&["profile", "init", file]).exits(0);
    user.confctl(&["profile", "check", "-p", file]).exits(0);
    user.confctl(&["profile", "init", file]).exits(64);
}

#[test]
fn nothing_is_changed_where_nobody_can_confirm() {
    let user = User::new();
    let ran = user.confctl(&["up", "--sandbox"]).exits(4);
    assert!(ran.stderr.contains("--yes"), "{}", ran.stderr);
    assert_eq!(user.inventory(), Vec::<String>::new());
}

#[test]
fn another_account_is_refused() {
    let user = User::new();
    let ran = user
        .confctl(&["up", "--sandbox", "--yes", "--account", "999999999999"])
        .exits(4);
    assert!(ran.stderr.contains("999999999999"), "{}", ran.stderr);
    assert_eq!(user.inventory(), Vec::<String>::new());
}

/// What somebody sends who met an answer that we did not expect: enough for a recording, and nobody's secret.
#[test]
fn the_log_file_holds_what_aws_answered_and_no_secret() {
    let user = User::new();
    let log = user.home().join("run.jsonl");
    let up = [
        "up",
        "--sandbox",
        "--yes",
        "-p",
        "dev",
        "--no-verify",
        "--set",
        "ssh.enabled=true",
        "--set",
        "app.properties.API_TOKEN=hunter2",
        "--set",
        "notifications.email=ops@corp.example",
        "--log-file",
    ];
    user.confctl(&[&up[..], &[log.to_str().unwrap()]].concat()).exits(0);
    let text = std::fs::read_to_string(&log).unwrap();
    let calls: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |operation: &str| {
        let fields = calls.iter().map(|call| &call["fields"]);
        fields
            .filter(move |fields| fields["operation"] == operation)
            .collect::<Vec<_>>()
    };
    // SDK crates and our own client alike.
    for operation in [
        "CreateEnvironment",
        "DescribeConfigurationSettings",
        "DescribeStacks",
        "PutObject",
    ] {
        assert!(!of(operation).is_empty(), "{operation} is not in the log");
    }
    let made = of("CreateEnvironment")[0];
    assert_eq!(made["status"], 200);
    assert!(made["asked"].as_str().unwrap().contains("API_TOKEN"), "{made}");
    assert!(
        made["answer"].as_str().unwrap().contains("<CreateEnvironmentResult"),
        "{made}"
    );
    for secret in ["hunter2", "ops@corp", "ops%40corp", "PRIVATE KEY", "Signature="] {
        assert!(!text.contains(secret), "{secret} is in the log");
    }
    assert_eq!(std::fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_canary_that_cannot_be_is_told_with_its_flag_and_what_to_write() {
    let user = User::new();
    let beside = ["deploy", "--strategy", "blue-green"];
    for (more, said) in [
        (&["--canary", "50%,10%"][..], &["--canary", "let them rise"][..]),
        (&["--canary", "0%"], &["--canary", "1% or more"]),
        (&["--canary", "10%,100%"], &["--canary", "leave 100% out"]),
        (&["--canary", "some"], &["--canary", "write 10%,50%"]),
        (
            &["--canary", "10%", "--evaluate", "30s"],
            &["--evaluate", "between 1m and 12h"],
        ),
        (&["--canary", "10%", "--max-5xx", "all"], &["--max-5xx", "write 1%"]),
        (&["--evaluate", "5m"], &["--canary"]),
    ] {
        let ran = user.confctl(&[&beside, more].concat()).exits(64);
        assert!(
            said.iter().all(|said| ran.stderr.contains(said)),
            "{more:?}: {}",
            ran.stderr
        );
    }
    let alone = user.confctl(&["deploy", "--canary", "10%"]).exits(64);
    assert!(
        alone.stderr.contains("--canary") && alone.stderr.contains("add --strategy blue-green"),
        "{}",
        alone.stderr
    );
}
