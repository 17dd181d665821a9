//! Programs of others that decide which socket gets a packet (A5, A12).

use alloc::string::String;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A program of a network namespace that chooses sockets (BPF_PROG_TYPE_SK_LOOKUP; kernel Documentation/bpf/prog_sk_lookup.rst).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SteeringProgram {
    /// The kernel's number for it, as `bpftool prog` takes it.
    pub id: u32,
    /// What it is called; empty where that is not told.
    pub name: String,
}
