//! A ledger whose file is moved, replaced or begun anew: its numbers go with it, and nobody else's (A24, A25).

use super::{
    claims::{RESERVED, site},
    site::lab,
};

/// Whether portreeve puts a copy back or somebody else does, it is the ledger of that place, and not another one beside it.
#[test]
fn a_copy_that_takes_the_place_of_a_ledger_is_that_ledger() {
    let site = site();
    site.run("portreeve claim kept 30101/tcp --ledger /root/l.db && cp -a /root/l.db /root/copy.db");
    let claim = "portreeve claim lost 30103/tcp --ledger /root/l.db";
    for put_back in [
        "portreeve ledger restore /root/copy.db --ledger /root/l.db",
        "mv /root/l.db /root/l.bak && cp -a /root/copy.db /root/l.db && portreeve claims --repair --ledger /root/l.db",
    ] {
        assert_eq!(site.run(claim).stdout.trim(), "30103");
        let told = lab(site.host.run(put_back));
        assert_eq!((told.status, told.stderr.as_str()), (0, ""), "{put_back}: {told:#?}");
        assert_eq!(site.run(RESERVED).stdout.trim(), "30101", "{put_back}");
    }
    // Whoever asks before anything is repaired is told nothing else.
    site.run(claim);
    site.run("rm /root/l.db && cp -a /root/copy.db /root/l.db");
    assert_eq!(site.run(claim).stdout.trim(), "30103");
    site.run("portreeve release kept --ledger /root/l.db && portreeve release lost --ledger /root/l.db");
    assert_eq!(site.run(RESERVED).stdout.trim(), "");
}

/// Else who mends what was in the way would take it for undone, and what the kernel keeps for right.
#[test]
fn what_the_kernel_was_not_told_of_a_copy_is_said_and_mended() {
    let site = site();
    site.run("portreeve claim kept 30101/tcp --ledger /root/l.db && cp -a /root/l.db /root/copy.db");
    site.run("portreeve claim lost 30103/tcp --ledger /root/l.db");
    site.run("mount --bind /run/portreeve /run/portreeve && mount -o remount,ro,bind /run/portreeve");
    let told = site.ask("ledger restore /root/copy.db --ledger /root/l.db");
    assert_eq!(told.status, 7, "{told:#?}");
    assert!(told.stdout.contains("is the ledger now: 1 claim"), "{told:#?}");
    assert!(told.stderr.contains("the kernel does not follow it yet"), "{told:#?}");
    assert!(!told.stderr.contains("nothing was changed"), "{told:#?}");
    site.run("rm /root/l.db");
    let begun = site.ask("ledger init --new-ledger --ledger /root/l.db");
    assert_eq!((begun.status, begun.stdout.as_str()), (7, ""), "{begun:#?}");
    site.run("test ! -e /root/l.db && umount /run/portreeve && cp -a /root/copy.db /root/l.db");
    site.run("portreeve claims --repair --ledger /root/l.db");
    assert_eq!(site.run(RESERVED).stdout.trim(), "30101");
    // While a copy is put back the kernel keeps what stays claimed.
    let restored = "rm /root/l.db && touch /root/go
        while test -e /root/go; do cat /proc/sys/net/ipv4/ip_local_reserved_ports; done > /root/seen &
        portreeve ledger restore /root/copy.db --ledger /root/l.db -q; rm /root/go; wait; sort -u /root/seen";
    assert_eq!(site.run(restored).stdout.trim(), "30101");
}

