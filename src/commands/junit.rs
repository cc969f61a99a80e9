//! `--junit FILE` of the commands that prove something: what came of it as a test report, also where it failed.
//! Must know nothing of what they prove.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use super::output_file::can_be_written;
use crate::cli::path;
use crate::engine::{Error, Kind};
use crate::exit::Exit;
use crate::ui::junit::Proofs;
use crate::ui::{Summary, Ui};

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Junit {
    /// Also write what came of it to this file, as JUnit XML
    #[arg(long = "junit", value_name = "FILE", value_parser = path())]
    pub file: Option<PathBuf>,
}

impl Junit {
    /// # Errors
    /// Where the report could not be written when it is time.
    pub(super) fn can_be_written(&self) -> Result<(), Error> {
        self.file
            .as_deref()
            .map_or(Ok(()), |file| can_be_written(file, "--junit"))
    }

    /// Writes the report of a command that has ended, however it did.
    pub(super) fn report(&self, ui: &Ui, mut proofs: Proofs, ended: Result<Summary, Error>) -> Result<Summary, Error> {
        let Some(file) = &self.file else { return ended };
        let first = match &ended {
            Ok(summary) => summary.errors.first(),
            Err(error) => Some(error),
        };
        if let Some(error) = first {
            proofs.ended_by(error);
        }
        let none = BTreeMap::new();
        let outputs = ended.as_ref().map_or(&none, |summary| &summary.outputs);
        let written = fs_err::write(file, proofs.xml(outputs, |error| in_lines(error, ui)));
        let Err(unwritten) = written else { return ended };
        let unwritten = Error::new(
            Kind::Usage,
            format!("the report {} could not be written", file.display()),
        )
        .caused_by(unwritten)
        .hint("name a file in a folder that can be written with --junit FILE");
        // What it proved counts for more than that nobody can read it.
        let mut summary = ended.unwrap_or_else(Summary::from);
        if summary.exit == Exit::Done {
            summary.exit = Exit::from(unwritten.kind);
        }
        summary.errors.push(unwritten);
        Ok(summary)
    }
}

fn in_lines(error: &Error, ui: &Ui) -> String {
    let mut lines: Vec<_> = error.causes.iter().map(|cause| format!("caused by: {cause}")).collect();
    lines.extend(error.hint.as_ref().map(|hint| format!("hint: {}", ui.shown(hint))));
    lines.join("\n")
}
