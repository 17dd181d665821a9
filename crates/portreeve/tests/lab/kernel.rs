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
fn boot() -> Guest {
    let kernel = lab(Kernel::ready(&kernel::series()));
    let initramfs = lab(initramfs::with_witnesses(Path::new(PORTREEVE)));
    lab(Guest::boot(&kernel, &initramfs, ""))
}

/// What a command of root prints; it must end with 0.
#[track_caller]
fn run(guest: &Guest, command: &str) -> Output {
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
