//! Gives bytes to the readers of what answers a scan: whoever sends them chose each.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use portreeve_core::outside::{
    Answer, Datagrams, Ends, Key, SYN_BYTES, Step, Wanted, behind_ipv4, of_datagram, of_icmp, of_tcp, syn,
};

/// The shortest answer of TCP, and what an error quotes of ours.
const ANSWER_BYTES_MIN: usize = 14;
const KEY: Key = Key::new([7, 9]);

/// The ports of UDP that are asked: one whose answers come from elsewhere is among them.
const PORTS: [u16; 3] = [53, 69, 40_000];

/// The bytes are a segment and an error, with a header of IPv4 before them and without, from a host of either family; and the
/// port that a datagram comes from, an error's type and code, and what the datagram says.
pub(crate) fn feed(bytes: &[u8]) {
    let four = Ends { source: [192, 0, 2, 1].into(), source_port: 40_000, target: [203, 0, 113, 7].into() };
    let six = |last| [0x2001, 0xdb8, 0, 0, 0, 0, 0, last].into();
    let six = Ends { source: six(1), source_port: 40_000, target: six(2) };
    for ends in [four, six] {
        let all = [Some(bytes), behind_ipv4(bytes)];
        hear(bytes, ends.target);
        for bytes in all.into_iter().flatten() {
            assert!(of_tcp(bytes, &ends, &KEY).is_none_or(|answer| is_proven(answer, &ends, bytes)));
            assert!(
                of_icmp(bytes, ends.target, &ends, &KEY).is_none_or(|answer| is_proven(answer, &ends, bytes))
            );
        }
    }
}

/// Who answers has seen the number of the packet that asked.
fn is_proven(answer: Answer, ends: &Ends, bytes: &[u8]) -> bool {
    let number = KEY.sequence(ends.target, answer.port);
    let follows = |number: u32| bytes.windows(4).any(|four| four == number.to_be_bytes());
    bytes.len() >= ANSWER_BYTES_MIN
        && syn(ends, answer.port, number).len() == SYN_BYTES
        && (follows(number) || follows(number.wrapping_add(1)))
}

/// Whoever answers, and whatever he says, each port that was asked is told once and no other is.
fn hear(bytes: &[u8], target: IpAddr) {
    let wanted = Wanted { ports: &PORTS, rate_max: 1_000 };
    let mut scan = Datagrams::new(wanted, target, BTreeMap::new(), KEY);
    for second in 0..3 {
        assert_eq!(scan.step(Duration::from_secs(second), &mut Vec::new()), Step::Send);
    }
    let now = Duration::from_secs(2);
    if let [high, low, kind, code, words @ ..] = bytes {
        let port = u16::from_be_bytes([*high, *low]);
        scan.hear(now, port, words);
        if let Some(saying) = of_datagram(*kind, *code, target, target) {
            scan.told(now, Answer { port, saying }, target);
        }
    }
    assert!(scan.outcome().glimpses.iter().map(|glimpse| glimpse.port).eq(PORTS));
}
