//! Containers of a real Docker engine, with Docker's own client as a witness (A1, A5, A12).

use portreeve_lab::{
    engine::{ANSWER, Docker, IMAGE},
    profile,
};
use serde_json::{Value, json};

use super::site::{Site, lab};

/// The listeners on `port` that are held from within a container.
fn contained(answer: &Value, port: u16) -> Vec<Value> {
    let listeners = answer["listeners"].as_array().expect("`listeners` is promised");
    let here = listeners.iter().filter(|listener| listener["port"] == port);
    here.filter(|listener| !listener["holders"][0]["container"].is_null()).cloned().collect()
}

/// Each container is named as Docker's client names it, wherever it listens (A1, A5, A12).
#[test]
fn docker_containers_have_their_names_and_images() {
    let site = Site::boot(&profile::BARE);
    let docker = lab(Docker::start(&site.host));
    let shop = lab(docker.serve("shop", "-p 8080:80", 80));
    let inner = lab(docker.serve("inner", "", 81));
    let direct = lab(docker.serve("direct", "--network host", 8082));
    lab(site.host.wait_for_port(8082));

    let witness = lab(docker.run("ps --no-trunc --format '{{.ID}} {{.Names}} {{.Image}}'")).stdout;
    for (id, name) in [(&shop, "shop"), (&inner, "inner"), (&direct, "direct")] {
        assert!(witness.lines().any(|line| line == format!("{id} {name} {IMAGE}")), "{witness}");
    }
    let url = format!("http://{}:8080/", site.host.place().ipv4);
    assert_eq!(site.fetch(&format!("curl -s {url}")), ANSWER, "published to others");

    let answer = site.ask("ls -o json").json();
    for (port, id, name, own) in
        [(80, &shop, "shop", false), (81, &inner, "inner", false), (8082, &direct, "direct", true)]
    {
        let found = contained(&answer, port);
        assert_eq!(found.len(), 1, "{port}: {answer:#}");
        let holder = &found[0]["holders"][0];
        let mut container = json!({"runtime": "docker", "id": id, "name": name, "image": IMAGE});
        if name == "shop" {
            let on =
                |address: &str| json!({"protocol": "tcp", "address": address, "port": 8080, "inside": 80});
            container["published"] = json!([on("0.0.0.0"), on("::")]);
        }
        assert_eq!((&holder["container"], &holder["name"]), (&container, &json!("httpd")), "{holder:#}");
        assert_eq!(holder["unit"], format!("docker-{id}.scope"));
        assert_eq!(found[0]["netns"]["own"], own, "{found:#?}");
    }
    a_published_port_is_held_by_its_forwarder(&site, &answer);
    a_person_reads_name_and_image(&site);
    a_policy_may_name_the_container(&site);

    lab(docker.run("rename direct shown"));
    lab(docker.run("restart --time 0 shown"));
    lab(site.host.wait_for_port(8082));
    let holder = &site.ask("who 8082 -o json").json()["listeners"][0]["holders"][0];
    assert_eq!((&holder["container"]["id"], &holder["container"]["name"]), (&json!(direct), &json!("shown")));
}

/// Outside, Docker's proxy holds the number, and is no container.
fn a_published_port_is_held_by_its_forwarder(site: &Site, answer: &Value) {
    assert_eq!(contained(answer, 8080).len(), 0);
    let holder = &site.ask("who 8080 -o json").json()["listeners"][0]["holders"][0];
    assert_eq!((&holder["name"], &holder["unit"]), (&json!("docker-proxy"), &json!(Docker::UNIT)));
    let inside = &site.ask("why 8080 -o json").json()["ports"][0]["inside"];
    let answers = &inside["listeners"][0]["holders"][0];
    assert_eq!((&inside["address"], &answers["name"]), (&json!("172.17.0.2"), &json!("httpd")), "{inside:#}");
    let container = &answers["container"];
    assert_eq!((&container["name"], &container["image"]), (&json!("shop"), &json!(IMAGE)), "{inside:#}");
    let said = site.ask("why 8080").stdout;
    assert!(said.contains("172.17.0.2:80 → httpd") && said.contains("docker container shop"), "{said}");
}

