//! Replays the inputs that fuzzing starts from and once broke something, without a fuzzer.

use std::{fs, path::Path};

#[path = "../../fuzz/feed/advisories.rs"]
mod advisories;
#[path = "../../fuzz/feed/apk.rs"]
mod apk;
#[path = "../../fuzz/feed/archives.rs"]
mod archives;
#[path = "../../fuzz/feed/build_info.rs"]
mod build_info;
#[path = "../../fuzz/feed/captures.rs"]
mod captures;
#[path = "../../fuzz/feed/consents.rs"]
mod consents;
#[path = "../../fuzz/feed/containers.rs"]
mod containers;
#[path = "../../fuzz/feed/dpkg.rs"]
mod dpkg;
#[path = "../../fuzz/feed/etcd.rs"]
mod etcd;
#[path = "../../fuzz/feed/events.rs"]
mod events;
#[path = "../../fuzz/feed/firewall.rs"]
mod firewall;
#[path = "../../fuzz/feed/gate.rs"]
mod gate;
#[path = "../../fuzz/feed/journal.rs"]
mod journal;
#[path = "../../fuzz/feed/ledger.rs"]
mod ledger;
#[path = "../../fuzz/feed/listings.rs"]
mod listings;
#[path = "../../fuzz/feed/logged.rs"]
mod logged;
#[path = "../../fuzz/feed/logs.rs"]
mod logs;
#[path = "../../fuzz/feed/netlink.rs"]
mod netlink;
#[path = "../../fuzz/feed/origins.rs"]
mod origins;
#[path = "../../fuzz/feed/outside.rs"]
mod outside;
#[path = "../../fuzz/feed/policy.rs"]
mod policy;
#[path = "../../fuzz/feed/proc.rs"]
mod proc;
#[path = "../../fuzz/feed/registry.rs"]
mod registry;
#[path = "../../fuzz/feed/rpm_database.rs"]
mod rpm_database;
#[path = "../../fuzz/feed/rpm_header.rs"]
mod rpm_header;
#[path = "../../fuzz/feed/sight.rs"]
mod sight;
#[path = "../../fuzz/feed/snapshot.rs"]
mod snapshot;
#[path = "../../fuzz/feed/versions.rs"]
mod versions;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus");

fn replay(target: &str, feed: fn(&[u8])) {
    let folder = Path::new(CORPUS).join(target);
    let mut count = 0;
    for entry in fs::read_dir(&folder).expect("each target has a corpus") {
        let path = entry.expect("a folder can be listed to its end").path();
        println!("{}", path.display());
        let bytes = fs::read(&path).expect("a corpus is readable");
        feed(&bytes);
        // What a disk or a network may leave of it.
        feed(&bytes[..bytes.len() / 2]);
        count += 1;
    }
    assert!(count > 0, "{} is empty", folder.display());
}

#[test]
fn policies() {
    replay("policy", policy::feed);
}

#[test]
fn lines_of_logs() {
    replay("logs", logs::feed);
}

#[test]
fn lines_of_the_journal() {
    replay("journal", journal::feed);
}

#[test]
fn packets_of_captures() {
    replay("captures", captures::feed);
}

#[test]
fn packets_that_the_filter_hands_over_and_connections_that_open() {
    replay("logged", logged::feed);
}

#[test]
fn answers_to_a_scan() {
    replay("outside", outside::feed);
}

#[test]
fn words_of_container_runtimes() {
    replay("containers", containers::feed);
}

#[test]
fn netlink_messages() {
    replay("netlink", netlink::feed);
}

#[test]
fn files_of_proc() {
    replay("proc", proc::feed);
}

#[test]
fn files_that_tell_how_a_process_came_to_run() {
    replay("origins", origins::feed);
}

#[test]
fn what_a_kernel_says_of_itself_and_lists() {
    replay("sight", sight::feed);
}

#[test]
fn tables_of_numbers() {
    replay("registry", registry::feed);
}

#[test]
fn events_in_a_ring_buffer() {
    replay("events", events::feed);
}

#[test]
fn listings_of_a_packet_filter() {
    replay("listings", listings::feed);
}

#[test]
fn ways_through_a_packet_filter() {
    replay("firewall", firewall::feed);
}

#[test]
fn tables_of_the_gate() {
    replay("gate", gate::feed);
}

#[test]
fn what_the_ledger_is_told() {
    replay("ledger", ledger::feed);
}

#[test]
fn what_etcd_says() {
    replay("etcd", etcd::feed);
}

#[test]
fn files_of_packages_of_alpine() {
    replay("apk", apk::feed);
}

#[test]
fn what_dpkg_keeps() {
    replay("dpkg", dpkg::feed);
}

#[test]
fn what_apt_keeps_of_archives() {
    replay("archives", archives::feed);
}

#[test]
fn headers_of_packages_of_rpm() {
    replay("rpm_header", rpm_header::feed);
}

#[test]
fn databases_of_rpm() {
    replay("rpm_database", rpm_database::feed);
}

#[test]
fn what_executables_say_of_their_build() {
    replay("build_info", build_info::feed);
}

#[test]
fn snapshots() {
    replay("snapshot", snapshot::feed);
}

#[test]
fn versions_of_packages() {
    replay("versions", versions::feed);
}

#[test]
fn documents_of_advisories() {
    replay("advisories", advisories::feed);
}

#[test]
fn what_is_written_down_of_consents() {
    replay("consents", consents::feed);
}

#[test]
fn every_target_has_a_corpus_and_is_replayed() {
    let this = include_str!("corpus.rs");
    for entry in fs::read_dir(Path::new(CORPUS).join("../fuzz_targets")).unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(this.contains(&format!("replay(\"{name}\", {name}::feed)")), "{name} is not replayed");
    }
}
