//! Which packets are evidence, and which ones innocent people send too (A14, A16, A19).

use alloc::{collections::BTreeSet, vec::Vec};
use core::net::IpAddr;

use crate::{
    facts::{Listener, Snapshot},
    policy::Policy,
    port::{PortRange, Protocol},
};

/// The flags of a TCP header (RFC 9293 §3.1).
pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const RST: u8 = 0x04;
pub(super) const ACK: u8 = 0x10;

/// The ports by which a traceroute finds its way (traceroute(8)).
const TRACEROUTE: PortRange = PortRange { first: 33_434, last: 33_534 };
/// Whose answers come late: names, time, and the web over QUIC.
const ANSWERS: [u16; 3] = [53, 123, 443];
const HTTP: u16 = 80;
const HTTPS: u16 = 443;

/// A packet that reached nobody: a rule dropped it, or nobody listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// Who it says has sent it.
    pub from: IpAddr,
    /// To which address.
    pub to: IpAddr,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// From which port; 0 of a packet that is only remembered, so that its flags are not known either.
    pub from_port: u16,
    /// To which port.
    pub port: u16,
    /// The flags of TCP.
    pub flags: u8,
}

/// What has to be known of a host to tell a probe from others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The ports that the policy declares.
    pub declared: BTreeSet<(Protocol, PortRange)>,
    /// The ports on which somebody listens.
    pub served: BTreeSet<(Protocol, u16)>,
    /// The ports that the kernel gives to clients.
    pub client_range: Option<PortRange>,
    /// The host's own addresses.
    pub own: Vec<IpAddr>,
}

/// Why a packet is no evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Innocence {
    /// This host sent it.
    Own,
    /// It was meant for many, or for somebody else.
    ForOthers,
    /// The port is declared, or somebody listens there.
    Served,
    /// It answers what this host sent, or believes to.
    Answer,
    /// A traceroute.
    Traceroute,
    /// The web by another protocol, beside the one that is declared.
    Quic,
}

impl Known {
    /// What a look shows, and what the policy says.
    #[must_use]
    pub fn of(snapshot: &Snapshot, policy: Option<&Policy>) -> Self {
        let own = snapshot.own_namespace();
        let is_here = |listener: &&Listener| own.is_some_and(|own| own.id == listener.netns);
        let here = snapshot.listeners.iter().filter(is_here);
        let interfaces = own.iter().flat_map(|own| &own.interfaces);
        Self {
            served: here.map(|listener| (listener.protocol, listener.port)).collect(),
            client_range: own.map(|own| own.client_range),
            own: interfaces.flat_map(|it| &it.addresses).map(|address| address.ip.to_canonical()).collect(),
            ..Self::declared_by(policy)
        }
    }

    /// What the policy says alone.
    #[must_use]
    pub fn declared_by(policy: Option<&Policy>) -> Self {
        let services = policy.map(|policy| policy.services.as_slice()).unwrap_or_default();
        let declared = services.iter().flat_map(|service| &service.ports);
        Self { declared: declared.map(|spec| (spec.protocol, spec.range)).collect(), ..Self::default() }
    }

    /// Why `touch` is no evidence; `None` where it is.
    #[must_use]
    pub fn innocence(&self, touch: &Touch) -> Option<Innocence> {
        if self.is_own(touch.from) {
            return Some(Innocence::Own);
        }
        if !self.is_own(touch.to) {
            return Some(Innocence::ForOthers);
        }
        if self.has(touch.protocol, touch.port) {
            return Some(Innocence::Served);
        }
        match touch.protocol {
            Protocol::Tcp => self.answers(touch).then_some(Innocence::Answer),
            _ => self.innocence_of_datagram(touch),
        }
    }

    /// Whether it is an address of this host.
    #[must_use]
    pub fn is_own(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_loopback() || self.own.contains(&address)
    }

    /// Whether a port of nobody's it is not: it is declared, or somebody listens there.
    #[must_use]
    pub fn has(&self, protocol: Protocol, port: u16) -> bool {
        let declares = |(of, range): &(Protocol, PortRange)| *of == protocol && range.contains(port);
        self.served.contains(&(protocol, port)) || self.declared.iter().any(declares)
    }

    /// Whether nothing that comes there is evidence, whoever sends it.
    pub(super) fn is_innocent(&self, protocol: Protocol, port: u16) -> bool {
        self.has(protocol, port) || (protocol == Protocol::Udp && self.innocence_of_port(port).is_some())
    }

    fn is_clients(&self, port: u16) -> bool {
        self.client_range.is_some_and(|range| range.contains(port))
    }

