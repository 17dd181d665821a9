//! Network namespaces in which no first thread of a process is (A5, A12).

use super::room::Room;

/// Root that may not enter other network namespaces, nor run programs in the kernel.
const CONFINED: &str = "setpriv --bounding-set -sys_admin,-bpf --";

/// Whoever listens in a namespace that only a thread is in is named, whatever is asked (A5, A12).
#[test]
fn a_namespace_of_a_thread_is_looked_into() {
    let room = Room::create();
    room.hold_oddly("thread-apart 7001");
    room.hold_oddly("leaderless-apart 7002");
    for port in [7001, 7002] {
        let questions =
            ["who", "who --full", "ls"].map(|question| ["", "bpf"].map(|without| (question, without)));
        for (question, without) in questions.concat() {
            let ask = format!("PORTREEVE_WITHOUT={without} portreeve {question} {port} -o json");
            let answer = room.run(&ask).json();
            let listener = &answer["listeners"][0];
            assert_eq!(listener["port"], port, "{ask}: {answer:#}");
            assert_eq!(listener["holders"][0]["name"], "odd", "{ask}: {answer:#}");
            assert_eq!(listener["netns"]["own"], false, "{ask}: {answer:#}");
        }
    }
}

/// Before `who` says that nobody holds a number, it asks where only descriptors lead; where it may not, it says so
/// (A5, A12).
#[test]
fn nobody_is_not_said_before_everybody_was_asked() {
    let room = Room::create();
    room.hold_oddly("apart 7001");
    room.hold("listen 127.0.0.1:7002");
    let answer = room.run("portreeve who 7001 -o json").json();
    let listener = &answer["listeners"][0];
    assert_eq!((&listener["port"], &listener["netns"]["own"]), (&7001.into(), &false.into()), "{answer:#}");
    assert_eq!(listener["holders"][0]["name"], "odd", "{answer:#}");
    assert!(
        room.run("portreeve who 7001").stdout.starts_with("nobody holds 7001 here; in network namespace")
    );
    assert_eq!(room.run("portreeve who 7003").stdout.lines().next(), Some("nobody holds 7003"));
    let quick = room.run("portreeve who 7002 -o json").json();
    assert_eq!(
        quick["listeners"][0]["holders_complete"], false,
        "who was found at once is not asked for again"
    );

    room.run("unshare --net sleep 9999 >/dev/null 2>&1 & for i in $(seq 600); do lsns -nt net | grep -q 9999 && exit 0; sleep 0.05; done; exit 1");
    let said = room.try_run(&format!("{CONFINED} portreeve who 7004"));
    assert_eq!(said.status, 3, "{said:#?}");
    assert!(said.stdout.contains("\nnot seen: 1 other network namespace "), "{said:#?}");
    assert_eq!(room.run(&format!("{CONFINED} portreeve who 7002")).status, 0);
}

/// A process that has thousands of descriptors is left to the kernel, which goes through those of everybody sooner
/// (A12).
#[test]
fn many_descriptors_are_left_to_the_kernel() {
    let room = Room::create();
    room.hold("row 20001 3500");
    let asked = |without: &str| {
        let answer = room.run(&format!("PORTREEVE_WITHOUT={without} portreeve who 20001 -o json")).json();
        let listener = &answer["listeners"][0];
        assert_eq!(listener["holders"][0]["name"], "holder", "{answer:#}");
        listener["holders_complete"].clone()
    };
    assert_eq!([asked(""), asked("bpf")], [true, false]);
}

/// What lies among the names of namespaces and is none holds nobody up, and is no gap (A5).
#[test]
fn what_is_no_namespace_is_passed_over() {
    let room = Room::create();
    room.run(
        "mkdir -p /run/netns; mount -t tmpfs names /run/netns; mkfifo /run/netns/pipe; touch /run/netns/left",
    );
    for command in ["ls", "who 9", "why 9"] {
        let said = room.try_run(&format!("timeout 20 portreeve {command}"));
        assert_eq!(said.status, 0, "{command}: {said:#?}");
    }
    room.run("umount /run/netns");
}
