//! What a member of the group sees of others' processes through iterators that root pinned, and no longer sees (A5, A12).

use portreeve_lab::programs;
use serde_json::Value;

use super::{room::Room, site::lab};

/// A member of the group 4, to whom nobody's descriptors are shown.
const MEMBER: &str = "setpriv --reuid 65534 --regid 65534 --groups 4";

/// A room in which that group may look.
fn room() -> Room {
    let room = Room::create();
    room.run("portreeve doctor --pin --group 4 -q");
    room
}

/// The listener on this port.
#[track_caller]
fn on(answer: &Value, port: u64) -> &Value {
    let listeners = answer["listeners"].as_array().expect("`listeners` is promised");
    let found = listeners.iter().find(|listener| listener["port"] == port);
    found.unwrap_or_else(|| panic!("nobody on {port}: {answer:#}"))
}

/// Listens in a network namespace of its own; the file `/run/NAME.pid` says who.
fn hold_elsewhere(room: &Room, name: &str, addresses: &str) {
    room.run(&format!(
        "unshare --net sh -c 'ip link set lo up; exec holder listen {addresses}' </dev/null >/run/{name} 2>&1 & \
         echo $! >/run/{name}.pid; for i in $(seq 200); do grep -qs ready /run/{name} && exit 0; sleep 0.05; done; exit 1"
    ));
}

/// What `ls --follow` tells a member, a line each, while `script` runs; it may wait until `port` is told of.
fn follow(room: &Room, script: &str) -> Vec<Value> {
    let said = room.run(&format!(
        "told() {{ for i in $(seq 200); do grep -q \"$1.*\\\"port\\\":$2,\" /run/told && return; sleep 0.05; done; \
         echo \"$1 $2 is not told\" >&2; return 1; }}; \
         {MEMBER} portreeve ls --follow -o ndjson --policy none >/run/told 2>/run/said & follow=$!; \
         told present 7001 && {{ {script}; }}; code=$?; kill $follow && wait $follow && cat /run/told && exit $code"
    ));
    said.stdout.lines().map(|line| serde_json::from_str(line).expect("a line is an event")).collect()
}

/// The events on this port, in order.
fn events(told: &[Value], port: u64) -> Vec<&str> {
    let on_port = told.iter().filter(|event| event["listener"]["port"] == port);
    on_port.filter_map(|event| event["event"].as_str()).collect()
}

/// Whoever opens a port while a member follows is named, however long after the member it started (A12, A17).
#[test]
fn a_member_hears_who_came_later() {
    let room = room();
    room.hold("listen 127.0.0.1:7001");
    let told = follow(
        &room,
        "for port in 7002 7003 7004; do holder listen 127.0.0.1:$port </dev/null >/run/ready 2>&1 & told opened $port || exit 1; done",
    );
    for port in [7002, 7003, 7004] {
        assert_eq!(events(&told, port), ["opened"], "{told:#?}");
        let event = told.iter().find(|event| event["listener"]["port"] == port).expect("it was told");
        let listener = &event["listener"];
        assert_eq!(
            (&listener["holders"][0]["name"], &listener["gap"]),
            (&"holder".into(), &Value::Null),
            "{event:#}"
        );
    }
}

/// A process whose first thread has exited, and one of which a thread has the socket alone, are named to a member (A12).
#[test]
fn a_member_sees_what_only_a_thread_holds() {
    let odd = lab(programs::zoo()).join("odd").display().to_string();
    let room = room();
    for (mode, port) in [("leaderless", 7013), ("own-table", 7014)] {
        room.run(&format!(
            "{odd} {mode} {port} </dev/null >/run/{mode} 2>&1 & for i in $(seq 200); do \
             grep -qs ready /run/{mode} && exit 0; sleep 0.05; done; cat /run/{mode} >&2; exit 1"
        ));
    }
    let ask = |as_whom: &str| room.run(&format!("{as_whom} portreeve ls -o json --policy none")).json();
    let (root, member) = (ask(""), ask(MEMBER));
    for port in [7013, 7014] {
        let (seen, known) = (on(&member, port), on(&root, port));
        assert_eq!(seen["gap"], Value::Null, "{member:#}");
        for key in ["pid", "name", "cmdline", "user", "started"] {
            assert_eq!(seen["holders"][0][key], known["holders"][0][key], "{key} of {port}: {member:#}");
        }
    }
    let gaps = member["gaps"].as_array().expect("`gaps` is promised");
    let hidden: Vec<_> = gaps.iter().map(|gap| &gap["what"]).collect();
    assert_eq!(hidden, ["hidden-firewall"], "{member:#}");
}

