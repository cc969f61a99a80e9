//! The binary: settles the environment and calls the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    confctl::aws::variables::forget_empty();
    confctl::run(std::env::args_os()).into()
}
