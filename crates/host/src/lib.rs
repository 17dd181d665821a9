//! Looks at Linux, never deciding.

pub mod boot;
pub mod boot_id;
pub mod bpf;
pub mod bpffs;
pub mod capture;
pub mod chance;
pub mod claimant;
pub mod consents;
pub mod enforce;
pub mod events;
pub mod group;
pub mod keep;
pub mod lineage;
pub mod lock;
pub mod network;
pub mod observe;
pub mod own;
pub mod passwd;
pub mod pins;
pub mod present;
pub mod probe;
pub mod proc;
pub mod program;
pub mod root;
pub mod scan;
pub mod schedule;
pub mod sys;
pub mod systemd;
pub mod told;
mod trusted;
pub mod watching;

pub use observe::{Wanted, observe};
