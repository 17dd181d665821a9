//! File systems whose server never answers, and processes that name files on them (A12, A20).

use portreeve_lab::profile;
use serde_json::Value;

use super::site::{Site, lab};

/// A listener in Python, in a file that is called as Perl is: of Perl's options it has none that says that the next word is no
/// script, so that the name of one is anybody's word.
const LISTEN: &str =
    "-cimport socket, sys, time; kept = socket.create_server((str(), int(sys.argv[2]))); time.sleep(600)";

/// Paths into a mount that never answers, however they are written.
const DEAD: [&str; 5] =
    ["/srv/plain/x", "/./srv/named/x", "/srv/link/x", "/srv/../srv/plain", "/srv/link/../listen.pl"];

/// Nobody waits for a file that a process merely names (A12, A20).
#[test]
fn a_file_system_that_never_answers_holds_nobody_up() {
    let site = Site::boot(&profile::BARE);
    site.run("mkdir /srv/plain /srv/named && ln -s /srv/named /srv/link");
    site.run("[ -e /dev/fuse ] || mknod /dev/fuse c 10 229");
    site.run("cp /usr/bin/python3 /srv/perl && touch /srv/listen.pl");
    let hold = |arguments: &str| lab(site.host.hold_as("root", arguments));
    let _mounts = [hold("silent fuse /srv/plain"), hold("silent fuse.sshfs /srv/named")];

    let mut listeners = Vec::new();
    for (port, name) in (7400..).zip(DEAD.into_iter().chain(["/srv/./listen.pl"])) {
        listeners.push(lab(site
            .host
            .start_as("dev", &format!("env PYTHONHOME=/usr /srv/perl '{LISTEN}' {name} {port}"))));
        lab(site.host.wait_for_port(port));
    }
    let answer = site.run("timeout 20 portreeve ls -o json").json();
    let name = |port: u16| {
        let all = answer["listeners"].as_array().expect("`listeners` is promised");
        let listener = all.iter().find(|listener| listener["port"] == port);
        listener.map_or(Value::Null, |listener| listener["holders"][0]["name"].clone())
    };
    assert_eq!(name(7405), "listen.pl", "what can be looked up is");
    for (port, dead) in (7400..).zip(DEAD) {
        assert_eq!(name(port), "perl", "{dead}");
    }
    let audit = site.run("timeout 20 portreeve audit --allow-gaps; [ $? -le 1 ]");
    assert!(!audit.stdout.is_empty(), "{audit:#?}");
}
