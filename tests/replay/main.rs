//! What AWS answers, given to confctl as bytes: each case names the public source that its answers follow, and none is copied.
//! One target, a module a resource. See docs/architecture.md.

mod account;
mod alarms;
mod all_stacks;
mod application;
mod beanstalk;
mod bodies;
mod commands;
mod corpus;
mod credits;
mod deployment;
mod deployments;
mod distribution;
mod domain;
mod draw;
mod environment;
mod environment_answers;
mod errors;
mod found;
mod iam;
mod instance_profile;
mod key_pair;
mod load_balancer;
mod looking;
mod lost_answers;
mod network;
mod operations;
mod origin_tls;
mod proof;
mod record;
mod request;
mod reservation;
mod room;
mod scale;
mod script;
mod search;
mod service_role;
mod table;
mod tags;
mod web_acl;
mod wire;

/// The way out that an error names, without the flags of any run.
fn way_out(error: &confctl::engine::Error) -> String {
    let hint = error.hint.as_ref();
    let words = |command: &confctl::engine::Command| command.words.join(" ");
    hint.map(|hint| hint.shown(|commands| commands.iter().map(words).collect()))
        .unwrap_or_default()
}

/// Says what is to be seen although all went well: what such a test prints, the harness keeps to itself.
fn say(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "replay: {text}");
}
