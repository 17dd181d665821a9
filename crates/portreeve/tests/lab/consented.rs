//! A host behind its gate while it consents to be scanned: who gets in, and what its watch and its audit make of it (A15, A17, A19, A20).

use serde_json::Value;

use super::{room::Room, scanning::once_sent};

/// The room is who scans, by the first of two addresses; `deep`, beyond a router, is who is scanned.
const NETWORK: &str = "set -e; ip netns add mid; ip netns add deep; ip link add near type veth peer name wa netns mid; \
     ip -n mid link add mb type veth peer name end netns deep; ip address add 198.51.100.1/24 dev near; ip address add 198.51.100.7/24 dev near; \
     ip address add 2001:db8:51::1/64 dev near nodad; ip link set near up; ip -n mid address add 198.51.100.2/24 dev wa; \
     ip -n mid address add 2001:db8:51::2/64 dev wa nodad; ip -n mid link set wa up; ip -n mid address add 203.0.113.1/24 dev mb; \
     ip -n mid address add 2001:db8:a::1/64 dev mb nodad; ip -n mid link set mb up; ip -n deep address add 203.0.113.10/24 dev end; \
     ip -n deep address add 2001:db8:a::10/64 dev end nodad; ip -n deep link set end up; ip -n deep link set lo up; \
     ip netns exec mid sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1; ip route add 203.0.113.0/24 via 198.51.100.2; \
     ip route add 2001:db8:a::/64 via 2001:db8:51::2; ip -n deep route add default via 203.0.113.1; ip -n deep route add default via 2001:db8:a::1";
const POLICY: &str = "version = 1\n[host.web-1]\naddress = [\"198.51.100.1\", \"2001:db8:51::1\"]\n[host.web-2]\naddress = [\"203.0.113.10\", \"2001:db8:a::10\"]\n\
     [scan]\nscan_secret_file = \"/run/scan.secret\"\n[watch]\nmode = \"block\"\nblock_unproven = true\n\
     [service.ssh]\nports = [\"22/tcp\"]\nowner = { unit = \"ssh.service\" }\nreach = \"world\"\n";
/// What gets past the gate to the port at which it is asked, by who sends it: a table of nobody of ours.
const WITNESS: &str = "table inet witness {\ncounter ours { }\ncounter theirs { }\nchain i {\ntype filter hook input priority 10; policy accept;\n\
     udp dport 29317 ip saddr 198.51.100.1 counter name ours\nudp dport 29317 ip saddr 198.51.100.7 counter name theirs\n}\n}";

fn boot() -> Room {
    let room = Room::create();
    room.run(NETWORK);
    room.run(&format!(
        "cat > /run/policy.toml <<'END'\n{POLICY}END\nportreeve scan --new-secret --policy /run/policy.toml"
    ));
    room
}

fn boot_behind_gate() -> Room {
    let room = boot();
    room.run(&there("apply --no-trial --no-session"));
    room.run(&format!("ip netns exec deep nft -f - <<'END'\n{WITNESS}\nEND"));
    room
}

/// A command of portreeve's on the host that is scanned.
fn there(command: &str) -> String {
    format!("ip netns exec deep portreeve {command} --policy /run/policy.toml")
}

/// Begins to consent; what it says.
fn consent(room: &Room, time: &str) -> String {
    let said = room.run(&format!(
        "rm -f /run/said; {} </dev/null >/run/said 2>&1 & \
         for i in $(seq 200); do grep -qs consenting /run/said && break; sleep 0.05; done; cat /run/said; grep -q consenting /run/said",
        there(&format!("scan --consent --for {time}"))
    ));
    said.stdout
}

/// Ends it by this signal.
fn end(room: &Room, signal: &str) {
    room.run(&format!(
        "pid=$(pgrep -f '[p]ortreeve scan --consent'); kill -{signal} $pid; for i in $(seq 200); do kill -0 $pid 2>/dev/null || break; sleep 0.05; done; ! kill -0 $pid 2>/dev/null"
    ));
}

fn scan(room: &Room, ports: &str) -> (i32, String) {
    scan_at(room, "web-2", ports)
}

