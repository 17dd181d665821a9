//! Containers whose ports the guard keeps, with a real Docker (A24).

use portreeve_lab::{engine::Docker, profile};

use super::site::{Site, lab};

/// What is published and what is held in the host's own network, each for one container.
const POLICY: &str = r#"version = 1
[service.ssh]
ports = ["22/tcp"]
owner = { unit = "ssh.service" }
reach = "world"
[service.shop]
ports = ["8080/tcp"]
owner = { container = "shop" }
reach = "world"
guard = "enforce"
[service.direct]
ports = ["8082/tcp"]
owner = { container = "direct" }
reach = "world"
guard = "enforce"
"#;
const REFUSED: &str = "Operation not permitted";

fn site() -> Site {
    let site = Site::boot(&profile::BARE);
    site.run("mount -t bpf bpf /sys/fs/bpf && mount -o remount,rw /proc/sys");
    lab(site.host.write("/etc/portreeve/policy.toml", POLICY));
    site
}

fn apply(site: &Site) -> String {
    site.run("portreeve apply --no-trial --no-session").stdout
}

/// What a stranger with every right hears who listens on `port`.
fn listening(site: &Site, port: u16) -> String {
    lab(site.host.run(&format!("timeout 1 nc -l -s 127.0.0.1 -p {port}"))).stderr
}

#[test]
fn a_container_of_docker_owns_its_ports() {
    let site = site();
    let docker = lab(Docker::start(&site.host));
    // It is where every engine is that is told nothing else.
    site.run(&format!(
        "touch /run/docker.sock && mount --bind {} /run/docker.sock && ln -s /run/lab/docker.pid /run/docker.pid",
        Docker::SOCKET
    ));
    let unknown = site.ask("plan --no-session").stdout;
    assert!(unknown.contains("Docker has no container shop now"), "{unknown}");
    lab(docker.serve("shop", "-p 8080:80", 80));
    lab(docker.serve("direct", "--network host", 8082));
    lab(site.host.wait_for_port(8082));
    lab(docker.run("stop --time 0 shop direct"));
    apply(&site);
    for port in [8080, 8082] {
        let said = listening(&site, port);
        assert!(said.contains(REFUSED), "{port}: {said}");
    }
    // The same containers, with nobody of ours about.
    for _ in 0..2 {
        lab(docker.run("restart --time 0 shop direct"));
        lab(site.host.wait_for_port(8080));
        lab(site.host.wait_for_port(8082));
    }
    let plan = site.ask("plan --no-session").stdout;
    assert!(!plan.contains("guard"), "it is as the policy says: {plan}");
    // While the engine does not run nobody can tell what its containers are, and their ports are not everybody's for that.
    site.run(&format!("systemctl stop {}", Docker::UNIT));
    let plan = site.ask("plan --no-session").stdout;
    assert!(
        plan.contains("shop: Docker has no container shop now") && plan.contains("stay guarded as they are"),
        "{plan}"
    );
    apply(&site);
    assert!(listening(&site, 8080).contains(REFUSED), "its engine is away");
    let docker = lab(Docker::start(&site.host));
    site.run(&format!("umount /run/docker.sock && mount --bind {} /run/docker.sock", Docker::SOCKET));
    lab(docker.run("start shop direct"));
    lab(site.host.wait_for_port(8082));
    // Another container in the host's network is a stranger.
    lab(docker.run("stop --time 0 direct"));
    lab(docker.serve("thief", "--network host", 8082));
    let thief = lab(site.host.run("for i in $(seq 100); do docker --host unix:///run/docker.sock logs thief 2>&1 | grep -q . && break; sleep 0.1; done; docker --host unix:///run/docker.sock logs thief"));
    assert!(thief.stderr.contains(REFUSED), "{thief:#?}");
    let why = site.run("portreeve guard refused").stdout;
    assert!(why.contains("8082/tcp") && why.contains("httpd"), "{why}");
}
