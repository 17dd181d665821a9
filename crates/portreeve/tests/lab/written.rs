//! What services write of whoever asks them is judged while they write it, and what others write in their name is not (A14, A19).

use std::{thread, time::Duration};

use portreeve_lab::{Client, profile};
use serde_json::Value;

use super::{
    probed::source,
    site::{Site, lab},
};

const POLICY: &str = r#"version = 1
[service.ssh]
ports = ["22/tcp"]
owner = { unit = "ssh.service" }
reach = "world"
[service.web]
ports = ["80/tcp", "443/tcp"]
owner = { unit = "nginx.service" }
reach = "world"
[service.own]
ports = ["2222/tcp"]
owner = { unit = "own.service" }
reach = "world"
[[watch.log]]
service = "own"
file = "/var/log/own.log"
[[watch.log]]
service = "web"
file = "/var/log/nginx/access.log"
[[watch.log]]
service = "web"
file = "/var/log/nginx/error.log"
"#;
const TOLD: &str = "/root/told";
const SAID: &str = "/root/said";
/// The longest that anybody waits for what is to be told.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(100);
/// Paths of which scanners know.
const PATHS: [&str; 6] =
    ["/.env", "/wp-login.php", "/phpmyadmin/", "/.git/config", "/cgi-bin/luci", "/boaform/admin/formLogin"];

fn watched(site: &Site, name: &str) {
    site.run(&format!("systemd-run -q -u {name} sh -c 'exec portreeve watch -o ndjson >>{TOLD} 2>>{SAID}'"));
    wait_until(&format!("{name} follows"), || {
        site.run(&format!("pgrep -P $(systemctl show -p MainPID --value {name}) journalctl | wc -l"))
            .stdout
            .trim()
            == "1"
    });
}

#[track_caller]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
        if is_so() {
            return;
        }
        thread::sleep(PAUSE);
    }
    panic!("{what}: not within {PATIENCE:?}");
}

/// What is told of this source.
fn of(site: &Site, source: &str) -> Vec<Value> {
    // What follows the last end of a line is being written.
    let lines = site.run(&format!("cat {TOLD}")).stdout;
    let lines = lines.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let all = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("it is JSON"));
    all.filter(|line| line["source"] == source).collect()
}

/// What is told of this source, as soon as it is.
#[track_caller]
fn told(site: &Site, source: &str) -> Value {
    wait_until(&format!("{source} is told of"), || !of(site, source).is_empty());
    of(site, source).remove(0)
}

/// Is refused by ssh so often, as somebody whom it does not know: on a busy machine it may not even answer.
fn fails(site: &Site, client: &Client, times: u32) {
    let to = site.host.place().ipv4;
    let ssh = format!(
        "ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=5 nobody-known@{to}"
    );
    let once = format!("{ssh} true 2>&1 | grep -q 'Permission denied' && left=$((left - 1))");
    lab(client.run(&format!(
        "left={times}; for nth in $(seq 40); do [ $left = 0 ] || {once}; done; [ $left = 0 ]"
    )));
}

fn appends(site: &Site, name: &str, from: &str, times: u32) {
    let line = "Failed password for root from $from port 50 ssh2";
    site.run(&format!(
        "from={from}; for nth in $(seq {times}); do echo \"$(date -u +%Y-%m-%dT%H:%M:%SZ) host sshd[$$$nth]: {line}\" >>{name}; done"
    ));
}

