//! The gate on a whole host: what a client gets while a change is on trial, when nobody confirms it, and when it is taken
//! back (A15, A16).

use std::{path::Path, thread, time::Duration};

use portreeve_lab::{Chroot, Output, profile};

use super::site::{PORTREEVE, Site, lab};

/// Opens one port to everybody.
fn policy(port: u16) -> String {
    format!(
        "version = 1\n[service.web]\nports = [\"{port}/tcp\"]\nowner = {{ unit = \"nginx.service\" }}\nreach = \"world\"\n"
    )
}

/// A host with nginx on port 80, whose policy opens another port.
fn site() -> Site {
    let site = Site::boot(&profile::WEB);
    declare(&site, 443);
    site
}

fn declare(site: &Site, port: u16) {
    site.run(&format!(
        "mkdir -p /etc/portreeve && printf '%s' '{}' > /etc/portreeve/policy.toml",
        policy(port)
    ));
}

/// Whether the client gets an answer of nginx.
fn answers(site: &Site) -> bool {
    let url = format!("http://{}/", site.host.place().ipv4);
    lab(site.client.run(&format!("curl -s -o /dev/null -m 2 {url}"))).status == 0
}

#[track_caller]
fn ends(output: &Output, status: i32, said: &str) {
    assert_eq!(output.status, status, "{output:#?}");
    assert!(output.stderr.contains(said) || output.stdout.contains(said), "{output:#?}");
}

/// The kernel takes an unconfirmed change back by itself, and whoever confirms it then is too late.
#[test]
fn what_nobody_confirms_is_taken_back_with_every_process_dead() {
    let site = site();
    assert!(answers(&site));
    ends(&site.ask("undo"), 6, "nothing was changed yet");
    ends(&site.ask("undo 1"), 2, "there is no receipt 1");
    ends(&site.ask("plan"), 1, "nginx");
    ends(&site.ask("apply --no-session"), 2, "this is no terminal");
    // Whoever is not root would take the advice for nothing.
    ends(&lab(site.host.run("su -s /bin/sh nobody -c 'portreeve apply'")), 2, "only root may change");
    ends(&site.ask("apply --trial 4s"), 5, "no connection was found");
    ends(&site.ask("apply --trial 15s --no-session"), 0, "portreeve confirm");
    assert!(!answers(&site), "80/tcp is not declared");
    assert_eq!(lab(site.host.run("pgrep -x portreeve")).status, 1, "nobody of ours is left");
    ends(&site.ask("gate status"), 0, "On trial: receipt 1");
    ends(&site.ask("apply --no-trial --no-session"), 5, "another change is on trial");
    ends(&site.ask("apply --no-trial --no-session"), 5, "it is receipt 1 of root");
    thread::sleep(Duration::from_secs(15));
    assert!(answers(&site));
    // What is left of it is no gate: it refuses nobody, and opens nothing.
    ends(&site.ask("gate status"), 0, "and no gate is in force");
    ends(&site.ask("open 80 --for 2s"), 2, "nothing of portreeve's keeps the port closed");
    ends(&site.ask("confirm"), 6, "too late");
    ends(&site.ask("undo"), 6, "nothing to do");
    assert!(answers(&site));
    ends(&site.ask("history"), 0, "lapsed");
    assert_eq!(lab(site.host.run("test -e /var/lib/portreeve/gate/boot.json")).status, 1);
    // Whoever empties the maps ends a trial too, and the kernel did nothing.
    ends(&site.ask("apply --trial 60s --no-session"), 0, "portreeve confirm");
    site.run("nft 'flush map inet portreeve trial_input; flush map inet portreeve trial_forward'");
    assert!(answers(&site));
    ends(&site.ask("gate status"), 0, "ended by somebody else before its time");
    ends(&site.ask("confirm"), 6, "somebody else ended the trial of receipt 2");
    ends(&site.ask("undo"), 6, "somebody else ended the trial of receipt 2");
    // Of half a trial the other half still judges.
    ends(&site.ask("apply --trial 60s --no-session"), 0, "portreeve confirm");
    site.run("nft delete element inet portreeve trial_input '{ ipv6 }'");
    let status = site.ask("gate status");
    ends(&status, 0, "Somebody else took a part of the trial away");
    assert!(status.stdout.contains("next: portreeve undo\n"), "{status:#?}");
    ends(&site.ask("confirm"), 5, "somebody else has changed the gate");
    ends(&site.ask("plan"), 5, "hint: portreeve undo · or wait");
    assert!(!answers(&site));
    ends(&site.ask("undo --no-session"), 0, "Taken back: the trial of receipt 3 is over");
    assert!(answers(&site));
}

