//! A flood from forged sources fills the sets by which the gate tells sources apart: whoever looks at the gate or changes it meanwhile
//! reads none of that (A15, A16, A19).

use portreeve_lab::profile;

use super::site::{Site, lab};

const POLICY: &str = r#"version = 1
[service.ssh]
ports = ["22/tcp"]
owner = { unit = "ssh.service" }
reach = "world"
"#;
/// As many sources as the gate tells apart, as packets would put them there.
const SOURCES: &str = r#"seq 0 65535 | awk 'BEGIN { printf "add element inet portreeve told4 { " }
    { printf "%s10.%d.%d.7 timeout 1h limit rate 10/second burst 50 packets", NR > 1 ? ", " : "", $1 / 256, $1 % 256 }
    END { print " }" }' | nft -f -"#;
/// nft takes 130 MB to list all of them, and 4 MB to list the rest.
const BYTES_MAX: u32 = 64 << 20;

fn flooded() -> Site {
    let site = Site::boot(&profile::BARE);
    // Changes are rehearsed.
    site.run("mount -o remount,rw /proc/sys");
    lab(site.host.write("/etc/portreeve/policy.toml", POLICY));
    site.run("portreeve apply --no-trial --no-session");
    site.run("portreeve watch block 203.0.113.1 --for 1h");
    site.run(SOURCES);
    site
}

/// What `portreeve` prints where neither it nor what it starts gets more memory.
fn within(site: &Site, arguments: &str) -> String {
    site.run(&format!("prlimit --data={BYTES_MAX} portreeve {arguments}")).stdout
}

fn drifted(site: &Site) -> bool {
    let said = lab(site.host.run(&format!("prlimit --data={BYTES_MAX} portreeve audit -o json")));
    assert!(said.status <= 1 && !said.stdout.contains("\"gaps\":[{\"kind\":\"firewall"), "{said:#?}");
    said.stdout.contains("gate-drifted")
}

#[test]
fn whoever_blocks_in_a_flood_reads_none_of_it() {
    let site = flooded();
    within(&site, "watch block 203.0.113.2 --for 1h");
    let kept = within(&site, "watch list");
    assert!(kept.contains("203.0.113.1") && kept.contains("203.0.113.2"), "{kept}");
    assert!(within(&site, "gate status").contains("The gate stands"));
    within(&site, "undo");
    assert!(!site.run("nft list set inet portreeve blocked4").stdout.contains("203.0.113.2"));
    // A change is rehearsed in a copy of the gate.
    lab(site.host.write("/etc/portreeve/policy.toml", &POLICY.replace("22/tcp", "2222/tcp")));
    within(&site, "apply --no-trial --no-session");
    assert!(within(&site, "watch list").contains("203.0.113.1"), "who is kept out stays so");
}

#[test]
fn what_somebody_changes_in_a_flood_is_found() {
    let site = flooded();
    assert!(!drifted(&site));
    for (set, element) in [("a_world_tcp", "8080"), ("open_world_tcp", "4444"), ("layout", "7")] {
        let change =
            |verb: &str| site.run(&format!("nft {verb} element inet portreeve {set} '{{ {element} }}'"));
        change("add");
        assert!(drifted(&site), "{set}");
        change("delete");
        assert!(!drifted(&site), "{set}");
    }
    site.run("nft add rule inet portreeve a_input 'tcp dport { 8080, 8081 } accept'");
    assert!(drifted(&site));
}
