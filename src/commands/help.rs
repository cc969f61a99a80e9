//! The help of confctl: its commands in groups, what one types daily first, and an example for each.
//! Must know nothing of what commands do: what they are about stands beside each.

use std::fmt::Write;

use clap::Command;

/// Every command stands in one of them; a test names the one that is forgotten.
const GROUPS: &[(&str, &[&str])] = &[
    ("Daily", &["plan", "up", "deploy", "status", "verify", "teardown"]),
    ("A look at it", &["events", "logs", "ssh", "open", "outputs"]),
    (
        "For the event",
        &["capacity", "simulate", "scale", "load", "stress", "draw", "export"],
    ),
    ("From time to time", &["maintenance", "rotate-secret"]),
    ("Many stacks", &["list", "reap"]),
    ("What a stack is", &["profile", "bundle"]),
    ("When something is wrong", &["doctor", "explain", "policy", "unlock"]),
    ("Around it", &["sandbox", "completions", "man"]),
];

/// A command, as it is typed after `confctl`, and what it is for. The first word is the command, a group's second too.
type Example = (&'static str, &'static str);

/// Those of the first page.
const FIRST: &[Example] = &[
    ("up --sandbox", "try it on this machine, without an AWS account"),
    ("plan -p dev", "what one cheap instance would be; changes nothing"),
    ("teardown", "take away what is ours"),
];

const EXAMPLES: &[Example] = &[
    ("plan", "the article's stack"),
    (
        "plan -p event.toml --set scaling.max=6",
        "a profile of your own, one key changed",
    ),
    (
        "plan --out monday.json",
        "for `up monday.json`, which does that or nothing",
    ),
    ("plan --detailed-exitcode", "0: nothing to do, 2: something differs"),
    ("up --sandbox", "on this machine, without an AWS account"),
    ("up -p event.toml", "shows the plan, asks, makes it so, registers once"),
    ("up -p dev --ttl 4h", "a preview, gone with `reap` after four hours"),
    ("up --yes -o json", "in a pipeline"),
    ("deploy -p event.toml", "a new bundle, and nothing else"),
    (
        "deploy --auto-rollback --yes",
        "in a pipeline: all instances, or as it was",
    ),
    (
        "deploy --strategy blue-green --canary 10%,50%",
        "beside what is served, and a part of the visitors first",
    ),
    ("deploy --rollback", "to the last version that every instance ran"),
    ("status", "by the profile that `up` used"),
    ("status --watch", "a screen of what moves; q ends it"),
    ("events --follow", "what Beanstalk tells, as it comes"),
    ("logs --follow --grep ERROR", "what the app says"),
    ("logs tails", "the instances' own files"),
    ("ssh", "a shell on an instance"),
    ("ssh -- df -h /", "one command there"),
    ("open", "the site, in a browser"),
    ("outputs --format github", "for the next steps of a workflow"),
    ("verify", "one registration through the edge, and away again"),
    ("teardown", "asks for the stack's name"),
    ("teardown --yes --delete-data", "registrations too, without a question"),
    ("teardown --keep users-table", "the table stays"),
    (
        "capacity --people 10000 --within 1m",
        "what breaks first, and what lifts it",
    ),
    (
        "simulate --people 10000 --within 1m --compare",
        "the event in a second, policies side by side",
    ),
    (
        "scale",
        "as many as the profile's event takes, from ten minutes before it",
    ),
    (
        "scale --min 6 --from 18:50 --until 19:30",
        "in the event's time zone; or 18:50[Europe/Berlin]",
    ),
    (
        "scale --min 6 --capacity-units 500 --until 19:30",
        "and capacity of the load balancer, where its quota allows",
    ),
    ("scale --back", "what the profile has, at once"),
    (
        "scale --credits standard",
        "no surplus CPU credits of the instances that run",
    ),
    ("load --people 500 --within 30s", "a small rehearsal"),
    ("load --clean", "remove what an interrupted rehearsal left"),
    (
        "stress --report stress.html",
        "20 to 35 minutes at the article's 5-minute periods",
    ),
    ("stress --no-burn", "only follow, for a load that comes from elsewhere"),
    ("draw --winners 10", "commits; the next one draws"),
    ("draw --check draw.json", "whether a record is right, without AWS"),
    ("export registrations.csv", "everybody who registered"),
    (
        "maintenance on --lang de Gleich!",
        "a page in the site's place, until `maintenance off`",
    ),
    ("rotate-secret", "where `load_balancer.mode` is own"),
    ("list", "every stack of the account in the region"),
    ("reap", "shows whose time is over"),
    ("reap --yes", "removes those, but never registrations"),
    ("profile show -p dev", "every key with its value"),
    ("profile init event.toml", "a file to start from"),
    ("bundle", "builds and checks it, calls no AWS"),
    ("bundle --set app.bundle=./my-app", "another app"),
    ("doctor", "before the first `up`"),
    ("explain 4", "an exit code"),
    ("explain environment", "a resource: what it needs, how long it takes"),
    (
        "explain VcpuLimitExceeded",
        "an error of AWS's, and what to do about it",
    ),
    ("explain scaling.max", "a key of the profile"),
    ("policy", "the least that you have to be allowed"),
    ("policy --read-only", "for who only looks"),
    ("unlock", "shows who holds the lock, and asks"),
    (
        "sandbox start --time-scale 600",
        "AWS on loopback, ten minutes a second",
    ),
    ("sandbox inventory", "everything that exists in it"),
    ("completions bash", "for bash; docs/operations.md says where it goes"),
    ("man --dir man1", "a page for each command"),
];

