//! Whether the servers of Debian answer what `scan` asks each protocol of UDP first (A17, A20): the twin of [`super::scanned_udp`].

use std::path::Path;

use portreeve_lab::{Chroot, Output};
use serde_json::Value;

use super::site::{PORTREEVE, lab};

/// `far` is who is scanned, over a wire.
const FAR: &str = "set -e; ip netns add far; ip link add near type veth peer name end netns far; ip address add 198.51.100.1/24 dev near; \
                   ip address add 2001:db8:51::1/64 dev near nodad; ip link set near up; ip -n far address add 198.51.100.2/24 dev end; \
                   ip -n far address add 2001:db8:51::2/64 dev end nodad; ip -n far link set end up; ip -n far link set lo up; \
                   ip -n far link add out type veth peer name outer; ip -n far address add 203.0.113.5/24 dev out; ip -n far link set out up; \
                   ip -n far link set outer up";

/// Each as Debian has it, with the least that it needs to be told: nobody else is asked, no clock is set, and the gateway is told an
/// address of its own as it takes none of those that are set aside for examples.
const SERVE: &str = r#"
mkdir -p /run/chrony /srv/tftp
dnsmasq -k --conf-file=/dev/null --no-resolv --no-hosts --user=root --enable-tftp --tftp-root=/srv/tftp &
printf 'allow\nlocal stratum 10\ncmdport 0\n' >/tmp/chrony.conf
chronyd -d -x -u root -f /tmp/chrony.conf &
printf 'agentaddress udp:161,udp6:161\nrocommunity public\n' >/tmp/snmpd.conf
snmpd -f -Lo -C -c /tmp/snmpd.conf &
printf '{\nskip_install_trust\nadmin off\nauto_https disable_redirects\n}\nhttps://198.51.100.2 {\ntls internal\nrespond "x"\n}\n' >/tmp/Caddyfile
HOME=/tmp caddy run --config /tmp/Caddyfile --adapter caddyfile &
/usr/lib/ipsec/charon &
sed 's/#enable-dbus=yes/enable-dbus=no/' /etc/avahi/avahi-daemon.conf >/tmp/avahi.conf
avahi-daemon -f /tmp/avahi.conf --no-drop-root --no-chroot --no-rlimits &
printf 'ext_ifname=out\next_ip=5.5.5.5\nlistening_ip=end\nenable_natpmp=no\nenable_upnp=yes\n' >/tmp/upnp.conf
miniupnpd -d -f /tmp/upnp.conf &
"#;

const PORTS: [u64; 9] = [53, 69, 123, 161, 443, 500, 1900, 4500, 5353];

fn run(host: &Chroot, command: &str) -> Output {
    let output = lab(host.run(command));
    assert_eq!(output.status, 0, "{command}: {output:#?}");
    output
}

/// A host whose neighbour serves all of them, by either family.
fn boot() -> Chroot {
    let host = lab(Chroot::create(Path::new(PORTREEVE)));
    run(&host, FAR);
    lab(host.write("/tmp/serve", SERVE));
    run(&host, "ip netns exec far sh /tmp/serve </dev/null >/tmp/served 2>&1 &");
    let heard = "ip netns exec far ss -Hlun | awk '{print $4}' | sed 's/.*://' | sort -n | uniq -c";
    let wait = format!(
        "for i in $(seq 400); do [ \"$({heard} | grep -Ec ' ({})$')\" = 9 ] && exit; sleep 0.1; done; {heard}; grep -v sendto /tmp/served; exit 1",
        alternatives()
    );
    run(&host, &wait);
    host
}

fn alternatives() -> String {
    PORTS.map(|port| port.to_string()).join("|")
}

fn numbers(scan: &Value, seen: &str) -> Vec<u64> {
    let ports = scan["ports"].as_array().expect("there is a list").iter();
    ports.filter(|port| port["seen"] == seen).map(|port| port["port"].as_u64().expect("a number")).collect()
}

#[test]
fn the_servers_of_debian_answer_what_each_protocol_is_asked_first() {
    let host = boot();
    let asked = PORTS.map(|port| format!("{port}/udp")).join(" ");
    for target in ["198.51.100.2", "2001:db8:51::2"] {
        let scan =
            run(&host, &format!("portreeve scan {target} {asked} 9999/udp --all --policy none -o json"));
        let scan: Value = serde_json::from_str(&scan.stdout).expect("it is JSON");
        let served = || run(&host, "cat /tmp/served").stdout;
        assert_eq!(numbers(&scan, "open"), PORTS, "{target}: {scan:#}\n{}", served());
        assert_eq!(numbers(&scan, "closed"), [9999], "{target}: {scan:#}");
    }
}
