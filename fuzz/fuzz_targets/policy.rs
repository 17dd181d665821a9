//! The policy parser under libFuzzer.
#![no_main]

#[path = "../feed/policy.rs"]
mod policy;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| policy::feed(bytes));
