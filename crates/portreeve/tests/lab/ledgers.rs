//! Several ledgers on one host: a number that one of them claims no other does, and none waits for another (A24).

use std::collections::BTreeSet;

use portreeve_lab::{
    etcd::{Door, Etcd},
    profile,
};
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

/// Where a disk is not mounted, or everything of it has gone, it is refused as long as the kernel keeps what was claimed: whoever
/// began anew would grant it once more.
#[test]
fn the_hosts_ledger_is_not_begun_anew_while_its_claims_are_kept() {
    let site = site();
    site.run(
        "mkdir -p /root/disk /var/lib/portreeve/ledger && mount --bind /root/disk /var/lib/portreeve/ledger",
    );
    site.run("portreeve claim own 24100/tcp");
    site.run("umount /var/lib/portreeve/ledger");
    for words in ["claim thief 24100/tcp", "claims", "ledger check", "ledger init"] {
        let said = site.ask(words);
        assert_eq!((said.status, said.stdout.as_str()), (5, ""), "{words}: {said:#?}");
    }
    // Nor by way of a copy, which keeps the same.
    site.run("cp -a /root/disk /root/copy && portreeve claim more 24102/tcp --ledger /root/copy/ledger.db");
    assert_eq!(site.ask("claims").status, 5);
    site.run("portreeve release more --ledger /root/copy/ledger.db && portreeve release own --ledger /root/copy/ledger.db");
    assert_eq!(site.run(RESERVED).stdout.trim(), "24100");
    site.run("mount --bind /root/disk /var/lib/portreeve/ledger");
    assert_eq!(site.run("portreeve claim own").stdout.trim(), "24100");
    // Who says that it is gone for good gets a new one, and its numbers back.
    site.run("rm /root/disk/* && portreeve ledger init --new-ledger");
    assert_eq!(site.run(RESERVED).stdout.trim(), "");
}

/// As where two units of root's have a /tmp of their own (PrivateTmp=), or two disks are mounted in turn.
#[test]
fn two_ledgers_of_one_path_are_two_ledgers() {
    let site = site();
    site.run("for it in a b; do mkdir -p /root/$it && portreeve ledger init --ledger /root/$it/l.db; done; mkdir /root/l");
    let of = |which: &str, words: &str| {
        format!(
            "unshare -m sh -c 'mount --bind /root/{which} /root/l && portreeve {words} --ledger /root/l/l.db'"
        )
    };
    site.run(&of("a", "claim first 24100/tcp"));
    let refused = lab(site.host.run(&of("b", "claim thief 24100/tcp")));
    assert_eq!(refused.status, 4, "{refused:#?}");
    assert!(refused.stderr.contains("claims 24100/tcp: /root/"), "{refused:#?}");
    site.run(&of("b", "claim second 24102/tcp"));
    site.run(&of("b", "claims --repair"));
    assert_eq!(site.run(RESERVED).stdout.trim(), "24100,24102");
    site.run(&of("b", "release second"));
    assert_eq!(site.run(RESERVED).stdout.trim(), "24100");
}

/// By a second place of its directory, and moved, it is the same one, but for a copy.
#[test]
fn a_ledger_that_moves_is_the_same() {
    let site = site();
    site.run("mkdir /root/a /root/b && portreeve claim own 24100/tcp --ledger /root/a/l.db");
    site.run("mount --bind /root/a /root/b");
    assert_eq!(site.run("portreeve claim own --ledger /root/b/l.db").stdout.trim(), "24100");
    let told = site.run("portreeve claims --ledger /root/b/l.db");
    assert_eq!(told.stderr, "", "nobody else claims it");
    site.run(
        "portreeve claim more 24102/tcp --ledger /root/b/l.db && portreeve release own --ledger /root/b/l.db",
    );
    assert_eq!(site.run(RESERVED).stdout.trim(), "24102");
    site.run("umount /root/b && cp -a /root/a/. /root/b/");
    let told = site.run("portreeve claims --ledger /root/b/l.db");
    assert!(told.stderr.contains("(/root/a/l.db) claims a number of more"), "{told:#?}");
    // A copy is none of it either while the disk of the first one is away.
    site.run(
        "mv /root/a /root/away && portreeve release more --ledger /root/b/l.db && mv /root/away /root/a",
    );
    assert_eq!(site.run(RESERVED).stdout.trim(), "24102");
    site.run("rm /root/b/* && mv /root/a/* /root/b/ && portreeve release more --ledger /root/b/l.db");
    assert_eq!(site.run(RESERVED).stdout.trim(), "");
}

