//! Other network namespaces, as root and as an ordinary user see them (A5).

use portreeve_lab::profile;
use serde_json::{Value, json};

use super::site::{Site, lab};

/// How many namespaces `answer` says it could not enter.
fn closed(answer: &Value) -> Value {
    let gaps = answer["gaps"].as_array().expect("`gaps` is promised");
    let gap = gaps.iter().find(|gap| gap["what"] == "foreign-namespaces");
    gap.map_or(Value::Null, |gap| gap["count"].clone())
}

/// Waits until processes are in so many namespaces, as the host's own `lsns` sees them.
fn until_there_are(site: &Site, count: u32) {
    site.run(&format!(
        "for i in $(seq 200); do [ $(lsns -nt net | wc -l) = {count} ] && exit 0; sleep 0.05; done; lsns -t net; exit 1"
    ));
}

/// An ordinary user is told of namespaces that only root may enter, and of none where there are none (A5).
#[test]
fn an_ordinary_user_is_told_of_closed_namespaces() {
    let site = Site::boot(&profile::BARE);
    let seen = |user: &str| closed(&site.ask_as(user, "ls -o json").json());
    assert_eq!(seen("nobody"), Value::Null, "most processes are another user's, and all are here");

    let apart = "unshare --net sleep 600";
    let (_one, _another) = (lab(site.host.start_as("root", apart)), lab(site.host.start_as("root", apart)));
    until_there_are(&site, 3);
    assert_eq!(seen("nobody"), json!(2));
    assert_eq!(seen("root"), Value::Null, "root enters them");
    assert_eq!(site.ask_as("nobody", "ls 22").status, 3);
    assert_eq!(site.ask_as("nobody", "who -q 9").status, 1, "it is free here");
    assert_eq!(site.ask_as("nobody", "who 9").status, 3, "whoever holds it there would have been told of");
    assert_eq!(site.ask_as("root", "who 9").status, 0);

    // One that has a name and a process is one.
    site.run("ip netns add apart");
    let _third = lab(site.host.start_as("root", "ip netns exec apart sleep 600"));
    until_there_are(&site, 4);
    assert_eq!(seen("nobody"), json!(3));
}
