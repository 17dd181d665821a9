//! A watch that cannot write down what it finds says so, and so does whoever is asked of it (A19, A20).

use std::{thread, time::Duration};

use portreeve_lab::profile;

use super::site::{Site, lab};

const POLICY: &str = "version = 1\n[service.ssh]\nports = [\"22/tcp\"]\nowner = { unit = \"ssh.service\" }\nreach = \"world\"\n";
/// A state of its own on a disk that is full but for what is there.
const FULL: &str = "mkdir -p /var/lib/portreeve && mount -t tmpfs -o size=64k tmpfs /var/lib/portreeve \
    && portreeve watch enable && (cat /dev/zero >/var/lib/portreeve/fill; true)";
/// Longer than a watch that runs lets pass without a word.
const LATE: Duration = Duration::from_secs(65);

#[test]
fn a_full_disk_is_told_by_the_watch_and_by_whoever_is_asked() {
    let site = Site::boot(&profile::BARE);
    lab(site.host.write("/etc/portreeve/policy.toml", POLICY));
    site.run(FULL);
    thread::sleep(LATE);
    let said = site.run("journalctl -u portreeve-watch -o cat --no-pager").stdout;
    assert!(said.contains("told.json cannot be written"), "{said}");
    for asked in ["watch status", "why 203.0.113.7"] {
        let said = site.ask(asked);
        assert!(
            said.status == 0 && said.stdout.contains("could not write down what it has found since"),
            "{said:#?}"
        );
    }
    site.run("rm /var/lib/portreeve/fill; sleep 3");
    let said = site.ask("watch status").stdout;
    assert!(!said.contains("could not write"), "{said}");

    // What is broken is begun anew, and that is said.
    site.run(
        "systemctl stop portreeve-watch; cd /var/lib/portreeve/watch; echo x >told.json; echo x >usual.json",
    );
    let said = site.run("portreeve watch --for 1s").stdout;
    assert!(said.contains("told.json is broken") && said.contains("usual.json is broken"), "{said}");
}
