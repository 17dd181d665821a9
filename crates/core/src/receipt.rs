//! What was done to the gate, by whom and when, and so what would take it back (A15, A16).

mod boot;
mod confirmed;
mod history;
mod led;
mod old;
mod programs;
mod rebooted;
mod reserved;
mod settled;
mod unread;

pub use boot::{Due, Integrity, Keeps, Kept, Shown};
pub use confirmed::Tried;
pub use history::{Back, Current, Edge, End, History};
pub use programs::{Left, ProgramsEnd};

use alloc::{string::String, vec::Vec};
use core::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    facts::Led,
    gate::KeptBody,
    port::{PortRange, PortSpec},
    programs::Programs,
    steer::Tenancy,
};

/// The layout of a receipt.
pub const LAYOUT: u32 = 1;

/// One change, from before it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Its layout.
    pub layout: u32,
    /// Its number: 1 is the first one's.
    pub number: u32,
    /// When it began.
    pub at: Timestamp,
    /// Who made it.
    pub who: Who,
    /// What it does.
    pub deed: Deed,
    /// The revision of the gate before; `None` where there was none.
    pub seen: Option<u32>,
    /// The revision that it made; `None` where it made none. One that is begun has it where it was made and somebody else must
    /// find out how the gate stands.
    pub made: Option<u32>,
    /// What came of it.
    pub outcome: Outcome,
    /// The digest of the gate that it makes or keeps ([`crate::gate::Body::digest`]); `None` where it is none, or was not written down.
    #[serde(default)]
    pub gate: Option<String>,
    /// With how many packets it was tried before; `None` where it was not.
    #[serde(default)]
    pub rehearsed: Option<u32>,
    /// What the kernel is to keep from clients once it is for good; `None` where that stays as it is. No trial changes that, as
    /// the kernel takes nothing of it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserves: Option<Vec<PortRange>>,
    /// What the programs in the kernel are told next, by a receipt of its own; `None` where that stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tells: Option<Programs>,
    /// At which boot it began (/proc/sys/kernel/random/boot_id); `None` where nobody wrote that down.
    #[serde(default)]
    pub boot_id: Option<String>,
    /// When that boot began; `None` likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booted: Option<Timestamp>,
}

/// Who makes a change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The user whose rights it takes.
    pub uid: u32,
    /// The user who logged in, whoever he became since (proc_pid_loginuid(5)).
    pub login_uid: Option<u32>,
    /// The user who called sudo, as sudo says.
    pub sudo_user: Option<String>,
}

/// What came of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Nobody has said yet.
    Begun,
    /// It was made.
    Done,
    /// It was not.
    Refused,
    /// Whoever made it ended before he could say, and nothing tells any more.
    Unknown,
}

/// What a change does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Deed {
    /// The gate becomes another one.
    Gate {
        /// What it is done for.
        cause: Cause,
        /// Whether there is one then.
        becomes: Becomes,
        /// The gate that goes.
        was: Was,
        /// When the kernel takes it back; `None` where it is for good.
        until: Option<Timestamp>,
    },
    /// What is on trial is kept.
    Confirm {
        /// The receipt of the trial.
        of: u32,
    },
    /// What is on trial is taken back.
    TakeBack {
        /// The receipt of the trial.
        of: u32,
    },
    /// Ports are open for a while.
    Open {
        /// The zone that they are open to, as the policy calls it; `None` for everybody.
        zone: Option<String>,
        /// The ports.
        ports: Ports,
        /// Until then.
        until: Timestamp,
        /// The addresses of the zone to which alone they are; all of it where there are none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        from: Vec<IpAddr>,
    },
    /// Ports that were open for a while are so no longer.
    Shut {
        /// The zone that they were open to.
        zone: Option<String>,
        /// The ports.
        ports: Ports,
        /// The addresses of the zone to which alone they were; all of it where there are none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        from: Vec<IpAddr>,
    },
    /// A source is kept out.
    Block {
        /// An address of it.
        source: IpAddr,
        /// Until then; `None` where it is for good.
        until: Option<Timestamp>,
        /// What the watch suspects him of ([`crate::watch::Kind::name`]); `None` where a person keeps him out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// A source is let in again.
    Unblock {
        /// An address of it.
        source: IpAddr,
    },
    /// The kernel keeps other ports from clients for the policy.
    Reserve {
        /// Those that are kept from then on.
        ports: Vec<PortRange>,
        /// Those that were before.
        was: Vec<PortRange>,
        /// The receipt of the change of the gate that it came with.
        with: Option<u32>,
        /// The receipt whose change it takes back.
        undoes: Option<u32>,
    },
    /// The programs in the kernel are told something else.
    #[serde(alias = "guard")]
    Programs {
        /// What they are told from then on.
        #[serde(alias = "rules")]
        now: Programs,
        /// What they were told before.
        was: Programs,
        /// The sockets to which packets were led then, as the kernel numbers them in this boot.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        led: Vec<Led>,
        /// When the kernel takes it back; `None` where it is for good.
        until: Option<Timestamp>,
        /// The receipt of the change of the gate that it came with.
        with: Option<u32>,
        /// The receipt whose trial it ends by keeping what was tried.
        confirms: Option<u32>,
        /// The receipt whose change it takes back.
        undoes: Option<u32>,
    },
    /// What comes in for a service is led to other sockets.
    Lead {
        /// The service.
        service: String,
        /// Whose it is.
        #[serde(default, skip_serializing_if = "Tenancy::is_untold")]
        tenancy: Tenancy,
        /// Those that get it from then on, as the kernel numbers them in this boot.
        now: Vec<u64>,
        /// Those that got it before.
        was: Vec<u64>,
        /// The receipt whose change it takes back.
        undoes: Option<u32>,
    },
    /// Whoever listened on ports does so no longer, which nothing takes back.
    Halt {
        /// By what means.
        by: Means,
        /// The units and processes.
        whom: Vec<String>,
        /// The units that serve there again once they are started, or restarted where nobody stopped them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        units: Vec<String>,
        /// The ports.
        ports: Vec<Ports>,
        /// The receipt of the change of the gate that closed them in the same command.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        with: Option<u32>,
    },
}

