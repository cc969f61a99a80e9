//! Starts the site from the environment and ends with exit code 0 after SIGTERM, 1 where it could not start.

use std::process::ExitCode;

fn main() -> ExitCode {
    match confapp::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            confapp::report_fatal(&error);
            ExitCode::FAILURE
        }
    }
}
