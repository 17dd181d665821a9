//! Whoever takes portreeve from a host finds it as it was before (A20, A26).

use portreeve_lab::profile;

use super::site::{Site, lab};

const POLICY: &str = r#"version = 1
[service.ssh]
ports = ["22/tcp"]
owner = { unit = "ssh.service" }
reach = "world"
guard = "observe"
[service.web]
ports = ["40000-40009/tcp"]
owner = { unit = "nginx.service" }
[service.all]
ports = ["8000-8003/tcp"]
address = ["198.51.100.77"]
owner = { unit = "ssh.service" }
steer = { when_dead = "refuse", target_port = 22 }
"#;
/// What the kernel has, what systemd knows, and what lies where portreeve keeps things.
const STATE: &str = "cat /proc/sys/net/ipv4/ip_local_reserved_ports; nft list ruleset; ls -A /sys/fs/bpf; systemctl list-unit-files; ls -A /var/lib/portreeve /run/portreeve 2>&1; ls /etc/cron.d; grep portreeve /proc/mounts";

#[test]
fn nothing_is_left_but_the_policy_and_the_program() {
    let site = Site::boot(&profile::WEB);
    site.run("mount -t bpf bpf /sys/fs/bpf && mount -o remount,rw /proc/sys && groupadd portreeve");
    site.run("echo 40100 > /proc/sys/net/ipv4/ip_local_reserved_ports");
    lab(site.host.write("/etc/portreeve/policy.toml", POLICY));
    let state = || lab(site.host.run(STATE)).stdout;
    let before = state();
    site.run("portreeve apply --no-trial --no-session && portreeve gate enable && portreeve schedule daily");
    site.run("portreeve claim shop && portreeve doctor --pin --group portreeve");
    site.run("portreeve claim other 41000/tcp --ledger /root/other.db");
    let between = state();
    assert!(
        between.contains("portreeve-boot.service") && between.contains("40000-40009,40100,41000"),
        "{between}"
    );
    // Nobody who is not asked, or does not say yes, takes anything away.
    assert_eq!(site.ask_as("dev", "purge --yes").status, 2);
    assert_eq!(site.ask("purge --no-session").status, 2);
    let asked = |answer: &str| {
        let typed = format!("printf '{answer}\\n' | script -qec 'portreeve purge --no-session' /dev/null");
        lab(site.host.run(&typed))
    };
    let elsewhere = "ip netns add x; nsenter --net=/run/netns/x portreeve purge --yes";
    assert_eq!(lab(site.host.run(elsewhere)).status, 2, "what the host has in the kernel is not seen there");
    let refused = asked("no");
    assert!(refused.stdout.contains("Nothing was taken away"), "{refused:#?}");
    assert_eq!(state(), between);
    let purged = asked("yes");
    assert!(purged.stdout.contains("Nothing of portreeve's is left"), "{purged:#?}");
    assert_eq!(state(), before);
    site.run("test -e /etc/portreeve/policy.toml && portreeve purge --yes --no-session");
}
