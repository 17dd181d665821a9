//! What the policy has steered, from plan to undo, on a host with a real systemd and real servers (A5, A11, A12, A13, A22).

use portreeve_lab::{Output, profile};
use serde_json::Value;

use super::site::{Site, lab};

/// An address on which nobody listens alone.
const SHARED: &str = "198.51.100.77";
const APPLY: &str = "apply --no-trial --no-session";
/// The first line of whoever answers at an address, also of who waits to be asked, or why nobody does.
const GREET: &str = r#"
import socket, sys
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), 3) as server:
        server.settimeout(2)
        try:
            said = server.recv(64)
        except TimeoutError:
            server.sendall(b"?\r\n\r\n")
            said = server.recv(64)
        print(said.decode(errors="replace").split("\r")[0])
except OSError as error:
    print(error.strerror or error)
"#;
/// A server that tells who it is to everybody, whom it closes only once he has gone.
const SERVER: &str = r#"
import socket, sys, threading
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=4096)
def serve(client):
    try:
        client.sendall(sys.argv[2].encode())
        client.recv(1)
    except OSError:
        pass
    client.close()
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"#;
/// Connects again and again until it is told to stop, and counts who answered and who did not.
const STORM: &str = r#"
import collections, os, socket, sys
seen = collections.Counter()
while not os.path.exists("/srv/stop"):
    try:
        with socket.create_connection((sys.argv[1], int(sys.argv[2])), 10) as server:
            seen[server.recv(16).decode() or "nothing"] += 1
    except OSError as error:
        seen[error.strerror or str(error)] += 1
print(";".join(f"{who}={count}" for who, count in sorted(seen.items())))
"#;

fn site(profile: &portreeve_lab::Profile, policy: &str) -> Site {
    let site = Site::boot(profile);
    site.run("mount -t bpf bpf /sys/fs/bpf && mount -o remount,rw /proc/sys");
    site.run(&format!("ip address add {SHARED}/32 dev lo"));
    for (path, text) in [("/srv/greet.py", GREET), ("/srv/server.py", SERVER), ("/srv/storm.py", STORM)] {
        lab(site.host.write(path, text));
    }
    lab(site.host.write("/etc/portreeve/policy.toml", policy));
    site
}

fn greets(site: &Site, port: u16) -> String {
    site.run(&format!("python3 /srv/greet.py {SHARED} {port}")).stdout.trim().to_owned()
}

/// What `steer status` tells of the only service, or of one of several.
fn steered(site: &Site, service: &str) -> Value {
    let status = site.ask("steer status -o json").json();
    let services = status["services"].as_array().expect("`services` is promised");
    services.iter().find(|of| of["service"] == service).expect("it is steered").clone()
}

fn links(site: &Site) -> Output {
    site.run("ls /sys/fs/bpf/portreeve 2>/dev/null | wc -l")
}

