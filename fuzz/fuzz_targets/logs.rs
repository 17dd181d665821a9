//! The readers of logs under libFuzzer.
#![no_main]

#[path = "../feed/logs.rs"]
mod logs;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| logs::feed(bytes));
