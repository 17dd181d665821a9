//! A gate beside everybody else who writes rules: they come, go and reload, and only its own table is its own (A15, A16).

use portreeve_lab::{
    Output,
    engine::{ANSWER, Docker},
    profile,
};

use super::site::{Site, lab};

/// A whole change for good and its end, from nothing to nothing.
const CYCLE: [&str; 5] = [
    "apply --trial 60s --no-session",
    "confirm",
    "close --from 203.0.113.66 --for 1h",
    "undo 1 --no-session",
    OFF,
];
const OFF: &str = "off gate --no-session";

/// Opens ssh, and the published port of a container if that is asked for, to everybody.
fn declare(site: &Site, ports: &[&str]) {
    let policy = format!(
        "version = 1\n[service.open]\nports = {ports:?}\nowner = {{ exe = \"/usr/sbin/sshd\" }}\nreach = \"world\"\n"
    );
    lab(site.host.write("/etc/portreeve/policy.toml", &policy));
}

/// Every rule of others, byte by byte, counters apart.
fn others(site: &Site) -> String {
    let nft = "nft -j list ruleset | jq -c '.nftables[] | select(.[].table != \"portreeve\" and .[].name != \"portreeve\") \
               | select(.metainfo | not) | walk(if type == \"object\" and has(\"packets\") then del(.packets, .bytes) else . end)'";
    let rest = "iptables-save; ip6tables-save; iptables-legacy-save; ipset save; sysctl -a -r '^net\\.ipv[46]\\.(conf|ip_forward)'";
    let listed = site.run(&format!("{nft}; ({rest}) 2>/dev/null | grep -v '^#'")).stdout;
    // iptables-save tells counters of chains.
    listed.lines().map(|line| line.split(" [").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn gate(site: &Site) -> Output {
    // Whom the log was told of lately comes and goes by itself.
    let flushed = "nft flush set inet portreeve told4; nft flush set inet portreeve told64";
    lab(site.host.run(&format!("({flushed}) 2>/dev/null; nft -s list table inet portreeve")))
}

/// Whether the client gets an answer over HTTP.
fn answers(site: &Site, port: u16) -> bool {
    let url = format!("http://{}:{port}/", site.host.place().ipv4);
    lab(site.client.run(&format!("curl -s -o /dev/null -m 2 {url}"))).status == 0
}

/// What the host itself gets of the second container.
fn fetched(site: &Site, address: &str) -> String {
    let get = "import sys, urllib.request as it; sys.stdout.buffer.write(it.urlopen(sys.argv[1], timeout=3).read())";
    site.run(&format!("python3 -c '{get}' http://{address}:8081/")).stdout
}

/// Somebody else's rules and what he does to them meanwhile.
struct Neighbour {
    name: &'static str,
    start: &'static str,
    reloads: &'static [&'static str],
    stop: &'static str,
}

const NEIGHBOURS: [Neighbour; 4] = [
    Neighbour {
        name: "ufw",
        start: "ufw allow 22/tcp && ufw allow 80/tcp && ufw --force enable",
        reloads: &["ufw reload", "ufw allow 8443/tcp", "ufw disable", "ufw --force enable"],
        stop: "ufw --force reset; ufw disable",
    },
    Neighbour {
        name: "firewalld",
        start: "systemctl unmask firewalld; systemctl start firewalld && firewall-cmd --add-service=http --add-service=ssh",
        reloads: &[
            "firewall-cmd --reload",
            "firewall-cmd --add-port=8443/tcp",
            "systemctl restart firewalld",
        ],
        stop: "systemctl stop firewalld",
    },
    Neighbour {
        name: "fail2ban",
        start: "printf '[DEFAULT]\\nbackend = polling\\n[sshd]\\nenabled = true\\nlogpath = /var/log/auth.log\\nbanaction = nftables-multiport\\n' \
                >/etc/fail2ban/jail.d/lab.local && touch /var/log/auth.log && mkdir -p /run/fail2ban && \
                fail2ban-client start && fail2ban-client set sshd banip 203.0.113.9 && \
                for try in $(seq 100); do nft list ruleset | grep -q 203.0.113.9 && exit 0; sleep 0.1; done; exit 1",
        reloads: &["fail2ban-client set sshd banip 203.0.113.10", "fail2ban-client reload"],
        stop: "fail2ban-client stop",
    },
    Neighbour {
        name: "libvirt",
        start: "iptables -N LIBVIRT_INP && iptables -A INPUT -j LIBVIRT_INP && iptables -N LIBVIRT_FWI && \
                iptables -A FORWARD -j LIBVIRT_FWI && iptables -A LIBVIRT_INP -i virbr0 -p udp --dport 67 -j ACCEPT && \
                iptables -A LIBVIRT_FWI -o virbr0 -d 192.168.122.0/24 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT && \
                iptables -t nat -N LIBVIRT_PRT && iptables -t nat -A POSTROUTING -j LIBVIRT_PRT && \
                iptables -t nat -A LIBVIRT_PRT -s 192.168.122.0/24 ! -d 192.168.122.0/24 -j MASQUERADE",
        reloads: &[
            "iptables -F LIBVIRT_INP && iptables -A LIBVIRT_INP -i virbr0 -p tcp --dport 53 -j ACCEPT",
        ],
        stop: "iptables -F && iptables -X && iptables -t nat -F && iptables -t nat -X",
    },
];

/// Whatever a neighbour does, the gate stays and judges; whatever is done to the gate, his rules stay.
#[test]
fn neighbours_come_and_go_and_nobody_touches_the_others_rules() {
    let site = Site::boot(&profile::WEB);
    site.run("test -w /proc/sys/net/ipv4/ip_forward || { mount --bind /proc/sys/net /proc/sys/net && mount -o remount,bind,rw /proc/sys/net; }");
    for Neighbour { name, start, reloads, stop } in &NEIGHBOURS {
        declare(&site, &["22/tcp"]);
        site.run(&format!("rm -rf /var/lib/portreeve; {start}"));
        let theirs = others(&site);
        for command in CYCLE {
            let output = site.ask(command);
            assert_eq!(output.status, 0, "{name}: {command}: {output:#?}");
            assert_eq!(others(&site), theirs, "{name}: {command}");
            let is_gone = matches!(command, OFF | "undo 1 --no-session");
            assert_eq!(answers(&site, 80), is_gone, "{name}: {command}");
        }
        let made = site.ask("apply --no-trial --no-session");
        assert_eq!(made.status, 0, "{name}: {made:#?}");
        let ours = gate(&site).stdout;
        assert!(!answers(&site, 80), "{name}: what it opens is not declared");
        for reload in reloads.iter().chain([stop]) {
            let done = lab(site.host.run(reload));
            assert!(done.status == 0 || reload == stop, "{name}: {reload}: {done:#?}");
            assert_eq!(gate(&site).stdout, ours, "{name}: {reload}");
            assert!(!answers(&site, 80), "{name}: {reload}");
            let output = site.ask("plan");
            assert_eq!(output.status, 0, "{name}: {reload}: nothing is to be done: {output:#?}");
        }
        assert_eq!(site.ask(OFF).status, 0);
        assert!(answers(&site, 80), "{name} is gone too");
    }
    a_flush_takes_it_away_and_is_told(&site);
}

/// Debian's /etc/nftables.conf begins by flushing everybody's rules.
fn a_flush_takes_it_away_and_is_told(site: &Site) {
    let made = site.ask("apply --no-trial --no-session");
    assert_eq!(made.status, 0, "{made:#?}");
    assert!(!answers(site, 80));
    site.run("grep -q '^flush ruleset' /etc/nftables.conf && systemctl restart nftables");
    assert_eq!(gate(site).status, 1);
    assert!(answers(site, 80), "nothing keeps anybody out");
    let status = site.ask("gate status");
    assert!(status.stdout.contains("The gate is gone"), "{status:#?}");
    let found = site.audit("--fail-on never", 0);
    assert!(found.contains(&super::site::found("", "gate-removed", "critical")), "{found:#?}");
    let again = site.ask("apply --no-trial --no-session");
    assert_eq!(again.status, 0, "{again:#?}");
    assert!(!answers(site, 80) && gate(site).status == 0);
    // It may flush as often as it likes: what is undone then is not what is there.
    site.run("systemctl restart nftables");
    let undone = site.ask("undo --no-session");
    assert!(undone.status == 5 && undone.stderr.contains("is gone"), "{undone:#?}");
    assert!(answers(site, 80));
}

/// What a container gets of this port of the host over HTTP.
fn called(docker: &Docker<'_>, name: &str, host: std::net::Ipv4Addr, port: u16) -> String {
    let get = "printf \"GET / HTTP/1.0\\r\\n\\r\\n\"";
    let call = format!("exec {name} /bin/sh -c '{get} | /bin/busybox nc -w 3 {host} {port} || true'");
    lab(docker.run(&call)).stdout
}

/// What is published at one address, or over one family, leaves the number to anybody at the others.
fn users_have_numbers_of_published_ports(site: &Site, docker: &Docker<'_>) {
    let options = format!("-p {}:8085:80 -p [::]:8088:80", site.host.place().ipv4);
    lab(docker.serve("narrow", &options, 80));
    for (unit, address, port) in [("one", "172.17.0.1", 8085), ("other", "0.0.0.0", 8088)] {
        let serve = format!("python3 -m http.server --bind {address} --directory /usr/share {port}");
        let heard = format!(
            "for try in $(seq 100); do ss -Hltn 'src {address}:{port}' | grep -q . && exit 0; sleep 0.1; done; exit 1"
        );
        site.run(&format!("systemd-run --quiet --uid=nobody --unit={unit} {serve}; {heard}"));
    }
}

/// Under a gate a container gets out and to every published port, which is open to others where it is declared and closed
/// where it is not, and neither restarts nor the gate's comings and goings change that.
#[test]
fn docker_stays_whole_behind_a_gate() {
    let site = Site::boot(&profile::WEB);
    let docker = lab(Docker::start(&site.host));
    lab(docker.serve("shop", "-p 8080:80", 80));
    lab(docker.serve("inner", "-p 8081:80", 80));
    lab(docker.run("network create back"));
    lab(docker.serve("far", "--network back", 80));
    users_have_numbers_of_published_ports(&site, &docker);
    let client = site.client.place().ipv4;
    // Somebody outside whom a container calls.
    let calls = |name: &str| {
        let listen = "timeout 20 python3 -c 'import socket; s = socket.socket(); s.setsockopt(1, 2, 1); s.bind((\"0.0.0.0\", 7000)); \
                      s.listen(); c, a = s.accept(); c.sendall(b\"outside\\n\")'";
        let _ = lab(site.client.run(&format!("({listen}) >/dev/null 2>&1 & for i in $(seq 200); do ss -Hltn 'sport = :7000' | grep -q . && exit 0; sleep 0.05; done; exit 1")));
        let heard = lab(docker
            .run(&format!("exec {name} /bin/sh -c '/bin/busybox nc -w 3 {client} 7000 </dev/null || true'")));
        heard.stdout
    };
    let (own, bridge) = (site.host.place().ipv4, std::net::Ipv4Addr::new(172, 17, 0, 1));
    let called = |name: &str, host, port| called(&docker, name, host, port);
    let whole = |when: &str| {
        assert_eq!(calls("shop"), "outside\n", "{when}: a container gets out");
        assert_eq!(fetched(&site, "127.0.0.1"), ANSWER, "{when}: by the loopback");
        assert_eq!(
            fetched(&site, &site.host.place().ipv4.to_string()),
            ANSWER,
            "{when}: by an address of the host"
        );
        // By a forwarder on the network that publishes it, from another one by the kernel.
        for (name, host, port) in
            [("inner", own, 8080), ("shop", own, 8081), ("shop", bridge, 8081), ("far", own, 8081)]
        {
            let between = called(name, host, port);
            assert!(between.ends_with(ANSWER), "{when}: from {name} to {host}:{port}: {between}");
        }
    };
    whole("without a gate");
    assert!(answers(&site, 8080) && answers(&site, 8081));
    for (host, port) in [(own, 80), (bridge, 8085), (own, 8088)] {
        assert!(called("shop", host, port).contains("HTTP/1"), "{host}:{port}: the host's own");
    }
    declare(&site, &["22/tcp", "8080/tcp"]);
    let made = site.ask("apply --trial 60s --no-session");
    assert_eq!(made.status, 0, "{made:#?}");
    for (when, command) in [
        ("on trial", "true"),
        ("confirmed", "portreeve confirm"),
        (
            "after a restart of a container",
            "docker --host unix:///run/lab/docker.sock restart --time 0 shop inner far narrow",
        ),
        (
            "after a restart of the engine",
            "systemctl restart engine.service && docker --host unix:///run/lab/docker.sock start shop inner far narrow",
        ),
    ] {
        site.run(command);
        assert!(answers(&site, 8080), "{when}: 8080 is declared");
        assert!(!answers(&site, 8081), "{when}: 8081 is published, and not declared");
        for (host, port) in [(own, 80), (bridge, 8085), (own, 8088)] {
            assert_eq!(
                called("shop", host, port),
                "",
                "{when}: {host}:{port} is the host's, and no container's"
            );
        }
        assert!(called("shop", own, 8085).ends_with(ANSWER), "{when}: at the address that publishes it");
        whole(when);
    }
    assert_eq!(site.ask("plan").status, 0, "nothing is to be done");
    assert_eq!(site.ask(OFF).status, 0);
    assert!(answers(&site, 8081));
    whole("without a gate again");
}
