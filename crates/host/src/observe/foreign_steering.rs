//! Looks for programs of others that choose sockets for packets (A5, A12).

use portreeve_core::facts::{Snapshot, SteeringProgram};
use rustix::process::geteuid;

use crate::{
    enforce::steer::{all_program_ids, program_id},
    sys::bpf::program_name,
};

/// Adds them to a look.
pub fn add(snapshot: &mut Snapshot) {
    snapshot.foreign_steering = found();
}

/// Those of this network namespace; none where the kernel does not tell, as it does root alone.
#[must_use]
pub fn found() -> Vec<SteeringProgram> {
    let ids = if geteuid().is_root() { all_program_ids().unwrap_or_default() } else { Vec::new() };
    if ids.is_empty() {
        return Vec::new();
    }
    let own = program_id();
    let told = |id| SteeringProgram { id, name: program_name(id).unwrap_or_default() };
    ids.into_iter().filter(|id| Some(*id) != own).map(told).collect()
}
