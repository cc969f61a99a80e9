//! `outputs`: names and addresses of what is up, for shells, pipelines and programs.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::output_file::can_be_written;
use crate::cli::Global;
use crate::engine::{Error, Kind, quoted};
use crate::session::{Purpose, Session, with_outputs};
use crate::ui::{Summary, Ui};

/// Where a step of GitHub Actions writes its outputs (GitHub Actions, workflow commands: "Setting an output parameter").
const GITHUB_OUTPUT: &str = "GITHUB_OUTPUT";

#[derive(Debug, Clone, Args)]
pub(crate) struct OutputsArgs {
    /// How they are written
    #[arg(long, value_enum, default_value_t = Form::Json)]
    pub format: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// One object
    Json,
    /// Lines for a shell: SITE_URL=…
    Env,
    /// A step's outputs, into the file that GITHUB_OUTPUT names where that is set
    Github,
}

pub(super) async fn run(global: &Global, args: &OutputsArgs, ui: &Ui) -> Result<Summary, Error> {
    let github_output = std::env::var_os(GITHUB_OUTPUT).filter(|file| !file.is_empty() && args.format == Form::Github);
    if let Some(file) = &github_output {
        can_be_written(Path::new(file), GITHUB_OUTPUT)?;
    }
    let session = Session::open(global, ui, Purpose::of_what_is("outputs")).await?;
    let look = session.look().await?;
    // What is not up has no outputs to go on with.
    session.site_url(&look)?;
    let mut summary = with_outputs(Summary::done(), &session, &look);
    summary.result.clear();
    let outputs = &summary.outputs;
    match (args.format, github_output) {
        (Form::Json, _) => ui.result(&format!("{:#}", Value::from_iter(outputs.clone()))),
        (Form::Env, _) => ui.result(env(outputs).trim_end()),
        (Form::Github, None) => ui.result(github(outputs, delimiter).trim_end()),
        (Form::Github, Some(file)) => append(Path::new(&file), &github(outputs, delimiter))?,
    }
    Ok(summary)
}

/// Name and value of what is a text.
fn texts(outputs: &BTreeMap<String, Value>) -> impl Iterator<Item = (&str, &str)> {
    outputs
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
}

/// Assignments that a shell takes as they are, whatever is in a value. Not exported: who wants that says so (`set -a`).
fn env(outputs: &BTreeMap<String, Value>) -> String {
    let lines = texts(outputs).map(|(name, value)| format!("{}={}\n", name.to_ascii_uppercase(), quoted(value)));
    lines.collect()
}

/// Each value between two lines that it cannot hold: a value of several lines would set other outputs.
fn github(outputs: &BTreeMap<String, Value>, delimiter: impl Fn() -> String) -> String {
    let output = |(name, value): (&str, &str)| {
        let mut end = delimiter();
        while value.contains(&end) {
            end = delimiter();
        }
        format!("{name}<<{end}\n{value}\n{end}\n")
    };
    texts(outputs).map(output).collect()
}

fn delimiter() -> String {
    format!("confctl_{}", hex::encode(rand::random::<[u8; 8]>()))
}

fn append(file: &Path, text: &str) -> Result<(), Error> {
    let mut open = fs_err::OpenOptions::new();
    let opened = open.create(true).append(true).open(file);
    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        Error::new(
            Kind::Failed,
            format!("could not write the outputs into the file that {GITHUB_OUTPUT} names"),
        )
        .caused_by(error)
        .hint(format!(
            "correct {GITHUB_OUTPUT}, or `unset {GITHUB_OUTPUT}` to have them printed"
        ))
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use serde_json::json;

    use super::*;

    fn outputs(value: &str) -> BTreeMap<String, Value> {
        BTreeMap::from([
            ("site_url".to_owned(), json!(value)),
            ("resources".to_owned(), json!([1])),
        ])
    }

    #[test]
    fn a_shell_takes_a_value_for_what_it_is() {
        assert_eq!(
            env(&outputs("https://d1.cloudfront.net")),
            "SITE_URL=https://d1.cloudfront.net\n"
        );
        assert_eq!(env(&outputs("$(rm -rf ~)'")), "SITE_URL='$(rm -rf ~)'\\'''\n");
    }

    #[test]
    fn a_value_of_several_lines_sets_no_other_output() {
        let number = Cell::new(0);
        let delimiter = || {
            number.set(number.get() + 1);
            format!("END{}", number.get())
        };
        let text = github(&outputs("one\nEND1\nadmin=true"), delimiter);
        assert_eq!(text, "site_url<<END2\none\nEND1\nadmin=true\nEND2\n");
    }
}
