//! What the kernel tells in part or not at all, which must not pass for all of it or for something else (A4, A9, A12).

use portreeve_lab::profile;
use serde_json::Value;

use super::site::{Site, lab};

/// A long list is whole, a socket without a visible holder is not the kernel's, and unknown units are a gap
/// (A4, A9, A12).
#[test]
fn nothing_is_made_of_half_an_answer() {
    let site = Site::boot(&profile::BARE);
    long_lists_are_whole(&site);
    a_tunnel_does_not_make_a_socket_the_kernels(&site);
    a_process_without_cgroup2_is_a_gap(&site);
}

/// 2,800 single ports are 17 kB, which the kernel tells in one read or not at all.
fn long_lists_are_whole(site: &Site) {
    // The host's own /proc/sys is not to be written to.
    site.run("mkdir /run/proc && mount -t proc proc /run/proc");
    let reserved = "/run/proc/sys/net/ipv4/ip_local_reserved_ports";
    // A write of more than a page is cut; each further one adds to the list.
    site.run(&format!(
        "exec 3>{reserved}; for first in $(seq 40001 800 44801); do \
         printf %s \"$(seq -s, $first 2 $((first + 798)))\" >&3; done"
    ));
    let snapshot = site.run("portreeve snapshot").json();
    let ranges: Vec<u64> = snapshot["namespaces"][0]["reserved"]
        .as_array()
        .expect("`reserved` is promised")
        .iter()
        .map(|range| range["first"].as_u64().unwrap_or_default())
        .collect();
    let expected: Vec<u64> = (40_001..45_600).step_by(2).collect();
    assert!(ranges == expected, "{} of {}, the last is {:?}", ranges.len(), expected.len(), ranges.last());
    site.run(&format!("echo > {reserved} && umount /run/proc"));
}

/// A host of the lab is a pid namespace: who holds a socket in its network may be outside of it. The kernel alone knows,
/// and each question asks it.
fn a_tunnel_does_not_make_a_socket_the_kernels(site: &Site) {
    site.run("ip link add tunnel type vxlan id 7 dstport 4790 local 127.0.0.1 && ip link set tunnel up");
    let tunnel = |without: &str, question: &str| {
        site.run(&format!("PORTREEVE_WITHOUT={without} portreeve {question} 4790/udp --allow-gaps -o json"))
            .json()
    };
    for question in ["who", "who --full", "ls"] {
        let answer = tunnel("bpf", question);
        assert_eq!(answer["listeners"][0]["holders"][0]["pid"], Value::Null, "{answer:#}");
        assert_eq!(answer["listeners"][0]["holders_complete"], false, "{answer:#}");
        assert_eq!(answer["gaps"][0]["what"], "out-of-sight", "{answer:#}");
        let answer = tunnel("", question);
        let listener = &answer["listeners"][0];
        let said = listener["gap"].as_str().unwrap_or_default();
        assert!(said.starts_with("held by the kernel itself"), "{question}: {answer:#}");
        assert_eq!(listener["holders"], serde_json::json!([]), "{question}: {answer:#}");
        assert_eq!(answer["gaps"], serde_json::json!([]), "{question}: {answer:#}");
    }
    site.run("ip link delete tunnel");
}

fn a_process_without_cgroup2_is_a_gap(site: &Site) {
    let is_told = |answer: &Value| {
        let gaps = answer["gaps"].as_array().expect("`gaps` is promised");
        let why = |gap: &Value| gap["why"].as_str().unwrap_or_default().to_owned();
        gaps.iter().any(|gap| gap["what"] == "missing-source" && why(gap).contains("cgroup2"))
    };
    let holder = lab(site.host.hold_as("dev", "listen 127.0.0.1:7500"));
    assert!(!is_told(&site.ask("ls 7500 -o json").json()));
    site.run(&format!(
        "echo 5:memory:/old > /run/legacy && mount --bind /run/legacy /proc/{}/cgroup",
        holder.pid
    ));
    let answer = site.ask("ls 7500 -o json");
    assert!(is_told(&answer.json()), "{answer:#?}");
    site.run(&format!("umount /proc/{}/cgroup", holder.pid));
}
