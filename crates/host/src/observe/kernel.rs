//! Sockets that the kernel itself serves: no process has a descriptor of them (A12).

use std::cell::OnceCell;

use portreeve_core::port::Protocol;

use super::{links::Link, pids::Pids, sockets::Socket};
use crate::proc::{self, stat};

/// Interfaces that carry their traffic over a UDP port which the kernel holds (ip-link(8)).
const UDP_TUNNELS: [&str; 6] = ["wireguard", "vxlan", "geneve", "gtp", "amt", "bareudp"];
/// The kernel threads that serve NFS and its locks.
const NFS_THREADS: [&str; 2] = ["nfsd", "lockd"];
/// kthreadd: the parent of every kernel thread, and of nothing else.
const KERNEL_PARENT: u32 = 2;

/// Which services of the kernel run here.
#[derive(Debug)]
pub(super) struct KernelHolders<'a> {
    pids: &'a Pids,
    serves_nfs: OnceCell<bool>,
}

impl<'a> KernelHolders<'a> {
    /// The kernel's services among `pids`; asked only where a socket has no holder.
    pub(super) const fn among(pids: &'a Pids) -> Self {
        Self { pids, serves_nfs: OnceCell::new() }
    }

    /// Whether a socket that no process holds can be the kernel's own; those belong to root.
    pub(super) fn may_hold(&self, socket: &Socket, links: &[Link]) -> bool {
        let tunnel = socket.protocol == Protocol::Udp
            && links.iter().any(|link| UDP_TUNNELS.contains(&link.kind.as_str()));
        socket.uid == 0
            && (tunnel || *self.serves_nfs.get_or_init(|| self.pids.all().iter().any(|&pid| serves_nfs(pid))))
    }
}

/// A name alone proves nothing: any process may take one (prctl(2), PR_SET_NAME).
fn serves_nfs(pid: u32) -> bool {
    let line = proc::read(format!("/proc/{pid}/stat"), proc::SMALL_BYTES).unwrap_or_default();
    stat::read(&line)
        .is_some_and(|stat| stat.parent == KERNEL_PARENT && NFS_THREADS.contains(&stat.comm.as_str()))
}
