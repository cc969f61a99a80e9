//! `sandbox …`: start, stop and look at the local AWS, and be the target of `--sandbox`.
//! Must know nothing of stacks and resources.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command as Process;
use std::time::Duration;

use confctl_sandbox::Gates;
use confctl_sandbox::daemon::{self, DaemonError, Info, Options};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::aws::target::Target;
use crate::cli::{Cli, Command, FaultCommand, SandboxCommand, SandboxOptions, ServeOptions};
use crate::engine::{Error, Hint, Kind};
use crate::exit::Exit;
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

/// Taken if it is free, else any free one.
const DEFAULT_PORT: u16 = 4566;

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
            let text = environment(&info);
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
        SandboxCommand::Fault(fault) => {
            let (method, prefix, then) = match fault {
                FaultCommand::TakeCname(taken) => ("POST", &taken.prefix, "is another customer's now"),
                FaultCommand::FreeCname(freed) => ("DELETE", &freed.prefix, "is free again"),
            };
            let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let info = running()?;
            let region = region.unwrap_or(&info.region);
            let path = format!("taken-cnames?prefix={}&region={}", encoded(prefix), encoded(region));
            let taken = request(&info, method, &path)?;
            Ok(Summary::done().output("taken", taken).say(format!("{prefix} {then}.")))
        }
        // Handled before anything else was started.
        SandboxCommand::Serve(_) | SandboxCommand::Instance => Ok(Summary::done()),
    }
}

/// The sandbox as a target, started if it does not run.
pub(super) async fn target(ui: &Ui) -> Result<Target, Error> {
    let ran = daemon::find(&directory()?).map_err(explained)?.is_some();
    // Also where one runs: another version's is refused there.
    let info = start(&from_environment()?)?;
    if !ran {
        let started = format!(
            "Started a sandbox at {} ({} times as fast as real time); ",
            info.endpoint(),
            info.time_scale
        );
        ui.say(Hint::from(started).and_run("sandbox stop").and(" ends it."));
    }
    Ok(Target::sandbox(
        info.port,
        &info.access_key_id,
        &info.secret_access_key,
        info.time_scale,
    ))
}

/// What `sandbox start` takes from the environment holds for a start on demand too.
fn from_environment() -> Result<SandboxOptions, Error> {
    Ok(SandboxOptions {
        time_scale: variable("CONFCTL_SANDBOX_TIME_SCALE")?.unwrap_or(60.0),
        tag_delay: variable("CONFCTL_SANDBOX_TAG_DELAY")?.unwrap_or(0),
        gates: variable("CONFCTL_SANDBOX_GATES")?.unwrap_or_default(),
        port: DEFAULT_PORT,
    })
}

fn variable<T: std::str::FromStr>(name: &str) -> Result<Option<T>, Error> {
    let Some(value) = std::env::var_os(name) else {
        return Ok(None);
    };
    let read = value.to_str().and_then(|value| value.parse().ok());
    read.map(Some).ok_or_else(|| {
        let value = value.to_string_lossy();
        Error::new(Kind::Usage, format!("{name} is `{value}`, which it cannot be"))
            .hint(format!("correct or unset {name}"))
    })
}

fn start(options: &SandboxOptions) -> Result<Info, Error> {
    if !(1.0..=3600.0).contains(&options.time_scale) {
        return Err(Error::new(
            Kind::Usage,
            format!("--time-scale {}: it goes from 1 to 3600", options.time_scale),
        ));
    }
    if let Err(why) = options.gates.parse::<Gates>() {
        return Err(Error::new(Kind::Usage, format!("--gates: {why}")));
    }
    let directory = directory()?;
    let program = std::env::current_exe()
        .map_err(|error| Error::failed("could not find this program's own file").caused_by(error))?;
    let mut command = Process::new(program);
    command.args(["sandbox", "serve", "--dir"]).arg(&directory);
    command
        .arg(format!("--time-scale={}", options.time_scale))
        .arg(format!("--port={}", options.port))
        .arg(format!("--tag-delay={}", options.tag_delay))
        .arg(format!("--gates={}", options.gates));
    daemon::ensure_started(&directory, command).map_err(explained)
}

fn directory() -> Result<std::path::PathBuf, Error> {
    daemon::directory().map_err(explained)
}

fn running() -> Result<Info, Error> {
    daemon::find(&directory()?)
        .map_err(explained)?
        .ok_or_else(|| Error::failed("no sandbox runs").hint(Hint::run("sandbox start")))
}

fn explained(error: DaemonError) -> Error {
    let hint = match &error {
        DaemonError::OtherVersion { .. } => Hint::run("sandbox stop"),
        DaemonError::NoDirectory | DaemonError::NoFolder { .. } => {
            "set CONFCTL_SANDBOX_DIR to a folder that can be written".into()
        }
        _ => Hint::run("sandbox status"),
    };
    Error::failed(error.to_string()).hint(hint)
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
fn environment(info: &Info) -> String {
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
    ] {
        text.push_str(&format!("export {name}={value};\n"));
    }
    text.trim_end().to_owned()
}

/// One of the sandbox's own endpoints. Plain HTTP/1.0 to this machine: no client is worth starting for it.
fn ask(info: &Info, what: &str) -> Result<serde_json::Value, Error> {
    request(info, "GET", what)
}

fn request(info: &Info, method: &str, what: &str) -> Result<serde_json::Value, Error> {
    let failed = |reason: String| {
        Error::failed("the sandbox does not answer")
            .because(reason)
            .hint(Hint::run("sandbox stop"))
    };
    let read = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(("127.0.0.1", info.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(
            stream,
            "{method} /_sandbox/{what} HTTP/1.0\r\nhost: 127.0.0.1:{}\r\nx-sandbox-token: {}\r\n\r\n",
            info.port, info.token
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    };
    let answer = read().map_err(|error| failed(error.to_string()))?;
    let body = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map(|end| &answer[end + 4..]);
    serde_json::from_slice(body.unwrap_or_default()).map_err(|error| failed(error.to_string()))
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
        let text = environment(&info);
        assert!(text.contains("unset AWS_SESSION_TOKEN;"));
        assert!(text.contains("export AWS_ENDPOINT_URL=http://127.0.0.1:4566;"));
        assert!(!text.contains("token="));
    }

    #[test]
    fn a_clock_slower_than_real_time_is_refused() {
        let refused = start(&SandboxOptions {
            time_scale: 0.5,
            tag_delay: 0,
            gates: String::new(),
            port: 1,
        });
        assert_eq!(refused.err().map(|error| error.kind), Some(Kind::Usage));
    }
}
