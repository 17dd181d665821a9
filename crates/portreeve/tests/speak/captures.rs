//! `watch --read` of captures: what they tell, of which host, and what they cannot make it do (A14, A19).

use std::{fs, path::Path};

use crate::run::{Said, run, with_input};

const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;
const OWN: [u8; 4] = [192, 0, 2, 1];
const RAW: u32 = 101;

/// A segment between these two, in IPv4.
fn segment(from: ([u8; 4], u16), to: ([u8; 4], u16), flags: u8, numbers: [u32; 2]) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0];
    packet.extend([from.0, to.0].concat());
    packet.extend([from.1.to_be_bytes(), to.1.to_be_bytes()].concat());
    packet.extend(numbers.map(u32::to_be_bytes).concat());
    packet.extend([0x50, flags, 0, 0, 0, 0, 0, 0]);
    packet
}

/// A capture of this link type, ten packets a second from 2023-11-14 22:13:20 on.
fn capture(link: u32, packets: &[Vec<u8>]) -> Vec<u8> {
    let at = |tenth: u32| (1_700_000_000 + tenth / 10, tenth % 10 * 100_000);
    let packets: Vec<_> = (0..).map(at).zip(packets.iter().cloned()).collect();
    capture_at(link, &packets)
}

/// The same of packets each of which has its time: seconds, and microseconds.
fn capture_at(link: u32, packets: &[((u32, u32), Vec<u8>)]) -> Vec<u8> {
    let numbers =
        |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>();
    let mut bytes = numbers(&[0xa1b2_c3d4, 4 << 16 | 2, 0, 0, 65_535, link]);
    for ((seconds, microseconds), packet) in packets {
        let length = u32::try_from(packet.len()).unwrap();
        bytes.extend(numbers(&[*seconds, *microseconds, length, length]));
        bytes.extend(packet);
    }
    bytes
}

/// Somebody who asks for four ports of nobody's, refused or not, and who has opened 443 before where `is_proven`.
fn probe(last: u8, is_proven: bool) -> Vec<Vec<u8>> {
    let him = ([203, 0, 113, last], 50_000);
    let web = (OWN, 443);
    let mut packets = Vec::new();
    if is_proven {
        packets.push(segment(him, web, SYN, [1, 0]));
        packets.push(segment(web, him, SYN | ACK, [77, 2]));
        packets.push(segment(him, web, ACK, [2, 78]));
    }
    for port in [23, 3_389, 5_900, 6_379, 9_200] {
        packets.push(segment(him, (OWN, port), SYN, [1, 0]));
        packets.push(segment((OWN, port), him, RST | ACK, [0, 2]));
    }
    packets
}

fn read(bytes: &[u8], options: &str) -> Said {
    with_input(&format!("watch --read - {options}"), bytes)
}

#[test]
fn who_probes_is_told_of_at_the_time_of_the_capture_and_who_is_answered_is_not() {
    let him = ([198, 51, 100, 3], 50_000);
    let answered = [80_u16, 81, 8_080, 8_081, 25]
        .map(|port| [segment(him, (OWN, port), SYN, [1, 0]), segment((OWN, port), him, SYN | ACK, [5, 2])]);
    let packets = [probe(7, false), answered.concat(), probe(9, true)].concat();
    let said = read(&capture(RAW, &packets), "--local 192.0.2.1");
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{said:?}");
    let lines: Vec<_> = said.out.lines().collect();
    let [first, second, counts] = lines.as_slice() else { panic!("{said:?}") };
    assert!(first.starts_with("2023-11-14 22:13:20  suspicion  203.0.113.7 "), "{first}");
    assert!(first.contains(" port-scan ") && first.contains(" unproven "), "{first}");
    assert!(first.contains("4 undeclared ports in 0.6 s: 23 3389 5900 6379 (tcp)"), "{first}");
    assert!(second.contains("  203.0.113.9 ") && second.contains(" proven "), "{second}");
    assert_eq!(
        *counts,
        "read: 33 packets of 1 file; 10 asked for ports of nobody's, 0 do not tell their port"
    );

    let schema = run("schema watch").json();
    let validator = jsonschema::validator_for(&schema).expect("a schema of draft 2020-12");
    let said = read(&capture(RAW, &packets), "--local 192.0.2.1 -o ndjson");
    let documents: Vec<serde_json::Value> =
        said.out.lines().map(|line| serde_json::from_str(line).expect("each line is a document")).collect();
    assert!(documents.iter().all(|document| validator.is_valid(document)), "{documents:?}");
    let last = documents.last().unwrap();
    assert_eq!((&last["packets"], &last["touches"], &last["portless"]), (&33.into(), &10.into(), &0.into()));
}

