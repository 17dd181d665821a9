//! Sockets that tools get wrong: inherited, sent away, in flight, in disguise (A4, A5, A12).

use portreeve_lab::profile;
use serde_json::Value;

use super::site::{Site, found, lab, serious};

/// A name that would paint a terminal red, turn the line round and break it.
const NAME: &str = "\u{1b}[31m\u{202e}x\u{7}";

/// Who holds each awkward socket, as `ss` sees it or better (A5, A12, A18, A20).
#[test]
fn awkward_holders_are_told_as_they_are() {
    let site = Site::boot(&profile::BARE);
    let hold = |arguments: &str| lab(site.host.hold_as("dev", arguments));
    let _held = [
        hold("forked 127.0.0.1:7001"),
        hold("passed 127.0.0.1:7002"),
        hold("in-flight 127.0.0.1:7003"),
        hold("vanished 127.0.0.1:7004"),
        hold(&format!("renamed '{NAME}' 127.0.0.1:7005")),
        hold("full 127.0.0.1:7006"),
        hold("connected 127.0.0.1:7007 127.0.0.1:9"),
        hold("bound 127.0.0.1:7008"),
        hold("v6only [::]:7009"),
        hold("listen [::]:7010"),
    ];
    let answer = site.ask("ls -o json");
    assert!(
        !answer.stdout.contains(['\u{1b}', '\u{202e}', '\u{7}']),
        "JSON escapes what would act on a terminal"
    );
    let answer = answer.json();
    held_by(&answer, 7001, &pids(&site, 7001, 2));
    held_by(&answer, 7002, &pids(&site, 7002, 1));
    in_flight_says_why(&answer);
    assert_eq!(listener(&answer, 7004)["holders"][0]["exe_state"], "deleted");
    let exe = listener(&answer, 7004)["holders"][0]["exe"].as_str().unwrap_or_default();
    assert!(exe.starts_with("/tmp/vanishing-") && !exe.contains("deleted"), "{exe}");
    assert_eq!(listener(&answer, 7005)["holders"][0]["name"], NAME);
    assert_eq!(listener(&answer, 7006)["backlog"], serde_json::json!({"used": 2, "limit": 1}));
    assert!(of_port(&answer, 7007).is_empty(), "a connected UDP socket hears its peer alone");
    assert!(of_port(&answer, 7008).iter().all(|one| one["state"] == "bound"), "it does not listen");
    assert_eq!(listener(&answer, 7009)["v6only"], true);
    assert_eq!(listener(&answer, 7010)["v6only"], false);

    // Only what is wrong with a port is found: being held in an unusual way is not.
    let expected = [
        found("7004/tcp", "stale-executable", "warning"),
        found("7006/tcp", "backlog-full", "warning"),
        found("7009/tcp", "wider-on-ipv6", "warning"),
    ];
    assert_eq!(site.audit("", 1).into_iter().filter(serious).collect::<Vec<_>>(), expected);

    for command in ["ls", "ls --each", "who 7005", ""] {
        let table = site.ask(command).stdout;
        assert!(!table.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{command}: {table:?}");
    }
    assert!(site.ask("who 7005").stdout.contains("[31m"), "what can be shown of the name is shown");
}

fn in_flight_says_why(answer: &Value) {
    let listener = listener(answer, 7003);
    let pid = &listener["holders"][0]["pid"];
    assert!(pid.is_null(), "nobody has a descriptor of it: {listener:#}");
    assert!(listener["gap"].as_str().is_some_and(|gap| !gap.is_empty()), "{listener:#}");
}

fn held_by(answer: &Value, port: u16, pids: &[u64]) {
    let holders = listener(answer, port)["holders"].as_array().expect("`holders` is promised");
    let mut seen: Vec<_> = holders.iter().filter_map(|holder| holder["pid"].as_u64()).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, pids, "{port}: {holders:#?}");
}

fn listener(answer: &Value, port: u16) -> &Value {
    of_port(answer, port).first().copied().unwrap_or_else(|| panic!("nobody on {port}: {answer:#}"))
}

fn of_port(answer: &Value, port: u16) -> Vec<&Value> {
    let all = answer["listeners"].as_array().expect("`listeners` is promised");
    all.iter().filter(|listener| listener["port"] == port).collect()
}

/// The processes that `ss` names, of which there must be `count`.
fn pids(site: &Site, port: u16, count: usize) -> Vec<u64> {
    let text = site.run(&format!("ss -Hltnp 'sport = :{port}'")).stdout;
    let parts = text.split("pid=").skip(1);
    let mut pids: Vec<u64> =
        parts.filter_map(|part| part.split(',').next().and_then(|word| word.parse().ok())).collect();
    pids.sort_unstable();
    pids.dedup();
    assert_eq!(pids.len(), count, "the witness: {text}");
    pids
}
