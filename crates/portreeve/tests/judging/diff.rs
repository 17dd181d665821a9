//! `diff`: what changed between two looks, and what cannot be told (A17, A20).

use serde_json::Value;

use crate::program::{data, run, run_with};

const DIFF: &str = "diff judge-host.json judge-host-later.json";

fn kinds(document: &Value) -> Vec<(&str, u64)> {
    let changes = document["changes"].as_array().unwrap();
    changes
        .iter()
        .map(|change| (change["kind"].as_str().unwrap(), change["port"].as_u64().unwrap()))
        .collect()
}

#[test]
fn what_changed_is_named_and_exit_code_1() {
    let document = run(&format!("{DIFF} -o json")).json(1);
    assert_eq!(kinds(&document), [("narrowed", 6379), ("narrowed", 6379), ("opened", 8099)]);
    assert_eq!(
        (&document["before"], &document["after"]),
        (&"2026-11-23T09:30:00Z".into(), &"2026-11-24T09:30:00Z".into())
    );
    let opened = &document["changes"][2];
    assert_eq!(opened["before"], Value::Null);
    assert_eq!(opened["after"]["holders"][0]["pid"], 900);
    assert_eq!(run(&format!("{DIFF} -q")).ends(1), "");
}

#[test]
fn the_other_way_round_it_is_the_opposite() {
    let document = run("diff judge-host-later.json judge-host.json -o json").json(1);
    assert_eq!(kinds(&document), [("widened", 6379), ("widened", 6379), ("closed", 8099)]);
}

#[test]
fn the_same_host_has_not_changed() {
    let table = run("diff judge-host.json judge-host.json").ends(0);
    assert_eq!(table, "no changes from 2026-11-23T09:30:00Z to 2026-11-23T09:30:00Z\n");
    let input = std::fs::read(data().join("judge-host.json")).unwrap();
    run_with("diff judge-host.json -", &input).ends(0);
    run_with("diff - judge-host.json", &input).ends(0);
    assert_eq!(run_with("diff - -", &input).code, 2);
}

#[test]
fn a_table_names_port_place_and_owner_in_both_languages() {
    let table = run(DIFF).ends(1);
    assert!(table.lines().next().unwrap().starts_with("CHANGE"), "{table}");
    let narrowed = table.lines().find(|line| line.contains("6379/tcp")).expect("redis");
    assert!(narrowed.starts_with("< narrowed") && narrowed.contains("redis-server.service"), "{table}");
    let opened = table.lines().find(|line| line.contains("8099/tcp")).expect("the stranger");
    assert!(opened.starts_with("+ opened") && opened.contains("(dev)"), "{table}");
    assert!(!table.contains(['\u{1b}', '\u{202e}']), "{table}");
    let table = run(&format!("{DIFF} --lang ja")).ends(1);
    assert!(table.contains("+ 開始") && table.contains("までの変化: 3 件"), "{table}");
}

#[test]
fn lines_and_records_hold_one_change_each() {
    let lines = run(&format!("{DIFF} -o ndjson")).ends(1);
    let kinds: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["kind"].clone()).collect();
    assert_eq!(kinds, ["narrowed", "narrowed", "opened"]);
    let table = run(&format!("{DIFF} -o csv")).ends(1);
    assert_eq!(table.lines().next().unwrap(), "kind,protocol,port,address,before,after");
    assert!(!table.contains("hunter2"), "{table}");
}

#[test]
fn an_owner_that_was_not_seen_is_no_change_and_exit_code_3() {
    // The hidden processes are in the same units: nothing changed hands, and nothing is claimed of what is unknown.
    let mut hidden: Value =
        serde_json::from_slice(&std::fs::read(data().join("judge-host-unprivileged.json")).unwrap()).unwrap();
    for listener in hidden["listeners"].as_array_mut().unwrap() {
        listener["socket_unit"] = Value::Null;
        listener["socket_cgroup"] = Value::Null;
    }
    let hidden = serde_json::to_vec(&hidden).unwrap();
    let document = run_with("diff judge-host.json - -o json", &hidden).json(3);
    assert_eq!(document["changes"], Value::Array(Vec::new()));
    assert!(document["unknown"].as_u64().unwrap() > 0);
    let table = run_with("diff judge-host.json -", &hidden).ends(3);
    assert!(table.contains("an owner was not seen"), "{table}");
    run_with("diff judge-host.json - --allow-gaps", &hidden).ends(0);
}

#[test]
fn what_is_no_snapshot_is_exit_code_2() {
    for line in [
        "diff /dev/null judge-host.json",
        "diff judge-policy.toml judge-host.json",
        "diff nowhere.json",
        "diff",
    ] {
        assert_eq!(run(line).code, 2, "{line}");
    }
}