#[test]
fn a_declared_port_is_no_evidence() {
    let policy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("capture-policy.toml");
    let text = "version = 1\n[service.all]\nports = [\"23/tcp\", \"3000-9999/tcp\"]\nreach = \"world\"\n";
    fs::write(&policy, text).expect("it can be written");
    let said =
        read(&capture(RAW, &probe(7, false)), &format!("--local 192.0.2.1 --policy {}", policy.display()));
    let counts = "read: 10 packets of 1 file; 0 asked for ports of nobody's, 0 do not tell their port\n";
    assert_eq!((said.code, said.out.as_str()), (Some(0), counts), "{said:?}");
    fs::write(&policy, "nonsense").expect("it can be written");
    let said = read(&capture(RAW, &[]), &format!("--local 192.0.2.1 --policy {}", policy.display()));
    assert_eq!(said.code, Some(2), "{said:?}");
}

#[test]
fn a_capture_of_another_host_asks_whose_it_is() {
    let bytes = capture(RAW, &probe(7, false));
    for options in ["", "--local 198.51.100.1,2001:db8::1"] {
        let said = read(&bytes, options);
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.err.contains("hint: --local 192.0.2.1 if "), "{said:?}");
    }
    let both = read(&bytes, "--local 198.51.100.1 --local 192.0.2.1");
    assert!(both.code == Some(0) && both.out.contains("203.0.113.7"), "{both:?}");
    let said = read(&bytes, "--local here");
    assert!(said.code == Some(2) && said.err.contains("192.0.2.1, 2001:db8::1"), "{said:?}");
    assert_eq!(run("watch --local 192.0.2.1").code, Some(2), "there is nothing to read");
}

#[test]
fn what_is_broken_or_not_known_is_said() {
    let bytes = capture(RAW, &probe(7, false));
    let cut = read(&bytes[..bytes.len() - 1], "--local 192.0.2.1");
    assert_eq!(cut.code, Some(0), "{cut:?}");
    assert_eq!(cut.err, "warning: - ends within a packet; packets judged before that: 9\n");
    assert!(cut.out.contains("203.0.113.7") && cut.out.contains("read: 9 packets "), "{cut:?}");
    let wireless = read(&capture(105, &probe(7, false)), "--local 192.0.2.1");
    assert_eq!(wireless.code, Some(2), "{wireless:?}");
    assert!(wireless.err.contains("link type 105") && wireless.err.contains("Ethernet, Linux cooked v1"));
    let empty = read(&capture(105, &[]), "--local 192.0.2.1");
    assert_eq!((empty.code, empty.err.as_str()), (Some(0), ""), "{empty:?}");
}

/// A log and a capture of the same minute are one story.
#[test]
fn logs_and_captures_are_judged_together() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (packets, log) = (folder.join("together.pcap"), folder.join("together.log"));
    fs::write(&packets, capture(RAW, &probe(7, false))).expect("it can be written");
    let line = "2023-11-14T22:13:20Z host sshd[1]: Failed password for ann from 203.0.113.7 port 50 ssh2\n";
    fs::write(&log, line).expect("it can be written");
    let said = run(&format!("watch --read {} {} --local 192.0.2.1", packets.display(), log.display()));
    let lines: Vec<_> = said.out.lines().collect();
    let [told, of_packets, of_lines] = lines.as_slice() else { panic!("{said:?}") };
    assert!(told.contains(" proven "), "sshd spoke with him: {told}");
    assert!(of_packets.starts_with("read: 10 packets of 2 files"), "{of_packets}");
    assert!(of_lines.starts_with("read: 1 line of 2 files"), "{of_lines}");
}

/// One port in sixty days is nobody's scan, whatever time another packet has, and whichever comes first.
#[test]
fn an_odd_time_makes_nothing_of_the_rest_happen_at_once() {
    const SIXTY_DAYS: u32 = 60 * 24 * 60 * 60;
    let slow = |nth: u32, port| {
        let packet = segment(([203, 0, 113, 7], 50_000), (OWN, port), SYN, [1, 0]);
        ((1_700_000_000 + nth * SIXTY_DAYS, 0), packet)
    };
    let ports = [23, 3_389, 5_900, 6_379, 9_200];
    let on: Vec<_> = (0..).zip(ports).map(|(nth, port)| slow(nth, port)).collect();
    let back: Vec<_> = (0..).zip(ports).map(|(nth, port)| slow(5 - nth, port)).collect();
    let odd = |seconds| [((seconds, 0), segment(([198, 51, 100, 9], 1), (OWN, 9), SYN, [1, 0]))];
    for packets in [&[&odd(0)[..], &on[..]].concat(), &[&odd(u32::MAX)[..], &on[..]].concat(), &on, &back] {
        let said = read(&capture_at(RAW, packets), "--local 192.0.2.1");
        assert!(said.code == Some(0) && !said.out.contains("suspicion"), "{said:?}");
        assert_eq!(said.out.contains("of these 4 are older"), packets == &back, "{said:?}");
    }
}
