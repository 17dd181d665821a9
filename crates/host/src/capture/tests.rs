//! Captures as they are, and as no tool writes them.

use std::io::{BufReader, Read};

use super::*;

/// An IPv4 packet: a SYN of 203.0.113.7 to port 23 of 192.0.2.1.
const SYN: [u8; 40] = [
    0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 203, 0, 113, 7, 192, 0, 2, 1, //
    0x9c, 0x40, 0, 23, 0, 0, 0, 7, 0, 0, 0, 0, 0x50, 0x02, 0, 0, 0, 0, 0, 0,
];
const ETHERNET: [u8; 14] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
const RAW: u32 = 101;

type Order = fn(u32) -> [u8; 4];
const LITTLE: Order = u32::to_le_bytes;
const BIG: Order = u32::to_be_bytes;

fn numbers(order: Order, numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| order(*number)).collect()
}

fn halves(order: Order, high: u32, low: u32) -> u32 {
    // Two numbers of 16 bits, the first of which stands first.
    if order(1) == LITTLE(1) { low << 16 | high } else { high << 16 | low }
}

fn pcap(order: Order, magic: u32, link: u32) -> Vec<u8> {
    numbers(order, &[magic, halves(order, 2, 4), 0, 0, 65_535, link])
}

fn record(order: Order, seconds: u32, beyond: u32, bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap();
    [numbers(order, &[seconds, beyond, length, length]), bytes.to_vec()].concat()
}

fn block(order: Order, kind: u32, body: &[u8]) -> Vec<u8> {
    let body = [body, &vec![0; body.len().next_multiple_of(4) - body.len()]].concat();
    let length = u32::try_from(body.len() + 12).unwrap();
    [numbers(order, &[kind, length]), body, numbers(order, &[length])].concat()
}

fn section(order: Order) -> Vec<u8> {
    block(order, 0x0a0d_0d0a, &numbers(order, &[0x1a2b_3c4d, halves(order, 1, 0), u32::MAX, u32::MAX]))
}

/// An interface of this link type, with its options.
fn interface(order: Order, link: u32, options: &[u8]) -> Vec<u8> {
    block(order, 1, &[&numbers(order, &[halves(order, link, 0), 0]), options].concat())
}

fn packet(order: Order, interface: u32, units: u64, bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap();
    let (high, low) = (u32::try_from(units >> 32).unwrap(), (units & 0xffff_ffff) as u32);
    block(order, 6, &[&numbers(order, &[interface, high, low, length, length]), bytes].concat())
}

/// When each packet was, what was counted, and how it ended.
fn read(bytes: &[u8]) -> Result<(Vec<String>, Counts, End), CaptureError> {
    let mut capture = Capture::open(BufReader::new(io::Cursor::new(bytes.to_vec())))?;
    let mut moments = Vec::new();
    while let Some(packet) = capture.next_packet()? {
        assert_eq!((packet.touch.port, packet.touch.flags, packet.sequence), (23, 2, 7));
        moments.push(packet.at.to_string());
    }
    assert!(capture.next_packet()?.is_none(), "the end stays the end");
    Ok((moments, capture.counts(), capture.end()))
}

fn moments(bytes: &[u8]) -> Vec<String> {
    let (moments, counts, end) = read(bytes).unwrap();
    assert_eq!((counts.packets, counts.portless, end), (moments.len() as u64, 0, End::Whole));
    moments
}

#[test]
fn pcap_is_read_in_either_order_and_by_either_clock() {
    for order in [LITTLE, BIG] {
        let one = |magic| [pcap(order, magic, RAW), record(order, 1_700_000_000, 500, &SYN)].concat();
        assert_eq!(moments(&one(0xa1b2_c3d4)), ["2023-11-14T22:13:20.0005Z"]);
        assert_eq!(moments(&one(0xa1b2_3c4d)), ["2023-11-14T22:13:20.0000005Z"]);
        assert!(Capture::begins(&one(0xa1b2_c3d4)) && Capture::begins(&one(0xa1b2_3c4d)));
    }
    let late = [pcap(LITTLE, 0xa1b2_c3d4, RAW), record(LITTLE, u32::MAX, u32::MAX, &SYN)].concat();
    assert_eq!(moments(&late), ["2106-02-07T07:39:49.967295Z"], "no second has so many microseconds");
    assert_eq!(moments(&pcap(LITTLE, 0xa1b2_c3d4, RAW)), [""; 0]);
    // Above the link type stands that checksums are there.
    let checked = [pcap(LITTLE, 0xa1b2_c3d4, 0x5400_0000 | RAW), record(LITTLE, 0, 0, &SYN)].concat();
    assert_eq!(moments(&checked).len(), 1);
}

