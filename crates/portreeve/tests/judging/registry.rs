//! `registry`: the table in use, and a newer one that takes its place whole or not at all (A7).

use crate::program::{Place, run};

/// One row of each kind; the oddities are tested beside the reader.
const LIST: &[u8] =
    b"Service Name,Port Number,Transport Protocol,Description,Assignee,Contact,Registration Date,\
Modification Date,Reference,Service Code,Unauthorized Use Reported,Assignment Notes\r\n\
reeve,4711,tcp,Port Reeve,,,2020-01-02,2026-03-04,,,,\r\n\
reeve-pool,4712-4719,udp,\"Two\nlines\",,,,,,,,\r\n";

fn import(place: &Place, list: &[u8]) -> crate::program::Run {
    let file = place.file("list.csv", list);
    place.run(&format!("registry import {}", file.display()))
}

#[test]
fn the_builtin_table_says_where_it_is_from() {
    assert!(run("registry show").ends(0).starts_with("built in: "));
    let document = run("registry show -o json").json(0);
    assert_eq!(document["path"], serde_json::Value::Null);
    assert!(document["assignments"].as_u64().unwrap() > 10_000);
}

#[test]
fn the_whole_table_is_listed_in_order() {
    let list = run("registry list -o ndjson").ends(0);
    let rows: Vec<serde_json::Value> = list.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(rows.len() > 10_000);
    let ports: Vec<_> = rows.iter().map(|row| row["port"].as_u64().unwrap()).collect();
    assert!(ports.is_sorted());
    assert!(
        rows.iter().any(|row| row["port"] == 443 && row["protocol"] == "tcp" && row["names"][0] == "https")
    );
}

#[test]
fn an_imported_table_takes_precedence_and_says_so() {
    let place = Place::new();
    let said = import(&place, LIST).ends(0);
    assert!(said.starts_with("imported: ") && said.contains("2026-03-04"), "{said}");
    assert!(place.run("explain 4711").ends(0).contains("4711/tcp  reeve  Port Reeve"));
    assert_eq!(place.run("registry list -o ndjson").ends(0).lines().count(), 2);
    assert!(place.run("explain https").code == 2, "443 is not in this list");
    assert!(place.run("registry show --lang ja").ends(0).starts_with("取り込み済みの表: "));
}

#[test]
fn a_malformed_list_is_refused_with_its_line_and_changes_nothing() {
    let place = Place::new();
    import(&place, LIST).ends(0);
    let table = place.path().join("registry.bin");
    let before = std::fs::read(&table).unwrap();
    let broken = [LIST, b"odd,99999,tcp,,,,,,,,,\r\n"].concat();
    let err = import(&place, &broken).fails(2);
    // The header, the first row, and the second row of two lines come before it.
    assert!(err.contains("cause: line 5: `99999` is neither a port nor a range of ports"), "{err}");
    assert!(err.contains("the table in use stays as it was"), "{err}");
    for other in [&b""[..], b"\x89PNG\r\n\x1a\n\0\0", b"a,b,c\n1,2,3\n"] {
        assert_eq!(import(&place, other).code, 2);
    }
    assert_eq!(place.run("registry import /nowhere/list.csv").code, 2);
    assert_eq!(std::fs::read(&table).unwrap(), before);
    let beside: Vec<_> =
        std::fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(beside.len(), 2, "{beside:?}");
}

#[test]
fn a_table_that_cannot_be_read_stops_the_command() {
    let place = Place::new();
    import(&place, LIST).ends(0);
    let mut bytes = std::fs::read(place.path().join("registry.bin")).unwrap();
    bytes[7] += 1;
    let path = place.file("registry.bin", &bytes);
    let err = place.run("explain 4711").fails(7);
    assert!(err.contains("a newer portreeve wrote it"), "{err}");
    assert!(err.contains(&format!("rm {}", path.display())), "{err}");
    place.file("registry.bin", b"garbage");
    assert_eq!(place.run("explain 4711").code, 7);
}

#[test]
fn only_import_takes_a_file() {
    assert_eq!(run("registry show list.csv").code, 2);
    assert_eq!(run("registry import").code, 2);
    assert_eq!(run("registry throw").code, 2);
}
