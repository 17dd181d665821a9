//! What is left on a host of the steering that was confirmed there (A5, A12).

use alloc::{string::String, vec::Vec};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GuardStands;
use crate::{
    address::Family,
    port::Protocol,
    steer::{Routes, Tenancy},
};

/// The steering that was confirmed, as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftSteer {
    /// What is there of it.
    pub stands: GuardStands,
    /// The services to which packets are led, and that have no socket for some of them.
    pub dead: Vec<String>,
    /// The sockets that packets are led to.
    #[serde(default)]
    pub led: Vec<Led>,
    /// What leads them.
    #[serde(default)]
    pub routes: Routes,
}

impl Led {
    /// The name and the tenancy of its service.
    #[must_use]
    pub fn tenant(&self) -> (&str, Tenancy) {
        (&self.service, self.tenancy)
    }

    /// Whether packets of the same kind are led to both.
    #[must_use]
    pub fn is_for_the_same(&self, other: &Self) -> bool {
        (self.tenant(), self.protocol, self.family) == (other.tenant(), other.protocol, other.family)
    }
}

/// A socket that packets are led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Led {
    /// The service.
    pub service: String,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Tenancy::is_untold")]
    pub tenancy: Tenancy,
    /// For packets of which protocol.
    pub protocol: Protocol,
    /// For those of which family.
    pub family: Family,
    /// The kernel's number for it.
    pub cookie: u64,
}
