//! `audit`: its exit codes, its formats, what is new, and what could not be seen (A16, A17, A20).

use std::{fs::Permissions, os::unix::fs::PermissionsExt as _};

use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

use crate::program::{Place, Run, data, run};

const LATER: &str = "audit --snapshot judge-host-later.json --policy judge-policy.toml";

fn rules(document: &Value) -> Vec<(&str, &str)> {
    let findings = document["findings"].as_array().unwrap();
    findings
        .iter()
        .map(|finding| (finding["rule"].as_str().unwrap(), finding["severity"].as_str().unwrap()))
        .collect()
}

#[test]
fn a_finding_at_or_above_the_threshold_is_exit_code_1() {
    assert_eq!(rules(&run(&format!("{LATER} -o json")).json(1)), [("unneeded-open-port", "warning")]);
    run(&format!("{LATER} --fail-on notice")).ends(1);
    run(&format!("{LATER} --fail-on high")).ends(0);
    run(&format!("{LATER} --fail-on never")).ends(0);
    assert_eq!(run(&format!("{LATER} --fail-on sometimes")).code, 2);
    assert_eq!(run(&format!("{LATER} -q")).ends(1), "");
}

#[test]
fn without_a_policy_only_rules_that_need_none_speak() {
    let document = run("audit --snapshot judge-host-later.json --policy none -o json").json(0);
    assert_eq!(document["policy"], Value::Null);
    assert!(rules(&document).iter().all(|(rule, _)| *rule != "unneeded-open-port"));
    let document = run("audit --snapshot judge-host.json --policy none -o json").json(1);
    assert!(rules(&document).contains(&("datastore-open-to-world", "high")), "{document:#}");
}

#[test]
fn a_policy_that_is_missing_or_wrong_is_exit_code_2() {
    let audit = |policy: &str| run(&format!("audit --snapshot judge-host.json --policy {policy}")).fails(2);
    assert!(audit("nowhere.toml").contains("cause: there is no such file"));
    assert!(audit("judge-mistakes.toml").contains("┌─ judge-mistakes.toml:4:10"));
    assert_eq!(run("audit --snapshot nowhere.json").code, 2);
    assert_eq!(run("audit --snapshot /dev/null").code, 2);
}

#[test]
fn a_policy_that_is_a_folder_of_binaries_is_refused() {
    let place = Place::new();
    place.file("policy/a.toml", b"\x7fELF\x02\x01\x01\0\xff\xfe");
    place.file("policy/b.toml", &[0; 4096]);
    let folder = place.path().join("policy");
    for command in ["audit --snapshot judge-host.json --policy", "check"] {
        let err = run(&format!("{command} {}", folder.display())).fails(2);
        assert!(err.contains("a.toml") && err.contains("UTF-8"), "{err}");
    }
    let empty = place.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    assert!(run(&format!("check {}", empty.display())).fails(2).contains("*.toml"));
}

#[test]
fn what_could_not_be_seen_is_exit_code_3_unless_allowed() {
    let audit = "audit --snapshot judge-host-unprivileged.json --policy none --fail-on never";
    let table = run(audit).ends(3);
    assert!(table.contains("10 sockets hide their owner"), "{table}");
    assert!(table.contains("sudo portreeve"), "{table}");
    run(&format!("{audit} --allow-gaps")).ends(0);
    assert_eq!(run(&format!("{audit} -o json")).json(3)["gaps"][0]["what"], "hidden-owners");
}

#[test]
fn findings_win_over_gaps() {
    let audit = "audit --snapshot judge-host-unprivileged.json --policy none";
    run(&format!("{audit} --fail-on notice")).ends(1);
}

#[test]
fn the_table_says_what_is_wrong_and_what_to_do() {
    let table = run(LATER).ends(1);
    let mut lines = table.lines();
    let first = lines.next().unwrap();
    assert!(first.starts_with("! warning  8099/tcp  unneeded-open-port  "), "{first}");
    let hint = lines.next().unwrap();
    assert!(hint.starts_with("           hint: "), "{hint}");
    assert_eq!(lines.next().unwrap(), "1 finding (1 warning) · 6 ports · not seen: nothing");
}

