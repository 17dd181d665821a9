//! The readers of what the ledger is told under libFuzzer.
#![no_main]

#[path = "../feed/ledger.rs"]
mod ledger;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ledger::feed(bytes));
