//! What `scan` sees of a namespace beside it, against what `ss` in there and `nmap` from here say (A17, A20).

use serde_json::Value;

use super::{
    room::Room,
    scanning::{FOUR, SIX, boot, count, found, input, numbers, rules, scan, truth},
};

#[test]
fn what_is_open_is_what_ss_says_and_nmap_finds() {
    let room = boot();
    let truth = truth(&room);
    for target in [FOUR, SIX] {
        let seen = scan(&room, &format!("{target} --rate 100000"), 0);
        assert_eq!(numbers(&seen, "open"), truth, "{target}");
        assert_eq!((count(&seen, "closed"), count(&seen, "silent")), (65_515, 0), "{target}");
        assert_eq!(seen["proof"]["kind"], "joined-namespace");
        assert_eq!(seen["proof"]["namespace"], "far");
        assert_eq!(seen["means"], "packets");
    }
    let nmap = room.run(&format!("nmap -n -sS -p- -oG - {FOUR}")).stdout;
    let is_open = |port: &u16| nmap.contains(&format!("{port}/open/tcp"));
    assert!(truth.iter().all(is_open) && nmap.matches("/open/tcp").count() == 20, "{nmap}");
}

#[test]
fn a_filter_is_silent_or_names_itself() {
    let room = boot();
    let open = truth(&room)[0];
    input(&room, "drop");
    let seen = scan(&room, &format!("{FOUR} --rate 100000"), 0);
    assert_eq!((count(&seen, "silent"), seen["rounds"].as_u64()), (65_535, Some(2)));
    input(&room, "reject with tcp reset");
    assert_eq!(count(&scan(&room, &format!("{FOUR} 1-100"), 0), "closed"), 100);
    let kinds = [
        "host-unreachable",
        "prot-unreachable",
        "port-unreachable",
        "net-prohibited",
        "host-prohibited",
        "admin-prohibited",
    ];
    for kind in kinds {
        input(&room, &format!("meta nfproto ipv4 reject with icmp type {kind}"));
        // Linux says it once a second to each, after six (net/ipv4/icmp.c).
        room.run("sleep 1.2");
        let seen = scan(&room, &format!("{FOUR} {open}"), 0);
        assert_eq!((count(&seen, "filtered"), &seen["ports"]), (1, &seen["ports"]), "{kind}");
        let seen = scan(&room, &format!("{FOUR} {open} --all"), 0);
        assert_eq!(seen["ports"][0]["by"], FOUR, "{kind}");
    }
    for kind in ["no-route", "admin-prohibited", "addr-unreachable", "port-unreachable"] {
        input(&room, &format!("meta nfproto ipv6 reject with icmpv6 type {kind}"));
        let seen = scan(&room, &format!("{SIX} {open} --all"), 0);
        assert_eq!((count(&seen, "filtered"), &seen["ports"][0]["by"]), (1, &SIX.into()), "{kind}");
    }
}

#[test]
fn who_limits_resets_hides_no_open_port() {
    let room = boot();
    let open = truth(&room).iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
    input(
        &room,
        &format!("tcp dport {{ {open} }} accept\nlimit rate 1000/second reject with tcp reset\ndrop"),
    );
    let seen = scan(&room, FOUR, 0);
    assert_eq!(numbers(&seen, "open"), truth(&room));
    assert!(seen["lost_estimate"].as_f64() > Some(0.3), "{}", seen["lost_estimate"]);
}

#[test]
fn who_opens_everything_is_told_as_such() {
    let room = boot();
    let one = truth(&room)[0];
    rules(
        &room,
        &format!(
            "table ip n {{\nchain p {{\ntype nat hook prerouting priority -100;\nmeta l4proto tcp redirect to :{one}\n}}\n}}"
        ),
    );
    let seen = scan(&room, FOUR, 0);
    assert_eq!((&seen["opens_everything"], numbers(&seen, "open").len()), (&true.into(), 0));
}

#[test]
fn a_port_that_closes_and_a_host_that_goes_in_mid_scan_are_told() {
    let room = boot();
    let ends = "ip netns exec far python3 -c 'import socket,time; it=socket.create_server((\"\",4242)); print(\"up\",flush=True); time.sleep(2)'";
    room.run(&format!("{ends} </dev/null >/run/up 2>&1 & for i in $(seq 100); do grep -qs up /run/up && break; sleep 0.02; done"));
    let seen = scan(&room, &format!("{FOUR} --rate 10000"), 0);
    assert!(!numbers(&seen, "open").contains(&4242));
    let gone = format!(
        "(sleep 1; ip -n far link set end down) & portreeve scan {FOUR} --rate 8000 -o json --policy none"
    );
    let output = room.try_run(&gone);
    assert_eq!(output.status, 3, "{output:#?}");
    let seen: Value = serde_json::from_str(&output.stdout).expect("it is JSON");
    assert_eq!(seen["ended"], "vanished");
}

