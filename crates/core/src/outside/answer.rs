//! What an answer means, and whether it answers us at all: its bytes are a stranger's (RFC 9293, RFC 792, RFC 4443).

use core::net::IpAddr;

use super::{Ends, Key};
use crate::address::Family;

const TCP: u8 = 6;
/// FIN is 1, SYN 2, RST 4, ACK 16.
const FLAGS: u8 = 0x17;
const SYN_ACK: u8 = 0x12;
const RST_ACK: u8 = 0x14;
const WORD_BYTES: usize = 4;
const IPV4_BYTES_MIN: usize = 20;
const IPV6_BYTES: usize = 40;
/// What stands before the packet that an error is about.
const ICMP_BYTES: usize = 8;

/// Destination unreachable: of IPv4 the net, the host, the protocol, the port, or by decision of somebody (RFC 792, RFC 1812 §5.2.7.1).
const UNREACHABLE: (u8, &[u8]) = (3, &[0, 1, 2, 3, 9, 10, 13]);
/// The same of IPv6: no route, by decision, no address, no port, a wrong source, a route that refuses (RFC 4443 §3.1).
const UNREACHABLE_IPV6: (u8, &[u8]) = (1, &[0, 1, 3, 4, 5, 6]);
/// Of these, that the host is not found: by this one itself, that nobody on the link answers for the address (net/ipv4/arp.c,
/// `arp_error_report`; net/ipv6/ndisc.c, `ndisc_error_report`).
const NO_HOST: u8 = 1;
const NO_HOST_IPV6: u8 = 3;
/// Of these, that nobody has the port.
const NO_PORT: u8 = 3;
const NO_PORT_IPV6: u8 = 4;

/// What somebody says of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saying {
    /// A listener takes the connection.
    Open,
    /// The host refuses it.
    Closed,
    /// The packet is kept from getting there.
    Unreachable,
}

/// An answer to one of our packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The port that was asked.
    pub port: u16,
    /// What is said of it.
    pub saying: Saying,
}

/// What a segment answers; `None` where it does not acknowledge the very number by which its port was asked.
#[must_use]
pub fn of_tcp(segment: &[u8], ends: &Ends, key: &Key) -> Option<Answer> {
    let port = short(segment, 0)?;
    let saying = match *segment.get(13)? & FLAGS {
        SYN_ACK => Saying::Open,
        RST_ACK => Saying::Closed,
        _ => return None,
    };
    let is_ours = short(segment, 2)? == ends.source_port
        && long(segment, 8)? == key.sequence(ends.target, port).wrapping_add(1);
    is_ours.then_some(Answer { port, saying })
}

/// What an error of `sender` says, given without the header of IP that it came with; `None` where the packet that it quotes is none
/// of ours, or where it says that this host has not found the other.
#[must_use]
pub fn of_icmp(message: &[u8], sender: IpAddr, ends: &Ends, key: &Key) -> Option<Answer> {
    let (kind, codes) = match Family::of(ends.target) {
        Family::Ipv4 => UNREACHABLE,
        Family::Ipv6 => UNREACHABLE_IPV6,
    };
    let code = *message.get(1)?;
    let is_unreachable = *message.first()? == kind && codes.contains(&code);
    if is_unresolved(code, sender, ends.source) {
        return None;
    }
    let (target, segment) = quoted(message.get(ICMP_BYTES..)?, Family::of(ends.target))?;
    let port = short(segment, 2)?;
    let is_ours = is_unreachable
        && target == ends.target
        && short(segment, 0)? == ends.source_port
        && long(segment, 4)? == key.sequence(ends.target, port);
    is_ours.then_some(Answer { port, saying: Saying::Unreachable })
}

/// What an error says of a datagram, that `sender` sent: only the target itself can tell that nobody has the port.
///
/// A filter there that refuses by the same message looks alike (RFC 1122 §3.2.2.1, RFC 4443 §3.1).
#[must_use]
pub fn of_datagram(kind: u8, code: u8, sender: IpAddr, target: IpAddr) -> Option<Saying> {
    let ((unreachable, codes), nobody) = match Family::of(target) {
        Family::Ipv4 => (UNREACHABLE, NO_PORT),
        Family::Ipv6 => (UNREACHABLE_IPV6, NO_PORT_IPV6),
    };
    let saying = if code == nobody && sender == target { Saying::Closed } else { Saying::Unreachable };
    (kind == unreachable && codes.contains(&code)).then_some(saying)
}