/// Where a disk is full nothing is given back, no copy is hidden, and nothing is left behind.
#[test]
fn a_new_ledger_that_cannot_be_made_changes_nothing() {
    let site = site();
    site.run("mkdir /mnt/a && mount -t tmpfs -o size=120k t /mnt/a");
    site.run("portreeve claim one 30101/tcp --ledger /mnt/a/a.db && portreeve claim two 30102/tcp --ledger /mnt/a/a.db");
    site.run("rm /mnt/a/a.db && { dd if=/dev/zero of=/mnt/a/fill bs=4k 2>/dev/null; true; }");
    let listed = |site: &super::site::Site| site.run("ls -A /mnt/a").stdout;
    let before = listed(&site);
    let refused = site.ask("ledger init --new-ledger --ledger /mnt/a/a.db");
    assert_eq!((refused.status, refused.stdout.as_str()), (7, ""), "{refused:#?}");
    assert_eq!((site.run(RESERVED).stdout.trim(), listed(&site)), ("30101-30102", before));
    site.run("rm /mnt/a/fill");
    let check = site.ask("ledger check --ledger /mnt/a/a.db");
    assert!(check.stdout.contains("portreeve ledger restore a.db."), "{check:#?}");
    let begun = site.run("portreeve ledger init --new-ledger --ledger /mnt/a/a.db");
    assert!(begun.stdout.contains("Given back to clients: 30101-30102"), "{begun:#?}");
    assert_eq!(site.run(RESERVED).stdout.trim(), "");
    site.run("portreeve claim usual 30201/tcp && rm -r /var/lib/portreeve/ledger");
    let begun = site.run("portreeve ledger init --new-ledger");
    assert!(begun.stdout.contains("Given back to clients: 30201"), "{begun:#?}");
    assert_eq!(site.run(RESERVED).stdout.trim(), "");
}

/// Neither of two that are copies of each other is gone because the other one is where it was.
#[test]
fn copies_that_change_places_keep_what_is_theirs() {
    let site = site();
    site.run("mkdir /root/m && portreeve claim a1 30011/tcp --ledger /root/m/a.db && cp -a /root/m /root/m2");
    site.run("portreeve claim a2 30012/tcp --ledger /root/m2/a.db && portreeve claim a3 30013/tcp --ledger /root/m/a.db");
    site.run("mv /root/m /root/t && mv /root/m2 /root/m && mv /root/t /root/m2");
    site.run("portreeve claim a4 30014/tcp --ledger /root/m/a.db");
    assert_eq!(site.run(RESERVED).stdout.trim(), "30011-30014");
    assert_eq!(site.ask("claim thief 30013/tcp").status, 4);
    site.run(
        "portreeve claims --repair --ledger /root/m2/a.db && portreeve claims --repair --ledger /root/m/a.db",
    );
    assert_eq!(site.run(RESERVED).stdout.trim(), "30011-30014");
}

/// The host's usual ledger is known by its file, too: whoever asks first, and also somebody who may not tell the kernel.
#[test]
fn the_usual_ledger_and_a_copy_change_places() {
    let site = site();
    let (usual, other) = ("/var/lib/portreeve/ledger/ledger.db", "/root/o.db");
    site.run("groupadd portreeve && useradd -G portreeve member");
    let swap = format!("mv {usual} {usual}.t && mv {other} {usual} && mv {usual}.t {other}");
    site.run(&format!(
        "portreeve claim u1 27001/tcp && cp -a {usual} {other} && portreeve claim u3 27003/tcp"
    ));
    site.run(&format!("portreeve claim o2 27002/tcp --ledger {other}"));
    site.run(&swap);
    let member = site.host.run("runuser -u member -- portreeve claim thief 27003/tcp");
    let member = lab(member);
    assert_eq!(member.status, 4, "{member:#?}");
    assert_eq!(site.ask("claim thief 27003/tcp").status, 4);
    site.run("portreeve claim o4 27004/tcp");
    assert_eq!(site.run(RESERVED).stdout.trim(), "27001-27004");
    site.run(&format!("portreeve claims --repair --ledger {other} && portreeve claims --repair"));
    assert_eq!(site.run(RESERVED).stdout.trim(), "27001-27004");
    // Back again, and the other one is asked first.
    site.run(&swap);
    assert_eq!(site.ask(&format!("claim thief 27003/tcp --ledger {other}")).status, 4);
    site.run(&format!("portreeve claim o5 27005/tcp --ledger {other}"));
    assert_eq!(site.run(RESERVED).stdout.trim(), "27001-27005");
    assert_eq!(site.ask("claim thief 27004/tcp").status, 4);
    site.run("portreeve claims --repair && portreeve release u3");
    assert_eq!(site.run(RESERVED).stdout.trim(), "27001-27002,27004-27005");
}

