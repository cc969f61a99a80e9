//! confctl: an event registration site on AWS with one command, and off it with another.
//! The binary is a thin shell around this library.

pub mod cli;
pub mod commands;
pub mod exit;
pub mod ui;

pub use confctl_aws as aws;
pub use confctl_engine as engine;
pub use confctl_load as load;
pub use confctl_profile as profile;
pub use confctl_report as report;
pub use confctl_resources as resources;
pub use confctl_site_client as site_client;
