//! The reader of Alpine's database under libFuzzer.
#![no_main]

#[path = "../feed/apk.rs"]
mod apk;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| apk::feed(bytes));
