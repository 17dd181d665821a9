//! `--ask`: one answer a question, in order.

use serde_json::{Value, json};

use super::Folder;
use crate::run::{Said, program, saved, with_input};

fn ask(questions: &str) -> Said {
    let line = format!("exposure --ask - --from-files {}", saved("firewall").display());
    with_input(&line, questions.as_bytes())
}

fn question(from: &str, to: &str, port: u16) -> String {
    json!({ "from": from, "to": to, "protocol": "tcp", "port": port }).to_string()
}

#[test]
fn each_question_gets_a_line_in_order() {
    let questions = [
        question("198.51.100.7", "203.0.113.1", 22),
        question("::ffff:8.8.8.8", "203.0.113.1", 22),
        String::new(),
        question("2001:db8:9::7", "2001:db8::1", 22),
        question("203.0.113.66", "203.0.113.1", 80),
        question("8.8.8.8", "203.0.113.1", 25),
        question("8.8.8.8", "203.0.113.1", 82),
        question("8.8.8.8", "203.0.113.1", 8080),
        question("203.0.113.1", "203.0.113.1", 9),
        question("8.8.8.8", "172.17.0.9", 5432),
        json!({ "in": "docker0", "from": "172.17.0.2", "to": "203.0.113.1", "protocol": "tcp", "port": 8080 })
            .to_string(),
        json!({ "in": "lan0", "from": "203.0.113.1", "to": "192.0.2.1", "protocol": "udp", "port": 53 })
            .to_string(),
    ];
    let said = ask(&questions.join("\n"));
    assert_eq!(said.code, Some(0), "{said:?}");
    let answers: Vec<Value> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = answers
        .iter()
        .map(|answer| (answer["verdict"].as_str().unwrap(), answer["how"]["kind"].as_str().unwrap_or("-")))
        .collect();
    assert_eq!(
        told,
        [
            ("reachable", "local"),
            ("dropped", "-"),
            ("reachable", "local"),
            ("dropped", "-"),
            ("rejected", "-"),
            ("unknown", "-"),
            ("reachable", "forwarded"),
            ("reachable", "local"),
            ("reachable", "routed"),
            // Who sits on docker0 himself is not sent back there.
            ("dropped", "-"),
            ("dropped", "-"),
        ]
    );
    let ends =
        [&answers[0]["source"], &answers[0]["destination"], &answers[0]["port"], &answers[0]["port_last"]];
    assert_eq!(ends, [&json!("198.51.100.7"), &json!("203.0.113.1"), &json!(22), &json!(22)]);
    assert_eq!(answers[5]["doubts"].as_array().map(Vec::len), Some(1), "{}", answers[5]);
}

#[test]
fn no_question_is_no_answer() {
    for nothing in ["", "\n  \n"] {
        let said = ask(nothing);
        assert_eq!((said.out.as_str(), said.code), ("", Some(0)));
    }
}

#[test]
fn a_line_that_is_no_question_is_named_and_nothing_is_answered() {
    let good = question("8.8.8.8", "203.0.113.1", 22);
    for (bad, why, why_ja) in [
        ("x", "column 1: it is no JSON object", "1 文字目: JSON"),
        (
            r#"{"from":"x","to":"1.1.1.1","protocol":"tcp","port":1}"#,
            "`from` is an IP address, not \"x\"",
            "`from` は IP アドレスです",
        ),
        (
            r#"{"from":"8.8.8.8","to":"1.1.1.1","protocol":"icmp","port":1}"#,
            "`protocol` is one of tcp, udp, udplite, sctp, dccp, not \"icmp\"",
            "のいずれかです(\"icmp\" ではありません)",
        ),
        (
            r#"{"from":"8.8.8.8","to":"1.1.1.1","protocol":"tcp","port":70000}"#,
            "`port` is a number up to 65535, not 70000",
            "65535 以下の番号です",
        ),
        (
            r#"{"from":"8.8.8.8","from":"8.8.8.8","to":"1.1.1.1","protocol":"tcp","port":1}"#,
            "`from` stands there twice",
            "`from` が重複しています",
        ),
        (
            r#"{"from":"8.8.8.8","to":"1.1.1.1","protocol":"tcp","port":1,"zone":1}"#,
            "`zone` is no part of a question",
            "`zone` という項目はありません",
        ),
        (r#"{"from":"8.8.8.8","to":"1.1.1.1","protocol":"tcp"}"#, "`port` is missing", "`port` がありません"),
        (
            r#"{"in":"wan9","from":"8.8.8.8","to":"1.1.1.1","protocol":"tcp","port":1}"#,
            "there is no interface `wan9`",
            "`wan9` というインターフェースはありません",
        ),
        (
            r#"{"from":"8.8.8.8","to":"2001:db8::1","protocol":"tcp","port":1}"#,
            "8.8.8.8 and 2001:db8::1 are not of the same family",
            "8.8.8.8 と 2001:db8::1 のアドレスファミリーが異なります",
        ),
    ] {
        let folder = Folder::with(&[("questions", &format!("{good}\n\n{bad}\n{good}\n"))]);
        let file = folder.file("questions");
        for (lang, expected) in [
            ("en", [&format!("error: {file}:3 "), why, "\"port\":22}"]),
            ("ja", [&format!("{file}:3"), why_ja, "例: {"]),
        ] {
            let line =
                format!("exposure --ask {file} --from-files {} --lang {lang}", saved("firewall").display());
            let said = crate::run::run(&line);
            assert_eq!((said.out.as_str(), said.code), ("", Some(2)), "{bad}");
            for words in expected {
                assert!(said.err.contains(words), "{words}: {}", said.err);
            }
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let line = format!("exposure --ask /no/such --from-files {}", saved("firewall").display());
    let said = crate::run::run(&line);
    assert_eq!(said.code, Some(2));
    for words in
        ["cannot read the questions of /no/such", "there is no such file", "hint: one a line, such as: {"]
    {
        assert!(said.err.contains(words), "{words}: {}", said.err);
    }
}

#[test]
fn standard_input_is_read_once() {
    let folder = saved("firewall");
    let said = with_input("exposure --ask - --snapshot -", b"{}");
    assert_eq!(said.code, Some(2));
    let both =
        program().args(["exposure", "--ask", "-", "--policy", "-", "--from-files"]).arg(folder).output();
    let said: Said = both.unwrap().into();
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("--ask FILE"), "{}", said.err);
}
