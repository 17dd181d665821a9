//! A process that hides its descriptors even from root, as where a sandbox or a missing capability does it (A5, A12).

use serde_json::Value;

use super::room::Room;

/// Root that may look into nobody who has what it lacks (capabilities(7), CAP_SYS_PTRACE); whoever it starts lacks it too.
const SHORT: &str = "setpriv --bounding-set -sys_ptrace --";

fn gap<'a>(answer: &'a Value, what: &str) -> Option<&'a Value> {
    let gaps = answer["gaps"].as_array().expect("`gaps` is promised");
    gaps.iter().find(|gap| gap["what"] == what)
}

/// The threads of the others are asked all the same (A5, A12).
#[test]
fn one_who_hides_does_not_hide_the_threads_of_others() {
    let room = Room::create();
    room.hold_oddly_by(SHORT, "leaderless 7001");
    room.hold_oddly_by(SHORT, "own-table 7002");
    let answer = room.try_run(&format!("PORTREEVE_WITHOUT=bpf {SHORT} portreeve ls -o json")).json();
    let listeners = answer["listeners"].as_array().expect("`listeners` is promised");
    assert_eq!(listeners.len(), 2, "{answer:#}");
    for listener in listeners {
        assert_eq!(listener["holders"][0]["name"], "odd", "{answer:#}");
        assert_eq!(listener["holders_complete"], false, "{answer:#}");
    }
    let sealed = gap(&answer, "sealed-processes").expect("the first process of the room hides");
    let fix = sealed["fix"].as_str().unwrap_or_default();
    assert!(fix.contains("CAP_SYS_PTRACE") && !fix.contains("this sandbox"), "{sealed:#}");
}

/// What is said of a socket does not hang on what was asked (A5, A12).
#[test]
fn the_same_is_said_of_a_socket_whatever_was_asked() {
    let room = Room::create();
    room.hold("in-flight 127.0.0.1:7001");
    room.hold("listen 127.0.0.1:7002");
    for without in ["", "bpf"] {
        let ask = |question: &str| {
            let look = format!("PORTREEVE_WITHOUT={without} {SHORT} portreeve {question} -o json");
            let answer = room.try_run(&look).json();
            let listeners = answer["listeners"].as_array().expect("`listeners` is promised");
            let listener = listeners.iter().find(|listener| listener["port"] == 7002).expect("it listens");
            (listener["holders_complete"].clone(), gap(&answer, "sealed-processes").cloned())
        };
        let (complete, sealed) = ask("ls");
        assert_eq!(complete, false, "without {without:?}");
        assert!(sealed.is_some(), "without {without:?}");
        for question in ["ls 7002", "who --full 7002"] {
            assert_eq!(ask(question), (complete.clone(), sealed.clone()), "{question}, without {without:?}");
        }
    }
}
