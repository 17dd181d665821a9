//! What is wrong with a document, and where.

use super::*;

fn why(document: impl AsRef<[u8]>) -> String {
    let mut asked = Asked::default();
    asked.add("Debian:12", &package("mill", "mill", "1"));
    format!("{}", read(document.as_ref(), &asked).expect_err("it is broken"))
}

#[test]
fn json_that_is_none_or_another_is_refused_with_its_place() {
    let column = OSV.lines().last().expect("it has three lines").len() - 1;
    let cut = format!("line 3, column {column} is not OSV's JSON: EOF while parsing an object");
    assert_eq!(why(&OSV[..OSV.len() - 1]), cut);
    assert_eq!(why("{}"), "line 1, column 2 is not OSV's JSON: missing field `id`");
    assert_eq!(
        why("[{\"id\": 7}]"),
        "line 1, column 9 is not OSV's JSON: invalid type: integer `7`, expected a string"
    );
    assert!(why("[[]]").contains("invalid type: sequence, expected an advisory"));
    assert!(why("{\"vulns\": {}}").contains("invalid type: map, expected a list of advisories"));
    assert!(why("[null]").contains("invalid type: null, expected an advisory"));
    assert!(why(format!("{OSV}{OSV}")).ends_with("trailing characters"));
    assert!(why(OSV.replace("introduced", "begun")).contains("unknown variant `begun`"));
    assert!(why(b"[\"\xff\"]").starts_with("line 1, column"));
    assert!(why("[".repeat(1 << 20)).contains("expected an advisory"));
    assert!(why(format!("[{{\"x\": {}", "[".repeat(1 << 20))).starts_with("line 1, column"));
}

/// However long the word is that is none, what is said of it is short.
#[test]
fn what_is_quoted_is_short() {
    let long = why(OSV.replace("introduced", &"é".repeat(100_000)));
    assert!(long.chars().count() < 300, "{long}");
}

#[test]
fn lists_that_no_advisory_has_are_refused() {
    let event = r#"{"introduced": "0"},"#;
    let many = OSV.replace(event, &event.repeat(1_001));
    assert!(why(many).contains("expected a list of at most 1000"));
    let names = format!(r#""upstream": [{}"CVE-2024-1"]"#, "\"\",".repeat(10_000));
    assert!(
        why(OSV.replace(r#""upstream": ["CVE-2024-1"]"#, &names))
            .contains("expected a list of at most 10000")
    );
    let packages = format!(r#"[{{"id": "X", "affected": [{}{{}}]}}]"#, "{},".repeat(100_000));
    assert!(why(packages).contains("at most 100000 affected packages"));
}

#[test]
fn more_than_a_million_advisories_are_refused() {
    let one = r#"{"id":""},"#;
    assert_eq!(
        why(format!("[{}{{}}]", one.repeat(ADVISORIES_MAX + 1))),
        "there are more than 1,000,000 advisories"
    );
    let holes = format!("VERSION 1\n{}", ",,\n".repeat(ADVISORIES_MAX + 1));
    assert_eq!(why(holes), "there are more than 1,000,000 advisories");
    let mut long = b"[]".to_vec();
    long.resize(DOCUMENT_BYTES_MAX + 1, b' ');
    assert_eq!(why(long), "the document is larger than 64 MiB");
}

#[test]
fn data_of_debsecan_that_is_broken_says_on_which_line() {
    assert_eq!(
        why("VERSION 2\n\n\n"),
        "line 1: the format has another version than 1, the only one that is known"
    );
    assert_eq!(why("VERSION 1\nCVE-2024-1,\n\n\n"), "line 2: this is not `name,flags,description`");
    let package = "line 4: this is not `package,number,flags,version,versions`";
    for line in ["mill,0,S  F,1", "mill,x,S  F,1,", "mill,0,S,1,", "mill,-1,S  F,1,"] {
        assert_eq!(why(format!("VERSION 1\nCVE-2024-1,,\n\n{line}\n\n")), package, "{line}");
    }
    let numbered = why("VERSION 1\nCVE-2024-1,,\n\nmill,1,S  F,1,\n\n");
    assert_eq!(numbered, "line 4: no vulnerability above has this number");
    assert_eq!(why(b"VERSION 1\n\xff,,\n\n\n"), "line 2: the line is not UTF-8");
}

/// Half a document must not pass for a whole one that says nothing.
#[test]
fn data_of_debsecan_that_ends_too_early_is_refused() {
    let document = DEBSECAN;
    let end = document.find("\n\nmill,libmill1").expect("its last part") + 2;
    for length in 10..end {
        assert!(why(&document[..length]).contains("ends in the middle"), "{length}");
    }
    assert!(read(&document.as_bytes()[..end], &Asked::default()).is_ok());
}

#[test]
fn what_is_neither_is_told_apart_from_what_is_packed() {
    for packed in [&b"x\x9c\xed"[..], b"\x1f\x8b\x08", b"PK\x03\x04", b"\x28\xb5\x2f\xfd\0"] {
        assert_eq!(why(packed), "the document is compressed: unpack it first");
    }
    for foreign in ["", "  ", "<html>", "VERSION", "CVE-2024-1", "\u{feff}{}"] {
        assert_eq!(why(foreign), "the document is neither OSV's JSON nor debsecan's data", "{foreign:?}");
    }
}
