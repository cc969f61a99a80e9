//! `load` beyond this machine: the same people for other engines, and people as somebody recorded them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Ran, User};

/// k6's modules, as far as a script of ours needs them, and what runs it. k6 itself is not used: these send the requests.
const STAND_INS: [(&str, &str); 6] = [
    ("node_modules/k6/index.mjs", include_str!("k6/index.mjs")),
    ("node_modules/k6/http.mjs", include_str!("k6/http.mjs")),
    ("node_modules/k6/execution.mjs", include_str!("k6/execution.mjs")),
    ("node_modules/k6/metrics.mjs", include_str!("k6/metrics.mjs")),
    (
        "node_modules/k6/package.json",
        r#"{"exports": {".": "./index.mjs", "./http": "./http.mjs", "./execution": "./execution.mjs", "./metrics": "./metrics.mjs"}}"#,
    ),
    ("people.mjs", include_str!("k6/people.mjs")),
];

/// Whether there is a Node to run scripts with; in CI there is.
fn has_node() -> bool {
    let runs = Command::new("node").arg("--version").output().is_ok();
    assert!(
        runs || std::env::var_os("CI").is_none(),
        "CI has no Node to run scripts with"
    );
    runs
}

/// A folder in which scripts of k6's find their modules.
fn engine(user: &User) -> PathBuf {
    let folder = user.home().join("engine");
    for (name, text) in STAND_INS.iter().chain(&[("package.json", r#"{"type": "module"}"#)]) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

/// Lets so many people come by the script.
fn come(folder: &Path, script: &str, executor: &str, people: u32) -> Value {
    let ran: Ran = Command::new("node")
        .args(["people.mjs", script, executor, &people.to_string()])
        .current_dir(folder)
        .output()
        .unwrap()
        .into();
    ran.exits(0).json()
}

fn export(user: &User, engine: &str, to: &Path, more: &[&str]) -> Ran {
    let line = [
        "load",
        "--sandbox",
        "-o",
        "json",
        "--export",
        engine,
        "--to",
        to.to_str().unwrap(),
    ];
    user.confctl(&[&line[..], more].concat())
}

#[test]
fn the_same_people_come_from_as_many_machines_as_one_has() {
    let user = User::new();
    user.confctl(&["up", "--sandbox", "--yes", "--no-verify", "-p", "dev"])
        .exits(0);
    if has_node() {
        let folder = engine(&user);
        by_a_script_for_k6(&user, &folder);
        by_distributed_load_testing_on_aws(&user, &folder);
    }
    as_somebody_recorded_them(&user);
}

fn by_a_script_for_k6(user: &User, folder: &Path) {
    let more = ["--people", "1200", "--within", "60s", "--abandon", "20s"];
    let outputs = export(user, "k6", &folder.join("load.js"), &more).exits(0).summary()["outputs"].clone();
    assert_eq!(outputs["people"], 1200, "{outputs}");
    assert!(user.registered().is_empty(), "writing a script registers nobody");

    let came = come(folder, "./load.js", "constant-arrival-rate", 12);
    let scenario = &came["options"]["scenarios"]["people"];
    assert_eq!(
        (&scenario["executor"], &scenario["rate"], &scenario["duration"]),
        (&"constant-arrival-rate".into(), &1200.into(), &"60000ms".into()),
        "{came}"
    );
    assert_eq!(
        (
            &came["metrics"]["people_accepted"]["sum"],
            &came["metrics"]["registration"]["count"]
        ),
        (&12.into(), &12.into()),
        "{came}"
    );
    let registered = user.registered();
    assert_eq!(registered.len(), 12);
    assert!(
        registered
            .iter()
            .all(|address| address.ends_with(".load.confctl.invalid")),
        "{registered:?}"
    );
    let clean = user
        .confctl(&["load", "--sandbox", "--clean", "--yes", "-o", "json"])
        .exits(0);
    assert_eq!(clean.summary()["outputs"]["removed"], 12);
}

/// Its virtual users are told how many and how long, and know nothing of each other.
fn by_distributed_load_testing_on_aws(user: &User, folder: &Path) {
    let path = folder.join("test.json");
    export(user, "dlt", &path, &["--people", "500", "--within", "60s"]).exits(0);
    let test: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let tasks = &test["testTaskConfigs"][0];
    assert_eq!(
        (&tasks["taskCount"], &tasks["concurrency"]),
        (&3.into(), &167.into()),
        "{test}"
    );
    for _task in 0..2 {
        come(folder, "./test.js", "constant-vus", 4);
    }
    assert_eq!(user.registered().len(), 8, "each is one person, on every task another");
    user.confctl(&["load", "--sandbox", "--clean", "--yes"]).exits(0);
    let onto_itself = export(user, "dlt", &folder.join("test.js"), &[]).exits(64).summary();
    assert!(
        onto_itself["error"]["message"]
            .as_str()
            .unwrap()
            .contains("beside it as .js"),
        "{onto_itself}"
    );
}

fn as_somebody_recorded_them(user: &User) {
    let recorded = user.home().join("arrivals.csv");
    let as_recorded = ["--think", "0s", "--from-file", recorded.to_str().unwrap()];
    std::fs::write(
        &recorded,
        "at,who\n2026-12-10T18:00:00Z,a\n2026-12-10T18:00:02Z,b\n2026-12-10T18:00:00.1Z,c\n",
    )
    .unwrap();
    let crowd = user.lets_come(&as_recorded);
    let (outputs, numbers) = (&crowd.outputs, &crowd.numbers);
    assert_eq!(
        (&outputs["people"], &outputs["accepted"]),
        (&3.into(), &3.into()),
        "{outputs}"
    );
    let arrived = |slot: usize| &numbers["measured"]["slots"][slot]["arrived"];
    assert_eq!(
        (arrived(0), arrived(2), &numbers["about"]["within_seconds"]),
        (&2.into(), &1.into(), &2.0.into())
    );

    std::fs::write(&recorded, "1\n2\nsoon\n").unwrap();
    let line = ["load", "--sandbox", "--yes", "-o", "json"];
    let refused = user.confctl(&[&line[..], &as_recorded].concat()).exits(64).stdout;
    assert!(refused.contains("arrivals.csv: line 3: 'soon' is no time"), "{refused}");
    let unread = user
        .confctl(&["load", "--sandbox", "--yes", "--cacert", "no-such.pem", "--people", "1"])
        .exits(64);
    assert!(
        unread.stderr.contains("could not read the authorities"),
        "{}",
        unread.stderr
    );
}