/// As where a fleet's is the host's own for a while.
#[test]
fn the_hosts_ledger_is_itself_also_beside_a_fleets() {
    let site = site();
    let fleet = "version = 1\n[ledger]\nstore = \"etcd+https://192.0.2.9:2379/portreeve\"\n";
    lab(site.host.write("/root/fleet.toml", fleet));
    site.run("portreeve claim own 24100/tcp && portreeve claim more 24102/tcp --policy /root/fleet.toml --ledger /var/lib/portreeve/ledger/ledger.db");
    assert_eq!(site.run(RESERVED).stdout.trim(), "24100,24102");
    assert_eq!(site.run("portreeve claims").stderr, "", "nobody else claims it");
    site.run("portreeve release more");
    assert_eq!(site.run(RESERVED).stdout.trim(), "24100");
    site.run("portreeve claim again 24102/tcp");
}

/// What the kernel refused to keep is not taken from whoever has it kept later.
#[test]
fn what_was_never_kept_is_not_given_back() {
    let site = site();
    site.run("portreeve ledger init && mount -o remount,ro /proc/sys");
    let told = site.run("portreeve claim own 24100/tcp").stderr;
    assert!(told.contains("the kernel does not reserve it"), "{told}");
    site.run("mount -o remount,rw /proc/sys && sysctl -q net.ipv4.ip_local_reserved_ports=24100");
    site.run("portreeve release own");
    assert_eq!(site.run(RESERVED).stdout.trim(), "24100");
}

/// Who obeys nobody obeys what root claims all the same.
#[test]
fn a_user_gets_by_force_nothing_that_root_claims() {
    let site = site();
    site.run("portreeve claim own 24100/tcp && portreeve claim other 24102/tcp --ledger /root/o.db");
    for port in ["24100", "24102"] {
        let said = site.ask_as("dev", &format!("claim mine {port}/tcp --force-bound -o json"));
        assert_eq!((said.status, &said.json()["refused"]), (4, &json!("port-reserved")), "{port}");
        let ledger = if port == "24100" { "/var/lib/portreeve/ledger/ledger.db" } else { "/root/o.db" };
        let told = said.json()["text"].as_str().expect("text").to_owned();
        assert_eq!(told, format!("another ledger of this host claims {port}/tcp: {ledger}"));
    }
}

