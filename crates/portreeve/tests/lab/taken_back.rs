//! What is taken back on a host whose gate was changed often: by the kernel's word and not the clock's, once, and said so
//! (A15, A20).

use std::path::Path;

use portreeve_lab::{Chroot, Output};

use super::site::{PORTREEVE, lab};

const WEB: &str = "version = 1\n[service.web]\nports = [\"443/tcp\"]\nowner = { unit = \"own.service\" }\nreach = \"world\"\n";
const LAN: &str = "[zone.lan]\nfrom = [\"10.9.0.0/16\"]\n";

/// A host without a service manager and with a gate in force, by receipt 1.
fn host() -> Chroot {
    let host = lab(Chroot::create(Path::new(PORTREEVE)));
    lab(host.run("mkdir -p /etc/portreeve"));
    lab(host.write("/etc/portreeve/policy.toml", WEB));
    ends(&host, "apply --no-trial --no-session", 0, "in force");
    host
}

#[track_caller]
fn ends(host: &Chroot, command: &str, status: i32, said: &str) -> String {
    let output: Output = lab(host.run(&format!("portreeve {command}")));
    assert_eq!(output.status, status, "{command}: {output:#?}");
    let all = output.stdout + &output.stderr;
    assert!(all.contains(said), "{said}: {all}");
    all
}

/// As after a suspend: the time that was foreseen is over, and the kernel's is not.
#[test]
fn what_is_open_is_shut_whatever_the_clock_says() {
    let host = host();
    ends(&host, "open 80 --for 1h", 0, "next: portreeve undo 2");
    ends(&host, "close --from 203.0.113.7 --for 1h", 0, "are refused for");
    // What is there for longer stays so.
    ends(&host, "open 80 --for 2s", 0, "Nothing to do: 80/tcp is open to world already");
    ends(&host, "close --from 203.0.113.7 --for 2s", 0, "Nothing to do: 203.0.113.7 is kept out already");
    let past = "sed -i 's/\"until\":\"[^\"]*\"/\"until\":\"2026-01-01T00:00:00Z\"/'";
    let receipts = "/var/lib/portreeve/gate/0000000[23].receipt.json";
    assert_eq!(lab(host.run(&format!("{past} {receipts}"))).status, 0);
    ends(&host, "undo", 0, "203.0.113.7 may come in again");
    ends(&host, "undo 2 --no-session", 0, "80/tcp is no longer open");
    ends(&host, "undo 2 --no-session", 6, "the kernel took receipt 2 back by itself");
    ends(&host, "undo 3", 6, "the kernel took receipt 3 back by itself");
}

/// What stands beside a gate goes with its table, or with the zone that it is open to, and is named.
#[test]
fn what_goes_with_a_gate_is_named() {
    let host = host();
    lab(host.write("/tmp/lan.toml", &format!("{WEB}{LAN}")));
    ends(&host, "apply --no-trial --no-session --policy /tmp/lan.toml", 0, "in force");
    ends(&host, "open 80 --from lan --for 1h", 0, "80/tcp is open to lan");
    ends(&host, "open 81 --for 1h", 0, "81/tcp is open to world");
    ends(&host, "close --from 203.0.113.7", 0, "are refused");
    ends(&host, "undo 2 --no-session", 0, "This ended with it: 80/tcp open to lan.\n");
    let off = ends(&host, "off gate", 0, "This ended with it: 81/tcp open to world, 203.0.113.7 kept out.\n");
    assert!(off.starts_with("Took the gate away"), "{off}");
    let again = ends(&host, "undo --no-session", 0, "Taken back");
    assert!(!again.contains("ended with it"), "nobody was kept out any more: {again}");
}

