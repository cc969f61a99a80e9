//! Runs a sandbox in the directory that is the first argument, at the time scale that is the second.

use std::path::Path;

use confctl_sandbox::daemon::{self, DaemonError, Options};

#[tokio::main]
async fn main() -> Result<(), DaemonError> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or(DaemonError::NoDirectory)?;
    let time_scale = arguments.next().and_then(|scale| scale.parse().ok()).unwrap_or(60.0);
    let options = Options {
        time_scale,
        ..Options::default()
    };
    daemon::serve(Path::new(&directory), options).await
}
