//! What `scan` is compared with: a snapshot of the host that is asked, and of no other, and its queues (A17, A20).

use super::scanning::{FOUR, SIX, found, lay, scan};

#[test]
fn a_snapshot_of_another_host_is_refused() {
    let room = lay();
    room.run("portreeve snapshot > /run/here.json; ip netns exec far portreeve snapshot > /run/far.json");
    for target in [FOUR, SIX] {
        let told =
            room.try_run(&format!("portreeve scan {target} 22 --against /run/here.json --policy none"));
        assert_eq!((told.status, told.stdout.as_str()), (2, ""), "{told:#?}");
        let said = format!("this snapshot is of a host that has no {target}");
        let hint = "ip netns exec far portreeve snapshot > far.json";
        assert!(told.stderr.contains(&said) && told.stderr.contains(hint), "{told:#?}");
        scan(&room, &format!("{target} 22 --against /run/far.json"), 0);
    }
    let told = room.try_run("portreeve scan 198.51.100.1 22 --against /run/far.json --policy none");
    assert_eq!(told.status, 2, "{told:#?}");
    scan(&room, "198.51.100.1 22 --against /run/here.json", 0);
    // Each host has it.
    scan(&room, "127.0.0.1 22 --against /run/here.json", 0);
    // One that knows nothing of its addresses may be anybody's.
    let hidden = "import json, sys; it = json.load(sys.stdin); it.pop(\"firewall\"); print(json.dumps(it))";
    room.run(&format!("python3 -c '{hidden}' < /run/here.json > /run/hidden.json"));
    scan(&room, &format!("{FOUR} 22 --against /run/hidden.json"), 3);
}

/// As many wait as the queue holds, and one more: the kernel drops whoever comes next.
#[test]
fn a_service_that_accepts_nobody_is_told_as_such() {
    let room = lay();
    let full = "import socket, time; it = socket.create_server((\"\", 7000), backlog=1); \
                kept = [socket.socket() for _ in range(3)]; [one.setblocking(False) or one.connect_ex((\"127.0.0.1\", 7000)) for one in kept]; \
                time.sleep(0.3); print(\"ready\", flush=True); time.sleep(3600)";
    for through in ["", "ip netns exec far"] {
        room.run(&format!(
            "rm -f /run/said; {through} python3 -c '{full}' </dev/null >/run/said 2>&1 & for i in $(seq 200); do \
             grep -qs ready /run/said && break; sleep 0.05; done; grep ready /run/said"
        ));
    }
    room.run("ip netns exec far portreeve snapshot > /run/far.json");
    let witness = room.run("ss -Hltn 'sport = 7000' | awk '{print $2, $3}'").stdout;
    assert_eq!(witness, "2 1\n");
    for (target, more) in [("127.0.0.1", ""), (FOUR, " --against /run/far.json")] {
        let told = scan(&room, &format!("{target} 7000{more}"), 1);
        assert_eq!(found(&told), [("seen-closed-said-open".to_owned(), 7_000)], "{told:#}");
        let finding = &told["findings"][0].to_string();
        assert!(
            finding.contains("takes no connections") && finding.contains("portreeve why 7000/tcp"),
            "{finding}"
        );
        assert!(!finding.contains("something between"), "{finding}");
    }
}
