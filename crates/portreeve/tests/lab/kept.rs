//! A number on which nobody listens and which nobody else can take (A5, A12).

use portreeve_lab::profile;

use super::site::{Site, lab};

/// Whoever keeps a number without listening is named; once `wait --gone` ends, another can listen there (A5, A12).
#[test]
fn a_number_that_is_not_free_is_not_called_free() {
    let site = Site::boot(&profile::BARE);
    let kept = [
        ("7101", "bound 127.0.0.1:7101", "bound to 127.0.0.1:7101, not listening"),
        ("7102/udp", "connected 127.0.0.1:7102 127.0.0.1:9", "connected to 127.0.0.1:9"),
    ];
    for (port, arguments, how) in kept {
        let number = port.trim_end_matches("/udp");
        let holder = lab(site.host.hold_as("dev", arguments));
        let rival = if port.ends_with("udp") { "udp" } else { "listen" };
        let rival = format!("{rival} 127.0.0.1:{number}");
        assert!(site.host.hold_as("dev", &rival).is_err(), "{port}: the kernel refuses it to another");

        let said = site.ask(&format!("who {port}"));
        assert_eq!(said.status, 0, "{said:#?}");
        let first = said.stdout.lines().next().unwrap_or_default();
        assert!(first.starts_with(&format!("nobody listens on {port}, but holder (pid ")), "{said:#?}");
        assert!(first.ends_with(&format!("({how})")), "{said:#?}");
        assert_eq!(site.ask(&format!("who -q {port}")).status, 0);
        let answer = site.ask(&format!("who {port} -o json")).json();
        let pid = &answer["connections"][0]["pids"][0];
        assert_eq!(answer["processes"][pid.to_string()]["user"], "dev", "{answer:#}");

        let unseen = site.ask_as("nobody", &format!("who {port}"));
        assert_eq!(unseen.status, 3, "{unseen:#?}");
        assert!(unseen.stdout.contains("that cannot be seen still uses"), "{unseen:#?}");

        assert_eq!(site.ask(&format!("wait {port} --gone --for 1s")).status, 1);
        let waited = format!("(sleep 1; kill {pid}) & portreeve wait {port} --gone --for 20s");
        assert!(site.run(&waited).stdout.starts_with(&format!("{port} is free")));
        drop(holder);
        drop(lab(site.host.hold_as("dev", &rival)));
    }
}

/// A listener of UDP does not hide who keeps the number of TCP (A5, A12).
#[test]
fn a_datagram_listener_hides_nobody_who_keeps_the_number() {
    let site = Site::boot(&profile::BARE);
    let _datagrams = lab(site.host.hold_as("dev", "udp 127.0.0.1:7103"));
    let free = site.ask("who 7103").stdout;
    assert!(
        free.starts_with("7103/udp is held by holder"),
        "nothing is said of a TCP number that is free: {free}"
    );

    let _bound = lab(site.host.hold_as("dev", "bound 127.0.0.1:7103"));
    let said = site.ask("who 7103");
    assert_eq!(said.status, 0, "{said:#?}");
    assert!(said.stdout.starts_with("nobody listens on 7103/tcp, but holder (pid "), "{said:#?}");
    assert!(said.stdout.contains("7103/udp is held by holder"), "{said:#?}");
    let answer = site.ask("who 7103 -o json").json();
    assert_eq!(answer["connections"][0]["state"], "bound", "{answer:#}");
    assert_eq!(answer["listeners"][0]["protocol"], "udp", "{answer:#}");
}
