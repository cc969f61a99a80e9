//! Whole-program tests: one target, because each links the SDK; a module a story.

mod bundles;
mod command_line;
mod conformance;
mod documents;
mod interrupted;
mod layers;
mod main_job;
mod ownership;
mod profiles;
mod stacks;
mod support;
