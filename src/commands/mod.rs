//! One file a command: its arguments, which of the parts below it calls, and what it says through `ui`.

mod blue_green;
mod bundle;
mod capacity;
mod completions;
mod crowd;
mod deploy;
mod doctor;
mod draw;
mod events;
mod explain;
mod export;
mod front_door;
mod help;
mod junit;
mod list;
mod load;
mod logs;
mod maintenance;
mod man;
mod mistyped;
mod open;
mod output_file;
mod outputs;
mod plan;
mod policy;
mod profile;
mod reap;
mod rotate_secret;
mod scale;
mod simulate;
mod ssh;
mod status;
mod stress;
mod teardown;
mod unlock;
mod up;
mod verify;

#[cfg(feature = "sandbox")]
mod sandbox;

use std::ffi::OsString;
use std::time::Instant;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use futures_util::FutureExt;

use crate::cli::{self, Format, Global};
use crate::engine::{Error, Kind};
use crate::exit::Exit;
use crate::ui::{self, Flag, Onward, Repeated, Summary, Ui};

/// Puts a high-traffic event registration site on AWS with one command, and takes it away with another.
#[derive(Debug, Parser)]
#[command(name = "confctl", version, max_term_width = 100, propagate_version = true)]
#[command(
    after_help = "Each global option but --yes, --verbose and --quiet can also be set in the environment: CONFCTL_PROFILE, CONFCTL_REGION, ….\nTry it without an AWS account: confctl up --sandbox"
)]
struct Typed {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// The command line. As [`Typed`], but for the options that add up.
#[derive(Debug)]
pub(crate) struct Cli {
    pub global: Global,
    pub command: Command,
}

impl Parser for Cli {}

impl CommandFactory for Cli {
    fn command() -> clap::Command {
        help::arranged(cli::everywhere(Typed::command()))
    }