/// Each of three real servers gets its own traffic on its own ports of one address, of which none of them knows anything.
#[test]
fn three_servers_share_one_address() {
    let service = |name: &str, port: u16, unit: &str| {
        format!(
            "[service.{name}]\nports = [\"{port}/tcp\"]\naddress = [\"{SHARED}\"]\nowner = {{ unit = \"{unit}\" }}\nreach = \"world\"\nsteer = {{ when_dead = \"refuse\" }}\n"
        )
    };
    let steered_to = [
        ("post", 2525, "postfix@-.service"),
        ("files", 2121, "vsftpd.service"),
        ("web", 8080, "nginx.service"),
    ];
    let own = "version = 1\n[service.ssh]\nports = [\"22/tcp\"]\nowner = { unit = \"ssh.service\" }\nreach = \"world\"\n";
    let policy: String = steered_to.iter().map(|(name, port, unit)| service(name, *port, unit)).collect();
    let site = site(&profile::MAIL_WEB_FTP, &format!("{own}{policy}"));
    assert_eq!(greets(&site, 2525), "Connection refused");
    let planned = site.ask("plan --no-session -o json").json();
    let kinds: Vec<&str> = planned["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .filter_map(|change| change["kind"].as_str())
        .collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "steer").count(), 1, "{kinds:?}");
    site.run(&format!("portreeve {APPLY}"));
    // Where an owner has several sockets nobody guesses which is meant.
    let registered = |name: &str, port: u16| {
        let pid = site
            .run(&format!("ss -Hltnp 'sport = :{port}' | grep -o 'pid=[0-9]*,fd=[0-9]*' | head -1"))
            .stdout;
        let (pid, fd) = pid.trim().trim_start_matches("pid=").split_once(",fd=").expect("a holder");
        site.run(&format!("portreeve steer register {name} --pid {pid} --fd {fd}"));
    };
    registered("post", 25);
    registered("files", 21);
    registered("web", 80);
    for (port, said) in [(2525, "220 "), (2121, "220 (vsFTPd"), (8080, "HTTP/1.1 400")] {
        assert!(greets(&site, port).starts_with(said), "{port}: {}", greets(&site, port));
    }
    assert!(greets(&site, 2525).contains("ESMTP"), "{}", greets(&site, 2525));
    assert_eq!(greets(&site, 25 + 1), "Connection refused");
    // Whoever asks what is on that port hears of him who gets its packets.
    let who = site.run("portreeve who 8080").stdout;
    let told = format!("8080/tcp at {SHARED} is led to web: nginx");
    assert!(who.contains(&told) && who.contains("0.0.0.0:80"), "{who}");
    let who = site.ask("who 8080/tcp -o json").json();
    let listener = &who["steered"][0]["listeners"][0];
    assert_eq!(
        (&listener["port"], &listener["holders"][0]["unit"]),
        (&80.into(), &"nginx.service".into()),
        "{who:#}"
    );
    assert_eq!(site.ask("who 8080/tcp -q").status, 0, "it is not free");
    assert!(site.run("portreeve why 8080").stdout.contains(&told));
    // Also where some other process is in a network of its own.
    site.run("systemd-run -q -u apart unshare -n sleep 600 && sleep 0.5");
    let who = site.run("portreeve who 8080").stdout;
    assert!(who.contains(&told), "{who}");
    let post = steered(&site, "post");
    assert_eq!((post["state"].as_str(), post["hits"]["dead"].as_u64()), (Some("live"), Some(0)), "{post}");
    assert!(post["hits"]["delivered"].as_u64() >= Some(2), "{post}");
    site.run("portreeve off steer");
    assert_eq!((greets(&site, 2525).as_str(), links(&site).stdout.trim()), ("Connection refused", "0"));
}

const WEB: &str = r#"version = 1
[service.ssh]
ports = ["22/tcp"]
owner = { unit = "ssh.service" }
reach = "world"
[service.nginx]
ports = ["80/tcp", "443/tcp"]
owner = { unit = "nginx.service" }
reach = "world"
[service.all]
ports = ["1-65535/tcp"]
address = ["198.51.100.77"]
owner = { unit = "ssh.service" }
steer = { when_dead = "refuse" }
[service.web]
ports = ["8000-8010/tcp"]
address = ["198.51.100.77"]
owner = { user = "dev" }
reach = "world"
steer = { when_dead = "pass", target_port = 9000 }
"#;

