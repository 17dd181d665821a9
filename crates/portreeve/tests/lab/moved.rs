//! A socket whose holder is in another unit than the one that opened it, which may be gone (A12, A20).

use serde_json::Value;

use super::room::Room;

/// A process opens 1202 in x.service and moves to y.service.
fn moved() -> Room {
    let room = Room::create();
    room.run(
        "cgroup2=$(awk '$3 == \"cgroup2\" {print $2; exit}' /proc/mounts); \
         top=$cgroup2$(sed -n s/^0:://p /proc/self/cgroup); echo $top > /run/top; mkdir $top/x.service $top/y.service; \
         sh -c \"echo 0 > $top/x.service/cgroup.procs; exec holder listen 127.0.0.1:1202\" </dev/null >/run/said 2>&1 & \
         for i in $(seq 600); do grep -qs ready /run/said && break; sleep 0.05; done; \
         echo $! > $top/y.service/cgroup.procs",
    );
    room
}

fn why(room: &Room) -> Value {
    room.run("portreeve why 1202 -o json").json()["ports"][0].clone()
}

fn rules(story: &Value) -> Vec<&str> {
    let findings = story["findings"].as_array().expect("`findings` is promised").iter();
    findings.filter_map(|finding| finding["rule"].as_str()).collect()
}

/// Once the opener's unit has gone with its cgroup, whoever is left is not taken for the opener (A12, A20).
#[test]
fn the_opener_is_not_guessed_once_its_cgroup_is_removed() {
    let room = moved();
    let story = why(&room);
    assert_eq!(story["opener"]["unit"], "x.service", "{story:#}");
    assert_eq!(story["opener"]["certainty"], "unknown", "{story:#}");
    assert_eq!(rules(&story), ["opener-gone"], "{story:#}");

    room.run("rmdir $(cat /run/top)/x.service");
    let story = why(&room);
    assert_eq!(story["opener"]["certainty"], "unknown", "{story:#}");
    let text = story["opener"]["text"].as_str().unwrap_or_default();
    assert!(text.contains("was removed"), "{text}");
    assert_eq!(rules(&story), ["opener-gone"], "{story:#}");
    assert_eq!(story["findings"][0]["holders"][0]["unit"], "y.service", "{story:#}");
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
