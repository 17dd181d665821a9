//! The readers of /proc under libFuzzer.
#![no_main]

#[path = "../feed/proc.rs"]
mod proc;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proc::feed(bytes));