#[test]
fn whoever_services_write_of_is_told_of_while_they_write_it() {
    let site = Site::boot(&profile::WEB);
    lab(site.host.write("/etc/portreeve/policy.toml", POLICY));
    site.run(
        "sed -i 's/return 200 .*;/return 404;/' /etc/nginx/sites-available/default; systemctl reload nginx",
    );
    watched(&site, "watched");

    let guesser = lab(Client::create(&site.network));
    fails(&site, &guesser, 6);
    let line = told(&site, &source(&guesser));
    assert_eq!((&line["kind"], &line["services"][0]), (&"brute-force".into(), &"ssh".into()), "{line:#}");
    assert_eq!(line["confidence"], "proven");

    let scanner = lab(Client::create(&site.network));
    for path in PATHS {
        lab(scanner.run(&format!("curl -s -o /dev/null http://{}{path}", site.host.place().ipv4)));
    }
    let line = told(&site, &source(&scanner));
    assert_eq!((&line["kind"], &line["services"][0]), (&"path-probing".into(), &"web".into()), "{line:#}");

    forgeries_are_nobodys(&site);
    what_nginx_is_asked_for_is_nobodys(&site);
    rotations_lose_nothing(&site);
    a_restart_goes_on(&site);
    latencies(&site);
}

/// By an ordinary user, and by root who is not sshd.
fn forgeries_are_nobodys(site: &Site) {
    let forge = |from: &str| {
        format!(
            "for nth in 1 2 3 4 5 6 7 8; do logger -t sshd --id=$nth \"Failed password for root from {from} port 50 ssh2\"; done"
        )
    };
    let output = lab(site.host.run_as("dev", &forge("192.0.2.1")));
    assert_eq!(output.status, 0, "{output:#?}");
    site.run(&forge("192.0.2.2"));
    let output = lab(site.host.run_as("dev", &format!("systemd-cat -t sshd sh -c '{}'", forge("192.0.2.3"))));
    assert_eq!(output.status, 0, "{output:#?}");
    // Whoever really fails afterwards is told of: all that stands before it has been read.
    let guesser = lab(Client::create(&site.network));
    fails(site, &guesser, 6);
    told(site, &source(&guesser));
    for forged in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
        assert_eq!(of(site, forged), [Value::Null; 0], "{forged}");
    }
}

/// Asks nginx for paths that end a line and begin another: of the log of errors, of that of requests, and of sshd's.
const ATTACK: &str = r#"
import datetime, socket, sys
def ask(line):
    path = "".join(f"%{byte:02x}" for byte in line.encode())
    with socket.create_connection((sys.argv[1], 80)) as server:
        server.sendall(f"GET /x%0a{path} HTTP/1.0\r\nHost: errors\r\n\r\n".encode())
        server.recv(9999)
now = datetime.datetime.now(datetime.timezone.utc)
paths = ["/.env", "/owa/", "/pma/", "/sdk", "/solr/", "/.git/"]
for nth, path in enumerate(paths):
    ask(f'{now:%Y/%m/%d %H:%M:%S} [error] 1#1: *1 user "a{nth}": password mismatch, client: 192.0.2.4, x')
    ask(f'192.0.2.5 - - [{now:%d/%b/%Y:%H:%M:%S} +0000] "GET {path} HTTP/1.1" 404 1 "-" "-"')
    ask(f"{now:%Y-%m-%dT%H:%M:%SZ} host sshd[{nth}]: Failed password for root from 192.0.2.6 port 50 ssh2")
"#;

/// Whoever asks nginx for a path that is not there has it write whole lines among its errors.
fn what_nginx_is_asked_for_is_nobodys(site: &Site) {
    let server = "server { listen 80; server_name errors; root /var/www; }";
    lab(site.host.write("/etc/nginx/conf.d/errors.conf", server));
    site.run("systemctl reload nginx; sleep 1");
    let attacker = lab(Client::create(&site.network));
    let to = site.host.place().ipv4;
    let said = lab(attacker.run(&format!("python3 - {to} <<'END'{ATTACK}END")));
    assert_eq!(said.status, 0, "{said:#?}");
    for forged in ["20.*, client: 192.0.2.4", "192.0.2.5 - -", "20.* host sshd.* 192.0.2.6"] {
        let count = site.run(&format!("grep -c '^{forged}' /var/log/nginx/error.log")).stdout;
        assert_eq!(count.trim(), "6", "nginx writes {forged} so");
    }
    wait_until("it is said that the log of errors is no log", || {
        site.run(&format!("cat {SAID}"))
            .stdout
            .contains("web, into /var/log/nginx/error.log nginx writes errors")
    });
    for forged in ["192.0.2.4", "192.0.2.5", "192.0.2.6"] {
        assert_eq!(of(site, forged), [Value::Null; 0], "{forged}");
    }
}

