//! The reader of lines of the journal under libFuzzer.
#![no_main]

#[path = "../feed/journal.rs"]
mod journal;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| journal::feed(bytes));