/// The most precise route leads; one entry takes all other ports of the address, and whoever has no socket is passed by or refused.
#[test]
fn all_ports_of_an_address_go_to_one_socket_but_those_of_others() {
    let site = site(&profile::WEB, WEB);
    site.run(&format!("portreeve {APPLY}"));
    for port in [1, 80, 443, 7999, 8011, 65_535] {
        assert!(greets(&site, port).starts_with("SSH-2.0"), "{port}: {}", greets(&site, port));
    }
    assert_eq!(greets(&site, 8000), "Connection refused", "nobody listens there himself");
    let server = lab(site.host.start_as("dev", "python3 /srv/server.py 9000 first"));
    site.run("timeout 10 sh -c 'until ss -Htln | grep -q :9000; do sleep 0.1; done'");
    assert_eq!(site.ask("steer register web --pid 1").status, 5, "who is no owner gets nothing");
    site.run("portreeve steer register web");
    assert_eq!((greets(&site, 8000), greets(&site, 8010)), ("first".into(), "first".into()));
    let reaches = |site: &Site, port: u16, zone: &str| {
        let listener = site.ask(&format!("ls {port}/tcp -o json")).json()["listeners"][0].clone();
        let mut reach = listener["reach"].as_array().expect("`reach` is promised").iter();
        reach.any(|reach| reach["zone"] == zone && reach["verdict"] == "reachable")
    };
    let reached = |site: &Site| reaches(site, 9000, "world");
    assert!(reached(&site), "others get to it, though it is bound to loopback");
    let waited =
        site.run("portreeve wait 8003/tcp --for 1s && portreeve wait 8000-8010 --owner user=dev").stdout;
    assert!(waited.contains("8003/tcp is up, held by server.py (dev)"), "{waited}");
    assert!(waited.contains("8000-8010 is up"), "{waited}");
    assert_eq!(site.ask("wait 8003/udp --for 1s").status, 1);
    let exposed = site.run("portreeve exposure -o json").stdout;
    let exposed: Value = serde_json::from_str(&exposed).expect("JSON");
    let rows = exposed["exposure"].as_array().expect("`exposure` is promised").clone();
    assert!(rows.iter().any(|row| (row["port"] == 8000) && (row["port_last"] == 8010)), "{rows:#?}");
    let exposed = site.run("portreeve exposure 8000/tcp 8003/tcp").stdout;
    assert!(!exposed.contains("Nobody listens"), "they are led to somebody: {exposed}");
    // Whoever is bound where all is led to another gets nothing, also from this host.
    let deprived = lab(site.host.start_as("dev", &format!("nc -l -s {SHARED} -p 5555")));
    site.run("timeout 10 sh -c 'until ss -Htln | grep -q :5555; do sleep 0.1; done'");
    assert!(greets(&site, 5555).starts_with("SSH-2.0") && !reaches(&site, 5555, "host"));
    assert!(reaches(&site, 9000, "host"));
    drop(deprived);
    // What is led to from elsewhere is no port that nobody needs, and an undo leads to whom it finds.
    let audit = site.ask("audit -o json").json();
    let rules =
        audit["findings"].as_array().expect("`findings` is promised").iter().map(|of| of["rule"].as_str());
    // The server came with no package.
    assert_eq!(rules.collect::<Vec<_>>(), [Some("gate-not-at-boot"), Some("code-of-no-package")]);
    site.run("portreeve off steer");
    assert!(!reached(&site));
    site.run("portreeve undo --no-session");
    assert_eq!((greets(&site, 8000), &greets(&site, 443)[..7]), ("first".into(), "SSH-2.0"));
    drop(server);
    site.run("timeout 10 sh -c 'while ss -Htln | grep -q :9000; do sleep 0.1; done'");
    assert_eq!(greets(&site, 8000), "Connection refused");
    assert_eq!(steered(&site, "web")["state"], "dead");
    // Neither who listens on a steered number of another address, nor who is led to from elsewhere, is a finding.
    let audit = site.ask("audit -o json").json();
    let rules =
        audit["findings"].as_array().expect("`findings` is promised").iter().map(|of| of["rule"].to_string());
    assert_eq!(rules.collect::<Vec<_>>(), ["\"steered-to-nobody\"", "\"gate-not-at-boot\""]);
    site.run("systemctl restart ssh");
    assert_eq!(greets(&site, 443), "Connection refused", "its socket is gone");
    assert!(site.run(&format!("portreeve {APPLY}")).stdout.contains("lead all to sshd"));
    assert!(greets(&site, 443).starts_with("SSH-2.0"));
}

/// Whose pins are not where they are kept is somebody else's.
#[test]
fn a_program_of_others_is_told_of() {
    let site = site(&profile::WEB, WEB);
    site.run(&format!("portreeve {APPLY}"));
    let foreign = |site: &Site| site.ask("steer status -o json").json()["foreign"].clone();
    let found = |site: &Site| site.ask("audit -o json").stdout.contains("foreign-steering");
    assert_eq!((foreign(&site), found(&site)), (Value::Array(Vec::new()), false), "its own is none");
    site.run("mv /sys/fs/bpf/portreeve/steer-2-* /sys/fs/bpf/foreign");
    assert_eq!((&foreign(&site)[0]["name"], found(&site)), (&Value::from("lead"), true));
    assert!(site.run("portreeve steer status").stdout.contains("Another program chooses sockets here too"));
}

