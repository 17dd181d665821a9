//! Changes of which nobody reads what they say, or that cannot begin: they are made all the same, or say that they were
//! not (A15, A16).

use std::path::Path;

use portreeve_lab::{Chroot, Output};

use super::site::{PORTREEVE, lab};

/// A host without a service manager, whose policy opens one port.
fn host() -> Chroot {
    let host = lab(Chroot::create(Path::new(PORTREEVE)));
    lab(host.run("mkdir -p /etc/portreeve"));
    let policy =
        "version = 1\n[service.web]\nports = [\"80/tcp\"]\nowner = { user = \"root\" }\nreach = \"world\"\n";
    lab(host.write("/etc/portreeve/policy.toml", policy));
    host
}

fn run(host: &Chroot, command: &str) -> Output {
    lab(host.run(&format!("bash -c '{command}'")))
}

fn has_gate(host: &Chroot) -> bool {
    run(host, "nft list table inet portreeve").status == 0
}

/// Whoever pipes into `head`, or quits his pager, has typed the change and gets it.
#[test]
fn a_reader_that_goes_away_keeps_no_change_from_being_made() {
    let host = host();
    for command in ["apply --no-trial", "apply --trial 60s", "close 8080/tcp"] {
        // Also where what is written by the way, as warnings, is read by nobody.
        for into in ["| true", "2>&1 | true"] {
            let made =
                run(&host, &format!("portreeve {command} --no-session {into}; exit ${{PIPESTATUS[0]}}"));
            assert_eq!(made.status, 0, "{command} {into}: {made:#?}");
            assert!(has_gate(&host), "{command} {into}");
            let off = run(&host, &format!("portreeve off gate {into}; exit ${{PIPESTATUS[0]}}"));
            assert_eq!(off.status, 0, "{into}: {off:#?}");
            assert!(!has_gate(&host), "{into}");
        }
    }
}

/// Whoever is not root is told to type the same again, and not something else.
#[test]
fn whoever_plans_without_root_is_told_how_to() {
    let host = host();
    let nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups";
    let planned = run(&host, &format!("{nobody} portreeve plan"));
    assert_eq!(planned.status, 2, "{planned:#?}");
    assert!(planned.stderr.ends_with("hint: run it again with sudo\n"), "{planned:#?}");
}

/// Whoever was here by no connection is offered what works without one.
#[test]
fn what_is_offered_to_take_a_change_back_does_so() {
    let host = host();
    for command in ["apply --no-trial", "apply --trial 60s", "close 8080/tcp", "off gate"] {
        let made = run(&host, &format!("portreeve {command} --no-session"));
        assert_eq!(made.status, 0, "{command}: {made:#?}");
        assert!(made.stdout.contains("portreeve undo --no-session"), "{command}: {made:#?}");
        let undone = run(&host, "portreeve undo --no-session");
        assert_eq!(undone.status, 0, "{command}: {undone:#?}");
        if command == "close 8080/tcp" {
            assert_eq!(run(&host, "portreeve apply --no-trial --no-session").status, 0, "to be taken away");
        }
    }
}

/// A full disk behind the standard output is told, and what became of the change with it.
#[test]
fn what_cannot_be_written_says_what_became_of_the_change() {
    let host = host();
    let full = |command: &str, told: &str| {
        let said = run(&host, &format!("portreeve {command} >/dev/full"));
        assert_eq!(said.status, 7, "{command}: {said:#?}");
        assert!(said.stderr.starts_with(&format!("error: {told}")), "{command}: {said:#?}");
        assert!(said.stderr.contains("cause: cannot write to standard output"), "{command}: {said:#?}");
    };
    assert_eq!(run(&host, "mknod -m 666 /dev/full c 1 7").status, 0);
    full("apply --no-trial --no-session", "nothing was applied");
    assert!(!has_gate(&host));
    assert_eq!(run(&host, "portreeve apply --trial 60s --no-session").status, 0);
    let made = "the change was made, but not all could be told";
    full("confirm", made);
    full("open 8080 --for 1h", made);
    full("close --from 203.0.113.7", made);
    full("undo", made);
    full("off gate", made);
    assert!(!has_gate(&host));
    full("off gate", "nothing was taken away");
}