fn scan_at(room: &Room, target: &str, ports: &str) -> (i32, String) {
    let output = room.try_run(&format!("portreeve scan {target} {ports} -o json --policy /run/policy.toml"));
    (output.status, output.stderr)
}

#[track_caller]
fn is_refused(room: &Room) {
    let (status, stderr) = scan(room, "22");
    assert!(status == 5 && stderr.contains("it does not consent"), "{status} {stderr}");
}

/// What stands in the set of the gate of those who may ask.
fn asked(room: &Room) -> String {
    room.run("ip netns exec deep nft list set inet portreeve askers4 | grep elements; true").stdout
}

fn packets(room: &Room, counter: &str) -> u64 {
    let listed = room.run(&format!("ip netns exec deep nft -j list counter inet witness {counter}")).stdout;
    let listed: Value = serde_json::from_str(&listed).expect("it is JSON");
    listed["nftables"][1]["counter"]["packets"].as_u64().expect("it counts")
}

/// One datagram to the port at which it is asked.
fn sends(room: &Room, from: &str) {
    room.run(&format!(
        "python3 -c 'import socket; it=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); it.bind((\"{from}\", 0)); it.sendto(b\"x\" * 64, (\"203.0.113.10\", 29317))'"
    ));
}

/// The rules that find something, and where.
fn findings(room: &Room) -> Vec<String> {
    let audit: Value =
        serde_json::from_str(&room.try_run(&there("audit -o json")).stdout).expect("it is JSON");
    let findings = audit["findings"].as_array().expect("there is a list");
    let mut found: Vec<_> =
        findings.iter().map(|it| format!("{} {} {}", it["rule"], it["port"], it["text"])).collect();
    found.sort();
    found
}

#[test]
fn the_gate_lets_the_hosts_of_the_policy_alone_ask_and_only_meanwhile() {
    let room = boot_behind_gate();
    is_refused(&room);
    // Anybody else who listens so is found.
    room.run("ip netns exec deep python3 -c 'import socket, time; it=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); it.bind((\"203.0.113.10\", 29318)); time.sleep(3600)' </dev/null >/dev/null 2>&1 & for i in $(seq 100); do ip netns exec deep ss -Hlun | grep -q 29318 && break; sleep 0.05; done");
    let before = findings(&room);
    assert!(before.iter().any(|it| it.contains("unneeded-open-port") && it.contains("29318")), "{before:#?}");
    let said = consent(&room, "60s");
    assert!(said.contains("The gate lets 2 addresses of the policy's hosts alone ask until then."), "{said}");
    let (ours, theirs) = (packets(&room, "ours"), packets(&room, "theirs"));
    sends(&room, "198.51.100.1");
    sends(&room, "198.51.100.7");
    assert_eq!((packets(&room, "ours"), packets(&room, "theirs")), (ours + 1, theirs), "{}", asked(&room));
    let (status, stderr) = scan(&room, "22 80");
    assert_eq!(status, 0, "{stderr}");
    let (status, stderr) = scan_at(&room, "2001:db8:a::10", "22");
    assert_eq!(status, 0, "{stderr}");
    let said = room.run("cat /run/said").stdout;
    for told in ["198.51.100.1 may scan 203.0.113.10", "2001:db8:51::1 may scan 2001:db8:a::10"] {
        assert!(said.contains(told), "{said}");
    }
    assert_eq!(findings(&room), before, "it is not reported against itself");
    let mode = room.run("stat -c '%a %u' /run/portreeve/consents*/*-29317.json").stdout;
    assert_eq!(mode, "600 0\n");

    end(&room, "INT");
    assert_eq!(asked(&room), "", "closed before its time");
    assert_eq!(room.run("ls /run/portreeve/consents*").stdout, "");
    is_refused(&room);
    let history = room.run("ip netns exec deep portreeve history").stdout;
    for told in ["opened 29317/udp to 2 addresses for a while", "closed 29317/udp to 2 addresses again"] {
        assert!(history.contains(told), "{history}");
    }

    // Nobody is left to close it.
    consent(&room, "5s");
    end(&room, "KILL");
    let left = asked(&room);
    assert!(left.contains("198.51.100.1 . 29317 timeout 5s"), "{left}");
    room.run("sleep 6");
    assert_eq!(asked(&room), "");
    is_refused(&room);
    assert_eq!(findings(&room), before);
}

