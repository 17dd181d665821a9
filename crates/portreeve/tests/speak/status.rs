//! Bare `portreeve`: one screen (A26).

use crate::run::{on_web, web_with, with_input};

#[test]
fn it_begins_with_a_sentence_and_ends_with_a_command() {
    let said = on_web("");
    assert!(said.out.starts_with("17 ports are open on web-1; "), "{}", said.out);
    assert!(said.out.lines().last().unwrap().starts_with("next: portreeve "), "{}", said.out);
    assert!(said.out.lines().count() < 30, "{}", said.out);
}

#[test]
fn a_small_host_is_told_in_the_singular() {
    let input = web_with(|snapshot| {
        snapshot["gaps"] = serde_json::json!([]);
        let listeners = snapshot["listeners"].as_array_mut().unwrap();
        listeners.retain(|listener| listener["port"] == 22);
    });
    let said = with_input("--snapshot -", &input);
    let first = said.out.lines().next().unwrap();
    assert!(first.starts_with("1 port is open on web-1; 1 is bound where anybody may reach it."), "{first}");
}

#[test]
fn a_host_without_ports_is_no_empty_table() {
    let input = web_with(|snapshot| snapshot["listeners"] = serde_json::json!([]));
    let said = with_input("--snapshot -", &input);
    assert!(said.out.starts_with("No port is open on web-1."), "{}", said.out);
    assert!(!said.out.contains("PORT"), "{}", said.out);
}

#[test]
fn what_lies_in_other_namespaces_is_counted_only_when_asked_for() {
    assert!(!on_web("").out.contains("15001"));
    assert!(on_web("--netns mesh").out.contains("15001"));
}

#[test]
fn quiet_is_the_sentence_alone() {
    assert_eq!(on_web("-q").out.lines().count(), 1);
}

#[test]
fn the_worst_findings_stand_beside_their_rows_and_below() {
    let said = on_web("");
    let row = said.out.lines().find(|line| line.trim_start().starts_with("6379/tcp")).unwrap();
    assert!(row.ends_with("✗ datastore-open-to-world"), "{}", said.out);
    let finding = said.out.lines().find(|line| line.starts_with("✗ high")).unwrap();
    assert!(finding.contains("6379/tcp  datastore-open-to-world  "), "{}", said.out);
    assert!(said.out.contains(" 1 finding needs you.\n"), "{}", said.out);
}

#[test]
fn a_policy_that_is_wrong_is_told_and_not_ignored() {
    let said = with_input(
        &format!("--policy - --snapshot {}", crate::run::saved("web.json").display()),
        b"version = 9",
    );
    assert_eq!(said.code, Some(2));
    assert!(said.err.starts_with("error: "), "{}", said.err);
}
