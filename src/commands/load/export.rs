//! `load --export`: the same people as files for engines that send from many machines. Sends nothing itself.
//! How people behave is `crate::load`'s, and so is what these engines read.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::LoadArgs;
use crate::engine::{Error, Hint, Kind};
use crate::load::Coming;
use crate::load::export::{Rehearsal, distributed, k6};
use crate::ui::Summary;

/// An engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// A script for k6, and for its operator
    K6,
    /// A test for Distributed Load Testing on AWS: what its API takes, and the script beside it
    Dlt,
}

/// Writes what the engine takes for people who come to this site.
pub(super) fn written(
    engine: Engine,
    args: &LoadArgs,
    coming: &Coming,
    url: &str,
    region: &str,
) -> Result<Summary, Error> {
    let run = super::new_run();
    let rehearsal = Rehearsal {
        site: url,
        run: &run,
        coming,
        think: args.think,
        patience: args.abandon,
        least_in: (1.0 - args.max_failed / 100.0).clamp(0.0, 1.0),
    };
    let path = args.to.clone().unwrap_or_else(|| default_path(engine).into());
    let script = k6(&rehearsal);
    let (files, text) = match engine {
        Engine::K6 => (vec![(path.clone(), script)], format!("k6 run {}", path.display())),
        Engine::Dlt => {
            let test = distributed(&rehearsal, region);
            let beside = script_beside(&path)?;
            let test = serde_json::to_string_pretty(&test).unwrap_or_default();
            let text = "docs/event.md says where the two go".to_owned();
            (vec![(path.clone(), test), (beside, script)], text)
        }
    };
    let mut summary = Summary::done()
        .output("people", coming.people())
        .output("file", path.display().to_string());
    for (path, text) in &files {
        fs_err::write(path, text).map_err(|error| {
            Error::new(Kind::Usage, "could not write what --export asks for")
                .caused_by(error)
                .hint("--to FILE")
        })?;
        summary = summary.say(format!("Written: {}", path.display()));
    }
    let after = Hint::from(format!("Nothing was sent. {text}; afterwards ")).and_run("load --clean");
    Ok(summary.say(after.and(" removes the made-up addresses")))
}

fn default_path(engine: Engine) -> &'static str {
    match engine {
        Engine::K6 => "confctl-load.js",
        Engine::Dlt => "confctl-load.json",
    }
}

/// # Errors
/// Where the test would be overwritten by its script.
fn script_beside(path: &Path) -> Result<PathBuf, Error> {
    let beside = path.with_extension("js");
    match beside == path {
        false => Ok(beside),
        true => Err(
            Error::new(Kind::Usage, "the test is JSON, and its script goes beside it as .js").hint("--to FILE.json"),
        ),
    }
}
