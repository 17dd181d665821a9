//! A number that was a holder's and is another's by now, and a clock that is not the machine's (A12, A13).

use serde_json::{Value, json};

use super::room::Room;

/// How often is looked, unless all of it is asked for.
const LOOKS: u32 = 150;
/// The number that the holder and the stranger get, one after the other.
const PID: u32 = 9_999;

/// Listens for a moment under a number that a stranger gets at once; both run for a few milliseconds, as a look does.
const RELAY: &str = "next() { echo 9998 >/proc/sys/kernel/ns_last_pid; }; n=1; \
    while :; do n=$(( (n + 1) % 8 + 1 )); \
    next; holder short 127.0.0.1:7001 $n & wait; \
    next; sleep 0.00$n & wait; done";

/// Whoever gets the number of a holder that has ended is never called the holder (A12, A13).
#[test]
fn a_listener_never_carries_the_name_of_whoever_got_its_number() {
    let room = Room::create();
    let mut relay = room.shell(RELAY).spawn().expect("a shell can be started");
    let (mut held, mut unheld) = (0, 0);
    for _ in 0..LOOKS {
        let answer = room.try_run("portreeve ls -o json").json();
        for listener in answer["listeners"].as_array().expect("`listeners` is promised") {
            let holders = listener["holders"].as_array().expect("`holders` is promised");
            let named: Vec<_> = holders.iter().filter(|holder| !holder["pid"].is_null()).collect();
            for holder in &named {
                assert_eq!(holder["name"], "holder", "{answer:#}");
                // What has ended has no files and no arguments any more; nobody else's are put in their place.
                let exe = holder["exe"].as_str().unwrap_or("/holder");
                assert!(exe.ends_with("/holder"), "{answer:#}");
                let arguments = holder["cmdline"].as_array().map(Vec::as_slice).unwrap_or_default();
                assert!(arguments.get(1).is_none_or(|mode| mode == "short"), "{answer:#}");
                assert!(holder["parent"].is_null() || holder["parent"]["name"] == "sh", "{answer:#}");
            }
            // A number between those may be our own look's; the next free one is the holder's then, and nobody's later.
            if named.iter().any(|holder| holder["pid"] == PID) {
                held += 1;
            } else if named.is_empty() {
                unheld += 1;
            }
        }
    }
    relay.kill().and_then(|()| relay.wait()).expect("our own child can be killed");
    println!("{LOOKS} looks: the listener with its holder {held} times, with nobody {unheld} times");
    assert!(held > 0 && unheld > 0, "it is seen while it lives ({held}) and while it ends ({unheld})");
}

/// Where the time since the boot is another, holders are told and started when they did (A12).
#[test]
fn a_time_namespace_takes_no_holder_away() {
    let room = Room::create();
    room.hold("listen 127.0.0.1:7001");
    let look = |around: &str| {
        let answer = room.run(&format!("{around} portreeve ls -o json")).json();
        let listener = answer["listeners"][0].clone();
        assert_eq!(listener["seen_by"], "task_file", "{around}: {answer:#}");
        listener["holders"][0].clone()
    };
    let as_it_is = look("");
    assert_eq!(as_it_is["name"], "holder");
    for offset in ["1000", "1000000", "-1"] {
        let shifted = look(&format!("unshare --time --boottime {offset}"));
        let without_start = |holder: &Value| {
            let mut holder = holder.clone();
            holder["started"] = json!(null);
            holder
        };
        assert_eq!(without_start(&shifted), without_start(&as_it_is), "{offset}");
        let seconds = |holder: &Value| holder["started"].as_str().map(|text| text[..19].to_owned());
        assert_eq!(seconds(&shifted), seconds(&as_it_is), "{offset}");
    }
}

/// Where the time since the boot is another, what comes and goes is told with the time at which it did, and in its order
/// (A17).
#[test]
fn a_time_namespace_does_not_move_what_is_told() {
    let room = Room::create();
    for offset in ["864000", "-1"] {
        let told = room.run(&format!(
            "date -u +%FT%T; unshare --time --boottime {offset} --fork \
             timeout -s TERM 4 portreeve ls --follow -o ndjson --policy none >/run/told & sleep 2; \
             holder short 127.0.0.1:7001 5; wait; cat /run/told; date -u +%FT%T"
        ));
        let lines: Vec<_> = told.stdout.lines().collect();
        let [began, events @ .., ended] = lines.as_slice() else { panic!("{told:#?}") };
        let events = events.iter().map(|line| serde_json::from_str(line).expect("a line is an event"));
        let events: Vec<Value> = events.collect();
        let kinds: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap_or_default()).collect();
        assert_eq!(kinds, ["opened", "closed"], "{offset}: {told:#?}");
        for event in &events {
            let at = &event["at"].as_str().expect("`at` is promised")[..19];
            assert!((*began..=*ended).contains(&at), "{offset}: {told:#?}");
        }
    }
}
