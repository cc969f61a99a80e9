//! Runs a sandbox in the directory that is the first argument, at the time scale that is the second. Its instances'
//! supervisors are this program too.

use std::path::Path;
use std::process::ExitCode;

use confctl_sandbox::daemon::{self, DaemonError, Options};

const INSTANCE: &str = "instance";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        None => ExitCode::FAILURE,
        Some(INSTANCE) => confctl_sandbox::supervisor_main(),
        Some(directory) => match serve(Path::new(directory), arguments.get(1)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
    }
}

#[tokio::main]
async fn serve(directory: &Path, time_scale: Option<&String>) -> Result<(), DaemonError> {
    let defaults = Options::default();
    let options = Options {
        time_scale: time_scale
            .and_then(|scale| scale.parse().ok())
            .unwrap_or(defaults.time_scale),
        supervisor: vec![std::env::current_exe()?.into(), INSTANCE.into()],
        ..defaults
    };
    daemon::serve(directory, options).await
}
