//! Who is scanned, over a wire from the room of whoever scans, and what is read of the answer.

use serde_json::Value;

use super::room::Room;

/// The room is who scans; `far` is who is scanned, over a wire.
const FAR: &str = "set -e; ip netns add far; ip link add near type veth peer name end netns far; ip address add 198.51.100.1/24 dev near; \
                   ip address add 2001:db8:51::1/64 dev near nodad; ip link set near up; ip -n far address add 198.51.100.2/24 dev end; \
                   ip -n far address add 2001:db8:51::2/64 dev end nodad; ip -n far link set end up; ip -n far link set lo up";
pub(super) const FOUR: &str = "198.51.100.2";
pub(super) const SIX: &str = "2001:db8:51::2";
/// Twenty that listen in both families until the room goes.
const TWENTY: &str = "import random; random.seed(20); print(*random.sample(range(1, 65536), 20))";
const LISTEN: &str = "import socket, sys, time\n\
                      make = lambda port: socket.create_server((\"::\", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)\n\
                      kept = [make(int(port)) for port in sys.argv[1:]]\n\
                      print(\"ready\", flush=True)\n\
                      time.sleep(3600)\n";

/// A wire to a namespace in which nobody listens.
pub(super) fn lay() -> Room {
    let room = Room::create();
    room.run(FAR);
    room.run(&format!("cat > /run/listen.py <<'END'\n{LISTEN}END"));
    room
}

/// The same, in which twenty do.
pub(super) fn boot() -> Room {
    let room = lay();
    let twenty = room.run(&format!("python3 -c '{TWENTY}'")).stdout;
    listen(&room, "ip netns exec far", &twenty);
    room
}

/// Has somebody listen at these ports until the room goes, as `through` starts him.
pub(super) fn listen(room: &Room, through: &str, ports: &str) {
    room.run(&format!(
        "rm -f /run/said; {through} python3 /run/listen.py {} </dev/null >/run/said 2>&1 & for i in $(seq 200); do \
         grep -qs ready /run/said && break; sleep 0.05; done; grep ready /run/said",
        ports.trim()
    ));
}

/// Who listens, as `ss` in there has it.
pub(super) fn truth(room: &Room) -> Vec<u16> {
    let listed = room.run("ip netns exec far ss -Hltn | awk '{print $4}' | sed 's/.*://' | sort -nu").stdout;
    let truth: Vec<u16> = listed.lines().map(|line| line.parse().expect("ss prints numbers")).collect();
    assert_eq!(truth.len(), 20);
    truth
}

/// The document of a scan, which must end so.
#[track_caller]
pub(super) fn scan(room: &Room, arguments: &str, status: i32) -> Value {
    scan_while(room, "", arguments, status)
}

/// The same while something else goes on, which a shell's command begins.
#[track_caller]
pub(super) fn scan_while(room: &Room, meanwhile: &str, arguments: &str, status: i32) -> Value {
    let output = room.try_run(&format!("{meanwhile} portreeve scan {arguments} -o json --policy none"));
    assert_eq!(output.status, status, "{meanwhile} {arguments}: {output:#?}");
    serde_json::from_str(&output.stdout).expect("it is JSON")
}

pub(super) fn numbers(scan: &Value, seen: &str) -> Vec<u16> {
    let ports = scan["ports"].as_array().expect("there is a list");
    let number = |port: &Value| u16::try_from(port["port"].as_u64().expect("a number")).expect("of 16 bits");
    ports.iter().filter(|port| port["seen"] == seen).map(number).collect()
}

pub(super) fn count(scan: &Value, seen: &str) -> u64 {
    scan["counts"][seen].as_u64().expect("a count")
}

/// Rule and port of each finding.
pub(super) fn found(scan: &Value) -> Vec<(String, u64)> {
    let findings = scan["findings"].as_array().expect("a list").iter();
    let of = |it: &Value| Some((it["rule"].as_str()?.to_owned(), it["port"].as_u64()?));
    findings.map(|it| of(it).expect("each is about a port")).collect()
}

/// What could not be seen, by kind.
pub(super) fn gaps(scan: &Value) -> Vec<&str> {
    let gaps = scan["gaps"].as_array().expect("a list").iter();
    gaps.map(|gap| gap["what"].as_str().expect("a kind")).collect()
}

/// Loads rules of `far`'s own, and no others.
pub(super) fn rules(room: &Room, rules: &str) {
    room.run("ip netns exec far nft flush ruleset");
    room.run(&format!("ip netns exec far nft -f - <<'END'\n{rules}\nEND"));
}

pub(super) fn input(room: &Room, rule: &str) {
    let text = format!(
        "table inet t {{\nchain i {{\ntype filter hook input priority 0; policy accept;\nicmpv6 type nd-neighbor-solicit accept\n\
         icmpv6 type nd-neighbor-advert accept\n{rule}\n}}\n}}"
    );
    rules(room, &text);
}

/// Has that happen beside what follows, once so many packets more have left by the interface.
pub(super) fn once_sent(interface: &str, packets: u32, happens: &str) -> String {
    let sent = format!("$(awk \"/{interface}:/{{print \\$11}}\" /proc/net/dev)");
    format!("(to=$(({sent} + {packets})); until [ {sent} -ge $to ]; do sleep 0.01; done; {happens}) &")
}
