//! Decides everything about ports and touches nothing: no file, no socket, no clock.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod activation;
pub mod address;
pub mod advised;
pub mod advisories;
pub mod build_info;
pub mod cgroup;
pub mod chain;
pub mod desired;
pub mod diff;
pub mod draft;
pub mod exposure;
pub mod facts;
pub mod finding;
pub mod firewall;
pub mod fnv;
pub mod gate;
pub mod guard;
pub mod kinds;
pub mod ledger;
pub mod logs;
pub mod nearest;
pub mod opener;
pub mod origin;
pub mod outside;
pub mod owner;
pub mod packages;
pub mod patches;
pub mod peers;
pub mod plan;
pub mod policy;
pub mod port;
pub mod programs;
pub mod published;
pub mod reach;
pub mod receipt;
pub mod registry;
pub mod rules;
pub mod shell;
pub mod steer;
pub mod steered;
pub mod unit;
pub mod user_info;
pub mod version;
pub mod visible;
pub mod watch;
pub mod words;
pub mod world;
