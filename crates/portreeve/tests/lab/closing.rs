//! Ports that are closed by name on whole hosts: what a client gets, what goes on, and what is taken back (A16, A17).

use std::{
    path::Path,
    time::{Duration, Instant},
};

use portreeve_lab::{
    Chroot, Output,
    engine::{ANSWER, Docker},
    profile,
};

use super::site::{PORTREEVE, Site, found, lab};

/// Whether the client gets an answer over HTTP.
fn answers(site: &Site, port: u16) -> bool {
    let url = format!("http://{}:{port}/", site.host.place().ipv4);
    lab(site.client.run(&format!("curl -s -o /dev/null -m 2 {url}"))).status == 0
}

/// What the host gets from itself.
fn answer_to_itself(site: &Site, port: u16) -> String {
    lab(site.host.run(&get(&format!("127.0.0.1:{port}")))).stdout
}

/// Whether the host gets an answer from itself.
fn answers_itself(site: &Site, port: u16) -> bool {
    !answer_to_itself(site, port).is_empty()
}

#[track_caller]
fn ends(output: &Output, status: i32, said: &str) {
    assert_eq!(output.status, status, "{output:#?}");
    assert!(output.stderr.contains(said) || output.stdout.contains(said), "{said}: {output:#?}");
}

/// Waits until the host itself gets an answer.
#[track_caller]
fn wait_for(site: &Site, port: u16) {
    let start = Instant::now();
    while !answers_itself(site, port) {
        assert!(start.elapsed() < Duration::from_secs(20), "nobody answers on {port}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What somebody in the network of the container prints who does this; it must end with 0.
#[track_caller]
fn from_container(site: &Site, docker: &Docker<'_>, command: &str) -> String {
    let pid = lab(docker.pid("shop"));
    site.run(&format!("nsenter -t {pid} -n {command}")).stdout
}

/// Prints what stands at an address.
fn get(address: &str) -> String {
    format!(
        "python3 -c \"import urllib.request as r; print(r.urlopen('http://{address}/', timeout=2).read().decode(), end='')\""
    )
}

/// One of two ways to a container is closed: the other is named, until it is closed too.
#[test]
fn another_number_of_the_same_container_is_named() {
    let site = Site::boot(&profile::WEB);
    let docker = lab(Docker::start(&site.host));
    lab(docker.serve("shop", "-p 8080:80 -p 8081:80", 80));
    let said = site.ask("close 8080/tcp --no-session");
    ends(&said, 0, "is published as 8081/tcp too, which is open: portreeve close 8081/tcp");
    assert!(!answers(&site, 8080) && answers(&site, 8081));
    ends(&site.ask("gate status"), 0, "only closes the ports that were named to close, and lets all else in");
    let said = site.ask("close 8081/tcp --no-session");
    assert!(said.status == 0 && !said.stdout.contains("published as"), "{said:#?}");
    assert!(!answers(&site, 8081));
}

/// ufw denies a port that Docker publishes: whoever closes it is told why it was open, and everything else goes on.
#[test]
fn a_port_that_docker_publishes_past_ufw_is_closed() {
    let site = Site::boot(&profile::WEB);
    let docker = lab(Docker::start(&site.host));
    lab(docker.serve("shop", "-p 8080:80", 80));
    site.run("ufw --force enable && ufw allow 22/tcp && ufw deny 8080/tcp");
    assert!(answers(&site, 8080), "ufw does not close it");
    ends(&site.ask("exposure 8080/tcp"), 0, "172.17.0.2:80");
    assert_eq!(site.audit("", 1), [found("8080/tcp", "says-closed-is-open", "critical")]);
    let rules = site.run("iptables-save | grep -v '^#' | sed 's/\\[.*//'").stdout;

    ends(&site.ask("close 8080/tcp"), 5, "no connection was found");
    assert!(answers(&site, 8080), "nothing was done");
    let said = site.ask("close 8080/tcp --no-session");
    ends(&said, 0, "Closed to everybody outside: 8080/tcp");
    ends(&said, 0, "Verified by connections from outside: 8080/tcp over IPv4");
    for told in
        ["docker stop shop; or publish it on this host alone: -p 127.0.0.1:8080:80/tcp", "portreeve undo"]
    {
        ends(&said, 0, told);
    }
    assert!(!said.stdout.contains("engine.service"), "it serves other containers too: {said:#?}");
    goes_on(&site, &docker);
    assert_eq!(
        site.run("iptables-save | grep -v '^#' | sed 's/\\[.*//'").stdout,
        rules,
        "others' rules stand"
    );
    // Docker lets in by its own address what it published (Docker Engine, "Packet filtering and firewalls").
    let by_route = found("80/tcp", "container-port-by-route", "warning");
    assert_eq!(
        site.audit("", 1),
        [found("", "gate-not-at-boot", "warning"), by_route],
        "what ufw says is true now"
    );
    ends(&said, 0, "whoever routes through this host still gets to 172.17.0.2:80 itself");
    let way = format!("ip route add 172.17.0.0/16 via {}", site.host.place().ipv4);
    assert_eq!(lab(site.client.run(&way)).status, 0);
    assert_eq!(lab(site.client.run("curl -s -o /dev/null -m 2 http://172.17.0.2/")).status, 0);

    lab(docker.run("restart --time 0 shop"));
    wait_for(&site, 8080);
    goes_on(&site, &docker);
    site.run(&format!("systemctl restart {}", Docker::UNIT));
    lab(docker.run("start shop"));
    wait_for(&site, 8080);
    goes_on(&site, &docker);
    site.run("ufw reload");
    goes_on(&site, &docker);

    ends(&site.ask("close 8080/tcp --stop --no-session"), 5, "docker stop shop");
    ends(&site.ask("undo --no-session"), 0, "Taken back");
    assert!(answers(&site, 8080), "as it was");
    assert_eq!(lab(site.host.run("nft list table inet portreeve")).status, 1);
}

/// The client gets nothing, and the host and its containers all that they got before.
#[track_caller]
fn goes_on(site: &Site, docker: &Docker<'_>) {
    assert!(!answers(site, 8080), "the client gets through");
    assert_eq!(answer_to_itself(site, 8080), ANSWER);
    let client = site.client.place().ipv4;
    // Nobody listens there, and says so.
    let connect = format!(
        "python3 -c \"import socket; s = socket.socket(); s.settimeout(2); print(s.connect_ex(('{client}', 9)))\""
    );
    assert_eq!(from_container(site, docker, &connect), "111\n", "to the outside");
}

/// Containers get to published ports by an engine's forwarder and by the kernel alone.
#[test]
fn containers_still_get_to_a_published_port_that_is_closed() {
    for is_forwarded in [true, false] {
        let site = Site::boot(&profile::BARE);
        let docker = if is_forwarded {
            Docker::start(&site.host)
        } else {
            Docker::start_without_forwarders(&site.host)
        };
        let docker = lab(docker);
        lab(docker.serve("shop", "-p 8080:80", 80));
        let own = get(&format!("{}:8080", site.host.place().ipv4));
        let start = Instant::now();
        while !answers(&site, 8080) {
            assert!(start.elapsed() < Duration::from_secs(20), "it does not come up");
        }
        assert_eq!(from_container(&site, &docker, &own), ANSWER, "{is_forwarded}");
        ends(&site.ask("close 8080 --no-session"), 0, "Closed to everybody outside: 8080.");
        assert!(!answers(&site, 8080), "{is_forwarded}");
        assert_eq!(from_container(&site, &docker, &own), ANSWER, "{is_forwarded}");
        ends(&site.ask("undo --no-session"), 0, "Taken back");
        assert!(answers(&site, 8080), "{is_forwarded}");
    }
}

/// Only what is named is closed, by whoever may, and the unit is stopped only where somebody asks for it.
#[test]
fn a_plain_listener_is_closed_and_stopped_where_asked() {
    let site = Site::boot(&profile::WEB);
    ends(&site.ask_as("nobody", "close 80/tcp --no-session"), 2, "only root may change");
    for word in
        ["'8080; flush ruleset'", "'\"; flush ruleset; {'", "fwd", "99999/tcp", "80/dccp", "''", "$'80\\n81'"]
    {
        ends(&site.ask(&format!("close {word} --no-session")), 2, "error: ");
    }
    assert_eq!(lab(site.host.run("nft list table inet portreeve")).status, 1, "nothing was done");

    let said = site.ask("close 80/tcp --no-session");
    ends(&said, 0, "systemctl disable --now nginx.service");
    ends(&said, 0, "portreeve undo");
    assert!(!answers(&site, 80) && answers_itself(&site, 80));
    let https = format!("curl -sk -o /dev/null -m 2 https://{}/", site.host.place().ipv4);
    assert_eq!(lab(site.client.run(&https)).status, 0, "another port is as it was");
    ends(&site.ask("close 80/tcp --no-session"), 0, "Nothing to do: the gate refuses 80/tcp already");
    ends(&site.ask("close 80/tcp --no-session --lang ja"), 0, "変更は不要です");
    ends(&site.ask("close 443/tcp 30000-30009/udp --no-session"), 0, "30000-30009/udp");
    assert_ne!(lab(site.client.run(&https)).status, 0);
    ends(&site.ask("history"), 0, "closed 443/tcp, 30000-30009/udp");
    ends(&site.ask("undo --no-session"), 0, "Taken back");
    assert_eq!(lab(site.client.run(&https)).status, 0);
    assert!(!answers(&site, 80), "the one before it stands");
    ends(&site.ask("undo 1 --no-session"), 0, "Taken back");
    assert!(answers(&site, 80));

    // What stands under the operator, and pid 1, is never stopped.
    ends(&site.ask("close 22/tcp --stop --no-session --cut-my-own-session"), 5, "is a way into this host");
    site.run("systemctl is-active ssh.service");
    ends(
        &site.ask("close 80/tcp --stop --no-session"),
        0,
        "nginx.service is stopped; portreeve undo does not start it again",
    );
    ends(&site.ask("history"), 0, "stopped nginx.service (80/tcp)");
    assert_eq!(site.run("systemctl is-active nginx.service || true").stdout.trim(), "inactive");
    ends(&site.ask("undo --no-session"), 0, "Taken back");
    assert!(!answers(&site, 80), "nobody listens any more");
    site.run("systemctl start nginx.service");
    assert!(answers(&site, 80));
    // Whoever was stopped alone is the last change as any other: what was closed before stays so until it is named.
    ends(&site.ask("close 443/tcp --no-session"), 0, "Closed to everybody outside");
    ends(&site.ask("close 443/tcp --stop --no-session"), 0, "nginx.service is stopped");
    let refused = site.ask("undo --no-session");
    ends(&refused, 5, "is not taken back by portreeve: stopped nginx.service (443/tcp)");
    ends(&refused, 5, "takes back the one before it (");
}

/// A server that only listens and waits.
const SERVER: &str = "import socket, time
s = socket.socket()
s.bind(('0.0.0.0', 8099))
s.listen()
time.sleep(600)
";

/// A listening socket is taken from a process, which lives on; a process of no unit ends by a signal.
#[test]
fn a_socket_is_taken_from_a_process_that_lives_on() {
    let site = Site::boot(&profile::BARE);
    lab(site.host.write("/srv/server.py", SERVER));
    let server = lab(site.host.start_as("dev", "python3 /srv/server.py"));
    lab(site.host.wait_for_port(8099));
    let is_listening = || !site.run("ss -Hltn 'sport = :8099'").stdout.is_empty();
    let is_alive = || lab(site.host.run("pgrep -f '/srv/[s]erver.py'")).status == 0;
    ends(&site.ask("close 8099/tcp --no-session --stop --unlisten"), 2, "exclude each other");
    let said = site.ask("close 8099/tcp --no-session --unlisten");
    ends(&said, 0, "which keeps running; portreeve undo does not give them back");
    ends(&said, 0, "server.py (pid ");
    assert!(!is_listening() && is_alive());
    ends(&site.ask("history"), 0, "took the sockets of 8099/tcp from ");
    ends(&site.ask("close 8099/tcp --no-session --unlisten"), 0, "No socket of TCP listens there");
    drop(server);

    let _server = lab(site.host.start_as("dev", "python3 /srv/server.py"));
    lab(site.host.wait_for_port(8099));
    ends(&site.ask("close 8099/tcp --no-session --stop"), 0, "SIGTERM ends server.py (pid ");
    let start = Instant::now();
    while is_alive() {
        assert!(start.elapsed() < Duration::from_secs(5), "it does not end");
    }
    ends(&site.ask("close 8099/tcp --no-session --stop"), 0, "Nobody listens there");

    // Of sockets that share a number each is taken.
    let holders: Vec<_> = (0..4).map(|_| lab(site.host.hold_as("dev", "reuseport 0.0.0.0:8098"))).collect();
    ends(&site.ask("close 8098/tcp --no-session --unlisten"), 0, "which keeps running");
    assert_eq!(site.run("ss -Hltn 'sport = :8098'").stdout, "");
    drop(holders);
}

/// Who does not mind a signal still listens, and that is said rather than that he is stopped.
#[test]
fn whoever_minds_no_signal_is_not_said_to_be_stopped() {
    let host = lab(Chroot::create(Path::new(PORTREEVE)));
    let server = format!("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{SERVER}");
    lab(host.write("/tmp/server.py", &server));
    let listening =
        "python3 /tmp/server.py & pid=$!; until ss -Hltn 'sport = :8099' | grep -q .; do sleep 0.1; done;";
    let said = lab(host
        .run(&format!("{listening} portreeve close 8099/tcp --stop --no-session; echo $?; kill -KILL $pid")));
    assert!(said.stdout.ends_with("\n7\n"), "{said:#?}");
    ends(&said, 0, "does not end by SIGTERM, and listens on 8099/tcp; this ends it at once: kill -KILL ");
    lab(host.write("/tmp/server.py", SERVER));
    for (command, told) in
        [("--stop", "8099/tcp; in force"), ("--unlisten", "8099/tcp. Open connections go on; in force")]
    {
        lab(host.run("portreeve off gate"));
        let said = lab(host.run(&format!(
            "{listening} portreeve close 8099/tcp {command} --no-session; code=$?; kill -KILL $pid; exit $code"
        )));
        ends(&said, 0, told);
    }
}

fn declare(site: &Site, ports: &str) {
    let policy = format!(
        "version = 1\n\n[service.web]\nports = [{ports}]\nowner = {{ unit = \"nginx.service\" }}\nreach = \"world\"\n"
    );
    lab(site.host.write("/etc/portreeve/policy.toml", &policy));
}

/// Of a gate that lets in what is declared the port is taken out, and nothing that the policy says by now comes in.
#[test]
fn a_port_is_taken_out_of_the_gate_that_stands() {
    let site = Site::boot(&profile::WEB);
    let https = format!("curl -sk -o /dev/null -m 2 https://{}/", site.host.place().ipv4);
    let is_secure = || lab(site.client.run(&https)).status == 0;
    declare(&site, "\"80/tcp\", \"8000-8100/tcp\"");
    ends(&site.ask("apply --no-trial --no-session"), 0, "in force");
    assert!(answers(&site, 80) && !is_secure());
    declare(&site, "\"80/tcp\", \"8000-8100/tcp\", \"443/tcp\"");
    let said = site.ask("close 80 8050/tcp --no-session");
    ends(&said, 0, "/etc/portreeve/policy.toml:3: take 80/tcp out of service.web");
    ends(&said, 0, "take 8050/tcp out of service.web");
    assert!(!answers(&site, 80) && !is_secure(), "the policy is not applied by the way");
    ends(&site.ask("gate status"), 0, "by receipt 2");
    ends(&site.ask("close 443/tcp --no-session"), 0, "Nothing to do");
    // What is open for a while is shut with it, and undo does not open it again.
    ends(&site.ask("open 443 --for 1h"), 0, "443/tcp is open to world");
    assert!(is_secure());
    ends(&site.ask("close 443/tcp --no-session"), 0, "Closed to everybody outside: 443/tcp");
    assert!(!is_secure());
    ends(&site.ask("undo --no-session"), 0, "Taken back");
    assert!(!is_secure() && !answers(&site, 80));
    ends(&site.ask("undo 2 --no-session"), 0, "Taken back");
    assert!(answers(&site, 80) && !is_secure());
    // The removal agrees with a policy without the port.
    ends(&site.ask("close 80/tcp --no-session"), 0, "Closed");
    declare(&site, "\"8000-8100/tcp\"");
    ends(&site.ask("plan"), 0, "Nothing to do");
}

/// Whoever is here by a port does not close it by mistake.
#[test]
fn nobody_closes_the_port_that_he_came_by() {
    let site = Site::boot(&profile::WEB);
    site.run(
        "ip netns add out && ip link add w0 type veth peer name o0 netns out && ip addr add 10.99.0.1/24 dev w0 && \
         ip link set w0 up && ip -n out addr add 10.99.0.9/24 dev o0 && ip -n out link set o0 up && \
         mkdir -p /root/.ssh && ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519 && \
         cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys",
    );
    let over_ssh = |command: &str| {
        let ssh = "ip netns exec out ssh -o StrictHostKeyChecking=no -o ConnectTimeout=3 root@10.99.0.1";
        lab(site.host.run(&format!("timeout 20 {ssh} \"{command}\" </dev/null")))
    };
    for command in [
        "portreeve close 22",
        "portreeve close ssh/tcp",
        "portreeve close 1-65535/tcp --no-session",
        "setsid -w portreeve close 22/tcp",
    ] {
        ends(&over_ssh(command), 5, "10.99.0.9 is connected to 22/tcp (sshd");
    }
    ends(&over_ssh("portreeve close 22 --stop --cut-my-own-session"), 5, "nothing was closed or stopped");
    ends(&over_ssh("portreeve close 22 --unlisten"), 5, "you are here by");
    assert_eq!(lab(site.host.run("nft list table inet portreeve")).status, 1, "nothing was done");
    ends(&over_ssh("portreeve close 80/tcp"), 0, "Closed to everybody outside: 80/tcp");
    assert!(!answers(&site, 80));
    ends(&over_ssh("portreeve close 22/tcp --cut-my-own-session"), 0, "open connections go on");
    ends(&over_ssh("true"), 255, "timed out");
    ends(&site.ask("undo --no-session"), 0, "Taken back");
    ends(&over_ssh("true && echo here"), 0, "here");
}

/// A server that only the wire of the client gets to.
const TIED: &str = "import socket, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'INTERFACE')
s.bind(('0.0.0.0', 8098))
s.listen()
time.sleep(600)
";

#[test]
fn of_a_socket_tied_to_a_device_it_is_said_why_no_packet_proves_it() {
    let site = Site::boot(&profile::BARE);
    let addresses = site.run("ip -o -4 address show scope global").stdout;
    let device = addresses.split_whitespace().nth(1).expect("an interface");
    lab(site.host.write("/srv/tied.py", &TIED.replace("INTERFACE", device)));
    site.run("systemd-run --quiet --unit tied python3 /srv/tied.py");
    let connect = format!("timeout 2 bash -c '</dev/tcp/{}/8098'", site.host.place().ipv4);
    let connects = || lab(site.client.run(&connect)).status == 0;
    let start = Instant::now();
    while !connects() {
        assert!(start.elapsed() < Duration::from_secs(20), "nobody answers");
    }
    let said = site.ask("close 8098/tcp --no-session");
    ends(&said, 0, &format!("whoever listens there hears {device} alone"));
    assert!(!connects());
}
