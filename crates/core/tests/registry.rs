//! The built-in table against its reviewed text, and tables that somebody else wrote (A1–A3, A6, A7).

use std::collections::BTreeSet;

use portreeve_core::{
    port::{Class, PortRange, Protocol},
    registry::{Registry, Source, Table, TableError, text},
};
use proptest::prelude::*;

const TEXT: &str = include_str!("../data/registry.txt");
const NUMBERS: &[u8] = include_bytes!("../data/numbers.bin");
const DESCRIPTIONS: &[u8] = include_bytes!("../data/descriptions.bin");

const REGISTRY: Registry<'static> = Registry::builtin();

fn names(port: u16, protocol: Protocol) -> Vec<&'static str> {
    REGISTRY.names(port, protocol).collect()
}

/// Where a name is found, as `80/tcp`.
fn places(name: &str) -> Vec<String> {
    REGISTRY.find(name).map(|found| format!("{}/{}", found.range, found.protocol)).collect()
}

#[test]
fn the_binary_form_is_made_of_the_committed_text() {
    let table = text::read(TEXT).unwrap();
    assert_eq!(text::write(&table), TEXT);
    let binary = table.build().unwrap();
    let remedy = "run cargo xtask registry";
    assert!(binary.numbers == NUMBERS && binary.descriptions == DESCRIPTIONS, "{remedy}");
    Registry::from_bytes(NUMBERS, DESCRIPTIONS).unwrap();
}

#[test]
fn it_is_small() {
    assert!(NUMBERS.len() <= 110_000, "{}", NUMBERS.len());
    assert!(DESCRIPTIONS.len() <= 150_000, "{}", DESCRIPTIONS.len());
}

#[test]
fn standard_services_have_their_numbers() {
    assert_eq!(REGISTRY.name(21, Protocol::Tcp), Some("ftp"));
    assert_eq!(REGISTRY.name(443, Protocol::Tcp), Some("https"));
    assert_eq!(names(80, Protocol::Tcp)[..2], ["http", "www"]);
    assert_eq!(REGISTRY.name(465, Protocol::Tcp), Some("submissions"));
    assert!(names(465, Protocol::Tcp).contains(&"urd"));
    assert_eq!(REGISTRY.name(465, Protocol::Udp), Some("igmpv3lite"));
    assert_eq!(REGISTRY.name(80, Protocol::Sctp), Some("http"));
    assert_eq!(REGISTRY.name(9, Protocol::Dccp), Some("discard"));
}

#[test]
fn a_range_is_folded_and_every_number_in_it_is_named() {
    for port in 6000..=6063 {
        assert_eq!(REGISTRY.name(port, Protocol::Tcp), Some("x11"), "{port}");
        assert_eq!(REGISTRY.name(port, Protocol::Udp), Some("x11"), "{port}");
    }
    assert_eq!(REGISTRY.name(5999, Protocol::Udp), REGISTRY.assignment(5999, Protocol::Udp).map(|_| "cvsup"));
    assert_eq!(REGISTRY.name(6064, Protocol::Tcp), Some("ndl-ahp-svc"));
    let x11 = REGISTRY.assignment(6042, Protocol::Tcp).unwrap();
    assert_eq!((x11.range, x11.description()), (PortRange { first: 6000, last: 6063 }, "X Window System"));
    assert_eq!(names(6001, Protocol::Tcp), ["x11", "x11-1"]);
    assert_eq!(places("x11"), ["6000-6063/tcp", "6000-6063/udp"]);
    assert_eq!(places("x11-1"), ["6001/tcp"]);
    assert_eq!(places("ircu"), ["6665-6669/tcp"]);
    assert_eq!(names(6667, Protocol::Tcp), ["ircd", "ircu"]);
    assert_eq!(names(6668, Protocol::Tcp), ["ircu"]);
}

#[test]
fn not_assigned_is_an_answer() {
    // 0 is reserved, 4 unassigned; 15 and 783 have names in /etc/services only.
    for port in [0, 4, 15, 783, 65535] {
        assert_eq!(REGISTRY.name(port, Protocol::Tcp), None, "{port}");
        assert_eq!(REGISTRY.assignment(port, Protocol::Tcp), None, "{port}");
    }
    assert_eq!(places("banana"), [""; 0]);
    assert_eq!(places(""), [""; 0]);
    assert_eq!(places("http www"), [""; 0]);
    assert_eq!(places(&"x".repeat(100_000)), [""; 0]);
}