/// A confirmed change stays, is known to the next boot, and is taken back by its receipt.
#[test]
fn what_is_confirmed_stays_until_it_is_undone() {
    let site = site();
    ends(&site.ask("apply --trial 60s --no-session"), 0, "portreeve confirm");
    ends(&site.ask("confirm"), 0, "Kept");
    ends(&site.ask("confirm"), 0, "already");
    assert!(!answers(&site));
    site.run("test -s /var/lib/portreeve/gate/boot.json");
    ends(&site.ask("apply --no-trial --no-session"), 0, "Nothing to do");
    ends(&site.ask("plan"), 0, "Nothing to do");
    // A while, which the kernel ends.
    ends(&site.ask("open 80 --for 3s"), 0, "80/tcp is open to world");
    assert!(answers(&site));
    thread::sleep(Duration::from_millis(3_200));
    assert!(!answers(&site));
    let client = format!("close --from {} --for 1h", site.client.place().ipv4);
    ends(&site.ask("undo 1 --no-session"), 0, "Taken back");
    assert!(answers(&site));
    assert_eq!(lab(site.host.run("nft list table inet portreeve")).status, 1, "there was no gate before");
    assert_eq!(lab(site.host.run("test -e /var/lib/portreeve/gate/boot.json")).status, 1);
    ends(&site.ask(&client), 0, "are refused for");
    assert!(!answers(&site));
    // Where somebody else has emptied the chain nobody is kept out, and none is said to be.
    let rules = site.run("nft list table inet portreeve").stdout;
    site.run("nft flush chain inet portreeve input");
    assert!(answers(&site));
    ends(&site.ask(&client), 5, "so it might let them in");
    site.run(&format!("nft delete table inet portreeve && nft -f - <<'END'\n{rules}END"));
    ends(&site.ask("undo"), 0, "may come in again");
    assert!(answers(&site));
    // Nobody is here, as when a dead man's switch takes the gate away: that keeps nobody out.
    ends(&site.ask("off gate"), 0, "Took the gate away");
}

/// What somebody types at the countdown of a trial of 15 s, and how it ends.
fn at_the_countdown(site: &Site, typed: &str) -> Output {
    let apply = "script -qec 'exec portreeve apply --trial 15s --no-session' /dev/null";
    lab(site.host.run(&format!("(sleep 8; {typed}; sleep 2) | {apply}")))
}

/// Enter alone keeps a change; what was meant for something else does not.
#[test]
fn at_the_countdown_only_enter_alone_keeps_the_change() {
    let site = site();
    ends(&at_the_countdown(&site, "echo yes; sleep 11"), 6, "only Enter alone keeps the change");
    assert!(answers(&site));
    ends(&at_the_countdown(&site, "true"), 8, "the change is still on trial until");
    ends(&site.ask("undo --no-session"), 0, "Taken back: the trial of receipt 2 is over");
    ends(&at_the_countdown(&site, "echo n"), 6, "Taken back: the trial of receipt 4 is over");
    ends(&at_the_countdown(&site, "printf '\\003'"), 8, "the change is still on trial until");
    // What somebody else does meanwhile for a while does not stand in the way.
    ends(&site.ask("close --from 203.0.113.77 --for 1h"), 0, "next: portreeve undo 7");
    ends(&site.ask("undo --no-session"), 0, "Taken back: the trial of receipt 6 is over");
    ends(&at_the_countdown(&site, "echo"), 0, "Kept");
    assert!(!answers(&site));
}