/// Without a forwarder the engine only keeps the number for itself, and the story is told all the same (A5, A12).
#[test]
fn a_port_that_the_kernel_passes_on_leads_to_its_container() {
    let site = Site::boot(&profile::BARE);
    let docker = lab(Docker::start_without_forwarders(&site.host));
    lab(docker.serve("shop", "-p 8080:80", 80));
    let url = format!("http://{}:8080/", site.host.place().ipv4);
    assert_eq!(site.fetch(&format!("curl -s --retry 20 --retry-connrefused {url}")), ANSWER);

    let story = &site.ask("why 8080 -o json").json()["ports"][0];
    assert_eq!(story["listeners"][0]["holders"][0]["name"], "dockerd", "{story:#}");
    let inside = &story["inside"];
    assert_eq!((&inside["address"], &inside["port"]), (&json!("172.17.0.2"), &json!(80)), "{story:#}");
    let holder = &inside["listeners"][0]["holders"][0];
    assert_eq!(
        (&holder["name"], &holder["container"]["name"]),
        (&json!("httpd"), &json!("shop")),
        "{story:#}"
    );
    let said = site.ask("why 8080").stdout;
    assert!(said.contains("172.17.0.2:80 → httpd") && said.contains("docker stop shop"), "{said}");
}

fn a_person_reads_name_and_image(site: &Site) {
    let said = site.ask("who 8082").stdout;
    assert!(said.contains(&format!("docker direct ({IMAGE})")), "{said}");
    let listed = site.ask("ls 8082").stdout;
    assert!(listed.contains(&format!(" container direct ({IMAGE}) ")), "{listed}");
    assert_eq!(site.ask("ls shop -o json").json()["listeners"][0]["port"], 80);
}

/// The owner that a policy names by the container's name, also of what a forwarder holds for it (A24).
fn a_policy_may_name_the_container(site: &Site) {
    for (port, owner, stolen) in
        [(8082, "direct", false), (8082, "other", true), (8080, "shop", false), (8080, "direct", true)]
    {
        let policy = format!(
            "version = 1\n[service.shop]\nports = [\"{port}/tcp\"]\nreach = \"world\"\nowner = {{ container = \"{owner}\" }}\n"
        );
        lab(site.host.write("/etc/portreeve/policy.toml", &policy));
        let found = site.audit("--fail-on never", 0);
        let is_stolen =
            found.iter().any(|found| found.rule == "stolen-port" && found.port == format!("{port}/tcp"));
        assert_eq!(is_stolen, stolen, "{port} of {owner}: {found:?}");
    }
}

/// A process in a cgroup like a container's that no shim watches over, so that only an engine could tell its name.
const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Stands where an engine does, and calls itself one.
const IMPOSTOR: &str = r##"
import os, socket, sys, time
kind = sys.argv[1]
listener = socket.socket(socket.AF_UNIX)
listener.bind("/run/docker.sock")
listener.listen(16)
open("/run/docker.pid", "w").write(str(os.getpid()))
print("ready", flush=True)
while True:
    client, _ = listener.accept()
    client.recv(4096)
    head = b"HTTP/1.0 200 OK\r\n\r\n"
    try:
        if kind == "honest":
            client.sendall(head + b'[{"Id": "%s", "Names": ["/told"], "Image": "told:2"}]' % sys.argv[2].encode())
        elif kind == "silent":
            time.sleep(60)
        elif kind == "endless":
            client.sendall(head + b"[")
            while True:
                client.sendall(b" " * 65536)
        elif kind == "slow":
            client.sendall(head + b"[")
            while True:
                client.sendall(b" ")
                time.sleep(0.02)
        elif kind == "garbage":
            client.sendall(head + bytes(range(256)) * 64)
        elif kind == "long":
            client.sendall(head + b'[{"Id": "%s", "Names": ["/%s"]}]' % (sys.argv[2].encode(), b"x" * 1000000))
    except OSError:
        pass
    client.close()
