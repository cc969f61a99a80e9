//! Hints as they are printed: each command with the flags of this run that matter to it, so that pasting it means the same
//! stack, in the same place. Must know nothing of what a hint is about.

use std::sync::OnceLock;

use serde_json::Value;

use crate::cli::{Global, TimeToLive, Wishes};
use crate::engine::{Command, Hint, Program, quoted};

/// What is about one stack.
const STACK: &[&str] = &[
    "capacity",
    "deploy",
    "doctor",
    "draw",
    "events",
    "export",
    "list",
    "load",
    "logs",
    "maintenance off",
    "maintenance on",
    "open",
    "outputs",
    "plan",
    "reap",
    "rotate-secret",
    "scale",
    "ssh",
    "status",
    "stress",
    "teardown",
    "unlock",
    "up",
    "verify",
];
/// What reads the profile, too.
const PROFILE: &[&str] = &[
    "bundle",
    "capacity",
    "deploy",
    "doctor",
    "draw",
    "events",
    "explain",
    "export",
    "list",
    "load",
    "logs",
    "maintenance off",
    "maintenance on",
    "open",
    "outputs",
    "plan",
    "policy",
    "profile check",
    "profile show",
    "reap",
    "rotate-secret",
    "scale",
    "simulate",
    "ssh",
    "status",
    "stress",
    "teardown",
    "unlock",
    "up",
    "verify",
];
/// What takes `article` where no profile is named, whatever the stack was brought up with.
const UNTOLD_ARTICLE: &[&str] = &[
    "bundle",
    "capacity",
    "doctor",
    "explain",
    "plan",
    "profile show",
    "simulate",
    "up",
];
const WISHES: &[&str] = &["plan", "up"];
/// What is about all stacks is not about the one that the run was told.
const ALL_STACKS: &[&str] = &["list", "reap"];

/// The flags of this run.
#[derive(Debug, Default)]
pub(super) struct Run {
    flags: Vec<Flag>,
    sandbox: bool,
    /// For the AWS CLI.
    aws: Vec<Flag>,
    onward: Onward,
    /// The profile that the stack was brought up with, where none was typed.
    applied: OnceLock<Flag>,
}

/// What of a command's own arguments hints repeat.
#[derive(Debug, Default)]
pub(crate) struct Repeated {
    pub flags: Vec<Flag>,
    pub onward: Onward,
}

/// What goes on where the command did not get to its end.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Onward {
    #[default]
    Up,
    /// What a teardown left half removed is no site that `up` could go on with.
    Teardown,
    /// What failed says it: the way back of a deployment is not forward.
    AsSaid,
}

/// One flag as it would be typed again.
#[derive(Debug)]
pub(crate) struct Flag {
    name: &'static str,
    value: Option<String>,
    /// The commands that it matters to.
    of: &'static [&'static str],
}

impl Run {
    /// `--yes` and what deletes are no part of it: who pastes a hint has not said so yet.
    pub(super) fn of(global: &Global, repeated: Repeated) -> Self {
        let mut flags = which_stack(global);
        flags.extend(repeated.flags);
        Self {
            flags,
            sandbox: global.sandbox,
            aws: [("--profile", &global.aws_profile), ("--region", &global.region)]
                .into_iter()
                .filter_map(|(name, value)| Some(Flag::with(name, value.as_deref()?, &[])))
                .collect(),
            onward: repeated.onward,
            applied: OnceLock::new(),
        }
    }

    /// The profile is the one that `up` used: what would take `article` instead has to name it, or leave a place for its name.
    pub(super) fn acts_on(&self, profile: Option<&str>) {
        if profile == Some("article") {
            return;
        }
        let named = profile.map_or_else(|| place_for("PROFILE"), quoted);
        let flag = Flag {
            name: "-p",
            value: Some(named),
            of: UNTOLD_ARTICLE,
        };
        // A run has one stack.
        let _ = self.applied.set(flag);
    }

