//! A service that may make cgroups and names one like a container of the host (A24).

use portreeve_lab::profile;
use serde_json::{Value, json};

use super::site::{Site, lab};

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Starts a service that listens on `port` in a cgroup of its own making.
fn start(site: &Site, unit: &str, port: u16, properties: &str) {
    let cgroup = format!("/sys/fs/cgroup/system.slice/{unit}.service");
    let script = format!(
        "mkdir {cgroup}/docker-{ID}.scope && echo 0 > {cgroup}/docker-{ID}.scope/cgroup.procs && \
         exec /usr/local/bin/holder listen 127.0.0.1:{port}"
    );
    site.run(&format!("systemd-run --unit={unit} -p Delegate=yes {properties} sh -c '{script}'"));
    lab(site.host.wait_for_port(port));
}

/// The container of a user's making is that user's; one of root's is the host's (A24).
#[test]
fn a_container_that_a_services_user_made_is_not_the_hosts() {
    let site = Site::boot(&profile::BARE);
    let _first = lab(site.host.hold_as("dev", "listen 127.0.0.1:7200"));
    start(&site, "theirs", 7201, "-p User=dev");
    start(&site, "ours", 7202, "");
    let holder = |port: u16| {
        let answer = site.ask(&format!("who {port} -o json")).json();
        answer["listeners"][0]["holders"][0].clone()
    };
    let (theirs, ours) = (holder(7201), holder(7202));
    assert_eq!((&theirs["container"]["id"], &theirs["container"]["rootless"]), (&json!(ID), &json!(true)));
    assert_eq!(theirs["unit"], "theirs.service", "{theirs:#}");
    assert_eq!((&ours["container"]["id"], &ours["container"]["rootless"]), (&json!(ID), &Value::Null));
    let owners = site.ask("ls 7201 7202").stdout;
    let owner =
        |port: &str| owners.lines().find(|line| line.starts_with(port)).unwrap_or_default().to_string();
    assert!(owner("7201/tcp").contains(" theirs.service "), "{owners}");
    assert!(owner("7202/tcp").contains(&format!(" container {ID} ")), "{owners}");
}
