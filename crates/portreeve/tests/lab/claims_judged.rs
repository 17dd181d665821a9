//! What is claimed beside what is bound: whoever holds it, a thief, and a list that was replaced (A24, A25).

use portreeve_lab::profile;
use serde_json::json;

use super::site::{Found, Site, found, lab};

/// A server of `user` on a port of the loopback.
fn listen(site: &Site, user: &str, port: u16) {
    let server = format!(
        "import socket, time; s = socket.socket(); s.bind(('127.0.0.1', {port})); s.listen(); time.sleep(600)"
    );
    site.run(&format!("systemd-run -q -u at-{port} --uid {user} python3 -c \"{server}\""));
    lab(site.host.wait_for_port(port));
}

fn audit(site: &Site, status: i32) -> Vec<Found> {
    site.audit("--policy /etc/portreeve/policy.toml --fail-on notice", status)
}

/// The claimant's own listener is as it should be, a thief is found, and so is a list that somebody replaced.
#[test]
fn claims_are_judged_with_what_is_bound() {
    let site = Site::boot(&profile::BARE);
    site.run("mount -o remount,rw /proc/sys");
    let policy = "version = 1\n[service.ssh]\nports = [\"22/tcp\"]\nowner = { unit = \"ssh.service\" }\nreach = \"world\"\n";
    site.run("install -d /etc/portreeve");
    lab(site.host.write("/etc/portreeve/policy.toml", policy));
    site.run("groupadd -f portreeve && usermod -aG portreeve dev");
    site.run("portreeve claim first 20500/tcp");
    site.run("runuser -u dev -- portreeve claim shop 20501/tcp");
    site.run("portreeve claims --repair");
    let before = site.audit("--policy /etc/portreeve/policy.toml --fail-on never", 0);
    listen(&site, "dev", 20_501);
    assert_eq!(site.audit("--policy /etc/portreeve/policy.toml --fail-on never", 0), before);
    let who = site.ask("who 20501").stdout;
    assert!(
        who.contains("20501/tcp is claimed for shop by user ") && who.contains("its claimant listens"),
        "{who}"
    );
    let free = site.ask("who 20500").stdout;
    assert!(
        free.contains("is claimed for first by user 0") && free.contains("nobody listens there"),
        "{free}"
    );
    let free = &site.ask("who 20500 -o json").json()["claims"][0];
    assert_eq!(
        (&free["name"], &free["state"], &free["port"]),
        (&json!("first"), &json!("unbound"), &json!(20500))
    );
    let why = site.ask("why 20501").stdout;
    assert!(why.contains("20501/tcp is claimed for shop by user "), "{why}");
    // What is declared is claimed too, and by the policy.
    let declared = &site.ask("claims --policy /etc/portreeve/policy.toml -o json").json()["declared"][0];
    assert_eq!(
        (&declared["service"], &declared["port"], &declared["state"], &declared["place"]),
        (&json!("ssh"), &json!(22), &json!("held"), &json!("/etc/portreeve/policy.toml:2"))
    );
    let listed = site.ask("ls 20501").stdout;
    assert!(listed.contains("shop (claimed)"), "{listed}");

    // Another user takes the number of a claim that is not root's.
    site.run("systemctl stop at-20501");
    listen(&site, "nobody", 20_501);
    let stolen = audit(&site, 1);
    assert!(stolen.contains(&found("20501/tcp", "stolen-port", "critical")), "{stolen:?}");
    site.run("systemctl stop at-20501");

    // A list that was replaced as a whole, as `sysctl --system` does.
    site.run("sysctl -w net.ipv4.ip_local_reserved_ports=9999");
    let replaced = audit(&site, 1);
    assert!(replaced.contains(&found("", "unreserved-claim", "warning")), "{replaced:?}");
    site.run("portreeve claims --repair");
    assert_eq!(site.audit("--policy /etc/portreeve/policy.toml --fail-on never", 0), before);
    let kept = site.run("cat /proc/sys/net/ipv4/ip_local_reserved_ports").stdout;
    assert_eq!(kept.trim(), "9999,20500-20501");

    // A ledger that cannot be read is said, and is no reason to find nothing else.
    site.run("cp /etc/hostname /var/lib/portreeve/ledger/ledger.db");
    let unread = site.ask("audit --policy /etc/portreeve/policy.toml --fail-on never");
    assert_eq!(unread.status, 3, "{unread:?}");
    assert!(unread.stdout.contains("not seen: the ledger: "), "{unread:?}");
}