/// What a boot leaves of the kernel's list and of what is known of it.
const BOOT: &str = "rm -r /run/portreeve && echo > /proc/sys/net/ipv4/ip_local_reserved_ports";

/// What changed places before a boot is told apart after it, also a copy that had nothing of its own.
#[test]
fn ledgers_that_change_places_are_known_after_a_boot() {
    let site = site();
    let (usual, other) = ("/var/lib/portreeve/ledger/ledger.db", "/root/o.db");
    let swap = format!("mv {usual} {usual}.t && mv {other} {usual} && mv {usual}.t {other}");
    site.run(&format!(
        "portreeve claim u1 27001/tcp && cp -a {usual} {other} && portreeve claim u2 27002/tcp"
    ));
    site.run(&format!("portreeve release u1 --ledger {other} && {swap}"));
    assert_eq!(site.ask("claim thief 27001/tcp").status, 4);
    site.run(&format!("{swap} && portreeve claim o3 27003/tcp --ledger {other}"));
    site.run(&format!("{swap} && {BOOT} && portreeve claims --repair"));
    assert_eq!(site.run(RESERVED).stdout.trim(), "27001-27003");
    for number in [27001, 27002] {
        assert_eq!(site.ask(&format!("claim thief {number}/tcp --ledger /root/third.db")).status, 4);
    }
    // The boot itself does the same.
    site.run(&format!(
        "portreeve claims --repair --ledger {other} && {swap} && {BOOT} && portreeve apply --boot"
    ));
    assert_eq!(site.run(RESERVED).stdout.trim(), "27001-27003");
}

/// What root claims in another ledger is kept after a boot for whoever asks, before and after anything is repaired.
#[test]
fn other_ledgers_are_obeyed_after_a_boot() {
    let site = site();
    site.run("groupadd portreeve && useradd -G portreeve member");
    site.run(&format!("portreeve claim o1 27001/tcp --ledger /root/o.db && {BOOT}"));
    site.run("portreeve claims --repair");
    assert_eq!(site.run(RESERVED).stdout.trim(), "27001");
    site.run(&format!("portreeve claim u2 27002/tcp && {BOOT}"));
    let member = lab(site.host.run("runuser -u member -- portreeve claim thief 27001/tcp"));
    assert_eq!(member.status, 4, "{member:#?}");
}

/// A copy that nobody asked yet is not known: what the one before it claimed goes, and that is said.
#[test]
fn what_goes_with_a_ledger_that_was_replaced_is_told() {
    let site = site();
    let usual = "/var/lib/portreeve/ledger/ledger.db";
    site.run(&format!(
        "portreeve claim u1 27001/tcp && cp -a {usual} /root/c.db && portreeve claim u2 27002/tcp"
    ));
    site.run(&format!("mv {usual} /root/away.db && mv /root/c.db {usual}"));
    let claimed = site.ask("claim u3 27003/tcp");
    assert!(claimed.stderr.contains("Given back to clients: 27002"), "{claimed:#?}");
    assert_eq!(site.run(RESERVED).stdout.trim(), "27001,27003");
    site.run("portreeve claims --repair --ledger /root/away.db");
    assert_eq!(site.run(RESERVED).stdout.trim(), "27001-27003");
    // As the host boots nobody can tell which numbers these are.
    site.run(&format!("cp -a {usual} /root/c.db && rm {usual} && mv /root/c.db {usual} && {BOOT}"));
    for (boot, is_told) in [("first", true), ("second", false)] {
        let told = site.run("portreeve apply --boot").stderr;
        assert_eq!(told.contains("is not the file that was there before"), is_told, "{boot}: {told}");
    }
}

