//! What is done to a command: killed, hit by faults, denied; and what has to be true then.
//! Must know nothing of which commands there are.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Swept;
use super::ground::{From, Ground, Item, Request, told};
use super::table::{Row, chosen, profiles};
use crate::support::Ran;

/// The faults that a command must not even notice.
const FAULTS: [&str; 5] = ["throttle", "error", "cut-before", "cut-after", "truncate"];

/// How it is without trouble.
struct Undisturbed {
    ground: Ground,
    /// Every request of the command, in the order of their names, with how many there were, and whether it changes something.
    requests: BTreeMap<String, (usize, bool)>,
    /// What stands after `then`.
    goal: Vec<Item>,
}

fn undisturbed(profile: &'static str, swept: &Swept) -> Undisturbed {
    let ground = Ground::new(profile);
    ground.prepare(swept.from);
    let before = ground.user.requests_so_far();
    ground.run(swept.command).exits(0);
    let mut requests = BTreeMap::new();
    for request in ground.asked_since(before) {
        let (count, _) = requests.entry(request.hits).or_insert((0, request.changes));
        *count += 1;
    }
    ends_as_it_may(&ground, swept).unwrap();
    let goal = ground.standing();
    ground.level().unwrap();
    Undisturbed { ground, requests, goal }
}

/// How many cases of each way are tried where a few are.
const A_FEW: usize = 1;

/// Whatever happens to the command: it is gone on with, and comes out as if nothing had happened.
pub(super) fn comes_out_right(swept: &Swept) {
    let row = |way: &str| Row::new(format!("{}, {way}", swept.name));
    let (mut killed, mut faulty, mut forbidden) = (row("killed"), row("faults"), row("denied"));
    for profile in profiles(swept.name, swept.profiles) {
        let mut usual = undisturbed(profile, swept);
        kill(&mut killed, &mut usual, swept);
        meet_faults(&mut faulty, &mut usual, swept);
        deny(&mut forbidden, &mut usual, swept);
    }
    let wrong: Vec<_> = [killed, faulty, forbidden].into_iter().flat_map(Row::end).collect();
    assert!(
        wrong.is_empty(),
        "Again: CONFCTL_SWEEP='CASE' with the case's name.\n{}",
        wrong.join("\n")
    );
}

/// Before and after each request that changes something.
fn kill(row: &mut Row, usual: &mut Undisturbed, swept: &Swept) {
    let profile = usual.ground.profile();
    let changing = usual.requests.iter().filter(|(_, (_, changes))| *changes);
    let points = changing.flat_map(|(hits, (count, _))| (1..=*count).map(move |nth| (hits.clone(), nth)));
    let points = points.flat_map(|point| [(point.clone(), "before"), (point, "after")]);
    let name = |((hits, nth), when): &((String, usize), &str)| format!("{profile}: killed {when} {hits} {nth}");
    let points = chosen(swept.name, points.collect(), A_FEW, name);
    for point in row.untried(points, name) {
        let case = name(&point);
        let ((hits, nth), when) = point;
        usual.ground.prepare(swept.from);
        let arguments = usual.ground.arguments(swept.command);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ended = usual.ground.user.killed_at(&arguments, &hits, nth, when);
        row.tried(&case);
        if let Some(ran) = ended {
            // What runs side by side need not come as often each time.
            row.count("ends where it is not met", &ends_well(&ran));
        }
        go_on(row, usual, swept);
    }
}

/// Each request goes wrong once in each way.
fn meet_faults(row: &mut Row, usual: &mut Undisturbed, swept: &Swept) {
    let profile = usual.ground.profile();
    let all = usual
        .requests
        .keys()
        .flat_map(|hits| FAULTS.map(|kind| (hits.clone(), kind)));
    let name = |(hits, kind): &(String, &str)| format!("{profile}: {kind} of {hits}");
    let all = chosen(swept.name, all.collect(), A_FEW, name);
    for fault in row.untried(all, name) {
        let case = name(&fault);
        let (hits, kind) = fault;
        usual.ground.prepare(swept.from);
        usual.ground.user.fault(&hits, &["--kind", kind, "--nth", "1"]);
        let ran = usual.ground.run(swept.command);
        usual.ground.user.clear_faults();
        row.tried(&case);
        row.count(kind, &ends_well(&ran));
        go_on(row, usual, swept);
    }
}

