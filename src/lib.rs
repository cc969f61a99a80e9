//! confctl: an event registration site on AWS with one command, and off it with another.

pub mod aws;
pub mod engine;
pub mod target;