#[test]
fn pcapng_is_read_with_the_clock_and_the_link_of_each_interface() {
    for order in [LITTLE, BIG] {
        let nanoseconds = [&numbers(order, &[halves(order, 9, 1)])[..], &[9, 0, 0, 0]].concat();
        let seconds = if order(1) == LITTLE(1) { 60_u64.to_le_bytes() } else { 60_u64.to_be_bytes() };
        let later = [&numbers(order, &[halves(order, 14, 8)])[..], &seconds].concat();
        let ethernet = [ETHERNET.as_slice(), &SYN].concat();
        let bytes = [
            section(order),
            interface(order, 1, &[]),
            interface(order, RAW, &nanoseconds),
            interface(order, RAW, &later),
            packet(order, 0, 1_500_000, &ethernet),
            packet(order, 1, 1_500_000_000, &SYN),
            packet(order, 2, 1_500_000, &SYN),
        ];
        let expected = ["1970-01-01T00:00:01.5Z", "1970-01-01T00:00:01.5Z", "1970-01-01T00:01:01.5Z"];
        assert_eq!(moments(&bytes.concat()), expected);
    }
}

#[test]
fn a_section_may_follow_in_the_other_order_and_has_interfaces_of_its_own() {
    let first = [section(LITTLE), interface(LITTLE, RAW, &[]), packet(LITTLE, 0, 1, &SYN)].concat();
    let second = [section(BIG), interface(BIG, 1, &[])].concat();
    let orphan = packet(BIG, 1, 1, &SYN);
    let (moments, counts, end) = read(&[first, second, orphan].concat()).unwrap();
    assert_eq!((moments.len(), counts.packets, end), (1, 2, End::Whole));
}

#[test]
fn a_packet_without_a_time_was_right_after_the_one_before() {
    let simple = block(LITTLE, 3, &[&numbers(LITTLE, &[40]), SYN.as_slice()].concat());
    let unknown = block(LITTLE, 0x0bad_cafe, &[7; 5]);
    let bytes =
        [section(LITTLE), interface(LITTLE, RAW, &[]), packet(LITTLE, 0, 2_000_000, &SYN), unknown, simple];
    assert_eq!(moments(&bytes.concat()), ["1970-01-01T00:00:02Z"; 2]);
}

#[test]
fn what_nobody_can_read_is_named_once_there_is_a_packet_of_it() {
    let wireless = [pcap(LITTLE, 0xa1b2_c3d4, 105), record(LITTLE, 0, 0, &SYN)].concat();
    assert!(matches!(read(&wireless), Err(CaptureError::Link(105))));
    let beside = [section(LITTLE), interface(LITTLE, RAW, &[]), interface(LITTLE, 189, &[])].concat();
    assert_eq!(moments(&[beside.clone(), packet(LITTLE, 0, 0, &SYN)].concat()).len(), 1);
    let of_it = [beside, packet(LITTLE, 1, 0, &SYN)].concat();
    assert!(matches!(read(&of_it), Err(CaptureError::Link(189))));
}

/// Wherever it ends, what was whole before is read.
#[test]
fn a_truncated_end_is_told_of() {
    let head = pcap(LITTLE, 0xa1b2_c3d4, RAW);
    let whole = [head.clone(), record(LITTLE, 1, 0, &SYN), record(LITTLE, 2, 0, &SYN)].concat();
    let ends = [head.len(), head.len() + 56, whole.len()];
    for length in 4..whole.len() {
        let (moments, _, end) = read(&whole[..length]).unwrap();
        let expected = if ends.contains(&length) { End::Whole } else { End::Cut };
        let count = ends[1..].iter().filter(|end| **end <= length).count();
        assert_eq!((end, moments.len()), (expected, count), "cut at {length}");
    }
    let one = packet(LITTLE, 0, 1, &SYN);
    let whole = [section(LITTLE), interface(LITTLE, RAW, &[]), one.clone(), one].concat();
    for length in 49..72 {
        assert_eq!(read(&whole[..whole.len() - length + 4]).unwrap().2, End::Cut, "{length}");
    }
}

