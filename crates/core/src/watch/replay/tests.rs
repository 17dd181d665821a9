//! Each packet of a capture is told of as the kernel would have told of it, and of nothing else.

use alloc::{vec, vec::Vec};

use super::*;
use crate::{port::PortRange, watch::evidence::FIN};

const OWN: &str = "192.0.2.1";
const STRANGER: &str = "203.0.113.7";
/// Of the host's own handshakes.
const FIRST: u32 = u32::MAX;

fn known() -> Known {
    Known {
        declared: [(Protocol::Tcp, PortRange::one(443))].into(),
        client_range: Some(PortRange { first: 32_768, last: 60_999 }),
        own: vec![OWN.parse().unwrap(), "2001:db8::1".parse().unwrap()],
        ..Known::default()
    }
}

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_700_000_000_000 + milliseconds).unwrap()
}

/// What a stranger sends from port 50 to one of the host's.
fn comes(milliseconds: i64, port: u16, flags: u8) -> Packet {
    let (from, to) = (STRANGER.parse().unwrap(), OWN.parse().unwrap());
    let touch = Touch { from, to, protocol: Protocol::Tcp, from_port: 50, port, flags };
    Packet { at: at(milliseconds), touch, sequence: 7, acknowledged: 0 }
}

/// What the host sends back to him.
fn goes(milliseconds: i64, port: u16, flags: u8) -> Packet {
    let packet = comes(milliseconds, port, flags);
    let Touch { from, to, from_port, port, .. } = packet.touch;
    let touch = Touch { from: to, to: from, from_port: port, port: from_port, ..packet.touch };
    Packet { touch, sequence: FIRST, acknowledged: 8, ..packet }
}

fn datagram(packet: Packet) -> Packet {
    let touch = Touch { protocol: Protocol::Udp, flags: 0, ..packet.touch };
    Packet { touch, sequence: 0, acknowledged: 0, ..packet }
}

fn acknowledging(packet: Packet, acknowledged: u32) -> Packet {
    Packet { acknowledged, ..packet }
}

/// What is told of these, in order: a port that was touched, or a handshake.
fn told(packets: &[Packet]) -> Vec<Option<u16>> {
    let mut replay = Replay::new([1, 2], at(0));
    let mut told = Vec::new();
    let mut hear = |event: &Event<'static>| {
        told.push(match event.what {
            Happening::Touch(touch) => Some(touch.port),
            _ => None,
        });
    };
    for packet in packets {
        replay.step(&known(), packet, &mut hear);
    }
    replay.finish(hear);
    told
}

#[test]
fn what_is_not_answered_or_refused_is_a_touch() {
    assert_eq!(told(&[comes(0, 23, SYN)]), [Some(23)], "dropped");
    assert_eq!(told(&[comes(0, 23, SYN), goes(1, 23, RST | ACK)]), [Some(23)], "refused");
    for flags in [0, FIN, FIN | 0x28, ACK] {
        assert_eq!(told(&[comes(0, 23, flags)]), [Some(23)], "{flags:#x}");
    }
    assert_eq!(told(&[datagram(comes(0, 161, 0))]), [Some(161)]);
}

#[test]
fn what_is_answered_or_declared_is_none() {
    assert_eq!(told(&[comes(0, 8_080, SYN), goes(1, 8_080, SYN | ACK)]), [], "somebody listens");
    assert_eq!(told(&[comes(0, 443, SYN)]), [], "it is declared");
    assert_eq!(told(&[comes(0, 22, ACK), goes(900, 22, ACK)]), [], "it began before the capture");
    assert_eq!(told(&[goes(0, 22, ACK), comes(5_000, 22, ACK)]), [], "so did this");
    assert_eq!(told(&[goes(0, 8_080, FIN | ACK), comes(1, 8_080, FIN | ACK)]), []);
    let [asks, hears] = [datagram(goes(0, 9_999, 0)), datagram(comes(1, 9_999, 0))];
    assert_eq!(told(&[asks, hears]), [], "the host asked");
    assert_eq!(told(&[hears, asks]), [], "the host answers");
    assert_eq!(told(&[comes(0, 40_000, SYN | ACK), comes(1, 23, RST)]), [], "answers");
}

