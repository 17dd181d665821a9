//! What the policy declares is kept from clients, given back by the undo, and kept again by the next boot (A9, A15, A24).

use std::collections::BTreeSet;

use portreeve_lab::{Output, profile};

use super::site::{Site, lab};

const POLICY: &str = "version = 1\n\
    [service.web]\nports = [\"80/tcp\"]\nowner = { unit = \"nginx.service\" }\nreach = \"world\"\n\
    [service.media]\nports = [\"33000-33001/udp\"]\nowner = { user = \"dev\" }\nreach = \"world\"\n\
    [service.db]\nports = [\"33010/tcp\"]\nowner = { user = \"dev\" }\n";
/// What Python's sockets get as clients of nginx, of twenty numbers: none may be declared.
const HANDED_OUT: &str = "sysctl -qw net.ipv4.ip_local_port_range='33000 33019'; python3 - <<'END'
import socket, struct
clients, numbers = [], []
try:
    while True:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        client.connect(('127.0.0.1', 80)); clients.append(client)
        numbers.append(client.getsockname()[1])
except OSError:
    pass
print(*sorted(numbers))
END
sysctl -qw net.ipv4.ip_local_port_range='32768 60999'";
/// The settings of a host in a namespace cannot be written, as in any container, and outlast its boot: here they can be, and
/// begin empty as those of a machine do.
const WRITABLE: &str = "printf '[Unit]\\nDefaultDependencies=no\\nBefore=portreeve-early.service\\n\
    [Service]\\nType=oneshot\\nExecStart=mount -o remount,rw /proc/sys\\n\
    ExecStart=sh -c \"echo >/proc/sys/net/ipv4/ip_local_reserved_ports\"\\n\
    [Install]\\nWantedBy=sysinit.target\\n' >/etc/systemd/system/writable.service && systemctl enable --now writable.service";

fn site() -> Site {
    let site = Site::boot(&profile::WEB);
    site.run(WRITABLE);
    lab(site.host.write("/etc/portreeve/policy.toml", POLICY));
    site
}

fn reserved(site: &Site) -> String {
    site.run("cat /proc/sys/net/ipv4/ip_local_reserved_ports").stdout.trim().into()
}

fn handed_out(site: &Site) -> BTreeSet<u16> {
    let said = site.run(HANDED_OUT).stdout;
    let numbers = said.split_whitespace().map(|number| number.parse().expect("a number"));
    numbers.collect()
}

#[track_caller]
fn ends(output: &Output, status: i32, said: &str) {
    assert_eq!(output.status, status, "{output:#?}");
    assert!(output.stderr.contains(said) || output.stdout.contains(said), "{output:#?}");
}

#[test]
fn no_client_gets_a_declared_number_until_that_is_undone() {
    let site = site();
    let declared: BTreeSet<u16> = [33_000, 33_001, 33_010].into();
    assert!(handed_out(&site).is_superset(&declared), "else nothing is shown");
    ends(&site.ask("plan"), 1, "keep 33000-33001,33010 from clients");
    ends(&site.ask("apply --no-trial --no-session"), 0, "in force");
    assert_eq!(reserved(&site), "33000-33001,33010");
    let left = handed_out(&site);
    assert!(!left.is_empty() && left.is_disjoint(&declared), "{left:?}");
    ends(&site.ask("plan"), 0, "Nothing to do");
    ends(&site.ask("history"), 0, "keeps 33000-33001,33010 from clients");
    // What is declared no longer is given back alone, and comes back alone.
    lab(site.host.write("/etc/portreeve/policy.toml", &POLICY.replace("33000-33001", "33000")));
    ends(&site.ask("apply --no-trial --no-session"), 0, "let clients have 33001 again");
    assert_eq!(reserved(&site), "33000,33010");
    ends(&site.ask("undo --no-session"), 0, "Taken back");
    assert_eq!(reserved(&site), "33000-33001,33010");
    lab(site.host.write("/etc/portreeve/policy.toml", POLICY));
    ends(&site.ask("plan"), 0, "Nothing to do");
    // Somebody else replaces the list: the plan puts it back, and nothing else is to be done.
    site.run("sysctl -qw net.ipv4.ip_local_reserved_ports=9999");
    let plan = site.ask("plan -o json").json();
    let kinds: Vec<_> = plan["changes"].as_array().expect("promised").iter().map(|it| &it["kind"]).collect();
    assert_eq!(kinds, ["reserve"]);
    ends(&site.ask("apply --no-trial --no-session"), 0, "keep 33000-33001,33010 from clients");
    assert_eq!(reserved(&site), "9999,33000-33001,33010");
    ends(&site.ask("undo 1 --no-session"), 0, "there was no gate before receipt 1");
    assert_eq!(reserved(&site), "9999", "what somebody else put there is his");
    assert!(handed_out(&site).is_superset(&declared));
}