/// By what means somebody listens no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Means {
    /// He was stopped.
    Stop,
    /// His sockets were taken from him.
    Unlisten,
}

/// Why a gate became another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The policy was applied.
    Apply,
    /// Ports were closed by name, and which is not written down, as in receipts of long ago.
    Close,
    /// These ports were closed by name.
    ClosePorts(Vec<Ports>),
    /// The gate was taken away.
    Off,
    /// The host booted, and the gate that was confirmed last was put back.
    Boot,
    /// Another change was taken back: the one of this receipt.
    Undo(u32),
}

/// Whether a change leaves a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Becomes {
    /// It does.
    Gate,
    /// It takes the gate away.
    Nothing,
}

/// The gate that a change replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Was {
    /// There was none.
    Nothing,
    /// There was this one.
    Gate(KeptBody),
    /// There was one that somebody else had changed.
    Unknown,
}

/// Ports of one protocol, as `443/tcp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Ports(pub PortSpec);

impl From<Ports> for String {
    fn from(ports: Ports) -> Self {
        alloc::format!("{}", ports.0)
    }
}

impl TryFrom<String> for Ports {
    type Error = crate::port::PortError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

impl Receipt {
    /// The same when it was made, and the gate's revision is `now`.
    #[must_use]
    pub fn done(self, now: Option<u32>) -> Self {
        let made = if self.changes_revision() { now } else { None };
        Self { outcome: Outcome::Done, made, ..self }
    }

    /// Whether it was begun before the boot of this id, as far as both are known.
    fn is_before_boot_of(&self, boot_id: Option<&String>) -> bool {
        self.boot_id.as_ref().zip(boot_id).is_some_and(|(own, now)| own != now)
    }

    /// Whether it took another change back.
    const fn takes_back(&self) -> bool {
        match self.deed {
            Deed::TakeBack { .. } | Deed::Shut { .. } | Deed::Unblock { .. } => true,
            Deed::Gate { ref cause, .. } => matches!(cause, Cause::Undo(_)),
            Deed::Reserve { undoes, .. } | Deed::Programs { undoes, .. } | Deed::Lead { undoes, .. } => {
                undoes.is_some()
            }
            _ => false,
        }
    }

    /// Whether another gate is confirmed after it than before.
    #[must_use]
    pub fn changes_confirmed(&self) -> bool {
        let changes = matches!(self.deed, Deed::Gate { until: None, .. } | Deed::Confirm { .. });
        changes && self.outcome == Outcome::Done
    }

    /// Whether the gate has another revision after it, or is gone; whoever blocks first makes one.
    #[must_use]
    pub const fn changes_revision(&self) -> bool {
        match self.deed {
            Deed::Gate { .. } | Deed::Confirm { .. } | Deed::TakeBack { .. } => true,
            Deed::Block { .. } => self.seen.is_none(),
            _ => false,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
