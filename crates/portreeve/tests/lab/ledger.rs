//! The ledger of a real host: damaged, gone, moved or without room, and the kernel follows what is put in its place (A25).

use portreeve_lab::profile;

use super::site::Site;

const FILE: &str = "/var/lib/portreeve/ledger/ledger.db";
/// What Python's SQLite says of the file, and the claims that it reads.
const WITNESS: &str = "python3 - <<'END'
import sqlite3
file = sqlite3.connect('file:/var/lib/portreeve/ledger/ledger.db?mode=ro', uri=True)
print(file.execute('PRAGMA integrity_check').fetchone()[0], *[name for name, in file.execute('SELECT name FROM claim ORDER BY name')])
END";

/// A host whose settings may be changed, with two claims, of which the copy of the day has the first.
fn site() -> Site {
    let site = Site::boot(&profile::BARE);
    site.run("mount -o remount,rw /proc/sys");
    site.run("portreeve claim web 20500/tcp && portreeve claim mail 20501/tcp");
    assert_eq!(reserved(&site), "20500-20501");
    site
}

fn reserved(site: &Site) -> String {
    site.run("cat /proc/sys/net/ipv4/ip_local_reserved_ports").stdout.trim().into()
}

fn witnessed(site: &Site) -> String {
    site.run(WITNESS).stdout.trim().into()
}

/// The command that `ledger check` says would mend it.
fn next(site: &Site) -> String {
    let checked = site.ask("ledger check");
    assert_eq!(checked.status, 5, "{checked:#?}");
    let next = checked.stdout.lines().find_map(|line| line.strip_prefix("next: "));
    next.unwrap_or_else(|| panic!("{checked:#?}")).into()
}

/// What the check names is typed as it is, and all is well again; what the copy does not know is the kernel's to hand out.
#[test]
fn a_damaged_ledger_is_mended_by_the_command_that_is_named() {
    let site = site();
    site.run(&format!("head -c 5000 /dev/zero > {FILE}"));
    for words in ["claims", "claim other", "release web"] {
        assert_eq!(site.ask(words).status, 5, "{words}");
    }
    assert_eq!(reserved(&site), "20500-20501", "nothing is given back meanwhile");
    let restored = site.run(&next(&site)).stdout;
    assert!(restored.contains(" 1 claim, ") && restored.contains(".aside-"), "{restored}");
    assert_eq!((witnessed(&site), reserved(&site)), ("ok web".into(), "20500".into()));
    assert_eq!(site.run("portreeve claim web").stdout, "20500\n");
    assert_eq!(site.run(&format!("stat -c %s {FILE}.aside-*")).stdout, "5000\n");
    // Where there is no copy either, only a word for it begins a new one.
    site.run(&format!("rm {FILE} {FILE}.????-??-??"));
    assert_eq!(site.ask("ledger init").status, 5);
    let begun = next(&site);
    assert_eq!(begun, "portreeve ledger init --new-ledger");
    site.run(&begun);
    assert_eq!((witnessed(&site), reserved(&site)), ("ok".into(), String::new()));
}

#[test]
fn what_a_copy_does_not_know_is_told_and_can_be_brought() {
    let site = site();
    let restored =
        site.run("portreeve ledger restore $(basename /var/lib/portreeve/ledger/ledger.db.????-??-??)");
    assert!(restored.stdout.contains("missing, or not as it was: mail (20501/tcp, "), "{}", restored.stdout);
    assert_eq!(reserved(&site), "20500");
    let bring = restored.stdout.lines().find_map(|line| line.strip_prefix("next: "));
    let brought = site.run(bring.expect("a command"));
    assert!(brought.stdout.contains("1 claim was imported; 1 was there already."), "{}", brought.stdout);
    assert_eq!((witnessed(&site), reserved(&site)), ("ok mail web".into(), "20500-20501".into()));
}

/// What is put aside is root's, and a member of the group reads and writes it as he does the ledger.
#[test]
fn a_member_restores_the_ledger_and_brings_what_the_copy_does_not_know() {
    let site = Site::boot(&profile::BARE);
    site.run("groupadd portreeve && usermod -aG portreeve dev");
    site.run("portreeve claim web 20500/tcp && portreeve claim mail 20501/tcp");
    let member = |command: &str| {
        site.run(&format!("setpriv --reuid dev --regid dev --init-groups sh -c '{command}' 2>&1")).stdout
    };
    let restored = member(&format!("portreeve ledger restore $(basename {FILE}.????-??-??)"));
    let bring = restored.lines().find_map(|line| line.strip_prefix("next: "));
    let brought = member(bring.unwrap_or_else(|| panic!("{restored}")));
    assert!(brought.contains("1 claim was imported; 1 was there already."), "{brought}");
    assert_eq!(witnessed(&site), "ok mail web");
    // Elsewhere the group may write the file, and not beside it.
    site.run("portreeve claim other --ledger /srv/p.db && chmod 755 /srv");
    let closed = member("portreeve claim mine --ledger /srv/p.db; true");
    assert!(closed.contains("write its folder /srv as well"), "{closed}");
}