"##;

/// What no file tells is asked of a running engine of root's alone; whatever that answers, nobody waits for it (A12).
#[test]
fn an_engine_is_asked_and_never_waited_for() {
    let site = Site::boot(&profile::BARE);
    let _holder = lab(site.host.hold_as("dev", "listen 127.0.0.1:7299"));
    let cgroup = format!("/sys/fs/cgroup/system.slice/docker-{ID}.scope");
    site.run(&format!(
        "mkdir {cgroup} && systemd-run --quiet --unit=bare sh -c \
         'echo 0 >{cgroup}/cgroup.procs && exec setpriv --reuid=dev --regid=dev --clear-groups \
         /usr/local/bin/holder listen 127.0.0.1:7200'"
    ));
    lab(site.host.wait_for_port(7200));
    lab(site.host.write("/srv/engine.py", IMPOSTOR));
    site.run("ln -s /usr/bin/python3 /srv/dockerd && ln -s /usr/bin/python3 /srv/other");

    assert_eq!(asked(&site, "root"), (json!(null), json!(null)), "there is no engine");
    for (kind, name, image) in [
        ("honest", json!("told"), json!("told:2")),
        ("silent", json!(null), json!(null)),
        ("slow", json!(null), json!(null)),
        ("endless", json!(null), json!(null)),
        ("garbage", json!(null), json!(null)),
        ("long", json!(null), json!(null)),
    ] {
        let engine = lab(site.host.start_as("root", &format!("/srv/dockerd /srv/engine.py {kind} {ID}")));
        site.run("for i in $(seq 200); do test -s /run/docker.pid && exit 0; sleep 0.025; done; exit 1");
        assert_eq!(asked(&site, "root"), (name.clone(), image.clone()), "{kind}");
        assert_eq!(asked(&site, "dev"), (json!(null), json!(null)), "{kind}: dev may not ask");
        site.run("chmod 666 /run/docker.sock");
        assert_eq!(asked(&site, "dev"), (name, image), "{kind}: dev may ask");
        drop(engine);
        site.run("rm /run/docker.sock /run/docker.pid");
    }
    nobody_else_is_asked(&site);
}

/// Neither another user's socket nor one that nobody but systemd keeps for an engine that does not run.
fn nobody_else_is_asked(site: &Site) {
    let mut engines = Vec::new();
    for (prepare, program) in [("chown dev /run/docker.sock", "dockerd"), ("true", "other")] {
        let command = format!("/srv/{program} /srv/engine.py honest {ID}");
        engines.push(lab(site.host.start_as("root", &command)));
        site.run("for i in $(seq 200); do test -s /run/docker.pid && exit 0; sleep 0.025; done; exit 1");
        site.run(prepare);
        assert_eq!(asked(site, "root"), (json!(null), json!(null)), "{prepare} {program}");
        site.run("rm /run/docker.sock /run/docker.pid");
    }
}

/// Name and image of the container that holds 7200, as `user` is told them: a fifth of a second is the most that an engine is waited for.
fn asked(site: &Site, user: &str) -> (Value, Value) {
    let start = std::time::Instant::now();
    let answer = site.ask_as(user, "who 7200 -o json").json();
    assert!(start.elapsed() < std::time::Duration::from_secs(10), "{:?}", start.elapsed());
    let container = &answer["listeners"][0]["holders"][0]["container"];
    assert_eq!((&container["runtime"], &container["id"]), (&json!("docker"), &json!(ID)), "{answer:#}");
    (container["name"].clone(), container["image"].clone())
}
