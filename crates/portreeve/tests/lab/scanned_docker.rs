//! What a neighbour sees of a port that ufw denies and Docker publishes, beside what is said of it (A17, A20).

use serde_json::Value;

use super::site::Site;

/// Scans a host with such a port from a namespace beside it: 8080 is open though ufw denies it, 80 is what ufw says.
#[track_caller]
pub(super) fn a_neighbour_sees_what_docker_publishes_past_ufw(site: &Site) {
    site.run(
        "set -e; ip netns add beside; ip link add next type veth peer name near netns beside; ip address add 192.0.2.1/24 dev next; \
         ip link set next up; ip -n beside address add 192.0.2.2/24 dev near; ip -n beside link set near up; \
         portreeve snapshot > /tmp/host.json",
    );
    let told = |arguments: &str| {
        let arguments = format!("scan 192.0.2.1 22 80 8080 --against /tmp/host.json {arguments}");
        site.run(&format!("ip netns exec beside portreeve {arguments}")).stdout
    };
    let scan: Value = serde_json::from_str(&told("-o json --fail-on never")).expect("it is JSON");
    let ports = scan["ports"].as_array().expect("a list").iter();
    let seen: Vec<_> =
        ports.map(|it| (it["port"].as_u64(), it["seen"].as_str(), it["said"].as_str())).collect();
    let is_told = |said| seen.contains(&(Some(8080), Some("open"), Some(said)));
    assert!(is_told("reachable") || is_told("partly"), "{scan:#}");
    assert!(seen.contains(&(Some(80), Some("silent"), Some("dropped"))), "{scan:#}");
    let findings = scan["findings"].as_array().expect("a list").iter();
    let found: Vec<_> = findings.map(|it| (it["rule"].as_str(), it["port"].as_u64())).collect();
    assert_eq!(found, [(Some("says-closed-is-open"), Some(8080))], "{scan:#}");
    let table = told("--fail-on never");
    let row = table.lines().find(|line| line.trim_start().starts_with("8080/tcp")).expect("it is told");
    assert!(row.contains("open") && row.contains("says-closed-is-open"), "{table}");
    let connects = |port: u16| {
        let command = format!("ip netns exec beside nc -z -w 1 192.0.2.1 {port} && echo yes || echo no");
        site.run(&command).stdout == "yes\n"
    };
    assert!(connects(8080) && !connects(80), "netcat finds the same");
    site.run("ip netns del beside");
}