#[test]
fn japanese_columns_align() {
    let table = run("audit --snapshot judge-host.json --policy judge-policy-whole.toml --lang ja").ends(1);
    let summary = table.lines().find(|line| line.contains("件の指摘(")).expect("a summary");
    assert!(
        summary.contains("警告 ") && summary.ends_with("· 5 ポート · 見えなかったもの: なし"),
        "{summary}"
    );
    let findings: Vec<&str> = table.lines().filter(|line| line.starts_with(['✗', '!', '·'])).collect();
    // The columns that a terminal shows before the port.
    let before_port = |line: &str| {
        let port =
            line.split(' ').find(|word| word.ends_with("/tcp") || word.ends_with("/udp")).expect("a port");
        line.split(port).next().unwrap().width()
    };
    let columns: Vec<usize> = findings.iter().map(|line| before_port(line)).collect();
    assert!(columns.len() > 3 && columns.iter().all(|column| *column == columns[0]), "{table}");
    let hints: Vec<&str> = table.lines().filter(|line| line.contains("直し方: ")).collect();
    assert_eq!(hints.len(), findings.len());
    assert!(hints.iter().all(|line| line.find("直し方") == Some(columns[0])), "{table}");
}

#[test]
fn a_hostile_name_reaches_no_terminal() {
    for format in ["table", "json", "ndjson", "csv", "sarif", "nagios"] {
        let Run { out, err, .. } = run(&format!("{LATER} -o {format}"));
        let raw = |char: char| matches!(char, '\u{0}'..='\u{9}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{202e}');
        assert!(!out.contains(raw) && !err.contains(raw), "{format}: {out}{err}");
        assert!(!out.is_empty(), "{format}");
    }
}

#[test]
fn command_lines_stay_out_of_what_is_passed_on() {
    for format in ["csv", "sarif", "nagios", "table"] {
        assert!(!run(&format!("{LATER} -o {format}")).out.contains("hunter2"), "{format}");
    }
    assert!(run(&format!("{LATER} -o json")).out.contains("hunter2"), "json has the whole command line");
}

#[test]
fn ndjson_and_csv_hold_one_finding_a_line() {
    let lines = run(&format!("{LATER} -o ndjson")).ends(1);
    let finding: Value = serde_json::from_str(lines.trim_end()).expect("one line");
    assert_eq!((&finding["rule"], &finding["port"]), (&"unneeded-open-port".into(), &8099.into()));
    let table = run(&format!("{LATER} -o csv")).ends(1);
    let mut lines = table.lines();
    assert_eq!(
        lines.next().unwrap(),
        "rule,severity,protocol,port,port_last,address,service,text,fix,waived"
    );
    assert!(lines.next().unwrap().starts_with("unneeded-open-port,warning,tcp,8099,,0.0.0.0,,"));
    assert_eq!(lines.next(), None);
}

fn waiving(place: &Place, until: &str) -> String {
    let policy = std::fs::read_to_string(data().join("judge-policy.toml")).unwrap();
    let waiver = format!(
        "\n[[waive]]\nrule = \"unneeded-open-port\"\nports = [\"8099/tcp\"]\nwhy = \"a demonstration\"\nuntil = \"{until}\"\n"
    );
    let file = place.file("policy.toml", (policy + &waiver).as_bytes());
    format!("audit --snapshot judge-host-later.json --policy {}", file.display())
}

#[test]
fn a_waived_finding_is_kept_and_not_counted() {
    let place = Place::new();
    let audit = waiving(&place, "2099-12-31");
    let document = run(&format!("{audit} -o json")).json(0);
    let waived = &document["findings"][0]["waived"];
    assert_eq!((&waived["why"], &waived["until"]), (&"a demonstration".into(), &"2099-12-31".into()));
    assert_eq!(document["counts"]["warning"], 0);
    assert_eq!(run(&audit).ends(0), "no findings · 1 waived · 6 ports · not seen: nothing\n");
    let log = run(&format!("{audit} -o sarif")).json(0);
    assert_eq!(log["runs"][0]["results"][0]["suppressions"][0]["justification"], "a demonstration");
}

#[test]
fn a_waiver_that_has_ended_waives_nothing() {
    let place = Place::new();
    let document = run(&format!("{} -o json", waiving(&place, "2026-01-31"))).json(1);
    let rules = rules(&document);
    assert!(rules.iter().any(|(rule, _)| *rule == "unneeded-open-port"), "{rules:?}");
    assert!(rules.iter().any(|(rule, _)| *rule == "waiver-ended"), "{rules:?}");
}