#[test]
fn what_stands_in_the_way_is_said_and_it_listens_all_the_same() {
    let room = boot();
    let said = consent(&room, "60s");
    assert!(!said.contains("gate"), "there is none: {said}");
    assert_eq!(room.run("ip netns exec deep nft list tables").stdout, "");
    assert_eq!(scan(&room, "22").0, 0);
    end(&room, "INT");

    room.run(&there("apply --no-trial --no-session"));
    // One that an earlier version made has no such sets.
    room.run(
        "for it in $(ip netns exec deep nft -a list chain inet portreeve input | sed -n 's/.*@askers[46].*# handle //p'); do \
         ip netns exec deep nft delete rule inet portreeve input handle $it; done; \
         for it in 4 6; do ip netns exec deep nft delete set inet portreeve askers$it; done",
    );
    let found = findings(&room);
    assert!(!found.iter().any(|it| it.contains("gate-drifted")), "{found:#?}");
    let said = consent(&room, "60s");
    assert!(
        said.contains("portreeve open 29317/udp --for 1m") && said.contains("an earlier version"),
        "{said}"
    );
    is_refused(&room);
    room.run(&there("open 29317/udp --for 1m").replace(" --policy /run/policy.toml", ""));
    assert_eq!(scan(&room, "22").0, 0);
}

/// What the watch there has told so far.
fn told(room: &Room) -> Vec<Value> {
    let lines = room.run("cat /run/told").stdout;
    let lines = lines.rsplit_once('\n').map_or("", |(whole, _)| whole);
    lines.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect()
}

#[track_caller]
fn of(room: &Room, source: &str) -> Vec<Value> {
    room.run("sleep 1");
    told(room).into_iter().filter(|line| line["source"] == source).collect()
}

/// The same once there are as many, as a busy machine is late, and a moment later: none too many were told.
#[track_caller]
fn told_of(room: &Room, source: &str, count: usize) -> Vec<Value> {
    let _ = (0..10).find(|_| of(room, source).len() >= count);
    of(room, source)
}

fn probes(room: &Room, from: &str) {
    room.run(&format!(
        "nmap -n -Pn -sS --max-retries 0 -e near -S {from} -p 23,111,3306,3389,5432,5900,6379,9200 203.0.113.10"
    ));
}

#[test]
fn the_watch_lists_a_scan_of_ours_and_keeps_out_whoever_scans_besides() {
    let room = boot_behind_gate();
    room.run(&format!("{} </dev/null >/run/told 2>/run/sees &", there("watch -o ndjson")));
    // Whoever comes first shows that it hears.
    room.run("ip address add 198.51.100.9/24 dev near");
    for _ in 0..20 {
        if !of(&room, "198.51.100.9").is_empty() {
            break;
        }
        probes(&room, "198.51.100.9");
    }
    consent(&room, "60s");
    let (status, stderr) = scan(&room, "1-500");
    assert_eq!(status, 0, "{stderr}");
    let lines = told_of(&room, "198.51.100.1", 1);
    let [line] = lines.as_slice() else { panic!("{lines:#?}") };
    let own: Value = "own-scan".into();
    assert_eq!((&line["event"], &line["kind"], &line["action"]["what"]), (&own, &own, &"none".into()));
    probes(&room, "198.51.100.7");
    let lines = told_of(&room, "198.51.100.7", 1);
    assert!(
        matches!(lines.as_slice(), [line] if line["event"] == "block" && line["kind"] == "port-scan"),
        "{lines:#?}"
    );
    let blocked = room.run("ip netns exec deep nft list set inet portreeve blocked4").stdout;
    assert!(blocked.contains("198.51.100.7") && !blocked.contains("198.51.100.1 "), "{blocked}");
    let found = findings(&room);
    assert!(!found.iter().any(|it| it.contains("198.51.100.1") || it.contains("29317")), "{found:#?}");
    let why = room.run("ip netns exec deep portreeve why 198.51.100.1").stdout;
    assert!(why.contains("own-scan") && why.contains("this host consents to it until"), "{why}");

    // What was sent meanwhile counts no more, and what is sent from now on does.
    end(&room, "INT");
    room.run("sleep 4");
    assert_eq!(of(&room, "198.51.100.1").len(), 1);
    probes(&room, "198.51.100.1");
    let lines = told_of(&room, "198.51.100.1", 2);
    assert!(matches!(lines.as_slice(), [_, line] if line["event"] == "block"), "{lines:#?}");
}

