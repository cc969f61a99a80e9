//! What can be typed with every command, or with more than one, and how its values are read.
//! Must know nothing of any command.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStr, PathBufValueParser, Resettable, TypedValueParser};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, ValueEnum};

use crate::profile::is_account;
use crate::profile::paths::at_home;

/// Accepted before and after the command. What can be typed more than once is no global option to clap: see [`everywhere`].
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// What to build: article, dev, ci, hardened, or a TOML file [default: article; for what acts on a stack that is up, what `up` used]
    #[arg(
        short,
        long,
        global = true,
        value_name = "NAME|FILE",
        env = "CONFCTL_PROFILE",
        hide_env = true
    )]
    pub profile: Option<String>,

    /// The stack's name [default: tcb-conference]
    #[arg(long, global = true, value_name = "STACK", env = "CONFCTL_NAME", hide_env = true)]
    pub name: Option<String>,

    /// The AWS region [default: the profile's]
    #[arg(long, global = true, env = "CONFCTL_REGION", hide_env = true)]
    pub region: Option<String>,

    /// The profile of the AWS configuration whose credentials are used
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "CONFCTL_AWS_PROFILE",
        hide_env = true
    )]
    pub aws_profile: Option<String>,

    /// Refuse any account but this one (12 digits)
    #[arg(long, global = true, value_name = "ID", value_parser = account, env = "CONFCTL_ACCOUNT", hide_env = true)]
    pub account: Option<String>,

    /// Override a key of the profile: `--set scaling.max=6`
    #[arg(long, value_name = "KEY=VALUE", env = "CONFCTL_SET", hide_env = true)]
    pub set: Vec<String>,

    /// Nobody typed one: it is the variable's.
    #[arg(skip)]
    pub set_by_variable: bool,

    /// Use a local AWS on this machine instead of the real one; started if need be
    #[arg(long, global = true, env = "CONFCTL_SANDBOX", hide_env = true, value_parser = clap::builder::FalseyValueParser::new())]
    pub sandbox: bool,

    /// Do not ask for confirmation
    #[arg(short, long, global = true)]
    pub yes: bool,

    /// Never ask anything; refuse where a question would be needed
    #[arg(long, global = true, env = "CONFCTL_NO_INPUT", hide_env = true, value_parser = clap::builder::FalseyValueParser::new())]
    pub no_input: bool,

    /// text for people, json for programs: one object a line, the last one the summary; markdown: of `plan`, for a comment
    #[arg(short, long, global = true, value_enum, default_value_t = Format::Text, env = "CONFCTL_OUTPUT", hide_env = true)]
    pub output: Format,

    /// Colours
    #[arg(long, global = true, value_enum, default_value_t = When::Auto, value_name = "WHEN", env = "CONFCTL_COLOR", hide_env = true)]
    pub color: When,

    /// More of what happens (-v: calls, -vv: all)
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// Only results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Give up after this long: 45m, 1h30m [default: 45m; of stress 90m]
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration, env = "CONFCTL_TIMEOUT", hide_env = true)]
    pub timeout: Option<Duration>,

    /// Also write what happens to this file, as JSON lines
    #[arg(long, global = true, value_name = "FILE", value_parser = path(), env = "CONFCTL_LOG_FILE", hide_env = true)]
    pub log_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
    Markdown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

/// What is wanted beside the profile.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Wishes {
    /// Take over something of ours in name only (resource id, as the plan shows it); repeatable
    #[arg(long, value_name = "RESOURCE")]
    pub adopt: Vec<String>,

    /// Move to the newest recommended platform version
    #[arg(long)]
    pub upgrade_platform: bool,

    /// Take the bundle although the check says that Beanstalk cannot run it
    #[arg(long)]
    pub no_check: bool,

    /// Deploy a version that was rolled back, all the same
    #[arg(long)]
    pub force: bool,

    /// How long the stack is to live, counted from now, until `reap` removes it: 4h, 2d, never [default: as before]
    #[arg(long, value_name = "DURATION", value_parser = time_to_live)]
    pub ttl: Option<TimeToLive>,
}

/// How long a stack is to live, as it is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TimeToLive {
    typed: String,
    /// `None`: without an end.
    pub lasts: Option<Duration>,
}

impl std::fmt::Display for TimeToLive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.typed)
    }
}

fn time_to_live(text: &str) -> Result<TimeToLive, String> {
    let lasts = match text {
        "never" => None,
        text => Some(duration(text).map_err(|_| format!("'{text}' is no time to live; write 4h, 2d or never"))?),
    };
    Ok(TimeToLive {
        lasts,
        typed: text.to_owned(),
    })
}