/// From one file to another; a process that has ended meanwhile claims nothing any more.
#[test]
fn claims_move_to_another_ledger() {
    let site = site();
    site.run("systemd-run -q -u worker sleep 600");
    site.run("portreeve claim job 20502/tcp --while-pid $(systemctl show -p MainPID --value worker)");
    site.run("portreeve ledger export > /root/claims; systemctl stop worker; portreeve release job");
    site.run("portreeve release web; portreeve release mail");
    assert_eq!(reserved(&site), "");
    let imported = site.run("portreeve ledger import /root/claims 2>&1");
    assert!(imported.stdout.contains("note: left out, since it ended meanwhile: job (20502/tcp, "));
    assert!(imported.stdout.contains("2 claims were imported"), "{}", imported.stdout);
    assert_eq!((witnessed(&site), reserved(&site)), ("ok mail web".into(), "20500-20501".into()));
    site.run("sed -i 2q /root/claims");
    assert_eq!(site.ask("ledger import /root/claims").status, 2, "it is not whole");
    // What a user has in a ledger of his own nobody would obey here, until it is the host's.
    site.run("su dev -c 'portreeve claim own 31001/tcp -q >/dev/null; portreeve ledger export' >/tmp/own");
    let refused = site.ask("ledger import /tmp/own");
    assert_eq!((refused.status, refused.stdout.as_str()), (4, ""), "{refused:#?}");
    let typed =
        refused.stderr.split_once("who obey it: ").expect("what to type").1.replace("FILE", "/tmp/own");
    site.run(typed.trim());
    assert_eq!(site.ask("claim other 31001/tcp").status, 4);
    let history = site.run("portreeve ledger history web").stdout;
    let what: Vec<&str> = history.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(what, ["WHAT", "claimed", "removed", "claimed"], "{history}");
}

/// Where there is no room, or nothing may be written, nobody is promised a port, and what was promised stands.
#[test]
fn a_full_disk_and_one_that_may_not_be_written_change_nothing() {
    let site = site();
    site.run("mkdir /run/small && mount -t tmpfs -o size=512k tmpfs /run/small");
    let own = |words: &str| site.ask(&format!("{words} --ledger /run/small/ledger.db"));
    assert_eq!(own("claim web 20550/tcp").status, 0);
    site.run("cat /dev/zero > /run/small/filler; test -s /run/small/filler");
    let before = site.run("sha256sum /run/small/ledger.db").stdout;
    let refused = own("claim other 20600/tcp");
    assert_eq!(refused.status, 7, "{refused:#?}");
    assert!(refused.stderr.contains("no space is left") && refused.stderr.contains("; df /run/small/"));
    assert_eq!(site.run("sha256sum /run/small/ledger.db").stdout, before);
    site.run("rm /run/small/filler && mount -o remount,ro /run/small");
    let refused = own("claim other 20600/tcp");
    assert_eq!(refused.status, 7, "{refused:#?}");
    assert!(refused.stderr.contains("the file system is read-only"), "{refused:#?}");
    assert_eq!(site.run("sha256sum /run/small/ledger.db").stdout, before);
    site.run("mount -o remount,rw /run/small");
    assert_eq!(own("claim other 20600/tcp").status, 0);
    let listed = own("claims -o json").json();
    let names: Vec<_> = listed["claims"].as_array().expect("`claims` is promised").iter().collect();
    assert_eq!(names.len(), 2, "{listed}");
}

/// What was answered stands, so that nobody is told that nothing was changed.
#[test]
fn a_batch_that_the_disk_cuts_short_says_what_stands() {
    let site = site();
    site.run("mkdir /run/small && mount -t tmpfs -o size=512k tmpfs /run/small");
    site.run("seq -f '{\"name\":\"n%g\"}' 5000 > /run/batch");
    let cut = site.ask("claim --batch /run/batch --ledger /run/small/ledger.db");
    assert!(cut.status == 7 && cut.stdout.starts_with('{'), "{cut:#?}");
    let said = &cut.stderr;
    assert!(said.contains("those that were are claimed") && !said.contains("nothing was changed"), "{said}");
}
