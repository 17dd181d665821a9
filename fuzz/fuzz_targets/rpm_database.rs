//! The reader of rpm's database under libFuzzer.
#![no_main]

#[path = "../feed/rpm_database.rs"]
mod rpm_database;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rpm_database::feed(bytes));
