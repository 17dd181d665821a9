//! The connections by which a person is on the host, and which no change may cut (A15).

use alloc::string::String;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    address::Address,
    port::{PortRange, PortSpec, Protocol},
};

/// A connection by which somebody is here: the socket of a session's daemon, or of what stands above a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Foothold {
    /// The protocol: tcp, or udp for mosh.
    pub protocol: Protocol,
    /// The address of the other end.
    pub peer: Address,
    /// The address of this end.
    pub local: Address,
    /// The port of this end, to which whoever comes back connects.
    pub port: u16,
    /// The interface by which its packets come in, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// Whose it is: `sshd (pid 811)`.
    pub who: String,
}

impl Foothold {
    /// The port of this end with its protocol.
    #[must_use]
    pub const fn ports(&self) -> PortSpec {
        PortSpec { range: PortRange { first: self.port, last: self.port }, protocol: self.protocol }
    }
}
