//! The readers of what etcd says under libFuzzer.
#![no_main]

#[path = "../feed/etcd.rs"]
mod etcd;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| etcd::feed(bytes));
