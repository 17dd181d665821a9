//! The readers of what the packet filter tells under libFuzzer.
#![no_main]

#[path = "../feed/logged.rs"]
mod logged;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| logged::feed(bytes));
