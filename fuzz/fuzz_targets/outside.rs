//! The readers of what answers a scan under libFuzzer.
#![no_main]

#[path = "../feed/outside.rs"]
mod outside;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| outside::feed(bytes));
