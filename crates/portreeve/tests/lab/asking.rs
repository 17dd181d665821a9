//! Who holds a port, asked by root and by nobody (A1, A5, A12).

use portreeve_lab::profile;
use serde_json::Value;

use super::site::Site;

/// Root is given the name; nobody is given the unit, and told what could not be seen (A5, A12).
#[test]
fn who_names_the_holder_to_root_and_the_unit_to_nobody() {
    let site = Site::boot(&profile::WEB);
    let name = site.run("portreeve who 443 -o json | jq -r '.listeners[0].holders[0].name'");
    assert_eq!(name.stdout, "nginx\n");
    assert_eq!(site.ask("who 443 -o json").status, 0);
    assert_eq!(site.ask("who https -o json").json()["listeners"][0]["holders"][0]["name"], "nginx");

    let answer = site.ask_as("nobody", "who 443 -o json");
    assert_eq!(answer.status, 3, "{answer:#?}");
    let answer = answer.json();
    let listener = &answer["listeners"][0];
    assert_eq!(listener["holders"][0]["pid"], Value::Null, "{listener:#}");
    assert_eq!(listener["holders"][0]["unit"], Value::Null, "{listener:#}");
    assert_eq!(listener["socket_unit"], "nginx.service", "{listener:#}");
    assert!(listener["gap"].as_str().is_some_and(|gap| !gap.is_empty()), "{listener:#}");

    let said = site.ask_as("nobody", "who 443");
    assert!(said.stdout.contains("nginx.service"), "{said:#?}");
    assert_eq!(said.status, 3, "{said:#?}");
    assert_eq!(site.ask_as("nobody", "who 443 --allow-gaps").status, 0);
}

/// A free port is an answer; `-q` makes it an exit code (A5).
#[test]
fn a_free_port_is_an_answer() {
    let site = Site::boot(&profile::BARE);
    let free = site.ask("who 8080");
    assert_eq!((free.status, free.stdout.is_empty()), (0, false), "{free:#?}");
    assert_eq!(site.ask("who -q 8080").status, 1);
    assert_eq!(site.ask("who -q 22").status, 0);
    let pasted = site.ask("who Error: listen EADDRINUSE: address already in use :::22");
    assert!(pasted.stdout.contains("sshd"), "{pasted:#?}");
    assert_eq!(site.ask("wait 22 --for 5s").status, 0);
}