/// The command line with its help arranged.
pub(super) fn arranged(command: Command) -> Command {
    let first = shown(FIRST, &command);
    let more = command
        .get_after_help()
        .map(|help| help.to_string())
        .unwrap_or_default();
    let command = command.mut_subcommands(|command| {
        let of_this: Vec<_> = EXAMPLES
            .iter()
            .filter(|(line, _)| is_of(line, command.get_name()))
            .copied()
            .collect();
        let text = shown(&of_this, &command);
        match of_this.is_empty() {
            true => command,
            false => command.after_help(text),
        }
    });
    let styles = command.get_styles();
    let header = styles.get_header();
    let listed = listed(&command);
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n{listed}\n{header}Options:{header:#}\n{{options}}{{after-help}}"
    );
    // Without a style: where a paragraph begins with one, clap folds it with an empty line between its lines.
    let help = format!("{first}\n\nconfctl help COMMAND says more of one. {more}");
    command.help_template(template).after_help(help)
}

fn is_of(line: &str, command: &str) -> bool {
    line.split(' ').next() == Some(command)
}

/// The commands in their groups, each with what it is about.
fn listed(command: &Command) -> String {
    let header = command.get_styles().get_header();
    let literal = command.get_styles().get_literal();
    let width = command
        .get_subcommands()
        .map(|command| command.get_name().len())
        .max()
        .unwrap_or_default();
    let mut text = String::new();
    for (title, names) in GROUPS {
        let _ = write!(text, "\n{header}{title}:{header:#}\n");
        for name in *names {
            let about = command.find_subcommand(name).and_then(Command::get_about);
            if let Some(about) = about {
                let _ = writeln!(text, "  {literal}{name:<width$}{literal:#}  {about}");
            }
        }
    }
    text
}

fn shown(examples: &[Example], command: &Command) -> String {
    let header = command.get_styles().get_header();
    let width = examples.iter().map(|(line, _)| line.len()).max().unwrap_or_default();
    let mut text = format!("{header}Examples:{header:#}");
    for (line, what) in examples {
        let _ = write!(text, "\n  confctl {line:<width$}  {what}");
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::commands::Cli;

    fn visible() -> Vec<String> {
        let command = Cli::command();
        let visible = command.get_subcommands().filter(|command| !command.is_hide_set());
        visible.map(|command| command.get_name().to_owned()).collect()
    }

    #[test]
    fn every_command_stands_in_one_group_and_has_an_example() {
        let listed: Vec<_> = GROUPS.iter().flat_map(|(_, names)| names.iter()).collect();
        for name in visible() {
            let times = listed.iter().filter(|listed| ***listed == name).count();
            assert_eq!(times, 1, "{name} stands in {times} groups");
            assert!(
                EXAMPLES.iter().any(|(line, _)| is_of(line, &name)),
                "{name} has no example"
            );
        }
        for name in listed {
            assert!(visible().iter().any(|visible| visible == name), "{name} is no command");
        }
    }

    /// Every command's help in a terminal of so many columns, by its name.
    fn helps(columns: usize) -> Vec<(String, String)> {
        fn all(command: &mut Command, columns: usize, found: &mut Vec<(String, String)>) {
            let mut shown = command.clone().term_width(columns).max_term_width(columns);
            found.push((command.get_name().to_owned(), shown.render_long_help().to_string()));
            let inner = command.get_subcommands_mut().filter(|inner| inner.get_name() != "help");
            inner.for_each(|inner| all(inner, columns, found));
        }
        let mut command = Cli::command();
        command.build();
        let mut found = Vec::new();
        all(&mut command, columns, &mut found);
        found
    }

    #[test]
    fn a_narrow_terminal_tears_no_paragraph_apart() {
        let words = |help: &str| -> Vec<Vec<String>> {
            let of = |text: &str| text.split_whitespace().map(str::to_owned).collect();
            help.split("\n\n").map(of).collect()
        };
        let wide = helps(1000);
        for columns in [40, 80, 100] {
            for ((name, wide), (_, narrow)) in wide.iter().zip(helps(columns)) {
                assert_eq!(words(&narrow), words(wide), "{name} in {columns} columns:\n{narrow}");
            }
        }
    }

    #[test]
    fn every_example_can_be_typed() {
        for (line, _) in FIRST.iter().chain(EXAMPLES) {
            let typed = ["confctl"].into_iter().chain(line.split(' '));
            assert!(Cli::try_parse_from(typed).is_ok(), "{line}");
        }
    }
}
