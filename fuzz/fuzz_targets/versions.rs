//! The orders of versions under libFuzzer.
#![no_main]

#[path = "../feed/versions.rs"]
mod versions;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| versions::feed(bytes));