/// Nobody is refused, reset or forgotten while new connections go to another process, and back.
#[test]
fn a_service_moves_between_processes_under_a_storm() {
    let site = site(&profile::WEB, WEB);
    site.run(&format!("portreeve {APPLY}"));
    let servers: Vec<_> = [("9000", "first"), ("9001", "second")]
        .map(|(port, name)| lab(site.host.start_as("dev", &format!("python3 /srv/server.py {port} {name}"))))
        .into();
    site.run(
        "timeout 10 sh -c 'until ss -Htln | grep -q :9000 && ss -Htln | grep -q :9001; do sleep 0.1; done'",
    );
    let pid = |port: u16| {
        let told = site.run(&format!("ss -Hltnp 'sport = :{port}' | grep -o 'pid=[0-9]*' | head -1")).stdout;
        told.trim().trim_start_matches("pid=").to_owned()
    };
    let (first, second) = (pid(9000), pid(9001));
    site.run("portreeve steer register web");
    assert_eq!(greets(&site, 8000), "first", "it is on the port that is meant");
    let storm = format!(
        "for n in 1 2 3; do python3 /srv/storm.py {SHARED} 8000 > /srv/out.$n & done;
         for to in {second} {first} {second} {first} {second}; do
             sleep 0.5; portreeve steer move web --to-pid $to --drain 10s -q || exit 9;
         done;
         sleep 0.5; portreeve undo -q || exit 9; sleep 0.5; touch /srv/stop; wait; cat /srv/out.*"
    );
    let told = site.run(&storm).stdout;
    let mut counts = [0_u64; 2];
    for (who, count) in told.split([';', '\n']).filter_map(|part| part.split_once('=')) {
        let at = ["first", "second"].iter().position(|name| *name == who);
        counts[at.unwrap_or_else(|| panic!("{told}"))] += count.trim().parse::<u64>().expect("a number");
    }
    assert!(counts.iter().all(|count| *count > 100), "{told}");
    assert_eq!(greets(&site, 8000), "first", "an undo is a move too");
    assert!(site.run("portreeve history").stdout.contains("moved web to another socket"));
    let again = site.ask("undo");
    assert!(again.status != 0 && again.stderr.contains("took one back itself"), "{again:#?}");
    site.run(&format!(
        "kill {second} && timeout 5 sh -c 'while ss -Htln | grep -q :9001; do sleep 0.1; done'"
    ));
    let gone = site.ask("undo 8");
    assert_eq!((gone.status, gone.stderr.contains("before is closed")), (5, true), "{gone:#?}");
    assert_eq!(greets(&site, 8000), "first", "and nothing was changed");
    drop(servers);
}

/// With nobody of ours alive the kernel goes back to what was steered before.
#[test]
fn a_trial_is_over_by_itself() {
    let site = site(&profile::WEB, WEB);
    // As long as it takes to ask where every instruction is emulated.
    site.run("portreeve apply --trial 10s --no-session && ! pgrep -x portreeve");
    assert!(greets(&site, 443).starts_with("SSH-2.0"));
    site.run("sleep 10.5");
    assert!(!greets(&site, 443).starts_with("SSH-2.0"));
    site.run(&format!("portreeve {APPLY}"));
    assert!(greets(&site, 443).starts_with("SSH-2.0"));
    site.run("portreeve undo --no-session");
    assert!(!greets(&site, 443).starts_with("SSH-2.0"));
    assert_eq!(links(&site).stdout.trim(), "0", "nothing of ours is in the kernel");
}

/// Routes come back at each boot before anybody serves, and lead to whoever registers since.
#[test]
fn what_is_steered_is_so_again_after_a_reboot() {
    let mut site = site(&profile::WEB, WEB);
    let bpffs = "[Unit]\nDefaultDependencies=no\nBefore=portreeve-early.service\n[Service]\nType=oneshot\nExecStart=mount -t bpf bpf /sys/fs/bpf\nExecStart=ip address replace 198.51.100.77/32 dev lo\n[Install]\nWantedBy=sysinit.target\n";
    lab(site.host.write("/etc/systemd/system/bpffs.service", bpffs));
    site.run(&format!("portreeve {APPLY} && portreeve gate enable"));
    // A unit that waits for nothing but what systemd has all units wait for finds its routes.
    let early = "[Service]\nExecStart=sleep infinity\nExecStartPost=-portreeve steer register all --wait 1s\n[Install]\nWantedBy=multi-user.target\n";
    lab(site.host.write("/etc/systemd/system/anybody.service", early));
    site.run("systemctl enable bpffs anybody");
    lab(site.host.reboot(&profile::WEB));
    comes_before_services(&site);
    assert_eq!(
        greets(&site, 443),
        "Connection refused",
        "{:#?}",
        site.run("systemctl status portreeve-boot; true")
    );
    assert_eq!(steered(&site, "all")["state"], "dead");
    // Not by its unit: what contains the lab's first process lets no unit take another's descriptor (seccomp(2)).
    site.run("portreeve steer register all");
    assert!(greets(&site, 443).starts_with("SSH-2.0"), "{}", greets(&site, 443));
    // Whoever takes the program away is told of, and the sockets are led to again without anybody starting anew.
    site.run("rm -r /sys/fs/bpf/portreeve/steer-2-*/lead && sleep 0.2");
    assert!(!greets(&site, 443).starts_with("SSH-2.0"));
    assert_eq!(site.ask("steer status -o json").json()["whole"], false);
    site.run(&format!("portreeve {APPLY}"));
    assert!(greets(&site, 443).starts_with("SSH-2.0"));
}

