//! Whoever is proven to probe is kept out for a while where the policy says so, and nobody else is (A16, A19).

use std::{thread, time::Duration};

use portreeve_lab::{Client, profile};
use serde_json::Value;

use super::{
    probed::{PORTS, source, told_of, watched},
    site::{Site, lab},
};

pub(super) const POLICY: &str = r#"version = 1
[service.ssh]
ports = ["22/tcp"]
owner = { unit = "ssh.service" }
reach = "world"
[watch]
mode = "block"
"#;
/// What is told of a client.
fn told(site: &Site, client: &Client, count: usize) -> Vec<Value> {
    told_of(site, &source(client), count)
}

/// Whether ssh answers.
fn is_let_in(site: &Site, client: &Client) -> bool {
    let to = site.host.place().ipv4;
    let asks = format!("timeout 2 bash -c 'exec 3<>/dev/tcp/{to}/22; head -1 <&3'");
    lab(client.run(&asks)).stdout.starts_with("SSH-2.0")
}

/// Opens a connection to ssh that is used again some seconds later; whether it could be is written into the file whose name is
/// returned.
fn holds(site: &Site, client: &Client) -> String {
    let (to, file) = (site.host.place().ipv4, format!("/tmp/portreeve-session-{}", std::process::id()));
    let session = format!(
        "import socket, time
one = socket.create_connection((\"{to}\", 22), 5)
one.recv(100)
open(\"{file}.open\", \"w\")
time.sleep(4)
one.sendall(b\"SSH-2.0-lab\\r\\n\")
print(\"alive\" if one.recv(100) else \"dead\")"
    );
    let is_open = format!("for nth in $(seq 100); do test -e {file}.open && exit 0; sleep 0.1; done; exit 1");
    let begun = lab(
        client.run(&format!("rm -f {file} {file}.open; python3 -c '{session}' >{file} 2>&1 & {is_open}"))
    );
    assert_eq!(begun.status, 0, "{begun:#?}");
    file
}

pub(super) fn scans(site: &Site, client: &Client) {
    let to = site.host.place().ipv4;
    lab(client.run(&format!("nmap -n -Pn -sT --max-retries 0 --max-rtt-timeout 100ms -p {PORTS} {to}")));
}

/// The addresses that the kernel keeps out, as nft says.
pub(super) fn kept_out(site: &Site) -> String {
    site.run("nft list set inet portreeve blocked4").stdout
}

#[test]
fn whoever_is_proven_to_probe_is_kept_out() {
    let site = Site::boot(&profile::BARE);
    watched(&site, POLICY);
    site.run("portreeve apply --no-trial --no-session");
    let clients: [Client; 3] = std::array::from_fn(|_| lab(Client::create(&site.network)));
    let [prober, forger, friend] = &clients;

    // One who has shaken hands is who he says he is.
    assert!(is_let_in(&site, prober));
    let session = holds(&site, prober);
    scans(&site, prober);
    let lines = told(&site, prober, 1);
    let [line] = lines.as_slice() else { panic!("{lines:#?}") };
    assert_eq!((line["event"].as_str(), line["confidence"].as_str()), (Some("block"), Some("proven")));
    assert_eq!(line["action"]["what"], "block");
    assert!(kept_out(&site).contains(&prober.place().ipv4.to_string()));
    assert!(!is_let_in(&site, prober), "he is kept out");
    assert!(is_let_in(&site, friend), "nobody else is");
    let held = lab(prober
        .run(&format!("for i in $(seq 100); do test -s {session} && break; sleep 0.1; done; cat {session}; rm -f {session} {session}.open")));
    assert_eq!(held.stdout, "alive\n", "what he has open goes on");

    // Whoever asks why hears of each contact, in the order of chance in which nmap asks, and what would have to change.
    let asked = format!("portreeve why {}", prober.place().ipv4);
    let why = site.run(&asked).stdout;
    assert!(why.contains("is kept out until") && why.contains("port-scan (the watch)"), "{why}");
    assert!(why.contains("kernel  handshake") && why.contains("kernel  SYN to "), "{why}");
    assert!(why.contains("×¼ as he came for a service") && why.contains("portreeve watch forgive"), "{why}");
    assert_eq!(site.ask(&format!("why {} -q", prober.place().ipv4)).status, 1);
    let document = site.ask(&format!("why {} -o json", prober.place().ipv4)).json();
    assert_eq!(
        (&document["blocked"]["kind"], &document["told"][0]["evidence"][0]["text"]),
        (&"port-scan".into(), &"handshake".into())
    );
    assert_eq!(site.ask_as("dev", "why 203.0.113.7").status, 2);

    // One who has not is told of, and may be anybody.
    let found = |client: &Client| {
        let audit = site.run("portreeve audit; true").stdout;
        let line = audit.lines().find(|line| line.contains("probed-now")).unwrap_or_default().to_owned();
        line.contains(&format!(" {}", client.place().ipv4))
    };
    assert!(!found(prober), "he is kept out");
    scans(&site, forger);
    let lines = told(&site, forger, 1);
    assert!(matches!(lines.as_slice(), [line] if line["event"] == "suspicion"), "{lines:#?}");
    thread::sleep(Duration::from_secs(2));
    assert!(found(forger), "he is not");
    assert!(is_let_in(&site, forger));
    let lines = told(&site, forger, 2);
    assert!(
        matches!(lines.as_slice(), [_, line] if line["event"] == "block"),
        "now he is proven: {lines:#?}"
    );
    assert!(!is_let_in(&site, forger));

    // What was done stands among all that was done, and is taken back as all of it is.
    let history = site.run("portreeve history").stdout;
    assert!(history.contains("port-scan"), "{history}");
    let list = site.run("portreeve watch list").stdout;
    assert!(
        list.contains(&prober.place().ipv4.to_string()) && list.matches("port-scan").count() == 2,
        "{list}"
    );
    site.run("portreeve undo");
    assert!(is_let_in(&site, forger), "the newest is taken back first");
    site.run(&format!("portreeve watch forgive {}", prober.place().ipv4));
    assert!(is_let_in(&site, prober) && !found(prober));

    // Nothing is held against him, and what he does from now on is news.
    thread::sleep(Duration::from_secs(3));
    scans(&site, prober);
    let lines = told(&site, prober, 2);
    let [_, line] = lines.as_slice() else { panic!("{lines:#?}") };
    assert_eq!(line["event"], "block");
    assert!(!is_let_in(&site, prober));
}

/// Of the watch that runs by itself the kernel needs nobody to let a source in again.
#[test]
fn the_host_watches_by_itself() {
    let site = Site::boot(&profile::BARE);
    lab(site.host.write("/etc/portreeve/policy.toml", POLICY));
    site.run("portreeve apply --no-trial --no-session");
    let enabled = site.ask("watch enable");
    assert_eq!(enabled.status, 0, "{enabled:#?}");
    let at_once = site.ask("watch status");
    assert!(at_once.status == 0 && at_once.stdout.starts_with("The watch runs since"), "{at_once:#?}");
    let [one, other]: [Client; 2] = std::array::from_fn(|_| lab(Client::create(&site.network)));
    is_kept_out_soon(&site, &one);

    // It is written down once a second.
    thread::sleep(Duration::from_secs(2));
    let status = site.ask("watch status -o ndjson");
    let document = status.json();
    assert_eq!((status.status, &document["runs"]), (0, &true.into()), "{document:#}");
    let pulse = &document["pulse"];
    assert_eq!((&pulse["mode"], &pulse["lost"]), (&"block".into(), &0.into()), "{document:#}");
    assert!(pulse["events"].as_u64() > Some(0), "{document:#}");

    // One by hand writes nothing beside it, and says so; its end is not the end of the other.
    let by_hand = site.run("portreeve watch --for 3s").stdout;
    let pid = site.run("systemctl show -P MainPID portreeve-watch.service").stdout;
    assert!(by_hand.contains(&format!("another watch writes that (pid {})", pid.trim())), "{by_hand}");
    let status = site.ask("watch status -o ndjson");
    let document = status.json();
    assert_eq!((status.status, document["pulse"]["pid"].to_string()), (0, pid.trim().into()), "{document:#}");

    // Both judge the same, and one of them blocks.
    let third = lab(Client::create(&site.network));
    lab(site.host.run("portreeve watch -o ndjson >/root/third 2>&1 & echo $! >/root/third.pid"));
    site.run("timeout 30 sh -c 'until grep -q ^sees: /root/third; do sleep 0.1; done'");
    is_kept_out_soon(&site, &third);
    let heard = format!(
        "for i in $(seq 100); do grep -q {} /root/third && break; sleep 0.1; done; grep -c {0} /root/third",
        source(&third)
    );
    assert_eq!(site.run(&heard).stdout, "1\n");
    let blocks = site.run(&format!("portreeve history | grep -c {}", source(&third))).stdout;
    assert_eq!(blocks, "1\n", "{}", site.run("portreeve history").stdout);
    site.run(
        "kill $(cat /root/third.pid); while kill -0 $(cat /root/third.pid) 2>/dev/null; do sleep 0.1; done",
    );

    // It begins again where it ended.
    let killed = lab(site
        .host
        .run("systemctl kill -s KILL portreeve-watch.service; sleep 0.5; portreeve watch status"));
    assert!(killed.status == 1 && killed.stdout.starts_with("Nobody watches."), "{killed:#?}");
    is_kept_out_soon(&site, &other);
    let kept = kept_out(&site);
    assert!(kept.contains(&source(&one)) && kept.contains("expires"), "{kept}");

    // What it may not do keeps it from no log.
    let guesser = lab(Client::create(&site.network));
    for _ in 0..20 {
        guesses(&site, &guesser);
        if kept_out(&site).contains(&source(&guesser)) {
            break;
        }
    }
    assert!(kept_out(&site).contains(&source(&guesser)), "{}", site.run("portreeve watch status").stdout);

    site.run("portreeve watch disable");
    let left = site.run("systemctl is-active portreeve-watch.service || ls /etc/systemd/system").stdout;
    assert!(!left.contains("portreeve-watch"), "{left}");
    assert_eq!(site.ask("watch status").status, 1);
    assert!(kept_out(&site).contains(&source(&other)), "whoever is blocked stays so");
}

/// A process of this host has no address, and is told of all the same: once, however often it tries.
#[test]
fn whoever_binds_what_is_anothers_is_told_of() {
    let site = Site::boot(&profile::BARE);
    site.run("mount -t bpf bpf /sys/fs/bpf && mount -o remount,rw /proc/sys");
    let web =
        "[service.web]\nports = [\"443/tcp\"]\nowner = { unit = \"web.service\" }\nguard = \"enforce\"\n";
    let policy = POLICY.replace("[watch]\nmode = \"block\"\n", web);
    lab(site.host.write("/etc/portreeve/policy.toml", &policy));
    site.run("portreeve apply --no-trial --no-session");
    let bind = |port: u16| {
        let python = format!("import socket; socket.socket().bind((\"0.0.0.0\", {port}))");
        lab(site.host.run(&format!("python3 -c '{python}'")))
    };
    let before = bind(443);
    assert!(before.stderr.contains("Operation not permitted"), "{before:#?}");
    watched(&site, &policy);
    let told = || {
        let lines = site.run("grep stolen-port-attempt /root/told; true").stdout;
        lines.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect::<Vec<Value>>()
    };
    assert_eq!(told(), [Value::Null; 0], "what was before is no news");
    site.run("systemd-run -q -P -u thief python3 -c 'import socket; socket.socket().bind((\"0.0.0.0\", 443))' 2>/dev/null; systemctl reset-failed; systemd-run -q -P -u thief python3 -c 'import socket; socket.socket().bind((\"0.0.0.0\", 443))' 2>/dev/null; true");
    for _ in 0..100 {
        if !told().is_empty() {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    thread::sleep(Duration::from_secs(3));
    let lines = told();
    let [line] = lines.as_slice() else { panic!("{lines:#?}") };
    assert_eq!((&line["ports"][0], &line["services"][0]), (&443.into(), &"web".into()), "{line:#}");
    assert!(line["text"].as_str().is_some_and(|text| text.contains("in thief.service: refused")), "{line:#}");
    assert_eq!(line["source"], Value::Null);
}

/// Is refused by ssh, as somebody whom it does not know.
fn guesses(site: &Site, client: &Client) {
    let to = site.host.place().ipv4;
    let ssh = format!(
        "timeout 5 ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null nobody-known@{to} true; true"
    );
    lab(client.run(&ssh));
}

/// Scans until somebody hears it.
pub(super) fn is_kept_out_soon(site: &Site, client: &Client) {
    for _ in 0..20 {
        is_let_in(site, client);
        scans(site, client);
        thread::sleep(Duration::from_millis(500));
        if kept_out(site).contains(&source(client)) {
            return;
        }
    }
    let said = site.run("journalctl -u portreeve-watch --no-pager -n 30").stdout;
    panic!("nobody hears: {said}");
}
