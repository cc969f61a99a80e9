//! The command line, and only that: what can be typed and what it means to clap.
//! Must know nothing of what commands do.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::profile::paths::at_home;

/// Puts a high-traffic event registration site on AWS with one command, and takes it away with another.
#[derive(Debug, Parser)]
#[command(name = "confctl", version, max_term_width = 100, propagate_version = true)]
#[command(
    after_help = "Each global option but --yes, --verbose and --quiet can also be set in the environment: CONFCTL_PROFILE, CONFCTL_REGION, ….\nTry it without an AWS account: confctl up --sandbox"
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Accepted before and after the command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// What to build: article, dev, ci, or a TOML file [default: article; for what acts on a stack that is up, what `up` used]
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
    #[arg(long, global = true, value_name = "ID", env = "CONFCTL_ACCOUNT", hide_env = true)]
    pub account: Option<String>,

    /// Override a key of the profile: `--set scaling.max=6`
    #[arg(long, global = true, value_name = "KEY=VALUE", env = "CONFCTL_SET", hide_env = true)]
    pub set: Vec<String>,

    /// Use a local AWS on this machine instead of the real one; started if need be
    #[arg(long, global = true, env = "CONFCTL_SANDBOX", hide_env = true, value_parser = clap::builder::FalseyValueParser::new())]
    pub sandbox: bool,

    /// Do not ask for confirmation
    #[arg(short, long, global = true)]
    pub yes: bool,

    /// Never ask anything; refuse where a question would be needed
    #[arg(long, global = true, env = "CONFCTL_NO_INPUT", hide_env = true, value_parser = clap::builder::FalseyValueParser::new())]
    pub no_input: bool,

    /// text for people, json for programs: one object a line, the last one the summary
    #[arg(short, long, global = true, value_enum, default_value_t = Format::Text, env = "CONFCTL_OUTPUT", hide_env = true)]
    pub output: Format,

    /// Colours
    #[arg(long, global = true, value_enum, default_value_t = When::Auto, value_name = "WHEN", env = "CONFCTL_COLOR", hide_env = true)]
    pub color: When,

    /// More of what happens (-v: calls, -vv: all)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
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
pub enum Format {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what `up` would do, and why
    Plan(PlanArgs),
    /// Make it so: create, change or repair the stack, then verify the site
    Up(UpArgs),
    /// Remove everything that is ours
    Teardown(TeardownArgs),
    /// What exists, how it fares, and what differs from the profile
    Status,
    /// Register once through the edge, find it in the table, and remove it again
    Verify,
    /// Let people register as at the event, and count them in the table afterwards
    Load(LoadArgs),
    /// Burn CPU until the group grows by its alarm, and follow it until it has shrunk again
    Stress(StressArgs),
    /// List, show, check or write profiles
    #[command(subcommand)]
    Profile(ProfileCommand),
    /// Build and check what Beanstalk would run
    Bundle(BundleArgs),
    /// Credentials, region, platform, instance types and quotas: what would stop `up`
    Doctor,
    /// The local AWS
    #[cfg(feature = "sandbox")]
    #[command(subcommand)]
    Sandbox(SandboxCommand),
}

/// What is wanted beside the profile.
#[derive(Debug, Clone, Default, Args)]
pub struct Wishes {
    /// Take over something of ours in name only (resource id, as the plan shows it); repeatable
    #[arg(long, value_name = "RESOURCE")]
    pub adopt: Vec<String>,

    /// Move to the newest recommended platform version
    #[arg(long)]
    pub upgrade_platform: bool,

    /// Take the bundle although the check says that Beanstalk cannot run it
    #[arg(long)]
    pub no_check: bool,
}

#[derive(Debug, Clone, Default, Args)]
pub struct BundleArgs {
    /// Take it although the check says that Beanstalk cannot run it
    #[arg(long)]
    pub no_check: bool,

    /// Compile the app as releases carry it: smaller and faster, after minutes; deploy it by app.bundle=ZIP
    #[arg(long)]
    pub release: bool,
}

#[derive(Debug, Clone, Args)]
pub struct PlanArgs {
    /// Exit with 0 where nothing is to do, with 2 where something is
    #[arg(long)]
    pub detailed_exitcode: bool,

    /// Write the plan to FILE, for `up FILE`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    #[command(flatten)]
    pub wishes: Wishes,
}

#[derive(Debug, Clone, Args)]
pub struct UpArgs {
    /// A plan that was saved by `plan --out FILE`: refused where anything else would be done now
    #[arg(value_name = "PLAN")]
    pub plan: Option<PathBuf>,

    /// Leave out the verification at the end
    #[arg(long)]
    pub no_verify: bool,

    #[command(flatten)]
    pub wishes: Wishes,
}

#[derive(Debug, Clone, Args)]
pub struct TeardownArgs {
    /// Also delete registrations
    #[arg(long)]
    pub delete_data: bool,

    /// Leave this resource (resource id, as the plan shows it); repeatable
    #[arg(long, value_name = "RESOURCE")]
    pub keep: Vec<String>,
}

#[derive(Debug, Clone, Args)]
pub struct LoadArgs {
    /// How many people come
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub people: u32,

    /// Within which time they arrive, whatever the site does
    #[arg(long, default_value = "60s", value_name = "DURATION", value_parser = duration)]
    pub within: Duration,

