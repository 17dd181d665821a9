//! The snapshot reader, and every rule on what it lets through, under libFuzzer.
#![no_main]

#[path = "../feed/snapshot.rs"]
mod snapshot;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| snapshot::feed(bytes));