    fn command_for_update() -> clap::Command {
        help::arranged(cli::everywhere(Typed::command_for_update()))
    }
}

impl FromArgMatches for Cli {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let Typed { mut global, command } = Typed::from_arg_matches(matches)?;
        global.add_up(matches);
        Ok(Self { global, command })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what `up` would do, and why
    Plan(plan::PlanArgs),
    /// Make it so: create, change or repair the stack, then verify the site
    Up(up::UpArgs),
    /// A new bundle on every instance, watched batch by batch; or back to the last good one
    Deploy(deploy::DeployArgs),
    /// Remove everything that is ours
    Teardown(teardown::TeardownArgs),
    /// What exists, how it fares, and what differs from the profile
    Status(status::StatusArgs),
    /// What Beanstalk tells of the environment
    Events(events::EventsArgs),
    /// What the app, Beanstalk's engine and the proxy say on the instances
    Logs(logs::LogsArgs),
    /// A shell on an instance, or one command there
    Ssh(ssh::SshArgs),
    /// Open the site in a browser
    Open(open::OpenArgs),
    /// Names and addresses of what is up, for shells and pipelines
    Outputs(outputs::OutputsArgs),
    /// Register once through the edge, find it in the table, and remove it again
    Verify(verify::VerifyArgs),
    /// Let people register as at the event, and count them in the table afterwards
    Load(load::LoadArgs),
    /// Burn CPU until the group grows by its alarm, and follow it until it has shrunk again
    Stress(stress::StressArgs),
    /// What breaks first when so many people come within such a time, and what it takes
    Capacity(capacity::CapacityArgs),
    /// The event in a second, on paper: who gets in, how fast, and on how many instances
    Simulate(simulate::SimulateArgs),
    /// More instances for a while: now or at an hour, and back by themselves
    Scale(scale::ScaleArgs),
    /// Draw winners in a way that anybody can repeat, or check such a draw
    Draw(draw::DrawArgs),
    /// Write the registrations to a file
    Export(export::ExportArgs),
    /// List, show, check or write profiles
    #[command(subcommand)]
    Profile(profile::ProfileCommand),
    /// Build and check what Beanstalk would run
    Bundle(bundle::BundleArgs),
    /// Every stack of the account in the region: age, health, cost, owner, time left
    List,
    /// Show the stacks whose time is over (see `up --ttl`); with --yes remove them
    Reap(reap::ReapArgs),
    /// Show who holds the stack's lock, and take it away
    Unlock,
    /// Another secret between CloudFront and the stack's own load balancer, unnoticed by visitors
    RotateSecret,
    /// A page in the site's place, where the load balancer is the stack's own
    #[command(subcommand)]
    Maintenance(maintenance::MaintenanceCommand),
    /// Credentials, region, platform, instance types and quotas: what would stop `up`
    Doctor,
    /// What an exit code, an error, a resource or a key of the profile is about
    Explain(explain::ExplainArgs),
    /// Print what a shell needs to complete confctl's command line
    Completions(completions::CompletionsArgs),
    /// Print confctl's page for man, or write one for each command
    Man(man::ManArgs),
    /// The least that whoever runs confctl has to be allowed for this profile, as IAM policies
    Policy(policy::PolicyArgs),
    /// The local AWS
    #[cfg(feature = "sandbox")]
    #[command(subcommand)]
    Sandbox(sandbox::SandboxCommand),
}

impl Command {
    /// What of its own arguments the commands that it tells to type have as well.
    pub(crate) fn repeated(&self) -> Repeated {
        let flags = match self {
            Self::Plan(args) => Flag::wishes(&args.wishes),
            Self::Up(args) => args.repeated(),
            Self::Deploy(args) => args.repeated(),
            Self::Bundle(args) => args.repeated(),
            Self::Teardown(args) => args.repeated(),
            Self::Draw(args) => args.repeated(),
            _ => Vec::new(),
        };
        Repeated {
            flags,
            onward: match self {
                Self::Teardown(_) => Onward::Teardown,
                Self::Deploy(_) | Self::RotateSecret | Self::Maintenance(_) | Self::Scale(_) => Onward::AsSaid,
                _ => Onward::Up,
            },
        }
    }
}

/// Runs one command line.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let mut cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return mistyped::unparsed(&arguments, &error),
    };
    #[cfg(feature = "sandbox")]
    if let Some(exit) = sandbox::own_process(&cli) {
        return exit;
    }
    let fits = fits(&cli);
    if fits.is_err() {
        cli.global.output = Format::Text;
    }
    let ui = Ui::new(&cli.global, cli.command.repeated());
    if let Err(error) = fits.and_then(|()| start_log(&cli)) {
        return ui.finish(&Summary::from(error));
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            ui::early(&format!("error: could not start: {error}\n"));
            return Exit::Failed;
        }
    };
    let began = Instant::now();
    // A mistake of ours must not leave a program without the summary that it reads.
    let dispatched = std::panic::AssertUnwindSafe(dispatch(&cli, &ui)).catch_unwind();
    let ended = runtime.block_on(dispatched).unwrap_or_else(|_| Err(mistake_of_ours()));
    let mut summary = ended.unwrap_or_else(Summary::from);
    if let (Exit::Interrupted, Some(signal)) = (summary.exit, ui::signals::first()) {
        summary.exit = signal;
    }
    // A build or a read of standard input that is still going on must not hold the process.
    runtime.shutdown_background();
    summary.seconds = began.elapsed().as_secs_f64();
    ui.finish(&summary)
}

/// Markdown is a plan's only; asked for in the environment it would go unnoticed.
fn fits(cli: &Cli) -> Result<(), Error> {
    match (&cli.command, cli.global.output) {
        (Command::Plan(_), _) | (_, Format::Text | Format::Json) => Ok(()),
        (_, Format::Markdown) => Err(Error::new(Kind::Usage, "-o markdown is of `plan` only")
            .hint("-o json for programs; it may also be CONFCTL_OUTPUT that says markdown")),
    }
}

fn mistake_of_ours() -> Error {
    Error::failed("confctl ended in a mistake of its own, told above")
        .hint("run the same command again: it goes on from here; and please report it, with what it said")
}

