//! That what was proven of an address is so yet while packets are sent there (rtnetlink(7)).

use std::{
    cell::{Cell, RefCell},
    net::IpAddr,
    time::{Duration, Instant},
};

use super::{
    proof::{Proof, proof},
    warrant::Standing,
};
use crate::sys::netlink::{Family, Netlink, NetlinkError, Overrun};

/// Links, addresses, routes and rules of either family, and next hops, on all of which a proof rests (RTMGRP_LINK,
/// RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE, RTMGRP_IPV4_RULE, RTMGRP_IPV6_IFADDR, RTMGRP_IPV6_ROUTE, RTNLGRP_IPV6_RULE,
/// RTNLGRP_NEXTHOP; include/uapi/linux/rtnetlink.h).
const GROUPS: u32 = 0x1 | 0x10 | 0x40 | 0x80 | 0x100 | 0x400 | 1 << 18 | 1 << 31;

/// What the kernel does not say for so long it does not say the next moment.
const UNTOLD_MAX: Duration = Duration::from_secs(2);

/// A proof, and whoever tells that something changed on which it rests.
#[derive(Debug)]
pub struct Proven {
    target: IpAddr,
    interface: u32,
    proof: Proof,
    changes: RefCell<Netlink>,
    /// Whether something changed since it was proven.
    is_unsure: Cell<bool>,
    /// Since when the kernel did not say.
    untold: Cell<Option<Instant>>,
}

impl Proven {
    /// Holds on to what [`proof`] said of these; what changed since then is found out as well.
    ///
    /// # Errors
    ///
    /// Where the kernel or a sandbox refuses rtnetlink.
    pub fn hold(target: IpAddr, interface: u32, proof: Proof) -> Result<Self, NetlinkError> {
        let changes = RefCell::new(Netlink::hearing(Family::Route, GROUPS)?);
        Ok(Self { target, interface, proof, changes, is_unsure: Cell::new(true), untold: Cell::new(None) })
    }

    /// Whether it is proven, for whoever asks before each packet: it is proven again only where something changed.
    pub(super) fn standing(&self) -> Standing {
        let heard = self.changes.borrow_mut().hear(|_| self.is_unsure.set(true));
        let is_quiet = heard.is_ok_and(|overrun| overrun == Overrun::None) && !self.is_unsure.get();
        let standing = if is_quiet { Standing::Ours } else { self.again() };
        self.is_unsure.set(standing != Standing::Ours);
        standing
    }

    fn again(&self) -> Standing {
        match proof(self.target, self.interface) {
            Ok(now) => {
                self.untold.set(None);
                if now.as_ref() == Ok(&self.proof) { Standing::Ours } else { Standing::Astray }
            }
            // Its lists may change while they are written, and descriptors be short, for a moment.
            Err(error) => {
                let since = self.untold.get().unwrap_or_else(Instant::now);
                self.untold.set(Some(since));
                if since.elapsed() < UNTOLD_MAX { Standing::Unsure } else { Standing::Untold(error.errno()) }
            }
        }
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
        assert_eq!([proven.again(), proven.standing()], [Standing::Ours; 2]);
        assert_eq!((proven.source(), proven.by()), (Some(target), None));
        let joined = Proof::Joined { namespace: "far".into(), interface: "near".into() };
        let other = Proven::hold(target, 0, joined).unwrap();
        assert_eq!([other.again(), other.standing(), other.standing()], [Standing::Astray; 3]);
        assert_eq!((other.source(), other.by()), (None, Some("near")));
    }
}
