//! Which ways of looking are open, and what a group sees through iterators that root pinned (A5, A12).

use std::collections::BTreeSet;

use portreeve_lab::{
    Output,
    kernel::{Guest, Kernel, initramfs, series},
    profile, witness,
};
use serde_json::Value;

use super::site::{PORTREEVE, Site, lab};

/// A group that exists on no host before a test makes it.
const GROUP: &str = "reeves";

/// The way of this name in an answer of `doctor`.
fn way<'a>(answer: &'a Value, name: &str) -> &'a Value {
    let ways = answer["ways"].as_array().expect("`ways` is promised");
    ways.iter().find(|way| way["way"] == name).unwrap_or_else(|| panic!("no way {name}: {answer:#}"))
}

/// The units in which sockets of the caller's own namespace were opened, by port.
fn units(answer: &Value) -> BTreeSet<(u64, String)> {
    let listeners = answer["listeners"].as_array().expect("`listeners` is promised");
    let own = listeners.iter().filter(|listener| listener["netns"]["own"] == true);
    own.map(|listener| {
        let unit = listener["socket_unit"].as_str().unwrap_or_default();
        (listener["port"].as_u64().expect("`port` is promised"), unit.to_owned())
    })
    .collect()
}

/// The kinds of gaps in an answer.
fn gaps(answer: &Value) -> Vec<&str> {
    let gaps = answer["gaps"].as_array().expect("`gaps` is promised");
    gaps.iter().filter_map(|gap| gap["what"].as_str()).collect()
}

/// Nobody in particular sees the unit of every listener; a member of the group every process too, also in a namespace
/// that only root may enter, until the pins are off (A5, A12).
#[test]
fn a_member_of_the_group_sees_every_owner() {
    let site = Site::boot(&profile::MAIL_WEB_FTP);
    let ss = witness::ss(&site.run("ss -Hltnup").stdout);
    let nobody = site.ask_as("nobody", "ls -o json").json();
    let told = units(&nobody);
    assert_eq!(told.len(), ss.iter().map(|socket| socket.port).collect::<BTreeSet<_>>().len(), "{nobody:#}");
    assert!(told.iter().all(|(_, unit)| unit.ends_with(".service") || unit.ends_with(".socket")), "{told:?}");
    assert!(told.contains(&(443, "nginx.service".into())), "{told:?}");
    let doctor = site.ask_as("nobody", "doctor -o json");
    assert_eq!((doctor.status, &way(&doctor.json(), "pins")["reason"]), (3, &"not-pinned".into()));

    site.run(&format!("groupadd {GROUP} && usermod -aG {GROUP} dev"));
    let refused = site.ask_as("dev", &format!("doctor --pin --group {GROUP}"));
    assert_eq!((refused.status, refused.stdout.as_str()), (2, ""), "{refused:#?}");
    let said = site.run(&format!("portreeve doctor --pin --group {GROUP}")).stdout;
    assert!(said.contains("process numbers, users and control groups"), "it says what they see: {said}");
    let modes = site.run("stat -c '%a %U %G' /run/portreeve/bpf/*-1 | sort -u").stdout;
    assert_eq!(modes, format!("640 root {GROUP}\n"));

    let apart = lab(site.host.start_as("root", "unshare --net sleep 600"));
    let enter = format!("nsenter --net=/proc/{}/ns/net", apart.pid);
    site.run(&format!(
        "for i in $(seq 100); do [ \"$({enter} ip -br link | wc -l)\" = 1 ] && break; sleep 0.05; done"
    ));
    let foreign = lab(site.host.start_as(
        "root",
        &format!("{enter} perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalPort => 7100, Listen => 1) or die; sleep 600'"),
    ));
    site.run(&format!(
        "for i in $(seq 100); do {enter} ss -Hltn | grep -q :7100 && exit 0; sleep 0.05; done; exit 1"
    ));
    let output = site.ask_as("dev", "ls -o json");
    let code = output.status;
    let answer = output.json();
    let mut expected = ss.clone();
    expected.extend(witness::ss(&site.run(&format!("{enter} ss -Hltnup")).stdout));
    assert_eq!(witness::portreeve(&answer), expected, "{answer:#}");
    assert_eq!(gaps(&answer), ["unentered-namespaces", "hidden-firewall"], "nothing else is hidden");
    let who = site.ask_as("dev", "who 7100 -o json").json();
    let listener = &who["listeners"][0];
    assert_eq!(
        (&listener["holders"][0]["pid"], &listener["netns"]["own"]),
        (&foreign.pid.into(), &false.into())
    );
    assert_eq!(listener["reach"][0]["verdict"], "unknown", "its interfaces are not known: {listener:#}");
    let doctor = site.ask_as("dev", "doctor -o json");
    assert_eq!((doctor.status, &way(&doctor.json(), "pins")["open"]), (code, &true.into()), "{doctor:#?}");
    // That the rules of the firewall are hidden is told of each reach.
    let mut sockets = answer["gaps"].clone();
    let told = sockets.as_array_mut().expect("`gaps` is promised");
    told.retain(|gap| gap["what"] != "hidden-firewall");
    assert_eq!(doctor.json()["gaps"], sockets, "it says what a look does not see");
    let snapshot = site.ask_as("dev", "snapshot").stdout;
    lab(site.host.write("/tmp/host.json", &snapshot));
    assert_eq!(
        site.run("portreeve ls --snapshot /tmp/host.json -o json --allow-gaps").json()["listeners"],
        answer["listeners"]
    );

    site.run("mv /run/portreeve/bpf/kept-1 /run/portreeve/bpf/new-kept-1");
    let partly = site.ask_as("dev", "doctor -o json").json();
    let pins = way(&partly, "pins");
    let why = "of the pins in /run/portreeve/bpf these are missing: kept-1";
    assert_eq!((&pins["reason"], &pins["why"]), (&"incomplete".into(), &why.into()));
    site.run("mv /run/portreeve/bpf/new-kept-1 /run/portreeve/bpf/kept-1");
    let other = site.ask_as("nobody", "doctor -o json");
    let pins = way(&other.json(), "pins").clone();
    assert_eq!(
        (&pins["reason"], &pins["commands"][0]),
        (&"of-group".into(), &format!("sudo usermod -aG {GROUP} $USER").into())
    );
    assert_eq!(site.run("portreeve off pins").stdout, "Took 5 pins away and unmounted /run/portreeve/bpf.\n");
    site.run("test ! -e /run/portreeve/bpf && ! grep -q ' /run/portreeve' /proc/mounts");
    assert_eq!(
        site.run("portreeve off").stdout,
        "Nothing is steered by portreeve.\nThere is no guard of portreeve's.\nThere is no gate of portreeve's.\nNothing of portreeve's is pinned.\n"
    );
    assert!(gaps(&site.ask_as("dev", "ls -o json").json()).contains(&"hidden-owners"));
}

