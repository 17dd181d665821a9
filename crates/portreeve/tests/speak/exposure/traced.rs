//! `--trace`: what a packet meets on its way.

use serde_json::{Value, json};

use super::on_firewall;

fn traced(line: &str) -> String {
    let said = on_firewall(&format!("--trace {line}"));
    assert_eq!((said.err.as_str(), said.code), ("", Some(0)), "{said:?}");
    said.out
}

#[test]
fn a_packet_is_followed_through_the_chains_that_it_meets() {
    let expected = "\
198.51.100.7 → 203.0.113.1:22/tcp by wan0
  prerouting
    ip nat PREROUTING (-100): policy accept
  for this host
  input
    ip filter INPUT (0)
      jump office -A INPUT -p tcp -m tcp --dport 22 -m comment --comment \"s3cret: until the audit\" -j office
        accept   -A office -m set --match-set office src -j ACCEPT
    inet own guests (10): policy accept
    ip nat INPUT (100): policy accept
  (4 rules on the way do not hold or only look on; -v shows them)
= reachable: here · ip filter office: -A office -m set --match-set office src -j ACCEPT
";
    assert_eq!(traced("198.51.100.7 22/tcp --to 203.0.113.1"), expected);
}

#[test]
fn a_published_port_leads_to_its_container() {
    let told = traced("8.8.8.8 8080/tcp --to 203.0.113.1");
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(
        lines[3],
        "      → 172.17.0.2:80 -A PREROUTING ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80"
    );
    assert_eq!(lines[4], "  passed on, out by docker0");
    assert!(lines.last().unwrap().starts_with("= reachable: → 172.17.0.2:80 · "), "{told}");
}

#[test]
fn what_nobody_can_tell_goes_both_ways() {
    let expected = "\
      ?        -A INPUT -p tcp -m tcp --dport 82 -m string --string \"GET\" --algo bm -j ACCEPT
      if it holds:
            accept   -A INPUT -p tcp -m tcp --dport 82 -m string --string \"GET\" --algo bm -j ACCEPT
          inet own guests (10): policy accept
          ip nat INPUT (100): policy accept
        = arrives here
      if it does not:
            policy drop
        = dropped
";
    let told = traced("8.8.8.8 82/tcp --to 203.0.113.1");
    assert!(told.contains(expected) && told.contains("\n= unknown: ip filter INPUT: "), "{told}");
    let told = traced("8.8.8.8 81/tcp --to 203.0.113.1");
    assert!(told.contains("within the rate:") && told.contains("= reachable (rate-limited): here"), "{told}");
}

#[test]
fn rules_that_do_not_hold_are_shown_to_who_asks_and_nothing_to_who_is_in_a_hurry() {
    let told = traced("203.0.113.66 80/tcp --to 203.0.113.1 -v");
    assert!(told.contains("      -        -A INPUT -i lo -j ACCEPT\n"), "{told}");
    assert!(told.contains("      drop     ip saddr 203.0.113.66 tcp dport 80 counter drop"), "{told}");
    assert!(!told.contains("-v shows them"), "{told}");
    let quiet = traced("203.0.113.66 80/tcp --to 203.0.113.1 -q");
    assert_eq!(quiet.lines().count(), 2, "{quiet}");
}

#[test]
fn without_a_destination_each_address_of_the_family_is_one() {
    let told = traced("8.8.8.8 22/tcp -q");
    let to: Vec<_> = told.lines().filter(|line| line.starts_with("8.8.8.8 → ")).collect();
    let expected =
        ["172.17.0.1", "192.0.2.1", "203.0.113.1"].map(|ip| format!("8.8.8.8 → {ip}:22/tcp by wan0"));
    assert_eq!(to, expected);
    let told = traced("2001:db8:5::7 22 -q");
    let expected =
        ["tcp", "udp"].map(|protocol| format!("2001:db8:5::7 → [2001:db8::1]:22/{protocol} by wan0"));
    assert_eq!(told.lines().filter(|line| line.contains('→')).collect::<Vec<_>>(), expected);
}

#[test]
fn this_host_sends_from_its_own_address_and_others_do_not() {
    let told = traced("203.0.113.1 9/tcp --to 203.0.113.1");
    assert!(told.contains("\n  output\n") && told.contains("= reachable: here"), "{told}");
    let told = traced("203.0.113.1 22/tcp --to 192.0.2.1 --in lan0");
    assert_eq!(told.lines().nth(1), Some("= dropped: nobody sends such a packet from there"));
    let told = traced("8.8.8.8 22/tcp --to 192.0.2.1 --in lan0");
    assert!(told.starts_with("8.8.8.8 → 192.0.2.1:22/tcp by lan0\n"), "{told}");
}

#[test]
fn what_goes_nowhere_is_told_why() {
    let told = traced("2001:db8:5::7 22/tcp --to 2001:db8:9::1");
    assert!(
        told.contains("  lost: it is for another host, and this one passes nothing on\n= dropped\n"),
        "{told}"
    );
}

#[test]
fn japanese_follows_the_same_way() {
    let told = traced("8.8.8.8 82/tcp --to 203.0.113.1 --lang ja");
    for words in [
        "203.0.113.1:82/tcp(wan0 から)",
        "このホスト宛て",
        "条件に合う場合:",
        "条件に合わない場合:",
        "= 判定不能: ",
        "-v で表示",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn a_program_reads_each_step_with_the_one_before() {
    let document = on_firewall("--trace 8.8.8.8 82/tcp --to 203.0.113.1 -o json").json();
    assert_eq!((&document["version"], &document["basis"]), (&json!(1), &json!("firewall")));
    let trace = &document["traces"][0];
    assert_eq!((&trace["in"], &trace["answer"]["verdict"]), (&json!("wan0"), &json!("unknown")));
    let met = trace["met"].as_array().unwrap();
    let kind = |step: &Value| {
        [&step["kind"], &step["held"], &step["what"]]
            .map(|it| it.as_str().unwrap_or("-").to_owned())
            .join(" ")
    };
    let way = |end: &str| {
        let mut way = Vec::new();
        let mut at = met.iter().position(|step| step["what"] == end && step["kind"] == "end");
        while let Some(step) = at {
            way.push(kind(&met[step]));
            at = met[step]["after"].as_u64().map(|after| usize::try_from(after).unwrap());
        }
        way.reverse();
        way.retain(|step| step != "rule no -");
        way
    };
    let begin = ["chain - -", "policy - -", "routed - here", "chain - -"];
    let held = [
        "rule supposed -",
        "rule yes accept",
        "chain - -",
        "policy - -",
        "chain - -",
        "policy - -",
        "end - arrives",
    ];
    assert_eq!(way("arrives"), [&begin[..], &held].concat());
    assert_eq!(
        way("dropped"),
        [&begin[..], &["rule supposed-not -", "policy - -", "end - dropped"]].concat()
    );
    let sent = on_firewall("--trace 8.8.8.8 8080/tcp --to 203.0.113.1 -o json").json();
    let sent = sent["traces"][0]["met"].as_array().unwrap().iter().find(|step| step["what"] == "sent-on");
    assert_eq!(sent.unwrap()["to"], json!({"address": "172.17.0.2", "port": 80}));
}
