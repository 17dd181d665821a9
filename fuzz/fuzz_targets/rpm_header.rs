//! The reader of rpm's headers under libFuzzer.
#![no_main]

#[path = "../feed/rpm_header.rs"]
mod rpm_header;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rpm_header::feed(bytes));