/// What somebody else put there is neither read nor taken away (A20).
#[test]
fn what_is_not_ours_is_left_alone() {
    let site = Site::boot(&profile::BARE);
    let pin = "portreeve doctor --pin --group 4";
    let refused = |command: &str, cause: &str| {
        let output = lab(site.host.run(command));
        assert_eq!(output.status, 5, "{command}: {output:#?}");
        assert!(output.stderr.contains(cause), "{output:#?}");
    };
    site.run("mkdir -p /run/portreeve/bpf && touch /run/portreeve/bpf/mine");
    refused(pin, "a directory with files");
    refused("portreeve off pins", "/run/portreeve/bpf");
    site.run("test -e /run/portreeve/bpf/mine && rm /run/portreeve/bpf/mine");
    // Whoever mounts one that anybody may write to may have put anything into it.
    site.run("mount -t bpf bpf /run/portreeve/bpf");
    refused(pin, "others than root may write to it");
    let answer = site.ask_as("nobody", "doctor -o json").json();
    assert_eq!(way(&answer, "pins")["reason"], "foreign", "{answer:#}");
    site.run("umount /run/portreeve/bpf && mount -t tmpfs -o mode=755 tmpfs /run/portreeve/bpf");
    refused(pin, "another file system");
    site.run("umount /run/portreeve/bpf && rmdir /run/portreeve/bpf && ln -s /tmp /run/portreeve/bpf");
    refused(pin, "/run/portreeve/bpf was not created by portreeve\ncause: it is a symbolic link");
    site.run("rm /run/portreeve/bpf");

    site.run("rm -rf /run/portreeve && mkdir -p /run/else");
    for (make, cause) in [
        ("ln -s /run/else /run/portreeve", "it is a symbolic link"),
        ("touch /run/portreeve", "it is not a directory"),
        ("mkdir /run/portreeve; chown nobody /run/portreeve", "it belongs to user 65534, not to root"),
        ("mkdir -m 777 /run/portreeve", "others than root may write to it (mode 0777)"),
    ] {
        site.run(make);
        let said = format!("/run/portreeve was not created by portreeve\ncause: {cause}\n");
        refused(pin, &said);
        refused(pin, "sudo mv /run/portreeve /run/portreeve.old");
        site.run("test -z \"$(ls -A /run/portreeve/)\" || test -f /run/portreeve; rm -rf /run/portreeve");
    }

    site.run(&format!("{pin} && mkdir /run/portreeve/bpf/mine"));
    refused(pin, "mine");
    refused("portreeve off pins", "mine");
    site.run("rmdir /run/portreeve/bpf/mine && portreeve off pins && test ! -e /run/portreeve/bpf");
}