/// It takes twice as long as there is consent: that is said before, and nothing is asked after.
#[test]
fn a_scan_ends_with_the_consent_that_it_rests_on() {
    let room = boot();
    consent(&room, "6s");
    let begin = std::time::Instant::now();
    let output =
        room.try_run("portreeve scan web-2 1-6000 53/udp --rate 500 -o json --policy /run/policy.toml");
    assert!(begin.elapsed().as_secs() < 10, "{:?}", begin.elapsed());
    let document: Value = serde_json::from_str(&output.stdout).expect("it is JSON");
    assert_eq!((output.status, document["ended"].as_str()), (3, Some("expired")), "{}", output.stderr);
    let counts = &document["counts"];
    assert!(counts["closed"].as_u64() > Some(100) && counts["unasked"].as_u64() > Some(1_000), "{counts}");
    assert!(output.stderr.contains("The consent is over in "), "{}", output.stderr);
    // A scan that there is time for says nothing of it.
    room.run("for i in $(seq 200); do pgrep -f '[p]ortreeve scan --consent' || break; sleep 0.05; done");
    consent(&room, "60s");
    let (status, stderr) = scan(&room, "22");
    assert!(status == 0 && !stderr.contains("The consent is over"), "{stderr}");
}

/// Scans at 2,000 ports a second while that happens, which takes half a minute if nothing ends it; how many were asked.
fn is_ended_by(room: &Room, happens: &str) -> u64 {
    let asked = "portreeve scan web-2 --rate 2000 -o json --policy /run/policy.toml";
    let output = room.try_run(&format!("{} {asked}", once_sent("near", 3_000, happens)));
    let document: Value = serde_json::from_str(&output.stdout).expect("it is JSON");
    assert_eq!((output.status, document["ended"].as_str()), (3, Some("expired")), "{output:#?}");
    let counts = &document["counts"];
    assert!(counts["unasked"].as_u64() > Some(20_000), "{counts}");
    65_535 - counts["unasked"].as_u64().expect("a count")
}

/// That a host consents is known for two seconds: whoever gets its address then gets no more than what is sent in these.
#[test]
fn whoever_gets_the_address_in_mid_scan_is_scanned_no_further() {
    let room = boot();
    consent(&room, "60s");
    room.run(
        "set -e; ip netns add other; ip -n mid link add mo type veth peer name end netns other; ip -n mid address add 203.0.113.1/32 dev mo; \
         ip -n mid link set mo up; ip -n other link set lo up; ip -n other address add 203.0.113.10/32 dev end; ip -n other link set end up; \
         ip -n other route add 203.0.113.1 dev end; ip -n other route add default via 203.0.113.1; \
         ip netns exec other nft 'table inet t { counter syns { }; chain i { type filter hook input priority 0; tcp flags syn counter name syns; }; }'",
    );
    let asked = is_ended_by(&room, "ip -n mid route add 203.0.113.10/32 dev mo");
    let counted = room.run("ip netns exec other nft -j list counter inet t syns").stdout;
    let counted: Value = serde_json::from_str(&counted).expect("it is JSON");
    let got = counted["nftables"][1]["counter"]["packets"].as_u64().expect("it counts");
    assert!(got > 0 && got < asked && got < 20_000, "{got} of {asked}");
}

#[test]
fn ctrl_c_there_ends_the_scan_here() {
    let room = boot();
    consent(&room, "60s");
    is_ended_by(&room, "pkill -INT -f '[p]ortreeve scan --consent'");
    let said = room.run("cat /run/said").stdout;
    assert_eq!(said.matches("198.51.100.1 may scan 203.0.113.10").count(), 1, "{said}");
}
