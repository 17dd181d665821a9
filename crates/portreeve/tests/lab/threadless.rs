//! Where no further thread may be made: a limit on processes is reached, which is when somebody wants to know why (A26).

use super::room::Room;

/// Enough that one thread would like others to help it.
const HOLDERS: usize = 24;
const NOBODY: &str = "setpriv --reuid 65534 --regid 65534 --clear-groups";

/// One thread does everything then, and says the same.
#[test]
fn what_threads_would_share_one_does_alone() {
    let room = Room::create();
    room.run(&format!(
        "for i in $(seq {HOLDERS}); do {NOBODY} holder listen 127.0.0.1:$((7000 + i)) </dev/null >/run/said.$i 2>&1 & done; \
         for i in $(seq 600); do [ $(cat /run/said.* | grep -c ready) = {HOLDERS} ] && break; sleep 0.05; done"
    ));
    for command in ["ls", "who 7001", "doctor"] {
        let free = room.try_run(&format!("{NOBODY} portreeve {command} -o json"));
        let limited = room.try_run(&format!("{NOBODY} prlimit --nproc=1 portreeve {command} -o json"));
        assert!(free.status == limited.status && [0, 3].contains(&free.status), "{command}: {limited:#?}");
        assert_eq!(free.stdout.lines().count(), limited.stdout.lines().count(), "{command}: {limited:#?}");
    }
    let limited = room.try_run(&format!("{NOBODY} prlimit --nproc=1 portreeve ls -o json")).json();
    let listeners = limited["listeners"].as_array().expect("`listeners` is promised");
    let named = listeners.iter().filter(|listener| listener["holders"][0]["name"] == "holder").count();
    assert_eq!(named, HOLDERS, "{limited:#}");
}