#[test]
fn no_dynamic_number_is_assigned() {
    assert!(REGISTRY.assignments().all(|assignment| Class::of(assignment.range.last) != Class::Dynamic));
}

#[test]
fn udp_lite_shares_udps_names() {
    assert_eq!(REGISTRY.name(53, Protocol::Udplite), Some("domain"));
    assert_eq!(REGISTRY.assignment(53, Protocol::Udplite).unwrap().protocol, Protocol::Udp);
}

#[test]
fn names_are_found_whatever_their_case() {
    assert_eq!(places("HTTPS"), ["443/tcp", "443/udp", "443/sctp"]);
    assert_eq!(places("urd"), ["465/tcp"]);
    assert_eq!(places("discard"), ["9/tcp", "9/udp", "9/sctp", "9/dccp"]);
}

#[test]
fn assignments_say_what_the_text_says_in_order() {
    let table = text::read(TEXT).unwrap();
    let mut written: Vec<_> = table
        .entries()
        .map(|(range, protocol, names, description)| (range, protocol, names.join(" "), description))
        .collect();
    let listed: Vec<_> = REGISTRY
        .assignments()
        .map(|its| (its.range, its.protocol, its.names().collect::<Vec<_>>().join(" "), its.description()))
        .collect();
    assert!(listed.is_sorted_by_key(|(range, ..)| range.first));
    written.sort_by_key(|(range, protocol, ..)| (range.first, range.is_one(), *protocol));
    assert_eq!(listed, written);
}

#[test]
fn every_number_and_every_name_is_found() {
    for assignment in REGISTRY.assignments() {
        let first = REGISTRY.assignment(assignment.range.first, assignment.protocol).unwrap();
        assert!(first.names().any(|name| assignment.names().any(|its| its == name)), "{assignment:?}");
        for name in assignment.names() {
            let is_found = REGISTRY.find(name).any(|found| {
                found.protocol == assignment.protocol && found.range.contains(assignment.range.first)
            });
            assert!(is_found, "{name} of {assignment:?}");
        }
    }
}

#[test]
fn it_says_where_it_comes_from() {
    let Source { name, version, date } = REGISTRY.source();
    assert!(name.contains("libwireshark-data") && name.contains("netbase"), "{name}");
    assert!(version.contains("libwireshark-data 4."), "{version}");
    assert!(date.starts_with("20") && date.len() == 10, "{date}");
    assert!(format!("{REGISTRY:?}").len() < 400);
}

#[test]
fn protocols_of_one_number_stay_in_order() {
    let mut table = Table::new(Source { name: "a test", version: "", date: "" });
    let one = PortRange::one(7);
    for (protocol, name) in
        [(Protocol::Tcp, "a"), (Protocol::Udp, "b"), (Protocol::Sctp, "a"), (Protocol::Dccp, "a")]
    {
        table.add(one, protocol, name, "").unwrap();
    }
    table.add(PortRange { first: 1, last: 9 }, Protocol::Udp, "wide", "all").unwrap();
    table.add(PortRange { first: 6, last: 8 }, Protocol::Udp, "narrow", "").unwrap();
    let binary = table.build().unwrap();
    let registry = Registry::from_bytes(&binary.numbers, &binary.descriptions).unwrap();
    let all: Vec<_> = registry.assignments().map(|its| (its.range.first, its.protocol.name())).collect();
    assert_eq!(all, [(1, "udp"), (6, "udp"), (7, "tcp"), (7, "udp"), (7, "sctp"), (7, "dccp")]);
    assert_eq!(registry.names(7, Protocol::Udp).collect::<Vec<_>>(), ["b", "narrow"]);
    assert_eq!(registry.name(8, Protocol::Udp), Some("narrow"));
    assert_eq!(registry.name(9, Protocol::Udp), Some("wide"));
    assert_eq!(registry.name(9, Protocol::Tcp), None);
}

#[test]
fn the_preferred_name_goes_first_where_both_have_it() {
    let mut table = Table::new(Source { name: "a test", version: "", date: "" });
    for name in ["urd", "smtps", "submissions"] {
        table.add(PortRange::one(465), Protocol::Tcp, name, "").unwrap();
    }
    table.add(PortRange::one(80), Protocol::Tcp, "web", "").unwrap();
    table.prefer(REGISTRY);
    let names: Vec<_> = table.entries().map(|(_, _, names, _)| names.join(" ")).collect();
    assert_eq!(names, ["web", "submissions urd smtps"]);
}

