//! The reader of IANA's table under libFuzzer.
#![no_main]

#[path = "../feed/registry.rs"]
mod registry;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| registry::feed(bytes));