/// A policy with a mistake, a full disk: whoever wants out of a gate gets out, or is told how.
#[test]
fn the_ways_out_need_neither_policy_nor_room() {
    let site = site();
    let break_policy = "echo 'version = = 1' > /etc/portreeve/policy.toml";
    let warned = "warning: zones from which the policy says that the host is managed were not considered";
    ends(&site.ask("apply --trial 60s --no-session"), 0, "portreeve confirm");
    site.run(break_policy);
    ends(&site.ask("undo"), 5, "from a tool: portreeve undo --no-session");
    let undone = site.ask("undo --no-session");
    ends(&undone, 0, "Taken back");
    assert!(undone.stderr.contains(warned) && answers(&site), "{undone:#?}");
    declare(&site, 443);
    ends(&site.ask("apply --no-trial --no-session"), 0, "in force");
    site.run(break_policy);
    site.run("mount -t tmpfs -o size=4k,mode=755 full /var/lib/portreeve && mkdir /var/lib/portreeve/gate && head -c 4k /dev/zero > /var/lib/portreeve/full || true");
    ends(&site.ask("off gate"), 7, "nft delete table inet portreeve");
    ends(&site.ask("off gate --lang ja"), 7, "記録を残さず");
    site.run("umount /var/lib/portreeve");
    let off = site.ask("off gate");
    ends(&off, 0, "Took the gate away");
    assert!(off.stderr.contains(warned) && answers(&site), "{off:#?}");
}

/// Whoever takes an old change back is told of what goes with it, and not of what went before.
#[test]
fn what_was_changed_since_goes_with_an_old_change_and_is_named() {
    let site = site();
    let apply = |port| {
        declare(&site, port);
        ends(&site.ask("apply --no-trial --no-session"), 0, "in force");
    };
    apply(443);
    apply(8_443);
    ends(&site.ask("undo --no-session"), 0, "before receipt 2.\n");
    apply(9_443);
    declare(&site, 80);
    ends(&site.ask("apply --trial 60s --no-session"), 0, "portreeve confirm");
    ends(&site.ask("confirm"), 0, "Kept");
    let undone = site.ask("undo 1 --no-session");
    ends(&undone, 0, "What receipts 4, 5 changed after it is taken back with it.");
    assert!(!undone.stdout.contains("gate enable"), "no gate is left: {}", undone.stdout);
}

/// Something else that flushes the ruleset is told, and not taken for ours.
#[test]
fn a_gate_that_somebody_else_took_away_is_missed() {
    let site = site();
    ends(&site.ask("apply --no-trial --no-session"), 0, "until the machine is rebooted");
    site.run("nft flush ruleset");
    ends(&site.ask("gate status"), 0, "The gate is gone");
    ends(&site.ask("gate status"), 0, "next: portreeve apply");
    ends(&site.ask("confirm"), 6, "another program removed it");
    // A table that only closes would stand in its place, also at the next boot.
    for close in ["close 8080/tcp --no-session", "close --from 203.0.113.7"] {
        ends(&site.ask(close), 5, "the gate that was confirmed here is gone");
    }
    // Also of a change that was on trial, in its time and after it.
    ends(&site.ask("apply --trial 4s --no-session"), 0, "portreeve confirm");
    site.run("nft flush ruleset");
    ends(&site.ask("confirm"), 6, "another program removed it");
    thread::sleep(Duration::from_secs(4));
    ends(&site.ask("confirm"), 6, "hint: portreeve apply");
    site.run("test -s /var/lib/portreeve/gate/boot.json");
    ends(&site.ask("apply --no-trial --no-session"), 0, "until the machine is rebooted");
    // No room for what takes it back: nothing is done.
    declare(&site, 8_443);
    site.run("mount -t tmpfs -o size=4k,mode=755 full /var/lib/portreeve && mkdir /var/lib/portreeve/gate && head -c 4k /dev/zero > /var/lib/portreeve/full || true");
    let before = site.run("nft list table inet portreeve").stdout;
    ends(&site.ask("apply --no-trial --no-session"), 7, "nothing was done");
    assert_eq!(site.run("nft list table inet portreeve").stdout, before);
}

