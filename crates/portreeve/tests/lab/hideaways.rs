//! Network namespaces in which no first thread of a process is (A5, A12).

use super::room::Room;

/// Whoever listens in a namespace that only a thread is in is named, whatever is asked (A5, A12).
#[test]
fn a_namespace_of_a_thread_is_looked_into() {
    let room = Room::create();
    room.hold_oddly("thread-apart 7001");
    room.hold_oddly("leaderless-apart 7002");
    for port in [7001, 7002] {
        for question in ["who", "who --full", "ls"] {
            let answer = room.run(&format!("portreeve {question} {port} -o json")).json();
            let listener = &answer["listeners"][0];
            assert_eq!(listener["port"], port, "{question}: {answer:#}");
            assert_eq!(listener["holders"][0]["name"], "odd", "{question}: {answer:#}");
            assert_eq!(listener["netns"]["own"], false, "{question}: {answer:#}");
        }
    }
}
