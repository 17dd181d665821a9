//! Each example of docs/ledger.md, with the program that it is for (A26).

use std::{fs, path::Path};

use portreeve_lab::{engine::Docker, profile};

use super::site::{Site, lab};

/// The blocks of a page that are marked with `language`.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let (mut blocks, mut within) = (Vec::new(), None::<String>);
    for line in page.lines() {
        match (&mut within, line.strip_prefix("```")) {
            (None, Some(mark)) if mark == language => within = Some(String::new()),
            (Some(_), Some(_)) => blocks.extend(within.take()),
            (Some(block), None) => *block += &format!("{line}\n"),
            _ => {}
        }
    }
    blocks
}

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    fs::read_to_string(&path).expect("the page is in the project")
}

/// The only block of `language`, which is the same in both pages.
fn example(language: &str) -> String {
    let [english, japanese] = ["ledger.md", "ledger.ja.md"].map(|name| blocks(&page(name), language));
    assert_eq!(english, japanese, "{language}");
    let [block] = english.as_slice() else { panic!("{language}: {english:?}") };
    block.clone()
}

/// What the ledger says of a name.
fn port_of(site: &Site, name: &str) -> u16 {
    site.run(&format!("portreeve claim {name}")).stdout.trim().parse().expect("a port")
}

fn wait(site: &Site, port: u16) {
    lab(site.host.wait_for_port(port));
}

#[test]
fn the_examples_of_the_ledger_run() {
    let site = Site::boot(&profile::BARE);
    site.run("mount -o remount,rw /proc/sys");
    for block in blocks(&page("ledger.md"), "console") {
        session(&site, &block);
    }

    lab(site.host.write("/srv/script.sh", &(example("sh") + "echo \"$PORT\"; sleep 600\n")));
    site.run("systemd-run -q -u script -p StandardOutput=file:/srv/script.out sh /srv/script.sh");
    site.run("timeout 20 sh -c 'until test -s /srv/script.out; do sleep 0.1; done'");
    let port: u16 = site.run("cat /srv/script.out").stdout.trim().parse().expect("a port");
    wait(&site, port);
    site.run("systemctl stop script");
    let states = site.ask("claims --state stale").stdout;
    assert!(states.contains(&port.to_string()), "it is given back: {states}");

    site.run("mkdir -p /srv/one /srv/two");
    lab(site.host.write("/srv/one/.envrc", &example("envrc")));
    let told = site.run("cd /srv/one && direnv allow . && direnv exec . sh -c 'echo $PORT'").stdout;
    stops(&site, "cd /srv/one && direnv exec . echo went on");
    stops(&site, "sh /srv/script.sh");
    let here = site.run("cd /srv/one && portreeve claim --here").stdout;
    assert_eq!(told, here);

    lab(site.host.write("/srv/two/Makefile", &example("make")));
    stops(&site, "cd /srv/two && make -s serve");
    site.run("systemd-run -q -u make -p WorkingDirectory=/srv/two make serve");
    let there: u16 = site.run("cd /srv/two && portreeve claim --here").stdout.trim().parse().expect("a port");
    assert_ne!(there.to_string(), here.trim(), "each directory has its own");
    wait(&site, there);

    lab(site.host.write("/srv/one/conftest.py", &example("python")));
    let test = "import socket\n\ndef test_port(port):\n    socket.socket().bind(('127.0.0.1', port))\n";
    lab(site.host.write("/srv/one/test_port.py", test));
    let tested = site.run("cd /srv/one && python3 -m pytest -q").stdout;
    assert!(tested.contains("1 passed"), "{tested}");

    lab(site.host.write("/etc/systemd/system/shop.service", &example("ini")));
    site.run("systemctl daemon-reload && systemctl start shop");
    let shop = port_of(&site, "shop");
    wait(&site, shop);
    site.run("systemctl stop shop");
}

/// Docker publishes where nobody else is, and `docker run` is given the number as any shell would.
#[test]
fn the_example_of_docker_runs() {
    let site = Site::boot(&profile::BARE);
    site.run("mount -o remount,rw /proc/sys");
    let docker = lab(Docker::start(&site.host));
    let line = example("docker");
    let (claim, options) = line.trim().split_once("docker run --detach --name shop ").expect("the example");
    let options = options.strip_suffix(" nginx").expect("an image");
    stops(&site, &format!("{claim} echo {options}"));
    let options = site.run(&format!("{claim} echo {options}")).stdout;
    lab(docker.serve("shop", options.trim(), 80));
    let port = port_of(&site, "shop");
    wait(&site, port);
    let claims = site.ask("claims").stdout;
    assert!(claims.contains("held"), "{claims}");
}

/// Whoever is given no port does not go on without one.
fn stops(site: &Site, line: &str) {
    let output = lab(site.host.run(&format!("export PORTREEVE_LEDGER=none://; {line}")));
    assert!(output.status != 0 && output.stdout.is_empty(), "{line}: {output:?}");
}

/// What is typed prints what stands below it.
fn session(site: &Site, block: &str) {
    let mut lines = block.lines().peekable();
    while let Some(typed) = lines.next() {
        let typed = typed.strip_prefix("$ ").expect("a line that is typed");
        let mut expected = Vec::new();
        while let Some(line) = lines.next_if(|line| !line.starts_with("$ ")) {
            expected.push(line);
        }
        let output = lab(site.host.run(&format!("{typed} 2>&1")));
        let is_whole = !expected.contains(&"…");
        expected.retain(|line| *line != "…");
        let printed: Vec<&str> = output.stdout.lines().collect();
        assert!(printed.starts_with(&expected), "{typed}: {output:?}");
        assert!(!is_whole || printed.len() == expected.len(), "{typed}: {output:?}");
    }
}