#[test]
fn a_table_bounds_what_is_put_into_it() {
    let mut table = Table::new(Source { name: "a test", version: "", date: "" });
    let one = PortRange::one(1);
    for bad in ["", "a b", "a\u{1b}[31m", "ポート", &"x".repeat(64)] {
        table.add(one, Protocol::Tcp, bad, "").unwrap_err();
    }
    table.add(one, Protocol::Tcp, &"x".repeat(63), &"語 \u{1b}\n".repeat(1000)).unwrap();
    let (.., description) = table.entries().next().unwrap();
    assert!(description.len() <= 255 && description.starts_with("語 語") && !description.contains('\u{1b}'));
    let kept =
        (0..1000).take_while(|n| table.add(one, Protocol::Tcp, &format!("name-{n:04}"), "").is_ok()).count();
    assert_eq!(kept, (255 - 63) / "-name-0000".len());
    let torn = Table::new(Source { name: "a\nb", version: "", date: "" }).build().unwrap_err();
    assert_eq!(torn.text().ja, "出典は短い 3 行の文字列でなければなりません");
}

#[test]
fn foreign_newer_and_torn_files_are_told_apart() {
    let error =
        |numbers: &[u8], descriptions: &[u8]| Registry::from_bytes(numbers, descriptions).unwrap_err();
    assert_eq!(error(b"", DESCRIPTIONS), TableError::Foreign);
    assert_eq!(error(NUMBERS, b"portnum\x01"), TableError::Foreign);
    assert_eq!(error(b"portnum\x02", DESCRIPTIONS), TableError::Newer(2));
    assert_eq!(error(&NUMBERS[..NUMBERS.len() - 1], DESCRIPTIONS), TableError::Length);
    assert_eq!(error(&[NUMBERS, b"x"].concat(), DESCRIPTIONS), TableError::Length);
    assert_eq!(error(&NUMBERS[..40], DESCRIPTIONS), TableError::Length);
    let other = text::read(&TEXT.replace("date: 20", "date: 19")).unwrap().build().unwrap();
    assert_eq!(error(&other.numbers, DESCRIPTIONS), TableError::Stranger);
    let texts: BTreeSet<_> =
        [TableError::Foreign, TableError::Newer(2), TableError::Length, TableError::Stranger]
            .map(|error| error.text().ja)
            .into();
    assert_eq!(texts.len(), 4);
}

/// Everything that can be asked of a table; of the numbers those near its own, and some of the rest.
fn ask_all(registry: Registry<'_>) {
    assert!(!registry.source().name.is_empty() || registry.source().date.is_empty());
    for port in (0..100).chain(5990..6680).chain((0..=u16::MAX).step_by(251)) {
        for protocol in Protocol::ALL {
            let _ = registry.assignment(port, protocol).map(|its| its.names().count());
        }
    }
    for assignment in registry.assignments() {
        for name in assignment.names() {
            registry.find(name).count();
        }
    }
}

/// The first lines of the table, and ranges besides.
fn small() -> Table {
    let text: String = TEXT.lines().take(60).map(|line| format!("{line}\n")).collect();
    let ranges = "6000-6063/tcp,udp x11 # X\n6665-6669/tcp ircu\n6667/tcp ircd\n";
    text::read(&(text + ranges)).expect("the committed text is well-formed")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever a byte is changed to, the table is refused or answers every question.
    #[test]
    fn a_damaged_table_never_panics(place: prop::sample::Index, byte: u8, in_numbers: bool) {
        let mut binary = small().build().unwrap();
        let bytes = if in_numbers { &mut binary.numbers } else { &mut binary.descriptions };
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if in_numbers {
            // Let the damage past the digest, which would find it.
            let digest = bytes.iter().fold(0x811c_9dc5_u32, |hash, byte| {
                (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
            });
            binary.descriptions[8..12].copy_from_slice(&digest.to_le_bytes());
        }
        if let Ok(registry) = Registry::from_bytes(&binary.numbers, &binary.descriptions) {
            ask_all(registry);
        }
    }

    #[test]
    fn foreign_bytes_are_refused(numbers: Vec<u8>, descriptions: Vec<u8>) {
        let numbers = [b"portnum\x01".as_slice(), &numbers].concat();
        let descriptions = [b"portdsc\x01".as_slice(), &descriptions].concat();
        prop_assert!(Registry::from_bytes(&numbers, &descriptions).is_err());
    }
}