/// What is steered is put back before whoever registers looks for it, and nothing waits for itself.
fn comes_before_services(site: &Site) {
    let at = |unit: &str, what: &str| {
        let said = site.run(&format!("systemctl show -P {what}TimestampMonotonic {unit}")).stdout;
        said.trim().parse::<u64>().unwrap_or_else(|_| panic!("{unit} {what}: {said}"))
    };
    let early = at("portreeve-early.service", "ActiveEnter");
    assert!(early > 0, "{:#?}", site.run("systemctl status portreeve-early; true"));
    assert!(early <= at("sysinit.target", "ActiveEnter"));
    assert!(early <= at("anybody.service", "ExecMainStart"));
    let said = site.run("journalctl -b -o cat -u anybody").stdout;
    assert!(said.contains("error: ") && !said.contains("nothing is steered to"), "{said}");
    let all = site.run("journalctl -b -o cat").stdout;
    assert!(!all.contains("ordering cycle"), "{all}");
}

/// Who closes a port is told who loses it, and that is not the one who has bound it where others get what comes in.
#[test]
fn whoever_is_led_to_loses_a_port_that_is_closed() {
    let policy = r#"version = 1
[service.ssh]
ports = ["22/tcp"]
owner = { unit = "ssh.service" }
reach = "world"
[service.web]
ports = ["9000/tcp"]
owner = { unit = "web.service" }
reach = "world"
steer = { when_dead = "refuse", target_port = 8001 }
"#;
    let site = site(&profile::BARE, policy);
    site.run("systemd-run -q -u web python3 /srv/server.py 8001 web");
    site.run("systemd-run -q -u other python3 -m http.server --bind 0.0.0.0 9000");
    for port in [8001, 9000] {
        site.run(&format!("timeout 10 sh -c 'until ss -Htln | grep -q :{port}; do sleep 0.1; done'"));
    }
    let applied = site.ask(APPLY);
    assert_eq!((applied.status, greets(&site, 9000).as_str()), (0, "web"), "{applied:#?}");
    let closed = site.ask("close 9000/tcp --no-session");
    assert_eq!(closed.status, 0, "{closed:#?}");
    let loses = closed.stdout.lines().find(|line| line.contains("loses")).expect("somebody loses it");
    assert!(loses.contains("web") && !loses.contains("other"), "{loses}");
    let proof = "Verified by connections from outside: 9000/tcp over IPv4 answered before";
    assert!(closed.stdout.contains(proof), "{closed:#?}");
    assert!(!closed.stdout.contains("disable --now other"), "{closed:#?}");
    site.run("portreeve undo --no-session && systemctl stop other");
    let closed = site.ask("close 9000/tcp --stop --no-session");
    assert!(closed.stdout.contains("is led to web, which listens elsewhere and goes on"), "{closed:#?}");
    assert!(closed.stdout.contains(proof), "{closed:#?}");
    site.run("systemctl is-active web && systemctl stop web");
    for how in ["--stop", "--unlisten"] {
        let closed = site.ask(&format!("close 9000/tcp {how} --no-session"));
        assert!(closed.stdout.contains("is led to web, which has no socket now"), "{closed:#?}");
    }
}