/// Whether a host that is unreachable by this code, as `sender` says, was not found on the link by this host, of that address: it may
/// be found the next time.
#[must_use]
pub fn is_unresolved(code: u8, sender: IpAddr, own: IpAddr) -> bool {
    let no_host = match Family::of(own) {
        Family::Ipv4 => NO_HOST,
        Family::Ipv6 => NO_HOST_IPV6,
    };
    code == no_host && sender == own
}

/// What stands behind the header of IPv4.
#[must_use]
pub fn behind_ipv4(packet: &[u8]) -> Option<&[u8]> {
    let length = usize::from(packet.first()? & 0x0f) * WORD_BYTES;
    if length < IPV4_BYTES_MIN { None } else { packet.get(length..) }
}

/// To whom a quoted packet of TCP was sent, and its segment; we send none with extensions or in pieces.
fn quoted(packet: &[u8], family: Family) -> Option<(IpAddr, &[u8])> {
    match family {
        Family::Ipv4 => {
            let target: [u8; 4] = *packet.get(16..)?.first_chunk()?;
            let segment = behind_ipv4(packet)?;
            (*packet.get(9)? == TCP).then_some((target.into(), segment))
        }
        Family::Ipv6 => {
            let target: [u8; 16] = *packet.get(24..)?.first_chunk()?;
            let segment = packet.get(IPV6_BYTES..)?;
            (*packet.get(6)? == TCP).then_some((target.into(), segment))
        }
    }
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_be_bytes)
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::outside::syn;

    const KEY: Key = Key::new([7, 9]);
    const ROUTER: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 254));

    fn ends(source: &str, target: &str) -> Ends {
        Ends { source: source.parse().unwrap(), source_port: 40_000, target: target.parse().unwrap() }
    }

    fn four() -> Ends {
        ends("192.0.2.1", "203.0.113.7")
    }

    /// An answer of `port` with these flags that acknowledges `acknowledged`.
    fn segment(port: u16, to: u16, acknowledged: u32, flags: u8) -> Vec<u8> {
        let numbers = [0_u32, acknowledged].map(u32::to_be_bytes).concat();
        [&port.to_be_bytes()[..], &to.to_be_bytes(), &numbers, &[0x50, flags, 0, 0, 0, 0, 0, 0]].concat()
    }

    #[test]
    fn a_listener_takes_and_a_host_refuses() {
        let right = KEY.sequence(four().target, 443).wrapping_add(1);
        let of = |flags| of_tcp(&segment(443, 40_000, right, flags), &four(), &KEY).map(|it| it.saying);
        assert_eq!((of(0x12), of(0x14)), (Some(Saying::Open), Some(Saying::Closed)));
        assert_eq!(of(0x52), Some(Saying::Open), "ECN is no part of the answer");
        assert_eq!((of(0x02), of(0x10), of(0x04), of(0x11)), (None, None, None, None));
    }

    #[test]
    fn who_did_not_see_the_packet_answers_nothing() {
        let right = KEY.sequence(four().target, 443).wrapping_add(1);
        let of = |port, to, acknowledged| of_tcp(&segment(port, to, acknowledged, 0x12), &four(), &KEY);
        assert!(of(443, 40_000, right).is_some());
        assert_eq!(of(443, 40_001, right), None);
        assert_eq!(of(443, 40_000, right.wrapping_add(1)), None);
        assert_eq!(of(80, 40_000, right), None);
        let whole = segment(443, 40_000, right, 0x12);
        (0..14).for_each(|length| assert_eq!(of_tcp(&whole[..length], &four(), &KEY), None));
    }

    /// What a router quotes of IPv4: the header, here with options, and eight bytes of what follows.
    fn error_of_ipv4(ends: &Ends, port: u16, kind: u8, code: u8) -> Vec<u8> {
        let IpAddr::V4(target) = ends.target else { panic!("it is of IPv4") };
        let mut quote = [0x46, 0, 0, 48, 0, 0, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 1].to_vec();
        quote.extend(target.octets());
        quote.extend([1; 4]);
        quote.extend(&syn(ends, port, KEY.sequence(ends.target, port))[..8]);
        [&[kind, code, 0, 0, 0, 0, 0, 0], &quote[..]].concat()
    }

    #[test]
    fn an_error_that_quotes_our_packet_says_that_it_was_stopped() {
        let said = |kind, code, sender| {
            let message = error_of_ipv4(&four(), 25, kind, code);
            of_icmp(&message, sender, &four(), &KEY)
        };
        let of = |kind, code| said(kind, code, ROUTER);
        let stopped = Some(Answer { port: 25, saying: Saying::Unreachable });
        for code in [0, 1, 2, 3, 9, 10, 13] {
            assert_eq!(of(3, code), stopped, "{code}");
        }
        // Too large, time exceeded, an echo.
        assert_eq!((of(3, 4), of(11, 0), of(0, 0)), (None, None, None));
        // What this host says itself: that its filter stops it, and that it has not found the other.
        let own = four().source;
        assert_eq!((said(3, 13, own), said(3, 1, own)), (stopped, None));
    }

    #[test]
    fn an_error_about_others_is_none_of_ours() {
        let mut message = error_of_ipv4(&four(), 25, 3, 13);
        assert_eq!(of_icmp(&message, ROUTER, &ends("192.0.2.1", "203.0.113.8"), &KEY), None);
        assert_eq!(of_icmp(&message, ROUTER, &four(), &Key::new([7, 8])), None);
        (0..message.len())
            .for_each(|length| assert_eq!(of_icmp(&message[..length], ROUTER, &four(), &KEY), None));
        // Of UDP.
        message[8 + 9] = 17;
        assert_eq!(of_icmp(&message, ROUTER, &four(), &KEY), None);
    }

    #[test]
    fn ipv6_has_errors_of_its_own() {
        let ends = ends("2001:db8::1", "2001:db8::2");
        let of = |kind, code| {
            let IpAddr::V6(target) = ends.target else { panic!("it is of IPv6") };
            let header = [&[0x60, 0, 0, 0, 0, 24, 6, 64][..], &[0; 16], &target.octets()].concat();
            let quote = [&header[..], &syn(&ends, 25, KEY.sequence(ends.target, 25))].concat();
            let message = [&[kind, code, 0, 0, 0, 0, 0, 0], &quote[..]].concat();
            of_icmp(&message, ends.target, &ends, &KEY).map(|it| it.port)
        };
        for code in [0, 1, 3, 4, 5, 6] {
            assert_eq!(of(1, code), Some(25), "{code}");
        }
        assert_eq!((of(1, 2), of(2, 0), of(3, 1)), (None, None, None));
    }

    #[test]
    fn only_the_target_itself_says_that_nobody_has_a_port() {
        let router = "192.0.2.254".parse().unwrap();
        let of = |kind, code, sender| of_datagram(kind, code, sender, four().target);
        assert_eq!(of(3, 3, four().target), Some(Saying::Closed));
        assert_eq!(of(3, 3, router), Some(Saying::Unreachable));
        for code in [1, 2, 9, 10, 13] {
            assert_eq!(of(3, code, four().target), Some(Saying::Unreachable), "{code}");
        }
        assert_eq!((of(3, 4, router), of(11, 0, router), of(1, 4, router)), (None, None, None));
        let six: IpAddr = "2001:db8::2".parse().unwrap();
        let of = |kind, code| of_datagram(kind, code, six, six);
        assert_eq!(
            (of(1, 4), of(1, 3), of(1, 1)),
            (Some(Saying::Closed), Some(Saying::Unreachable), Some(Saying::Unreachable))
        );
        assert_eq!((of(3, 3), of(1, 2)), (None, None));
    }

    #[test]
    fn a_header_of_ipv4_that_lies_about_its_length_hides_what_follows() {
        assert_eq!(behind_ipv4(&[0x45; 24]), Some(&[0x45; 4][..]));
        assert_eq!(behind_ipv4(&[0x44; 24]), None);
        assert_eq!(behind_ipv4(&[0x4f; 24]), None);
        assert_eq!(behind_ipv4(&[]), None);
    }
}
