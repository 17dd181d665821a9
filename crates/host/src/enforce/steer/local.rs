//! The routes by which the host takes in packets for addresses that none of its interfaces has (`ip route add local`,
//! ip-route(8)): ours bear a number of our own, and are as lasting as the network namespace.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use portreeve_core::steer::{Route, Routes};
use rustix::io::Errno;

use super::SteerError;
use crate::sys::netlink::{Family, Netlink, NetlinkError, attributes, bytes_at};

/// RTM_NEWROUTE, RTM_DELROUTE and RTM_GETROUTE (rtnetlink(7)).
const NEW_ROUTE: u16 = 24;
const DELETE_ROUTE: u16 = 25;
const GET_ROUTE: u16 = 26;
/// The size of struct rtmsg; RTA_DST, RTA_OIF and RTA_TABLE.
const ROUTE_BYTES: usize = 12;
const DESTINATION: u16 = 1;
const INTERFACE: u16 = 4;
const TABLE: u16 = 15;
/// RT_TABLE_LOCAL, RT_SCOPE_HOST and RTN_LOCAL.
const LOCAL_TABLE: u8 = 255;
const ON_THIS_HOST: u8 = 254;
const LOCAL: u8 = 2;
/// AF_INET and AF_INET6.
const IPV4: u8 = 2;
const IPV6: u8 = 10;
/// Which daemon a route is of (rtm_protocol): none that include/uapi/linux/rtnetlink.h or iproute2 names has this one.
const OURS: u8 = 112;
/// The loopback interface is the first of every network namespace (net/core/dev.c).
const LOOPBACK: u32 = 1;

/// A route to this host itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Taken {
    ip: IpAddr,
    length: u8,
    is_ours: bool,
}

impl Taken {
    fn of(bytes: &[u8]) -> Option<Self> {
        let [family, length, _, _, table, protocol, _, kind] = bytes_at::<8>(bytes, 0)?;
        if (table, kind) != (LOCAL_TABLE, LOCAL) {
            return None;
        }
        let mut destination = attributes(bytes.get(ROUTE_BYTES..)?).filter(|(name, _)| *name == DESTINATION);
        let ip = match (family, destination.next()) {
            (IPV4, Some((_, ip))) => Ipv4Addr::from(bytes_at::<4>(ip, 0)?).into(),
            (IPV6, Some((_, ip))) => Ipv6Addr::from(bytes_at::<16>(ip, 0)?).into(),
            // Of all addresses none is written.
            (IPV4, None) => Ipv4Addr::UNSPECIFIED.into(),
            (IPV6, None) => Ipv6Addr::UNSPECIFIED.into(),
            _ => return None,
        };
        Some(Self { ip, length, is_ours: protocol == OURS })
    }

    /// Whether it is for this address too.
    fn covers(&self, ip: IpAddr) -> bool {
        let (own, other, bits) = match (self.ip, ip) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (own.to_bits().into(), other.to_bits().into(), 32),
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits(), other.to_bits(), 128),
            _ => return false,
        };
        let free = u32::saturating_sub(bits, self.length.into());
        u128::checked_shr(own ^ other, free).unwrap_or(0) == 0
    }
}

/// Has the host take in what is for `wanted` too, whether an interface has it or not.
///
/// # Errors
///
/// EPERM without CAP_NET_ADMIN, and what the kernel answers.
pub(super) fn take_in(wanted: &BTreeSet<IpAddr>) -> Result<(), SteerError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let (all, mut netlink) = (all()?, open()?);
    for &ip in wanted.iter().filter(|&&ip| !is_taken(&all, ip)) {
        let made = netlink.make(NEW_ROUTE, &message(ip));
        passed_over(made, Errno::EXIST)
            .map_err(|error| SteerError::NotLocal("have this host take in a further address", error))?;
    }
    Ok(())
}

/// Has the host take in what is for `wanted` and nothing else by our doing; whether it did.
///
/// # Errors
///
/// As of [`take_in`].
pub(super) fn leave(wanted: &BTreeSet<IpAddr>) -> Result<bool, SteerError> {
    let mut over = all()?;
    over.retain(|taken| taken.is_ours && !wanted.contains(&taken.ip));
    let mut netlink = open()?;
    for taken in &over {
        let removed = netlink.ask(DELETE_ROUTE, &message(taken.ip), |_| {});
        passed_over(removed, Errno::SRCH)
            .map_err(|error| SteerError::NotLocal("have this host take in an address no more", error))?;
    }
    Ok(!over.is_empty())
}

