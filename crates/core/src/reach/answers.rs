//! On which addresses of which interfaces a listener answers (A4).

use alloc::{collections::BTreeSet, vec::Vec};
use core::net::{IpAddr, Ipv4Addr};

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
    pub addresses: Vec<Address>,
}

/// Where `listeners` of `namespace` answer, in the order of its interfaces; those without an address are left out.
///
/// An address counts to the interface that has it: packets to it may come in through any other (ip-sysctl,
/// `arp_ignore`), unless the socket is tied to a device. The whole of 127.0.0.0/8 is the loopback's, though its list has
/// one address of it (RFC 1122, §3.2.1.3): what is bound to another one answers there alone.
#[must_use]
pub fn answers<'a>(listeners: &[&Listener], namespace: Option<&'a Namespace>) -> Vec<Answers<'a>> {
    let interfaces = namespace.map(|namespace| namespace.interfaces.as_slice()).unwrap_or_default();
    let answers = interfaces.iter().map(|interface| {
        let listeners = || listeners.iter().filter(|listener| listener.hears());
        let hears = |address: &&Address| listeners().any(|listener| hears(listener, interface, address));
        let mut addresses: Vec<_> = interface.addresses.iter().filter(hears).cloned().collect();
        let unlisted: BTreeSet<_> =
            listeners().filter_map(|listener| unlisted(listener, interface)).collect();
        addresses.extend(unlisted.into_iter().map(|ip| Address::from(IpAddr::V4(ip))));
        Answers { interface: &interface.name, addresses }
    });
    answers.filter(|answers| !answers.addresses.is_empty()).collect()
}

/// The address of the loopback to which `listener` is bound, where the list of `interface` leaves it out.
fn unlisted(listener: &Listener, interface: &Interface) -> Option<Ipv4Addr> {
    let IpAddr::V4(bound) = listener.address.ip.to_canonical() else { return None };
    let addresses = || interface.addresses.iter().filter(|address| address.ip.is_ipv4());
    let is_its = interface.name == "lo"
        && bound.is_loopback()
        && addresses().any(|address| address.ip.is_loopback())
        && listener.device.as_deref().is_none_or(|device| device == "lo");
    (is_its && addresses().all(|address| address.ip != bound)).then_some(bound)
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
    is_here && bound.ip.to_canonical() == address.ip
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
        found.iter().map(shown).collect()
    }

    fn shown(answers: &Answers<'_>) -> String {
        let addresses: Vec<_> = answers.addresses.iter().map(ToString::to_string).collect();
        format!("{} {}", answers.interface, addresses.join(" "))
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
        assert_eq!(plain("127.0.0.53:80/tcp"), ["lo 127.0.0.53"]);
        assert_eq!(plain("[::ffff:127.0.0.53]:80/tcp"), ["lo 127.0.0.53"]);
        assert_eq!(on(|socket| socket.device = Some("eth0".into()), "127.0.0.53:80/tcp"), [""; 0]);
        assert_eq!(plain("10.0.0.1:80/tcp"), ["eth1 10.0.0.1"]);
        assert_eq!(plain("[fe80::1%eth1]:80/tcp"), ["eth1 fe80::1%eth1"]);
        assert!(plain("192.0.2.9:80/tcp").is_empty(), "an address that is not there yet");
    }

    #[test]
    fn several_sockets_answer_each_on_its_own() {
        let mut own = namespace();
        own.interfaces = [interface("lo", &["127.0.0.1"])].into();
        let sockets = ["127.0.0.2:80/tcp", "127.0.0.1:80/tcp", "127.0.0.2:80/tcp"].map(listener);
        let sockets: Vec<_> = sockets.iter().collect();
        let found = answers(&sockets, Some(&own));
        assert_eq!(found.iter().map(shown).collect::<Vec<_>>(), ["lo 127.0.0.1 127.0.0.2"]);
        own.interfaces = [interface("lo", &[])].into();
        assert!(answers(&sockets, Some(&own)).is_empty(), "the loopback is down");
    }

    #[test]
    fn a_device_leaves_its_own_addresses() {
        let tied = |socket: &mut Listener| socket.device = Some("eth1".into());
        assert_eq!(on(tied, "0.0.0.0:80/tcp"), ["eth1 10.0.0.1"]);
        assert!(answers(&[&listener("0.0.0.0:80/tcp")], None).is_empty());
    }
}