/// The kernel takes no such setting back by itself, so no trial makes one.
#[test]
fn a_trial_keeps_nothing_from_clients_before_it_is_confirmed() {
    let site = site();
    ends(&site.ask("apply --trial 60s --no-session"), 0, "kept once the change is confirmed");
    assert_eq!(reserved(&site), "");
    ends(&site.ask("confirm"), 0, "Kept");
    assert_eq!(reserved(&site), "33000-33001,33010");
    ends(&site.ask("undo --no-session"), 0, "there was no gate before receipt 1");
    assert_eq!(reserved(&site), "");
    ends(&site.ask("apply --trial 60s --no-session"), 0, "portreeve confirm");
    ends(&site.ask("undo --no-session"), 0, "Taken back: the trial");
    assert_eq!(reserved(&site), "");
}

/// It goes as with the gate: nobody would take it back when the time is over.
#[test]
fn a_trial_of_the_guard_or_the_steering_changes_nothing_of_what_is_kept_from_clients() {
    let site = site();
    site.run("mount -t bpf bpf /sys/fs/bpf");
    let declare = |port: u16, steer: &str| {
        let app =
            format!("[service.app]\nports = [\"{port}/tcp\"]\nowner = {{ unit = \"nginx.service\" }}\n");
        let policy = format!("{POLICY}{app}guard = \"enforce\"\n{steer}");
        lab(site.host.write("/etc/portreeve/policy.toml", &policy.replace("33000-33001", "5004")));
    };
    let (at_once, on_trial) = ("apply --no-trial --no-session", "apply --trial 60s --no-session");
    declare(33_011, "");
    ends(&site.ask(at_once), 0, "in force");
    assert_eq!(reserved(&site), "33010-33011");
    declare(33_012, "");
    ends(&site.ask("apply --trial 1s --no-session"), 0, "kept once the change is confirmed");
    assert_eq!(reserved(&site), "33010-33011");
    site.run("sleep 1.5");
    ends(&site.ask("confirm"), 6, "the trial of receipt");
    assert_eq!(reserved(&site), "33010-33011", "and the kernel took it back");
    ends(&site.ask(on_trial), 0, "portreeve confirm");
    ends(&site.ask("undo --no-session"), 0, "Taken back");
    assert_eq!(reserved(&site), "33010-33011");
    ends(&site.ask(on_trial), 0, "portreeve confirm");
    ends(&site.ask("confirm"), 0, "Kept");
    assert_eq!(reserved(&site), "33010,33012");
    ends(&site.ask("undo --no-session"), 0, "Taken back");
    assert_eq!(reserved(&site), "33010-33011");
    ends(&site.ask(at_once), 0, "in force");
    assert_eq!(reserved(&site), "33010,33012");
    ends(&site.ask("undo --no-session"), 0, "Taken back");
    assert_eq!(reserved(&site), "33010-33011");
    // What is led to another number nobody binds any more, until it is led there no more.
    declare(33_011, "steer = { when_dead = \"refuse\", target_port = 80 }\n");
    ends(&site.ask(on_trial), 0, "kept once the change is confirmed");
    assert_eq!(reserved(&site), "33010-33011");
    ends(&site.ask("confirm"), 0, "Kept");
    assert_eq!(reserved(&site), "33010");
    ends(&site.ask("off steer"), 0, "Took the steering away");
    assert_eq!(reserved(&site), "33010-33011", "the guard keeps it for its owner");
    ends(&site.ask("undo --no-session"), 0, "Taken back");
    assert_eq!(reserved(&site), "33010");
}

