//! The readers of a ring buffer under libFuzzer.
#![no_main]

#[path = "../feed/events.rs"]
mod events;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| events::feed(bytes));
