//! IANA's list in all its oddities, and files that are not IANA's list (A7).

use portreeve_core::registry::{Registry, Table, iana};
use proptest::prelude::*;

/// Written by hand: a byte order mark, columns in another order, CRLF with bare LF in quoted cells, doubled quotes,
/// rows without name, number or protocol, ranges, several names for a number, an empty line, no line end at last.
const ODDITIES: &[u8] = include_bytes!("data/iana-oddities.csv");

const HEADER: &str = "Service Name,Port Number,Transport Protocol,Description\r\n";

fn lines(table: &Table) -> Vec<String> {
    table
        .entries()
        .map(|(range, protocol, names, said)| format!("{range}/{protocol} {} # {said}", names.join(" ")))
        .collect()
}

#[test]
fn every_oddity_is_read() {
    assert!(ODDITIES.windows(2).any(|pair| pair == b"\r\n"), "the file has lost its line ends");
    let table = iana::read(ODDITIES).unwrap();
    assert_eq!(
        lines(&table),
        [
            "9/dccp discard # Discard",
            "80/tcp http www www-http # World Wide Web HTTP",
            "80/udp http # World Wide Web HTTP \"over\" UDP",
            "80/sctp http # HTTP",
            "3283/udp Apple-Remote-Desktop-(Net-Assistant) # \"Quoted\" at once",
            "6000-6063/tcp x11 # X Window System",
            "6001/tcp x11-1 # ",
            "27000-27009/tcp flex-lm # FLEX LM (1-10)",
            "27000-27009/udp flex-lm # FLEX LM (1-10)",
        ]
    );
    assert_eq!(table.source().date, "2024-02-29");
}

#[test]
fn what_is_read_can_be_looked_up() {
    let binary = iana::read(ODDITIES).unwrap().build().unwrap();
    let registry = Registry::from_bytes(&binary.numbers, &binary.descriptions).unwrap();
    assert_eq!(registry.find("flex-lm").count(), 2);
    assert_eq!(registry.name(27009, portreeve_core::port::Protocol::Udp), Some("flex-lm"));
    let names = registry.names(6001, portreeve_core::port::Protocol::Tcp);
    assert_eq!(names.collect::<Vec<_>>(), ["x11-1", "x11"]);
}

#[test]
fn bare_line_feeds_end_rows_too() {
    let table = iana::read(HEADER.replace("\r\n", "\nssh,22,tcp,\"\"\n").as_bytes()).unwrap();
    assert_eq!(lines(&table), ["22/tcp ssh # "]);
}

/// The first mistake of a file whose rows follow the header.
fn mistake(rows: &[u8]) -> String {
    iana::read(&[HEADER.as_bytes(), rows].concat()).expect_err("the rows are bad").to_string()
}

#[test]
fn a_malformed_file_is_refused_with_line_and_reason() {
    let good = "ssh,22,tcp,\"two\nlines\"\r\n";
    let after = |row: &str| mistake([good, row, "\r\n"].concat().as_bytes());
    assert_eq!(after("x,70000,tcp,"), "line 4: `70000` is neither a port nor a range of ports");
    assert_eq!(after("x,9-3,tcp,"), "line 4: `9-3` is neither a port nor a range of ports");
    assert_eq!(after("x,1e3,tcp,"), "line 4: `1e3` is neither a port nor a range of ports");
    assert_eq!(after("x,1,tpc,"), "line 4: `tpc` is not tcp, udp, sctp or dccp");
    assert_eq!(after("x,1,tcp"), "line 4: the row has 3 cells where the header has 4");
    assert_eq!(after("x,1,tcp,,,"), "line 4: the row has 6 cells where the header has 4");
    assert_eq!(after("x,1,tcp,\"open\r\ny,2,tcp,"), "line 4: a quote is opened here and never closed");
    assert_eq!(after("x,1,tcp,a \"b\""), "line 4: there is a quote inside a cell that is not quoted");
    assert_eq!(after("x,1,\"tcp\" ,"), "line 4: something stands between a closing quote and the next comma");
    assert_eq!(after("x,1,tcp,a\rb"), "line 4: there is a carriage return without a line feed");
    assert_eq!(
        after("\u{1b}[2J,1,tcp,"),
        "line 4: `\u{fffd}[2J` is no service name: it takes at most 63 printable ASCII characters"
    );
    assert_eq!(mistake(b"x,1,tcp,\xff\r\n"), "line 2: a cell is not UTF-8");
    assert_eq!(mistake(b",1,tcp,Reserved\r\n"), "line 1: nothing is assigned in this file");
    assert_eq!(mistake(&b",".repeat(100)), "line 2: the row has too many cells");
    assert_eq!(mistake(&b"x".repeat(70_000)), "line 2: a cell is longer than 64 KiB");
    assert_eq!(iana::read(b"").unwrap_err().to_string(), "line 1: nothing is assigned in this file");
    assert_eq!(
        iana::read(b"\r\na,b\r\n").unwrap_err().to_string(),
        "line 2: there is no column `Service Name`"
    );
    let large = vec![b'\n'; iana::FILE_BYTES_MAX + 1];
    assert!(iana::read(&large).unwrap_err().to_string().contains("16 MiB"));
}

#[test]
fn a_mistake_is_told_in_japanese_too() {
    let mistake = iana::read([HEADER, "x,70000,tcp,\r\n"].concat().as_bytes()).unwrap_err();
    assert_eq!(mistake.text().ja, "2 行目: `70000` はポート番号でも範囲でもありません");
    assert_eq!(iana::read(b"").unwrap_err().text().ja, "1 行目: 割り当てが 1 件もありません");
}

#[test]
fn hostile_names_are_bounded() {
    let long = format!("{},1,tcp,\r\n", "x".repeat(64));
    assert!(mistake(long.as_bytes()).len() < 200);
    let many: String = (0..1000).map(|n| format!("name-{n},1,tcp,\r\n")).collect();
    // Ten names of 6 bytes and 23 of 7, with a space after each but the last, are 253; the 34th does not fit in 255.
    assert_eq!(mistake(many.as_bytes()), "line 35: 1 has more names than a number may have");
    let ranges: String = (0..5000).map(|n| format!("x,{n}-{},tcp,\r\n", n + 1)).collect();
    iana::read([HEADER, &ranges].concat().as_bytes()).unwrap().build().unwrap_err();
}

proptest! {
    /// A piece of a good file put anywhere is read or refused with a line of the file, and never worse.
    #[test]
    fn a_damaged_file_is_read_or_refused(
        place: prop::sample::Index,
        piece in prop::sample::select(&["", "\"", ",", "\r", "\n", "\u{0}", "-", "99999", "\u{feff}"][..]),
        cut in 0..4usize,
    ) {
        let place = place.index(ODDITIES.len());
        let end = (place + cut).min(ODDITIES.len());
        let damaged = [&ODDITIES[..place], piece.as_bytes(), &ODDITIES[end..]].concat();
        match iana::read(&damaged) {
            Ok(table) => {
                let binary = table.build().unwrap();
                prop_assert!(Registry::from_bytes(&binary.numbers, &binary.descriptions).is_ok());
            }
            Err(mistake) => prop_assert!((1..=24).contains(&mistake.line)),
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let _ = iana::read(&bytes);
        let _ = iana::read(&[HEADER.as_bytes(), &bytes].concat());
    }
}
