//! Several ledgers on one host: a number that one of them claims no other does, and none waits for another (A24).

use std::collections::BTreeSet;

use portreeve_lab::etcd::{Door, Etcd};
use serde_json::json;

use super::{
    claims::{RESERVED, site},
    site::lab,
};

/// Hands on what is asked of an etcd, and what it says, until a claim is to be written: of that nobody hears again.
const RELAY: &str = r#"
import socket, sys, threading
listener = socket.create_server(("127.0.0.1", 2401))
lost = []
def answer(client, server):
    while data := server.recv(65536):
        client.sendall(data)
def ask(client):
    server = socket.create_connection((sys.argv[1], int(sys.argv[2])))
    threading.Thread(target=answer, args=(client, server), daemon=True).start()
    while data := client.recv(65536):
        if b"equestPut" in data:
            return lost.append((client, server))
        server.sendall(data)
while True:
    threading.Thread(target=ask, args=(listener.accept()[0],), daemon=True).start()
"#;

/// What the host's ledger claims stays with the kernel, whatever another ledger of root's claims beside it.
#[test]
fn another_ledger_takes_nothing_from_the_hosts() {
    let site = site();
    site.run("portreeve claim own 50000-50010/tcp");
    site.run("portreeve claim other 50020/tcp --ledger /root/other.db");
    assert_eq!(site.run(RESERVED).stdout.trim(), "50000-50010,50020");
    let held = site.ask("claim thief 50005/tcp -o json --ledger /root/other.db");
    assert_eq!((held.status, &held.json()["refused"]), (4, &json!("port-reserved")));
    let named = site.ask("claim other 50021/tcp --ledger /root/other.db");
    let (_, typed) = named.stderr.trim().rsplit_once("first: ").expect("what to type");
    assert!(typed.ends_with(" --ledger /root/other.db"), "{typed}");
    assert!(typed.starts_with("portreeve release other --protocol tcp --scope host:"), "{typed}");
    site.run(typed);
    site.run("portreeve claim other 50020/tcp --ledger /root/other.db");
    site.run("portreeve release other --ledger /root/other.db");
    assert_eq!(site.run(RESERVED).stdout.trim(), "50000-50010");
    // Nor does the host's take what is claimed there.
    site.run("portreeve claim beside 50030/tcp --ledger /root/other.db");
    assert_eq!(site.ask("claim thief 50030/tcp").status, 4);
    site.run("portreeve release beside --ledger /root/other.db");
    // By whatever path it is the same one.
    site.run("ln -s /var/lib/portreeve /root/link && portreeve claim more 50040 --ledger /root/link/ledger/ledger.db");
    site.run("portreeve release more");
    site.run("portreeve release own --ledger /var/lib/portreeve/ledger/../ledger/ledger.db");
    assert_eq!(site.run(RESERVED).stdout.trim(), "");
}

/// Within a namespace and from outside it is the same scope, in which a number has one owner; nothing here keeps it there.
/// What one has granted the kernel does not keep yet when the other is asked, or never, as of a member's.
#[test]
fn two_ledgers_of_a_host_that_are_asked_at_once_grant_no_number_twice() {
    let site = site();
    let storm = "for i in $(seq 40100 40139); do for it in '' '--ledger /root/o.db'; do (portreeve claim n$i $i $it -q || portreeve claim m$i -q $it) & done; done; wait";
    let ports = site.run(storm).stdout;
    let distinct: BTreeSet<&str> = ports.lines().collect();
    assert_eq!((ports.lines().count(), distinct.len()), (80, 80), "{ports}");
    site.run(
        "groupadd portreeve && chgrp -R portreeve /var/lib/portreeve/ledger && usermod -aG portreeve dev",
    );
    site.run("chmod 2770 /var/lib/portreeve/ledger");
    site.run("setpriv --reuid dev --regid dev --init-groups portreeve claim members 50006/tcp");
    let refused = site.ask("claim other 50006/tcp --ledger /root/o.db");
    assert_eq!((refused.status, refused.stdout.as_str()), (4, ""), "{refused:#?}");
    // One that nobody hears of keeps nobody waiting who asks another.
    let dead = "import socket,time; s=socket.create_server((\"127.0.0.1\",2379)); time.sleep(600)";
    site.run(&format!("systemd-run -q -u dead python3 -c '{dead}'; timeout 10 sh -c 'until ss -Htln | grep -q :2379; do sleep 0.1; done'"));
    let far = "portreeve claim far --ledger etcd+http://127.0.0.1:2379/p >/dev/null 2>&1 &";
    site.run(&format!("{far} sleep 0.5; timeout 5 portreeve claim near"));
}

