//! See `any_bytes.rs` of the sandbox.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| confctl_sandbox::any_bytes::query(bytes));
