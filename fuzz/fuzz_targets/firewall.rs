//! The walk through a packet filter under libFuzzer.
#![no_main]

#[path = "../feed/firewall.rs"]
mod firewall;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| firewall::feed(bytes));
