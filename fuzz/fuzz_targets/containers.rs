//! The readers of what container runtimes say under libFuzzer.
#![no_main]

#[path = "../feed/containers.rs"]
mod containers;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| containers::feed(bytes));
