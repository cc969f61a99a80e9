//! Where a case takes place: an account with nothing of ours in it, or with the whole stack, and what stands in it.
//! Must know nothing of what goes wrong.

use std::cell::Cell;
use std::path::PathBuf;

use serde_json::Value;
use std::collections::BTreeSet;

use crate::support::{Ran, User};

/// What there is before a command.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum From {
    Nothing,
    Standing,
    /// A stack whose time is over.
    Over,
    /// With another version on it than the first.
    Twice,
    /// With another version in an environment beside the first, and visitors there.
    Beside,
    /// With a group, whatever the profile says, in an account that may reserve capacity for its load balancer.
    Grouped,
    /// With people in its table, and nobody who comes any more.
    Closed,
}

/// In a command: a folder that is new in each case.
pub(super) const FRESH: &str = "FRESH";

/// What stands in its table then.
const PEOPLE: [&str; 3] = ["ada@example.com", "grace@example.com", "joan@example.com"];

/// Everything shows late there, by a little less than the minute of AWS's time for which anything is waited for.
const TIME_SCALE: &str = "300";
const LATE: &str = "50";

/// A user with an account of their own, and the stack of one profile.
pub(super) struct Ground {
    pub user: User,
    profile: &'static str,
    empty: Vec<String>,
    /// How many cases there were so far.
    cases: Cell<usize>,
    /// Whether somebody is registered.
    has_people: Cell<bool>,
}

/// A request of confctl's, as a fault names it.
pub(super) struct Request {
    pub hits: String,
    pub changes: bool,
    pub done: bool,
}

impl Ground {
    pub fn new(profile: &'static str) -> Self {
        let user = User::new()
            .with("CONFCTL_SANDBOX_TIME_SCALE", TIME_SCALE)
            .with("CONFCTL_SANDBOX_TAG_DELAY", LATE);
        user.confctl(&["bundle"]).exits(0);
        let mut empty = user.inventory_of_a_fresh_sandbox();
        if profile.ends_with("domain.toml") {
            let create = [
                "route53",
                "create-hosted-zone",
                "--name",
                "example.org",
                "--caller-reference",
                "own",
            ];
            user.aws_json(&create);
            empty = user.inventory();
        }
        Self {
            user,
            profile,
            empty,
            cases: Cell::new(0),
            has_people: Cell::new(false),
        }
    }

    pub fn profile(&self) -> &'static str {
        self.profile
    }

    /// The command's arguments for this stack.
    pub fn arguments(&self, command: &[&str]) -> Vec<String> {
        let folder = self.folder();
        let folder = folder.to_str().unwrap();
        let own = ["--sandbox", "-p", self.profile, "-o", "json"];
        let all = command.iter().chain(&own);
        all.map(|argument| argument.replace(FRESH, folder)).collect()
    }

    pub fn run(&self, command: &[&str]) -> Ran {
        let arguments = self.arguments(command);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.user.confctl(&arguments)
    }

    fn folder(&self) -> PathBuf {
        self.user.home().join(format!("case-{}", self.cases.get()))
    }

    /// Brings the account to what a command starts from, where it is at nothing.
    pub fn prepare(&self, from: From) {
        const OVER: &[&str] = &["up", "--yes", "--no-verify", "--ttl", "1s"];
        const GROUPED: &[&str] = &["up", "--yes", "--no-verify", "--set", "environment.type=LoadBalanced"];
        self.cases.set(self.cases.get() + 1);
        std::fs::create_dir(self.folder()).unwrap();
        const CLOSED: &[&str] = &["up", "--yes", "--no-verify", "--set", super::OVER];
        let commands: &[&[&'static str]] = match from {
            From::Nothing => &[],
            From::Standing => &[super::UP],
            From::Over => &[OVER],
            From::Twice => &[super::UP, super::DEPLOY],
            From::Beside => &[super::UP, super::BLUE_GREEN],
            From::Grouped => &[GROUPED],
            From::Closed => &[CLOSED],
        };
        for command in commands {
            // Of hours on a busy machine one run may lose its lock; it is no case.
            let ran = self.run(command);
            if ran.code() != 0 {
                self.run(command).exits(0);
            }
        }
        match from {
            From::Grouped => self.may_reserve(),
            From::Closed => self.register(),
            _ => {}
        }
    }

    /// The quota of capacity units is none at first; of a later case it is raised already.
    fn may_reserve(&self) {
        let raise = ["service-quotas", "request-service-quota-increase"];
        let quota = ["--service-code", "elasticloadbalancing", "--quota-code", "L-8A66D0E6"];
        self.user
            .aws(&[&raise[..], &quota, &["--desired-value", "1000"]].concat());
    }

    /// People, as an app without tickets would have put them there.
    fn register(&self) {
        for address in PEOPLE {
            let item = format!(r#"{{"email":{{"S":"{address}"}},"registered_at":{{"S":"2025-12-10T18:00:00.000Z"}}}}"#);
            let put = ["dynamodb", "put-item", "--table-name", "users", "--item", &item];
            self.user.aws(&put).exits(0);
        }
        self.has_people.set(true);
    }

    /// What stands, without what every run makes anew: ids, and the record of what was done. How many instances there are their
    /// own load decides.
    pub fn standing(&self) -> Vec<Item> {
        let items = self.user.inventory().into_iter();
        let items: Vec<Value> = items.map(|item| serde_json::from_str(&item).unwrap()).collect();
        // Two may stand beside each other.
        let ids = items
            .iter()
            .filter_map(|item| item["tags"]["elasticbeanstalk:environment-id"].as_str());
        let ids: BTreeSet<&str> = ids.collect();
        let counts = |item: &&Value| {
            let kind = item["type"].as_str().unwrap();
            !["object", "instance", "network-interface", "volume"].contains(&kind)
        };
        let mut standing: Vec<_> = items.iter().filter(counts).map(|item| Item::new(item, &ids)).collect();
        standing.sort();
        standing
    }

    /// Takes the stack away. A default VPC that a killed run may have made, which nothing proves, it names and leaves; taken over on
    /// purpose it goes, too.
    ///
    /// # Errors
    /// With what is left, or what was said instead.
    pub fn level(&self) -> Result<(), String> {
        let losing: &[&str] = match self.has_people.replace(false) {
            true => &["--delete-data"],
            false => &[],
        };
        let teardown = [super::TEARDOWN, losing].concat();
        let mut ran = self.run(&teardown);
        let remains = ran.summary()["outputs"]["remains"].clone();
        if ran.code() == 3 && is_an_unproven_vpc(&remains) {
            ran = self.run(&[&teardown[..], &["--adopt", "default-vpc"]].concat());
        }
        if ran.code() != 0 {
            return Err(format!("teardown ended with {}: {}", ran.code(), told(&ran)));
        }
        let left = self.user.inventory().into_iter();
        let left: Vec<_> = left.filter(|item| !self.empty.contains(item)).collect();
        match left.is_empty() {
            true => Ok(()),
            false => Err(format!("teardown left {left:?}")),
        }
    }

    /// What confctl has asked for since the log had so many bytes.
    pub fn asked_since(&self, byte: usize) -> Vec<Request> {
        let log = self.user.requests_since(byte);
        let ours = log.iter().filter(|line| {
            let caller = line["caller"].as_str().unwrap_or_default();
            caller.ends_with(":user/sandbox") && line["operation"] != "GetCallerIdentity"
        });
        ours.map(request).collect()
    }
}

fn is_an_unproven_vpc(remains: &Value) -> bool {
    let remains = remains.as_array().cloned().unwrap_or_default();
    let adoptable = |one: &Value| {
        one["reason"]
            .as_str()
            .is_some_and(|why| why.contains("--adopt default-vpc"))
    };
    remains.len() == 1 && remains.iter().all(adoptable)
}

/// Something that stands, without what AWS has made up of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item {
    kind: String,
    name: String,
    tags: String,
}