/// What a member cannot see any more is not closed, and that it cannot be seen is said once (A17).
#[test]
fn what_is_out_of_sight_is_not_closed() {
    let room = room();
    room.hold("listen 127.0.0.1:7001");
    hold_elsewhere(&room, "stays", "127.0.0.1:7005 127.0.0.1:7006");
    hold_elsewhere(&room, "goes", "127.0.0.1:7007");
    let told = follow(
        &room,
        "told present 7006 && told present 7007 && portreeve off pins >&2 && sleep 1.5 && kill $(cat /run/goes.pid) && \
         { holder listen 127.0.0.1:7002 </dev/null >/run/ready 2>&1 & told opened 7002; } && \
         portreeve doctor --pin --group 4 -q && sleep 1.5 && kill $(cat /run/stays.pid) && told closed 7006",
    );
    for port in [7005, 7006] {
        assert_eq!(events(&told, port), ["present", "closed"], "{told:#?}");
    }
    assert_eq!(events(&told, 7001), ["present"], "{told:#?}");
    assert_eq!(events(&told, 7007), ["present"], "{told:#?}");
    let lost: Vec<_> = told.iter().filter(|event| event["event"] == "lost").collect();
    assert_eq!(lost.len(), 1, "{told:#?}");
    assert_eq!(lost[0]["count"], 1, "that it went meanwhile is all that is known: {told:#?}");
    let said = room.run("cat /run/said").stdout;
    let about = |what: &str| said.lines().filter(|line| line.contains(what)).count();
    assert_eq!(about("3 listeners that were seen until now"), 1, "{said}");
    assert_eq!(about("between two looks"), 1, "{said}");
    assert_eq!(about("hides its owner") + about("hide their owner"), 1, "{said}");
}

/// What a member comes to see was there before, for all it knows; whose place another took meanwhile is `lost`, and who
/// took it is told (A17).
#[test]
fn what_comes_into_sight_is_present() {
    let room = room();
    room.hold("listen 127.0.0.1:7001");
    hold_elsewhere(&room, "stays", "127.0.0.1:7006");
    hold_elsewhere(&room, "goes", "127.0.0.1:7007");
    let told = follow(
        &room,
        "told present 7006 && told present 7007 && portreeve off pins >&2 && sleep 1.5 && { \
         nsenter --net=/proc/$(cat /run/goes.pid)/ns/net sh -c 'kill $(cat /run/goes.pid); sleep 0.3; \
         exec holder listen 127.0.0.1:7007 127.0.0.1:7008' </dev/null >/run/comes 2>&1 & \
         for i in $(seq 200); do grep -qs ready /run/comes && break; sleep 0.05; done; } && \
         portreeve doctor --pin --group 4 -q && told present 7008 && sleep 1",
    );
    assert_eq!(events(&told, 7006), ["present"], "it was there all the time: {told:#?}");
    assert_eq!(events(&told, 7008), ["present"], "{told:#?}");
    assert_eq!(events(&told, 7007), ["present", "present"], "{told:#?}");
    let of_7007 = told.iter().filter(|event| event["listener"]["port"] == 7007);
    let pids: Vec<_> = of_7007.map(|event| &event["listener"]["holders"][0]["pid"]).collect();
    assert!(pids[0].is_u64() && pids[1].is_u64() && pids[0] != pids[1], "{told:#?}");
    let lost = told.iter().filter(|event| event["event"] == "lost");
    assert_eq!(lost.map(|event| &event["count"]).collect::<Vec<_>>(), [1], "{told:#?}");
}
