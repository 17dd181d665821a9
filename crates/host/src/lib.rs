//! Looks at Linux, never deciding.

pub mod bpf;
pub mod lineage;
pub mod observe;
mod passwd;
pub mod present;
pub mod proc;
pub mod sys;

pub use observe::{Wanted, observe};
