//! The readers of what the kernel says of itself and lists under libFuzzer.
#![no_main]

#[path = "../feed/sight.rs"]
mod sight;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sight::feed(bytes));
