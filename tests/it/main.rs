//! Whole-program tests: one target, because each links the SDK; a module a story.

mod at_rest;
mod browser;
mod bundles;
mod cnames;
mod command_line;
mod conformance;
mod documents;
mod drafts;
mod failed_deployments;
mod identity;
mod interrupted;
mod keys;
mod layers;
mod load;
mod main_job;
mod new_account;
mod ownership;
mod permissions;
mod profiles;
mod saved_plans;
mod signing_in;
mod slow_reads;
mod stacks;
mod stress;
mod support;
mod unforeseen;
