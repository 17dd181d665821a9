//! The readers of /origins under libFuzzer.
#![no_main]

#[path = "../feed/origins.rs"]
mod origins;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| origins::feed(bytes));
