//! Whether two who stand on numbers want the same one (A4, A24): as the kernel refuses a second bind(2) of it.

use core::net::IpAddr;

use crate::{
    address::{Address, Family},
    facts::Listener,
    port::{PortRange, Protocol},
};

/// Where numbers are taken: by a claim, a socket, or a service of the policy.
#[derive(Clone, Copy, Debug)]
pub struct Stand<'a> {
    /// The protocol.
    pub protocol: Protocol,
    /// The numbers.
    pub ports: PortRange,
    /// The address; `None` is every address of both families.
    pub address: Option<&'a Address>,
    /// The interface; `None` is every interface.
    pub device: Option<&'a str>,
    /// Whether `::` leaves IPv4 to others (IPV6_V6ONLY, ipv6(7)).
    pub v6only: bool,
}

impl<'a> Stand<'a> {
    /// Where `listener` stands.
    #[must_use]
    pub fn of(listener: &'a Listener) -> Self {
        Self {
            protocol: listener.protocol,
            ports: PortRange::one(listener.port),
            address: Some(&listener.address),
            device: listener.device.as_deref(),
            v6only: listener.v6only,
        }
    }

    /// Whether a number of both is taken twice: the same one of the same protocol at the same address, or one is every
    /// address of a family of the other.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        let is_number = self.protocol == other.protocol && self.ports.overlaps(other.ports);
        is_number && self.meets_device(other) && self.meets_address(other)
    }

    fn meets_device(&self, other: &Self) -> bool {
        match (self.device, other.device) {
            (Some(own), Some(theirs)) => own == theirs,
            _ => true,
        }
    }

    fn meets_address(&self, other: &Self) -> bool {
        match (self.one_address(), other.one_address()) {
            (Some(own), Some(theirs)) => own.is_same_place(theirs),
            _ => Family::ALL.into_iter().any(|family| self.takes(family) && other.takes(family)),
        }
    }

    /// The address, where it is one and no wildcard.
    fn one_address(&self) -> Option<&'a Address> {
        self.address.filter(|address| !address.ip.to_canonical().is_unspecified())
    }

    /// Whether something of `family` may be taken there.
    fn takes(&self, family: Family) -> bool {
        match self.address.map(|address| address.ip) {
            None => true,
            Some(IpAddr::V6(ip)) if ip.is_unspecified() => family == Family::Ipv6 || !self.v6only,
            Some(ip) => family == Family::of(ip.to_canonical()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meet(one: (&str, bool), other: (&str, bool)) -> bool {
        let (own, theirs): (Option<Address>, Option<Address>) = (one.0.parse().ok(), other.0.parse().ok());
        let stand = |address, v6only| Stand {
            protocol: Protocol::Tcp,
            ports: PortRange::one(80),
            address,
            device: None,
            v6only,
        };
        let (own, theirs) = (stand(own.as_ref(), one.1), stand(theirs.as_ref(), other.1));
        assert_eq!(own.meets(&theirs), theirs.meets(&own), "it goes both ways");
        own.meets(&theirs)
    }

    /// Each as the kernel answers bind(2): `the_kernel_refuses_what_meets` in the lab is the twin.
    #[test]
    fn a_wildcard_takes_every_address_of_its_families() {
        let (dual, only): (fn(_) -> _, fn(_) -> _) = (|text| (text, false), |text| (text, true));
        for address in ["*", "0.0.0.0", "::", "192.0.2.1", "2001:db8::1"] {
            assert!(meet(dual("*"), dual(address)), "{address}");
        }
        assert!(meet(dual("::"), dual("0.0.0.0")) && meet(dual("::"), dual("192.0.2.1")));
        assert!(!meet(only("::"), dual("0.0.0.0")) && !meet(only("::"), dual("192.0.2.1")));
        assert!(meet(only("::"), dual("2001:db8::1")) && !meet(dual("0.0.0.0"), dual("2001:db8::1")));
        assert!(meet(dual("0.0.0.0"), dual("::ffff:192.0.2.1")));
    }

    #[test]
    fn two_addresses_are_two_places() {
        let plain = |text| (text, false);
        assert!(!meet(plain("192.0.2.1"), plain("192.0.2.2")));
        assert!(meet(plain("192.0.2.1"), plain("::ffff:192.0.2.1")));
        assert!(!meet(plain("fe80::1%a"), plain("fe80::1%b")) && meet(plain("fe80::1%a"), plain("fe80::1")));
    }

    #[test]
    fn two_devices_are_two_places() {
        let stand = |device| Stand {
            protocol: Protocol::Udp,
            ports: PortRange { first: 10, last: 20 },
            address: None,
            device,
            v6only: false,
        };
        assert!(!stand(Some("a")).meets(&stand(Some("b"))));
        assert!(stand(Some("a")).meets(&stand(None)) && stand(Some("a")).meets(&stand(Some("a"))));
        let next = Stand { ports: PortRange { first: 21, last: 30 }, ..stand(None) };
        assert!(!stand(None).meets(&next));
        assert!(!stand(None).meets(&Stand { protocol: Protocol::Tcp, ..stand(None) }));
    }
}
