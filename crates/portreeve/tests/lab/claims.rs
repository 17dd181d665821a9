//! Claims on a real host: no two owners of a number in a storm, and the kernel keeps its word (A23, A24, A25).

use std::collections::BTreeSet;

use portreeve_lab::profile;
use serde_json::{Value, json};

use super::site::Site;

/// What Python reads of the list in one go; Python is nobody of ours.
pub(super) const RESERVED: &str =
    "python3 -c 'print(open(\"/proc/sys/net/ipv4/ip_local_reserved_ports\").read(1 << 19).strip())'";
/// Connects to itself until the kernel has handed out every number that it may.
const HANDED_OUT: &str = "python3 - <<'END'
import socket
server = socket.socket(); server.bind(('127.0.0.1', 40099)); server.listen(512)
clients, numbers = [], set()
try:
    while True:
        client = socket.socket(); client.connect(('127.0.0.1', 40099)); clients.append(client)
        clients.append(server.accept()[0]); numbers.add(client.getsockname()[1])
except OSError:
    pass
print(sorted(numbers))
END";

/// A host whose settings may be changed, as they may be on any but one in a namespace (sysctl(8)).
pub(super) fn site() -> Site {
    let site = Site::boot(&profile::BARE);
    site.run("mount -o remount,rw /proc/sys");
    site
}

/// The same name is the same port; of two hundred who ask at once no two get the same one.
#[test]
fn no_two_of_a_storm_get_the_same_port() {
    let site = site();
    let first = site.run("portreeve claim web").stdout;
    assert_eq!(site.run("portreeve claim web").stdout, first);
    let storm = site.run("seq 200 | xargs -P50 -I@ portreeve claim n@").stdout;
    let numbers: BTreeSet<&str> = storm.lines().chain([first.trim()]).collect();
    assert_eq!(numbers.len(), 201, "{storm}");
    let listed = site.ask("claims -o json").json();
    let listed = listed["claims"].as_array().expect("`claims` is promised");
    assert!(listed.iter().all(|claim| claim["kernel"] == "reserved" && claim["state"] == "unbound"));
    let reserved = site.run(RESERVED).stdout;
    let reserved: BTreeSet<u16> = reserved.trim().split(',').flat_map(range).collect();
    let claimed: BTreeSet<u16> = numbers.iter().map(|number| number.parse().expect("a number")).collect();
    assert_eq!(reserved, claimed, "as Python reads it");
    // A scanning picker finds the same free port again and again: the control that the storm is one.
    let pick =
        "for p in $(seq 30000 30400); do ss -Hltn \"sport = :$p\" | grep -q . || { echo $p; break; }; done";
    let picked = site.run(&format!("seq 50 | xargs -P25 -I@ sh -c '{}'", pick.replace('\'', "")));
    assert!(picked.stdout.lines().collect::<BTreeSet<_>>().len() < 50, "{}", picked.stdout);
}

fn range(text: &str) -> std::ops::RangeInclusive<u16> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    first.parse().expect("a number")..=last.parse().expect("a number")
}

/// No client is ever handed a claimed number, and each of the others is handed out.
#[test]
fn the_kernel_hands_a_claimed_port_to_nobody() {
    let site = site();
    site.run("sysctl -w net.ipv4.ip_local_port_range='40000 42199'");
    site.run("portreeve claim pool 40010-40019/tcp");
    let handed_out: Vec<u16> = serde_json::from_str(&site.run(HANDED_OUT).stdout).expect("a list");
    assert!(!handed_out.iter().any(|port| (40_010..=40_019).contains(port)), "{handed_out:?}");
    assert!(handed_out.len() > 500, "the rest is handed out: {}", handed_out.len());
    // A number that is reserved may still be bound by name, by whoever claimed it.
    site.run("systemd-run -q -u held python3 -c 'import socket,time; s=socket.socket(); s.bind((\"\", 40015)); s.listen(); time.sleep(600)'");
    site.run("timeout 10 sh -c 'until ss -Hltn \"sport = :40015\" | grep -q .; do sleep 0.1; done'");
    assert_eq!(state_of(&site, "pool"), "held");
    site.run("portreeve release pool");
    assert_eq!(site.run(RESERVED).stdout.trim(), "");
}

fn state_of(site: &Site, name: &str) -> Value {
    let listed = site.ask("claims -o json").json();
    let claims = listed["claims"].as_array().expect("`claims` is promised").clone();
    let claim = claims.into_iter().find(|claim| claim["name"] == name).expect("it is listed");
    claim["state"].clone()
}