/// A claim that the next boot would not know of is none; what stands stays so.
#[test]
fn what_cannot_be_kept_from_the_hosts_ledger_is_not_claimed_in_another() {
    let site = site();
    let first = site.run("portreeve claim first --ledger /root/o.db").stdout;
    let mount = "mount -o bind,remount";
    site.run(&format!("mount --bind /var/lib/portreeve /var/lib/portreeve && {mount},ro /var/lib/portreeve"));
    let refused = site.ask("claim second 43011/tcp --ledger /root/o.db");
    assert_eq!((refused.status, refused.stdout.as_str()), (7, ""), "{refused:#?}");
    assert!(refused.stderr.contains("this host's usual ledger would not know of the claim"), "{refused:#?}");
    assert!(refused.stderr.contains("df /var/lib/portreeve"), "{refused:#?}");
    assert_eq!(site.run("portreeve claim first --ledger /root/o.db").stdout, first);
    assert_eq!(site.run(RESERVED).stdout, first);
    site.run(&format!("{mount},rw /var/lib/portreeve; portreeve claim own 43011/tcp"));
    assert_eq!(site.ask("claim second 43011/tcp --ledger /root/o.db").status, 4);
}

/// Whoever is the last to go gives back what nobody claims any more.
#[test]
fn a_crowd_in_another_ledger_leaves_nothing_kept() {
    let site = site();
    let storm = |words: &str| {
        site.run(&format!("seq 60 | xargs -P20 -I@ portreeve {words} n@ --ledger /root/o.db")).stdout
    };
    assert_eq!(storm("claim").lines().collect::<BTreeSet<_>>().len(), 60);
    storm("release");
    assert_eq!(site.run(RESERVED).stdout.trim(), "");
    assert_eq!(site.run("cat /var/lib/portreeve/reserved").stdout, "");
}

/// What two ledgers claim all the same, as after a copy of one was put back, is told; nothing that another has is imported.
#[test]
fn what_two_ledgers_claim_is_told() {
    let site = site();
    site.run("portreeve claim old 43012/tcp --ledger /root/o.db && cp -a /root/o.db /root/kept");
    site.run("portreeve ledger export --ledger /root/o.db >/root/lines");
    site.run("portreeve release old --ledger /root/o.db && portreeve claim new 43012/tcp");
    let imported = site.ask("ledger import /root/lines --ledger /root/o.db");
    assert_eq!(imported.status, 4, "{imported:#?}");
    site.run("cp -a /root/kept /root/o.db");
    for (arguments, name, option) in
        [("claims --repair --ledger /root/o.db", "old", " --ledger /root/o.db"), ("claims", "new", "")]
    {
        let told = site.ask(arguments);
        let release = format!("portreeve release {name} --protocol tcp --scope host:");
        assert!(told.stderr.contains("another ledger of this host claims a number of"), "{told:#?}");
        assert!(told.stderr.contains(&release), "{told:#?}");
        assert!(told.stderr.trim_end().ends_with(option), "{told:#?}");
    }
    site.run("portreeve release old --ledger /root/o.db");
    assert_eq!((site.ask("claims").stderr.as_str(), site.run(RESERVED).stdout.trim()), ("", "43012"));
}

/// Whoever waits for a network keeps nobody waiting who asks another ledger, and what he may have claimed stays kept.
#[test]
fn nobody_waits_for_the_network_of_another_ledger() {
    let site = site();
    let etcd = lab(Etcd::start(&site.network, Door::Open));
    let (host, port) = etcd.endpoints()[0]
        .rsplit_once(':')
        .map(|(host, port)| (host.to_owned(), port.to_owned()))
        .expect("both");
    site.run(&format!("cat >/root/relay.py <<'END'\n{RELAY}\nEND\nsystemd-run -q -u relay python3 /root/relay.py {host} {port}"));
    site.run("timeout 10 sh -c 'until ss -Htln | grep -q :2401; do sleep 0.1; done'");
    let far = "for i in 1 2 3; do portreeve claim far$i --ledger etcd+http://127.0.0.1:2401/p >/dev/null 2>&1 & done";
    let near = "timeout 5 portreeve claim near && timeout 5 portreeve claim beside --ledger /root/o.db && timeout 5 portreeve release near";
    site.run(&format!(
        "{far}; sleep 1; {near}; timeout 5 portreeve claims --repair; pgrep -cx portreeve | grep -x 3; wait"
    ));
    let kept = site.run(RESERVED).stdout;
    assert_eq!(kept.trim().split(',').count(), 4, "{kept}");
    // The number that each may have is his when he asks again by another way.
    let direct = format!("--ledger etcd+http://{host}:{port}/p");
    let numbers = site.run(&format!("for i in 1 2 3; do portreeve claim far$i -q {direct}; done")).stdout;
    assert_eq!(numbers.lines().collect::<BTreeSet<_>>().len(), 3, "{numbers}");
}