async fn dispatch(cli: &Cli, ui: &Ui) -> Result<Summary, Error> {
    let global = &cli.global;
    match &cli.command {
        Command::Plan(args) => plan::run(global, args, ui).await,
        Command::Up(args) => up::run(global, args, ui).await,
        Command::Deploy(args) => deploy::run(global, args, ui).await,
        Command::Teardown(args) => teardown::run(global, args, ui).await,
        Command::Status(args) => status::run(global, args, ui).await,
        Command::Events(args) => events::run(global, args, ui).await,
        Command::Logs(args) => logs::run(global, args, ui).await,
        Command::Ssh(args) => ssh::run(global, args, ui).await,
        Command::Open(args) => open::run(global, args, ui).await,
        Command::Outputs(args) => outputs::run(global, args, ui).await,
        Command::List => list::run(global, ui).await,
        Command::Reap(args) => reap::run(global, args, ui).await,
        Command::Unlock => unlock::run(global, ui).await,
        Command::RotateSecret => rotate_secret::run(global, ui).await,
        Command::Maintenance(command) => maintenance::run(global, command, ui).await,
        Command::Verify(args) => verify::run(global, args, ui).await,
        Command::Load(args) => load::run(global, args, ui).await,
        Command::Stress(args) => stress::run(global, args, ui).await,
        Command::Capacity(args) => capacity::run(global, args, ui).await,
        Command::Simulate(args) => simulate::run(global, args, ui),
        Command::Scale(args) => scale::run(global, args, ui).await,
        Command::Draw(args) => draw::run(global, args, ui).await,
        Command::Export(args) => export::run(global, args, ui).await,
        Command::Profile(command) => profile::run(global, command, ui),
        Command::Bundle(args) => bundle::run(global, args, ui),
        Command::Doctor => doctor::run(global, ui).await,
        Command::Explain(args) => explain::run(global, args, ui),
        Command::Completions(args) => completions::run(args, ui),
        Command::Man(args) => man::run(args, ui),
        Command::Policy(args) => policy::run(global, args, ui),
        #[cfg(feature = "sandbox")]
        Command::Sandbox(command) => sandbox::run(command, global.region.as_deref(), ui).await,
    }
}

/// Diagnostics for `-v` and `--log-file`; off otherwise.
fn start_log(cli: &Cli) -> Result<(), Error> {
    use fs_err::os::unix::fs::OpenOptionsExt;
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    use tracing_subscriber::{EnvFilter, Layer};

    // Bodies of requests hold addresses and keys: what logs them unmasked stays off however much is asked for.
    let level = match cli.global.verbose {
        0 => "off",
        1 => "confctl=debug,aws_config=info",
        _ => "confctl=trace,aws_config=debug,aws_smithy_runtime=info",
    };
    let stderr = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .without_time()
        .with_filter(EnvFilter::new(level));
    let file = match &cli.global.log_file {
        None => None,
        Some(path) => {
            let mut open = fs_err::OpenOptions::new();
            open.create(true).append(true).mode(0o600);
            let file = open.open(path);
            let file = file.map_err(|error| {
                Error::new(Kind::Usage, "could not open the log file")
                    .caused_by(error)
                    .hint("--log-file FILE")
            })?;
            // Bodies too, but masked.
            let exchanges = crate::aws::exchange_log::TARGET;
            let filter = EnvFilter::new(format!("confctl=debug,aws_config=info,{exchanges}=debug"));
            Some(
                tracing_subscriber::fmt::layer()
                    .json()
                    .with_writer(std::sync::Mutex::new(file))
                    .with_filter(filter),
            )
        }
    };
    // A second start in one process, as in tests, keeps the first log.
    let _ = tracing_subscriber::registry().with(stderr).with(file).try_init();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::paths::at_home;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn files_may_be_named_from_home() {
        let line = ["confctl", "load", "--report=~/load.html", "--log-file=~/log"];
        let cli = of(&line);
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
            let cli = of(&line);
            assert!(cli.global.sandbox);
            assert_eq!(cli.global.name.as_deref(), Some("one"));
        }
    }

    fn of(line: &[&str]) -> Cli {
        Cli::try_parse_from(line).unwrap()
    }

    #[test]
    fn what_is_set_before_and_behind_the_command_adds_up_in_its_order() {
        let line = |line: &str| of(&line.split(' ').collect::<Vec<_>>()).global;
        let both =
            line("confctl --set scaling.max=7 --set app.name=a profile --set scaling.min=2 show --set scaling.max=5");
        assert_eq!(
            both.set,
            ["scaling.max=7", "app.name=a", "scaling.min=2", "scaling.max=5"]
        );
        assert_eq!(line("confctl --set a=1 up").set, ["a=1"]);
        assert_eq!(line("confctl up --set a=1").set, ["a=1"]);
        assert_eq!(line("confctl -v up -v").verbose, 2);
        assert_eq!(line("confctl up -vv").verbose, 2);
    }
}