/// A file that was not there yet, that is renamed, and that is emptied.
fn rotations_lose_nothing(site: &Site) {
    const LOG: &str = "/var/log/own.log";
    appends(site, LOG, "203.0.113.1", 3);
    site.run(&format!("mv {LOG} {LOG}.1"));
    appends(site, &format!("{LOG}.1"), "203.0.113.1", 1);
    appends(site, LOG, "203.0.113.1", 1);
    let line = told(site, "203.0.113.1");
    assert_eq!((&line["kind"], &line["services"][0]), (&"brute-force".into(), &"own".into()), "{line:#}");
    site.run(&format!("cp {LOG} {LOG}.2; : >{LOG}"));
    appends(site, LOG, "203.0.113.2", 5);
    told(site, "203.0.113.2");
    site.run(&format!("rm {LOG}; ln -s /etc/passwd {LOG}"));
    wait_until("it is said that the log is none", || {
        site.run(&format!("cat {SAID}"))
            .stdout
            .contains("own, /var/log/own.log is a link that leads elsewhere")
    });
    site.run(&format!("rm {LOG}"));
    appends(site, LOG, "203.0.113.3", 5);
    told(site, "203.0.113.3");
}

/// What is written while nobody watches is judged afterwards, and no child is left.
fn a_restart_goes_on(site: &Site) {
    const LOG: &str = "/var/log/own.log";
    // So often it is written down how far logs were read.
    thread::sleep(Duration::from_millis(2_500));
    site.run("systemctl kill -s KILL --kill-who=main watched");
    wait_until("no child is left", || site.run("pgrep journalctl | wc -l").stdout.trim() == "0");
    let guesser = lab(Client::create(&site.network));
    fails(site, &guesser, 6);
    appends(site, LOG, "203.0.113.4", 3);
    site.run(&format!("mv {LOG} {LOG}.1"));
    appends(site, LOG, "203.0.113.4", 2);
    watched(site, "watched-again");
    assert_eq!(told(site, &source(&guesser))["kind"], "brute-force");
    assert_eq!(told(site, "203.0.113.4")["services"][0], "own");
    let mode = site.run("stat -c %a /var/lib/portreeve/watch/logs.json").stdout;
    assert_eq!(mode.trim(), "600");
}