/// While the disk of the host's ledger is away a member hears so too, and whoever asks the one that was moved is not told to release
/// what only that one claims.
#[test]
fn a_ledger_that_is_away_is_missed_by_everybody() {
    let site = site();
    site.run("groupadd portreeve && useradd -m -G portreeve member");
    site.run("portreeve claim web 30401/tcp && mv /var/lib/portreeve/ledger /root/moved");
    let member = "setpriv --reuid member --regid member --init-groups env HOME=/home/member portreeve";
    for asked in ["claims", "claim own 30403/tcp", "ledger check"] {
        let told = lab(site.host.run(&format!("{member} {asked}")));
        assert_eq!(told.status, 5, "{asked}: {told:#?}");
    }
    for asked in ["ledger history", "ledger restore", "ledger restore /root/moved/ledger.db"] {
        let told = site.ask(asked);
        assert_eq!(told.status, 5, "{asked}: {told:#?}");
        assert!(told.stderr.contains("mount its disk"), "{asked}: {told:#?}");
    }
    let told = site.run("portreeve claims --ledger /root/moved/ledger.db");
    assert!(told.stderr.contains("nothing is at /var/lib/portreeve/ledger/ledger.db"), "{told:#?}");
    assert!(!told.stderr.contains("release"), "{told:#?}");
    site.run("mv /root/moved /var/lib/portreeve/ledger");
    assert_eq!(lab(site.host.run(&format!("{member} claim own 30403/tcp"))).stdout.trim(), "30403");
    site.run("useradd -m alice && portreeve claim roots 30501/tcp --ledger /home/alice/o.db && chown alice: /home/alice/o.db*");
    site.run("rm /home/alice/o.db");
    let alice = "setpriv --reuid alice --regid alice --init-groups portreeve";
    let refused = lab(site.host.run(&format!("{alice} ledger init --new-ledger --ledger /home/alice/o.db")));
    assert_eq!(refused.status, 7, "{refused:#?}");
    assert!(refused.stderr.contains("sudo portreeve ledger init --new-ledger"), "{refused:#?}");
}

/// A refusal names it where it is now, and nobody who begins another where it was takes anything from it.
#[test]
fn a_ledger_that_has_moved_is_known_where_it_is() {
    let site = site();
    site.run("mkdir /root/a /root/b && portreeve claim first 30001/tcp --ledger /root/a/l.db");
    site.run("mv /root/a/l.db* /root/b/ && portreeve claim second 30002/tcp --ledger /root/b/l.db");
    let refused = site.ask("claim thief 30001/tcp");
    assert_eq!(refused.status, 4, "{refused:#?}");
    assert!(refused.stderr.contains("30001/tcp: /root/b/l.db"), "{refused:#?}");
    site.run("portreeve ledger init --new-ledger --ledger /root/a/l.db");
    assert_eq!(site.run(RESERVED).stdout.trim(), "30001-30002");
    // Where it has not been asked since, whoever begins another is told what that gives back, and how to have it again.
    site.run("mv /root/b /root/d && mkdir /root/b");
    let told = site.run("portreeve ledger init --new-ledger --ledger /root/b/l.db");
    assert!(told.stdout.contains("Given back to clients: 30001-30002"), "{told:#?}");
    assert_eq!(site.run(RESERVED).stdout.trim(), "");
    site.run("portreeve claims --repair --ledger /root/d/l.db");
    assert_eq!(site.run(RESERVED).stdout.trim(), "30001-30002");
    // By the word that was left of it the one that is gone is known, and not the one that took its place since.
    site.run("portreeve claim third 30003/tcp --ledger /root/e.db && cp /root/e.db.made /root/f.db.made && rm /root/e.db*");
    site.run("portreeve ledger init --new-ledger --ledger /root/f.db");
    assert_eq!(site.run(RESERVED).stdout.trim(), "30001-30002");
}