/// The sets of a trial's zones outlive it.
#[test]
fn nothing_is_open_to_a_zone_of_a_trial_that_is_over() {
    let host = host();
    lab(host.write("/tmp/lan.toml", &format!("{WEB}{LAN}")));
    ends(&host, "apply --trial 4s --no-session --policy /tmp/lan.toml", 0, "On trial");
    ends(&host, "open 80 --from lan --for 10m", 0, "80/tcp is open to lan");
    ends(&host, "gate status", 0, "80/tcp");
    assert_eq!(lab(host.run("sleep 4")).status, 0);
    ends(&host, "open 81 --from lan --for 10m", 2, "the gate has no such zone");
    ends(&host, "open 81 --from lan --for 10m", 2, "one of: world");
    let status = ends(&host, "gate status", 0, "The gate stands");
    assert!(!status.contains("80/tcp"), "{status}");
}

/// Where there was none before, as somebody else had taken it away, undo leaves none.
#[test]
fn whoever_is_left_without_a_gate_is_told_so() {
    let host = host();
    assert_eq!(lab(host.run("nft flush ruleset")).status, 0);
    ends(&host, "apply --no-trial --no-session", 0, "in force");
    let said =
        ends(&host, "undo --no-session", 0, "there was no gate before receipt 2, and there is none now");
    assert!(said.contains("next: portreeve undo 3"), "{said}");
    ends(&host, "undo 3 --no-session", 0, "before receipt 3.");
    ends(&host, "undo 2 --no-session --lang ja", 0, "ゲートを取り除きました");
    ends(&host, "gate status", 0, "There is no gate");
    ends(&host, "undo 2 --no-session", 6, "been taken back already");
}

/// What somebody else took away is put in force again or given up: to take back the change after which it stood would do
/// neither, and yet forget what the next boot puts back.
#[test]
fn a_gate_that_somebody_else_took_away_is_not_undone() {
    let host = host();
    assert_eq!(lab(host.run("nft delete table inet portreeve")).status, 0);
    for undo in ["undo --no-session", "undo 1 --no-session"] {
        let said = ends(&host, undo, 5, "the gate that was confirmed here is gone");
        assert!(said.contains("portreeve apply") && said.contains("portreeve off gate"), "{said}");
    }
    assert_eq!(lab(host.run("test -s /var/lib/portreeve/gate/boot.json")).status, 0, "the next boot has it");
    ends(&host, "off gate --no-session", 0, "The gate was gone already");
    ends(&host, "undo 1 --no-session", 6, "there was no gate before receipt 1, and there is none now");
}

/// To type undo twice is no wish to have the change again, which its number brings back.
#[test]
fn a_second_undo_brings_nothing_back_unless_it_is_named() {
    let host = host();
    ends(&host, "close 443/tcp --no-session", 0, "Closed to everybody outside");
    ends(&host, "undo --no-session", 0, "before receipt 2.");
    let said = ends(&host, "undo --no-session", 6, "took one back itself (receipt 3: took receipt 2 back)");
    assert!(said.contains("portreeve undo 3 brings back what receipt 2 did (closed "), "{said}");
    assert!(said.contains("portreeve undo 1 takes back the one before it (applied the policy)"), "{said}");
    ends(
        &host,
        "undo --no-session --lang ja",
        6,
        "その前の変更(policy を適用)を取り消すには portreeve undo 1",
    );
    ends(&host, "undo 3 --no-session", 0, "before receipt 3.");
    ends(&host, "undo --no-session", 6, "portreeve undo 2 takes back the one before it (closed ");
    ends(&host, "undo 2 --no-session", 0, "before receipt 2.");
    ends(&host, "open 80 --for 1h", 0, "next: portreeve undo 6");
    ends(&host, "undo --no-session", 0, "80/tcp is no longer open");
    ends(&host, "undo --no-session", 6, "portreeve undo 1 takes back the one before it (applied the policy)");
    // What is younger goes with it, also where that took something back itself.
    ends(&host, "undo 1 --no-session", 0, "there is none now");
    ends(&host, "undo 5 --no-session", 0, "What receipt 8 changed after it is taken back with it.");
}
