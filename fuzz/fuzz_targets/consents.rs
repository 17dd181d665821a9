//! The reader of what is written down of a consent under libFuzzer.
#![no_main]

#[path = "../feed/consents.rs"]
mod consents;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| consents::feed(bytes));