/// Whatever umask root's shell has, the members find the ledger, and nothing that was put back is the kernel's secret.
#[test]
fn members_find_what_root_made_and_root_hears_what_was_not_kept() {
    let site = site();
    site.run("groupadd portreeve && useradd -G portreeve member");
    site.run("umask 077; portreeve claim roots 30005/tcp");
    let member = "setpriv --reuid member --regid member --init-groups portreeve claim";
    assert_eq!(lab(site.host.run(&format!("{member} thief 30005/tcp"))).status, 4);
    assert_eq!(site.run(&format!("{member} own 30006/tcp")).stdout.trim(), "30006");
    site.run("portreeve claim kept 30101/tcp --ledger /root/l.db && cp -a /root/l.db /root/copy.db");
    site.run("portreeve release kept --ledger /root/l.db");
    let state = "/var/lib/portreeve";
    site.run(&format!("mount --bind {state} {state} && mount -o remount,ro,bind {state}"));
    let told = site.ask("ledger restore /root/copy.db --ledger /root/l.db");
    assert_eq!(told.status, 7, "{told:#?}");
    assert!(told.stderr.contains("the kernel does not follow it yet"), "{told:#?}");
    site.run(&format!("umount {state} && portreeve claims --repair --ledger /root/l.db"));
    assert!(site.run(RESERVED).stdout.contains("30101"));
}

/// Whoever is killed as he puts a copy back leaves the ledger that was there, or the copy, and never none.
#[test]
fn a_copy_that_is_put_back_by_somebody_who_is_killed_leaves_a_ledger() {
    let site = site();
    site.run("portreeve claim first 30100/tcp && portreeve claim second 30101/tcp");
    site.run("cp -a /var/lib/portreeve/ledger/ledger.db /root/copy.db");
    let killed = "for round in $(seq 120); do
        timeout -s KILL 0.0$(printf %02d $((round % 25 + 3))) portreeve ledger restore /root/copy.db >/dev/null 2>&1
        test -s /var/lib/portreeve/ledger/ledger.db || echo gone
    done; true";
    assert_eq!(site.run(killed).stdout, "");
    assert_eq!(site.run("portreeve claim second").stdout.trim(), "30101");
    assert_eq!(site.run("portreeve ledger check").status, 0);
}

/// What is not theirs is not given to the members of the ledger's group.
#[test]
fn a_member_is_told_to_make_no_other_place_his_groups() {
    let site = site();
    site.run("groupadd portreeve && useradd -G portreeve member && portreeve claim own --ledger /etc/l.db");
    let refused = lab(site
        .host
        .run("setpriv --reuid member --regid member --init-groups portreeve claim his --ledger /etc/l.db"));
    assert_ne!(refused.status, 0, "{refused:#?}");
    assert!(!refused.stderr.contains("chgrp"), "{refused:#?}");
}

/// Who mends the kernel's list from the host's own ledger means what root claims in others too, also since a boot.
#[test]
fn what_other_ledgers_claim_is_mended_with_the_hosts_own() {
    let site = site();
    site.run("portreeve claim own 30301/tcp && portreeve claim other 30302/tcp --ledger /root/o.db");
    site.run("rm /run/portreeve/reserved && echo > /proc/sys/net/ipv4/ip_local_reserved_ports");
    site.run("portreeve claims --repair");
    assert_eq!(site.run(RESERVED).stdout.trim(), "30301-30302");
    site.run("mount --bind /run/portreeve /run/portreeve && mount -o remount,ro,bind /run/portreeve");
    let told = site.ask("release own");
    assert!(told.stderr.contains("what the kernel keeps from clients was not"), "{told:#?}");
    site.run("umount /run/portreeve && portreeve claims --repair");
    assert_eq!(site.run(RESERVED).stdout.trim(), "30302");
    assert_eq!(site.ask("claim odd --ledger /var/lib/portreeve/reserved").status, 2);
}
