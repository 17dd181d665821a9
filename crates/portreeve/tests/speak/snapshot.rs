//! `snapshot`: what was saved reads back, and a redacted one keeps no secrets (A17).

use crate::run::{on_web, saved, with_input};

#[test]
fn a_snapshot_reads_back_as_it_was_written() {
    let once = on_web("snapshot");
    assert_eq!(once.code, Some(0));
    let twice = with_input("snapshot --snapshot -", once.out.as_bytes());
    assert_eq!(once.out, twice.out);
    assert!(once.out.starts_with("{\n  \"version\": 1,"), "{}", &once.out[..40]);
}

#[test]
fn a_redacted_one_tells_no_arguments_and_no_homes() {
    let plain = std::fs::read_to_string(saved("web.json")).unwrap();
    assert!(plain.contains("s3cret") && plain.contains("/home/dev"));
    let said = on_web("snapshot --redact");
    assert!(!said.out.contains("s3cret") && !said.out.contains("/home/"), "{}", said.out);
    let process = said.json()["processes"]["48211"].clone();
    assert_eq!(process["cmdline"], serde_json::json!(["node", "<3>"]));
    assert_eq!(process["cwd"], "~/shop");
    assert_eq!(process["script"], "~/shop/server.js");
}
