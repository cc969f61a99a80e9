//! `profile show`: every value of a profile, and with `--origin` where each comes from.

use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::Global;
use crate::engine::Error;
use crate::profile::{self, Names, Origin, Setting};
use crate::session::selection::{Chosen, RegionFrom, choose, stack_name};
use crate::ui::{Summary, Ui};

#[derive(Debug, Clone, Args)]
pub(crate) struct ShowArgs {
    /// Say of each value where it comes from: a line, a flag, a variable, or the default
    #[arg(long)]
    pub origin: bool,
}

pub(super) fn run(global: &Global, args: &ShowArgs, ui: &Ui) -> Result<Summary, Error> {
    let chosen = choose(global)?;
    let stack = stack_name(global)?;
    let names = Names::resolve(&chosen.profile, &stack, &chosen.profile.region);
    let mut shown = format!("# Profile {}, every value. Names of the stack {stack}:\n", chosen.name);
    for (what, name) in names.each() {
        shown.push_str(&format!("#   {what}: {name}\n"));
    }
    shown.push('\n');
    let settings = chosen.profile.settings();
    let origins: Vec<_> = settings
        .iter()
        .map(|setting| origin(setting, &chosen, global))
        .collect();
    match args.origin {
        true => shown.push_str(&with_origins(&settings, &origins)),
        false => shown.push_str(toml(&chosen)?.trim_end()),
    }
    ui.result(&shown);
    let names: Map<String, Value> = names
        .each()
        .into_iter()
        .map(|(what, name)| (what.replace(' ', "_"), name.into()))
        .collect();
    let summary = Summary::done()
        .output("profile", json!(chosen.profile))
        .output("names", names);
    let of_each = settings
        .iter()
        .zip(&origins)
        .map(|(setting, origin)| (setting.name(), json!(origin)));
    Ok(match args.origin {
        true => summary.output("origins", of_each.collect::<Map<_, _>>()),
        false => summary,
    })
}

fn toml(chosen: &Chosen) -> Result<String, Error> {
    let text = chosen.profile.to_toml();
    text.map_err(|error| Error::failed("could not write the profile").caused_by(error))
}

/// TOML still: the same profile could be read from it.
fn with_origins(settings: &[Setting], origins: &[String]) -> String {
    let line = |setting: &Setting| match (&setting.value, setting.key.unset) {
        (Some(value), _) => format!("{} = {value}", setting.name()),
        (None, unset) => format!("# {} is not set: {}", setting.name(), unset.unwrap_or("—")),
    };
    let lines: Vec<_> = settings.iter().map(line).collect();
    // A few long ones need not push the others away.
    let width = lines
        .iter()
        .map(|line| line.chars().count())
        .filter(|width| *width <= 60)
        .max();
    let width = width.unwrap_or_default();
    let lines = lines
        .iter()
        .zip(origins)
        .map(|(line, origin)| format!("{line:<width$}  # {origin}"));
    lines.collect::<Vec<_>>().join("\n")
}

fn origin(setting: &Setting, chosen: &Chosen, global: &Global) -> String {
    if setting.path == ["region"] && matches!(chosen.region_from, RegionFrom::Flag | RegionFrom::Aws(_)) {
        return chosen.region_from.to_string();
    }
    match chosen.origins.get(&setting.path) {
        None => "default".to_owned(),
        Some(Origin::Flag(flag)) if global.set_by_variable => format!("CONFCTL_SET, as {flag}"),
        Some(Origin::File { file, line, .. }) if is_embedded(file) => format!("embedded profile {file}, line {line}"),
        Some(Origin::File { file, line, .. }) => format!("{file}:{line}"),
        Some(origin) => origin.to_string(),
    }
}

fn is_embedded(name: &str) -> bool {
    profile::embedded().iter().any(|profile| profile.name == name)
}
