//! What a policy says of the gate beside ports, as a client meets it: refusals, protocols without ports, and zones from which
//! a host is managed; and nobody takes a change back by which he could not come back (A15, A16).

use portreeve_lab::{Output, profile};

use super::site::{Site, lab};

/// A host with nginx on port 80 and sshd on 22, and this policy.
fn site(policy: &str) -> Site {
    let site = Site::boot(&profile::WEB);
    declare(&site, policy);
    site
}

fn declare(site: &Site, policy: &str) {
    site.run(&format!(
        "mkdir -p /etc/portreeve && printf '%s' 'version = 1\n{policy}' > /etc/portreeve/policy.toml"
    ));
}

fn service(name: &str, port: u16, reach: &str) -> String {
    format!(
        "[service.{name}]\nports = [\"{port}/tcp\"]\nowner = {{ unit = \"{name}.service\" }}\nreach = \"{reach}\"\n"
    )
}

#[track_caller]
fn ends(output: &Output, status: i32, said: &str) {
    assert_eq!(output.status, status, "{output:#?}");
    assert!(output.stderr.contains(said) || output.stdout.contains(said), "{output:#?}");
}

/// How curl ends: 7 where the connection is refused, 28 where nobody answers (curl(1)).
fn fetched(site: &Site) -> i32 {
    lab(site.client.run(&format!("curl -s -o /dev/null -m 2 http://{}/", site.host.place().ipv4))).status
}

#[test]
fn whoever_is_refused_is_told_so_where_the_policy_prefers_it() {
    let ssh = service("ssh", 22, "world");
    let site = site(&format!("refuse = \"reject\"\n{ssh}"));
    assert_eq!(fetched(&site), 0);
    let plan = site.ask("plan -o json").json();
    let loses = plan["zones"][0]["loses"].as_array().expect("the world loses ports");
    let web = loses.iter().find(|lost| lost["port"] == 80 && lost["protocol"] == "tcp").expect("80/tcp");
    assert_eq!((&web["before"], &web["after"]), (&"reachable".into(), &"rejected".into()));
    ends(&site.ask("plan"), 1, "What this host passes on as a router is not judged");
    ends(&site.ask("apply --no-trial --no-session"), 0, "until the machine is rebooted");
    assert_eq!(fetched(&site), 7);
    ends(&site.ask("exposure 80"), 0, "rejected");
    declare(&site, &ssh);
    ends(&site.ask("apply --no-trial --no-session"), 0, "until the machine is rebooted");
    assert_eq!(fetched(&site), 28);
    ends(&site.ask("undo --no-session"), 0, "Taken back");
    assert_eq!(fetched(&site), 7);
}

/// Sends packets of a protocol that nobody speaks on the host, whose kernel says so of each that gets there (RFC 792, code 2).
const ASK: &str = r#"
import socket, sys, time
target, numbers = sys.argv[1], sys.argv[2:]
heard = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
for number in map(int, numbers):
    sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, number)
    answered = False
    for _ in range(3):
        sender.sendto(bytes(16), (target, 0))
        heard.settimeout(0.7)
        end = time.time() + 0.7
        while not answered and time.time() < end:
            try:
                packet = heard.recv(512)
            except socket.timeout:
                break
            head = (packet[0] & 15) * 4
            answered = packet[head] == 3 and packet[head + 1] == 2 and packet[head + 8 + 9] == number
        if answered:
            break
    print(number, "arrives" if answered else "silent")
"#;

#[test]
fn a_protocol_without_ports_comes_from_where_it_may() {
    let ssh = service("ssh", 22, "world");
    let site = site(&ssh);
    let client = site.client.place().ipv4;
    let answers = || {
        let to = site.host.place().ipv4;
        site.fetch(&format!("python3 -c '{ASK}' {to} 89 112 88 97"))
    };
    let all = "89 arrives\n112 arrives\n88 arrives\n97 arrives\n";
    assert_eq!(answers(), all, "nothing filters yet");
    declare(
        &site,
        &format!(
            "[zone.peers]\nfrom = [\"{client}\"]\n[zone.others]\nfrom = [\"192.0.2.0/24\"]\n{ssh}\
             [protocol.ospf]\nreach = \"peers\"\n[protocol.vrrp]\nreach = \"others\"\n[protocol.eigrp]\nreach = \"host\"\n"
        ),
    );
    let planned = site.ask("plan");
    for said in
        ["etherip", "Closed: eigrp.", "ospf passes from peers alone.", "vrrp passes from others alone."]
    {
        ends(&planned, 1, said);
    }
    ends(&site.ask("apply --no-trial --no-session"), 0, "until the machine is rebooted");
    assert_eq!(answers(), "89 arrives\n112 silent\n88 silent\n97 arrives\n");
    ends(&site.ask("apply --no-trial --no-session"), 0, "Nothing to do");
    ends(&site.ask("undo --no-session"), 0, "Taken back");
    assert_eq!(answers(), all);
}

