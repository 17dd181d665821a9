//! Whoever was told of and not kept out is judged again when that may have changed, by the policy that holds (A16, A19).

use std::{thread, time::Duration};

use portreeve_lab::{Client, profile};
use serde_json::Value;

use super::{
    blocked::POLICY,
    probed::{PORTS, probes, proven, source, told_of, watched},
    site::{Site, lab},
};

fn scans(site: &Site, client: &Client, ports: &str) {
    probes(client, &format!("-sS -p {ports}"), site.host.place().ipv4.into());
}

/// Whether this has become of him, each time that he was told of.
#[track_caller]
fn is_told(site: &Site, client: &Client, events: &[&str], why: &str) {
    let event = |line: &Value| line["event"].as_str().expect("it is promised").to_owned();
    let told: Vec<_> = told_of(site, &source(client), events.len()).iter().map(event).collect();
    assert_eq!(told, events, "{why}");
}

#[test]
fn whoever_was_watched_first_is_kept_out_once_the_policy_says_so() {
    let site = Site::boot(&profile::BARE);
    watched(&site, &POLICY.replace("block", "observe"));
    site.run("portreeve apply --no-trial --no-session");
    let [prober, other]: [Client; 2] = std::array::from_fn(|_| proven(&site));
    scans(&site, &prober, PORTS);
    scans(&site, &prober, "100-110");
    is_told(&site, &prober, &["would-block"], "he is told of once");

    lab(site.host.write("/etc/portreeve/policy.toml", POLICY));
    thread::sleep(Duration::from_secs(4));
    is_told(&site, &prober, &["would-block"], "he has to go on");
    scans(&site, &prober, "111");
    is_told(&site, &prober, &["would-block", "block"], "");

    // Of a policy that is half written the one before holds.
    lab(site.host.write("/etc/portreeve/policy.toml", "[watch"));
    thread::sleep(Duration::from_secs(4));
    scans(&site, &other, PORTS);
    is_told(&site, &other, &["block"], "");
}

#[test]
fn of_whoever_is_forgiven_nothing_counts_that_was_before() {
    let site = Site::boot(&profile::BARE);
    watched(&site, POLICY);
    site.run("portreeve apply --no-trial --no-session");
    let prober = proven(&site);
    scans(&site, &prober, PORTS);
    is_told(&site, &prober, &["block"], "");
    site.run(&format!("portreeve watch forgive {}", source(&prober)));
    thread::sleep(Duration::from_secs(4));
    for port in ["101", "102", "103", "104"] {
        scans(&site, &prober, port);
    }
    is_told(&site, &prober, &["block"], "four and a handshake are none too many");
    scans(&site, &prober, "105");
    is_told(&site, &prober, &["block", "block"], "");
}
