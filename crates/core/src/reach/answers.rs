//! On which addresses of which interfaces a listener answers (A4).

use alloc::vec::Vec;
use core::net::IpAddr;

use crate::{
    address::{Address, Breadth},
    facts::{Interface, Listener, Namespace},
};

/// An interface, and those of its addresses on which something answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers<'a> {
    /// The interface.
    pub interface: &'a str,
    /// The addresses.
    pub addresses: Vec<&'a Address>,
}

/// Where `listeners` of `namespace` answer, in the order of its interfaces; those without an address are left out.
///
/// An address counts to the interface that has it: packets to it may come in through any other (ip-sysctl,
/// `arp_ignore`), unless the socket is tied to a device.
#[must_use]
pub fn answers<'a>(listeners: &[&Listener], namespace: Option<&'a Namespace>) -> Vec<Answers<'a>> {
    let interfaces = namespace.map(|namespace| namespace.interfaces.as_slice()).unwrap_or_default();
    let answers = interfaces.iter().map(|interface| {
        let hears = |address: &&Address| {
            listeners.iter().any(|listener| listener.hears() && hears(listener, interface, address))
        };
        Answers { interface: &interface.name, addresses: interface.addresses.iter().filter(hears).collect() }
    });
    answers.filter(|answers| !answers.addresses.is_empty()).collect()
}

fn hears(listener: &Listener, interface: &Interface, address: &Address) -> bool {
    if listener.device.as_ref().is_some_and(|device| *device != interface.name) {
        return false;
    }
    let bound = &listener.address;
    if bound.breadth() == Breadth::Wildcard {
        return match address.ip {
            IpAddr::V4(_) => listener.hears_ipv4(),
            IpAddr::V6(_) => listener.hears_ipv6(),
        };
    }
    let is_here = bound.interface.as_deref().is_none_or(|name| name == interface.name);
    // The whole of 127.0.0.0/8 is the loopback's, though its list has one address (RFC 1122, §3.2.1.3).
    let is_loopback = interface.name == "lo" && bound.ip.is_loopback() && address.ip.is_loopback();
    is_here
        && (bound.ip.to_canonical() == address.ip
            || (is_loopback && bound.ip.is_ipv4() == address.ip.is_ipv4()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::{interface, listener, namespace};
    use alloc::{
        format,
        string::{String, ToString},
    };

    fn on(change: impl FnOnce(&mut Listener), spot: &str) -> Vec<String> {
        let mut own = namespace();
        own.interfaces = [
            interface("lo", &["127.0.0.1", "::1"]),
            interface("eth0", &["203.0.113.5", "fe80::1%eth0"]),
            interface("eth1", &["10.0.0.1", "fe80::1%eth1"]),
            interface("down", &[]),
        ]
        .into();
        let mut socket = listener(spot);
        change(&mut socket);
        let found = answers(&[&socket], Some(&own));
        let listed =
            |addresses: &[&Address]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        found.iter().map(|it| format!("{} {}", it.interface, listed(&it.addresses))).collect()
    }

    fn plain(spot: &str) -> Vec<String> {
        on(|_| {}, spot)
    }

    #[test]
    fn a_wildcard_answers_on_every_address_of_its_families() {
        assert_eq!(plain("0.0.0.0:80/tcp"), ["lo 127.0.0.1", "eth0 203.0.113.5", "eth1 10.0.0.1"]);
        let all = ["lo 127.0.0.1 ::1", "eth0 203.0.113.5 fe80::1%eth0", "eth1 10.0.0.1 fe80::1%eth1"];
        assert_eq!(plain("[::]:80/tcp"), all);
        let six = ["lo ::1", "eth0 fe80::1%eth0", "eth1 fe80::1%eth1"];
        assert_eq!(on(|socket| socket.v6only = true, "[::]:80/tcp"), six);
    }

    #[test]
    fn an_address_is_that_of_its_interface() {
        assert_eq!(plain("127.0.0.1:80/tcp"), ["lo 127.0.0.1"]);
        assert_eq!(plain("127.0.0.53:80/tcp"), ["lo 127.0.0.1"]);
        assert_eq!(plain("10.0.0.1:80/tcp"), ["eth1 10.0.0.1"]);
        assert_eq!(plain("[fe80::1%eth1]:80/tcp"), ["eth1 fe80::1%eth1"]);
        assert!(plain("192.0.2.9:80/tcp").is_empty(), "an address that is not there yet");
    }

    #[test]
    fn a_device_leaves_its_own_addresses() {
        let tied = |socket: &mut Listener| socket.device = Some("eth1".into());
        assert_eq!(on(tied, "0.0.0.0:80/tcp"), ["eth1 10.0.0.1"]);
        assert!(answers(&[&listener("0.0.0.0:80/tcp")], None).is_empty());
    }
}
