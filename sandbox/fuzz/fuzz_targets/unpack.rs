//! See `checks/unpack.rs`.
#![no_main]

#[path = "../checks/unpack.rs"]
mod check;
#[path = "../../src/instances/unpack.rs"]
mod unpack;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::check(bytes, |zip, folder| unpack::unpack(zip, folder, 1 << 20)));
