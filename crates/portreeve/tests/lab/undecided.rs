//! Why nobody is led to is told before and after, and who has no socket yet is waited for (A5, A12, A26).

use std::{thread, time::Duration};

use portreeve_lab::profile;

use super::site::{Site, lab};

const POLICY: &str = r#"version = 1
[service.ssh]
ports = ["22/tcp"]
owner = { unit = "ssh.service" }
reach = "world"
[service.web]
ports = ["80/tcp", "443/tcp"]
address = ["198.51.100.1"]
owner = { unit = "nginx.service" }
reach = "world"
steer = { when_dead = "pass" }
[service.shop]
ports = ["8080/tcp", "8080/udp"]
address = ["198.51.100.1"]
owner = { unit = "shop.service" }
reach = "world"
steer = { when_dead = "refuse", target_port = 9000 }
"#;
const SHOP: &str = "systemctl stop shop; systemd-run -q -u shop sh -c 'python3 -m http.server 9500 --bind 127.0.0.1 & exec python3 -m http.server 9000 --bind 127.0.0.1'";
/// A server that is half up.
const OTHER: &str = "systemd-run -q -u shop python3 -m http.server 9500 --bind 127.0.0.1 && timeout 5 sh -c 'until ss -Htln | grep -q :9500; do sleep 0.1; done'";

#[test]
fn why_nobody_is_led_to_is_told() {
    let site = Site::boot(&profile::WEB);
    site.run("mount -t bpf bpf /sys/fs/bpf && mount -o remount,rw /proc/sys");
    lab(site.host.write("/etc/portreeve/policy.toml", POLICY));
    let several =
        "warning: nothing is led to web: its ports have a socket each, and a service is led to one: pid ";
    let nobody = "warning: nothing is led to shop: no owner of it has a socket";
    for command in ["plan --no-session", "apply --no-trial --no-session", "plan --no-session"] {
        let said = site.ask(command).stderr;
        assert!(said.contains(several) && said.contains(nobody), "{command}: {said}");
    }
    assert!(!site.ask("plan --no-session -q").stderr.contains("warning"));

    // It comes while somebody waits, as a unit's own start does; that it opens another port first is nothing that is waited for.
    assert_eq!(site.ask("steer register shop --wait 300ms").status, 5);
    site.run(OTHER);
    let refused = site.ask("steer register shop --wait 300ms");
    assert!(
        refused.stderr.contains("listens on 9500/tcp, and not on the port that is meant"),
        "{refused:#?}"
    );
    assert_eq!(refused.status, 5, "{refused:#?}");
    let registered = thread::scope(|scope| {
        // Of udp nobody ever comes.
        let asked = scope.spawn(|| site.ask("steer register shop --wait 20s"));
        thread::sleep(Duration::from_secs(1));
        site.run(SHOP);
        site.run("timeout 10 bash -c 'until : >/dev/tcp/198.51.100.1/8080; do sleep 0.1; done'");
        assert!(!asked.is_finished(), "the rest is waited for");
        asked.join().expect("it answers")
    });
    assert_eq!(registered.status, 0, "{registered:#?}");
    let partly = "warning: some of what is led to shop finds no socket, by udp over IPv4";
    assert!(registered.stderr.contains(partly), "{registered:#?}");
    assert_eq!(site.fetch("curl -s -o /dev/null -w '%{http_code}' http://198.51.100.1:8080/"), "200");
    assert_eq!(site.ask("steer status --wait 1s").status, 2);
}
