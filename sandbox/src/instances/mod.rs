//! Instances as supervised processes.

/// The main of an instance's supervisor process.
pub fn supervisor_main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
