//! What is left on a host of the guard that was confirmed there (A20, A24).

use alloc::{string::String, vec::Vec};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The guard that was confirmed, as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftGuard {
    /// How many ports it is to keep.
    pub ports: u32,
    /// What is there of it.
    pub stands: GuardStands,
    /// Whether a boot puts it in force.
    pub at_boot: super::AtBoot,
    /// The units that a number is refused to all others for, and that this host does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<String>,
}

/// What is there of a guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GuardStands {
    /// All of it, and it keeps what it should.
    Whole,
    /// Some of its programs do not run any more.
    Cut,
    /// It keeps something else.
    Changed,
    /// Nothing.
    Gone,
}