/// The oldest kernel, on which dev is a member of the group and nobody is not.
fn boot() -> Guest {
    let kernel = lab(Kernel::ready(&series()));
    let mut initramfs = lab(initramfs::with_witnesses(std::path::Path::new(PORTREEVE)));
    let groups = format!("root:x:0:\ndev:x:1000:\nnogroup:x:65534:\n{GROUP}:x:4000:dev\n");
    initramfs.write("etc/group", &groups, 0o644);
    lab(Guest::boot(&kernel, &initramfs, ""))
}

#[track_caller]
fn run(guest: &Guest, command: &str) -> Output {
    let output = lab(guest.run(command));
    assert_eq!(output.status, 0, "{command}: {output:#?}");
    output
}

/// Every way is open there, and the group's members see what root sees (A5, A12).
#[test]
fn every_way_is_open_on_the_oldest_kernel() {
    let guest = boot();
    let doctor = run(&guest, "portreeve doctor -o json").json();
    for name in [
        "bpf-files",
        "bpf-kept",
        "bpf-tcp",
        "bpf-udp",
        "sock-diag",
        "proc-net",
        "descriptors",
        "namespaces",
        "kernel",
    ] {
        assert_eq!(way(&doctor, name)["open"], true, "{name}: {doctor:#}");
    }
    lab(guest.hold("system.slice/web.service", "listen 0.0.0.0:80 127.0.0.1:8080"));
    run(&guest, &format!("portreeve doctor --pin --group {GROUP}"));
    let ss = witness::ss(&run(&guest, "ss -Hltnup").stdout);
    let member = lab(guest.run("su -s /bin/sh dev -c 'portreeve ls -o json'"));
    assert_eq!(witness::portreeve(&member.json()), ss, "{member:#?}");
    assert_eq!((member.status, gaps(&member.json())), (0, vec![]), "nothing is hidden");
    let nobody = lab(guest.run("su -s /bin/sh nobody -c 'portreeve ls -o json'")).json();
    assert!(gaps(&nobody).contains(&"hidden-owners"), "{nobody:#}");
    run(&guest, "portreeve off pins");
}

/// Programs, links and maps that the kernel has, as bpftool tells them.
fn in_kernel(guest: &Guest) -> String {
    run(guest, "for what in prog link map; do echo $what; bpftool $what show | grep -E '^[0-9]+:' | cut -d: -f1; done").stdout
}

/// Nothing of ours stays in the kernel, whenever portreeve is killed, and two at once are in nobody's way (A20).
#[test]
fn whenever_it_is_killed_nothing_stays() {
    let guest = boot();
    run(&guest, "mount -t bpf bpf /sys/fs/bpf 2>/dev/null; portreeve ls >/dev/null");
    let before = in_kernel(&guest);
    let settled = |what: &str| {
        // Programs go when their last readers are through, which takes the kernel a moment.
        for _ in 0..50 {
            if in_kernel(&guest) == before {
                return;
            }
            run(&guest, "usleep 100000");
        }
        panic!(
            "{what} left: {}",
            run(&guest, "bpftool prog show; bpftool link show; bpftool map show").stdout
        );
    };
    let killed = |commands: [&str; 2], microseconds: u32| {
        let [one, other] = commands;
        run(
            &guest,
            &format!(
                "for i in $(seq 60); do {one} >/dev/null 2>&1 & a=$!; {other} >/dev/null 2>&1 & b=$!; \
             usleep $((i * {microseconds})); kill -9 $a $b 2>/dev/null; wait; done; true"
            ),
        );
    };
    killed(["portreeve ls", "portreeve ls -a -o json"], 1500);
    settled("ls");

    let pin = format!("portreeve doctor --pin --group {GROUP}");
    killed([&pin, &pin], 3000);
    run(&guest, &pin);
    let files = run(&guest, "ls /run/portreeve/bpf | grep -v '[.]'").stdout;
    assert_eq!(files, "descriptors-1\nkept-1\nlisteners-1\ntcp-1\nudp-1\n");
    let modes = run(&guest, "stat -c '%a %G' /run/portreeve/bpf/*-1 | sort -u").stdout;
    assert_eq!(modes, format!("640 {GROUP}\n"));
    killed(["su -s /bin/sh dev -c 'portreeve ls'", "portreeve ls"], 1500);
    killed(["portreeve off pins", &pin], 3000);
    run(&guest, &format!("{pin}; portreeve off pins"));
    run(&guest, "test ! -e /run/portreeve/bpf && ! grep -q ' /run/portreeve' /proc/mounts");
    settled("doctor --pin, after off pins");
}

