//! Where the guard keeps who opened each socket, listeners are told the quick way; and whoever else has one, where everybody is
//! asked (A12, A24).

use std::collections::BTreeSet;

use portreeve_lab::profile;
use serde_json::Value;

use super::site::{Site, lab};

const POLICY: &str = r#"version = 1
[service.web]
ports = ["80/tcp", "443/tcp"]
owner = { unit = "nginx.service" }
guard = "enforce"
"#;
/// Takes a descriptor of another process (pidfd_getfd(2)), without binding anything.
const THIEF: &str = r#"
import ctypes, os, sys, time
pidfd = os.pidfd_open(int(sys.argv[1]))
assert ctypes.CDLL(None).syscall(438, pidfd, int(sys.argv[2]), 0) >= 0
time.sleep(99)
"#;

/// The processes that hold 80/tcp, and whether all were asked.
fn holders(site: &Site, arguments: &str) -> (BTreeSet<u64>, bool) {
    let told = site.run(&format!("portreeve ls {arguments} -o json")).json();
    let all = told["listeners"].as_array().expect("`listeners` is promised");
    let web: Vec<&Value> = all.iter().filter(|it| it["port"] == 80).collect();
    let holders = web.iter().flat_map(|it| it["holders"].as_array().expect("`holders` is promised"));
    let pids = holders.map(|holder| holder["pid"].as_u64().expect("a number")).collect();
    (pids, all.iter().all(|it| it["holders_complete"] == true))
}

#[test]
fn listeners_are_told_by_the_record_and_everybody_is_asked_where_there_is_none() {
    let site = Site::boot(&profile::WEB);
    site.run("mount -t bpf bpf /sys/fs/bpf && mount -o remount,rw /proc/sys");
    lab(site.host.write("/etc/portreeve/policy.toml", POLICY));
    lab(site.host.write("/srv/thief.py", THIEF));
    site.run("portreeve apply --no-trial --no-session");
    assert!(holders(&site, "").1, "what was bound before has no record");
    site.run("systemctl restart nginx ssh");
    let nginx: BTreeSet<u64> =
        site.run("pgrep nginx").stdout.lines().map(|pid| pid.parse().expect("a number")).collect();
    assert!(nginx.len() > 1, "it has workers");
    assert_eq!(holders(&site, ""), (nginx.clone(), false));
    assert_eq!(holders(&site, "--full"), (nginx.clone(), true));
    assert!(holders(&site, "nginx").1, "by whose name is asked");

    // A stranger with a copy has not opened it.
    let main = site.run("systemctl show -P MainPID nginx").stdout.trim().to_owned();
    let socket = "$(ss -Hltnp sport = :80 | grep -o 'fd=[0-9]*' | head -n 1 | cut -c 4-)";
    // Not by its unit: what contains the lab's first process lets no unit take another's descriptor (seccomp(2)).
    let place = site.run(&format!("echo {main} {socket}")).stdout;
    let thief = lab(site.host.start_as("root", &format!("python3 /srv/thief.py {}", place.trim())));
    let has_it = format!("ls -l /proc/{}/fd | grep -q socket:", thief.pid);
    site.run(&format!("timeout 20 sh -c 'until {has_it}; do sleep 0.1; done'"));
    let mut both = nginx.clone();
    both.insert(thief.pid.into());
    let told = ["", "--full", "-v"].map(|arguments| holders(&site, arguments).0);
    assert_eq!(told, [nginx, both.clone(), both]);
    let audit = site.ask("audit");
    assert!(audit.stdout.contains("stolen-port"), "{audit:#?}");

    // One whose number the kernel chose has no record.
    site.run("systemd-run -q -u chosen python3 -c 'import socket, time; s = socket.socket(); s.listen(); time.sleep(99)'");
    site.run("timeout 10 sh -c 'until ss -Hltnp | grep -v nginx | grep -q python3; do sleep 0.1; done'");
    assert!(holders(&site, "").1);
}
