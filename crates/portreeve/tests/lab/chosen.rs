//! Numbers that the real kernel chooses are told from those that a person chose (A9, A10).

use portreeve_lab::profile;

use super::site::{Found, Site, found, lab};

/// Listens in every way that leaves the number to the kernel, 16 times each; then on the numbers it is given.
const LOTTERY: &str = r#"
import signal, socket, sys

def listener(family, address, reuse):
    made = socket.socket(family)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
    if address:
        made.bind(address)
    made.listen()
    return made

V4, V6 = socket.AF_INET, socket.AF_INET6
ways = [(V4, ("0.0.0.0", 0), 0), (V4, ("0.0.0.0", 0), 1), (V4, None, 0), (V6, ("::", 0), 0)]
held = [listener(*way) for way in ways for _ in range(16)]
held += [listener(V4, ("0.0.0.0", int(port)), 1) for port in sys.argv[1:]]
for _ in range(16):
    held.append(socket.socket(V4, socket.SOCK_DGRAM))
    held[-1].bind(("0.0.0.0", 0))
print("ready", flush=True)
signal.pause()
"#;

/// How many TCP listeners the kernel chose the number of.
const CHOSEN_BY_KERNEL: usize = 64;

/// How many UDP sockets it chose the number of.
const DATAGRAM_SOCKETS: usize = 16;

/// Whatever the range begins with, a listener that the kernel chose the number of has the other parity (A9, A10).
#[test]
fn the_kernel_gives_listeners_numbers_of_the_other_parity() {
    let site = Site::boot(&profile::BARE);
    lab(site.host.write("/srv/lottery.py", LOTTERY));
    assert_eq!(in_dynamic_range(&site), []);
    for (first, chosen) in [(32_768, 50_002), (32_769, 50_003)] {
        begin_range_with(&site, first);
        start(&site, chosen);
        let ports = ports(&site);
        assert_eq!(ports.len(), CHOSEN_BY_KERNEL + 1, "the witness: {ports:?}");
        assert!(ports.contains(&chosen), "the witness: {ports:?}");
        let same = ports.iter().filter(|&&port| port != chosen && port % 2 == first % 2);
        assert_eq!(same.count(), 0, "the range begins with {first}: {ports:?}");

        let spec = format!("{chosen}/tcp");
        let unjudged = &site.ask("audit -o json").json()["unjudged"];
        assert_eq!(unjudged, DATAGRAM_SOCKETS, "who chose a UDP number is told by nothing, and that is told");
        assert_eq!(in_dynamic_range(&site), [found(&spec, "service-in-dynamic-range", "warning")]);
        site.run("systemctl stop lottery.service");
    }
}

/// The host's own /proc/sys cannot be written, as in any container.
fn begin_range_with(site: &Site, first: u16) {
    site.run(&format!(
        "mkdir -p /run/proc && mount -t proc proc /run/proc && \
         echo {first} 60999 >/run/proc/sys/net/ipv4/ip_local_port_range && umount /run/proc"
    ));
}

fn start(site: &Site, chosen: u16) {
    site.run(&format!(
        "systemd-run --collect --unit=lottery.service /usr/bin/python3 /srv/lottery.py {chosen}"
    ));
    let ready = "journalctl -u lottery.service -o cat | tail -1 | grep -qx ready";
    site.run(&format!("for i in $(seq 200); do {ready} && exit 0; sleep 0.05; done; exit 1"));
}

/// Every number of the unit's TCP listeners, as `ss` sees them.
fn ports(site: &Site) -> Vec<u16> {
    let said = site.run("ss -Hltnp | grep python3").stdout;
    let local = said.lines().filter_map(|line| line.split_whitespace().nth(3));
    local.filter_map(|local| local.rsplit(':').next()?.parse().ok()).collect()
}

fn in_dynamic_range(site: &Site) -> Vec<Found> {
    let all = site.audit("--fail-on never", 0);
    all.into_iter().filter(|found| found.rule == "service-in-dynamic-range").collect()
}