/// A host without a service manager: its processes are few, and it is made at once.
fn chroot() -> Chroot {
    let host = lab(Chroot::create(Path::new(PORTREEVE)));
    lab(host.run("mkdir -p /etc/portreeve"));
    host
}

#[track_caller]
fn run(host: &Chroot, command: &str) -> Output {
    let output = lab(host.run(command));
    assert_eq!(output.status, 0, "{command}: {output:#?}");
    output
}

/// The generation that judges, and the ports that each generation opens.
fn generations(host: &Chroot) -> (String, Vec<String>) {
    let table = run(host, "nft list table inet portreeve").stdout;
    let judges = table.split("chain confirmed_input {").nth(1).and_then(|rest| rest.split("goto ").nth(1));
    let judges = judges.map(|rest| rest[..1].to_owned()).expect("one generation judges");
    let sets = table.split("\tset ").filter(|set| set[1..].starts_with("_world_tcp"));
    let port = |set: &str| {
        let elements = set.split("elements = { ").nth(1)?.split(' ').next()?;
        Some(format!("{} {elements}", &set[..1]))
    };
    (judges, sets.filter_map(port).collect())
}

/// What was done is told also where nobody lists the gate; only what came of a trial is not.
#[test]
fn receipts_need_no_nft() {
    let host = chroot();
    lab(host.write("/etc/portreeve/policy.toml", &policy(1_000)));
    run(&host, "portreeve apply --no-trial --no-session");
    lab(host.write("/etc/portreeve/policy.toml", &policy(1_001)));
    run(&host, "portreeve apply --trial 60s --no-session");
    assert!(run(&host, "portreeve history").stdout.contains("on trial"));
    run(&host, "mv /usr/sbin/nft /usr/sbin/nft.gone");
    let told = lab(host.run("portreeve history"));
    ends(&told, 7, "nft is not installed");
    let outcomes = told.stdout.lines().skip(1).map(|line| line.rsplit("  ").next());
    assert_eq!(outcomes.collect::<Vec<_>>(), [Some("not known"), Some("done")], "{told:#?}");
}

/// Whenever the program is killed, the gate is the old one or the new one and nothing between, and the next run knows
/// which.
#[test]
fn whoever_is_killed_leaves_the_old_gate_or_the_new_one() {
    let host = chroot();
    lab(host.write("/etc/portreeve/policy.toml", &policy(1_000)));
    run(&host, "portreeve apply --no-trial --no-session");
    let (mut last, mut made) = (1_000_u16, 0);
    for round in 1..=30_u16 {
        let next = 1_000 + round;
        lab(host.write("/etc/portreeve/policy.toml", &policy(next)));
        let killed = format!(
            "portreeve apply --no-trial --no-session & sleep {:.3}; kill -9 $! || true; wait $! || true; sleep 0.1",
            f64::from(round) * 0.08
        );
        run(&host, &killed);
        let (judges, ports) = generations(&host);
        let [port] = ports.as_slice() else { panic!("round {round}: {ports:?}") };
        assert!([last, next].map(|port| format!("{judges} {port}")).contains(port), "round {round}: {port}");
        if *port == format!("{judges} {next}") {
            (last, made) = (next, made + 1);
        }
    }
    assert!(made > 0, "none of them was quick enough");
    // The receipt of each that was made is found out by the one after it.
    run(&host, "portreeve apply --no-trial --no-session");
    let history = run(&host, "portreeve history").stdout;
    assert!(!history.contains("not known"), "{history}");
    let done = history.lines().filter(|line| line.ends_with("done")).count();
    assert!(done > made && done <= made + 2, "{made} were made of {history}");
}