/// A name by mistake makes no ledger, and whoever lists its claims goes when nobody reads on.
#[test]
fn whoever_only_asks_leaves_nothing_behind() {
    let site = site();
    for words in ["release web", "renew web --lease 1m", "claims", "ledger check"] {
        site.ask(&format!("{words} --ledger /root/mistyped.db"));
    }
    for path in ["/dev/null", "/root", "/etc/passwd"] {
        for words in ["claim web", "ledger check", "ledger init --new-ledger", "ledger restore /root/x"] {
            let said = site.ask(&format!("{words} --ledger {path}"));
            assert!([2, 5].contains(&said.status), "{words} {path}: {said:#?}");
        }
    }
    let made =
        site.run("ls -d /root/mistyped* /dev/null?* /etc/passwd.* /root.* 2>&1 | grep -v 'No such' || true");
    assert_eq!(made.stdout, "");
    assert_eq!(site.run("test -c /dev/null && portreeve claim web && timeout 20 sh -c 'portreeve claims --watch | head -1'").status, 0);
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

/// A boot empties the kernel's list, and what it kept of it; what is claimed is claimed all the same.
#[test]
fn what_another_ledger_claims_is_its_own_after_a_reboot() {
    let mut site = site();
    site.run("portreeve claim other 26200 --ledger /root/o.db");
    lab(site.host.reboot(&profile::BARE));
    // The machine that a lab's host runs on was not booted.
    site.run("mount -o remount,rw /proc/sys && echo >/proc/sys/net/ipv4/ip_local_reserved_ports");
    assert_eq!(site.run(RESERVED).stdout.trim(), "");
    for force in ["", " --force-bound"] {
        assert_eq!(site.ask(&format!("claim thief 26200{force}")).status, 4, "{force}");
    }
    site.run("portreeve claims --repair --ledger /root/o.db");
    assert_eq!(site.run(RESERVED).stdout.trim(), "26200");
}

/// Whoever insists has what somebody listens on, and nothing that another ledger claims (A24).
#[test]
fn what_another_ledger_claims_is_not_had_by_force() {
    let site = site();
    site.run("portreeve claim web 25000 && portreeve claim own 25001 --ledger /root/o.db");
    for arguments in
        ["claim thief 25000 --force-bound --ledger /root/o.db", "claim thief 25001 --force-bound"]
    {
        let refused = site.ask(arguments);
        assert_eq!((refused.status, refused.stdout.as_str()), (4, ""), "{arguments}: {refused:#?}");
        assert!(refused.stderr.contains("another ledger of this host claims"), "{refused:#?}");
    }
}

/// What process lives in a namespace of processes only those see who are in it; each clock has its own start.
#[test]
fn a_process_of_another_namespace_keeps_its_port() {
    let site = site();
    site.run("sleep 80 >/dev/null 2>&1 & portreeve claim job 25100 --while-pid $!");
    for within in ["unshare -pf", "unshare -T --boottime 1000"] {
        let refused = lab(site.host.run(&format!("{within} portreeve claim thief 25100")));
        assert_eq!((refused.status, refused.stdout.as_str()), (4, ""), "{within}: {refused:#?}");
    }
    // Of a machine's own containers each is told another boot by nspawn.
    let same_boot = "mount --bind /root/boot /proc/sys/kernel/random/boot_id";
    site.run("cat /proc/sys/kernel/random/boot_id >/root/boot");
    site.run(&format!("(unshare -pf --mount-proc sh -c '{same_boot}; sleep 60 & portreeve claim far 25101 --while-pid $!; exec sleep 50' >/dev/null 2>&1 </dev/null &) && timeout 10 sh -c 'until portreeve claims | grep -q far; do sleep 0.1; done'"));
    assert_eq!(site.ask("claim thief 25101").status, 4);
    assert_eq!(site.run(RESERVED).stdout.trim(), "25100-25101");
}

/// A disk that is not mounted yet, a file by two names, a file of somebody else: none of it is a ledger to begin.
#[test]
fn a_ledger_is_begun_nowhere_where_one_was_or_none_should_be() {
    let site = site();
    let claim = "portreeve claim svc 26000 --ledger /root/m/l.db";
    site.run(&format!(
        "mkdir /root/m && mount -t tmpfs none /root/m && {claim} && mount --bind /root/m /mnt"
    ));
    site.run("umount /root/m");
    for arguments in ["claim thief 26000", "claims", "ledger check", "ledger init"] {
        let refused = site.ask(&format!("{arguments} --ledger /root/m/l.db"));
        assert_eq!(refused.status, 5, "{arguments}: {refused:#?}");
        assert!(refused.stderr.contains("nothing of /root/m/l.db is there"), "{refused:#?}");
    }
    site.run("mount --bind /mnt /root/m && portreeve release svc --ledger /root/m/l.db");
    site.run("touch /root/bound.db && mount --bind /root/m/l.db /root/bound.db");
    for file in ["/root/bound.db", "/etc/passwd"] {
        assert_eq!(site.ask(&format!("claim thief --ledger {file}")).status, 5, "{file}");
        assert_eq!(site.ask(&format!("ledger init --new-ledger --ledger {file}")).status, 5, "{file}");
    }
    assert_eq!(site.run("id -u root").stdout.trim(), "0", "passwd is as it was");
    assert_eq!(site.ask("claim thief --ledger /nope/l.db").status, 2);
    assert_eq!(site.run("ls -d /nope 2>/dev/null; true").stdout, "");
}

/// What cannot be written is not claimed, and not kept.
#[test]
fn what_another_ledger_could_not_write_is_not_kept() {
    let site = site();
    site.run("mkdir /root/full && mount -t tmpfs -o size=300k none /root/full && portreeve claim first --ledger /root/full/l.db");
    let kept = site.run(RESERVED).stdout;
    site.run("dd if=/dev/zero of=/root/full/rest bs=1k 2>/dev/null; true");
    for number in 40_000..40_004 {
        let refused = site.ask(&format!("claim n{number} {number} --ledger /root/full/l.db"));
        assert_eq!((refused.status, refused.stdout.as_str()), (7, ""), "{refused:#?}");
    }
    assert_eq!(site.run(RESERVED).stdout, kept);
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
    assert_eq!(
        site.run("cut -d' ' -f2 /var/lib/portreeve/reserved").stdout.trim(),
        "",
        "it is known, with nothing"
    );
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
        let other = if name == "old" { "/var/lib/portreeve/ledger/ledger.db" } else { "/root/o.db" };
        let whose = format!("another ledger of this host ({other}) claims a number of {name}");
        assert!(told.stderr.contains(&whose), "{told:#?}");
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
