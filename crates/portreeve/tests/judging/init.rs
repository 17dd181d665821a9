//! `init`: a policy from what runs, right by construction, and never in the place of another (A15, A25).

use std::process::Command;

use serde_json::Value;

use crate::program::{Place, data, run, run_with};

#[test]
fn a_drafted_policy_has_no_mistakes_and_declares_what_runs() {
    for host in ["judge-host.json", "judge-host-later.json", "web.json"] {
        let place = Place::new();
        let draft = run(&format!("init --snapshot {host} --allow-gaps")).ends(0);
        run_with("check -", draft.as_bytes()).ends(0);
        let policy = place.file("policy.toml", draft.as_bytes());
        let audit = format!(
            "audit --snapshot {host} --policy {} -o json --fail-on never --allow-gaps",
            policy.display()
        );
        let document = run(&audit).json(0);
        for finding in document["findings"].as_array().unwrap() {
            let rule = finding["rule"].as_str().unwrap();
            assert!(
                !["unneeded-open-port", "stolen-port", "declared-but-silent"].contains(&rule),
                "{host}: {finding:#}"
            );
        }
    }
}

#[test]
fn what_is_dangerous_is_declared_narrowly() {
    let place = Place::new();
    let policy = place.file("policy.toml", run("init --snapshot judge-host.json").ends(0).as_bytes());
    let document =
        run(&format!("audit --snapshot judge-host.json --policy {} -o json", policy.display())).json(1);
    let rules: Vec<&Value> =
        document["findings"].as_array().unwrap().iter().map(|finding| &finding["rule"]).collect();
    assert!(rules.iter().any(|rule| **rule == "bound-wider-than-declared"), "{rules:?}");
}

#[test]
fn a_file_that_exists_is_left_as_it_is() {
    let place = Place::new();
    let line = format!("init --snapshot judge-host.json {}", place.path().join("policy.toml").display());
    let said = place.run(&line).ends(0);
    assert!(said.contains("is written"), "{said}");
    let written = std::fs::read(place.path().join("policy.toml")).unwrap();
    place.file("policy.toml", b"mine\n");
    let err = place.run(&line).fails(2);
    assert!(err.contains("exists and is left as it is"), "{err}");
    assert_eq!(std::fs::read(place.path().join("policy.toml")).unwrap(), b"mine\n");
    assert_eq!(run("init --snapshot judge-host.json").ends(0).as_bytes(), written);
}

#[test]
fn what_cannot_be_written_whole_is_not_left_behind() {
    let place = Place::new();
    let file = place.path().join("policy.toml");
    // A limit of no bytes stands for a full disk (setrlimit(2), RLIMIT_FSIZE).
    let ended = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" init --snapshot judge-host.json \"$1\""])
        .arg(env!("CARGO_BIN_EXE_portreeve"))
        .arg(&file)
        .current_dir(data())
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(7), "{ended:?}");
    assert!(!file.exists());
    place.run(&format!("init --snapshot judge-host.json {}", file.display())).ends(0);
}

#[test]
fn owners_that_were_not_seen_are_told_beside_the_policy() {
    let ran = run("init --snapshot judge-host-unprivileged.json");
    assert!(ran.err.contains("10 sockets hide their owner"), "{}", ran.err);
    let draft = ran.ends(3);
    run_with("check -", draft.as_bytes()).ends(0);
    assert!(run("init --snapshot judge-host.json --lang ja").ends(0).starts_with('#'));
}
