//! Sockets that other tools get wrong: who holds each, in which namespace, and of which unit (A4, A5, A12).

use std::{collections::BTreeMap, path::Path};

use portreeve_lab::{Output, zoo::fixture::Fixture};
use serde_json::Value;

use super::site::{PORTREEVE, lab};

/// Each case is told exactly as it is: pids, names, executables, units, namespaces, and why nobody holds it
/// (A4, A5, A12).
#[test]
fn every_socket_of_the_zoo_is_told_as_it_is() {
    let rows = rows();
    assert!(rows.len() >= 30, "the zoo has its cases: {rows:#?}");
    for (case, row) in &rows {
        assert!(row["missing"].is_null(), "the zoo needs a kernel with all of it, {case}: {row:#}");
        assert_eq!(row["disproof"], "", "what is taken for true is not, {case}: {row:#}");
        assert!(row["portreeve"].is_null(), "{case}: {row:#}");
    }
}

/// The witnesses are read well: they agree where nothing is odd, and each misses what it is known to miss.
#[test]
fn other_tools_are_right_where_they_can_be() {
    let rows = rows();
    let is_right = |case: &str, witness: &str| rows[case][witness].is_null();
    for case in ["forked", "passed", "epoll-closed", "epoll-elsewhere", "sockmap", "udp", "reuseport"] {
        assert!(is_right(case, "ss") && is_right(case, "lsof"), "{case}: {:#}", rows[case]);
    }
    for case in ["io-uring", "netns-of-a-socket", "leaderless", "own-table", "script", "odd-name"] {
        assert!(!is_right(case, "ss") && !is_right(case, "lsof"), "{case}: {:#}", rows[case]);
    }
}

/// The rows of a zoo of its own, by case.
fn rows() -> BTreeMap<String, Value> {
    let fixture = lab(Fixture::create());
    let mut command = lab(fixture.command(Path::new(PORTREEVE)));
    let output = Output::from(command.args(["-o", "json"]).output().expect("a shell can be started"));
    assert!(matches!(output.status, 0 | 1), "the zoo was built and judged: {output:#?}");
    let answer = output.json();
    let rows = answer.as_array().expect("a row a case");
    rows.iter().map(|row| (row["case"].as_str().unwrap_or_default().to_owned(), row.clone())).collect()
}
