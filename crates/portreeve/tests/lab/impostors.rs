//! Somebody who only looks like the owner that a policy names by its executable (A24).

use portreeve_lab::profile;

use super::site::{Site, lab};

/// Two services, each owned by its executable.
const POLICY: &str = "version = 1
[service.store]
ports = [\"6379/tcp\"]
owner = { exe = \"/usr/bin/redis-check-rdb\" }
address = [\"127.0.0.1\", \"::1\"]
[service.door]
ports = [\"8001/tcp\"]
owner = { exe = \"/usr/sbin/sshd\" }
reach = \"world\"
[service.ssh]
ports = [\"22/tcp\"]
owner = { exe = \"/usr/sbin/sshd\" }
reach = \"world\"
";

/// A path proves an owner where the host has that very file at it, also from within a mount namespace of the owner's
/// (as its unit's `ProtectSystem=` makes one), and nobody where something else was mounted there.
#[test]
fn a_file_mounted_over_the_owners_proves_nobody() {
    let site = Site::boot(&profile::STORE);
    lab(site.host.write("/etc/portreeve/policy.toml", POLICY));
    let apart = site.run("readlink /proc/self/ns/mnt /proc/$(pidof -s redis-server)/ns/mnt").stdout;
    let apart: Vec<_> = apart.lines().collect();
    assert_ne!(apart[0], apart[1], "redis has a mount namespace of its own");
    let answer = site.ask("audit -o json").json();
    assert!(site.audit("", 1).iter().all(|found| found.rule != "stolen-port"), "{answer:#}");
    assert!(undecided(&answer).is_none(), "{answer:#}");

    let mounted = "mount --bind /usr/bin/python3.11 /usr/sbin/sshd";
    let nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups";
    let serve = "/usr/sbin/sshd -m http.server 8001";
    let _impostor = lab(site
        .host
        .start_as("root", &format!("unshare --mount sh -c '{mounted} && cd /tmp && exec {nobody} {serve}'")));
    site.run("for i in $(seq 200); do ss -Hltn sport = :8001 | grep . && exit 0; sleep 0.05; done; exit 1");
    let answer = site.ask("audit -o json").json();
    assert_eq!(undecided(&answer).as_deref(), Some("8001/tcp"), "{answer:#}");
}

/// A service in a user namespace of its own has every capability there, and none over the host (user_namespaces(7)).
#[test]
fn all_capabilities_of_a_user_namespace_are_not_all_privileges() {
    let site = Site::boot(&profile::BARE);
    let serve = "/usr/bin/python3 -m http.server 8002";
    site.run(&format!("systemd-run --unit=apart --property=PrivateUsers=yes {serve}"));
    site.run("for i in $(seq 200); do ss -Hltn sport = :8002 | grep . && exit 0; sleep 0.05; done; exit 1");
    let snapshot = site.run("portreeve snapshot").json();
    let processes = snapshot["processes"].as_object().expect("`processes` is promised");
    let apart = processes.values().find(|process| process["unit"] == "apart.service");
    assert_eq!(
        apart.map(|process| &process["privilege"]),
        Some(&serde_json::json!("some")),
        "{processes:#?}"
    );
    assert!(site.audit("--fail-on never", 0).iter().all(|found| found.rule != "runs-as-root"));
}

/// The ports whose holders could not be told from their owners.
fn undecided(answer: &serde_json::Value) -> Option<String> {
    let gaps = answer["gaps"].as_array().expect("`gaps` is promised");
    let gap = gaps.iter().find(|gap| gap["what"] == "undecided-owners")?;
    gap["detail"].as_str().map(str::to_owned)
}
