//! Headers as strangers write them.

use super::*;

const TCP: [u8; 20] = [0x9c, 0x40, 0, 23, 0, 0, 0, 7, 0, 0, 0, 9, 0x50, 0x02, 0, 0, 0, 0, 0, 0];
const UDP: [u8; 8] = [0x9c, 0x40, 0, 161, 0, 8, 0, 0];

/// From 203.0.113.7 to 192.0.2.1.
fn ipv4(fragment: u16, protocol: u8, carries: &[u8]) -> Vec<u8> {
    let [high, low] = fragment.to_be_bytes();
    let total = u8::try_from(20 + carries.len()).unwrap();
    let header = [0x45, 0, 0, total, 0, 1, high, low, 64, protocol, 0, 0, 203, 0, 113, 7, 192, 0, 2, 1];
    [&header, carries].concat()
}

/// From 2001:db8:7::1 to 2001:db8::1.
fn ipv6(next: u8, carries: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(carries.len()).unwrap().to_be_bytes();
    let from = "2001:db8:7::1".parse::<Ipv6Addr>().unwrap().octets();
    let to = "2001:db8::1".parse::<Ipv6Addr>().unwrap().octets();
    [&[0x60, 0, 0, 0, high, low, next, 64], from.as_slice(), &to, carries].concat()
}

fn ports(network: &[u8]) -> Option<Ports> {
    match Headers::read(network) {
        Headers::Ports(ports) => Some(ports),
        _ => None,
    }
}

/// The protocol, the port and the flags.
fn asks(network: &[u8]) -> Option<(Protocol, u16, u8)> {
    ports(network).map(|Ports { touch, .. }| (touch.protocol, touch.port, touch.flags))
}

const SYN_TO_23: Option<(Protocol, u16, u8)> = Some((Protocol::Tcp, 23, 2));

#[test]
fn a_segment_is_read_as_far_as_its_flags() {
    let touch = Touch {
        from: [203, 0, 113, 7].into(),
        to: [192, 0, 2, 1].into(),
        protocol: Protocol::Tcp,
        from_port: 40_000,
        port: 23,
        flags: 2,
    };
    let whole = ipv4(0, 6, &TCP);
    assert_eq!(ports(&whole), Some(Ports { touch, sequence: 7, acknowledged: 9 }));
    for length in 0..whole.len() {
        let expected = match length {
            0..20 => Headers::Other,
            20..34 => Headers::Portless,
            _ => Headers::read(&whole),
        };
        assert_eq!(Headers::read(&whole[..length]), expected, "cut at {length}");
    }
}

#[test]
fn a_datagram_is_read_as_far_as_its_ports() {
    assert_eq!(asks(&ipv4(0, 17, &UDP)), Some((Protocol::Udp, 161, 0)));
    assert_eq!(asks(&ipv4(0, 17, &UDP)[..24]), Some((Protocol::Udp, 161, 0)));
    assert_eq!(Headers::read(&ipv4(0, 17, &UDP)[..23]), Headers::Portless);
    assert_eq!(Headers::read(&ipv4(0, 1, &UDP)), Headers::Other, "ICMP");
    assert_eq!(asks(&ipv6(17, &UDP)), Some((Protocol::Udp, 161, 0)));
}

#[test]
fn of_fragments_the_first_has_the_ports() {
    assert_eq!(asks(&ipv4(MORE, 6, &TCP)), SYN_TO_23);
    assert_eq!(asks(&ipv4(0x4000, 6, &TCP)), SYN_TO_23, "it must not be split");
    assert_eq!(Headers::read(&ipv4(MORE | 1, 6, &TCP)), Headers::Portless);
    assert_eq!(Headers::read(&ipv4(185, 17, &UDP)), Headers::Portless, "the last");
    assert_eq!(asks(&ipv4(MORE, 6, &TCP[..8])), Some((Protocol::Tcp, 23, 0)), "it was split on purpose");
    let fragment = |place: u16| {
        let [high, low] = place.to_be_bytes();
        ipv6(FRAGMENT, &[&[6, 0, high, low, 0, 0, 0, 1], TCP.as_slice()].concat())
    };
    assert_eq!(asks(&fragment(MORE6)), SYN_TO_23);
    assert_eq!(asks(&fragment(0)), SYN_TO_23, "it is no fragment at all");
    assert_eq!(Headers::read(&fragment(8)), Headers::Portless);
}

#[test]
fn extensions_are_passed_over() {
    let options = |next: u8| [next, 0, 1, 4, 0, 0, 0, 0];
    let long = [6, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let authentication = [6, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1];
    let chains: [(u8, Vec<u8>); 5] = [
        (HOP_BY_HOP, options(6).into()),
        (HOP_BY_HOP, [options(DESTINATION), options(6)].concat()),
        (HOP_BY_HOP, [options(ROUTING), options(HOP_BY_HOP), options(6)].concat()),
        (DESTINATION, long.into()),
        (AUTHENTICATION, authentication.into()),
    ];
    for (first, chain) in chains {
        let whole = ipv6(first, &[&chain, TCP.as_slice()].concat());
        assert_eq!(asks(&whole), SYN_TO_23, "{first} {chain:?}");
        for length in IPV6_BYTES..IPV6_BYTES + chain.len() + TCP_BYTES_MIN {
            assert_eq!(Headers::read(&whole[..length]), Headers::Portless, "{first} {chain:?} {length}");
        }
    }
    let endless = options(DESTINATION).repeat(EXTENSIONS_MAX + 1);
    assert_eq!(Headers::read(&ipv6(DESTINATION, &endless)), Headers::Portless);
    assert_eq!(Headers::read(&ipv6(DESTINATION, &[6, 255, 0, 0])), Headers::Portless, "it says too much");
    assert_eq!(Headers::read(&ipv6(59, &TCP)), Headers::Other, "nothing follows");
}

#[test]
fn lengths_that_cannot_be_are_not_believed() {
    let mut packet = ipv4(0, 6, &TCP);
    for total in [0_u16, 19, 0xffff] {
        packet[2..4].copy_from_slice(&total.to_be_bytes());
        assert_eq!(asks(&packet), SYN_TO_23, "{total}");
    }
    packet[2..4].copy_from_slice(&33_u16.to_be_bytes());
    assert_eq!(Headers::read(&packet), Headers::Portless, "what follows is padding");
    packet[0] = 0x44;
    assert_eq!(Headers::read(&packet), Headers::Other, "a header of 16 bytes");
    packet[0] = 0x4f;
    assert_eq!(Headers::read(&packet), Headers::Portless, "a header that is longer than it all");
    let mut jumbo = ipv6(6, &TCP);
    jumbo[4..6].fill(0);
    assert_eq!(asks(&jumbo), SYN_TO_23);
    for nothing in [[].as_slice(), &[0x45], &[0x60; 39], &[0; 60], &[0xff; 60]] {
        assert_eq!(Headers::read(nothing), Headers::Other);
    }
}

#[test]
fn an_ipv4_address_in_a_header_of_ipv6_is_nobodys() {
    let mapped = "::ffff:203.0.113.7".parse::<Ipv6Addr>().unwrap().octets();
    for place in [8, 24] {
        let mut packet = ipv6(6, &TCP);
        packet[place..place + 16].copy_from_slice(&mapped);
        assert_eq!(Headers::read(&packet), Headers::Other, "at {place}");
    }
}