/// Of two at once one makes its change, and the other is told so: by the lock, and without it by the kernel.
#[test]
fn of_two_operators_one_is_refused() {
    let host = chroot();
    lab(host.write("/etc/portreeve/policy.toml", &policy(1_000)));
    run(&host, "portreeve apply --no-trial --no-session");
    let apply = "portreeve apply --no-trial --no-session --policy";
    for round in 0..10_u16 {
        lab(host.write("/tmp/one.toml", &policy(2_000 + round)));
        lab(host.write("/tmp/two.toml", &policy(3_000 + round)));
        // The other one has a lock and receipts of its own, as somebody in another mount namespace has.
        let other =
            "unshare -m sh -c 'mount -t tmpfs run /run; mkdir -p /run/own; PORTREEVE_STATE=/run/own exec";
        let both = format!(
            "{apply} /tmp/one.toml >/dev/null 2>/tmp/one & one=$!; {other} {apply} /tmp/two.toml >/dev/null 2>/tmp/two' & two=$!; \
             wait $one; a=$?; wait $two; echo $a $?"
        );
        let codes = run(&host, &both).stdout;
        let (judges, ports) = generations(&host);
        let of = |port: u16| vec![format!("{judges} {}", port + round)];
        match codes.trim() {
            "0 5" => assert_eq!(ports, of(2_000)),
            "5 0" => assert_eq!(ports, of(3_000)),
            // One after the other.
            "0 0" => assert!(ports == of(2_000) || ports == of(3_000), "{ports:?}"),
            codes => {
                panic!("{codes}: {} {}", run(&host, "cat /tmp/one").stdout, run(&host, "cat /tmp/two").stdout)
            }
        }
    }
}

/// Over a real session of ssh a policy without ssh is refused, also by whoever became somebody else meanwhile.
#[test]
fn nobody_cuts_himself_off_over_ssh() {
    let site = site();
    site.run(
        "ip netns add out && ip link add w0 type veth peer name o0 netns out && ip addr add 10.99.0.1/24 dev w0 && \
         ip link set w0 up && ip -n out addr add 10.99.0.9/24 dev o0 && ip -n out link set o0 up && \
         mkdir -p /root/.ssh && ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519 && \
         cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys",
    );
    let over_ssh = |command: &str| {
        let ssh = "ip netns exec out ssh -o StrictHostKeyChecking=no -o ConnectTimeout=3 root@10.99.0.1";
        lab(site.host.run(&format!("timeout 15 {ssh} \"{command}\" </dev/null")))
    };
    ends(&over_ssh("echo here"), 0, "here");
    for command in [
        "portreeve apply --trial 5s",
        "portreeve apply --trial 5s --no-session",
        "env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/bin su root -c 'portreeve apply --no-trial'",
        "setsid -w portreeve apply --no-trial",
        "portreeve plan",
    ] {
        ends(&over_ssh(command), 5, "10.99.0.9 is connected to 22/tcp (sshd");
    }
    assert_eq!(lab(site.host.run("nft list table inet portreeve")).status, 1, "nothing was done");
    ends(&over_ssh("portreeve close --from 10.99.0.9"), 5, "somebody is on this host from 10.99.0.9");
    ends(&over_ssh("portreeve apply --trial 60s --cut-my-own-session"), 0, "portreeve confirm");
    ends(&over_ssh("true"), 255, "timed out");
    ends(&site.ask("undo --no-session"), 0, "Taken back");
    declare(&site, 22);
    ends(&over_ssh("portreeve apply --trial 60s"), 0, "portreeve confirm");
    ends(&over_ssh("portreeve confirm"), 0, "Kept");
}
