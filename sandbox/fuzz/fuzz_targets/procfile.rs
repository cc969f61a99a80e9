//! See `checks/procfile.rs`.
#![no_main]

#[path = "../checks/procfile.rs"]
mod procfile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| procfile::check(bytes));
