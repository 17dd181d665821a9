//! The readers of a packet filter's listings under libFuzzer.
#![no_main]

#[path = "../feed/listings.rs"]
mod listings;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| listings::feed(bytes));