#[test]
fn only_what_is_new_is_said_since_the_last_time() {
    let place = Place::new();
    let audit = format!("{LATER} --since-last");
    let first = place.run(&audit).ends(1);
    assert!(first.contains("1 finding (1 warning) · nothing to compare with yet"), "{first}");
    assert_eq!(place.run(&audit).ends(0), "", "whoever mails what is printed mails nothing");
    let verbose = place.run(&format!("{audit} -v")).ends(0);
    assert_eq!(verbose, "nothing new · 1 known before, 0 gone · 6 ports · not seen: nothing\n");
    let document = place.run(&format!("{audit} -o json")).json(0);
    assert_eq!((&document["findings"], &document["gone"]), (&serde_json::json!([]), &serde_json::json!([])));
    assert_eq!(document["changes"], Value::Null, "of a saved snapshot no look is kept");
    // The stranger goes, and comes again.
    let quiet = place.run("audit --snapshot judge-host-later.json --policy none --since-last").ends(0);
    assert!(quiet.contains("0 known before, 1 gone"), "{quiet}");
    assert!(quiet.starts_with("✓ gone  unneeded-open-port  8099/tcp"), "{quiet}");
    place.run(&audit).ends(1);
    // Whoever does not ask for news is told everything, and is not remembered.
    place.run(LATER).ends(1);
    place.run(&audit).ends(0);
}

/// A snapshot of the data with the process that holds `port` changed.
fn with_holder(place: &Place, port: u16, change: impl Fn(&mut Value)) -> String {
    let text = std::fs::read(data().join("judge-host-later.json")).unwrap();
    let mut snapshot: Value = serde_json::from_slice(&text).unwrap();
    let listeners = snapshot["listeners"].as_array().unwrap().clone();
    let held = listeners.iter().filter(|listener| listener["port"] == port);
    for hold in held.flat_map(|listener| listener["holders"].as_array().unwrap()) {
        change(&mut snapshot["processes"][hold["pid"].to_string()]);
    }
    let file = place.file("changed.json", snapshot.to_string().as_bytes());
    format!("audit --snapshot {} --policy judge-policy.toml", file.display())
}

#[test]
fn another_thief_on_the_same_port_is_news_and_a_restart_is_none() {
    let place = Place::new();
    place.run(&format!("{LATER} --since-last")).ends(1);
    let restarted = with_holder(&place, 8099, |process| process["started"] = "2026-01-02T00:00:00Z".into());
    place.run(&format!("{restarted} --since-last")).ends(0);
    let other = with_holder(&place, 8099, |process| process["user"] = "mallory".into());
    let said = place.run(&format!("{other} --since-last")).ends(1);
    assert!(said.contains("1 new finding (1 warning) · 0 known before, 1 gone"), "{said}");
}

/// A host of the older cgroups shows the unit of nobody: whoever holds 443 may be its owner or a thief.
#[test]
fn a_holder_who_cannot_be_told_from_the_owner_is_exit_code_3() {
    let place = Place::new();
    let unplaced = with_holder(&place, 443, |process| {
        (process["cgroup"], process["unit"]) = (Value::Null, Value::Null);
    });
    let said = place.run(&format!("{unplaced} --fail-on never")).ends(3);
    assert!(
        said.contains("not seen: whether the owner holds 80/tcp 443/tcp cannot be told; name the"),
        "{said}"
    );
    let document = place.run(&format!("{unplaced} --fail-on never -o json")).json(3);
    assert_eq!(document["gaps"][0]["what"], "undecided-owners", "{document:#}");
    place.run(&format!("{unplaced} --fail-on never --allow-gaps")).ends(0);
}

#[test]
fn a_record_that_cannot_be_trusted_is_not_overwritten() {
    for (record, said) in [
        (&b"{\"layout\":2,\"audits\":{},\"more\":1}"[..], "a newer portreeve wrote it"),
        (b"garbage", "is not a record of an audit"),
    ] {
        let place = Place::new();
        let path = place.file("last-audit.json", record);
        let err = place.run(&format!("{LATER} --since-last")).fails(7);
        assert!(err.contains(said) && err.contains("hint: remove it"), "{err}");
        assert_eq!(std::fs::read(path).unwrap(), record);
    }
}

