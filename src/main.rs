//! The binary: one call into the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    confctl::commands::run(std::env::args_os()).into()
}
