//! Containers of podman, root's and a user's own, with podman itself as a witness (A12, A24).

use portreeve_lab::{
    engine::{ANSWER, IMAGE, Podman},
    profile,
};
use serde_json::{Value, json};

use super::site::{Site, lab};

/// podman calls an image without a registry one of this machine's.
fn image() -> String {
    format!("localhost/{IMAGE}")
}

/// The only listener on `port`, asked for by root.
fn listener(site: &Site, port: u16) -> Value {
    let answer = site.ask("ls -o json").json();
    let listeners = answer["listeners"].as_array().expect("`listeners` is promised");
    let mut here = listeners.iter().filter(|listener| listener["port"] == port);
    let found = here.next().unwrap_or_else(|| panic!("nobody on {port}: {answer:#}"));
    assert!(here.next().is_none(), "several on {port}: {answer:#}");
    found.clone()
}

/// What a user's container holds is its user's, whatever it is called (A12, A24).
#[test]
fn a_rootless_container_is_its_users_program() {
    let site = Site::boot(&profile::BARE);
    let podman = lab(Podman::of(&site.host, "dev"));
    let id = lab(podman.serve("stall", "-p 8090:80", 80));
    lab(site.host.wait_for_port(8090));
    let witness = lab(podman.run("ps --no-trunc --format '{{.ID}} {{.Names}} {{.Image}}'")).stdout;
    assert_eq!(witness.trim(), format!("{id} stall {}", image()));
    let url = format!("http://{}:8090/", site.host.place().ipv4);
    assert_eq!(site.fetch(&format!("curl -s {url}")), ANSWER, "published to others");

    let inner = listener(&site, 80);
    let holder = &inner["holders"][0];
    let container =
        json!({"runtime": "podman", "id": id, "name": "stall", "image": image(), "rootless": true});
    assert_eq!((&holder["container"], &holder["name"]), (&container, &json!("httpd")), "{holder:#}");
    assert_eq!((&holder["unit"], &holder["user"]), (&json!("user@1000.service"), &json!("dev")));
    assert_eq!(inner["netns"]["own"], json!(false));

    let outer = listener(&site, 8090);
    let holder = &outer["holders"][0];
    assert_eq!((&holder["name"], &holder["container"]), (&json!("rootlessport"), &Value::Null), "{holder:#}");
    assert_eq!((&holder["unit"], &holder["user"]), (&json!("user@1000.service"), &json!("dev")));

    let own = site.ask_as("dev", "ls 80 8090 -o json").json();
    assert!(
        own["listeners"]
            .as_array()
            .expect("`listeners` is promised")
            .iter()
            .any(|listener| { listener["port"] == 8090 && listener["holders"][0]["name"] == "rootlessport" }),
        "{own:#}"
    );
    no_name_makes_it_the_hosts(&site, &podman);
}

/// A user may call a container like the owner that a policy names (A24).
fn no_name_makes_it_the_hosts(site: &Site, podman: &Podman<'_>) {
    let policy = "version = 1\n[service.shop]\nports = [\"8092/tcp\"]\nreach = \"world\"\nowner = { container = \"shop\" }\n";
    lab(site.host.write("/etc/portreeve/policy.toml", policy));
    lab(podman.serve("shop", "--network host", 8092));
    lab(site.host.wait_for_port(8092));
    let holder = listener(site, 8092)["holders"][0].clone();
    let container = &holder["container"];
    assert_eq!((&container["name"], &container["rootless"]), (&json!("shop"), &json!(true)), "{holder:#}");
    let found = site.audit("--fail-on never", 0);
    assert!(found.iter().any(|found| found.rule == "stolen-port" && found.port == "8092/tcp"), "{found:?}");
    let said = site.ask("who 8092").stdout;
    assert!(said.contains(&format!("rootless podman shop ({})", image())), "{said}");
}

/// A container of root's is the host's (A12).
#[test]
fn a_container_that_root_runs_with_podman_is_the_hosts() {
    let site = Site::boot(&profile::BARE);
    let podman = lab(Podman::of(&site.host, "root"));
    let id = lab(podman.serve("stall", "--network host", 8091));
    lab(site.host.wait_for_port(8091));
    let witness = lab(podman.run("ps --no-trunc --format '{{.ID}} {{.Names}} {{.Image}}'")).stdout;
    assert_eq!(witness.trim(), format!("{id} stall {}", image()));
    let holder = listener(&site, 8091)["holders"][0].clone();
    let container = json!({"runtime": "podman", "id": id, "name": "stall", "image": image()});
    assert_eq!(holder["container"], container, "{holder:#}");
    assert_eq!(holder["unit"], format!("libpod-{id}.scope"));
    lab(podman.run("rename stall stand"));
    assert_eq!(listener(&site, 8091)["holders"][0]["container"]["name"], "stand", "it was renamed");
    let listed = site.ask("ls 8091").stdout;
    assert!(listed.contains(&format!(" container stand ({}) ", image())), "{listed}");

    // Beside its monitor in the unit's own cgroup, as Quadlet makes them.
    site.run(&format!(
        "systemd-run --quiet --unit=stand --property=Delegate=yes podman run --cgroups=split --name split \
         --network host {IMAGE} /bin/httpd -f -p 8093 -h /www"
    ));
    lab(site.host.wait_for_port(8093));
    let holder = listener(&site, 8093)["holders"][0].clone();
    assert!(lab(podman.run("ps --format '{{.Names}}'")).stdout.lines().any(|name| name == "split"));
    let container = &holder["container"];
    assert_eq!((&container["name"], &container["image"]), (&json!("split"), &json!(image())), "{holder:#}");
    assert_eq!((&holder["unit"], &container["rootless"]), (&json!("stand.service"), &Value::Null));
}
