//! `watch --read`: what saved logs tell, and what they cannot make it tell (A19).

use std::{fs, path::Path};

use crate::run::{Said, run, with_input};

const FORGED: &str = "root from 192.0.2.1 port 22 ssh2";

fn line(second: u32, pid: u32, said: &str, from: &str) -> String {
    format!("2026-11-28T03:12:{second:02}Z host sshd[{pid}]: {said} from {from} port 50 ssh2\n")
}

fn judged(log: &str, format: &str) -> Said {
    with_input(&format!("watch --read - -o {format}"), log.as_bytes())
}

#[test]
fn who_tries_passwords_is_told_of_and_whoever_he_calls_himself_is_not() {
    let tries = (0..6).map(|nth| line(nth, nth, "Failed password for ann", "203.0.113.7"));
    let forged = (0..6).map(|nth| {
        line(10 + nth, 10 + nth, &format!("Failed password for invalid user {FORGED}"), "203.0.113.9")
    });
    let mistakes = (0..3).map(|nth| line(20 + nth, 20 + nth, "Failed password for bob", "198.51.100.3"));
    let log: String = tries.chain(forged).chain(mistakes).collect();
    let said = judged(&log, "table");
    assert_eq!(said.code, Some(0), "{said:?}");
    let lines: Vec<_> = said.out.lines().collect();
    let [first, second, read] = lines.as_slice() else { panic!("{said:?}") };
    assert!(first.starts_with("2026-11-28 03:12:04  suspicion  203.0.113.7 "), "{first}");
    assert!(first.ends_with("ssh: 5 failed logins in 4.0 s, 1 user, 0 good"), "{first}");
    assert!(second.contains("  203.0.113.9 ") && second.contains(" brute-force "), "{second}");
    assert_eq!(*read, "read: 15 lines of 1 file; 15 tell of somebody who asked, 0 could be read two ways");
    assert!(!said.out.contains("192.0.2.1") && !said.out.contains("198.51.100.3"), "{said:?}");

    let schema = run("schema watch").json();
    let validator = jsonschema::validator_for(&schema).expect("a schema of draft 2020-12");
    let documents: Vec<serde_json::Value> = judged(&log, "ndjson")
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is a document"))
        .collect();
    assert!(documents.iter().all(|document| validator.is_valid(document)), "{documents:?}");
    let events: Vec<_> = documents.iter().map(|document| document["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["suspicion", "suspicion", "read"]);
    assert_eq!((&documents[0]["services"][0], &documents[2]["lines"]), (&"ssh".into(), &15.into()));
}

/// Where a line ends that is too long a stranger chooses.
#[test]
fn a_line_that_is_too_long_is_nobodys() {
    let name = format!("{} from 192.0.2.1 port 22 ssh2", "x".repeat(8 << 10));
    let cut = (0..9).map(|nth| line(nth, nth, &format!("Failed password for {name}"), "203.0.113.9"));
    let said = judged(&cut.collect::<String>(), "table");
    let read = "read: 9 lines of 1 file; 0 tell of somebody who asked, 9 could be read two ways\n";
    assert_eq!((said.code, said.out.as_str()), (Some(0), read));
}

/// Each goes on where the other stops.
#[test]
fn lines_of_several_files_are_judged_in_the_order_in_which_they_were_written() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let written = [0, 1].map(|file| {
        let path = folder.join(format!("watch-read-{file}.log"));
        let lines =
            (0..3).map(|nth| line(2 * nth + file, 2 * nth + file, "Failed password for ann", "203.0.113.7"));
        fs::write(&path, lines.collect::<String>()).expect("it can be written");
        path.display().to_string()
    });
    let said = run(&format!("watch --read {} {}", written[1], written[0]));
    assert!(said.out.starts_with("2026-11-28 03:12:04  suspicion  203.0.113.7 "), "{said:?}");
}

#[test]
fn what_is_no_log_is_refused_with_what_to_do() {
    let refused = |bytes: &[u8]| with_input("watch --read -", bytes);
    let packed = refused(&[0x1f, 0x8b, 8, 0]);
    assert!(packed.code == Some(2) && packed.err.contains("zcat"), "{packed:?}");
    let packets = refused(&[0xd4, 0xc3, 0xb2, 0xa1, 2, 0]);
    assert!(packets.code == Some(0) && packets.err.contains("ends within a packet"), "{packets:?}");
    let missing = run("watch --read /nowhere/auth.log");
    assert!(missing.code == Some(2) && missing.err.contains("/nowhere/auth.log"), "{missing:?}");
    let both = run("watch --for 5s --read x");
    assert_eq!(both.code, Some(2), "{both:?}");
    let empty = refused(b"");
    assert_eq!((empty.code, empty.out.lines().count()), (Some(0), 1), "{empty:?}");
}

/// nginx writes into its errors whatever it is asked for, also ends of lines: whole lines of any form.
#[test]
fn whatever_stands_among_errors_of_nginx_has_nobody_proven() {
    let errors = (0..6).map(|nth| {
        format!("2026/11/30 02:02:5{nth} [error] 1#1: *1 user \"a{nth}\": password mismatch, client: 203.0.113.9, x\n")
    });
    let asked = ["/.env", "/.git/config", "/wp-login.php", "/owa/", "/solr/admin"].map(|path| {
        format!("203.0.113.50 - - [30/Nov/2026:02:02:59 +0000] \"GET {path} HTTP/1.1\" 404 1 \"-\" \"-\"\n")
    });
    let logins = (0..6).map(|nth| line(nth, nth, "Failed password for ann", "203.0.113.51"));
    let log: String = errors.chain(asked.clone()).chain(logins).collect();
    let said = judged(&log, "table");
    let lines: Vec<_> = said.out.lines().collect();
    let [line, read] = lines.as_slice() else { panic!("{said:?}") };
    assert!(line.contains(" 203.0.113.9 ") && line.contains(" unproven  nginx: 5 failed logins"), "{line}");
    assert!(read.ends_with("; 6 tell of somebody who asked, 11 could be read two ways"), "{read}");
    let requests = judged(&asked.concat(), "table");
    assert!(requests.out.contains(" 203.0.113.50 ") && requests.out.contains(" proven "), "{requests:?}");
}

fn tries(lines: &[&str]) -> String {
    let said = "Failed password for ann from 203.0.113.7 port 50 ssh2";
    (1..).zip(lines).map(|(nth, when): (u32, _)| format!("{when} host sshd[{nth}]: {said}\n")).collect()
}

/// Five people who mistyped, two hours after each other, are nobody who tries passwords, whatever else stands there.
#[test]
fn an_odd_date_makes_nothing_of_the_rest_happen_at_once() {
    let times = [1, 3, 5, 7, 9].map(|hour| format!("2026-11-29T{hour:02}:00:01Z"));
    let slow = tries(&times.each_ref().map(String::as_str));
    let old = "1999-11-30T01:00:01Z";
    for before in [
        "-- Journal begins at Mon 2026-11-02 02:00:00 UTC, ends at Mon 2026-11-30. --\n".into(),
        "a\0b\n".into(),
        format!("{old} host sshd[9]: Server listening on 0.0.0.0 port 22.\n"),
        "203.0.113.5 - - [30/Nov/1999:01:00:01 +0000] \"GET /a HTTP/1.1\" 200 15 \"-\" \"-\"\n".into(),
        tries(&[old]),
        tries(&["9999-12-31T23:59:59Z"]),
    ] {
        let (first, rest) = slow.split_at(slow.find('\n').expect("it has lines") + 1);
        for log in [format!("{before}{slow}"), format!("{first}{before}{rest}")] {
            let said = judged(&log, "table");
            assert!(said.code == Some(0) && !said.out.contains("suspicion"), "{log}\n{said:?}");
        }
    }
    let quick = tries(&["9999-12-31T23:59:59Z"; 5]);
    assert!(judged(&quick, "table").out.starts_with("9999-12-3"), "no other year");
}

#[test]
fn the_newest_first_is_judged_as_it_stands_and_it_is_said() {
    let at = |hours: [u32; 5]| hours.map(|hour| format!("2026-11-29T{hour:02}:00:01Z"));
    let said = judged(&tries(&at([9, 7, 5, 3, 1]).each_ref().map(String::as_str)), "table");
    assert!(!said.out.contains("suspicion"), "{said:?}");
    let said = judged(
        &tries(&[
            "2026-11-29T00:04:00Z",
            "2026-11-29T00:03:00Z",
            "2026-11-29T00:02:00Z",
            "2026-11-29T00:01:00Z",
            "2026-11-29T00:00:00Z",
        ]),
        "table",
    );
    let lines: Vec<_> = said.out.lines().collect();
    let [line, _, older] = lines.as_slice() else { panic!("{said:?}") };
    assert!(line.contains("ssh: 5 failed logins in 4 min"), "{line}");
    assert!(older.starts_with("of these 4 are older than what stood before"), "{older}");
}

#[test]
fn where_no_line_is_understood_it_is_said() {
    let said = judged("a\nb\n", "table");
    assert_eq!((said.code, said.err.trim()), (Some(0), "warning: no line of - is of a form that is read"));
    for understood in
        ["", "www.example:80 192.0.2.1 - - [30/Nov/2026:01:00:01 +0000] \"GET / HTTP/1.1\" 200 1\n"]
    {
        assert_eq!(judged(understood, "table").err, "", "{understood}");
    }
}
