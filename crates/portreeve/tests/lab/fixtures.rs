//! The hosts of the benchmarks are what they say they are.

use portreeve_lab::{Output, fixture, witness};

use super::site::lab;

/// The small host has its 20 listeners, 200 processes and 600 descriptors.
#[test]
fn the_small_host_has_its_listeners_and_processes() {
    let small = lab(fixture::small());
    let run =
        |script: &str| Output::from(small.command(["sh", "-c", script]).output().expect("a shell runs"));
    assert_eq!(witness::ss(&run("ss -Hltnup").stdout).len(), 20);
    let crowd = "pgrep -x holder | while read pid; do ls /proc/$pid/fd | wc -l; done";
    let descriptors: Vec<u32> = run(crowd).stdout.lines().filter_map(|line| line.parse().ok()).collect();
    // The 200 of the crowd, and the one that started them.
    assert_eq!(descriptors.len(), 201);
    assert_eq!(descriptors.iter().filter(|count| **count == 3).count(), 180);
    assert_eq!(descriptors.iter().filter(|count| **count == 4).count(), 20);
}

/// The busy host has its 100,000 connections, and nobody beside the listener of 443 in its unit (A5).
#[test]
fn the_busy_host_has_its_connections() {
    let busy = lab(fixture::busy());
    let run = |script: &str| Output::from(busy.command(["sh", "-c", script]).output().expect("a shell runs"));
    let summary = run("ss -Htn state established | wc -l");
    assert_eq!(summary.stdout.trim(), "200000", "two ends of each of 100,000: {summary:#?}");
    let listeners = witness::ss(&run("ss -Hltnu").stdout);
    assert_eq!(listeners.len(), 51);
    assert!(listeners.iter().any(|listener| listener.port == 443));
}

/// A host of so many thousand sockets has them, shared out so that no process has too many (A5).
#[test]
fn a_host_of_ten_thousand_sockets_has_them() {
    let host = lab(fixture::connected(10_000));
    let run = |script: &str| Output::from(host.command(["sh", "-c", script]).output().expect("a shell runs"));
    assert_eq!(run("ss -Htn state established | wc -l").stdout.trim(), "10000");
    let descriptors = "for pid in $(pgrep -x holder); do ls /proc/$pid/fd | wc -l; done | sort -n | tail -1";
    assert_eq!(run(descriptors).stdout.trim(), "2004", "both ends, the listener, and the usual three");
}

/// A host that is divided into namespaces has the same number open in each.
#[test]
fn a_divided_host_has_a_listener_in_every_namespace() {
    let host = lab(fixture::divided(3));
    let run = |script: &str| Output::from(host.command(["sh", "-c", script]).output().expect("a shell runs"));
    assert_eq!(run("ss -Hltn | wc -l").stdout.trim(), "0");
    let each =
        "for pid in $(pgrep -x holder); do nsenter --target $pid --net ss -Hltn | wc -l; done | sort -n";
    assert_eq!(run(each).stdout, "0\n1\n1\n1\n", "none in the one that started them");
}
