//! What is left on a host of the steering that was confirmed there (A5, A12).

use alloc::{string::String, vec::Vec};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GuardStands;

/// The steering that was confirmed, as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftSteer {
    /// What is there of it.
    pub stands: GuardStands,
    /// The services to which packets are led, and that have no socket for some of them.
    pub dead: Vec<String>,
    /// The kernel's numbers for the sockets that others are led to.
    #[serde(default)]
    pub led: Vec<u64>,
}
