//! The readers of the gate's table under libFuzzer.
#![no_main]

#[path = "../feed/gate.rs"]
mod gate;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gate::feed(bytes));