#[test]
fn what_is_no_block_is_the_end() {
    let head = pcap(LITTLE, 0xa1b2_c3d4, RAW);
    let endless = numbers(LITTLE, &[1, 0, u32::MAX, u32::MAX]);
    let good = record(LITTLE, 1, 0, &SYN);
    let (moments, _, end) = read(&[head.clone(), good, endless, vec![0; 1 << 20]].concat()).unwrap();
    assert_eq!((moments.len(), end), (1, End::Broken), "no packet is so long");
    let long = record(LITTLE, 1, 0, &vec![0; BUFFER]);
    assert_eq!(read(&[head, long].concat()).unwrap().2, End::Broken, "more than anybody captures");

    let begin = [section(LITTLE), interface(LITTLE, RAW, &[]), packet(LITTLE, 0, 1, &SYN)].concat();
    let short = numbers(LITTLE, &[6, 11, 0]);
    // The packet says that it is longer than its block: no reading on makes it whole.
    let lying = block(LITTLE, 6, &numbers(LITTLE, &[0, 0, 0, 400, 400, 0]));
    let unlike = [numbers(LITTLE, &[6, 32, 0, 0, 0, 0, 0]), numbers(LITTLE, &[36])].concat();
    for broken in [short, lying, unlike] {
        let bytes = [begin.clone(), broken, vec![1; 20 << 20]].concat();
        let (moments, _, end) = read(&bytes).unwrap();
        assert_eq!((moments.len(), end), (1, End::Broken));
    }
    let other_order = [0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(read(&[other_order.as_slice(), &[0; 8]].concat()).unwrap().2, End::Broken);
}

/// More than the buffer holds.
const BUFFER: usize = 513 << 10;

#[test]
fn what_stands_beside_packets_may_be_longer_than_they() {
    for order in [LITTLE, BIG] {
        let names = block(order, 4, &vec![0xff; 20 << 20]);
        let begin = [section(order), interface(order, RAW, &[]), names].concat();
        let one = packet(order, 0, 1, &SYN);
        assert_eq!(moments(&[begin.clone(), one.clone(), begin.clone(), one].concat()).len(), 2);
        assert_eq!(read(&begin[..begin.len() - 1]).unwrap().2, End::Cut);
    }
}

/// Of such a one fuzzing found that the crate subtracts from less.
#[test]
fn a_block_that_is_shorter_than_its_frame_is_none() {
    for kind in [0x8000_0001, 4, 0x0bad_cafe] {
        for length in 0..12 {
            let short = [numbers(LITTLE, &[kind, length]), vec![0; 40]].concat();
            assert_eq!(
                read(&[section(LITTLE), short].concat()).unwrap().2,
                End::Broken,
                "{kind:#x} {length}"
            );
        }
    }
}

#[test]
fn packets_that_were_cut_are_counted() {
    let head = pcap(LITTLE, 0xa1b2_c3d4, RAW);
    let records = [33, 34, 20].map(|length| record(LITTLE, 1, 0, &SYN[..length]));
    let (moments, counts, end) = read(&[head, records.concat()].concat()).unwrap();
    assert_eq!((moments.len(), counts, end), (1, Counts { packets: 3, portless: 2 }, End::Whole));
}

/// A pipe gives little at a time, and a disk may fail.
#[test]
fn bytes_come_as_they_come_and_a_failure_is_its_own() {
    struct Drops<'b>(&'b [u8], bool);
    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() && self.1 {
                return Err(io::Error::from_raw_os_error(5));
            }
            let length = buffer.len().min(5);
            self.0.read(&mut buffer[..length])
        }
    }
    let bytes = [pcap(LITTLE, 0xa1b2_c3d4, RAW), record(LITTLE, 1, 0, &SYN)].concat();
    let open = |fails| Capture::open(BufReader::new(Drops(bytes.clone().leak(), fails)));
    assert!(open(false).unwrap().next_packet().unwrap().is_some());
    let failed = open(true).and_then(|mut capture| capture.next_packet());
    assert!(matches!(failed, Err(CaptureError::Io(error)) if error.raw_os_error() == Some(5)));
}
