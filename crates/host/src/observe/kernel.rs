//! Sockets that the kernel itself serves: no process has a descriptor of them (A12).

use portreeve_core::port::Protocol;

use super::{links::Link, sockets::Socket};
use crate::proc;

/// Interfaces that carry their traffic over a UDP port which the kernel holds (ip-link(8)).
const UDP_TUNNELS: [&str; 7] = ["wireguard", "vxlan", "geneve", "gtp", "amt", "bareudp", "fou"];
/// The kernel threads that serve NFS and its locks.
const NFS_THREADS: [&str; 2] = ["nfsd", "lockd"];
const COMM_BYTES_MAX: usize = 64;

/// Which services of the kernel run here.
#[derive(Clone, Copy, Debug)]
pub(super) enum KernelHolders<'a> {
    /// Not all processes can be seen, so nothing follows from a missing one.
    Unknown,
    /// Ask about the threads of these processes.
    Among(&'a [u32]),
}

impl<'a> KernelHolders<'a> {
    /// The kernel's services among `pids`, of which `hidden` did not show their descriptors.
    pub(super) const fn of(pids: &'a [u32], hidden: u32) -> Self {
        if hidden > 0 || pids.is_empty() { Self::Unknown } else { Self::Among(pids) }
    }

    /// Whether a socket that no process holds can be the kernel's own.
    pub(super) fn may_hold(self, socket: &Socket, links: &[Link]) -> bool {
        let Self::Among(pids) = self else { return false };
        let tunnel = socket.protocol == Protocol::Udp
            && links.iter().any(|link| UDP_TUNNELS.contains(&link.kind.as_str()));
        tunnel || serves_nfs(pids)
    }
}

fn serves_nfs(pids: &[u32]) -> bool {
    pids.iter().any(|pid| {
        let comm = proc::read(format!("/proc/{pid}/comm"), COMM_BYTES_MAX).unwrap_or_default();
        NFS_THREADS.iter().any(|name| comm.trim_ascii_end() == name.as_bytes())
    })
}