/// An empty one is the guard's to refuse ([`crate::session::selection`]): whoever sets it meant to insist on an account.
fn account(text: &str) -> Result<String, String> {
    match text.is_empty() || is_account(text) {
        true => Ok(text.to_owned()),
        false => Err("an account is written with its 12 digits, as 123456789012".to_owned()),
    }
}

/// An instance, by its id.
pub(crate) fn instance_id(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix("i-").unwrap_or_default();
    match !digits.is_empty() && digits.chars().all(|c| c.is_ascii_hexdigit()) {
        true => Ok(text.to_owned()),
        false => Err("an instance's id is written as i-0123456789abcdef0".to_owned()),
    }
}

/// The options that add up.
const ADD_UP: [&str; 2] = ["set", "verbose"];

/// The command line with the options that add up as each command's own. clap gives a global option as it stands behind the command
/// and forgets what stands before it; one that every command has is given in both places.
pub(crate) fn everywhere(command: Command) -> Command {
    let adding_up = command.get_arguments();
    let adding_up = adding_up.filter(|option| ADD_UP.contains(&option.get_id().as_str()));
    // A variable is read once.
    let own = adding_up.map(|option| option.clone().env(Resettable::<OsStr>::Reset));
    let own: Vec<Arg> = own.collect();
    command.mut_subcommands(|command| with_own(command, &own))
}

fn with_own(command: Command, own: &[Arg]) -> Command {
    let command = command.args(own.to_vec());
    command.mut_subcommands(|command| with_own(command, own))
}

impl Global {
    /// Takes what adds up from every place, in the order in which it was typed.
    pub(crate) fn add_up(&mut self, matches: &ArgMatches) {
        let places = || std::iter::successors(Some(matches), |place| place.subcommand().map(|(_, behind)| behind));
        let typed = places().filter(|place| place.value_source("set") == Some(ValueSource::CommandLine));
        let typed = typed.flat_map(|place| place.get_many::<String>("set").unwrap_or_default());
        let typed: Vec<String> = typed.cloned().collect();
        self.set_by_variable = typed.is_empty() && !self.set.is_empty();
        if !typed.is_empty() {
            self.set = typed;
        }
        self.verbose = places().map(|place| place.get_count("verbose")).sum();
    }
}

/// A file, `~` being the home directory also behind `=`, where shells leave it.
pub(crate) fn path() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().map(at_home)
}

/// A duration that may be none. A day has 24 hours.
pub(crate) fn pause(text: &str) -> Result<Duration, String> {
    let span = text.parse::<jiff::Span>();
    let span = span.and_then(|span| span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()));
    let span = span.map_err(|_| format!("'{text}' is no duration; write 45m, 1h30m, 90s or 2d"))?;
    Duration::try_from(span).map_err(|_| "a duration cannot be negative".to_owned())
}

/// A duration of at least a second.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let duration = pause(text)?;
    if duration < Duration::from_secs(1) {
        Err("give it at least a second".to_owned())
    } else {
        Ok(duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_named_by_its_id() {
        assert_eq!(instance_id("i-0123456789abcdef0").as_deref(), Ok("i-0123456789abcdef0"));
        for none in ["web", "i-", "i-0/../x", "--help"] {
            assert!(instance_id(none).is_err(), "{none}");
        }
    }

    #[test]
    fn an_account_has_twelve_digits() {
        assert_eq!(account("123456789012").as_deref(), Ok("123456789012"));
        for none in [
            "12",
            "1234567890123",
            "1234-5678-9012",
            "*",
            " 123456789012",
            "١٢٣٤٥٦٧٨٩٠١٢",
        ] {
            assert!(account(none).is_err(), "{none}");
        }
    }

    #[test]
    fn a_time_to_live_may_be_of_days_and_a_mistake_in_one_is_told_how_it_is_written() {
        let lasts = |text: &str| time_to_live(text).map(|ttl| ttl.lasts);
        assert_eq!(lasts("2d"), Ok(Some(Duration::from_secs(2 * 24 * 60 * 60))));
        assert_eq!(lasts("1d12h"), Ok(Some(Duration::from_secs(36 * 60 * 60))));
        assert_eq!(lasts("90m"), Ok(Some(Duration::from_secs(90 * 60))));
        assert_eq!(lasts("never"), Ok(None));
        for none in ["4", "soon", "-1h", "0s", "1 month", ""] {
            let told = lasts(none).unwrap_err();
            assert!(told.contains("4h, 2d or never"), "{none}: {told}");
        }
    }
}
