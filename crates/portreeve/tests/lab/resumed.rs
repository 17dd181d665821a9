//! A watch that begins again goes on where the one before ended, however that was (A19).

use std::{net::IpAddr, thread, time::Duration};

use portreeve_lab::{Client, profile};
use serde_json::Value;

use super::{
    probed::{self, POLICY, source, told},
    site::{Site, lab},
};

/// Begins to watch, and goes on once its programs are in the kernel.
fn begins(site: &Site) {
    site.run("systemd-run -q -u watched sh -c 'exec portreeve watch --resume -o ndjson >>/root/told'");
    // It reads the kernel's own lists of what it has of ours (bpf(2)): nothing else is told by these.
    let hung =
        "until ls -l /proc/$(systemctl show -P MainPID watched)/fd | grep -q bpf_link; do sleep 0.1; done";
    site.run(&format!("timeout 20 sh -c '{hung}'"));
    thread::sleep(Duration::from_millis(500));
}

fn ends(site: &Site, signal: &str) {
    site.run(&format!("systemctl kill -s {signal} watched; while systemctl is-active -q watched; do sleep 0.1; done; systemctl reset-failed watched 2>/dev/null; true"));
}

fn touches(site: &Site, prober: &Client, ports: &str) {
    let to: IpAddr = site.host.place().ipv4.into();
    let way = format!("nmap -n -Pn -r -sS --max-retries 0 --max-rtt-timeout 100ms -p {ports} {to}");
    assert_eq!(lab(prober.run(&way)).status, 0);
    thread::sleep(Duration::from_millis(500));
}

/// What is told of him once there is as much, as a busy machine is late.
fn told_of(site: &Site, from: &Client, count: usize) -> Vec<Value> {
    probed::told_of(site, &source(from), count)
}

fn of(site: &Site, from: &Client) -> Vec<Value> {
    told(site).into_iter().filter(|line| line["source"] == source(from).as_str()).collect()
}

#[test]
fn a_watch_goes_on_where_the_one_before_was_killed() {
    let site = Site::boot(&profile::BARE);
    site.run("mount -t bpf bpf /sys/fs/bpf && touch /root/told");
    lab(site.host.write("/etc/portreeve/policy.toml", POLICY));
    let [slow, told_before, forgiven] = std::array::from_fn(|_| lab(Client::create(&site.network)));

    begins(&site);
    touches(&site, &slow, "23,3389,5900");
    touches(&site, &told_before, "23,3389,5900,6379");
    touches(&site, &forgiven, "23,3389,5900");
    let clients = [(&slow, 0), (&told_before, 1), (&forgiven, 0)];
    assert_eq!(clients.map(|(client, count)| told_of(&site, client, count).len()), [0, 1, 0]);
    ends(&site, "KILL");

    // Three ports before and one more since are four, and who was told of is no news.
    begins(&site);
    touches(&site, &slow, "6379");
    let lines = told_of(&site, &slow, 1);
    assert!(lines.len() == 1 && lines[0]["contacts"] == 4, "{lines:#?}");
    assert_eq!(lines[0]["ports"], serde_json::json!([23, 3389, 5900, 6379]));
    touches(&site, &told_before, "9200");
    assert_eq!(of(&site, &told_before).len(), 1);
    ends(&site, "TERM");

    // Nobody else goes on with it, and it is no gap of whoever watches alone.
    begins(&site);
    let other = site.ask("watch --resume --for 1s");
    assert!(other.stderr.contains("the next watch begins anew"), "{other:#?}");
    assert!(site.ask("watch --for 1s").stderr.is_empty());
    assert_eq!((of(&site, &slow).len(), of(&site, &told_before).len()), (1, 1));
    ends(&site, "TERM");

    let pins = "ls /sys/fs/bpf/portreeve 2>/dev/null | wc -l";
    assert_eq!(site.run(pins).stdout.trim(), "1");
    site.run("portreeve watch disable");
    assert_eq!(site.run(pins).stdout.trim(), "0");
    begins(&site);
    touches(&site, &forgiven, "6379");
    assert_eq!(of(&site, &forgiven).len(), 0, "nothing was left of what it did before");
}
