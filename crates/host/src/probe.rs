//! Tries each way of looking on this host, and says of each whether it is open to this process (A5, A12).

mod bpf;
mod cgroups;
mod descriptors;
mod files;
mod firewall;
mod kernel;
mod namespaces;
mod pinned;
mod proc_net;
mod sock_diag;

use rustix::{
    process::geteuid,
    thread::{CapabilitySet, capabilities},
};

use crate::{
    observe::{Way, Ways, sight::List},
    proc::{self, mounts},
};

/// What may be open to a look, or closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// BPF: every descriptor of a socket, of all processes and namespaces.
    BpfFiles,
    /// BPF: sockets that a process keeps without a descriptor of its own.
    BpfKept,
    /// BPF: the TCP sockets of a namespace.
    BpfTcp,
    /// BPF: its UDP sockets.
    BpfUdp,
    /// BPF iterators that root pinned for a group.
    Pins,
    /// sock_diag(7).
    SockDiag,
    /// The tables below /proc/net.
    ProcNet,
    /// /proc/PID/fd of everybody.
    Descriptors,
    /// Which files other processes run (/proc/PID/exe).
    Files,
    /// Entering other network namespaces.
    Namespaces,
    /// The cgroup2 hierarchy.
    Cgroups,
    /// The rules of the packet filter.
    Firewall,
    /// A kernel that is not older than the oldest supported.
    Kernel,
}

impl Subject {
    /// Every one, the best ways to see sockets first.
    pub const ALL: [Self; 13] = [
        Self::BpfFiles,
        Self::BpfKept,
        Self::BpfTcp,
        Self::BpfUdp,
        Self::Pins,
        Self::SockDiag,
        Self::ProcNet,
        Self::Descriptors,
        Self::Files,
        Self::Namespaces,
        Self::Cgroups,
        Self::Firewall,
        Self::Kernel,
    ];

    /// The token that names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BpfFiles => "bpf-files",
            Self::BpfKept => "bpf-kept",
            Self::BpfTcp => "bpf-tcp",
            Self::BpfUdp => "bpf-udp",
            Self::Pins => "pins",
            Self::SockDiag => "sock-diag",
            Self::ProcNet => "proc-net",
            Self::Descriptors => "descriptors",
            Self::Files => "files",
            Self::Namespaces => "namespaces",
            Self::Cgroups => "cgroups",
            Self::Firewall => "firewall",
            Self::Kernel => "kernel",
        }
    }

    /// The way that closes it where somebody closed that on purpose.
    const fn way(self) -> Option<Way> {
        match self {
            Self::BpfFiles | Self::BpfKept | Self::BpfTcp | Self::BpfUdp | Self::Pins => Some(Way::Bpf),
            Self::SockDiag => Some(Way::SockDiag),
            Self::ProcNet => Some(Way::Proc),
            Self::Descriptors
            | Self::Files
            | Self::Namespaces
            | Self::Cgroups
            | Self::Firewall
            | Self::Kernel => None,
        }
    }
}

/// What came of trying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It works.
    Open,
    /// It does not.
    Closed(Reason),
}

/// Why something is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// This process has not the privilege.
    NotPermitted,
    /// Somebody closed it on purpose for this run.
    Without,
    /// The kernel does not describe its types (BTF).
    NoTypes,
    /// The kernel has no such iterator.
    NoIterator,
    /// The kernel is locked down against reading it (kernel_lockdown(7)).
    Lockdown,
    /// The verifier refuses the program: all that it says.
    Refused(String),
    /// Nobody pinned anything.
    NotPinned,
    /// These pins are missing, others are there.
    Unpinned(String),
    /// Another portreeve pinned, whose records have another shape.
    OtherLayout,
    /// The pins are this group's.
    OfGroup(String),
    /// What stands there may be anybody's.
    Foreign,
    /// /proc does not list the processes of others (hidepid).
    Hidden,
    /// So many processes do not show it.
    Withheld(usize),
    /// It is not mounted.
    NotMounted,
    /// This program is not installed.
    NotInstalled(String),
    /// A program failed so.
    Failed(String),
    /// It changes faster than it is read.
    Unsteady,
    /// It is of this release.
    TooOld(String),
    /// What the kernel says.
    Error(String),
}