    /// How long one looks at the page before sending the form, on average
    #[arg(long, default_value = "3s", value_name = "DURATION", value_parser = pause)]
    pub think: Duration,

    /// Leave the generated addresses in the table
    #[arg(long)]
    pub keep: bool,

    /// Only remove the generated addresses that former runs left
    #[arg(long)]
    pub clean: bool,

    /// Also where real people are registered already
    #[arg(long)]
    pub into_live_table: bool,

    /// Fail where more people than this do not get in
    #[arg(long, default_value_t = 1.0, value_name = "PERCENT")]
    pub max_failed: f64,

    /// Where this runs, for the report
    #[arg(long, value_name = "TEXT")]
    pub from_region: Option<String>,

    /// The HTML report; its numbers go beside it as .json [default: confctl-load-TIME.html]
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub report: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub struct StressArgs {
    /// As the article did: four workers on one instance, by `stress` where it is installed
    #[arg(long)]
    pub like_article: bool,

    /// Burn nothing, only follow: for a load that comes from elsewhere
    #[arg(long, conflicts_with = "like_article")]
    pub no_burn: bool,

    /// The HTML report; its numbers go beside it as .json [default: confctl-stress-TIME.html]
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub report: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum ProfileCommand {
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

#[cfg(feature = "sandbox")]
#[derive(Debug, Subcommand)]
pub enum SandboxCommand {
    /// Start it, if it does not run
    Start(SandboxOptions),
    /// Stop it; everything in it is gone then
    Stop,
    /// Whether it runs, where, and what its clock says
    Status,
    /// Print what AWS's own tools need: eval "$(confctl sandbox env)"
    Env,
    /// Every resource that exists in it
    Inventory,
    /// Its log of API requests
    Logs,
    /// What goes wrong on AWS without anybody's doing in this account
    #[command(subcommand)]
    Fault(FaultCommand),
    /// Run it in the foreground
    #[command(hide = true)]
    Serve(ServeOptions),
    /// One instance's supervisor
    #[command(hide = true)]
    Instance,
}

#[cfg(feature = "sandbox")]
#[derive(Debug, Clone, Subcommand)]
pub enum FaultCommand {
    /// Another customer takes a CNAME prefix of Beanstalk's, which is one namespace for all
    TakeCname(CnamePrefix),
    /// The other customer gives it up
    FreeCname(CnamePrefix),
}

#[cfg(feature = "sandbox")]
#[derive(Debug, Clone, Args)]
pub struct CnamePrefix {
    /// The prefix; with `*` at its end, all that begin so
    pub prefix: String,
}

#[cfg(feature = "sandbox")]
#[derive(Debug, Clone, Args)]
pub struct SandboxOptions {
    /// How many times faster than real time its clock runs, 1 to 3600
    #[arg(
        long,
        default_value_t = 60.0,
        env = "CONFCTL_SANDBOX_TIME_SCALE",
        hide_env = true,
        value_name = "N"
    )]
    pub time_scale: f64,

    /// Seconds of its time until readers see a change, new resources and tags alike, as AWS may take
    #[arg(
        long,
        default_value_t = 0,
        env = "CONFCTL_SANDBOX_TAG_DELAY",
        hide_env = true,
        value_name = "SECONDS"
    )]
    pub tag_delay: u32,

    /// What its account cannot do: `new`, or some of launch-configurations, load-balancers, distributions, vcpus, service-linked-roles, free-plan, verification, deprecated-policies, region-policy
    #[arg(
        long,
        default_value = "",
        env = "CONFCTL_SANDBOX_GATES",
        hide_env = true,
        value_name = "GATES"
    )]
    pub gates: String,

    /// The port on 127.0.0.1; any free one where it is taken
    #[arg(long, default_value_t = 4566, value_name = "PORT")]
    pub port: u16,
}

#[cfg(feature = "sandbox")]
#[derive(Debug, Clone, Args)]
pub struct ServeOptions {
    #[command(flatten)]
    pub options: SandboxOptions,

    /// The sandbox's directory
    #[arg(long)]
    pub dir: PathBuf,
}

/// A file, `~` being the home directory also behind `=`, where shells leave it.
fn path() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().map(at_home)
}

/// A duration that may be none.
fn pause(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration = text
        .parse()
        .map_err(|_| format!("'{text}' is no duration; write 45m, 1h30m or 90s"))?;
    Duration::try_from(span).map_err(|_| "a duration cannot be negative".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration = pause(text)?;
    if duration < Duration::from_secs(1) {
        Err("give it at least a second".to_owned())
    } else {
        Ok(duration)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn files_may_be_named_from_home() {
        let line = ["confctl", "load", "--report=~/load.html", "--log-file=~/log"];
        let cli = Cli::try_parse_from(line).unwrap();
        assert_eq!(cli.global.log_file, Some(at_home("~/log")));
        let Command::Load(args) = cli.command else { panic!() };
        assert_eq!(args.report, Some(at_home("~/load.html")));
    }

    #[test]
    fn global_options_go_before_and_after_the_command() {
        for line in [
            ["confctl", "--sandbox", "plan", "--name=one"],
            ["confctl", "plan", "--name=one", "--sandbox"],
        ] {
            let cli = Cli::try_parse_from(line).unwrap();
            assert!(cli.global.sandbox);
            assert_eq!(cli.global.name.as_deref(), Some("one"));
        }
    }
}
