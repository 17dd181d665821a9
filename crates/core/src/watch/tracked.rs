//! A connection as conntrack knows it, and what its socket proves (A19).
//!
//! Conntrack is no witness: it takes a connection for established by an acknowledgement of half of all numbers, so that whoever forges
//! an address needs two packets (net/netfilter/nf_conntrack_proto_tcp.c, `tcp_in_window`; tried on Linux 6.18). TCP wants the very
//! number that it sent, and has a socket for nobody else. So conntrack says when it is worth to ask, and the socket is the proof.

use core::net::IpAddr;

/// A connection of TCP as it was opened, with what conntrack holds of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// Who opened it, as his packets say, and from which port.
    pub from: (IpAddr, u16),
    /// To where.
    pub to: (IpAddr, u16),
    /// `enum tcp_conntrack` (include/uapi/linux/netfilter/nf_conntrack_tcp.h).
    pub state: u8,
    /// `enum ip_conntrack_status` (include/uapi/linux/netfilter/nf_conntrack_common.h).
    pub status: u32,
}

/// `TCP_CONNTRACK_ESTABLISHED`.
const ESTABLISHED: u8 = 3;
/// `IPS_SEEN_REPLY` and `IPS_ASSURED`.
const ASSURED: u32 = 1 << 1 | 1 << 2;

impl Tracked {
    /// Whether it has just opened, as far as conntrack knows.
    #[must_use]
    pub const fn opens(&self) -> bool {
        self.state == ESTABLISHED && self.status & ASSURED == ASSURED
    }
}

/// Of the states of a socket (include/net/tcp_states.h) those that come after a handshake: all but SYN_SENT, SYN_RECV, CLOSE, LISTEN
/// and NEW_SYN_RECV.
const AFTER: u16 = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 9 | 1 << 11;

/// Whether a socket in this state, of a connection that somebody opened to this host, proves that he got what it sent him.
#[must_use]
pub const fn proves(state: u8) -> bool {
    state < 16 && AFTER & 1 << state != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opens(state: u8, status: u32) -> bool {
        let [from, to] = [([203, 0, 113, 7].into(), 40_000), ([192, 0, 2, 1].into(), 443)];
        Tracked { from, to, state, status }.opens()
    }

    #[test]
    fn what_is_established_and_was_answered_opens() {
        const CONFIRMED: u32 = 1 << 3;
        assert!((0..=9).filter(|state| opens(*state, CONFIRMED | ASSURED)).eq([3]));
        assert!(!opens(3, CONFIRMED) && !opens(3, CONFIRMED | 1 << 1) && !opens(3, CONFIRMED | 1 << 2));
    }

    /// ESTABLISHED, FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSE_WAIT, LAST_ACK and CLOSING.
    #[test]
    fn a_socket_that_only_waits_for_its_handshake_proves_nothing() {
        assert!((0..=u8::MAX).filter(|state| proves(*state)).eq([1, 4, 5, 6, 8, 9, 11]));
    }
}
