//! `completions`: what a shell needs to complete confctl's command line. Made of the command line itself.

use clap::builder::PossibleValuesParser;
use clap::{Args, Command, CommandFactory};
use clap_complete::{Shell, generate};

use super::{Cli, explain};
use crate::engine::Error;
use crate::profile;
use crate::ui::{Summary, Ui};

#[derive(Debug, Clone, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell that is to complete
    pub shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs, ui: &Ui) -> Result<Summary, Error> {
    let mut script = Vec::new();
    generate(args.shell, &mut with_words(Cli::command())?, "confctl", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    ui.result(script.trim_end());
    Ok(Summary::done()
        .output("shell", args.shell.to_string())
        .output("script", script))
}

/// With the words that an argument is likely to be, where the command line itself takes any: they come from tables and are no
/// part of it.
fn with_words(command: Command) -> Result<Command, Error> {
    let topics = explain::topics()?.into_iter().flat_map(|(_, names)| names);
    // A star is any name: no shell could complete it.
    let topics = topics.filter(|topic| !topic.contains('*')).collect();
    let resources = explain::resource_ids()?;
    let profiles = profile::embedded()
        .iter()
        .map(|profile| profile.name.to_owned())
        .collect();
    let words = [
        ("topic", topics),
        ("adopt", resources.clone()),
        ("keep", resources),
        ("profile", profiles),
    ];
    Ok(words.iter().fold(command, |command, (argument, words)| {
        with_words_of(command, argument, words)
    }))
}

fn with_words_of(command: Command, argument: &str, words: &[String]) -> Command {
    let is_free = |given: &clap::Arg| given.get_action().takes_values() && given.get_possible_values().is_empty();
    let takes = |given: clap::Arg| match given.get_id() == argument && is_free(&given) {
        true => given.value_parser(PossibleValuesParser::new(words.to_vec())),
        false => given,
    };
    let command = command.mut_args(takes);
    command.mut_subcommands(|command| with_words_of(command, argument, words))
}
