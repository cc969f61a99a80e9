//! The event from its profile to the day after: reckoned with, held, closed, drawn, exported and taken away.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::support::{Ran, User};

/// A site that needs no build: who registers is put into the table as an app without tickets would.
fn up(user: &User, sets: &[&str]) -> Ran {
    let site = user.site(&[]);
    let line = [
        "up",
        "--sandbox",
        "--yes",
        "--no-verify",
        "-p",
        "dev",
        "--set",
        &site,
        "--set",
        "app.health_path=/",
    ];
    let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
    user.confctl(&[&line[..], &sets].concat())
}

fn register(user: &User, addresses: &[&str]) {
    for address in addresses {
        let item = format!(r#"{{"email":{{"S":"{address}"}},"registered_at":{{"S":"2026-12-10T18:00:00.000Z"}}}}"#);
        user.aws(&["dynamodb", "put-item", "--table-name", "users", "--item", &item])
            .exits(0);
    }
}

fn draw(user: &User, folder: &Path, more: &[&str]) -> Ran {
    user.confctl(&draw_line(folder, more))
}

fn draw_line<'a>(folder: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let line = [
        "draw",
        "--sandbox",
        "--yes",
        "-o",
        "json",
        "--folder",
        folder.to_str().unwrap(),
    ];
    [&line[..], more].concat()
}

fn text(path: &Path) -> String {
    let mode = path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "{}", path.display());
    std::fs::read_to_string(path).unwrap()
}

const PEOPLE: [&str; 6] = [
    "ada@example.com",
    "grace@example.com",
    "joan@example.com",
    "mary@example.com",
    "boss@organiser.example",
    "p1@x.load.confctl.invalid",
];

#[test]
fn vouchers_are_drawn_among_those_who_registered_and_the_list_is_handed_over() {
    let user = User::new();
    let prizes = [
        "draw.prizes=1 Cloud Practitioner,1 Developer",
        "draw.excluded_domains=organiser.example",
    ];
    up(&user, &prizes).exits(0);
    register(&user, &PEOPLE);
    let folder = user.home().join("draw");
    std::fs::create_dir(&folder).unwrap();

    // Whoever comes after the draw would not be in it.
    let open = draw(&user, &folder, &[]).exits(4);
    assert!(open.stdout.contains("event.closes_at="), "{}", open.stdout);
    up(
        &user,
        &[&prizes[..], &["event.closes_at=2126-01-01T00:00:00Z"]].concat(),
    )
    .exits(0);
    let early = draw(&user, &folder, &[]).exits(4).summary();
    assert!(early["error"]["message"].as_str().unwrap().contains("2126"), "{early}");
    // Said to this command alone, it closes nothing.
    let claimed = draw(&user, &folder, &["--set", "event.closes_at=2026-01-01T00:00:00Z"])
        .exits(4)
        .summary();
    assert!(
        claimed["error"]["message"].as_str().unwrap().contains("was not told"),
        "{claimed}"
    );
    up(
        &user,
        &[&prizes[..], &["event.closes_at=2026-01-01T00:00:00Z"]].concat(),
    )
    .exits(0);

    let committed = draw(&user, &folder, &[]).exits(3).summary()["outputs"].clone();
    assert_eq!(committed["tickets"], 4, "{committed}");
    let published = text(&folder.join("confctl-draw-tcb-conference.commitment.json"));
    nobody_can_be_found_in(&published);
    // Who comes now is not in it; and the same call says the same.
    register(&user, &["late@example.com"]);
    let again = draw(&user, &folder, &[]).exits(3).summary()["outputs"].clone();
    assert_eq!(
        (&again["commitment"], &again["round"]),
        (&committed["commitment"], &committed["round"])
    );
    a_round_that_is_known_already_does_not_decide(&user, &folder);
    let seeded = draw(&user, &folder, &["--seed", "mine"]).exits(4).summary();
    assert!(
        seeded["error"]["message"].as_str().unwrap().contains("a seed must not"),
        "{seeded}"
    );
    a_lost_commitment_is_not_made_again(&user, &folder, &committed);

    the_list_is_exported(&user);
    everything_goes_once_the_list_is_written(&user);
}

