//! `sandbox …`: start, stop and look at the local AWS.
//! Must know nothing of stacks and resources.

mod dns;
mod fault;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use confctl_sandbox::daemon::{self, Info, Options};

use self::dns::DnsCommand;
use self::fault::FaultCommand;
use super::{Cli, Command};
use crate::engine::Error;
use crate::exit::Exit;
use crate::local_aws::{DEFAULT_PORT, SandboxOptions, ask, directory, explained, running, start};
use crate::ui::{self, Summary, Ui};

/// The two hidden commands are processes of their own: the daemon and an instance's supervisor.
pub(super) fn own_process(cli: &Cli) -> Option<Exit> {
    let Command::Sandbox(command) = &cli.command else {
        return None;
    };
    match command {
        SandboxCommand::Serve(options) => Some(serve(options)),
        SandboxCommand::Instance => {
            let code = confctl_sandbox::supervisor_main();
            Some(if code == std::process::ExitCode::SUCCESS {
                Exit::Done
            } else {
                Exit::Failed
            })
        }
        _ => None,
    }
}

fn serve(serve: &ServeOptions) -> Exit {
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::INFO)
        .with_writer(std::io::stderr);
    let _ = subscriber.try_init();
    let options = Options {
        time_scale: serve.options.time_scale,
        port: (serve.options.port != DEFAULT_PORT).then_some(serve.options.port),
        tag_delay_seconds: serve.options.tag_delay,
        // Checked when it was started.
        gates: serve.options.gates.parse().unwrap_or_default(),
        ..Options::default()
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            ui::early(&format!("error: could not start: {error}\n"));
            return Exit::Failed;
        }
    };
    match runtime.block_on(daemon::serve(&serve.dir, options)) {
        Ok(()) => Exit::Done,
        Err(error) => {
            ui::early(&format!("error: {error}\n"));
            Exit::Failed
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum SandboxCommand {
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
    /// What goes wrong on AWS without anybody's doing in this account: refusals, failures, lost answers
    #[command(subcommand)]
    Fault(FaultCommand),
    /// CNAMEs at a DNS provider that is not AWS, as the owner of a domain sets them
    #[command(subcommand)]
    Dns(DnsCommand),
    /// Run it in the foreground
    #[command(hide = true)]
    Serve(ServeOptions),
    /// One instance's supervisor
    #[command(hide = true)]
    Instance,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ServeOptions {
    #[command(flatten)]
    pub options: SandboxOptions,

    /// The sandbox's directory
    #[arg(long)]
    pub dir: PathBuf,
}

pub(super) async fn run(command: &SandboxCommand, region: Option<&str>, ui: &Ui) -> Result<Summary, Error> {
    match command {
        SandboxCommand::Start(options) => {
            let info = start(options)?;
            Ok(describe(&info).say("In a shell: eval \"$(confctl sandbox env)\""))
        }
        SandboxCommand::Stop => {
            let stopped = daemon::stop(&directory()?).map_err(explained)?;
            Ok(Summary::done().output("stopped", stopped).say(if stopped {
                "Stopped; everything in it is gone."
            } else {
                "No sandbox runs."
            }))
        }
        SandboxCommand::Status => match daemon::find(&directory()?).map_err(explained)? {
            None => Ok(Summary::done().output("running", false).say("No sandbox runs.")),
            Some(info) => {
                let status = ask(&info, "status")?;
                let time = status
                    .get("sandbox_time")
                    .and_then(|time| time.as_str())
                    .unwrap_or_default()
                    .to_owned();
                Ok(describe(&info)
                    .output("status", status)
                    .say(format!("Its clock says {time}.")))
            }
        },
        SandboxCommand::Env => {
            let info = running()?;
            let text = environment(&info, &daemon::authority(&directory()?));
            ui.result(&text);
            Ok(Summary::done()
                .output("endpoint", info.endpoint())
                .output("region", info.region.clone()))
        }
        SandboxCommand::Inventory => {
            let inventory = ask(&running()?, "inventory")?;
            ui.answer(
                "inventory",
                &pretty(&inventory),
                serde_json::json!({"resources": inventory}),
            );
            Ok(Summary::done())
        }
        SandboxCommand::Logs => {
            let log = fs_err::read_to_string(directory()?.join("requests.jsonl"));
            let log = log.map_err(|error| Error::failed("there is no log of requests yet").caused_by(error))?;
            ui.result(log.trim_end());
            Ok(Summary::done())
        }
        SandboxCommand::Fault(command) => fault::run(command, region, ui),
        SandboxCommand::Dns(command) => dns::run(command, ui),
        // Handled before anything else was started.
        SandboxCommand::Serve(_) | SandboxCommand::Instance => Ok(Summary::done()),
    }
}

fn describe(info: &Info) -> Summary {
    Summary::done()
        .output("running", true)
        .output("endpoint", info.endpoint())
        .output("port", info.port)
        .output("time_scale", info.time_scale)
        .say(format!(
            "The sandbox runs at {} ({} times as fast as real time).",
            info.endpoint(),
            info.time_scale
        ))
}

/// For `eval`: sets what AWS's own tools read, and takes away what would get in the way.
fn environment(info: &Info, authority: &Path) -> String {
    let mut text = String::new();
    let leftovers = [
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_SECURITY_TOKEN",
    ];
    // Somebody else's variable may hold anything; `vars` panics where one is not UTF-8.
    let endpoints = std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.starts_with("AWS_ENDPOINT_URL_"));
    for name in leftovers.into_iter().map(str::to_owned).chain(endpoints) {
        text.push_str(&format!("unset {name};\n"));
    }
    for (name, value) in [
        ("AWS_ENDPOINT_URL", info.endpoint()),
        ("AWS_ACCESS_KEY_ID", info.access_key_id.clone()),
        ("AWS_SECRET_ACCESS_KEY", info.secret_access_key.clone()),
        ("AWS_REGION", info.region.clone()),
        ("AWS_DEFAULT_REGION", info.region.clone()),
        // For `curl --cacert`; no tool takes it by itself, as the API speaks plain HTTP.
        ("CONFCTL_SANDBOX_CA", quoted(authority)),
    ] {
        text.push_str(&format!("export {name}={value};\n"));
    }
    text.trim_end().to_owned()
}

/// As a word of a shell's.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    match text.chars().all(plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

fn pretty(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_get_in_the_way_of_other_tools_is_unset() {
        let info = Info {
            pid: 1,
            process_start: 1,
            port: 4566,
            account: "123456789012".into(),
            region: "us-east-1".into(),
            access_key_id: "AKIA".into(),
            secret_access_key: "secret".into(),
            token: "token".into(),
            time_scale: 60.0,
            version: "0".into(),
            started: String::new(),
        };
        let text = environment(&info, Path::new("/a b/authority.pem"));
        assert!(text.contains("export CONFCTL_SANDBOX_CA='/a b/authority.pem';"));
        assert!(text.contains("unset AWS_SESSION_TOKEN;"));
        assert!(text.contains("export AWS_ENDPOINT_URL=http://127.0.0.1:4566;"));
        assert!(!text.contains("token="));
    }
}
