//! The readers of netlink under libFuzzer.
#![no_main]

#[path = "../feed/netlink.rs"]
mod netlink;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| netlink::feed(bytes));