#[test]
fn the_next_boot_keeps_again_what_is_declared_and_claimed_beyond_it() {
    let mut site = site();
    ends(&site.ask("gate enable"), 0, "no gate is confirmed yet");
    site.run("groupadd portreeve && usermod -aG portreeve dev");
    assert_eq!(site.run("portreeve claim shop 20500/tcp").stdout, "20500\n");
    site.run("portreeve claim job 20501/tcp --while-pid 1 && portreeve claim soon 20502/tcp --lease 1h");
    assert_eq!(reserved(&site), "20500-20502");
    // Only root can reserve, so at first a member's claim is not kept.
    site.run("setpriv --reuid dev --regid dev --init-groups portreeve claim members 20510/tcp");
    site.run("portreeve claim beside 20520/tcp --ledger /root/other.db");
    assert_eq!(reserved(&site), "20500-20502,20520");
    lab(site.host.reboot(&profile::WEB));
    assert_eq!(reserved(&site), "20500,20502,20510,20520", "without a gate too");
    assert_eq!(site.run("portreeve apply --boot").stdout, "No gate is confirmed.\n", "but something is done");
    ends(&site.ask("gate enable"), 0, "Nothing to do");
    ends(&site.ask("apply --no-trial --no-session"), 0, "also after the next boot");
    // The kernel of the lab was not booted, so by its clock this one goes on.
    site.run("portreeve release soon && portreeve claim job 20501/tcp --while-pid 1");
    assert_eq!(reserved(&site), "20500-20501,20510,20520,33000-33001,33010");
    // Whoever reloads the rules starts the unit again, which leaves alone what a process has claimed.
    site.run("sysctl -qw net.ipv4.ip_local_reserved_ports=9999 && systemctl restart portreeve-boot");
    assert_eq!(reserved(&site), "9999,20500-20501,20510,20520,33000-33001,33010");
    lab(site.host.reboot(&profile::WEB));
    assert_eq!(reserved(&site), "20500,20510,20520,33000-33001,33010");
    ends(&site.ask("plan"), 0, "Nothing to do");
    ends(&site.ask("off gate --no-session"), 0, "Took the gate away");
    assert_eq!(reserved(&site), "20500,20510,20520", "a claim stays");
    ends(&site.ask("undo --no-session"), 0, "Taken back");
    assert_eq!(reserved(&site), "20500,20510,20520,33000-33001,33010");
}

/// A member of the group leaves files of his own beside the ledger: where he is killed, and where he puts a copy back.
#[test]
fn the_next_boot_reads_what_a_member_wrote() {
    let site = site();
    site.run("groupadd portreeve && usermod -aG portreeve dev && portreeve gate enable");
    assert_eq!(site.run("portreeve claim base 50001/tcp").stdout, "50001\n");
    let member = "setpriv --reuid dev --regid dev --init-groups";
    site.run(&format!("systemd-run -q -u watcher {member} portreeve claims --watch"));
    site.run("timeout 10 sh -c 'until test -e /var/lib/portreeve/ledger/ledger.db-shm; do sleep 0.1; done'");
    site.run(&format!("{member} portreeve claim members 50002/tcp"));
    site.run("systemctl kill -s KILL watcher");
    let boot = "rm /run/portreeve/reserved; sysctl -qw net.ipv4.ip_local_reserved_ports= && systemctl restart portreeve-boot";
    site.run(&format!("stat -c %U /var/lib/portreeve/ledger/ledger.db-wal | grep -x dev && {boot}"));
    assert_eq!(reserved(&site), "50001-50002");
    site.run(&format!("{member} sh -c 'portreeve ledger restore /var/lib/portreeve/ledger/ledger.db.20*'"));
    site.run(&format!("stat -c %U /var/lib/portreeve/ledger/ledger.db.made | grep -x dev && {boot}"));
    assert_eq!(reserved(&site), "50001");
}
