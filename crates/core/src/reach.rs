//! Who can reach a listener, as far as its bind address tells (A4, A15).

mod answers;

pub use answers::{Answers, answers};

use alloc::{string::String, vec::Vec};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    address::{Address, Breadth},
    facts::{Listener, Namespace},
    policy::{HOST, WORLD, Zone},
};

/// Whether packets from a zone arrive at a listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reach {
    /// The zone: `world`, `host`, or one of the policy's.
    pub zone: String,
    /// Whether they arrive.
    pub verdict: Verdict,
    /// What tells so.
    pub basis: Basis,
}

/// Whether packets from a zone arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// None of them.
    Blocked,
    /// It cannot be told.
    Unknown,
    /// Some of them.
    Partly,
    /// All of them.
    Reachable,
}

/// What a verdict rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// The address, family and device of the socket alone; a firewall may stand before it.
    Bind,
    /// The live firewall too.
    Firewall,
}

/// The reach of `listener` from `world`, `host` and each of `zones`, in this order.
///
/// `namespace` is where it listens. Zones are those of the policy's own namespace, so of a foreign one nothing but
/// a loopback address can be told.
#[must_use]
pub fn reach(listener: &Listener, namespace: Option<&Namespace>, zones: &[Zone]) -> Vec<Reach> {
    let foreign = namespace.is_none_or(|namespace| !namespace.own);
    let told = |zone: &str, verdict: Verdict| {
        let unsure = foreign && verdict != Verdict::Blocked;
        let verdict = if unsure { Verdict::Unknown } else { verdict };
        Reach { zone: zone.into(), verdict, basis: Basis::Bind }
    };
    let built_in = [told(WORLD, from_world(listener, namespace)), told(HOST, from_host(listener, namespace))];
    let named = zones.iter().map(|zone| told(&zone.name, from_zone(listener, namespace, zone)));
    built_in.into_iter().chain(named).collect()
}

/// Whether anybody on the internet, firewalls aside, can reach `listener`: a wildcard or a public address.
///
/// One tied to a device is as public as the device's addresses, by whichever of the host's it is asked.
#[must_use]
pub fn is_open_to_world(listener: &Listener, namespace: Option<&Namespace>) -> bool {
    let is_public = match listener.breadth() {
        Breadth::Loopback => false,
        Breadth::Specific => listener.address.is_public(),
        Breadth::Wildcard => true,
    };
    let is_device_public = |device: &String| {
        let interfaces = namespace.map(|namespace| &namespace.interfaces);
        let interface = interfaces.and_then(|all| all.iter().find(|interface| interface.name == *device));
        interface.is_none_or(|interface| interface.addresses.iter().any(Address::is_public))
    };
    is_public && listener.device.as_ref().is_none_or(is_device_public)
}

fn from_world(listener: &Listener, namespace: Option<&Namespace>) -> Verdict {
    if listener.breadth() == Breadth::Loopback {
        Verdict::Blocked
    } else if is_open_to_world(listener, namespace) {
        Verdict::Reachable
    } else {
        Verdict::Partly
    }
}

/// Packets to an own address count as arrived on the device that has it, though they pass `lo` (include/net/ip.h,
/// `inet_iif`; net/ipv4/route.c, `ip_route_output_key_hash_rcu`).
fn from_host(listener: &Listener, namespace: Option<&Namespace>) -> Verdict {
    let Some(device) = listener.device.as_deref().filter(|device| *device != "lo") else {
        return Verdict::Reachable;
    };
    if listener.breadth() == Breadth::Loopback {
        return Verdict::Blocked;
    }
    let mut interfaces = namespace.into_iter().flat_map(|namespace| &namespace.interfaces);
    match interfaces.find(|interface| interface.name == device) {
        None => Verdict::Unknown,
        Some(interface) if interface.addresses.is_empty() => Verdict::Blocked,
        Some(_) => Verdict::Reachable,
    }
}

fn from_zone(listener: &Listener, namespace: Option<&Namespace>, zone: &Zone) -> Verdict {
    if listener.breadth() == Breadth::Loopback {
        let local = !zone.from.is_empty() && zone.from.iter().all(|net| net.addr().is_loopback());
        return if local { from_host(listener, namespace) } else { Verdict::Blocked };
    }
    by_interface(listener, namespace, zone).min(by_source(listener, zone))
}

/// Linux answers on any interface for any of its addresses, so only a device ties a socket to one.
fn by_interface(listener: &Listener, namespace: Option<&Namespace>, zone: &Zone) -> Verdict {
    if zone.interfaces.is_empty() {
        return if listener.device.is_some() { Verdict::Unknown } else { Verdict::Reachable };
    }
    let in_zone = |name: &str| zone.interfaces.iter().any(|pattern| means_interface(pattern, name));
    let exists = namespace.is_none_or(|namespace| namespace.interfaces.iter().any(|own| in_zone(&own.name)));
    match &listener.device {
        _ if !exists => Verdict::Blocked,
        None => Verdict::Reachable,
        Some(device) if !in_zone(device) => Verdict::Blocked,
        Some(_) if zone.interfaces.len() == 1 && !zone.interfaces[0].ends_with('*') => Verdict::Reachable,
        Some(_) => Verdict::Partly,
    }
}

