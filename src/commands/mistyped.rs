//! What is said where the command line, or a variable that stands for an option, cannot be understood; help and version too.
//! Must know nothing of what commands do.

use std::ffi::{OsStr, OsString};

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory};

use super::Cli;
use crate::engine::{Error, Hint, Kind};
use crate::exit::Exit;
use crate::ui::{self, Summary};

/// Help, the version, or a mistake on the command line.
pub(super) fn unparsed(arguments: &[OsString], error: &clap::Error) -> Exit {
    if !error.use_stderr() {
        return ui::early_result(&error.render().ansi().to_string());
    }
    ui::early(&error.render().ansi().to_string());
    let variable = variable(arguments, error);
    let way_out = match &variable {
        Some(name) => {
            let correct = format!("correct or unset {name}: the value comes from the environment");
            ui::early(&format!("  hint: {correct}\n"));
            correct.into()
        }
        None => Hint::run("--help"),
    };
    if wants_json(arguments) {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or("the command line is wrong");
        let mistake = Error::new(Kind::Usage, first.trim_start_matches("error: "));
        ui::early_summary(&Summary::from(mistake.hint(way_out)));
    }
    // clap's own code for usage errors is 2, which means "changes pending" here.
    Exit::Usage
}

/// As far as it can be told of a command line that was not understood: `-o json`, `-o=json`, `-yojson`, `--output=json`, ….
fn wants_json(arguments: &[OsString]) -> bool {
    let texts: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
    let typed = texts.iter().enumerate().any(|(place, text)| {
        let value = match text.strip_prefix("--") {
            Some(long) => long.strip_prefix("output"),
            // Flags of one letter may stand before it.
            None => text.strip_prefix('-').and_then(|short| Some(short.split_once('o')?.1)),
        };
        match value {
            Some("") => texts.get(place + 1).is_some_and(|next| next == "json"),
            Some(value) => value.strip_prefix('=').unwrap_or(value) == "json",
            None => false,
        }
    });
    typed || std::env::var_os("CONFCTL_OUTPUT").is_some_and(|format| format == "json")
}

/// The variable that the mistake is in: clap names the option, also where nobody typed it.
fn variable(arguments: &[OsString], error: &clap::Error) -> Option<String> {
    let mut command = Cli::command();
    command.build();
    if error.kind() == ErrorKind::InvalidUtf8 {
        // clap names no option then.
        let is_typed = arguments.iter().any(|argument| argument.to_str().is_none());
        let unreadable = |name: &&OsStr| std::env::var_os(name).is_some_and(|value| value.to_str().is_none());
        let mut names = options(&command).into_iter().filter_map(|(_, variable)| variable);
        return names.find(unreadable).map(named).filter(|_| !is_typed);
    }
    let option = about(error)?;
    let typed = without_variables(Cli::command()).try_get_matches_from(arguments);
    if typed.is_err_and(|error| about(&error).is_some_and(|typed| typed == option)) {
        return None;
    }
    let found = options(&command).into_iter().find(|(name, _)| *name == option);
    found.and_then(|(_, variable)| variable).map(named)
}

fn named(variable: &OsStr) -> String {
    variable.to_string_lossy().into_owned()
}

/// The option that the mistake is about.
fn about(error: &clap::Error) -> Option<String> {
    match error.get(ContextKind::InvalidArg)? {
        ContextValue::String(option) => Some(option.clone()),
        _ => None,
    }
}

/// Every option, as errors call it, with the variable that stands for it.
fn options(command: &Command) -> Vec<(String, Option<&OsStr>)> {
    let own = command
        .get_arguments()
        .map(|argument| (argument.to_string(), argument.get_env()));
    let theirs = command.get_subcommands().flat_map(options);
    own.chain(theirs).collect()
}

fn without_variables(command: Command) -> Command {
    let command = command.mut_args(|argument| argument.env(Resettable::<clap::builder::OsStr>::Reset));
    command.mut_subcommands(without_variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_wanted_however_it_is_typed() {
        let wants = |line: &str| wants_json(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        for line in [
            "-o json",
            "-o=json",
            "-ojson",
            "--output json",
            "--output=json",
            "-yo json",
            "-qojson",
        ] {
            assert!(wants(&format!("confctl up {line} --bogus")), "{line}");
        }
        for line in ["-o text", "--output", "--name json", "-yo", "--no-input json"] {
            assert!(!wants(&format!("confctl up --bogus {line}")), "{line}");
        }
    }
}
