//! Who sent a packet to whom, as far as its headers go (RFC 791, 768, 8200, 9293).
//!
//! Checksums are not compared: a host whose network card works them out captures what it sends before they are there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use jiff::Timestamp;
use portreeve_core::{
    port::Protocol,
    watch::{Packet, Touch},
};

/// What the headers of a packet tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Headers {
    /// From which port to which.
    Ports(Ports),
    /// It has ports, and they do not stand there: it was cut before them, or is no first fragment.
    Portless,
    /// It has none, or nobody's network lets it through.
    Other,
}

/// A packet, but for its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ports {
    touch: Touch,
    sequence: u32,
    acknowledged: u32,
}

/// What IP hands on.
struct Payload<'p> {
    from: IpAddr,
    to: IpAddr,
    protocol: u8,
    bytes: &'p [u8],
    /// Whether others belong to it.
    is_fragment: bool,
    /// Whether what belongs before it came with another.
    is_later: bool,
}

const IPV4_BYTES_MIN: usize = 20;
const IPV6_BYTES: usize = 40;
/// The part of IPv4's field that is a fragment's place, and the bit that more follow.
const OFFSET: u16 = 0x1fff;
const MORE: u16 = 0x2000;
/// The same of IPv6's fragment header.
const OFFSET6: u16 = 0xfff8;
const MORE6: u16 = 1;

/// Headers that stand between IPv6 and what it carries (IANA, IPv6 Extension Header Types).
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;
/// Whoever sends more of them wants nobody to read on.
const EXTENSIONS_MAX: usize = 16;

/// As far as the flags of TCP, and as far as the ports of UDP.
const TCP_BYTES_MIN: usize = 14;
const UDP_BYTES_MIN: usize = 4;
const TCP_FLAGS: usize = 13;

impl Headers {
    /// Reads from the header of IP on.
    pub(super) fn read(network: &[u8]) -> Self {
        let payload = match network.first().map(|first| first >> 4) {
            Some(4) => Payload::of_ipv4(network),
            Some(6) => Payload::of_ipv6(network),
            _ => None,
        };
        payload.map_or(Self::Other, |payload| payload.headers())
    }
}

impl Ports {
    /// The packet that was sent then.
    pub(super) const fn at(self, at: Timestamp) -> Packet {
        let Self { touch, sequence, acknowledged } = self;
        Packet { at, touch, sequence, acknowledged }
    }
}

impl<'p> Payload<'p> {
    fn of_ipv4(network: &'p [u8]) -> Option<Self> {
        let header: &[u8; IPV4_BYTES_MIN] = network.first_chunk()?;
        let length = usize::from(header[0] & 0xf) * 4;
        let fragment = u16::from_be_bytes([header[6], header[7]]);
        if length < IPV4_BYTES_MIN {
            return None;
        }
        Some(Self {
            from: Ipv4Addr::from(*header[12..].first_chunk()?).into(),
            to: Ipv4Addr::from(*header[16..].first_chunk()?).into(),
            protocol: header[9],
            bytes: within(network, length, usize::from(u16::from_be_bytes([header[2], header[3]]))),
            is_fragment: fragment & (OFFSET | MORE) != 0,
            is_later: fragment & OFFSET != 0,
        })
    }

    /// An address that writes one of IPv4 (RFC 4291 §2.5.5.2) is forged: Linux lets no such packet in.
    fn of_ipv6(network: &'p [u8]) -> Option<Self> {
        let header: &[u8; IPV6_BYTES] = network.first_chunk()?;
        let [from, to] = [8, 24].map(|place| header[place..].first_chunk().copied().map(Ipv6Addr::from));
        let (from, to) = (from?, to?);
        if from.to_ipv4_mapped().is_some() || to.to_ipv4_mapped().is_some() {
            return None;
        }
        let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
        let end = if length == 0 { 0 } else { IPV6_BYTES + length };
        let bytes = within(network, IPV6_BYTES, end);
        let (from, to, protocol) = (from.into(), to.into(), header[6]);
        Some(Self { from, to, protocol, bytes, is_fragment: false, is_later: false }.without_extensions())
    }

    fn without_extensions(mut self) -> Self {
        for _ in 0..EXTENSIONS_MAX {
            // What follows in a later fragment is in the middle of something.
            if self.is_later || !self.passes_extension() {
                break;
            }
        }
        self
    }

    /// Whether there was one more; where it does not stand there whole, nothing is known of what it carries.
    fn passes_extension(&mut self) -> bool {
        let length = match (self.protocol, self.bytes) {
            (HOP_BY_HOP | ROUTING | DESTINATION, [_, length, ..]) => 8 + usize::from(*length) * 8,
            (AUTHENTICATION, [_, length, ..]) => 8 + usize::from(*length) * 4,
            (FRAGMENT, [_, _, high, low, ..]) => {
                let place = u16::from_be_bytes([*high, *low]);
                self.is_fragment |= place & (OFFSET6 | MORE6) != 0;
                self.is_later |= place & OFFSET6 != 0;
                8
            }
            _ => return false,
        };
        let Some((extension, rest)) = self.bytes.split_at_checked(length) else { return false };
        self.protocol = extension[0];
        self.bytes = rest;
        true
    }

    fn headers(&self) -> Headers {
        let read = match self.protocol {
            HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION if self.from.is_ipv6() => None,
            protocol if protocol == Protocol::Tcp.number() => self.tcp(),
            protocol if protocol == Protocol::Udp.number() => self.udp(),
            _ => return Headers::Other,
        };
        read.filter(|_| !self.is_later).map_or(Headers::Portless, Headers::Ports)
    }

    fn udp(&self) -> Option<Ports> {
        let touch = self.touch(Protocol::Udp, 0)?;
        Some(Ports { touch, sequence: 0, acknowledged: 0 })
    }

    /// No network is so narrow that a header has to be split (RFC 1858): of whoever does that the flags are none, which begin no
    /// connection either.
    fn tcp(&self) -> Option<Ports> {
        let Some(header) = self.bytes.first_chunk::<TCP_BYTES_MIN>() else {
            let touch = self.touch(Protocol::Tcp, 0)?;
            return self.is_fragment.then_some(Ports { touch, sequence: 0, acknowledged: 0 });
        };
        let number = |place: usize| header[place..].first_chunk().copied().map(u32::from_be_bytes);
        let touch = self.touch(Protocol::Tcp, header[TCP_FLAGS])?;
        Some(Ports { touch, sequence: number(4)?, acknowledged: number(8)? })
    }

    fn touch(&self, protocol: Protocol, flags: u8) -> Option<Touch> {
        let [from_high, from_low, high, low] = *self.bytes.first_chunk::<UDP_BYTES_MIN>()?;
        let (from, to) = (self.from, self.to);
        let from_port = u16::from_be_bytes([from_high, from_low]);
        Some(Touch { from, to, protocol, from_port, port: u16::from_be_bytes([high, low]), flags })
    }
}

/// From a header's end to that of the packet; a length that cannot be is left for a card to fill in, or was cut off since.
fn within(packet: &[u8], from: usize, to: usize) -> &[u8] {
    let to = if to < from { packet.len() } else { to.min(packet.len()) };
    packet.get(from..to).unwrap_or_default()
}

#[cfg(test)]
mod tests;