/// What leaves is written down by tcpdump on every interface, ARP and names included.
#[test]
fn nothing_is_sent_to_whoever_is_not_ours() {
    let room = boot();
    room.run(
        "ip link add out type veth peer name world; ip address add 203.0.113.1/24 dev out; ip link set out up; ip link set world up; \
         ip route add default via 203.0.113.254; ip netns add other; ip -n other link add dummy type veth peer name dumb; \
         ip -n other address add 192.0.2.77/24 dev dummy; ip -n other link set dummy up; echo 'nameserver 203.0.113.53' > /run/resolv; \
         mount --bind /run/resolv /etc/resolv.conf; for it in near out world; do sysctl -qw net.ipv6.conf.$it.disable_ipv6=1; done; \
         ip netns exec far sysctl -qw net.ipv6.conf.end.disable_ipv6=1",
    );
    room.run("tcpdump -U -n -i any -w /run/all.pcap >/run/dump 2>&1 & for i in $(seq 100); do grep -qs listening /run/dump && break; sleep 0.05; done");
    let targets = [
        "203.0.113.9",
        "8.8.8.8",
        "198.51.100.3",
        "192.0.2.77",
        "203.0.113.255",
        "198.51.100.0/24",
        "224.0.0.1",
        "255.255.255.255",
        "0.0.0.0",
        "::",
        "ff02::1",
        "2001:db8:9::1",
        "example.org",
        "localhost",
    ];
    for target in targets {
        let output = room.try_run(&format!("portreeve scan {target} 22 --policy none"));
        assert_eq!((output.status, output.stdout.as_str()), (5, ""), "{target}: {output:#?}");
        assert!(output.stderr.contains("nothing was sent"), "{target}: {output:#?}");
    }
    room.run("sleep 0.5; pkill tcpdump; sleep 0.5");
    // Of which groups it hears the kernel tells by itself, a while after an interface came up (RFC 3810).
    assert_eq!(room.run("tcpdump -n -r /run/all.pcap 'not (ip6 and ip6[6] == 0)' 2>/dev/null").stdout, "");
}

/// A host behind a router, which nothing but its own word proves to be ours.
fn boot_beyond() -> Room {
    let room = Room::create();
    room.run(
        "set -e; ip netns add mid; ip netns add deep; ip link add near type veth peer name wa netns mid; ip -n mid link add mb type veth peer name end netns deep; \
         ip address add 198.51.100.1/24 dev near; ip link set near up; ip -n mid address add 198.51.100.2/24 dev wa; ip -n mid link set wa up; \
         ip -n mid address add 203.0.113.1/24 dev mb; ip -n mid link set mb up; ip -n deep address add 203.0.113.10/24 dev end; \
         ip -n deep link set end up; ip -n deep link set lo up; ip netns exec mid sysctl -qw net.ipv4.ip_forward=1; \
         ip route add 203.0.113.0/24 via 198.51.100.2; ip -n deep route add default via 203.0.113.1",
    );
    for (policy, secret) in [("policy", "scan"), ("other", "other")] {
        let text = format!(
            "version = 1\n[host.web-2]\naddress = \"203.0.113.10\"\n[host.twin]\naddress = \"203.0.113.11\"\n[scan]\nscan_secret_file = \"/run/{secret}.secret\"\n"
        );
        room.run(&format!("cat > /run/{policy}.toml <<'END'\n{text}END\nportreeve scan --new-secret --policy /run/{policy}.toml"));
    }
    room
}

/// Has the host consent for as long, with the secret of this policy.
fn consent(room: &Room, policy: &str, time: &str) {
    room.run(&format!(
        "rm -f /run/said; ip netns exec deep portreeve scan --consent --for {time} --policy /run/{policy}.toml </dev/null >/run/said 2>&1 & \
         for i in $(seq 100); do grep -qs consenting /run/said && break; sleep 0.05; done; cat /run/said; grep -q consenting /run/said"
    ));
}

#[test]
fn a_host_beyond_a_router_is_scanned_while_it_consents_and_at_no_other_time() {
    let room = boot_beyond();
    let ask = |target: &str, policy: &str| {
        let output = room.try_run(&format!("portreeve scan {target} 22 -o json --policy /run/{policy}.toml"));
        (output.status, output.stdout, output.stderr)
    };
    let refused = |target: &str, policy: &str, why: &str| {
        let (status, stdout, stderr) = ask(target, policy);
        assert!(
            status == 5 && stdout.is_empty() && stderr.contains(why),
            "{target} {policy}: {status} {stderr}"
        );
    };
    refused("web-2", "policy", "it does not consent");
    consent(&room, "policy", "8s");
    let (status, stdout, stderr) = ask("web-2", "policy");
    assert_eq!(status, 0, "{stderr}");
    let seen: Value = serde_json::from_str(&stdout).expect("it is JSON");
    assert_eq!((&seen["proof"]["kind"], &seen["proof"]["host"]), (&"consent".into(), &"web-2".into()));
    assert_eq!(count(&seen, "closed"), 1);
    assert!(room.run("cat /run/said").stdout.contains("198.51.100.1 may scan 203.0.113.10"));
    refused("web-2", "other", "it does not consent");
    // The very host, by an address that is not its own.
    room.run(
        "ip netns exec mid nft -f - <<'END'\ntable ip n {\nchain p {\ntype nat hook prerouting priority -100;\nip daddr 203.0.113.11 dnat to 203.0.113.10\n}\n}\nEND",
    );
    refused("twin", "policy", "it does not consent");
    refused("203.0.113.12", "policy", "to a router");
    room.run("sleep 8");
    refused("web-2", "policy", "it does not consent");
    room.run("chmod 644 /run/scan.secret");
    refused("web-2", "policy", "others may read or write it");
}