impl Item {
    fn new(item: &Value, environments: &BTreeSet<&str>) -> Self {
        let shown = |value: &Value| {
            let text = environments
                .iter()
                .fold(value.to_string(), |text, id| text.replace(*id, "e-0"));
            masked(&text)
        };
        Self {
            kind: format!(
                "{} {}",
                item["service"].as_str().unwrap(),
                item["type"].as_str().unwrap()
            ),
            name: shown(&item["name"]),
            tags: shown(&item["tags"]),
        }
    }

    /// Of the default VPC: `Some` of whether it is tagged as ours.
    pub fn is_our_vpc(&self) -> Option<bool> {
        (self.kind == "ec2 vpc").then(|| self.tags.contains("confctl:stack"))
    }

    /// Without its tags, where it is the default VPC or a part of it.
    pub fn of_an_unproven_vpc(mut self) -> Self {
        let parts = [
            "vpc",
            "subnet",
            "internet-gateway",
            "route-table",
            "network-acl",
            "security-group",
            "dhcp-options",
        ];
        if parts.iter().any(|part| self.kind == format!("ec2 {part}")) {
            self.tags.clear();
        }
        self
    }
}

fn request(line: &Value) -> Request {
    let (service, operation) = (line["service"].as_str().unwrap(), line["operation"].as_str().unwrap());
    let object = line["about"]["Path"]
        .as_str()
        .filter(|_| service == "s3")
        .and_then(object);
    let reads = [
        "Describe", "Get", "List", "Head", "Simulate", "Check", "Scan", "Query", "Validate",
    ];
    Request {
        hits: match object {
            Some(object) => format!("s3:{operation}:{object}"),
            None => format!("{service}:{operation}"),
        },
        changes: !reads.iter().any(|verb| operation.starts_with(verb)),
        done: line["status"].as_u64().is_some_and(|status| status < 300),
    }
}

/// Which kind of object it is: in the record by what it is for, elsewhere by its folder.
fn object(path: &str) -> Option<String> {
    let (_bucket, key) = path.trim_start_matches('/').split_once('/')?;
    let parts: Vec<_> = key.split('/').collect();
    match parts[..] {
        [""] => None,
        ["confctl", _stack, kind, ..] => Some(format!("*/confctl/*/{kind}*")),
        [folder, ..] => Some(format!("*/{folder}*")),
        [] => None,
    }
}

/// The text without what AWS makes up: words with digits in them, long ones of capitals, and the end of a target group's name.
fn masked(text: &str) -> String {
    let words = text.split_inclusive(|character: char| !character.is_ascii_alphanumeric());
    let mut masked = String::new();
    for word in words {
        let letters = word.trim_end_matches(|character: char| !character.is_ascii_alphanumeric());
        let is_made_up = masked.ends_with("-default-")
            || letters.contains(|character: char| character.is_ascii_digit())
            || letters.len() >= 8 && letters.bytes().all(|byte| byte.is_ascii_uppercase());
        masked.push_str(if is_made_up { "#" } else { letters });
        masked.push_str(&word[letters.len()..]);
    }
    masked
}

/// The end of what a run has said.
pub(super) fn told(ran: &Ran) -> String {
    let last = ran.stdout.lines().last().unwrap_or_default();
    let summary: Value = serde_json::from_str(last).unwrap_or_default();
    match summary["error"].is_null() {
        true => format!("{last} {}", ran.stderr),
        false => format!("{} left behind: {}", summary["error"], summary["left_behind"]),
    }
}
