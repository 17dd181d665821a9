//! The reader of captures under libFuzzer.
#![no_main]

#[path = "../feed/captures.rs"]
mod captures;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| captures::feed(bytes));