#[test]
fn whoever_manages_the_host_is_not_kept_out() {
    let zone =
        |management: &str| format!("[zone.admin]\nfrom = [\"198.51.100.0/24\"]\nmanagement = {management}\n");
    let web = service("nginx", 80, "world");
    let site = site(&format!("{}{web}", zone("true")));
    let said = "whoever manages this host from admin could not reach 22/tcp: `inet portreeve dropped";
    for command in ["plan", "apply --no-trial --no-session", "apply --trial 9s --no-session"] {
        ends(&site.ask(command), 5, said);
    }
    assert_eq!(lab(site.host.run("nft list table inet portreeve")).status, 1, "nothing was done");
    ends(
        &site.ask("apply --no-trial --no-session --lang ja"),
        5,
        "管理用のゾーン admin から 22/tcp に到達できなくなります",
    );
    // By the web alone.
    declare(&site, &format!("{}{web}", zone("\"80/tcp\"")));
    ends(&site.ask("plan"), 1, "nginx");
    declare(&site, &format!("{}{web}{}", zone("true"), service("ssh", 22, "admin")));
    ends(&site.ask("apply --no-trial --no-session"), 0, "until the machine is rebooted");
    declare(&site, &format!("{}{web}", zone("true")));
    ends(&site.ask("apply --no-trial --no-session"), 5, said);
    ends(&site.ask("apply --no-trial --cut-my-own-session"), 0, "until the machine is rebooted");
    // What is shut already is not lost by another change.
    ends(&site.ask("close 443/tcp --no-session"), 0, "");
    ends(&site.ask("off gate --no-session"), 0, "Took the gate away");
}

/// A network namespace on the host from which root logs in by ssh.
fn let_in(site: &Site) {
    site.run(
        "ip netns add out && ip link add w0 type veth peer name o0 netns out && ip addr add 10.99.0.1/24 dev w0 && \
         ip link set w0 up && ip -n out addr add 10.99.0.9/24 dev o0 && ip -n out link set o0 up && \
         mkdir -p /root/.ssh && ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519 && \
         cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys",
    );
}

fn over_ssh(site: &Site, command: &str) -> Output {
    let ssh = "ip netns exec out ssh -o StrictHostKeyChecking=no -o ConnectTimeout=3 root@10.99.0.1";
    lab(site.host.run(&format!("timeout 30 {ssh} \"{command}\" </dev/null")))
}

/// What takes a change back is a change: over a real session of ssh each way of it is refused that would cut the session.
#[test]
fn nobody_takes_back_what_lets_him_in() {
    let (web, ssh) = (service("nginx", 80, "world"), service("ssh", 22, "world"));
    let site = site(&web);
    let_in(&site);
    ends(&site.ask("apply --no-trial --no-session"), 0, "until the machine is rebooted");
    ends(&over_ssh(&site, "true"), 255, "timed out");
    let here = "10.99.0.9 is connected to 22/tcp (sshd";
    // A port that is open for a while.
    ends(&site.ask("open 22 --for 1h"), 0, "22/tcp is open to world");
    ends(&over_ssh(&site, "portreeve undo"), 5, here);
    ends(&over_ssh(&site, "portreeve undo --cut-my-own-session"), 0, "is no longer open");
    ends(&over_ssh(&site, "true"), 255, "timed out");
    // A trial.
    declare(&site, &format!("{web}{ssh}"));
    ends(&site.ask("apply --trial 5m --no-session"), 0, "portreeve confirm");
    ends(&over_ssh(&site, "portreeve undo --no-session"), 5, here);
    ends(&over_ssh(&site, "portreeve confirm"), 0, "Kept");
    // A gate that was confirmed.
    ends(&over_ssh(&site, "portreeve undo"), 5, "if you accept that: portreeve undo --cut-my-own-session");
    ends(&site.ask("undo"), 5, "no connection was found");
    // None at all, where somebody else keeps new ones out.
    let closed = "nft add table inet own && nft add chain inet own input { type filter hook input priority 0 \\; } && \
                  nft add rule inet own input ct state new tcp dport 22 drop";
    let said = over_ssh(&site, &format!("{closed} && portreeve off gate"));
    ends(&said, 5, here);
    ends(&said, 5, "inet own input");
    site.run("nft list table inet portreeve && nft delete table inet own");
    ends(&over_ssh(&site, "portreeve off gate"), 0, "Took the gate away");
    ends(&over_ssh(&site, "portreeve undo"), 0, "Taken back");
    ends(&over_ssh(&site, "portreeve undo 4 --cut-my-own-session"), 0, "Taken back");
    ends(&over_ssh(&site, "true"), 255, "timed out");
}
