//! A socket whose holder is in another unit than the one that opened it, which may be gone (A12, A20).

use serde_json::Value;

use super::room::Room;

/// A shell's beginning that makes two units, and how a process is moved into one.
const UNITS: &str = "top=$(awk '$3 == \"cgroup2\" {print $2; exit}' /proc/mounts)$(sed -n s/^0:://p /proc/self/cgroup); \
                     echo $top > /run/top; mkdir $top/x.service $top/y.service; \
                     move() { echo $1 > $top/$2/cgroup.procs; }";

/// A shell's command that starts a holder in a unit, and waits until it holds what it was asked to.
fn in_unit(unit: &str, arguments: &str) -> String {
    format!(
        "(move 0 {unit}; exec holder {arguments}) </dev/null >/run/said 2>&1 & \
         for i in $(seq 600); do grep -qs ready /run/said && break; sleep 0.05; done"
    )
}

/// A process opens 1202 in x.service and moves to y.service.
fn moved() -> Room {
    let room = Room::create();
    room.run(&format!("{UNITS}; {}; move $! y.service", in_unit("x.service", "listen 127.0.0.1:1202")));
    room
}

fn why(room: &Room, port: u16) -> Value {
    room.run(&format!("portreeve why {port} -o json")).json()["ports"][0].clone()
}

/// What is found beside that the lab's own program, which listens, came with no package.
fn rules(story: &Value) -> Vec<&str> {
    let findings = story["findings"].as_array().expect("`findings` is promised").iter();
    let rules = findings.filter_map(|finding| finding["rule"].as_str());
    rules.filter(|rule| *rule != "code-of-no-package").collect()
}

/// Once the opener's unit has gone with its cgroup, whoever is left is not taken for the opener (A12, A20).
#[test]
fn the_opener_is_not_guessed_once_its_cgroup_is_removed() {
    let room = moved();
    let story = why(&room, 1202);
    assert_eq!(story["opener"]["unit"], "x.service", "{story:#}");
    assert_eq!(story["opener"]["certainty"], "unknown", "{story:#}");
    assert_eq!(rules(&story), ["opener-gone"], "{story:#}");

    room.run("rmdir $(cat /run/top)/x.service");
    let story = why(&room, 1202);
    assert_eq!(story["opener"]["certainty"], "unknown", "{story:#}");
    let text = story["opener"]["text"].as_str().unwrap_or_default();
    assert!(text.contains("was removed"), "{text}");
    assert_eq!(rules(&story), ["opener-gone"], "{story:#}");
    assert_eq!(story["findings"][0]["holders"][0]["unit"], "y.service", "{story:#}");
}

/// A process opens 1203 below its unit, and moves up to where it belongs (A12, A20).
#[test]
fn an_opener_that_moved_up_within_its_unit_has_not_gone() {
    let room = Room::create();
    room.run(&format!(
        "{UNITS}; mkdir $top/y.service/sub; {}; move $! y.service",
        in_unit("y.service/sub", "listen 127.0.0.1:1203")
    ));
    for (removal, told) in [("true", "y.service/sub, where no holder is"), ("rmdir", "was removed")] {
        room.run(&format!("{removal} $(cat /run/top)/y.service/sub"));
        let story = why(&room, 1203);
        let text = story["opener"]["text"].as_str().unwrap_or_default();
        assert!(text.contains(told), "{text}");
        assert_eq!(rules(&story), [""; 0], "{story:#}");
    }
}

/// A process opens 1204 where it was started, and is moved into its unit afterwards (A12, A20).
#[test]
fn an_opener_that_was_moved_into_its_unit_has_not_gone() {
    let room = Room::create();
    room.run(&format!("{UNITS}; {}; move $! y.service", in_unit(".", "listen 127.0.0.1:1204")));
    for without in ["", "bpf"] {
        let listed = room.run(&format!("PORTREEVE_WITHOUT={without} portreeve ls 1204 -o json")).json();
        let listener = &listed["listeners"][0];
        assert_eq!(listener["holders"][0]["unit"], "y.service", "{listener:#}");
        let told = listener["opener_gap"].as_str().unwrap_or_default();
        assert!(told.ends_with(", where no holder is now: handed on, or its process moved"), "{told}");
    }
    assert_eq!(rules(&why(&room, 1204)), [""; 0]);
}

/// Without root the unit is told as that of the opener, and of the holder nothing is claimed (A5, A12).
#[test]
fn without_root_the_unit_of_the_opener_does_not_pass_for_the_holders() {
    let room = moved();
    let as_nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups portreeve";
    let listener = &room.run(&format!("{as_nobody} who --allow-gaps 1202 -o json")).json()["listeners"][0];
    assert_eq!(listener["socket_unit"], "x.service", "{listener:#}");
    assert_eq!(listener["holders"][0]["pid"], Value::Null, "{listener:#}");
    assert_eq!(listener["holders"][0]["unit"], Value::Null, "{listener:#}");
    let said = room.run(&format!("{as_nobody} who --allow-gaps 1202")).stdout;
    assert!(said.starts_with("1202/tcp was opened by x.service; "), "{said}");
    let listed = room.run(&format!("{as_nobody} ls --allow-gaps 1202")).stdout;
    assert!(listed.contains("x.service (opener)"), "{listed}");
    let holder = &room.run("portreeve who 1202 -o json").json()["listeners"][0]["holders"][0];
    assert_eq!(holder["unit"], "y.service", "root sees: {holder:#}");
}

/// Who looked at the socket's own cgroup alone proposes to look further, and to stop nobody yet (A12, A26).
#[test]
fn a_holder_in_another_cgroup_is_looked_for_before_anybody_is_stopped() {
    let room = Room::create();
    room.run(&format!(
        "{UNITS}; {}; move $(pgrep -P $!) y.service",
        in_unit("x.service", "forked 127.0.0.1:1520")
    ));
    let narrow = room.run("portreeve who 1520").stdout;
    assert!(narrow.contains("others may share it"), "{narrow}");
    assert!(narrow.ends_with("next: portreeve who 1520 --full · portreeve why 1520\n"), "{narrow}");
    let full = room.run("portreeve who 1520 --full").stdout;
    assert!(full.contains("also held by pid") && !full.contains("others may share it"), "{full}");
    assert!(full.ends_with("next: portreeve why 1520 · systemctl stop x.service y.service\n"), "{full}");
}
