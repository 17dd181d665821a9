//! The oldest kernel that is supported with BPF, which is another than the machine's: Debian's 6.1 under qemu.
//!
//! `cargo xtask lab kernel --kernel SERIES` runs these on another one.

use std::path::Path;

use portreeve_lab::{
    Output,
    kernel::{self, Guest, Kernel, initramfs},
    programs, reap, witness,
};

use super::site::{PORTREEVE, lab};

/// A kernel of the series with portreeve, the holder and the witnesses on it.
pub(super) fn boot() -> Guest {
    let kernel = lab(Kernel::ready(&kernel::series()));
    let initramfs = lab(initramfs::with_witnesses(Path::new(PORTREEVE)));
    lab(Guest::boot(&kernel, &initramfs, ""))
}

/// A kernel of the series on which the ignored test of that name has passed.
#[track_caller]
pub(super) fn pass_within(test: &str) -> Guest {
    let kernel = lab(Kernel::ready(&kernel::series()));
    let mut initramfs = lab(initramfs::with_witnesses(Path::new(PORTREEVE)));
    lab(initramfs.program(&std::env::current_exe().expect("Linux tells it"), "tests"));
    let guest = lab(Guest::boot(&kernel, &initramfs, ""));
    let told = run(&guest, &format!("/tests --exact {test} --ignored --nocapture")).stdout;
    assert!(told.contains("1 passed"), "it is there by that name: {told}");
    guest
}

/// What a command of root prints; it must end with 0.
#[track_caller]
pub(super) fn run(guest: &Guest, command: &str) -> Output {
    let output = lab(guest.run(command));
    assert_eq!(output.status, 0, "{command}: {output:#?}");
    output
}

/// The same listeners as `ss`, and in each its process and its unit (A4, A5, A12).
#[test]
fn ls_and_who_agree_with_ss_on_the_oldest_kernel() {
    let guest = boot();
    let web = lab(guest.hold("system.slice/web.service", "listen 0.0.0.0:80 [::]:443 127.0.0.1:8080"));
    let held = [
        ("web.service", "reuseport 0.0.0.0:7001"),
        ("other.service", "reuseport 0.0.0.0:7001"),
        ("inherited.service", "forked 127.0.0.1:7002"),
        ("names.service", "udp 0.0.0.0:53 [::1]:53"),
        ("narrow.service", "v6only [::]:7003"),
    ];
    for (unit, arguments) in held {
        lab(guest.hold(&format!("system.slice/{unit}"), arguments));
    }
    let ss = witness::ss(&run(&guest, "ss -Hltnup").stdout);
    assert_eq!(ss.len(), 8, "three, one that two share, one, two, and one: {ss:#?}");
    let answer = run(&guest, "portreeve ls -o json").json();
    assert_eq!(witness::portreeve(&answer), ss);

    let answer = run(&guest, "portreeve who 443 -o json").json();
    let holders = &answer["listeners"][0]["holders"];
    assert_eq!(holders.as_array().map(Vec::len), Some(1), "{answer:#}");
    assert_eq!((&holders[0]["pid"], &holders[0]["unit"]), (&web.into(), &"web.service".into()), "{answer:#}");
}

/// What BPF iterators need is there, so that a fallback on this kernel is a mistake (A5).
#[test]
fn the_oldest_kernel_has_types_and_iterators() {
    let guest = boot();
    assert!(run(&guest, "uname -r").stdout.starts_with(&format!("{}.", kernel::series())));
    run(&guest, "test -s /sys/kernel/btf/vmlinux");
    for iterator in ["task_file", "tcp", "udp"] {
        run(&guest, &format!("grep -q ' bpf_iter_{iterator}$' /proc/kallsyms"));
    }
    assert_eq!(run(&guest, "cat /sys/kernel/security/lockdown").stdout, "[none] integrity confidentiality\n");
    let users = run(&guest, "cat /proc/sys/kernel/unprivileged_bpf_disabled").stdout;
    assert_eq!(users, "2\n", "BPF is root's, as on every Debian host");
}

