//! Which protocols have any socket at all, so that the kernel need not search its tables for the others.
//!
//! A list costs a walk through a table of up to 65,536 slots, whether anything is in it or not.

use portreeve_core::{address::Family, port::Protocol};

use crate::proc;

/// How many sockets each protocol has in one network namespace, by the kernel's name (net/core/sock.c, proto_seq_show).
#[derive(Debug, Default)]
pub(in crate::observe) struct InUse(String);

impl InUse {
    /// Reads `/proc/thread-self/net/protocols`; where it is missing every protocol may be in use.
    pub(in crate::observe) fn read() -> Self {
        Self(proc::read_text("/proc/thread-self/net/protocols").unwrap_or_default())
    }

    /// Whether a socket of this protocol and family may exist: anything but a plain zero.
    pub(in crate::observe) fn may_have(&self, protocol: Protocol, family: Family) -> bool {
        let name = match (protocol, family) {
            (Protocol::Tcp, Family::Ipv4) => "TCP",
            (Protocol::Tcp, Family::Ipv6) => "TCPv6",
            (Protocol::Udp, Family::Ipv4) => "UDP",
            (Protocol::Udp, Family::Ipv6) => "UDPv6",
            (Protocol::Udplite, Family::Ipv4) => "UDP-Lite",
            (Protocol::Udplite, Family::Ipv6) => "UDPLITEv6",
            (Protocol::Sctp, Family::Ipv4) => "SCTP",
            (Protocol::Sctp, Family::Ipv6) => "SCTPv6",
            (Protocol::Dccp, _) => return true,
        };
        self.counts(name)
    }

    /// Whether a Multipath TCP socket of this family may exist.
    pub(in crate::observe) fn may_have_mptcp(&self, family: Family) -> bool {
        self.counts(if family == Family::Ipv4 { "MPTCP" } else { "MPTCPv6" })
    }

    /// Whether a socket to or from another machine of the same host may exist (vsock(7)).
    ///
    /// Where they can be made at all: the kernel shows 0 of them however many there are (net/vmw_vsock/af_vsock.c has no
    /// counter in `vsock_proto`).
    pub(in crate::observe) fn may_have_vsock(&self) -> bool {
        self.0.lines().any(|row| row.split_ascii_whitespace().next() == Some("AF_VSOCK"))
    }

    fn counts(&self, name: &str) -> bool {
        let mut rows = self.0.lines().map(str::split_ascii_whitespace);
        let count = rows.find_map(|mut row| (row.next() == Some(name)).then(|| row.nth(1)).flatten());
        count != Some("0")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_zero_is_nothing() {
        let table = "protocol  size sockets  memory press maxhdr  slab\nUDPv6  1344  0  2 NI\nUDP  1216  2  2 NI\nTCP 2368 -1 1\n";
        let in_use = InUse(table.into());
        assert!(!in_use.may_have(Protocol::Udp, Family::Ipv6));
        assert!(in_use.may_have(Protocol::Udp, Family::Ipv4));
        assert!(in_use.may_have(Protocol::Tcp, Family::Ipv4), "a count that the kernel does not keep");
        assert!(in_use.may_have_mptcp(Family::Ipv4), "a protocol that is not listed");
        assert!(!in_use.may_have_vsock());
        assert!(
            InUse("AF_VSOCK  1240      0      -1   NI\n".into()).may_have_vsock(),
            "a zero that says nothing"
        );
    }
}
