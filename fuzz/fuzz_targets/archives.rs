//! The readers of what apt keeps of archives under libFuzzer.
#![no_main]

#[path = "../feed/archives.rs"]
mod archives;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| archives::feed(bytes));