/// A way, and what came of trying it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The way.
    pub subject: Subject,
    /// What came of it.
    pub state: State,
}

/// Tries every way but those that are closed on purpose.
#[must_use]
pub fn probe(ways: Ways) -> Vec<Probe> {
    let pids = proc::pids().unwrap_or_default();
    let state = |subject: Subject| match subject.way().filter(|&way| !ways.allow(way)) {
        Some(_) => State::Closed(Reason::Without),
        None => state_of(subject, &pids).map_or_else(State::Closed, |()| State::Open),
    };
    Subject::ALL.into_iter().map(|subject| Probe { subject, state: state(subject) }).collect()
}

fn state_of(subject: Subject, pids: &[u32]) -> Result<(), Reason> {
    match subject {
        Subject::BpfFiles => bpf::probe(List::Files),
        Subject::BpfKept => bpf::probe(List::Kept),
        Subject::BpfTcp => bpf::probe(List::Tcp),
        Subject::BpfUdp => bpf::probe(List::Udp),
        Subject::Pins => pinned::probe(),
        Subject::SockDiag => sock_diag::probe(),
        Subject::ProcNet => proc_net::probe(),
        Subject::Descriptors => descriptors::probe(pids),
        Subject::Files => files::probe(pids),
        Subject::Namespaces => namespaces::probe(),
        Subject::Cgroups => cgroups::probe(),
        Subject::Firewall => firewall::probe(),
        Subject::Kernel => kernel::probe(),
    }
}

/// Whether /proc lists the processes of everybody, as far as it can be known.
fn listed(pids: &[u32]) -> Result<(), Reason> {
    let table = proc::read("/proc/self/mountinfo", mounts::MOUNTS_BYTES_MAX).unwrap_or_default();
    if mounts::read(&table).hides_processes && !proc::shows_everybody() {
        return Err(Reason::Hidden);
    }
    if pids.is_empty() { Err(Reason::NotMounted) } else { Ok(()) }
}

/// What it says that so many processes keep something from us: an ordinary user may not, nor may root without the
/// capability (ptrace(2)); whoever has it is not shown.
fn withheld(count: usize) -> Result<(), Reason> {
    match count {
        0 => Ok(()),
        _ if geteuid().is_root() && has(CapabilitySet::SYS_PTRACE) => Err(Reason::Withheld(count)),
        _ => Err(Reason::NotPermitted),
    }
}

fn has(capability: CapabilitySet) -> bool {
    capabilities(None).is_ok_and(|own| own.effective.contains(capability))
}

/// An error with what caused it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_closed_on_purpose_is_not_tried() {
        let closed: Vec<_> = probe(Ways::without("bpf,sock_diag").unwrap())
            .into_iter()
            .filter(|probe| probe.state == State::Closed(Reason::Without))
            .map(|probe| probe.subject.name())
            .collect();
        assert_eq!(closed, ["bpf-files", "bpf-kept", "bpf-tcp", "bpf-udp", "pins", "sock-diag"]);
    }

    #[test]
    fn what_every_user_has_is_open() {
        let probes = probe(Ways::ALL);
        assert_eq!(probes.len(), Subject::ALL.len());
        for subject in [Subject::SockDiag, Subject::ProcNet] {
            let probe = probes.iter().find(|probe| probe.subject == subject).unwrap();
            assert_eq!(probe.state, State::Open, "{subject:?}: needs a Linux with /proc");
        }
    }

    #[test]
    fn an_error_is_told_with_its_causes() {
        let inner = std::io::Error::other("inner");
        let error = crate::bpf::known::KnownError::NoTypes(inner);
        assert_eq!(chain(&error), "cannot read /sys/kernel/btf/vmlinux: inner");
    }
}
