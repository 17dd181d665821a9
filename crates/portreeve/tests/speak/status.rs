//! Bare `portreeve`: one screen (A26).

use unicode_width::UnicodeWidthStr as _;

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

/// The sentence about the saved host with nothing but port 22, bound to `address`.
fn bound_to(address: &str) -> String {
    let input = web_with(|snapshot| {
        snapshot["gaps"] = serde_json::json!([]);
        let listeners = snapshot["listeners"].as_array_mut().unwrap();
        listeners.retain(|listener| listener["port"] == 22 && listener["family"] == "ipv4");
        listeners[0]["address"] = address.into();
    });
    let said = with_input("--snapshot -", &input).out;
    said.lines().next().unwrap().into()
}

#[test]
fn only_what_the_addresses_tell_is_said_of_the_reach() {
    for (address, reach) in [
        ("127.0.0.1", "; none can be reached from outside."),
        ("192.168.1.5", "; 1 is bound where the network nearby may reach it."),
        ("0.0.0.0", "; 1 is bound where anybody may reach it."),
    ] {
        let said = bound_to(address);
        assert!(said.starts_with(&format!("1 port is open on web-1{reach}")), "{address}: {said}");
    }
}

#[test]
fn whatever_hides_a_holder_is_told() {
    for what in ["hidden-owners", "hidden-processes", "sealed-processes", "out-of-sight"] {
        let input = web_with(|snapshot| {
            snapshot["gaps"] = serde_json::json!([{"what": what, "count": 2}]);
            for listener in snapshot["listeners"].as_array_mut().unwrap() {
                if listener["port"] == 9999 {
                    listener["gap"] = "out-of-sight".into();
                }
            }
        });
        for line in ["--snapshot -", "ls --snapshot -", "who 9999 --snapshot -"] {
            let said = with_input(line, &input).out;
            assert_eq!(said.matches("\nnot seen: ").count(), 1, "{what}, {line}: {said}");
        }
    }
}

#[test]
fn what_hides_nobody_who_is_shown_is_not_told() {
    let input = web_with(|snapshot| {
        snapshot["gaps"] = serde_json::json!([{"what": "sealed-processes", "count": 2}]);
        let listeners = snapshot["listeners"].as_array_mut().unwrap();
        listeners.retain(|listener| listener["port"] == 443);
    });
    let said = with_input("--snapshot -", &input).out;
    assert!(!said.contains("not seen"), "{said}");
}

#[test]
fn what_does_not_fit_is_counted_below_the_services() {
    for lang in ["en", "ja"] {
        let said = on_web(&format!("--lang {lang}")).out;
        let column = |line: &str, word: &str| line.split(word).next().unwrap().width();
        let row =
            said.lines().find(|line| line.starts_with("  443/tcp") || line.contains(",443/tcp")).unwrap();
        let more = said.lines().find(|line| line.starts_with("  … ")).unwrap();
        let sentence = more.trim_start_matches(['…', ' ']);
        assert_eq!(column(more, sentence), column(row, "http"), "{said}");
    }
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
