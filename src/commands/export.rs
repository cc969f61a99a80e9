//! `export`: the registrations as a file, for its owner only. Goes on where an interrupted one was.

use std::path::{Path, PathBuf};

use clap::Args;
use confctl_export::Format;

use super::output_file::can_be_written;
use crate::cli::{Global, path};
use crate::engine::{Error, Kind, counted_are};
use crate::resources::Registrations;
use crate::session::{Purpose, Session, unless_stopped};
use crate::ui::{Summary, Ui};

#[derive(Debug, Clone, Args)]
pub(crate) struct ExportArgs {
    /// A new file: .csv for spreadsheets, .jsonl for programs [default: confctl-STACK.csv]
    #[arg(value_name = "FILE", value_parser = path())]
    pub file: Option<PathBuf>,
}

/// How often it is said how far it is, in registrations.
const TOLD_EVERY: u64 = 100_000;

pub(super) async fn run(global: &Global, args: &ExportArgs, ui: &Ui) -> Result<Summary, Error> {
    if let Some(file) = &args.file {
        writable(file)?;
    }
    let session = Session::open(global, ui, Purpose::of_what_is("export")).await?;
    let look = session.look().await?;
    look.own_table("export")?;
    let file = args
        .file
        .clone()
        .unwrap_or_else(|| format!("confctl-{}.csv", session.stack.name).into());
    let format = writable(&file)?;
    let registrations = Registrations::new(&session.stack, &session.read, &session.write);
    let mut told = 0;
    let tell = |rows: u64| {
        if rows >= told + TOLD_EVERY {
            told = rows;
            session.ui.say(format!("  {rows} registrations so far"));
        }
    };
    let written = unless_stopped(&session.settings.stop, registrations.export(&file, format, tell)).await?;
    let mut summary = Summary::done()
        .output("file", written.path.display().to_string())
        .output("registrations", written.rows)
        .output("generated", written.left_out)
        .say(format!(
            "{} in {}",
            counted_are(written.rows, "registration"),
            written.path.display()
        ));
    if written.left_out > 0 {
        summary = summary.say(format!(
            "  {} left out: confctl made them up",
            counted_are(written.left_out, "address")
        ));
    }
    if !written.without_column.is_empty() {
        let names: Vec<_> = written.without_column.iter().map(String::as_str).collect();
        let names = names.join(", ");
        summary = summary.say(format!("  without a column: {names}; a .jsonl file has everything"));
    }
    summary.stack = Some(session.stack.name.to_string());
    Ok(summary)
}

/// How registrations would be written there.
///
/// # Errors
/// Where there is something already, the name says no form, or the folder takes no file.
pub(super) fn writable(file: &Path) -> Result<Format, Error> {
    let unfit = |why: &str| {
        Error::new(
            Kind::Usage,
            format!("registrations cannot be written to {}: {why}", file.display()),
        )
    };
    if file.symlink_metadata().is_ok() {
        return Err(unfit("it is there already").hint("name a new file, or move that one away"));
    }
    let format = Format::of(file).ok_or_else(|| unfit("its name says no form").hint("end it in .csv or .jsonl"))?;
    can_be_written(file, "FILE")?;
    Ok(format)
}