/// The routes as they are: where nothing has the host take in what is for their address, they are not local.
pub(super) fn as_it_is(routes: Routes) -> Result<Routes, SteerError> {
    if routes.local().is_empty() {
        return Ok(routes);
    }
    let all = all()?;
    let is_local = |route: &Route| {
        let ip = route.address.as_ref().map(|address| address.ip.to_canonical());
        route.local && ip.is_some_and(|ip| is_taken(&all, ip))
    };
    let told = |route: Route| Route { local: is_local(&route), ..route };
    Ok(routes.0.into_iter().map(told).collect())
}

fn is_taken(all: &[Taken], ip: IpAddr) -> bool {
    all.iter().any(|taken| taken.covers(ip))
}

fn open() -> Result<Netlink, SteerError> {
    Netlink::open(Family::Route).map_err(|error| SteerError::NotLocal("ask the kernel for its routes", error))
}

/// Once more where the list changed meanwhile; at the third time, what there is of it.
fn all() -> Result<Vec<Taken>, SteerError> {
    let mut netlink = open()?;
    let mut all = Vec::new();
    for _ in 0..3 {
        all.clear();
        match netlink.dump(GET_ROUTE, &[0; ROUTE_BYTES], |bytes| all.extend(Taken::of(bytes))) {
            Err(NetlinkError::Interrupted) => {}
            Err(error) => return Err(SteerError::NotLocal("read the routes", error)),
            Ok(()) => break,
        }
    }
    Ok(all)
}

fn passed_over(done: Result<(), NetlinkError>, fine: Errno) -> Result<(), NetlinkError> {
    match done {
        Err(NetlinkError::Refused(error)) if error == fine => Ok(()),
        done => done,
    }
}

/// struct rtmsg and its attributes, of the route for one address.
fn message(ip: IpAddr) -> Vec<u8> {
    let (family, octets) = match ip {
        IpAddr::V4(ip) => (IPV4, ip.octets().to_vec()),
        IpAddr::V6(ip) => (IPV6, ip.octets().to_vec()),
    };
    let length = u8::try_from(octets.len() * 8).unwrap_or(u8::MAX);
    let mut bytes = vec![family, length, 0, 0, LOCAL_TABLE, OURS, ON_THIS_HOST, LOCAL, 0, 0, 0, 0];
    let values = [
        (DESTINATION, octets.as_slice()),
        (INTERFACE, &LOOPBACK.to_ne_bytes()),
        (TABLE, &u32::from(LOCAL_TABLE).to_ne_bytes()),
    ];
    for (name, value) in values {
        let size = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
        bytes.extend_from_slice(&size.to_ne_bytes());
        bytes.extend_from_slice(&name.to_ne_bytes());
        bytes.extend_from_slice(value);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn what_is_asked_for_reads_back() {
        for address in ["192.0.2.7", "2001:db8::7"] {
            let taken = Taken::of(&message(ip(address))).expect("a route");
            assert_eq!((taken.ip, taken.is_ours), (ip(address), true));
            assert!(taken.covers(ip(address)) && !taken.covers(ip("192.0.2.8")) && !taken.covers(ip("::7")));
        }
        let mut others = message(ip("192.0.2.7"));
        others[5] = 2;
        assert!(!Taken::of(&others).expect("a route").is_ours);
        others[7] = 1;
        assert_eq!((Taken::of(&others), Taken::of(&others[..9])), (None, None));
    }

    #[test]
    fn a_prefix_covers_what_begins_alike() {
        let taken = |text, length| Taken { ip: ip(text), length, is_ours: false };
        assert!(
            taken("127.0.0.0", 8).covers(ip("127.1.2.3")) && !taken("127.0.0.0", 8).covers(ip("126.1.2.3"))
        );
        assert!(taken("2001:db8::", 32).covers(ip("2001:db8:9::1")));
        assert!(taken("0.0.0.0", 0).covers(ip("203.0.113.9")) && taken("::", 0).covers(ip("2001:db8::1")));
    }
}
