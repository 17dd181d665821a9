//! That what was proven of an address is so yet while packets are sent there (rtnetlink(7)).

use std::{
    cell::{Cell, RefCell},
    net::IpAddr,
};

use super::proof::{Proof, proof};
use crate::sys::netlink::{Family, Netlink, NetlinkError, Overrun};

/// Links, addresses, routes and rules of either family, and next hops, on all of which a proof rests (RTMGRP_LINK,
/// RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE, RTMGRP_IPV4_RULE, RTMGRP_IPV6_IFADDR, RTMGRP_IPV6_ROUTE, RTNLGRP_IPV6_RULE,
/// RTNLGRP_NEXTHOP; include/uapi/linux/rtnetlink.h).
const GROUPS: u32 = 0x1 | 0x10 | 0x40 | 0x80 | 0x100 | 0x400 | 1 << 18 | 1 << 31;

/// A proof, and whoever tells that something changed on which it rests.
#[derive(Debug)]
pub struct Proven {
    target: IpAddr,
    interface: u32,
    proof: Proof,
    changes: RefCell<Netlink>,
    /// Whether something changed since it was proven.
    is_unsure: Cell<bool>,
}

impl Proven {
    /// Holds on to what [`proof`] said of these; what changed since then is found out as well.
    ///
    /// # Errors
    ///
    /// Where the kernel or a sandbox refuses rtnetlink.
    pub fn hold(target: IpAddr, interface: u32, proof: Proof) -> Result<Self, NetlinkError> {
        let changes = RefCell::new(Netlink::hearing(Family::Route, GROUPS)?);
        Ok(Self { target, interface, proof, changes, is_unsure: Cell::new(true) })
    }

    /// Whether it is proven no more.
    fn is_refuted(&self) -> bool {
        !proof(self.target, self.interface).is_ok_and(|now| now.as_ref() == Ok(&self.proof))
    }

    /// The same, for whoever asks before each packet: it is proven again only where something changed.
    pub(super) fn is_lost(&self) -> bool {
        let heard = self.changes.borrow_mut().hear(|_| self.is_unsure.set(true));
        let is_quiet = heard.is_ok_and(|overrun| overrun == Overrun::None) && !self.is_unsure.get();
        let is_lost = !is_quiet && self.is_refuted();
        self.is_unsure.set(is_lost);
        is_lost
    }

    /// The interface by which alone packets may leave.
    pub(super) fn by(&self) -> Option<&str> {
        match &self.proof {
            Proof::Joined { interface, .. } => Some(interface),
            Proof::Own(_) => None,
        }
    }

    /// An own address asks itself: by IPv4 the kernel sends nothing from it once it has left (net/ipv4/route.c,
    /// `ip_route_output_key_hash_rcu`).
    pub(super) fn source(&self) -> Option<IpAddr> {
        matches!(self.proof, Proof::Own(_)).then_some(self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_proven_is_not_lost_and_another_proof_is_refuted() {
        let target = [127, 0, 0, 1].into();
        let proven = Proven::hold(target, 0, Proof::Own("lo".into())).unwrap();
        assert!(!proven.is_refuted() && !proven.is_lost());
        assert_eq!((proven.source(), proven.by()), (Some(target), None));
        let joined = Proof::Joined { namespace: "far".into(), interface: "near".into() };
        let other = Proven::hold(target, 0, joined).unwrap();
        assert!(other.is_refuted() && other.is_lost() && other.is_lost());
        assert_eq!((other.source(), other.by()), (None, Some("near")));
    }
}