/// From when a line is written until it is judged; for information only.
fn latencies(site: &Site) {
    let script = r#"
import time, datetime, json
took = []
for nth in range(40):
    source = f"203.0.114.{nth}"
    with open("/var/log/own.log", "a") as log:
        for _ in range(5):
            now = datetime.datetime.now(datetime.timezone.utc)
            log.write(f"{now:%Y-%m-%dT%H:%M:%SZ} host sshd[{nth}{_}]: Failed password for root from {source} port 50 ssh2\n")
        log.flush()
        written = time.time()
    for _ in range(500):
        told = [json.loads(line) for line in open("/root/told") if line.endswith("\n")]
        told = [line["at"] for line in told if line["source"] == source]
        if told:
            break
        time.sleep(0.01)
    at = datetime.datetime.fromisoformat(told[0][:26].rstrip("Z") + "+00:00").timestamp()
    took.append((at - written) * 1000)
took.sort()
print(f"{took[20]:.1f} ms, at most {took[-1]:.1f} ms")
"#;
    lab(site.host.write("/root/latency.py", script));
    println!(
        "a line of a file is judged after (median): {}",
        site.run("python3 /root/latency.py").stdout.trim()
    );
    let script = r#"
import datetime, json, subprocess
lines = subprocess.run("journalctl -o json -q _SYSTEMD_UNIT=ssh.service --output-fields=MESSAGE", shell=True, capture_output=True, text=True).stdout
lines = [json.loads(line) for line in lines.splitlines()]
took = []
for line in open("/root/told"):
    told = json.loads(line)
    if told["services"] != ["ssh"]:
        continue
    at = datetime.datetime.fromisoformat(told["at"][:26].rstrip("Z") + "+00:00").timestamp()
    written = [int(line["__REALTIME_TIMESTAMP"]) / 1e6 for line in lines
               if str(line["MESSAGE"]).startswith("Invalid user") and f" from {told['source']} " in str(line["MESSAGE"])]
    written = [moment for moment in written if moment <= at]
    took.append((at - written[-1]) * 1000)
took.sort()
print(f"{took[len(took) // 2]:.1f} ms, of {len(took)}: " + " ".join(f"{one:.0f}" for one in took))
"#;
    for _ in 0..5 {
        let guesser = lab(Client::create(&site.network));
        fails(site, &guesser, 5);
        told(site, &source(&guesser));
    }
    lab(site.host.write("/root/latency.py", script));
    println!(
        "a line of the journal is judged after (median): {}",
        site.run("python3 /root/latency.py").stdout.trim()
    );
}

/// Without the programs in the kernel logs are read all the same, and it is said.
#[test]
fn without_the_kernel_logs_are_read_all_the_same() {
    let site = Site::boot(&profile::BARE);
    let policy = POLICY.split("[service.web]").next().expect("it has ssh");
    lab(site.host.write("/etc/portreeve/policy.toml", policy));
    let blind = site.ask("watch --for 1s");
    assert_eq!(blind.status, 0, "{blind:#?}");
    assert!(
        blind.stdout.starts_with("sees: dropped and refused packets, handshakes (kernel), ssh (journal)\n"),
        "{blind:#?}"
    );
    let blind = lab(site.host.run("PORTREEVE_WITHOUT=bpf portreeve watch --for 1s"));
    assert_eq!(blind.status, 0, "{blind:#?}");
    assert_eq!(
        blind.stdout,
        "sees: ssh (journal) · not: probes of closed ports, which cannot be seen here: there is no gate that would tell (portreeve apply), and PORTREEVE_WITHOUT=bpf closes what would tell\n"
    );
    let nothing = lab(site.host.run("PORTREEVE_WITHOUT=bpf portreeve watch --for 1s --policy none"));
    assert_eq!(nothing.status, 7, "{nothing:#?}");
    let stranger = site.ask_as("dev", "watch --for 1s");
    assert_eq!(stranger.status, 2, "he may not read the journal: {stranger:#?}");
    site.run("usermod -aG systemd-journal dev");
    let reader = site.ask_as("dev", "watch --for 1s");
    assert_eq!(
        reader.stdout, "sees: ssh (journal) · not: packets, only root may hear of them\n",
        "{reader:#?}"
    );

    // What was kept is broken.
    site.run("echo x >/var/lib/portreeve/watch/logs.json");
    let broken = site.ask("watch --for 2s");
    assert!(
        broken.stdout.contains(
            " · not: what was written before this run, /var/lib/portreeve/watch/logs.json is broken"
        ),
        "{broken:#?}"
    );
    assert!(!site.ask("watch --for 1s").stdout.contains("broken"));

    // The policy changes while it is read.
    site.run("touch /root/told; systemd-run -q -u watched sh -c 'exec portreeve watch >/root/told'");
    let says = |what: &str| site.run("cat /root/told").stdout.contains(what);
    wait_until("it watches", || says("ssh (journal)\n"));
    lab(site.host.write("/etc/portreeve/policy.toml", &policy.replace("service.ssh", "service.shell")));
    wait_until("it is said", || says(", shell (journal)\n"));
    lab(site.host.write("/etc/portreeve/policy.toml", "nonsense"));
    wait_until("it is said", || says(", shell (journal) · not: the policy as it is now"));
}