/// What stands in the way is told, whoever it is, and nothing is written.
#[test]
fn a_refusal_names_who_stands_in_the_way() {
    let site = site();
    let refused = |arguments: &str| {
        let output = site.ask(&format!("claim {arguments} -o json"));
        assert_eq!(output.status, 4, "{output:#?}");
        output.json()
    };
    site.run("portreeve claim web 8080/tcp");
    assert_eq!(refused("other 8080/tcp")["owner"]["name"], "web");
    assert_eq!(refused("other 8000-8100/tcp")["refused"], "port-held");
    assert_eq!(refused("web 8081/tcp")["refused"], "name-held");
    assert_eq!(refused("letters 25/tcp")["refused"], "well-known");
    site.run("systemd-run -q -u taken python3 -c 'import socket,time; s=socket.socket(); s.bind((\"\", 8443)); s.listen(); time.sleep(600)'");
    site.run("timeout 10 sh -c 'until ss -Hltn \"sport = :8443\" | grep -q .; do sleep 0.1; done'");
    assert_eq!(refused("tls 8443/tcp")["refused"], "port-bound");
    site.run("portreeve claim tls 8443/tcp --force-bound");
    site.run("install -d /etc/portreeve; printf 'version = 1\\n[service.db]\\nports = [\"25432/tcp\"]\\nowner = { unit = \"db.service\" }\\n' > /etc/portreeve/policy.toml");
    let declared = refused("mine 25432/tcp");
    assert_eq!(declared["refused"], "port-declared");
    assert!(declared["text"].as_str().is_some_and(|text| text.contains("policy.toml:2")), "{declared}");
    let names: Vec<Value> = site.ask("claims -o json").json()["claims"]
        .as_array()
        .expect("`claims` is promised")
        .iter()
        .map(|claim| claim["name"].clone())
        .collect();
    assert_eq!(names, [json!("web"), json!("tls")]);
}

/// A ledger that is gone is never taken for a new one, and one that is put back is the old one.
#[test]
fn a_ledger_that_is_gone_is_missed() {
    let site = site();
    let port = site.run("portreeve claim web").stdout;
    site.run("mv /var/lib/portreeve/ledger/ledger.db /root/kept");
    for arguments in ["claim other", "claims", "release web"] {
        assert_eq!(site.ask(arguments).status, 5, "{arguments}");
    }
    site.run(
        "test ! -e /var/lib/portreeve/ledger/ledger.db && mv /root/kept /var/lib/portreeve/ledger/ledger.db",
    );
    assert_eq!(site.run("portreeve claim web").stdout, port);
}

/// A claim ends with its process, and nobody who gets its number again is taken for it.
#[test]
fn a_claim_ends_with_its_process() {
    let site = site();
    site.run("systemd-run -q -u worker sleep 600");
    let pid = site.run("systemctl show -p MainPID --value worker").stdout;
    let port = site.run(&format!("portreeve claim job --while-pid {}", pid.trim())).stdout;
    assert_eq!(state_of(&site, "job"), "unbound");
    site.run("systemctl stop worker");
    assert_eq!(state_of(&site, "job"), "stale");
    let next = site.run(&format!("portreeve claim next {}", port.trim())).stdout;
    assert_eq!(next, port, "what ended is free");
}

#[test]
fn a_namespace_is_known_by_its_name() {
    let site = site();
    site.run("ip netns add blue && ip netns exec blue portreeve claim inside 25100/tcp");
    let held = site.ask("claim outside 25100/tcp --scope netns:blue -o json");
    assert_eq!((held.status, &held.json()["refused"]), (4, &json!("port-held")), "{held:#?}");
    assert_eq!(held.json()["owner"]["state"], json!("elsewhere"), "{held:#?}");
    assert!(held.stdout.contains("who listens there is not seen from here"), "{held:#?}");
    let beside = site.ask("claim beside 25101/tcp --scope netns:blue -o json").json();
    assert_eq!(beside["kernel"], json!("unreserved"), "{beside}");
    assert_eq!(site.run(RESERVED).stdout.trim(), "");
    assert_eq!(site.ask("claim mine --scope user:1000").status, 2);
    let listed = site.ask("claims").stdout;
    assert!(listed.contains("inside (netns:blue)") && !listed.contains("unreserved"), "{listed}");
}