/// Whoever cannot see that 9000 is steered is told of it whatever the policy says, also root who is contained and of what was saved.
fn unseen(site: &Site) {
    let contained = |asked: &str| {
        let less = "-bpf,-sys_admin,-net_admin";
        let command =
            format!("setpriv --bounding-set={less} --inh-caps={less} /usr/local/bin/portreeve {asked}");
        lab(site.host.run(&command)).status
    };
    site.run("su nobody -s /bin/sh -c 'portreeve snapshot -a' > /tmp/user.json && cp /etc/portreeve/policy.toml /tmp/policy");
    for policy in ["cp /tmp/policy", "grep -v ^steer /tmp/policy >", "chmod 600"] {
        site.run(&format!("{policy} /etc/portreeve/policy.toml"));
        let asked = if policy.starts_with("chmod") { &["wait 9000 --for 100ms"][..] } else { &ASKED };
        for asked in asked {
            assert_eq!(site.ask_as("nobody", asked).status, 3, "{policy}: {asked}");
            assert_eq!(contained(asked), 3, "{policy}: {asked}");
            let saved = format!("{asked} --snapshot /tmp/user.json");
            assert_eq!(site.ask(&saved).status, 3, "{policy}: {asked}");
        }
        // And who can see it does not find that nobody is there.
        let audit = site.ask("audit").stdout;
        assert!(!audit.contains("where nobody listens"), "{policy}: {audit}");
        let free = site.ask_as("nobody", "wait 9009 --for 100ms");
        assert_eq!(
            (free.status, site.ask("audit").stdout.contains("what is steered")),
            (1, false),
            "{free:#?}"
        );
    }
    site.run("chmod 644 /etc/portreeve/policy.toml && cp /tmp/policy /etc/portreeve/policy.toml");
}

/// Each asks who gets what comes in for 9000.
const ASKED: [&str; 3] = ["who -q 9000", "who 9000", "wait 9000 --for 100ms"];

/// What contains whoever types may keep the sockets of others from him, as whatever runs here as a unit: nothing is changed, nor left.
#[test]
fn nothing_is_changed_where_a_socket_cannot_be_taken() {
    let policy = r#"version = 1
[service.web]
ports = ["9000/tcp"]
owner = { unit = "web.service" }
reach = "world"
steer = { when_dead = "refuse", target_port = 8001 }
"#;
    let site = site(&profile::BARE, policy);
    site.run("systemd-run -q -u web python3 /srv/server.py 8001 web");
    site.run("timeout 10 sh -c 'until ss -Htln | grep -q :8001; do sleep 0.1; done'");
    let within = |command: &str| {
        lab(site.host.run(&format!("systemd-run -q --wait --pipe /usr/local/bin/portreeve {command} 2>&1")))
    };
    let refused = within(APPLY);
    assert_eq!(refused.status, 7, "{refused:#?}");
    assert!(refused.stdout.contains("keeps pidfd_getfd from it"), "{refused:#?}");
    assert!(!site.run("ls -R /sys/fs/bpf").stdout.contains("steer"), "nothing of it stays");
    site.run(&format!(
        "portreeve {APPLY} && sed -i s/9000/9001/ /etc/portreeve/policy.toml && portreeve {APPLY}"
    ));
    let history = site.ask("history").stdout;
    let refused = within("undo --no-session");
    assert_eq!(refused.status, 7, "{refused:#?}");
    assert!(refused.stdout.contains("cannot take the change back"), "{refused:#?}");
    assert_eq!((greets(&site, 9001).as_str(), site.ask("history").stdout), ("web", history));
    assert_eq!(site.ask("undo --no-session").status, 0);
    assert_eq!(greets(&site, 9000), "web");

    // Whoever may not see what is steered is told so, and nothing for certain that is otherwise.
    site.run("sed -i s/9001/9000/ /etc/portreeve/policy.toml");
    let audit = site.ask_as("nobody", "audit").stdout;
    assert!(audit.contains("what is steered: only root may read it"), "{audit}");
    assert!(!audit.contains("8001/tcp"), "{audit}");
    for asked in ASKED {
        assert_eq!((site.ask_as("nobody", asked).status, site.ask(asked).status), (3, 0), "{asked}");
    }
    assert_eq!(site.ask_as("nobody", "who -q 9009").status, 1);
    unseen(&site);
    let missing = site.ask("steer register web --pid 999999");
    assert!(missing.status == 5 && missing.stderr.contains("there is no process 999999"), "{missing:#?}");
}
