//! Connections as conntrack tells of them while they open (include/uapi/linux/netfilter/nfnetlink_conntrack.h).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portreeve_core::{port::Protocol, watch::Tracked};

use crate::sys::netlink::{Family, Message, Netlink, NetlinkError, attributes, bytes_at};

/// NFNL_SUBSYS_CTNETLINK, in the upper byte of a message's kind (include/uapi/linux/netfilter/nfnetlink.h).
const CONNTRACK: u16 = 1 << 8;
/// IPCTNL_MSG_CT_NEW, which tells of what is there, and IPCTNL_MSG_CT_GET_STATS.
const TELLS: u16 = CONNTRACK;
const GET_STATISTICS: u16 = CONNTRACK | 5;
/// NFNLGRP_CONNTRACK_UPDATE, the second one: a connection begins in SYN_SENT, so whatever opens is an update.
const UPDATES: u32 = 1 << 1;
/// struct nfgenmsg: the family, the version, and a number of which nothing is made here.
const HEADER_BYTES: usize = 4;
/// CTA_TUPLE_ORIG, CTA_STATUS, CTA_PROTOINFO and CTA_ZONE.
const ORIGINAL: u16 = 1;
const STATUS: u16 = 3;
const PROTOCOL: u16 = 4;
const ZONE: u16 = 18;
/// CTA_TUPLE_IP, with CTA_IP_V4_SRC, CTA_IP_V4_DST, CTA_IP_V6_SRC and CTA_IP_V6_DST.
const ADDRESSES: u16 = 1;
const IPV4: [u16; 2] = [1, 2];
const IPV6: [u16; 2] = [3, 4];
/// CTA_TUPLE_PROTO, with CTA_PROTO_NUM, CTA_PROTO_SRC_PORT and CTA_PROTO_DST_PORT.
const PORTS: u16 = 2;
const NUMBER: u16 = 1;
const SOURCE: u16 = 2;
const DESTINATION: u16 = 3;
/// CTA_PROTOINFO_TCP, with CTA_PROTOINFO_TCP_STATE.
const TCP: u16 = 1;
const STATE: u16 = 1;

/// Begins to hear of them.
pub(super) fn open() -> Result<Netlink, NetlinkError> {
    // What tells is loaded by that, where it was not yet.
    Netlink::open(Family::Netfilter)?.ask(GET_STATISTICS, &[0; HEADER_BYTES], |_| {})?;
    Netlink::hearing(Family::Netfilter, UPDATES)
}

/// The connection of a message.
pub(super) fn told(message: &Message<'_>) -> Option<Tracked> {
    (message.kind == TELLS).then(|| read(message.payload))?
}

/// Reads the payload of one; `None` of another protocol, of a zone of its own, and where something is missing.
#[must_use]
pub fn read(message: &[u8]) -> Option<Tracked> {
    let all = message.get(HEADER_BYTES..)?;
    let original = value(all, ORIGINAL)?;
    let ports = value(original, PORTS)?;
    if value(all, ZONE).is_some() || value(ports, NUMBER)? != [Protocol::Tcp.number()] {
        return None;
    }
    let port = |kind| value(ports, kind).and_then(|value| bytes_at(value, 0)).map(u16::from_be_bytes);
    let [from, to] = ends(value(original, ADDRESSES)?)?;
    let status = bytes_at(value(all, STATUS)?, 0).map(u32::from_be_bytes)?;
    let state = *value(value(value(all, PROTOCOL)?, TCP)?, STATE)?.first()?;
    Some(Tracked { from: (from, port(SOURCE)?), to: (to, port(DESTINATION)?), state, status })
}

/// Who opened it, and to whom.
fn ends(addresses: &[u8]) -> Option<[IpAddr; 2]> {
    let ipv4 = |kind| {
        value(addresses, kind).and_then(|value| bytes_at(value, 0)).map(|it: [u8; 4]| Ipv4Addr::from(it))
    };
    let ipv6 = |kind| {
        value(addresses, kind).and_then(|value| bytes_at(value, 0)).map(|it: [u8; 16]| Ipv6Addr::from(it))
    };
    match (IPV4.map(ipv4), IPV6.map(ipv6)) {
        ([Some(from), Some(to)], _) => Some([from.into(), to.into()]),
        (_, [Some(from), Some(to)]) => Some([from.into(), to.into()]),
        _ => None,
    }
}

fn value(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    attributes(bytes).find_map(|(kind, value)| (kind == wanted).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::netlink::attribute;

    /// NLA_F_NESTED (include/uapi/linux/netlink.h).
    const NESTED: u16 = 1 << 15;

    fn nested(kind: u16, values: &[Vec<u8>]) -> Vec<u8> {
        attribute(kind | NESTED, &values.concat())
    }

    fn original(protocol: u8) -> Vec<u8> {
        let addresses = nested(ADDRESSES, &[attribute(1, &[203, 0, 113, 7]), attribute(2, &[192, 0, 2, 1])]);
        let ports = nested(
            PORTS,
            &[attribute(NUMBER, &[protocol]), attribute(2, &[0x9c, 0x40]), attribute(3, &[0, 22])],
        );
        nested(ORIGINAL, &[addresses, ports])
    }

    fn message(parts: &[Vec<u8>]) -> Vec<u8> {
        [vec![2, 0, 0, 0], parts.concat()].concat()
    }

    fn established() -> [Vec<u8>; 3] {
        let state = nested(PROTOCOL, &[nested(TCP, &[attribute(STATE, &[3])])]);
        [original(6), attribute(STATUS, &0xe_u32.to_be_bytes()), state]
    }

    #[test]
    fn a_connection_is_read_with_both_ends() {
        let (from, to) = (([203, 0, 113, 7].into(), 40_000), ([192, 0, 2, 1].into(), 22));
        assert_eq!(read(&message(&established())), Some(Tracked { from, to, state: 3, status: 0xe }));
    }

    #[test]
    fn ends_of_ipv6_are_read() {
        let [from, to] = ["2001:db8:51::7", "2001:db8::1"].map(|it| it.parse::<Ipv6Addr>().unwrap());
        let addresses = [attribute(3, &from.octets()), attribute(4, &to.octets())].concat();
        assert_eq!(ends(&addresses), Some([from.into(), to.into()]));
        assert_eq!(ends(&addresses[..20]), None);
    }

    #[test]
    fn what_is_not_whole_is_none() {
        let all = established();
        for missing in 0..all.len() {
            let mut parts = all.to_vec();
            parts.remove(missing);
            assert_eq!(read(&message(&parts)), None, "{missing}");
        }
        let bytes = message(&all);
        for length in 0..bytes.len() - 4 {
            assert_eq!(read(&bytes[..length]), None, "{length}");
        }
    }

    #[test]
    fn another_protocol_and_another_zone_are_none() {
        let [_, status, state] = established();
        assert_eq!(read(&message(&[original(17), status.clone(), state.clone()])), None);
        let zone = attribute(ZONE, &[0, 1]);
        assert_eq!(read(&message(&[original(6), status, state, zone])), None);
    }
}