/// Every socket of the zoo is told as it is by the oldest kernel's own lists too (A4, A5, A12).
#[test]
fn the_zoo_is_told_as_it_is_on_the_oldest_kernel() {
    let kernel = lab(Kernel::ready(&kernel::series()));
    let mut initramfs = lab(initramfs::with_witnesses(Path::new(PORTREEVE)));
    lab(initramfs.tool("ip"));
    lab(initramfs.copy(&lab(programs::zoo()), "zoo"));
    let guest = lab(Guest::boot(&kernel, &initramfs, ""));
    run(&guest, "modprobe -a vxlan vsock_loopback vsock_diag && ip link set lo up");
    let output = lab(guest.run("/zoo/zoo \"$(command -v portreeve)\" -o json"));
    let rows = output.json();
    for row in rows.as_array().expect("a row a case") {
        assert!(row["missing"].is_null() && row["disproof"] == "", "what is true there: {row:#}");
        assert!(row["portreeve"].is_null(), "{row:#}");
    }
    assert_eq!(output.status, 0, "{output:#?}");
}

/// Every listener that comes and goes is told there too, and nothing of the programs is left (A17).
#[test]
fn follow_hears_of_everything_on_the_oldest_kernel() {
    let guest = boot();
    lab(guest.hold("steady.service", "listen 127.0.0.1:1999"));
    let script = "portreeve ls --follow -o ndjson >/tmp/told 2>&1 & pid=$!; \
         until grep -q present /tmp/told; do sleep 0.2; done; bpftool prog show >/tmp/during; \
         (holder brief 200 1000 3000 && holder brief-udp 200 5000) >/dev/null; sleep 3; kill $pid; wait $pid; cat /tmp/told";
    let told = run(&guest, script).stdout;
    let events: Vec<serde_json::Value> =
        told.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    for (protocol, event) in [("tcp", "opened"), ("tcp", "closed"), ("udp", "opened"), ("udp", "closed")] {
        let is_of = |told: &&serde_json::Value| {
            told["event"] == event
                && told["listener"]["protocol"] == protocol
                && told["listener"]["holders"][0]["name"] == "holder"
        };
        assert_eq!(events.iter().filter(is_of).count(), 200, "{event} of {protocol}: {:#?}", events.last());
    }
    assert!(events.iter().all(|event| event["event"] != "lost"));
    let names = ["states", "bound4", "bound6", "released"];
    let during = run(&guest, "cat /tmp/during").stdout;
    assert!(names.iter().all(|name| during.contains(&format!("name {name} "))), "{during}");
    let after = run(&guest, "sleep 2; bpftool prog show; bpftool map show; bpftool link show").stdout;
    assert!(!names.iter().any(|name| after.contains(&format!("name {name} "))), "{after}");
    assert!(!after.contains("ringbuf"), "{after}");
}

/// The programs of the watch are taken there, and what they count can be read (A19).
#[test]
fn the_watch_sees_packets_on_the_oldest_kernel() {
    let guest = boot();
    let script = "ip link add one type dummy; ip address add 192.0.2.1/24 dev one; ip link set one up; \
         portreeve watch --for 40s --policy none >/tmp/told & pid=$!; until grep -q ^sees: /tmp/told || ! kill -0 $pid; do sleep 0.5; done; \
         bpftool map show >/tmp/during; wait $pid; cat /tmp/told /tmp/during";
    let told = run(&guest, script).stdout;
    assert!(told.starts_with("sees: dropped and refused packets, handshakes (kernel)"), "{told}");
    assert!(told.contains("name first_touches "), "{told}");
    let usual = run(&guest, "cat /var/lib/portreeve/watch/usual.json").stdout;
    assert!(!usual.contains(r#""watched":[0,"#), "it was looked at least once: {usual}");
}

/// What a command prints comes whole, with its status; a kernel that dies is an error with its last words.
#[test]
fn a_guest_answers_exactly_or_says_why_not() {
    let guest = boot();
    let output = lab(guest.run("printf 'a\\r\\nb'; printf '\\001\\t' >&2; sleep 60 & exit 7"));
    assert_eq!(output, Output { status: 7, stdout: "a\r\nb".into(), stderr: "\u{1}\t".into() });
    assert_eq!(run(&guest, "head -c 300000 /dev/zero | tr '\\0' x").stdout, "x".repeat(300_000));

    let error = guest.run("echo c >/proc/sysrq-trigger").expect_err("the kernel is dead");
    assert!(error.to_string().contains("Kernel panic - not syncing: sysrq triggered crash"), "{error}");
    let name = guest.name().to_owned();
    assert!(reap::own().contains(&name));
    drop(guest);
    assert!(!reap::own().contains(&name), "{name} is left");
}
