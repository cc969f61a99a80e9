//! What is done to a command: killed, hit by faults, denied; and what has to be true then.
//! Must know nothing of which commands there are.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Swept;
use super::ground::{Ground, told};
use super::table::{Row, chosen, profiles};
use crate::support::Ran;

/// The faults that a command must not even notice.
const FAULTS: [(&str, &[&str]); 5] = [
    ("throttle", &["--kind", "throttle", "--nth", "1"]),
    ("error", &["--kind", "error", "--nth", "1"]),
    ("cut-before", &["--kind", "cut-before", "--nth", "1"]),
    ("cut-after", &["--kind", "cut-after", "--nth", "1"]),
    ("truncate", &["--kind", "truncate", "--nth", "1"]),
];

/// How it is without trouble.
struct Undisturbed {
    ground: Ground,
    /// Every request of the command, in the order of their names, with how many there were, and whether it changes something.
    requests: BTreeMap<String, (usize, bool)>,
    /// What stands after `then`.
    goal: Vec<String>,
}

fn undisturbed(profile: &'static str, swept: &Swept) -> Undisturbed {
    let ground = Ground::new(profile);
    ground.prepare(swept.from);
    let before = ground.user.requests().len();
    ground.run(swept.command).exits(0);
    let mut requests = BTreeMap::new();
    for request in ground.asked_since(before) {
        let (count, _) = requests.entry(request.hits).or_insert((0, request.changes));
        *count += 1;
    }
    ground.run(swept.then).exits(0);
    let goal = ground.standing();
    ground.level().unwrap();
    Undisturbed { ground, requests, goal }
}

pub(super) fn killed(swept: &Swept) {
    let title = format!("{}, killed", swept.name);
    let mut row = Row::new(title.clone());
    for profile in profiles(&title) {
        let mut usual = undisturbed(profile, swept);
        let changing = usual.requests.iter().filter(|(_, (_, changes))| *changes);
        let points = changing.flat_map(|(hits, (count, _))| (1..=*count).map(move |nth| (hits.clone(), nth)));
        let points: Vec<_> = points
            .flat_map(|point| [(point.clone(), "before"), (point, "after")])
            .collect();
        let name = |((hits, nth), when): &((String, usize), &str)| format!("{profile}: killed {when} {hits} {nth}");
        for point in chosen(&title, points, 2, name) {
            let case = name(&point);
            let ((hits, nth), when) = point;
            usual.ground.prepare(swept.from);
            let arguments = usual.ground.arguments(swept.command);
            let ended = usual.ground.user.killed_at(&arguments, &hits, nth, when);
            if let Some(ran) = ended {
                // What runs side by side need not come as often each time.
                let well = ends_well(&ran);
                row.count("ends where it is not met", &case, &well);
            }
            row.tried();
            go_on(&mut row, &mut usual, swept, &case);
        }
    }
    row.end();
}

pub(super) fn meets_faults(swept: &Swept) {
    let title = format!("{}, faults", swept.name);
    let mut row = Row::new(title.clone());
    for profile in profiles(&title) {
        let mut usual = undisturbed(profile, swept);
        let operations: Vec<_> = usual.requests.keys().cloned().collect();
        let all = operations
            .iter()
            .flat_map(|hits| FAULTS.map(|(kind, how)| (hits.clone(), kind, how)));
        let name = |(hits, kind, _): &(String, &str, &[&str])| format!("{profile}: {kind} of {hits}");
        for fault in chosen(&title, all.collect(), 3, name) {
            let case = name(&fault);
            let (hits, kind, how) = fault;
            usual.ground.prepare(swept.from);
            usual.ground.user.fault(&hits, how);
            let ran = usual.ground.run(swept.command);
            usual.ground.user.clear_faults();
            row.tried();
            row.count(kind, &case, &ends_well(&ran));
            go_on(&mut row, &mut usual, swept, &case);
        }
    }
    row.end();
}

pub(super) fn denied(swept: &Swept) {
    let title = format!("{}, denied", swept.name);
    let mut row = Row::new(title.clone());
    for profile in profiles(&title) {
        let mut usual = undisturbed(profile, swept);
        let operations: BTreeSet<_> = usual.requests.keys().map(|hits| operation(hits)).collect();
        let name = |hits: &String| format!("{profile}: denied {hits}");
        for hits in chosen(&title, operations.into_iter().collect(), 2, name) {
            let case = name(&hits);
            usual.ground.prepare(swept.from);
            usual.ground.user.fault(&hits, &["--kind", "deny"]);
            let ran = usual.ground.run(swept.command);
            let inventory = usual.ground.user.inventory();
            usual.ground.user.clear_faults();
            row.tried();
            // What is only nice to have need not be allowed.
            if ran.code() != 0 {
                row.count("names the action", &case, &names(&ran, &hits));
                row.count("gives a hint", &case, &hints(&ran));
                row.count("tells what is there", &case, &tells(&ran, &inventory));
            }
            go_on(&mut row, &mut usual, swept, &case);
        }
    }
    row.end();
}