fn by_source(listener: &Listener, zone: &Zone) -> Verdict {
    let hears = |net: &IpNet| match net {
        IpNet::V4(_) => listener.hears_ipv4(),
        IpNet::V6(_) => listener.hears_ipv6(),
    };
    let heard = zone.from.iter().filter(|net| hears(net)).count();
    let private = listener.breadth() == Breadth::Specific && !listener.address.is_public();
    if zone.from.is_empty() || (heard == zone.from.len() && !private) {
        Verdict::Reachable
    } else if heard == 0 {
        Verdict::Blocked
    } else if private && zone.from.iter().any(is_public_net) {
        // Whether a router between them translates addresses cannot be told from here.
        Verdict::Unknown
    } else if heard < zone.from.len() {
        Verdict::Partly
    } else {
        Verdict::Reachable
    }
}

fn is_public_net(net: &IpNet) -> bool {
    Address::from(net.addr()).is_public() || net.prefix_len() == 0
}

/// `br-*` stands for every interface that begins with `br-`.
fn means_interface(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(stem) => name.starts_with(stem),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::testing::{interface, listener, namespace},
        rules::testing::zone,
    };
    use alloc::vec;

    fn verdicts(listener: &Listener, zones: &[Zone]) -> Vec<Verdict> {
        let mut own = namespace();
        own.interfaces = vec![interface("eth0", &["203.0.113.5"]), interface("br-a", &["172.18.0.1"])];
        reach(listener, Some(&own), zones).iter().map(|reach| reach.verdict).collect()
    }

    #[test]
    fn a_bind_address_tells_world_and_host_apart() {
        use Verdict::{Blocked, Partly, Reachable};
        for (spot, world) in [
            ("127.0.0.1:1/tcp", Blocked),
            ("[::1]:1/tcp", Blocked),
            ("0.0.0.0:1/tcp", Reachable),
            ("203.0.113.5:1/tcp", Reachable),
            ("10.0.0.5:1/tcp", Partly),
            ("[fe80::1]:1/tcp", Partly),
        ] {
            assert_eq!(verdicts(&listener(spot), &[]), [world, Reachable], "{spot}");
        }
    }

    #[test]
    fn a_device_shuts_out_other_interfaces() {
        use Verdict::{Blocked, Partly, Reachable, Unknown};
        let mut tied = listener("0.0.0.0:1/tcp");
        tied.device = Some("br-a".into());
        let zones = [
            zone("bridges", &[], &["br-*"]),
            zone("lan", &[], &["eth0"]),
            zone("office", &["203.0.113.0/24"], &[]),
        ];
        assert_eq!(verdicts(&tied, &zones), [Partly, Reachable, Partly, Blocked, Unknown]);
    }

    #[test]
    fn an_address_of_another_device_brings_nobody_from_there() {
        let world = |spot: &str, device: &str| {
            let tied = Listener { device: Some(device.into()), ..listener(spot) };
            verdicts(&tied, &[])[0]
        };
        assert_eq!(world("203.0.113.5:1/tcp", "eth0"), Verdict::Reachable);
        assert_eq!(world("203.0.113.5:1/tcp", "br-a"), Verdict::Partly, "by br-a the world does not come");
        assert_eq!(world("172.18.0.1:1/tcp", "eth0"), Verdict::Partly);
    }

    #[test]
    fn the_host_reaches_a_device_by_its_address() {
        let from_host = |spot: &str, device: &str, addresses: &[&str]| {
            let (mut tied, mut own) = (listener(spot), namespace());
            tied.device = Some(device.into());
            own.interfaces = vec![interface("d0", addresses)];
            from_host(&tied, Some(&own))
        };
        assert_eq!(from_host("0.0.0.0:1/tcp", "d0", &["10.8.0.1"]), Verdict::Reachable);
        assert_eq!(from_host("0.0.0.0:1/tcp", "d0", &[]), Verdict::Blocked, "nothing leads there");
        assert_eq!(from_host("127.0.0.1:1/tcp", "d0", &["10.8.0.1"]), Verdict::Blocked, "that is lo's");
        assert_eq!(from_host("0.0.0.0:1/tcp", "lo", &[]), Verdict::Reachable);
        assert_eq!(from_host("0.0.0.0:1/tcp", "d9", &[]), Verdict::Unknown, "it was not seen");
    }

    #[test]
    fn a_zone_of_another_family_is_shut_out() {
        use Verdict::{Blocked, Partly, Reachable};
        let zones = [
            zone("four", &["203.0.113.0/24"], &[]),
            zone("six", &["2001:db8::/48"], &[]),
            zone("both", &["203.0.113.0/24", "2001:db8::/48"], &[]),
        ];
        assert_eq!(
            verdicts(&listener("0.0.0.0:1/tcp"), &zones),
            [Reachable, Reachable, Reachable, Blocked, Partly]
        );
        assert_eq!(verdicts(&listener("[::]:1/tcp"), &zones), [Reachable; 5]);
        assert_eq!(verdicts(&listener("127.0.0.1:1/tcp"), &zones)[2..], [Blocked; 3]);
    }

    #[test]
    fn an_interface_that_is_not_there_brings_nobody() {
        let zones = [zone("vpn", &[], &["wg0"])];
        assert_eq!(verdicts(&listener("0.0.0.0:1/tcp"), &zones)[2], Verdict::Blocked);
    }

    #[test]
    fn of_a_foreign_namespace_only_loopback_is_certain() {
        let mut foreign = namespace();
        foreign.own = false;
        let verdict = |spot: &str| reach(&listener(spot), Some(&foreign), &[])[0].verdict;
        assert_eq!(verdict("0.0.0.0:1/tcp"), Verdict::Unknown);
        assert_eq!(verdict("127.0.0.1:1/tcp"), Verdict::Blocked);
    }
}