/// drand's own round 657413, of 2023.
fn a_round_that_is_known_already_does_not_decide(user: &User, folder: &Path) {
    let file = user.home().join("round.json");
    let signature = "b713718a38ae728dfd477991af2822e08d2f305e47718cef9f7848ce4050e7be41076862b98fad56e91a6b85b89cd97b";
    std::fs::write(&file, format!(r#"{{"round":657413,"signature":"{signature}"}}"#)).unwrap();
    let refused = draw(user, folder, &["--beacon", file.to_str().unwrap()])
        .exits(4)
        .summary();
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("no other decides"), "{message}");
}

fn a_lost_commitment_is_not_made_again(user: &User, folder: &Path, committed: &Value) {
    let bucket = "elasticbeanstalk-us-east-1-123456789012";
    let place = |name: &str| format!("s3://{bucket}/confctl/tcb-conference/draw/{name}");
    let saved = user.home().join("saved.json");
    let saved = saved.to_str().unwrap();
    user.aws(&["s3", "cp", &place("commitment.json"), saved]).exits(0);
    user.aws(&["s3", "rm", &place("commitment.json")]).exits(0);
    let by_copy = draw(user, folder, &[]).exits(3).summary();
    assert_eq!(by_copy["outputs"]["commitment"], committed["commitment"]);
    user.aws(&["s3", "rm", &place("commitment.copy.json")]).exits(0);
    let gone = draw(user, folder, &[]).exits(4).summary();
    let message = gone["error"]["message"].as_str().unwrap();
    assert!(message.contains("neither the commitment nor its copy"), "{message}");
    user.aws(&["s3", "cp", saved, &place("commitment.json")]).exits(0);
    draw(user, folder, &[]).exits(3);
}

/// By no address, and by no hash of one.
fn nobody_can_be_found_in(published: &str) {
    use sha2::{Digest, Sha256};
    for address in PEOPLE {
        let hash = hex::encode(Sha256::digest(address));
        assert!(
            !published.contains(address) && !published.contains(&hash[..16]),
            "{address}: {published}"
        );
    }
}

fn the_list_is_exported(user: &User) {
    let file = user.home().join("people.csv");
    let export = ["export", file.to_str().unwrap(), "--sandbox", "-o", "json"];
    let outputs = user.confctl(&export).exits(0).summary()["outputs"].clone();
    // The row by which the table remembers the draw is made up, too.
    assert_eq!(
        (&outputs["registrations"], &outputs["generated"]),
        (&6.into(), &2.into()),
        "{outputs}"
    );
    let exported = text(&file);
    assert!(
        exported.starts_with("email,registered_at,ticket\n") && !exported.contains("confctl.invalid"),
        "{exported}"
    );
    assert!(exported.contains("late@example.com"));
    user.confctl(&export).exits(64);
}

fn everything_goes_once_the_list_is_written(user: &User) {
    let file = user.home().join("last.jsonl");
    let name = file.to_str().unwrap();
    let line = ["teardown", "--sandbox", "--yes", "--export", name];
    user.confctl(&line).exits(64);
    user.confctl(&[&line[..], &["--delete-data"]].concat()).exits(0);
    assert_eq!(text(&file).lines().count(), 6);
    let tables = user.aws_json(&["dynamodb", "list-tables"]);
    assert_eq!(tables["TableNames"], serde_json::json!([]));
}

#[test]
fn a_raffle_among_friends_is_drawn_at_once_once_and_repeated_by_anybody() {
    let user = User::new();
    up(&user, &["event.closes_at=2026-01-01T00:00:00Z"]).exits(0);
    register(&user, &PEOPLE);
    let folder = user.home().join("draw");
    std::fs::create_dir(&folder).unwrap();
    let excluded = user.home().join("excluded.txt");
    std::fs::write(&excluded, "Boss@organiser.example\n").unwrap();
    let by_seed = [
        "--winners",
        "2",
        "--seed",
        "at the office",
        "--exclude",
        excluded.to_str().unwrap(),
    ];
    let drawn = draw(&user, &folder, &by_seed).exits(0).summary()["outputs"].clone();
    assert_eq!(
        (drawn["tickets"].as_u64(), drawn["winners"].as_array().unwrap().len()),
        (Some(4), 2),
        "{drawn}"
    );

    let record = folder.join("confctl-draw-tcb-conference.json");
    nobody_can_be_found_in(&text(&record));
    let winners = text(&folder.join("confctl-draw-tcb-conference.winners.csv"));
    let first = drawn["winners"][0]["ticket"].as_str().unwrap();
    let row = winners.lines().find(|line| line.contains(first)).unwrap();
    assert!(row.starts_with("1,prize,") && row.ends_with("@example.com"), "{row}");
    assert!(!winners.contains("boss@") && winners.lines().count() == 5, "{winners}");

    // Nobody draws again; the record that was lost is written again.
    let before = text(&record);
    std::fs::remove_file(&record).unwrap();
    let second = draw(&user, &folder, &[]).exits(4).summary();
    assert!(
        second["error"]["message"].as_str().unwrap().contains("no second one"),
        "{second}"
    );
    assert_eq!(text(&record), before);

    // Checking needs no AWS.
    let path = record.to_str().unwrap();
    let checked = user.confctl(&["draw", "--check", path]).exits(0).stdout;
    assert!(
        checked.contains("2 winners of 4 tickets") && checked.contains("proves nothing to you"),
        "{checked}"
    );
    let ticket: Value = serde_json::from_str(&before).unwrap();
    let ticket = ticket["tickets"][0].as_str().unwrap().to_owned();
    std::fs::write(&record, before.replace(&ticket, &"0".repeat(32))).unwrap();
    let meddled = user.confctl(&["draw", "--check", path]).exits(1).stderr;
    assert!(meddled.contains("one was changed, added or taken away"), "{meddled}");
    user.confctl(&["teardown", "--sandbox", "--yes", "--delete-data"])
        .exits(0);
}

#[test]
fn a_draw_that_is_killed_anywhere_comes_to_one_end() {
    use sha2::{Digest, Sha256};
    let user = User::new();
    up(&user, &["event.closes_at=2026-01-01T00:00:00Z"]).exits(0);
    register(&user, &PEOPLE);
    let folder = user.home().join("draw");
    let line = draw_line(&folder, &["--winners", "2", "--seed", "mine"]);
    let place = "s3://elasticbeanstalk-us-east-1-123456789012/confctl/tcb-conference/draw/";
    // Before the list; with commitment and copy there; with the table's mark as well; and once it is decided, before the files.
    let points = [
        ("dynamodb:Scan", 2, "before", 0),
        ("dynamodb:PutItem", 1, "before", 0),
        ("dynamodb:PutItem", 1, "after", 0),
        ("dynamodb:Scan", 3, "before", 4),
    ];
    for (hits, nth, when, ends) in points {
        std::fs::create_dir(&folder).unwrap();
        let ended = user.killed_at(&line, hits, nth, when);
        assert!(ended.is_none(), "{hits} {nth} was not met");
        let committed = user.aws(&["s3", "cp", &format!("{place}commitment.json"), "-"]);
        // What was decided is told, and not decided again.
        user.confctl(&line).exits(ends);
        let record = text(&folder.join("confctl-draw-tcb-conference.json"));
        let record: Value = serde_json::from_str(&record).unwrap();
        if committed.code() == 0 {
            let hash = hex::encode(Sha256::digest(&committed.stdout));
            assert_eq!(
                record["commitment_sha256"], hash,
                "{hits} {nth} {when}: another draw was made"
            );
        }
        user.confctl(&line).exits(4);
        std::fs::remove_dir_all(&folder).unwrap();
        user.aws(&["s3", "rm", "--recursive", place]).exits(0);
        let mark = r#"{"email":{"S":"commitment.confctl.invalid"}}"#;
        user.aws(&["dynamodb", "delete-item", "--table-name", "users", "--key", mark])
            .exits(0);
    }
}

#[test]
fn what_the_event_asks_for_is_told_before_it_is_missed() {
    let user = User::new();
    let paper = |more: &[&str]| user.confctl(&[&["capacity", "--paper", "-o", "json"], more].concat());
    let held = paper(&["--people", "10000", "--within", "60s", "--set", "scaling.max=2"])
        .exits(0)
        .summary();
    assert_eq!(held["outputs"]["holds"], true, "{held}");
    let many = paper(&["--people", "1000000", "--within", "60s"]).exits(1).summary()["outputs"].clone();
    let rows = many["limits"].as_array().unwrap();
    let room = |row: &Value| row["headroom"].as_f64().unwrap();
    assert!(rows.windows(2).all(|pair| room(&pair[0]) <= room(&pair[1])), "{many}");
    let lifted = |row: &&Value| {
        row["way"]["command"]
            .as_str()
            .is_some_and(|command| command.contains("scaling.min="))
    };
    assert!(rows.iter().any(|row| lifted(&row)), "{many}");

    // In the article's own account; and the profile says it by itself.
    user.confctl(&["capacity", "--sandbox", "--people", "10000"]).exits(0);
    let profile = user.home().join("event.toml");
    std::fs::write(&profile, "[event]\npeople = 500000\n").unwrap();
    let profile = profile.to_str().unwrap();
    let plan = user.confctl(&["plan", "--sandbox", "-p", profile]);
    assert!(plan.stderr.contains("the event would not be held"), "{}", plan.stderr);
    let doctor = user.confctl(&["doctor", "--sandbox", "-p", profile]).exits(1);
    assert!(
        doctor.stdout.contains("500,000 people within 60 s are not held"),
        "{}",
        doctor.stdout
    );
}

#[test]
fn an_event_takes_place_on_paper_and_the_same_one_again() {
    let user = User::new();
    let report = user.home().join("event.html");
    let line = [
        "simulate",
        "--people",
        "6000",
        "--within",
        "6s",
        "--rate",
        "300",
        "--compare",
        "-o",
        "json",
        "--report",
    ];
    let line = [&line[..], &[report.to_str().unwrap()]].concat();
    let first = user.confctl(&line).summary()["outputs"]["outcomes"].clone();
    let policies: Vec<_> = first
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["policy"].as_str().unwrap())
        .collect();
    assert_eq!(policies, ["profile", "article", "1-minute", "pre-scaled"]);
    assert!(first[3]["shed"].as_u64() < first[0]["shed"].as_u64(), "{first}");
    assert!(
        std::fs::read_to_string(&report)
            .unwrap()
            .contains("Simulation of 6,000 people")
    );
    let again = user.confctl(&line).summary()["outputs"]["outcomes"].clone();
    assert_eq!(first, again);
    let other = user.confctl(&[&line[..], &["--seed", "2"]].concat()).summary();
    assert_ne!(first, other["outputs"]["outcomes"]);
    user.confctl(&["simulate"]).exits(64);
}
