//! `completions`: what a shell needs to complete confctl's command line. Made of the command line itself, and of what clap's own
//! scripts lack where a shell is typed into.

use std::fmt::Write;

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
    let mut command = with_words(Cli::command())?;
    generate(args.shell, &mut command, "confctl", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    let script = match args.shell {
        Shell::Bash => bash(&script),
        Shell::Fish => fish(&script, &command),
        Shell::Zsh => zsh(&script),
        _ => script,
    };
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
    let words = [
        ("topic", topics),
        ("adopt", resources.clone()),
        ("keep", resources),
        ("profile", profiles()),
        ("from", profiles()),
        ("to", profiles()),
    ];
    Ok(words.iter().fold(command, |command, (argument, words)| {
        with_words_of(command, argument, words)
    }))
}

fn profiles() -> Vec<String> {
    let profiles = profile::embedded().iter();
    profiles.map(|profile| profile.name.to_owned()).collect()
}

/// clap's function for bash gives flags with the words, and before them: readline sorts. Flags come where one was begun, or where there
/// is nothing else. And a word of two arguments stands there twice.
const WORDS_FIRST: &str = r#"
_confctl() {
    _confctl_all "$@"
    [[ ${COMP_WORDS[COMP_CWORD]} == -* ]] && return
    local word words=()
    for word in "${COMPREPLY[@]}"; do
        [[ $word == -* || " ${words[*]} " == *" $word "* ]] || words+=("$word")
    done
    [[ ${#words[@]} -eq 0 ]] || COMPREPLY=("${words[@]}")
}
"#;

fn bash(script: &str) -> String {
    let all = script.replacen("_confctl() {", "_confctl_all() {", 1);
    all + WORDS_FIRST
}

/// clap's function for fish does not understand a line that ends in an option whose value is just being typed, so that nothing is
/// offered for one before the command; its words of arguments that are no options are for others to add (clap_complete, shells/fish.rs).
/// And whatever is a profile may be a file.
fn fish(script: &str, command: &Command) -> String {
    const UNDERSTAND: &str = "argparse -s (__fish_confctl_global_optspecs) -- $cmd 2>/dev/null\n";
    let with_value = UNDERSTAND.replace("$cmd", "$cmd ''");
    let script = script.replace(UNDERSTAND, &format!("{UNDERSTAND}    or {with_value}"));
    let or_a_file = |line: &str| match line.contains(" -l profile ") {
        true => line.replace(" -r -f -a ", " -r -F -a "),
        false => line.to_owned(),
    };
    let mut script: String = script.lines().map(|line| or_a_file(line) + "\n").collect();
    for inner in command.get_subcommands() {
        let using = format!("__fish_confctl_using_subcommand {}", inner.get_name());
        words_for_fish(&mut script, &using, inner);
        for innermost in inner.get_subcommands() {
            let seen = format!("{using}; and __fish_seen_subcommand_from {}", innermost.get_name());
            words_for_fish(&mut script, &seen, innermost);
        }
    }
    script
}

fn words_for_fish(script: &mut String, when: &str, command: &Command) {
    for argument in command.get_positionals() {
        let words = argument.get_possible_values();
        let words = words.iter().filter(|word| !word.is_hide_set());
        let words: Vec<_> = words.map(clap::builder::PossibleValue::get_name).collect();
        if !words.is_empty() {
            let files = if ["from", "to"].contains(&argument.get_id().as_str()) {
                ""
            } else {
                " -f"
            };
            // Into a text nothing fails to be written.
            let _ = writeln!(
                script,
                "complete -c confctl -n \"{when}\"{files} -a \"{}\"",
                words.join(" ")
            );
        }
    }
}

/// Whatever is a profile may be a file.
fn zsh(script: &str) -> String {
    let names = profiles().join(" ");
    let function = format!(
        "_confctl_profiles() {{\n    _alternative 'profiles:profile:({names})' 'files:file:_files'\n}}\n\nif [ \"$funcstack[1]\""
    );
    let script = script.replace(&format!(":({names})'"), ":_confctl_profiles'");
    script.replacen("if [ \"$funcstack[1]\"", &function, 1)
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
