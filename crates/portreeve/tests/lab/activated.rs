//! What the service manager holds for a `.socket` that owns nothing is a stranger's to the guard, as a restart of it would show (A24).

use portreeve_lab::profile;

use super::site::{Site, lab};

const POLICY: &str = r#"version = 1
[service.web]
ports = ["443/tcp"]
owner = [OWNERS]
reach = "world"
guard = "enforce"
"#;
const APPLY: &str = "apply --no-trial --no-session";

#[test]
fn a_socket_unit_that_owns_nothing_is_told_before_the_guard_refuses_it() {
    let site = Site::boot(&profile::BARE);
    site.run("mount -t bpf bpf /sys/fs/bpf && mount -o remount,rw /proc/sys");
    lab(site.host.write("/etc/systemd/system/other.socket", "[Socket]\nListenStream=0.0.0.0:443\n"));
    lab(site.host.write("/etc/systemd/system/other.service", "[Service]\nExecStart=sleep 999\n"));
    site.run("systemctl daemon-reload && systemctl start other.socket");
    let declare = |owners: &str| {
        lab(site.host.write("/etc/portreeve/policy.toml", &POLICY.replace("OWNERS", owners)));
    };
    declare(r#"{ unit = "web.service" }"#);
    // Also while its service has the socket too.
    for command in ["true", "systemctl start other.service"] {
        site.run(command);
        for way in ["", " --evict"] {
            let refused = site.ask(&format!("{APPLY}{way}"));
            assert_eq!(refused.status, 5, "{refused:#?}");
            assert!(refused.stderr.contains("and other.socket holds it"), "{refused:#?}");
            assert!(refused.stderr.contains("systemctl disable --now other.socket"), "{refused:#?}");
        }
    }
    declare(r#"{ unit = "web.service" }, { unit = "other.socket" }"#);
    site.run(&format!("systemctl stop other.service && portreeve {APPLY} && systemctl restart other.socket"));
    declare(r#"{ unit = "web.service" }"#);
    assert_eq!(site.ask(APPLY).status, 5, "it is a stranger from now on");
    site.run(&format!("systemctl disable --now other.socket && portreeve {APPLY}"));
    assert_ne!(lab(site.host.run("systemctl start other.socket")).status, 0, "the guard refuses it");
}

/// One that came while nobody kept the port is found with what would become of it.
#[test]
fn a_socket_unit_that_was_there_before_the_guard_is_found() {
    let site = Site::boot(&profile::BARE);
    site.run("mount -t bpf bpf /sys/fs/bpf && mount -o remount,rw /proc/sys");
    lab(site
        .host
        .write("/etc/portreeve/policy.toml", &POLICY.replace("OWNERS", r#"{ unit = "web.service" }"#)));
    lab(site.host.write("/etc/systemd/system/other.socket", "[Socket]\nListenStream=0.0.0.0:443\n"));
    lab(site.host.write("/etc/systemd/system/other.service", "[Service]\nExecStart=sleep 999\n"));
    site.run(&format!("systemctl daemon-reload && portreeve {APPLY} && rm -r /sys/fs/bpf/portreeve"));
    site.run("systemctl start other.socket && portreeve apply --boot");
    let is_found = || {
        let found = site.ask("audit").stdout;
        assert!(found.contains("stolen-port") && found.contains("other.socket has 443/tcp"), "{found}");
    };
    is_found();
    let warned = site.ask("plan --no-session").stderr;
    assert!(warned.contains("other.socket bound it before that"), "{warned}");
    assert!(warned.contains("systemctl disable --now other.socket"), "{warned}");
    // It would not notice that nobody comes any more.
    let closed = site.ask("close 443/tcp --unlisten --no-session");
    assert_eq!(closed.status, 5, "{closed:#?}");
    assert!(closed.stderr.contains("systemctl stop other.socket"), "{closed:#?}");
    site.run("sed -i s/enforce/observe/ /etc/portreeve/policy.toml");
    is_found();
    site.run(&format!("portreeve {APPLY}"));
    is_found();
}
