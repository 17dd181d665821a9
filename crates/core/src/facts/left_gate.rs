//! What is left on a host of the gate that was confirmed there: what ought to stand (A15, A20).

use alloc::string::String;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The gate that the next boot begins with, as far as a look needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftGate {
    /// A digest of all that it is made of: 16 digits of base 16.
    pub confirmed: String,
    /// Since when it is confirmed, or known to be, UTC.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Whether a boot puts it in force.
    pub at_boot: AtBoot,
}

/// Whether something puts the gate in force when the host boots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AtBoot {
    /// The unit of the gate is enabled.
    Enabled,
    /// It is not.
    NotEnabled,
    /// No systemd runs there, or it is not the network that boots: another program may do it.
    Unknown,
}