#[test]
fn an_answer_is_one_in_the_same_connection_and_in_time() {
    let late = [comes(0, 23, SYN), comes(1_000, 443, SYN), goes(1_001, 23, SYN | ACK)];
    assert_eq!(told(&late), [Some(23)]);
    assert_eq!(told(&[comes(0, 23, SYN), goes(1_000, 23, SYN | ACK)]), [], "at the last moment");
    let other = [comes(0, 23, SYN), goes(1, 8_080, SYN | ACK)];
    assert_eq!(told(&other), [Some(23)], "another port");
    assert_eq!(told(&[comes(0, 23, SYN), datagram(goes(1, 23, 0))]), [Some(23)], "another protocol");
}

#[test]
fn whoever_acknowledges_what_was_sent_to_him_is_there() {
    let shaken = |acknowledged, flags| {
        let last = acknowledging(comes(2, 443, flags), acknowledged);
        told(&[comes(0, 443, SYN), goes(1, 443, SYN | ACK), last, last])
    };
    assert_eq!(shaken(0, ACK), [None], "the numbers go round, and it is a proof once");
    assert_eq!(shaken(0, ACK | 0x08), [None], "with data");
    assert_eq!(shaken(1, ACK), [], "he guesses");
    assert_eq!(shaken(FIRST, ACK), [], "he guesses");
    assert_eq!(shaken(0, RST | ACK), [], "he refuses it");
    assert_eq!(told(&[acknowledging(comes(0, 443, ACK), 0)]), [], "nothing was sent to him");
}

#[test]
fn events_leave_in_the_order_in_which_they_happened() {
    let packets = [
        comes(0, 23, SYN),
        comes(1, 443, SYN),
        goes(2, 443, SYN | ACK),
        acknowledging(comes(3, 443, ACK), 0),
        comes(4, 25, SYN),
    ];
    assert_eq!(told(&packets), [Some(23), None, Some(25)]);
    let mut replay = Replay::new([1, 2], at(0));
    let mut count = 0;
    for packet in packets {
        replay.step(&known(), &packet, |_| count += 1);
    }
    replay.step(&known(), &comes(1_002, 443, SYN), |event| {
        assert_eq!(event.at, at(0), "it is told at its own time");
        count += 1;
    });
    assert_eq!(count, 1, "one waited for a second");
}

#[test]
fn what_is_for_many_or_from_nobody_is_none() {
    let from = |address: &str| {
        let packet = comes(0, 23, SYN);
        told(&[Packet { touch: Touch { from: address.parse().unwrap(), ..packet.touch }, ..packet }])
    };
    for nobody in ["0.0.0.0", "255.255.255.255", "224.0.0.1", "ff02::1", "::", "127.0.0.1", OWN] {
        assert_eq!(from(nobody), [], "{nobody}");
    }
    let to = |address: &str| {
        let packet = comes(0, 23, SYN);
        let packet = Packet { touch: Touch { to: address.parse().unwrap(), ..packet.touch }, ..packet };
        (Replay::new([1, 2], at(0)).step(&known(), &packet, |_| ()), told(&[packet]))
    };
    for other in ["255.255.255.255", "192.0.2.255", "224.0.0.251", "ff02::1", "198.51.100.1"] {
        assert_eq!(to(other), (Way::Past, vec![]), "{other}");
    }
    assert_eq!(to("::ffff:192.0.2.1"), (Way::In, vec![Some(23)]));
    assert_eq!(from("::ffff:203.0.113.7"), [Some(23)]);
}

#[test]
fn a_flood_is_decided_sooner_and_takes_no_more_room() {
    let mut replay = Replay::new([1, 2], at(0));
    let mut count = 0;
    let most = u32::try_from(WAITING_MAX).unwrap();
    for nth in 0..most + 10 {
        let packet = comes(0, 23, SYN);
        let touch = Touch { from: Ipv4Addr::from_bits(0x0b00_0000 + nth).into(), ..packet.touch };
        replay.step(&known(), &Packet { touch, ..packet }, |_| count += 1);
    }
    assert_eq!((count, replay.waiting.len()), (10, WAITING_MAX));
}

#[test]
fn it_takes_what_it_says() {
    let flows = size_of::<[(u32, u32, Flow); 8]>() * BUCKETS;
    assert!(flows + size_of::<Waiting>() * WAITING_MAX <= 10 << 20);
}