#[test]
fn a_record_that_is_too_large_is_said_to_be() {
    let place = Place::new();
    let file = std::fs::File::create(place.path().join("last-audit.json")).unwrap();
    file.set_len((64 << 20) + 1).unwrap();
    let err = place.run(&format!("{LATER} --since-last")).fails(7);
    assert!(err.contains("it is larger than 64 MiB") && err.contains("hint: remove it"), "{err}");
}

#[test]
fn nothing_is_kept_where_others_may_write() {
    let place = Place::new();
    std::fs::set_permissions(place.path(), Permissions::from_mode(0o1777)).unwrap();
    let run = |lang: &str| place.run(&format!("{LATER} --since-last --lang {lang}"));
    let Run { code, err, .. } = run("en");
    assert_eq!(code, 7, "{err}");
    assert!(err.contains("others may write to it"), "{err}");
    assert!(run("ja").err.contains("ほかのユーザーも書き込める"));
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn nagios_has_its_own_codes_and_a_first_line() {
    let first = |run: Run, code: i32| run.ends(code).lines().next().unwrap().to_string();
    let warning = first(run(&format!("{LATER} -o nagios")), 1);
    assert!(warning.starts_with("WARNING - 8099/tcp unneeded-open-port: "), "{warning}");
    assert!(warning.ends_with(" | notice=0 warning=1 high=0 critical=0"), "{warning}");
    let critical = first(run("audit --snapshot judge-host.json --policy none -o nagios"), 2);
    assert!(critical.starts_with("CRITICAL - 6379/tcp datastore-open-to-world"), "{critical}");
    let fine = first(run(&format!("{LATER} -o nagios --fail-on high")), 0);
    assert!(fine.starts_with("OK - "), "{fine}");
    let gaps = "audit --snapshot judge-host-unprivileged.json --policy none -o nagios --fail-on never";
    assert!(first(run(gaps), 3).starts_with("UNKNOWN - 10 sockets hide their owner"));
    assert!(first(run(&format!("{gaps} --allow-gaps")), 0).starts_with("OK - "));
    let blind = run("audit --snapshot nowhere.json -o nagios");
    assert!(blind.err.contains("cause: there is no such file"));
    assert_eq!(blind.ends(3), "UNKNOWN - cannot read the snapshot nowhere.json\n");
}

/// The schema is OASIS' own; `tests/data/README.md` says where it is from.
#[test]
fn sarif_is_as_its_schema_says() {
    let schema = std::fs::read_to_string(data().join("sarif-schema-2.1.0.json")).unwrap();
    // A stray bracket in the pattern of `language`, which only lenient engines read.
    let schema = schema.replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}$");
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::draft7::new(&schema).unwrap();
    for (line, code) in [
        (format!("{LATER} -o sarif"), 1),
        (format!("{LATER} -o sarif --lang ja"), 1),
        ("audit --snapshot judge-host.json --policy judge-policy.toml -o sarif".into(), 1),
        ("audit --snapshot judge-host.json --policy none -o sarif".into(), 1),
        ("audit --snapshot judge-host-unprivileged.json --policy none -o sarif --fail-on never".into(), 3),
    ] {
        let log = run(&line).json(code);
        let errors: Vec<_> =
            validator.iter_errors(&log).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{line}: {errors:#?}\n{log:#}");
    }
}

#[test]
fn sarif_points_into_the_policy_where_it_speaks_of_the_service() {
    let log = run("audit --snapshot judge-host.json --policy judge-policy.toml -o sarif").json(1);
    let results = log["runs"][0]["results"].as_array().unwrap();
    let wide =
        results.iter().find(|result| result["ruleId"] == "bound-wider-than-declared").expect("redis is");
    let place = &wide["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "judge-policy.toml");
    let line = place["region"]["startLine"].as_u64().unwrap();
    let policy = std::fs::read_to_string(data().join("judge-policy.toml")).unwrap();
    let line = policy.lines().nth(usize::try_from(line).unwrap() - 1).unwrap();
    assert_eq!(line, "[service.cache]");
    assert_eq!((&wide["level"], &wide["properties"]["severity"]), (&"error".into(), &"high".into()));
    let log = run(&format!("{LATER} -o sarif")).json(1);
    let stranger = &log["runs"][0]["results"][0];
    assert_eq!(stranger["locations"][0]["logicalLocations"][0]["fullyQualifiedName"], "web-1/8099/tcp");
}
