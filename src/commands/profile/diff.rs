//! `profile diff`: in which keys two profiles differ, and what `up` does about each.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::Global;
use crate::engine::Error;
use crate::profile::paths::at_home;
use crate::profile::{self, Changes, Key, Profile, Setting};
use crate::session::selection::usage;
use crate::ui::Summary;

#[derive(Debug, Clone, Args)]
pub(crate) struct DiffArgs {
    /// A profile: article, dev, ci, hardened, or a TOML file
    #[arg(value_name = "A")]
    pub from: String,

    /// Another; `--set` changes this one
    #[arg(value_name = "B")]
    pub to: String,
}

/// A key that has two values.
struct Difference {
    key: String,
    from: Option<String>,
    to: Option<String>,
    change: String,
    /// The whole plan is blocked by it.
    blocks: bool,
}

pub(super) fn run(global: &Global, args: &DiffArgs) -> Result<Summary, Error> {
    let (from, to) = (read(&args.from, &[])?, read(&args.to, &global.set)?);
    let differences = differences(&from, &to);
    let mut summary = Summary::done();
    if differences.is_empty() {
        summary = summary.say("The two say the same.");
    }
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "(not set)".to_owned());
    for Difference {
        key, from, to, change, ..
    } in &differences
    {
        summary = summary.say(format!("{key}: {} -> {}  ({change})", shown(from), shown(to)));
    }
    let blocking = differences.iter().filter(|difference| difference.blocks);
    let blocking: Vec<_> = blocking.map(|difference| difference.key.as_str()).collect();
    if !blocking.is_empty() {
        summary = summary.say(format!(
            "A stack that is up does not go from A to B: its plan would be blocked by {}, and none of this changed.",
            blocking.join(", ")
        ));
    }
    let rows: Vec<Value> = differences.iter().map(row).collect();
    Ok(summary.output("differences", rows))
}

fn row(difference: &Difference) -> Value {
    let Difference {
        key,
        from,
        to,
        change,
        blocks,
    } = difference;
    json!({"key": key, "from": from, "to": to, "change": change, "blocks": blocks})
}

fn read(source: &str, sets: &[String]) -> Result<Profile, Error> {
    let source = at_home(source).to_str().unwrap_or(source).to_owned();
    Ok(profile::load(&source, sets).map_err(usage)?.profile)
}

/// In the order of the keys; of properties and tags, those of the first come first.
fn differences(from: &Profile, to: &Profile) -> Vec<Difference> {
    let (before, after) = (from.settings(), to.settings());
    let mut differences = Vec::new();
    for key in profile::KEYS {
        let of_key = |settings: &[Setting]| -> Vec<Setting> {
            let of_key = settings.iter().filter(|setting| setting.key.path == key.path);
            of_key.cloned().collect()
        };
        let (before, after) = (of_key(&before), of_key(&after));
        let is_new = |setting: &&Setting| !before.iter().any(|other| other.path == setting.path);
        for setting in before.iter().chain(after.iter().filter(is_new)) {
            let in_one = |settings: &[Setting]| {
                let found = settings.iter().find(|other| other.path == setting.path);
                found.and_then(|setting| setting.value.as_ref().map(ToString::to_string))
            };
            differences.extend(difference(setting, in_one(&before), in_one(&after), (from, to)));
        }
    }
    differences
}

fn difference(
    setting: &Setting,
    from: Option<String>,
    to: Option<String>,
    (before, after): (&Profile, &Profile),
) -> Option<Difference> {
    // What is compared goes into logs and comments.
    let shown = |value: Option<String>| match setting.is_private() {
        true => value.map(|_| "(a value that is not shown)".to_owned()),
        false => value,
    };
    (from != to).then(|| Difference {
        key: setting.name(),
        from: shown(from),
        to: shown(to),
        change: change(setting.key, before, after),
        blocks: matches!(setting.key.changes, Changes::Blocked(_)) && counts(setting.key, before, after),
    })
}

/// What `up` does about it: nothing where it counts in neither, or where what it is about goes.
fn change(key: &Key, before: &Profile, after: &Profile) -> String {
    match key.with {
        Some(with) if !counts(key, before, after) => format!("no step: counts with {} only", with.as_str()),
        Some(with) if !with.is_in(after) => format!("no step: B is without {}", with.as_str()),
        _ => key.changes.to_string(),
    }
}

fn counts(key: &Key, before: &Profile, after: &Profile) -> bool {
    key.with.is_none_or(|with| with.is_in(before) || with.is_in(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(from: &[&str], to: &[&str]) -> Vec<(String, String, bool)> {
        let of = |sets: &[&str]| {
            let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
            profile::parse("test", "", &sets).unwrap()
        };
        let differences = differences(&of(from), &of(to)).into_iter();
        differences.map(|one| (one.key, one.change, one.blocks)).collect()
    }

    #[test]
    fn what_counts_in_neither_is_no_step() {
        let without = ["cdn.enabled=false"];
        let told = changes(&without, &["cdn.enabled=false", "waf.enabled=false"]);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].1.starts_with("no step: counts with `cdn.enabled = true`"),
            "{told:?}"
        );
        let told = changes(&[], &["waf.enabled=false"]);
        assert!(told[0].1.starts_with("makes or removes the web ACL"), "{told:?}");
    }

    #[test]
    fn beside_a_change_that_blocks_all_of_it_nothing_is_in_place() {
        let one = ["environment.type=SingleInstance", "cdn.enabled=false"];
        let told = changes(&["cdn.enabled=false"], &[&one[..], &["scaling.min=1"]].concat());
        let of = |key: &str| told.iter().find(|(name, ..)| name == key).unwrap().clone();
        assert!(of("environment.type").2, "{told:?}");
        let (_, change, blocks) = of("scaling.min");
        assert!(change.starts_with("no step: B is without") && !blocks, "{told:?}");
    }
}
