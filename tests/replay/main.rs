//! What AWS answers, given to confctl as bytes: each case names the public source that its answers follow, and none is copied.
//! One target, a module a resource. See docs/architecture.md.

mod account;
mod alarms;
mod application;
mod beanstalk;
mod bodies;
mod commands;
mod corpus;
mod deployment;
mod distribution;
mod environment;
mod environment_answers;
mod errors;
mod iam;
mod instance_profile;
mod key_pair;
mod network;
mod operations;
mod proof;
mod record;
mod request;
mod script;
mod search;
mod service_role;
mod table;
mod web_acl;
mod wire;

/// Says what is to be seen although all went well: what such a test prints, the harness keeps to itself.
fn say(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "replay: {text}");
}
