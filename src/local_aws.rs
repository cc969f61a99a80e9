//! The local AWS: found, started on demand, asked at its own endpoints, and taken as a target.
//! Must know nothing of stacks and resources, nor of the terminal but that it says when one was started.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpStream};
use std::process::Command as Process;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use confctl_sandbox::Gates;
use confctl_sandbox::daemon::{self, DaemonError, Info};

use crate::aws::target::{NameServer, Target};
use crate::engine::{Error, Hint, Kind};
use crate::ui::Ui;

/// Taken if it is free, else any free one.
pub(crate) const DEFAULT_PORT: u16 = 4566;

#[derive(Debug, Clone, Args)]
pub(crate) struct SandboxOptions {
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
    #[arg(long, default_value_t = DEFAULT_PORT, value_name = "PORT")]
    pub port: u16,
}

/// The sandbox as a target, started if it does not run.
pub(crate) async fn target(ui: &Ui) -> Result<Target, Error> {
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
    let mut target = Target::sandbox(info.port, &info.access_key_id, &info.secret_access_key, info.time_scale);
    let authority = daemon::authority(&directory()?);
    target.public.authorities = fs_err::read(authority).ok();
    target.public.name_server = Some(NameServer(Arc::new(move |name: &str| addresses(&info, name))));
    Ok(target)
}

/// Where a name of one's own leads, by the records that are set in the sandbox.
fn addresses(info: &Info, name: &str) -> Vec<IpAddr> {
    let name = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
    let answer = ask(info, &format!("resolve?name={name}")).unwrap_or_default();
    let addresses = answer.as_array().into_iter().flatten();
    addresses.filter_map(|address| address.as_str()?.parse().ok()).collect()
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

pub(crate) fn start(options: &SandboxOptions) -> Result<Info, Error> {
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

pub(crate) fn directory() -> Result<std::path::PathBuf, Error> {
    daemon::directory().map_err(explained)
}

pub(crate) fn running() -> Result<Info, Error> {
    daemon::find(&directory()?)
        .map_err(explained)?
        .ok_or_else(|| Error::failed("no sandbox runs").hint(Hint::run("sandbox start")))
}

pub(crate) fn explained(error: DaemonError) -> Error {
    let hint = match &error {
        DaemonError::OtherVersion { .. } => Hint::run("sandbox stop"),
        DaemonError::NoDirectory | DaemonError::NoFolder { .. } => {
            "set CONFCTL_SANDBOX_DIR to a folder that can be written".into()
        }
        DaemonError::NotOurs { .. } => {
            "take the right to write there from others (chmod go-w), or set CONFCTL_SANDBOX_DIR to a folder of your own"
                .into()
        }
        _ => Hint::run("sandbox status"),
    };
    Error::failed(error.to_string()).hint(hint)
}

/// One of the sandbox's own endpoints. Plain HTTP/1.0 to this machine: no client is worth starting for it.
pub(crate) fn ask(info: &Info, what: &str) -> Result<serde_json::Value, Error> {
    request(info, "GET", what, "")
}

pub(crate) fn request(info: &Info, method: &str, what: &str, body: &str) -> Result<serde_json::Value, Error> {
    let failed = |reason: String| {
        Error::failed("the sandbox does not answer")
            .because(reason)
            .hint(Hint::run("sandbox stop"))
    };
    let read = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(("127.0.0.1", info.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let head = format!(
            "{method} /_sandbox/{what} HTTP/1.0\r\nhost: 127.0.0.1:{}\r\nx-sandbox-token: {}\r\ncontent-length: {}\r\n\r\n",
            info.port,
            info.token,
            body.len()
        );
        stream.write_all((head + body).as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    };
    let answer = read().map_err(|error| failed(error.to_string()))?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let (head, body) = answer.split_at(end.map_or(answer.len(), |end| end + 4));
    if !String::from_utf8_lossy(head)
        .split(' ')
        .nth(1)
        .is_some_and(|status| status.starts_with('2'))
    {
        let reason = String::from_utf8_lossy(body).trim().to_owned();
        return Err(Error::failed("the sandbox refuses that").because(reason));
    }
    serde_json::from_slice(body).map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

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
