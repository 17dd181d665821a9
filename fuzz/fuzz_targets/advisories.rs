//! The readers of advisories under libFuzzer.
#![no_main]

#[path = "../feed/advisories.rs"]
mod advisories;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| advisories::feed(bytes));
