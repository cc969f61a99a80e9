//! confctl: an event registration site on AWS with one command, and off it with another.
//! The binary is a thin shell around this library.

pub mod aws;
pub mod bundle;
pub mod cli;
pub mod commands;
pub mod engine;
pub mod exit;
pub mod http;
pub mod load;
pub mod profile;
pub mod report;
pub mod resolve;
pub mod resources;
pub mod target;
pub mod ui;
