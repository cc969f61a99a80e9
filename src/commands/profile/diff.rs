//! `profile diff`: in which keys two profiles differ, and what `up` does about each.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::Global;
use crate::engine::Error;
use crate::profile::paths::at_home;
use crate::profile::{self, Profile, Setting};
use crate::session::selection::usage;
use crate::ui::Summary;

#[derive(Debug, Clone, Args)]
pub(crate) struct DiffArgs {
    /// A profile: article, dev, ci, or a TOML file
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
}

pub(super) fn run(global: &Global, args: &DiffArgs) -> Result<Summary, Error> {
    let (from, to) = (read(&args.from, &[])?, read(&args.to, &global.set)?);
    let differences = differences(&from, &to);
    let mut summary = Summary::done();
    if differences.is_empty() {
        summary = summary.say("The two say the same.");
    }
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "(not set)".to_owned());
    for Difference { key, from, to, change } in &differences {
        summary = summary.say(format!("{key}: {} -> {}  ({change})", shown(from), shown(to)));
    }
    let rows: Vec<Value> = differences.iter().map(row).collect();
    Ok(summary.output("differences", rows))
}

fn row(difference: &Difference) -> Value {
    let Difference { key, from, to, change } = difference;
    json!({"key": key, "from": from, "to": to, "change": change})
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
            differences.extend(difference(setting, in_one(&before), in_one(&after)));
        }
    }
    differences
}

fn difference(setting: &Setting, from: Option<String>, to: Option<String>) -> Option<Difference> {
    // What is compared goes into logs and comments.
    let shown = |value: Option<String>| match setting.is_private() {
        true => value.map(|_| "(a value that is not shown)".to_owned()),
        false => value,
    };
    (from != to).then(|| Difference {
        key: setting.name(),
        from: shown(from),
        to: shown(to),
        change: setting.key.changes.to_string(),
    })
}
