//! `profile …`: list, show, compare, check and write profiles. Needs no AWS.

mod diff;
mod schema;
mod show;

use std::path::{Path, PathBuf};

use clap::Subcommand;

use crate::cli::{Global, path};
use crate::engine::{Command, Error, Hint, Kind};
use crate::profile;
use crate::session::selection::{choose, stack_name};
use crate::ui::{Summary, Ui};

#[derive(Debug, Subcommand)]
pub(crate) enum ProfileCommand {
    /// The profiles that are part of confctl
    List,
    /// The profile with every value, and the names that follow from it
    Show(show::ShowArgs),
    /// In which keys two profiles differ, and what `up` does about each
    Diff(diff::DiffArgs),
    /// The JSON Schema of a profile, for editors; or that of `-o json`
    Schema(schema::SchemaArgs),
    /// Check a profile without calling AWS
    Check,
    /// Write a profile to start from
    Init {
        /// The file to write
        #[arg(default_value = "confctl.toml", value_parser = path())]
        file: PathBuf,
    },
}

pub(super) fn run(global: &Global, command: &ProfileCommand, ui: &Ui) -> Result<Summary, Error> {
    match command {
        ProfileCommand::List => {
            let mut summary = Summary::done();
            let mut names = Vec::new();
            for profile in profile::embedded() {
                summary = summary.say(format!("{:<9} {}", profile.name, profile.summary));
                names.push(serde_json::json!({"name": profile.name, "summary": profile.summary}));
            }
            Ok(summary.output("profiles", names))
        }
        ProfileCommand::Show(args) => show::run(global, args, ui),
        ProfileCommand::Diff(args) => diff::run(global, args),
        ProfileCommand::Schema(args) => schema::run(args, ui),
        ProfileCommand::Check => {
            let chosen = choose(global)?;
            stack_name(global)?;
            chosen.tell_idle(ui);
            Ok(Summary::done().say(format!("The profile {} is good.", chosen.name)))
        }
        ProfileCommand::Init { file } => init(global, file),
    }
}

fn init(global: &Global, file: &Path) -> Result<Summary, Error> {
    let name = global.profile.as_deref().unwrap_or("article");
    let found = profile::embedded().iter().find(|profile| profile.name == name);
    let found = found.ok_or_else(|| {
        Error::new(Kind::Usage, format!("-p {name}: init starts from an embedded profile"))
            .hint(Hint::run("profile list"))
    })?;
    let written = fs_err::OpenOptions::new().write(true).create_new(true).open(file);
    let written = written.and_then(|mut file| std::io::Write::write_all(&mut file, found.text.as_bytes()));
    written.map_err(|error| {
        Error::new(Kind::Usage, format!("could not write {}", file.display()))
            .caused_by(error)
            .hint("name another file; one that exists is never written over")
    })?;
    let plan = Command::confctl("plan -p").arg(file.display());
    let wrote = Hint::from(format!("Wrote {}. Change it, then: ", file.display()));
    Ok(Summary::done()
        .output("file", file.display().to_string())
        .say(wrote.and_run(plan)))
}