/// The same address in a namespace that no wire leads to proves nothing.
#[test]
fn a_bridge_with_anybody_behind_it_proves_nothing() {
    let room = Room::create();
    room.run(
        "ip netns add far; ip link add br0 type bridge; ip address add 198.51.100.1/24 dev br0; ip link set br0 up; \
         ip link add near type veth peer name end netns far; ip link set near master br0 up; ip -n far address add 198.51.100.2/24 dev end; \
         ip -n far link set end up",
    );
    assert_eq!(room.try_run("portreeve scan 198.51.100.2 22 --policy none").status, 0);
    // Both ends are here: whatever is behind it is nobody's whom the kernel names.
    room.run(
        "ip link add port type veth peer name beyond; ip link set port master br0 up; ip link set beyond up",
    );
    assert_eq!(room.try_run("portreeve scan 198.51.100.2 22 --policy none").status, 5);
}

#[test]
fn whoever_scans_leaves_nothing_and_stops_when_told() {
    let room = boot();
    input(&room, "drop");
    for signal in ["INT", "TERM"] {
        let stopped = format!(
            "portreeve scan {FOUR} --rate 500 --policy none >/run/out 2>&1 & it=$!; sleep 1; kill -{signal} $it; wait $it; echo $?; cat /run/out"
        );
        let said = room.run(&stopped).stdout;
        assert!(said.starts_with("3\n") && said.contains("Stopped: ") && said.contains(" silent"), "{said}");
    }
    let left = "ss -Htan; cat /proc/net/raw /proc/net/raw6 | grep -v local_address";
    assert_eq!(room.try_run(left).stdout, "");
}

#[test]
fn an_ordinary_user_asks_by_connections() {
    let room = boot();
    room.hold("listen 127.0.0.1:4711");
    let user = "setpriv --reuid 65534 --regid 65534 --clear-groups portreeve";
    let said = room.try_run(&format!("{user} scan 127.0.0.1 4711 4712 --policy none --allow-gaps"));
    assert_eq!(said.status, 0, "{said:#?}");
    assert!(said.stdout.contains("by connections, as raw packets take root"), "{said:#?}");
    assert!(said.stdout.contains("1 open, 1 closed"), "{said:#?}");
    let seen = scan(&room, &format!("{FOUR} --connect --rate 50000"), 0);
    assert_eq!(numbers(&seen, "open"), truth(&room));
    // A namespace that he may not enter is not his.
    let said = room.try_run(&format!("{user} scan {FOUR} 22 --policy none"));
    assert_eq!(said.status, 5, "{said:#?}");
}

#[test]
fn what_is_seen_is_compared_with_what_is_said() {
    let room = boot();
    let [one, two, three]: [u16; 3] = truth(&room)[..3].try_into().expect("there are twenty");
    input(&room, &format!("tcp dport {{ {one}, {two} }} drop"));
    room.run("ip netns exec far portreeve snapshot > /run/far.json");
    let seen = scan(&room, &format!("{FOUR} {one} {three} --against /run/far.json"), 0);
    assert_eq!(found(&seen), []);
    assert_eq!((&seen["ports"][0]["seen"], &seen["ports"][0]["said"]), (&"silent".into(), &"dropped".into()));
    // Now it is open, and the snapshot is a lie.
    input(&room, &format!("tcp dport {three} drop"));
    let seen = scan(&room, &format!("{FOUR} {one} {three} --against /run/far.json"), 1);
    let expected = [("seen-open-said-closed", one), ("seen-closed-said-open", three)];
    let expected: Vec<_> =
        expected.iter().map(|(rule, port)| ((*rule).to_owned(), u64::from(*port))).collect();
    assert_eq!(found(&seen), expected);
    // What the policy of that host declares, and what it does not.
    room.run(&format!(
        "printf 'version = 1\\n[service.web]\\nports = [\"{one}/tcp\"]\\nreach = \"world\"\\n' > /run/policy.toml"
    ));
    room.run("ip netns exec far nft flush ruleset; ip netns exec far portreeve snapshot > /run/far.json");
    let said = room.try_run(&format!(
        "portreeve scan {FOUR} {one} {two} --against /run/far.json --policy /run/policy.toml -o json"
    ));
    let seen: Value = serde_json::from_str(&said.stdout).expect("it is JSON");
    assert_eq!((said.status, found(&seen)), (1, vec![("unneeded-open-port".to_owned(), two.into())]));
    assert_eq!(seen["ports"][0]["declared"], "web");
}