/// `then` ends well, what stands is what it should be, nothing is to do, and teardown leaves nothing.
fn go_on(row: &mut Row, usual: &mut Undisturbed, swept: &Swept, case: &str) {
    let ground = &usual.ground;
    row.count("next ends 0", case, &ends_well(&ground.run(swept.then)));
    row.count("same inventory", case, &same(&usual.goal, &ground.standing()));
    if !usual.goal.is_empty() && swept.then[0] == "up" {
        row.count("plan 0", case, &nothing_to_do(ground, swept));
    }
    let level = ground.level();
    row.count("nothing left", case, &level);
    if level.is_err() {
        // The others begin where nothing is.
        usual.ground = Ground::new(ground.profile());
    }
}

fn ends_well(ran: &Ran) -> Result<(), String> {
    match ran.code() {
        0 => Ok(()),
        code => Err(format!("it ended with {code}: {}", told(ran))),
    }
}

fn same(goal: &[String], standing: &[String]) -> Result<(), String> {
    let without = |all: &[String], others: &[String]| -> Vec<String> {
        let mut rest = others.to_vec();
        let mut missing = all.to_vec();
        missing.retain(|item| match rest.iter().position(|other| other == item) {
            Some(position) => {
                rest.remove(position);
                false
            }
            None => true,
        });
        missing
    };
    let (missing, more) = (without(goal, standing), without(standing, goal));
    match missing.is_empty() && more.is_empty() {
        true => Ok(()),
        false => Err(format!("missing {missing:#?}, too much {more:#?}")),
    }
}

fn nothing_to_do(ground: &Ground, swept: &Swept) -> Result<(), String> {
    // The same wishes, which plan takes as up does.
    let wishes = swept.then.iter().skip_while(|argument| **argument != "--set").copied();
    let plan: Vec<_> = std::iter::once("plan").chain(wishes).collect();
    let ran = ground.run(&plan);
    ends_well(&ran)?;
    match ran.summary()["outputs"]["changes"] == false {
        true => Ok(()),
        false => Err(format!("something is to do: {}", ran.stdout)),
    }
}

/// Without the object: who may not write one may write none.
fn operation(hits: &str) -> String {
    hits.split(':').take(2).collect::<Vec<_>>().join(":")
}

/// What is said of what failed.
fn errors(ran: &Ran) -> Vec<Value> {
    let summary = ran.summary();
    match summary["errors"].as_array() {
        Some(several) => several.clone(),
        None => vec![summary["error"].clone()],
    }
}

/// The action as IAM has it, which is not always called as the operation is.
fn names(ran: &Ran, hits: &str) -> Result<(), String> {
    let operation = hits.split(':').nth(1).unwrap_or_default();
    let action = match operation {
        "HeadObject" => "GetObject",
        "HeadBucket" | "ListObjects" | "ListObjectsV2" => "ListBucket",
        "DeleteObjects" => "DeleteObject",
        other => other,
    };
    match errors(ran)
        .iter()
        .any(|error| error.to_string().contains(&format!(":{action}")))
    {
        true => Ok(()),
        false => Err(format!("no word of {action}: {}", told(ran))),
    }
}

fn hints(ran: &Ran) -> Result<(), String> {
    match errors(ran).iter().any(|error| error["hint"].is_string()) {
        true => Ok(()),
        false => Err(format!("no hint: {}", told(ran))),
    }
}

/// Where something costs, it is said that something does.
fn tells(ran: &Ran, inventory: &[String]) -> Result<(), String> {
    let costly = ["environment", "load-balancer", "distribution", "web-acl"];
    let costs = inventory.iter().find(|item| {
        let item: Value = serde_json::from_str(item).unwrap();
        costly.iter().any(|kind| item["type"] == *kind)
    });
    let told_of = ran.summary()["left_behind"].as_array().cloned().unwrap_or_default();
    match costs {
        Some(item) if !told_of.iter().any(|left| left["costs"] == true) => Err(format!(
            "no word of {item}, nor of anything else that costs: {}",
            told(ran)
        )),
        _ => Ok(()),
    }
}
