//! confctl: an event registration site on AWS with one command, and off it with another.
//! The binary is a thin shell around this library.

mod cli;
mod commands;
mod exit;
#[cfg(feature = "sandbox")]
mod local_aws;
mod programs;
mod session;
mod ui;

pub use commands::run;

// The parts below that whole-program tests judge AWS's answers with.
pub use confctl_aws as aws;
pub use confctl_engine as engine;
pub use confctl_profile as profile;
pub use confctl_resources as resources;

use confctl_load as load;
use confctl_report as report;
use confctl_site_client as site_client;
use confctl_stress as stress;
