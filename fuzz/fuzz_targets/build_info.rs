//! The readers of what executables say of their build under libFuzzer.
#![no_main]

#[path = "../feed/build_info.rs"]
mod build_info;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| build_info::feed(bytes));
