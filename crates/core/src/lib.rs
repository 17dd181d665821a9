//! Decides everything about ports and touches nothing: no file, no socket, no clock.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod address;
pub mod cgroup;
pub mod facts;
pub mod port;
pub mod words;
