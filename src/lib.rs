//! confctl: an event registration site on AWS with one command, and off it with another.
//! The binary is a thin shell around this library.

pub mod aws;
pub mod cli;
pub mod commands;
pub mod environment;
pub mod exit;
pub mod http;
pub mod paths;
pub mod resources;
pub mod target;
pub mod ui;

pub use confctl_engine as engine;
pub use confctl_load as load;
pub use confctl_profile as profile;
pub use confctl_report as report;
