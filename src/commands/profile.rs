//! `profile …`: list, show, check and write profiles. Needs no AWS.

use std::path::{Path, PathBuf};

use clap::Subcommand;

use crate::cli::{Global, path};
use crate::engine::{Command, Error, Hint, Kind};
use crate::profile::{self, Names};
use crate::session::selection::{choose, stack_name};
use crate::ui::{Summary, Ui};

#[derive(Debug, Subcommand)]
pub(crate) enum ProfileCommand {
    /// The profiles that are part of confctl
    List,
    /// The profile with every value, and the names that follow from it
    Show,
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
        ProfileCommand::Show => show(global, ui),
        ProfileCommand::Check => {
            let chosen = choose(global)?;
            stack_name(global)?;
            chosen.tell_idle(ui);
            Ok(Summary::done().say(format!("The profile {} is good.", chosen.name)))
        }
        ProfileCommand::Init { file } => init(global, file),
    }
}

fn show(global: &Global, ui: &Ui) -> Result<Summary, Error> {
    let chosen = choose(global)?;
    let stack = stack_name(global)?;
    let text = chosen
        .profile
        .to_toml()
        .map_err(|error| Error::failed("could not write the profile").caused_by(error))?;
    let names = Names::resolve(&chosen.profile, &stack, &chosen.profile.region);
    let mut shown = format!("# Profile {}, every value. Names of the stack {stack}:\n", chosen.name);
    for (what, name) in names.each() {
        shown.push_str(&format!("#   {what}: {name}\n"));
    }
    shown.push('\n');
    shown.push_str(text.trim_end());
    let names: serde_json::Map<String, serde_json::Value> = names
        .each()
        .into_iter()
        .map(|(what, name)| (what.replace(' ', "_"), name.into()))
        .collect();
    ui.result(&shown);
    Ok(Summary::done()
        .output("profile", serde_json::json!(chosen.profile))
        .output("names", names))
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
