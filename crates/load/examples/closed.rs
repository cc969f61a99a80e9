//! The load generator of confctl in the closed model, for comparison with `wrk`; and how much memory open connections take.
//! `benches/load/run` runs it.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program of its own, without a ui"
)]

use std::process::ExitCode;
use std::time::Duration;

use confctl_load as load;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, connections, seconds] = arguments.as_slice() else {
        eprintln!("usage: load-bench URL CONNECTIONS SECONDS");
        return ExitCode::from(64);
    };
    let (Ok(connections), Ok(seconds)) = (connections.parse(), seconds.parse()) else {
        eprintln!("CONNECTIONS and SECONDS are numbers");
        return ExitCode::from(64);
    };
    let _ = load::allow_open_files(connections);
    let site = match load::Site::find(url, None).await {
        Ok(site) => site,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let rate = load::closed_model::registrations(site, connections, Duration::from_secs(seconds)).await;
    println!(
        "{:.0} requests a second, {} failed",
        rate.answered as f64 / rate.seconds,
        rate.failed
    );
    ExitCode::SUCCESS
}