const MAIL: &str = r#"version = 1
[service.smtp]
ports = ["25/tcp", "465/tcp", "587/tcp"]
owner = { unit = "postfix@-.service" }
reach = "world"
[service.imap]
ports = ["143/tcp", "993/tcp"]
owner = { unit = "dovecot.service" }
reach = "world"
[service.ftp]
ports = ["21/tcp", "30000-30099/tcp"]
owner = { unit = "vsftpd.service" }
reach = "world"
[watch]
log = { service = "ftp", unit = "vsftpd.service" }
"#;

/// Who tries passwords of mail and files is told of; a user whose commands run as part of the mail server speaks for nobody.
#[test]
fn mail_and_file_servers_are_heard_and_commands_of_their_users_are_not() {
    let site = Site::boot(&profile::MAIL_WEB_FTP);
    lab(site.host.write("/etc/portreeve/policy.toml", MAIL));
    let sasl = "service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0666
  }
}
disable_plaintext_auth = no
";
    lab(site.host.write("/etc/dovecot/conf.d/99-lab.conf", sasl));
    site.run("postconf -e smtpd_sasl_type=dovecot smtpd_sasl_path=private/auth smtpd_sasl_auth_enable=yes; systemctl restart dovecot; systemctl reload postfix@-");
    watched(&site, "watched");
    let to = site.host.place().ipv4;
    let login = format!(
        "
import ftplib, imaplib, smtplib, sys, threading
def tries(nth):
    try:
        if sys.argv[1] == 'imap':
            imaplib.IMAP4('{to}').login(f'user{{nth}}', 'wrong')
        elif sys.argv[1] == 'smtp':
            smtplib.SMTP('{to}', 587, 'lab.example').login(f'user{{nth}}', 'wrong')
        else:
            ftplib.FTP('{to}', f'user{{nth}}', 'wrong')
    except Exception as error:
        print(error)
# Dovecot answers whoever has failed later and later.
all = [threading.Thread(target=tries, args=(nth,)) for nth in range(6)]
[one.start() for one in all]
[one.join() for one in all]
"
    );
    for service in ["imap", "smtp", "ftp"] {
        let guesser = lab(Client::create(&site.network));
        let said = lab(guesser.run(&format!("python3 -c \"{login}\" {service}")));
        assert_eq!(said.status, 0, "{service}: {said:#?}");
        // Dovecot tells of those whom Postfix asks it about, too.
        wait_until(&format!("{service} tells of him"), || {
            of(&site, &source(&guesser)).iter().any(|line| line["services"][0] == service)
        });
    }

    // Of one that is gone at once journald may not learn the unit, so it lives on for a moment.
    let forge = "{ echo 'warning: x[192.0.2.9]: SASL LOGIN authentication failed: no'; sleep 1; } | logger -t postfix/smtpd";
    lab(site.host.write("/home/dev/forge", &format!("#!/bin/sh\ncat >/dev/null\n{forge}\n")));
    site.run("chmod 755 /home/dev/forge; echo '|/home/dev/forge' >/home/dev/.forward; chown dev: /home/dev/.forward; chmod 644 /home/dev/.forward");
    site.run("for nth in 1 2 3 4 5 6 7 8; do echo hello | sendmail dev@localhost; done");
    let forged = "journalctl -q -o cat _SYSTEMD_UNIT=postfix@-.service _UID=1000 SYSLOG_IDENTIFIER=postfix/smtpd | grep -c 192.0.2.9; true";
    let count = || site.run(forged).stdout.trim().parse::<u32>().expect("grep counts");
    wait_until("the mail server runs it", || count() >= 5);
    thread::sleep(Duration::from_secs(2));
    assert_eq!(of(&site, "192.0.2.9"), [Value::Null; 0]);
}