    /// What only whoever was asked sends, and what is left of connections that a reboot has made forget: an ACK, with or
    /// without a FIN, to a number of a client. A reset asks nothing wherever it goes.
    fn answers(&self, touch: &Touch) -> bool {
        match touch.flags & (FIN | SYN | RST | ACK) {
            flags if flags & RST != 0 || flags == SYN | ACK => true,
            flags if flags & ACK != 0 => self.is_clients(touch.port),
            _ => false,
        }
    }

    fn innocence_of_datagram(&self, touch: &Touch) -> Option<Innocence> {
        let is_answer = ANSWERS.contains(&touch.from_port) && self.is_clients(touch.port);
        is_answer.then_some(Innocence::Answer).or_else(|| self.innocence_of_port(touch.port))
    }

    /// Of a port of UDP.
    fn innocence_of_port(&self, port: u16) -> Option<Innocence> {
        let is_web = || self.has(Protocol::Tcp, HTTPS) || self.has(Protocol::Tcp, HTTP);
        match port {
            port if TRACEROUTE.contains(port) => Some(Innocence::Traceroute),
            HTTPS if is_web() => Some(Innocence::Quic),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        Known {
            declared: [
                (Protocol::Tcp, PortRange::one(443)),
                (Protocol::Udp, PortRange { first: 500, last: 510 }),
            ]
            .into(),
            served: [(Protocol::Tcp, 22)].into(),
            client_range: Some(PortRange { first: 32_768, last: 60_999 }),
            own: ["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()].into(),
        }
    }

    fn tcp(port: u16, flags: u8) -> Touch {
        let from = "203.0.113.7".parse().unwrap();
        Touch { from, to: known().own[0], protocol: Protocol::Tcp, from_port: 40_000, port, flags }
    }

    fn udp(from_port: u16, port: u16) -> Touch {
        Touch { protocol: Protocol::Udp, from_port, ..tcp(port, 0) }
    }

    fn told(touch: &Touch) -> Option<Innocence> {
        known().innocence(touch)
    }

    #[test]
    fn what_opens_a_connection_to_a_port_of_nobody_is_evidence() {
        for flags in [SYN, 0, FIN, FIN | 0x20 | 0x08, ACK] {
            assert_eq!(told(&tcp(23, flags)), None, "{flags:#x}");
        }
        assert_eq!(told(&tcp(40_000, SYN)), None, "whoever begins at a client's number");
        assert_eq!(told(&udp(40_000, 161)), None);
    }

    #[test]
    fn what_is_declared_or_served_is_no_evidence() {
        for port in [22, 443] {
            assert_eq!(told(&tcp(port, SYN)), Some(Innocence::Served), "{port}");
        }
        assert_eq!(told(&udp(40_000, 505)), Some(Innocence::Served));
        assert_eq!(told(&udp(40_000, 22)), None, "by another protocol it is");
    }

    #[test]
    fn answers_and_what_a_reboot_forgot_are_no_evidence() {
        for flags in [SYN | ACK, ACK, RST, RST | ACK, FIN | ACK] {
            assert_eq!(told(&tcp(40_000, flags)), Some(Innocence::Answer), "{flags:#x}");
        }
        assert_eq!(told(&tcp(23, RST)), Some(Innocence::Answer), "it was forged in this host's name");
        assert_eq!(told(&tcp(40_000, FIN)), None, "no stack sends that");
        for from in ANSWERS {
            assert_eq!(told(&udp(from, 40_000)), Some(Innocence::Answer), "{from}");
            assert_eq!(told(&udp(from, 161)), None, "{from} asks a fixed number");
        }
    }

    #[test]
    fn who_looks_for_a_way_or_for_the_web_is_innocent() {
        assert_eq!(told(&udp(40_000, 33_434)), Some(Innocence::Traceroute));
        assert_eq!(told(&udp(40_000, 33_535)), None);
        assert_eq!(told(&udp(40_000, 443)), Some(Innocence::Quic));
        assert_eq!(Known { declared: BTreeSet::new(), ..known() }.innocence(&udp(40_000, 443)), None);
    }

    #[test]
    fn what_is_for_many_or_from_here_is_no_evidence() {
        let to = |to: &str| told(&Touch { to: to.parse().unwrap(), ..udp(137, 137) });
        for many in ["255.255.255.255", "192.0.2.255", "224.0.0.251", "ff02::1"] {
            assert_eq!(to(many), Some(Innocence::ForOthers), "{many}");
        }
        for own in ["192.0.2.1", "::ffff:192.0.2.1", "127.0.0.1", "::1"] {
            let touch = Touch { from: own.parse().unwrap(), ..tcp(23, SYN) };
            assert_eq!(told(&touch), Some(Innocence::Own), "{own}");
        }
    }
}