/// Each operation is denied for good, until it no longer is.
fn deny(row: &mut Row, usual: &mut Undisturbed, swept: &Swept) {
    let profile = usual.ground.profile();
    let operations: BTreeSet<_> = usual.requests.keys().map(|hits| operation(hits)).collect();
    let name = |hits: &String| format!("{profile}: denied {hits}");
    let operations = chosen(swept.name, operations.into_iter().collect(), A_FEW, name);
    for hits in row.untried(operations, name) {
        let case = name(&hits);
        let ground = &usual.ground;
        ground.prepare(swept.from);
        ground.user.fault(&hits, &["--kind", "deny"]);
        let (before, known) = (ground.user.requests_so_far(), known(ground, swept));
        let ran = ground.run(swept.command);
        let asked = ground.asked_since(before);
        let mut inventory = ground.user.inventory();
        inventory.retain(|item| !known.contains(item));
        ground.user.clear_faults();
        row.tried(&case);
        // What is only nice to have need not be allowed.
        if ran.code() != 0 {
            row.count("names the action", &names(&ran, &hits));
            row.count("gives a hint", &hints(&ran));
            // Who has only looked, or draws or exports, has made nothing that he would not know of.
            if swept.from != From::Closed && asked.iter().any(makes_something) {
                row.count("tells what is there", &tells(&ran, &inventory));
            }
        }
        go_on(row, usual, swept);
    }
}

/// `then` ends well, what stands is what it should be, nothing is to do, and teardown leaves nothing.
fn go_on(row: &mut Row, usual: &mut Undisturbed, swept: &Swept) {
    let ground = &usual.ground;
    row.count("next ends well", &ends_as_it_may(ground, swept));
    row.count("same inventory", &same(&usual.goal, &ground.standing()));
    if !usual.goal.is_empty() && swept.then[0] == "up" {
        row.count("plan 0", &nothing_to_do(ground, swept));
    }
    let level = ground.level();
    row.count("nothing left", &level);
    if level.is_err() {
        // The others begin where nothing is.
        usual.ground = Ground::new(ground.profile());
    }
}

/// What is done afterwards; and what it says in the end, where nothing that stands tells.
fn ends_as_it_may(ground: &Ground, swept: &Swept) -> Result<(), String> {
    let ran = ground.run(swept.then);
    if !swept.ends.contains(&ran.code()) {
        return Err(format!("it ended with {}: {}", ran.code(), told(&ran)));
    }
    match swept.proof {
        [] => Ok(()),
        proof => ends_well(&ground.run(proof)),
    }
}

fn ends_well(ran: &Ran) -> Result<(), String> {
    match ran.code() {
        0 => Ok(()),
        code => Err(format!("it ended with {code}: {}", told(ran))),
    }
}

fn same(goal: &[Item], standing: &[Item]) -> Result<(), String> {
    // Where a killed run has made a VPC and not said so, it stays what it is: the account's own.
    let unproven = standing.iter().any(|item| item.is_our_vpc() == Some(false));
    let comparable = |items: &[Item]| -> Vec<Item> {
        let items = items.iter().cloned();
        let mut items: Vec<_> = match unproven {
            true => items.map(Item::of_an_unproven_vpc).collect(),
            false => items.collect(),
        };
        items.sort();
        items
    };
    let (goal, standing) = (comparable(goal), comparable(standing));
    let (missing, more) = (without(&goal, &standing), without(&standing, &goal));
    match missing.is_empty() && more.is_empty() {
        true => Ok(()),
        false => Err(format!("missing {missing:#?}, too much {more:#?}")),
    }
}

/// What of `all` is not among `others`, as often as it is there.
fn without(all: &[Item], others: &[Item]) -> Vec<Item> {
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

/// Whether it has made or changed something of the stack, and not only in its record or the bucket that this is in.
fn makes_something(request: &Request) -> bool {
    let is_record = request.hits.starts_with("s3:") || request.hits == "elasticbeanstalk:CreateStorageLocation";
    request.changes && request.done && !is_record
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
        "CreateDistributionWithTags" => "CreateDistribution",
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

/// What stands, and whoever does something with it, as deploying, knows that it does: of this nothing need be said.
fn known(ground: &Ground, swept: &Swept) -> Vec<String> {
    match swept.command[0] {
        "up" | "teardown" | "reap" => Vec::new(),
        _ => ground.user.inventory(),
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
