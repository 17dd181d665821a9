//! The readers of what dpkg keeps under libFuzzer.
#![no_main]

#[path = "../feed/dpkg.rs"]
mod dpkg;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dpkg::feed(bytes));
