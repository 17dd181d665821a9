//! `doctor` and `off`: which ways are open, in every format, and what is refused before anything is touched.

use serde_json::Value;

use crate::run::{Said, program, run};

fn without(ways: &str, line: &str) -> Said {
    let words = line.split_whitespace();
    program().env("PORTREEVE_WITHOUT", ways).args(words).output().expect("the program starts").into()
}

fn ways(answer: &Value) -> Vec<&Value> {
    answer["ways"].as_array().expect("`ways` is promised").iter().collect()
}

#[test]
fn every_way_is_told_in_every_format() {
    let said = run("doctor -o json --allow-gaps");
    assert_eq!(said.code, Some(0), "{said:?}");
    let answer = said.json();
    let names: Vec<_> = ways(&answer).iter().filter_map(|way| way["way"].as_str()).collect();
    assert_eq!(names.len(), 13);
    for way in ways(&answer) {
        assert_eq!(way["open"] == true, way["reason"].is_null(), "{way:#}");
        assert_eq!(way["reason"].is_null(), way["why"].is_null(), "{way:#}");
        assert!(way["open"] == false || way["matters"] == false, "{way:#}");
    }
    let table = run("doctor --allow-gaps").out;
    assert!(names.iter().all(|name| table.contains(name)), "{table}");
    let lines = run("doctor -o ndjson --allow-gaps").out;
    assert_eq!(lines.lines().count(), names.len());
    let csv = run("doctor -o csv --allow-gaps").out;
    assert!(csv.starts_with("way,open,reason,why,detail,stands_in,matters,cost,fix\nbpf-files,"), "{csv}");
    assert_eq!(run("doctor -q --allow-gaps").out, "");
}

#[test]
fn what_was_closed_on_purpose_is_named_and_matters() {
    let said = without("bpf", "doctor -o json");
    assert_eq!(said.code, Some(3), "{said:?}");
    let answer = said.json();
    let closed: Vec<_> =
        ways(&answer).into_iter().filter(|way| way["reason"] == "without").map(|way| &way["way"]).collect();
    assert_eq!(closed, ["bpf-files", "bpf-kept", "bpf-tcp", "bpf-udp", "pins"]);
    assert_eq!(ways(&answer)[0]["matters"], true);
    assert_eq!(ways(&answer)[2]["stands_in"], "sock-diag");
    assert_eq!(without("bpf", "doctor -o json --allow-gaps").code, Some(0));
    let english = without("bpf", "doctor").out;
    assert!(english.contains("closed: closed by PORTREEVE_WITHOUT"), "{english}");
    let japanese = without("bpf", "doctor --lang ja").out;
    assert!(japanese.contains("PORTREEVE_WITHOUT で無効にされています"), "{japanese}");
    assert_eq!(without("telepathy", "doctor").code, Some(2));
}

#[test]
fn nothing_is_pinned_that_was_closed_on_purpose() {
    let said = without("bpf", "doctor --pin --group 0");
    assert_eq!((said.code, &said.out[..]), (Some(2), ""), "{said:?}");
    assert!(said.err.ends_with("hint: unset PORTREEVE_WITHOUT\n"), "{}", said.err);
}

#[test]
fn a_look_says_what_open_ways_do_not_show() {
    let doctor = run("doctor -o json");
    let answer = doctor.json();
    let matters = ways(&answer).iter().any(|way| way["matters"] == true);
    let unseen = answer["gaps"].as_array().expect("`gaps` is promised");
    let grave = unseen.iter().any(|gap| gap["what"] != "vanished-processes");
    assert!(doctor.code == Some(3) || !(matters || grave), "{doctor:?}");
}

#[test]
fn a_pin_needs_a_group_that_is_there() {
    for (line, hint) in [
        ("doctor --pin", "--group"),
        ("doctor --group adm", "--pin"),
        ("doctor --pin --group no-such-group", "there is no group `no-such-group`"),
        ("doctor --pin --group 4294967295", "there is no group `4294967295`"),
        ("off everything", "pins"),
    ] {
        let said = run(line);
        assert_eq!((said.code, &said.out[..]), (Some(2), ""), "{line}: {said:?}");
        assert!(said.err.starts_with("error: ") && said.err.contains(hint), "{line}: {}", said.err);
    }
}