/// Ctrl-Z in the middle of a change keeps others from changing anything; each of them is told by whom.
#[test]
fn whoever_holds_the_gate_is_named() {
    let host = host();
    assert_eq!(run(&host, "portreeve apply --no-trial --no-session").status, 0);
    let held = "flock --no-fork /run/portreeve/gate.lock sleep 40 & holder=$!; until grep -qx sleep /proc/$holder/comm; do sleep 0.1; done;";
    let stopped = run(
        &host,
        &format!(
            "{held} kill -STOP $holder; pids=; for it in undo confirm \"off gate\" \"open 80 --for 1h\"; do timeout 15 portreeve $it & pids=\"$pids $!\"; done; for it in $pids; do wait $it; echo $?; done; kill -KILL $holder"
        ),
    );
    assert_eq!(stopped.stdout, "7\n7\n7\n7\n", "{stopped:#?}");
    assert_eq!(stopped.stderr.matches("cause: sleep 40 (pid ").count(), 4, "{stopped:#?}");
    assert_eq!(stopped.stderr.matches("let it go on: kill -CONT ").count(), 4, "{stopped:#?}");
    let goes_on = run(&host, &format!("{held} timeout 15 portreeve --lang ja undo; echo $?; kill $holder"));
    assert_eq!(goes_on.stdout, "7\n", "{goes_on:#?}");
    assert!(goes_on.stderr.contains("10 秒待っても終わりません"), "{goes_on:#?}");
    assert_eq!(run(&host, "portreeve undo --no-session").status, 0, "nobody has it any more");
}

/// Puts a program in the place of nft, to which nft itself is `$nft`.
fn pretend(host: &Chroot, does: &str) {
    lab(host.write(
        "/usr/sbin/nft.new",
        &format!("#!/bin/sh\nnft=/usr/sbin/nft.real\n{does}\nexec $nft \"$@\"\n"),
    ));
    let put = "test -e /usr/sbin/nft.real || cp -p /usr/sbin/nft /usr/sbin/nft.real; chmod 755 /usr/sbin/nft.new; mv /usr/sbin/nft.new /usr/sbin/nft";
    assert_eq!(run(host, put).status, 0);
}

/// What nft says is not believed where the gate does not show it.
#[test]
fn a_gate_that_is_not_there_is_not_in_force() {
    let host = host();
    let apply = || run(&host, "portreeve apply --no-trial --no-session");
    pretend(&host, r#"if [ "$*" = "-f -" ]; then $nft -f - && $nft flush ruleset; exit; fi"#);
    let flushed = apply();
    assert_eq!(flushed.status, 8, "{flushed:#?}");
    assert!(flushed.stderr.contains("not known whether the change was made"), "{flushed:#?}");
    assert!(
        !flushed.stdout.contains("Applied") && run(&host, "portreeve history").stdout.contains("not known")
    );
    pretend(&host, r#"case "$*" in --version) echo "nftables v0.9.8"; exit;; *"-f -") exit 0;; esac"#);
    let old = apply();
    assert_eq!(old.status, 7, "{old:#?}");
    assert!(old.stderr.contains("nft 0.9.8 is too old"), "{old:#?}");
    pretend(&host, "");
    assert_eq!(apply().status, 0);
    pretend(&host, r#"[ "$*" = "-f -" ] && exit 0"#);
    for command in ["off gate", "undo --no-session"] {
        let unmade = run(&host, &format!("portreeve {command}"));
        assert_eq!(unmade.status, 7, "{unmade:#?}");
        assert!(unmade.stderr.contains("the gate is as it was"), "{unmade:#?}");
    }
    pretend(&host, "");
    assert!(has_gate(&host));
    assert_eq!(run(&host, "portreeve undo --no-session").status, 0, "what was not made stands in no way");
}

/// Nor where it does: a program in its place may fail when all is done.
#[test]
fn a_change_is_made_where_the_gate_shows_it() {
    let host = host();
    pretend(&host, r#"if [ "$*" = "-f -" ]; then $nft -f -; echo "no room for the log" >&2; exit 1; fi"#);
    for (command, leaves) in
        [("apply --trial 60s --no-session", true), ("confirm", true), ("off gate --no-session", false)]
    {
        let made = run(&host, &format!("portreeve {command}"));
        assert_eq!((made.status, has_gate(&host)), (0, leaves), "{command}: {made:#?}");
    }
    pretend(&host, r#"if [ "$*" = "-f -" ]; then echo "no room for the log" >&2; exit 1; fi"#);
    let refused = run(&host, "portreeve apply --no-trial --no-session");
    assert_eq!((refused.status, has_gate(&host)), (7, false), "{refused:#?}");
    assert!(refused.stderr.contains("nothing was done"), "{refused:#?}");
}