/// Whoever watches is told what becomes of a claim when it happens, and that the kernel lost it.
#[test]
fn a_claim_that_ends_is_told_to_whoever_watches() {
    let site = site();
    site.run("portreeve claim stays 20500/tcp && portreeve claim soon 20501/tcp --lease 3s");
    let watched = site.run("timeout 12 portreeve claims --watch -o ndjson; true").stdout;
    let lines: Vec<Value> =
        watched.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    let told: Vec<&str> = lines.iter().filter_map(|line| line["state"].as_str()).collect();
    assert_eq!(told, ["unbound", "unbound", "unbound", "stale"], "{watched}");
    assert_eq!((&lines[2]["claims"], &lines[2]["name"]), (&json!(2), &Value::Null), "{watched}");
    site.run("sysctl -qw net.ipv4.ip_local_reserved_ports=9999");
    let listed = site.ask("claims").stdout;
    assert!(listed.contains("unbound, unreserved"), "{listed}");
    let range = site.run("portreeve claim many 20600-20609/tcp --env").stdout;
    assert_eq!(range, "export PORT=20600 PORT_LAST=20609\n");
}

/// Before the first claim there is nothing to tell, and whoever watches hears of that one.
#[test]
fn the_first_claim_is_told_to_whoever_watches() {
    let site = site();
    let claim = "(sleep 1; portreeve claim first 20500 >/dev/null) &";
    let watched = site.run(&format!("{claim} timeout 6 portreeve claims --watch -o ndjson; true")).stdout;
    let last = watched.lines().last().unwrap_or_default();
    let told: Value = serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {watched}"));
    assert_eq!((&told["name"], &told["port"]), (&json!("first"), &json!(20_500)), "{watched}");
}

/// What a hint says can be typed as it stands.
#[test]
fn a_user_of_the_hosts_ledger_becomes_a_member_as_he_is_told() {
    let site = site();
    site.run("portreeve claim web 20500/tcp");
    let asked = "claim mine --ledger /var/lib/portreeve/ledger/ledger.db";
    let denied = site.ask_as("dev", asked);
    assert_eq!(denied.status, 7, "{denied:#?}");
    let (_, group) = denied.stderr.split_once("sudo sh -c ").expect("what makes the group");
    let (group, member) = group.split_once(", and become a member of it (sudo ").expect("who joins it");
    let (member, _) = member.split_once(" $USER").expect("whom");
    site.run(&format!("sh -c {group} && {member} dev"));
    let port = site.run(&format!("setpriv --reuid dev --regid dev --init-groups portreeve {asked}"));
    assert!(port.stdout.trim().parse::<u16>().is_ok(), "{port:#?}");
}

/// Whoever may not write the host's ledger has one of his own, and is told that nobody else obeys it; a member of the group
/// writes the host's.
#[test]
fn a_user_has_a_ledger_of_his_own_and_a_member_the_hosts() {
    let site = site();
    site.run("groupadd portreeve");
    site.run("portreeve claim web 20500/tcp");
    let own = site.ask_as("dev", "claim mine -o json").json();
    assert_eq!((&own["scope"], &own["kernel"]), (&json!("user:1000"), &json!("unreserved")));
    let hosts = site.ask_as("dev", "claim other 20500/tcp -o json");
    assert_eq!((hosts.status, &hosts.json()["refused"]), (4, &json!("port-reserved")));
    for words in ["claims", "ledger check", "ledger export"] {
        let closed = site.ask_as("dev", &format!("{words} --ledger /var/lib/portreeve/ledger/ledger.db"));
        assert_eq!((closed.status, closed.stdout.as_str()), (7, ""), "{words}: {closed:#?}");
    }
    site.run("usermod -aG portreeve dev");
    let member =
        site.run("setpriv --reuid dev --regid dev --init-groups portreeve claim shared -o json").json();
    assert!(member["scope"].as_str().is_some_and(|scope| scope.starts_with("host:")), "{member}");
    assert_eq!((&member["claimant"]["uid"], &member["kernel"]), (&json!(1000), &json!("unreserved")));
    let refused =
        site.run("setpriv --reuid dev --regid dev --init-groups portreeve release web; echo $?").stdout;
    assert_eq!(refused.trim(), "4", "somebody else's is not his");
    // Where nobody can write it stays the host's.
    let ledger = "/var/lib/portreeve/ledger";
    site.run(&format!("mount --bind {ledger} {ledger} && mount -o remount,bind,ro {ledger}"));
    let member = |words: &str| format!("setpriv --reuid dev --regid dev --init-groups portreeve {words}");
    assert!(site.run(&member("claims")).stdout.contains("web"));
    let closed = site.run(&format!("{} 2>&1; echo $?", member("claim late"))).stdout;
    assert!(closed.contains("the file system is read-only") && closed.ends_with("7\n"), "{closed}");
    site.run(&format!("umount {ledger}"));
    site.run("portreeve claims --repair");
    assert_eq!(site.run(RESERVED).stdout.trim().split(',').count(), 2);
}