    pub(super) fn onward(&self) -> Onward {
        self.onward
    }

    pub(super) fn shown(&self, hint: &Hint) -> String {
        hint.shown(|commands| self.typed(commands))
    }

    /// Every hint within a value, as it is shown.
    pub(super) fn complete(&self, value: &mut Value) {
        match value {
            // What a hint is in JSON, and nothing else that is printed.
            Value::Object(members) if members.len() == 1 && members.contains_key("$hint") => {
                if let Ok(hint) = serde_json::from_value::<Hint>(Value::Object(members.clone())) {
                    *value = Value::String(self.shown(&hint));
                }
            }
            Value::Object(members) => members.values_mut().for_each(|member| self.complete(member)),
            Value::Array(items) => items.iter_mut().for_each(|item| self.complete(item)),
            _ => {}
        }
    }

    /// Commands as they are typed, in one line.
    pub(super) fn typed(&self, commands: &[Command]) -> String {
        let no_flags = Self::default();
        let typed = |command: &Command| {
            let run = if command.bare { &no_flags } else { self };
            match command.program {
                Program::Confctl => run.confctl(&command.words),
                Program::Aws => run.aws(&command.words),
            }
        };
        commands.iter().map(typed).collect::<Vec<_>>().join("; ")
    }

    fn confctl(&self, words: &[String]) -> String {
        let is_group = |word: &String| ["maintenance", "profile", "sandbox"].contains(&word.as_str());
        let (name, rest) = words.split_at(words.len().min(1 + usize::from(words.first().is_some_and(is_group))));
        let name = name.join(" ");
        // A command that leads away from AWS leaves behind what names an account there.
        let leaves_aws = !self.sandbox && says(rest, "--sandbox", |_| true);
        let is_of_one = |flag: &Flag| {
            let of_one_stack = ALL_STACKS.contains(&name.as_str()) && ["--name", "-p", "--set"].contains(&flag.name);
            let of_one_account = leaves_aws && ["--aws-profile", "--account"].contains(&flag.name);
            of_one_stack || of_one_account
        };
        let matters = |flag: &&Flag| flag.of.contains(&name.as_str()) && !flag.is_said(rest) && !is_of_one(flag);
        let flags = self.flags.iter().chain(self.applied.get());
        let flags = flags.filter(matters).map(Flag::text);
        let rest = rest.iter().map(|word| quoted(word));
        ["confctl".to_owned(), name.clone()]
            .into_iter()
            .chain(flags)
            .chain(rest)
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// What signs in acts on no account. All else would act on AWS where the sandbox is meant: it goes by the sandbox's own
    /// variables, and not at all where no sandbox runs to give them.
    fn aws(&self, words: &[String]) -> String {
        let signs_in = words
            .first()
            .is_some_and(|word| ["configure", "login", "sso"].contains(&word.as_str()));
        let typed = words.iter().map(|word| quoted(word));
        let flags = self
            .aws
            .iter()
            .filter(|flag| !(self.sandbox || flag.is_said(words) || signs_in && flag.name == "--region"));
        let line = ["aws".to_owned()].into_iter().chain(typed).chain(flags.map(Flag::text));
        let line = line.collect::<Vec<_>>().join(" ");
        match self.sandbox && !signs_in {
            true => format!("(eval \"$(confctl sandbox env || echo false)\" && {line})"),
            false => line,
        }
    }
}

impl Flag {
    pub(crate) fn alone(name: &'static str, of: &'static [&'static str]) -> Self {
        Self { name, value: None, of }
    }

    pub(crate) fn with(name: &'static str, value: &str, of: &'static [&'static str]) -> Self {
        Self {
            name,
            value: Some(quoted(value)),
            of,
        }
    }

    pub(crate) fn wishes(wishes: &Wishes) -> Vec<Self> {
        let adopt = wishes.adopt.iter().map(|id| Self::with("--adopt", id, WISHES));
        let mut flags: Vec<_> = adopt.collect();
        let upgrade = || Self::alone("--upgrade-platform", WISHES);
        flags.extend(wishes.upgrade_platform.then(upgrade));
        flags.extend(wishes.no_check.then(Self::no_check));
        flags.extend(wishes.force.then(|| Self::alone("--force", WISHES)));
        let ttl = |ttl: &TimeToLive| Self::with("--ttl", &ttl.to_string(), WISHES);
        flags.extend(wishes.ttl.as_ref().map(ttl));
        flags
    }

    pub(crate) fn no_check() -> Self {
        Self::alone("--no-check", &["bundle", "deploy", "plan", "up"])
    }

    fn text(&self) -> String {
        match &self.value {
            Some(value) => format!("{} {value}", self.name),
            None => self.name.to_owned(),
        }
    }

    /// Whether a command says it by itself, or the same of its own.
    fn is_said(&self, words: &[String]) -> bool {
        match (self.name, self.value.as_deref()) {
            ("-p", _) => says(words, "-p", |_| true) || says(words, "--profile", |_| true),
            // Of one key the last one holds; a command's own comes last, and is the one that is meant.
            ("--set", Some(value)) => {
                let key = value.trim_start_matches('\'').split('=').next().unwrap_or_default();
                says(words, "--set", |said| said.starts_with(&format!("{key}=")))
            }
            ("--adopt" | "--keep", Some(value)) => says(words, self.name, |said| said == value),
            (name, _) => says(words, name, |_| true),
        }
    }
}

/// Whether the flag is among the words, before a word that is of that kind.
fn says(words: &[String], flag: &str, is_it: impl Fn(&str) -> bool) -> bool {
    let next = |place: usize| words.get(place + 1).map_or("", String::as_str);
    words
        .iter()
        .enumerate()
        .any(|(place, word)| word == flag && is_it(next(place)))
}

/// The flags that say which stack of which account is meant.
fn which_stack(global: &Global) -> Vec<Flag> {
    let mut flags = Vec::new();
    flags.extend(global.sandbox.then(|| Flag::alone("--sandbox", STACK)));
    let named: [(_, _, &'static [&'static str]); 5] = [
        ("--name", &global.name, PROFILE),
        ("-p", &global.profile, PROFILE),
        ("--region", &global.region, PROFILE),
        ("--aws-profile", &global.aws_profile, STACK),
        ("--account", &global.account, STACK),
    ];
    for (name, value, of) in named {
        flags.extend(value.as_deref().map(|value| Flag::with(name, value, of)));
    }
    let sets = global.set.iter().filter_map(|set| typed_again(set));
    flags.extend(sets.map(|value| Flag {
        name: "--set",
        value: Some(value),
        of: PROFILE,
    }));
    flags
}

/// What stands for a word that is not told: a shell that has no such variable says so and runs nothing (POSIX, parameter expansion:
/// `${name:?}`), and who sets it first has filled it in. Between `<` and `>` a shell would take it for files.
fn place_for(variable: &str) -> String {
    format!("\"${{{variable}:?}}\"")
}

/// A `--set` as it may be shown again: hints go into logs, where neither secrets nor addresses belong. One that is none is not
/// repeated.
fn typed_again(set: &str) -> Option<String> {
    let (key, value) = set.split_once('=')?;
    // A key may be quoted part by part; an escape in it could spell anything.
    let plain: String = key
        .chars()
        .filter(|c| !c.is_whitespace() && !"\"'".contains(*c))
        .collect();
    let is_of = |section: &str| plain == section || plain.starts_with(&format!("{section}."));
    let private = is_of("app.properties") || is_of("notifications") || plain == "app" || value.contains('@');
    Some(match private || plain.contains('\\') {
        true => format!("{}={}", quoted(key.trim()), place_for("VALUE")),
        false => quoted(set),
    })
}

#[cfg(test)]
mod tests;
