//! `man`: confctl's pages for man. Made of the command line itself.

use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;
use jiff::Timestamp;

use super::Cli;
use crate::cli::path;
use crate::engine::{Error, Kind};
use crate::ui::{Summary, Ui};

#[derive(Debug, Clone, Args)]
pub(crate) struct ManArgs {
    /// Write a page for each command into this folder; without it, the first page goes to standard output
    #[arg(long, value_name = "DIR", value_parser = path())]
    pub dir: Option<PathBuf>,
}

pub(super) fn run(args: &ManArgs, ui: &Ui) -> Result<Summary, Error> {
    // The pages of all others are beside the first; that of `help` says nothing.
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    match &args.dir {
        None => {
            let (_, page) = page(command).map_err(|error| Error::failed("could not make the page").caused_by(error))?;
            ui.result(page.trim_end());
            Ok(Summary::done().output("page", page))
        }
        Some(dir) => into(dir, command),
    }
}

fn into(dir: &Path, command: Command) -> Result<Summary, Error> {
    let written = fs_err::create_dir_all(dir).and_then(|()| write(dir, command));
    let shown = dir.display().to_string();
    written.map_err(|error| {
        Error::new(Kind::Usage, format!("could not write the pages into {shown}"))
            .caused_by(error)
            .hint("name a folder that can be written with --dir DIR")
    })?;
    Ok(Summary::done()
        .say(format!(
            "Wrote the pages into {shown}; man -l {shown}/confctl.1 shows the first."
        ))
        .output("dir", shown))
}

fn write(dir: &Path, command: Command) -> std::io::Result<()> {
    let visible = command.get_subcommands().filter(|command| !command.is_hide_set());
    for command in visible.cloned() {
        write(dir, command)?;
    }
    let (name, page) = page(command)?;
    fs_err::write(dir.join(name), page)
}

/// The variable by which builds that are to come out the same are dated (reproducible-builds.org, SOURCE_DATE_EPOCH).
const DATED: &str = "SOURCE_DATE_EPOCH";

/// That of the pages.
fn date() -> String {
    let set = std::env::var(DATED).ok().and_then(|seconds| seconds.parse().ok());
    let set = set.and_then(|seconds| Timestamp::from_second(seconds).ok());
    set.unwrap_or_else(Timestamp::now).strftime("%Y-%m-%d").to_string()
}

/// A page with the name of its file. Its synopsis is the usage that the help has: each option of it would be named there by itself, in
/// no order of ours and without what it takes, which the sections below tell.
fn page(mut command: Command) -> std::io::Result<(String, String)> {
    let usage = command.render_usage().to_string();
    let command = command.override_usage(usage.trim_start_matches("Usage:").trim().to_owned());
    let man = Man::new(command)
        .source(concat!("confctl ", env!("CARGO_PKG_VERSION")))
        .date(date())
        .manual("confctl");
    let mut page = Vec::new();
    man.render(&mut page)?;
    // A break before or after a space is none, and readers warn of it.
    let page = String::from_utf8_lossy(&page).replace(".br\n\n.br\n", ".sp\n");
    Ok((man.get_filename(), page))
}
