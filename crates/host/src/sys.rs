//! What the standard library does not offer of Linux; the only place where `unsafe` is allowed.

pub mod bpf;
pub mod counts;
pub mod device;
pub mod errors;
mod memory;
pub mod netlink;
pub mod netns;
pub mod packet;
pub mod pages;
pub mod raw;
pub mod ring;
pub mod signals;
