//! Whoever stops a scan, and whoever has the port that is kept for its answers (A17, A20).

use serde_json::Value;

use super::{
    chance::Chance,
    scanning::{FOUR, boot, lay, scan, truth},
};

/// Interrupts a scan so many milliseconds after it said that it begins, or by `-` before that, after as many since its start; tells how
/// it ended, what it said, and how long it took to end.
const INTERRUPT: &str = "import json, signal, subprocess, sys, time
for after in sys.argv[2:]:
    it = subprocess.Popen(['portreeve', 'scan', sys.argv[1], '--rate', '3000', '-o', 'json', '--policy', 'none'],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    if not after.startswith('-'): it.stderr.readline()
    time.sleep(abs(int(after)) / 1000)
    it.send_signal(signal.SIGINT)
    begin = time.monotonic()
    said = it.communicate()[0].decode()
    print(json.dumps([it.returncode, said, time.monotonic() - begin]))
";

/// Before the first packet it simply ends, and has said nothing; from then on it tells what is known.
#[test]
fn whoever_is_interrupted_at_any_moment_says_what_is_known_and_leaves_nothing() {
    let room = boot();
    let mut chance = Chance(9);
    let mut moments = vec!["-0".to_owned(), "-2".into(), "-5".into(), "-50".into()];
    let after = (0..20).map(|nth| chance.of(&[0, 10, 20, 30, 50, 90, 140, 230, 370]) + nth * 3);
    moments.extend(after.map(|after: u32| after.to_string()));
    room.run(&format!("cat > /run/interrupt.py <<'END'\n{INTERRUPT}END"));
    let said = room.run(&format!("python3 /run/interrupt.py {FOUR} {}", moments.join(" "))).stdout;
    let mut told = 0;
    for (line, moment) in said.lines().zip(&moments) {
        let (status, said, seconds): (i32, String, f64) = serde_json::from_str(line).expect("three of them");
        assert!(seconds < 1.5, "{moment} ms: {seconds}");
        if status == -2 {
            assert_eq!((said.as_str(), moment.starts_with('-')), ("", true), "{moment} ms");
            continue;
        }
        let document: Value = serde_json::from_str(&said).expect("it is whole");
        assert_eq!((status, document["ended"].as_str()), (3, Some("stopped")), "{moment} ms");
        let count = |key: &str| document["counts"][key].as_u64().expect("a count");
        let all: u64 = ["open", "closed", "filtered", "silent", "unasked"].map(count).iter().sum();
        assert_eq!(all, 65_535, "{moment} ms");
        told += 1;
    }
    assert!(told >= 20, "{told} of {}: {said}", moments.len());
    assert_eq!(room.try_run("ss -Htan; cat /proc/net/raw /proc/net/raw6 | grep -v local_address").stdout, "");
    assert_eq!(room.try_run("ip netns exec far ss -Htn state syn-recv").stdout, "");
}

/// A terminal that goes away ends it as Ctrl-C does, and not where nohup(1) keeps that from it.
#[test]
fn whoever_hangs_up_is_told_what_is_known_and_with_nohup_is_none() {
    let room = lay();
    let hung_up = |before: &str, ports: &str| {
        room.run(&format!(
            "{before} portreeve scan {FOUR} {ports} --rate 1000 -o json --policy none </dev/null >/run/out 2>/dev/null & sleep 0.5; kill -HUP $!; \
             wait $!; echo $?"
        ))
        .stdout
    };
    let said = || serde_json::from_str::<Value>(&room.run("cat /run/out").stdout).expect("it is whole");
    // Whoever runs the test may have been started by nohup(1) himself.
    assert_eq!(hung_up("env --default-signal=HUP", ""), "3\n");
    assert_eq!(said()["ended"], "stopped");
    assert_eq!(hung_up("nohup", "1-1500"), "0\n");
    assert_eq!((&said()["ended"], &said()["counts"]["closed"]), (&"whole".into(), &1_500.into()));
}

/// Of four numbers that the kernel may choose, others have three: one listens, one is bound, one is connected.
#[test]
fn whoever_has_a_port_of_his_own_is_never_disturbed() {
    let room = boot();
    let open = truth(&room)[0];
    room.run(&format!(
        "sysctl -qw net.ipv4.ip_local_port_range='40000 40003'; cat > /run/own.py <<'END'
import socket, struct, time
listener = socket.create_server((\"\", 40000))
bound = socket.socket(); bound.bind((\"198.51.100.1\", 40001))
client = socket.socket(); client.bind((\"198.51.100.1\", 40002)); client.connect((\"{FOUR}\", {open}))
listener.settimeout(0)
print(\"ready\", flush=True)
input()
client.send(b\"x\"); time.sleep(0.3)
info = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
try: listener.accept(); heard = \"somebody\"
except BlockingIOError: heard = \"nobody\"
print(info[0], struct.unpack_from(\"=I\", info, 24)[0], client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), heard, flush=True)
END
mkfifo /run/go; python3 /run/own.py </run/go >/run/own 2>&1 & exec 9>/run/go; for i in $(seq 100); do grep -qs ready /run/own && break; sleep 0.05; done; \
tcpdump -U -n -i near -w /run/all.pcap tcp >/run/dump 2>&1 & for i in $(seq 100); do grep -qs listening /run/dump && break; sleep 0.05; done; \
portreeve scan {FOUR} --rate 50000 --policy none >/run/out 2>&1; echo $? >>/run/out; echo >&9; for i in $(seq 100); do grep -q body /run/own && break; sleep 0.05; done; pkill tcpdump"
    ));
    let said = room.run("cat /run/own").stdout;
    assert_eq!(
        said,
        "ready\n1 0 0 nobody\n",
        "established, nothing unacknowledged, no error: {}",
        room.run("cat /run/out").stdout
    );
    let from = room.run(
        "sleep 0.2; tcpdump -n -r /run/all.pcap 'src host 198.51.100.1 and tcp[13] == 2' 2>/dev/null | awk '{print $3}' | sort -u",
    );
    assert_eq!(from.stdout, "198.51.100.1.40003\n", "the one that was free");
}

/// Nobody else gets the number while it is kept, and where none is left that is said.
#[test]
fn a_port_is_kept_while_a_scan_lasts_and_one_that_is_missing_is_told() {
    let room = lay();
    room.run("sysctl -qw net.ipv4.ip_local_port_range='40000 40000'");
    let bind = "python3 -c 'import socket; socket.create_server((\"\", 40000))' 2>/dev/null";
    let tried = format!(
        "portreeve scan {FOUR} --rate 2000 --policy none -q >/run/out 2>&1 & sleep 0.4; {bind}; echo $?; kill -INT $!; wait $!; {bind}; echo $?"
    );
    assert_eq!(room.run(&tried).stdout, "1\n0\n");
    room.hold("listen 0.0.0.0:40000");
    let told = room.try_run(&format!("portreeve scan {FOUR} 22 --policy none"));
    assert!(told.status == 7 && told.stderr.contains("no port is free for the answers"), "{told:#?}");
    room.run("sysctl -qw net.ipv4.ip_local_port_range='40000 40001'");
    assert_eq!(scan(&room, &format!("{FOUR} 22"), 0)["counts"]["closed"], 1);
}
