//! What is left on a host of the gate that was confirmed there: what ought to stand (A15, A20).

use alloc::string::String;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The gate that the next boot begins with, as far as a look needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftGate {
    /// What is kept of it.
    pub kept: KeptGate,
    /// Whether a boot puts it in force.
    pub at_boot: AtBoot,
    /// Whether it is gone, and the host was booted since it stood last, as far as the receipts tell.
    #[serde(default)]
    pub ended_by_boot: bool,
}

impl LeftGate {
    /// Since when it is confirmed, as far as that is kept.
    #[must_use]
    pub const fn at(&self) -> Option<Timestamp> {
        match self.kept {
            KeptGate::Nothing | KeptGate::Unreadable => None,
            KeptGate::Whole { at, .. } => Some(at),
        }
    }
}

/// What is kept of the gate for the next boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeptGate {
    /// Nothing: none was confirmed, or somebody took away what was kept.
    Nothing,
    /// Something that cannot be read: it is broken, or of a newer program.
    Unreadable,
    /// All of it.
    Whole {
        /// A digest of all that it is made of: 16 digits of base 16.
        confirmed: String,
        /// Since when it is confirmed, or known to be, UTC.
        #[schemars(with = "String")]
        at: Timestamp,
    },
}

/// Whether something puts the gate in force when the host boots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AtBoot {
    /// The unit of the gate is enabled.
    Enabled,
    /// It is, and the guard and what is steered come with it alone: the unit that puts these back before any service starts is not
    /// enabled, or not as this program writes it.
    Late,
    /// It is enabled, and failed when it was started last.
    Failed,
    /// Somebody masked it, so that nothing starts it.
    Masked,
    /// It is enabled, and a drop-in changes what it does.
    DropIn,
    /// It is enabled, and is not as this program writes it.
    Edited,
    /// It is enabled, and the program that it starts is gone, cannot be executed, or is not root's alone.
    NoProgram,
    /// It is not.
    NotEnabled,
    /// No systemd runs there, or it is not the network that boots: another program may do it.
    Unknown,
}
