//! What is said first to a port of UDP, so that whoever hears there answers and nothing is changed by it (A20).

mod dns;
mod ike;
mod mdns;
mod ntp;
mod quic;
mod radius;
mod snmp;
mod ssdp;
mod syslog;
mod tftp;

use alloc::vec::Vec;
use core::net::IpAddr;

pub(super) use tftp::is_from_elsewhere;

/// A protocol of datagrams.
#[derive(Debug)]
struct Speech {
    /// Where it is spoken by habit.
    ports: &'static [u16],
    /// What a service that speaks it is called, at whichever port.
    names: &'static [&'static str],
    /// The datagram that is known by a number; where there is none, nothing can be asked that leaves no trace.
    first: Option<fn(&Ask) -> Vec<u8>>,
}

/// Who is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    /// By what the datagram is known.
    pub(super) number: u64,
    pub(super) target: IpAddr,
}

const SPEECHES: &[&Speech] = &[
    &dns::SPEECH,
    &tftp::SPEECH,
    &ntp::SPEECH,
    &snmp::SPEECH,
    &quic::SPEECH,
    &ike::SPEECH,
    &ike::BEHIND_NAT,
    &syslog::SPEECH,
    &radius::SPEECH,
    &ssdp::SPEECH,
    &mdns::SPEECH,
];

/// The datagram that asks `port`, of the service of that name if one is declared; `None` where nothing can be asked that leaves no
/// trace. Who speaks nothing that is known here is sent an empty one.
pub(super) fn first_words(port: u16, service: Option<&str>, ask: &Ask) -> Option<Vec<u8>> {
    match speech(port, service) {
        Some(speech) => speech.first.map(|first| first(ask)),
        None => Some(Vec::new()),
    }
}

/// Whether there is such a datagram.
pub(super) fn is_askable(port: u16, service: Option<&str>) -> bool {
    speech(port, service).is_none_or(|speech| speech.first.is_some())
}

/// The ports at which a protocol is spoken that is known here, and that can be asked.
pub fn spoken_ports() -> impl Iterator<Item = u16> {
    SPEECHES.iter().filter(|speech| speech.first.is_some()).flat_map(|speech| speech.ports).copied()
}

/// Whether a service of that name is spoken over UDP alone, although numbers of TCP were given to it as well (RFC 6335 §7).
#[must_use]
pub fn is_of_datagrams(name: &str) -> bool {
    let is_of_both = |it: &Speech| [dns::SPEECH.names, quic::SPEECH.names].contains(&it.names);
    let mut asked = SPEECHES.iter().filter(|it| it.first.is_some() && !is_of_both(it));
    asked.any(|it| it.names.contains(&name))
}

/// What a person calls the service says more than its number.
fn speech(port: u16, service: Option<&str>) -> Option<&'static Speech> {
    let all = || SPEECHES.iter().copied();
    let named = service.and_then(|name| all().find(|it| it.names.contains(&name)));
    named.or_else(|| all().find(|it| it.ports.contains(&port)))
}

/// Whether an answer to `port` may come from another port of the host.
pub(super) fn may_move(port: u16, service: Option<&str>) -> bool {
    speech(port, service).is_some_and(|speech| speech.names == tftp::SPEECH.names)
}

#[cfg(test)]
mod testing {
    use super::Ask;

    /// Asks 192.0.2.1.
    pub(super) fn asked(number: u64) -> Ask {
        Ask { number, target: [192, 0, 2, 1].into() }
    }
}

#[cfg(test)]
mod tests {
    use super::{testing::asked, *};

    #[test]
    fn a_service_is_asked_by_its_name_and_else_by_its_number() {
        let of = |port, service| first_words(port, service, &asked(7));
        assert_eq!(of(5_300, Some("dns")), of(53, None));
        assert_eq!(of(53, Some("ntp")), of(123, None));
        assert_eq!(of(53, Some("names-of-ours")), of(53, None));
        assert_eq!(of(40_000, Some("game")), Some(Vec::new()));
        assert_eq!((of(514, None), of(5_140, Some("syslog"))), (None, None));
    }

    #[test]
    fn no_port_and_no_name_is_of_two() {
        let ports: Vec<u16> = SPEECHES.iter().flat_map(|it| it.ports).copied().collect();
        let names: Vec<&str> = SPEECHES.iter().flat_map(|it| it.names).copied().collect();
        for (place, port) in ports.iter().enumerate() {
            assert!(!ports[place + 1..].contains(port), "{port}");
        }
        for (place, name) in names.iter().enumerate() {
            assert!(!names[place + 1..].contains(name), "{name}");
        }
        assert_eq!(spoken_ports().count(), ports.len() - 1, "all but that of syslog");
    }

    /// Whichever number chance gives, each fits a packet that no link cuts (RFC 8200 §5).
    #[test]
    fn every_datagram_fits_every_link() {
        for number in [0, 1, u64::MAX, 0x8000_0000_8000_0000, 0x0123_4567_89ab_cdef] {
            for port in spoken_ports() {
                let length = first_words(port, None, &asked(number)).unwrap().len();
                assert!((1..=1_232).contains(&length), "{port}: {length}");
            }
        }
    }

    #[test]
    fn what_is_spoken_over_tcp_too_is_not_of_datagrams_alone() {
        for name in ["ntp", "snmp", "tftp", "mdns", "ssdp", "isakmp"] {
            assert!(is_of_datagrams(name), "{name}");
        }
        for name in ["domain", "dns", "https", "ssh", "syslog", ""] {
            assert!(!is_of_datagrams(name), "{name}");
        }
    }

    #[test]
    fn only_of_tftp_an_answer_comes_from_elsewhere() {
        assert!(may_move(69, None) && may_move(6_900, Some("tftp")));
        assert!(!may_move(53, None) && !may_move(69, Some("dns")) && !may_move(40_000, None));
    }
}
