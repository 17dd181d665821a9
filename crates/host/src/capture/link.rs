//! What stands before the header of IP in a captured packet (pcap-linktype(7)).

/// The kinds that are read, as people call them.
pub const LINKS_READ: &str = "Ethernet, Linux cooked v1, Linux cooked v2, raw IP, BSD loopback";

/// One kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Ethernet,
    Cooked,
    Cooked2,
    Raw,
    Loopback,
}

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
/// IEEE 802.1Q, 802.1ad, and what was used before that.
const TAGS: [u16; 3] = [0x8100, 0x88a8, 0x9100];
/// Nobody nests more of them.
const TAGS_MAX: usize = 4;
const TAG_BYTES: usize = 4;

/// Of an Ethernet address that many share (IEEE 802.3 §3.2.3).
const IS_GROUP: u8 = 1;
/// include/uapi/linux/if_packet.h: it came for this very host, or went out from it.
const PACKET_HOST: u8 = 0;
const PACKET_OUTGOING: u8 = 4;

impl Link {
    /// That of a number; what stands above the 16 bits says something else.
    pub(super) const fn of(number: u16) -> Option<Self> {
        match number {
            0 | 108 => Some(Self::Loopback),
            1 => Some(Self::Ethernet),
            // 12 and 14 are what systems call 101 among themselves.
            12 | 14 | 101 | 228 | 229 => Some(Self::Raw),
            113 => Some(Self::Cooked),
            276 => Some(Self::Cooked2),
            _ => None,
        }
    }

    /// The bytes from the header of IP on; `None` of what is not IP, or for many.
    pub(super) fn network(self, frame: &[u8]) -> Option<&[u8]> {
        match self {
            Self::Raw => Some(frame),
            Self::Loopback => frame.get(4..),
            Self::Ethernet if frame.first()? & IS_GROUP != 0 => None,
            Self::Ethernet => tagged(number(frame, 12)?, frame.get(14..)?),
            Self::Cooked => {
                let [_, kind] = number(frame, 0)?.to_be_bytes();
                cooked(kind, number(frame, 14)?, frame.get(16..)?)
            }
            Self::Cooked2 => cooked(*frame.get(10)?, number(frame, 0)?, frame.get(20..)?),
        }
    }
}

fn cooked(kind: u8, protocol: u16, rest: &[u8]) -> Option<&[u8]> {
    matches!(kind, PACKET_HOST | PACKET_OUTGOING).then(|| tagged(protocol, rest))?
}

/// What is behind the tags of virtual networks.
fn tagged(mut protocol: u16, mut rest: &[u8]) -> Option<&[u8]> {
    for _ in 0..TAGS_MAX {
        if !TAGS.contains(&protocol) {
            break;
        }
        protocol = number(rest, 2)?;
        rest = rest.get(TAG_BYTES..)?;
    }
    matches!(protocol, IPV4 | IPV6).then_some(rest)
}

fn number(bytes: &[u8], place: usize) -> Option<u16> {
    bytes.get(place..)?.first_chunk().copied().map(u16::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: [u8; 2] = [0x45, 0];

    fn read(link: Link, header: &[u8]) -> bool {
        let frame = [header, &NETWORK].concat();
        for length in 0..header.len() {
            assert_eq!(link.network(&frame[..length]), None, "cut at {length}");
        }
        match link.network(&frame) {
            Some(network) => network == NETWORK,
            None => false,
        }
    }

    fn ethernet(first: u8, behind: &[u8]) -> bool {
        read(Link::Ethernet, &[&[first, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2], behind].concat())
    }

    #[test]
    fn ethernet_has_tags_or_none() {
        assert!(ethernet(2, &[8, 0]) && ethernet(0, &[0x86, 0xdd]));
        assert!(ethernet(2, &[0x81, 0, 0, 7, 8, 0]), "a virtual network");
        assert!(ethernet(2, &[0x88, 0xa8, 0, 7, 0x81, 0, 0, 9, 8, 0]), "two");
        assert!(ethernet(2, &[0x91, 0, 0, 7, 0x81, 0, 0, 9, 0x86, 0xdd]), "two, as it was before");
        let tag = [0x81, 0, 0, 7];
        assert!(ethernet(2, &[tag, tag, tag, tag, [8, 0, 8, 0]].concat()[..18]));
        assert!(!ethernet(2, &[tag, tag, tag, tag, tag, [8, 0, 8, 0]].concat()[..22]), "nobody does that");
        assert!(!ethernet(2, &[8, 6]), "ARP");
        assert!(!ethernet(0xff, &[8, 0]) && !ethernet(1, &[8, 0]), "for many");
    }

    #[test]
    fn cooked_packets_say_for_whom_they_are() {
        for (kind, is_read) in [(0, true), (4, true), (1, false), (2, false), (3, false)] {
            let first = [0, kind, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0];
            assert_eq!(read(Link::Cooked, &first), is_read, "{kind}");
            let second = [0x86, 0xdd, 0, 0, 0, 0, 0, 2, 0, 1, kind, 6, 1, 2, 3, 4, 5, 6, 0, 0];
            assert_eq!(read(Link::Cooked2, &second), is_read, "{kind}");
        }
    }

    #[test]
    fn the_others_have_little_or_nothing() {
        assert!(read(Link::Loopback, &[2, 0, 0, 0]) && read(Link::Loopback, &[0, 0, 0, 30]));
        assert!(read(Link::Raw, &[]));
        let kinds = [0, 1, 12, 101, 108, 113, 228, 229, 276].map(|number| Link::of(number).is_some());
        assert_eq!(kinds, [true; 9]);
        assert_eq!(Link::of(105), None, "802.11");
    }
}
