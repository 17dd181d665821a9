//! A claim: who asked for which ports, where, and until when (A23, A24).

mod id;
mod name;
mod scope;

pub use self::{
    id::{ClaimId, IdError},
    name::{NAME_BYTES_MAX, Name, NameError},
    scope::{Scope, ScopeError},
};

use alloc::{format, string::String};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::overlap::Stand;
use crate::{
    address::Address,
    port::{PortRange, PortSpec, Protocol},
    shell,
};

/// An entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Chosen by whoever asked, before he asked.
    pub id: ClaimId,
    /// What it is for; of one scope and protocol, no two claims have the same.
    pub name: Name,
    /// Where it holds.
    pub scope: Scope,
    /// The protocol.
    pub protocol: Protocol,
    /// The address; `None` is every address of both families.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// The interface that the socket is tied to (SO_BINDTODEVICE, socket(7)); `None` is every interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The numbers.
    pub ports: PortRange,
    /// Who asked.
    pub claimant: Claimant,
    /// Until when it holds.
    pub lease: Lease,
    /// When it was granted, UTC.
    pub since: Timestamp,
    /// The revision of the ledger that wrote it last.
    pub revision: u64,
    /// What a person wrote about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Claim {
    /// Its numbers with their protocol, as people write them.
    #[must_use]
    pub const fn spec(&self) -> PortSpec {
        PortSpec { range: self.ports, protocol: self.protocol }
    }

    /// Where it takes its numbers.
    #[must_use]
    pub fn stand(&self) -> Stand<'_> {
        Stand {
            protocol: self.protocol,
            ports: self.ports,
            address: self.address.as_ref(),
            device: self.device.as_deref(),
            v6only: false,
        }
    }

    /// What gives up this very claim, whatever others are called the same.
    #[must_use]
    pub fn release(&self) -> String {
        let Self { name, protocol, scope, .. } = self;
        let (name, scope) = (shell::quoted(name.as_str()), shell::quoted(&format!("{scope}")));
        format!("portreeve release {name} --protocol {protocol} --scope {scope}")
    }

    /// Whether a number of both would have two owners.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.scope.meets(&other.scope) && self.stand().meets(&other.stand())
    }
}

/// Who made a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimant {
    /// The user id of the asking process.
    pub uid: u32,
    /// The process that it is for, where one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessId>,
}

/// A process, so that another with its number is not taken for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// The host (machine-id(5)).
    pub machine: String,
    /// Its boot (/proc/sys/kernel/random/boot_id).
    pub boot_id: String,
    /// The number in its namespace.
    pub pid: u32,
    /// When it started, in clock ticks since the boot (proc_pid_stat(5), field 22).
    pub started_ticks: u64,
    /// The inode of its pidfd, which no other process of the boot has (Linux 6.9, fs/pidfs.c).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inode: Option<u64>,
    /// The inode of the namespace that the number is of (pid_namespaces(7)); `None` where nobody wrote that down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<u32>,
}

impl ProcessId {
    /// Whether both are the same process; where each has an inode of its own, that tells, whatever the clock of a namespace says.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        let is_same = match (self.inode, other.inode) {
            (Some(own), Some(theirs)) => own == theirs,
            _ => self.started_ticks == other.started_ticks,
        };
        self.machine == other.machine && self.boot_id == other.boot_id && self.pid == other.pid && is_same
    }
}

/// Until when a claim holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Lease {
    /// Until it is released.
    Permanent,
    /// Until a time.
    Until {
        /// As people read it; what counts after another boot.
        until: Timestamp,
        /// What counts in the boot in which it was granted, in which the clock of the wall may be set.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        boot: Option<BootTime>,
    },
    /// While the claimant's process lives.
    While {
        /// The process.
        process: ProcessId,
    },
}

impl Lease {
    /// The token of machine output.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Permanent => "permanent",
            Self::Until { .. } => "until",
            Self::While { .. } => "while",
        }
    }

    /// The process with which it ends.
    #[must_use]
    pub const fn process(&self) -> Option<&ProcessId> {
        match self {
            Self::While { process } => Some(process),
            Self::Permanent | Self::Until { .. } => None,
        }
    }
}

/// A moment of one boot, on a clock that goes on while the host sleeps and that nobody sets (CLOCK_BOOTTIME,
/// clock_gettime(2)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootTime {
    /// The boot (/proc/sys/kernel/random/boot_id).
    pub boot_id: String,
    /// Since it began.
    pub milliseconds: u64,
}
