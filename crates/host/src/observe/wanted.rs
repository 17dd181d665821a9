//! What a look is for: each command asks for what it will use and nothing more.

use portreeve_core::port::PortRange;

use super::Ways;

/// How much is asked of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Only sockets on these numbers.
    pub ports: Option<PortRange>,
    /// Who holds them.
    pub holders: Holders,
    /// Which processes are told of.
    pub processes: Processes,
    /// Whether the files that they run are compared with the disk.
    pub files: Files,
    /// Sockets with a peer.
    pub connections: Connections,
    /// Which network namespaces.
    pub namespaces: Namespaces,
    /// How the holders came to run.
    pub origins: Origins,
    /// What lets packets in.
    pub firewall: Firewall,
    /// By which ways.
    pub ways: Ways,
}

/// How far the holders of sockets are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holders {
    /// Not at all.
    Skip,
    /// In the cgroup of the socket first, and no further where somebody is found there.
    Quick,
    /// Among those who opened the sockets and their descendants, where the guard wrote down who did of each; else in every process
    /// that can be seen.
    Recorded,
    /// In every process that can be seen.
    All,
}

/// Which processes are told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processes {
    /// Those that hold a socket that is wanted.
    Holders,
    /// Every one that can be seen.
    All,
}

/// Whether executables and libraries are compared with the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// The executable alone.
    Executable,
    /// Every executable mapping.
    Mappings,
}

/// What is told of sockets with a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connections {
    /// Nothing.
    Skip,
    /// How many there are by port and by destination; and raw and packet sockets, which no port keeps apart.
    Count,
    /// Each of them, and every socket without a port too.
    List,
}

/// Whether it is told how holders came to run: what stands above them, and what others keep of their start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origins {
    /// It is not.
    Skip,
    /// Of the holders of listeners on these numbers.
    Tell(PortRange),
}

impl Origins {
    /// The ports whose holders are meant.
    pub(super) const fn range(self) -> Option<PortRange> {
        match self {
            Self::Skip => None,
            Self::Tell(range) => Some(range),
        }
    }
}

/// Whether the packet filter of the caller's own network namespace is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firewall {
    /// It is not.
    Skip,
    /// Its rules; and where there are any, what the way of a packet depends on beside them.
    Rules,
    /// The same, and interfaces, routes and settings also where no rule stands in the way.
    Whole,
}

/// Which network namespaces are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespaces {
    /// The one of the caller.
    Own,
    /// Every one that can be entered.
    All,
}

impl Namespaces {
    /// These, as far as a judgement about them needs: of a host that passes packets on, its containers too.
    #[must_use]
    pub fn for_judgement(self) -> Self {
        if super::firewall::may_lead_to_containers() { Self::All } else { self }
    }
}

impl Wanted {
    /// What `ls` and the status screen show: every listener with its holders.
    pub const LISTENERS: Self = Self {
        ports: None,
        holders: Holders::All,
        processes: Processes::Holders,
        files: Files::Executable,
        connections: Connections::Skip,
        namespaces: Namespaces::All,
        origins: Origins::Skip,
        firewall: Firewall::Skip,
        ways: Ways::ALL,
    };

    /// What a judgement rests on: stale files and exhausted ranges too.
    pub const JUDGEMENT: Self = Self {
        files: Files::Mappings,
        connections: Connections::Count,
        firewall: Firewall::Rules,
        ..Self::LISTENERS
    };
}