/// The fallback's answer is the same but for what docs/sight.md lists (A5, A12).
#[test]
fn the_fallback_says_the_same_as_bpf() {
    let guest = boot();
    let held = [
        "listen 0.0.0.0:80 [::]:443 127.0.0.1:50000",
        "udp 0.0.0.0:53 [::1]:53 0.0.0.0:50001",
        "forked 127.0.0.1:7002",
        "passed 127.0.0.1:7003",
        "in-flight 127.0.0.1:7004",
        "full 127.0.0.1:7005",
        "v6only [::]:7006",
        "connected 127.0.0.1:7007 127.0.0.1:53",
        "bound 127.0.0.1:7008",
        "packet 2048",
    ];
    for (number, arguments) in held.iter().enumerate() {
        lab(guest.hold(&format!("system.slice/u{number}.service"), arguments));
    }
    let ask = |without: &str| {
        let mut answer = run(&guest, &format!("PORTREEVE_WITHOUT={without} portreeve ls -a -o json")).json();
        answer["taken"] = Value::Null;
        answer
    };
    let (by_bpf, mut by_fallback) = (ask(""), ask("bpf"));
    let listeners = by_bpf["listeners"].as_array().expect("`listeners` is promised");
    assert_eq!(listeners.len(), 11, "{by_bpf:#}");
    for (place, listener) in listeners.iter().enumerate() {
        let other = &mut by_fallback["listeners"][place];
        // Nobody has a descriptor of the one in flight.
        let seen_by = if listener["port"] == 7004 { "sock_diag" } else { "task_file" };
        assert_eq!((&listener["seen_by"], &other["seen_by"]), (&seen_by.into(), &"sock_diag".into()));
        other["seen_by"] = seen_by.into();
        if listener["port"] == 7004 {
            // That it is on its way only the kernel's own lists tell.
            let gap = |of: &Value| of["gap"].as_str().unwrap_or_default().to_owned();
            assert_ne!(gap(listener), gap(other));
            assert!(gap(other).starts_with("no process has a descriptor of it"), "{other:#}");
            other["gap"] = listener["gap"].clone();
            let complete = (&listener["holders_complete"], &other["holders_complete"]);
            assert_eq!(complete, (&true.into(), &false.into()), "somebody may keep it: {other:#}");
            other["holders_complete"] = true.into();
        }
        if listener["port"] == 50001 {
            // Whether a person chose the number is guessed from the range.
            assert_eq!((&listener["ephemeral"], &other["ephemeral"]), (&false.into(), &true.into()));
            other["ephemeral"] = false.into();
        }
    }
    let is_bound = |connection: &Value| connection["state"] == "bound";
    let connections = by_bpf["connections"].as_array().expect("`connections` is promised").clone();
    // Before Linux 6.8 no list but that of descriptors has it, and its process is then one that holds nothing.
    let bound: Vec<_> = connections.iter().filter(|connection| is_bound(connection)).collect();
    assert_eq!((bound.len(), &bound[0]["port"]), (1, &7008.into()), "{by_bpf:#}");
    by_fallback["connections"]
        .as_array_mut()
        .expect("`connections` is promised")
        .retain(|one| !is_bound(one));
    let rest: Vec<_> = connections.iter().filter(|connection| !is_bound(connection)).cloned().collect();
    let holder = bound[0]["pids"][0].to_string();
    let mut by_bpf = by_bpf.clone();
    by_bpf["connections"] = rest.into();
    for answer in [&mut by_bpf, &mut by_fallback] {
        answer["processes"].as_object_mut().expect("`processes` is promised").remove(&holder);
    }
    assert_eq!(by_bpf, by_fallback);
}
