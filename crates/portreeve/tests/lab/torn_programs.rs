//! The guard and the steering when whoever changes them dies in the midst of it, under strangers who try all the time (A5, A24).
//!
//! `cargo xtask soak` kills 200 times where others do some of it.

use std::{env, time::Instant};

use portreeve_lab::profile;
use serde_json::Value;

use super::{
    chance::Chance,
    site::{Site, lab},
};

/// Whoever wants all of it sets this to `full`.
const STORM: &str = "PORTREEVE_STORM";
const APPLY: &str = "portreeve apply --no-trial --no-session -q";
const SHARED: &str = "198.51.100.77";
/// Whoever owns nothing binds again and again until he is told to stop, and writes down what he was told.
const STRANGER: &str = r#"
import collections, os, socket
told = collections.Counter()
while not os.path.exists("/run/stop"):
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", 443))
            told["bound"] += 1
        except OSError as error:
            told[error.strerror] += 1
print(";".join(f"{what}={count}" for what, count in sorted(told.items())))
"#;

/// 443 is nginx' own, and led to ssh at another address; beside it `other` is.
fn policy(other: u16) -> String {
    format!(
        r#"version = 1
[service.ssh]
ports = ["22/tcp"]
owner = {{ unit = "ssh.service" }}
reach = "world"
[service.web]
ports = ["443/tcp", "{other}/tcp"]
address = ["127.0.0.1"]
owner = {{ unit = "nginx.service" }}
guard = "enforce"
[service.shell]
ports = ["443/tcp", "{other}/tcp"]
address = ["{SHARED}"]
owner = {{ unit = "ssh.service" }}
reach = "world"
guard = "off"
steer = {{ when_dead = "refuse", target_port = 22 }}
"#
    )
}

/// The ports of `web` that are guarded, and those of `shell` that are led.
fn stands(site: &Site) -> [Vec<u64>; 2] {
    let ports = |of: &Value| of["port"].as_u64().expect("a number");
    let guarded = site.ask("guard status -o json").json();
    let steered = site.ask("steer status -o json").json();
    let guarded = guarded["kept"].as_array().expect("`kept` is promised").iter().map(ports);
    let routes = steered["services"][0]["routes"].as_array().expect("`routes` is promised").iter().map(ports);
    // What is watched of others is not asked about.
    [guarded.filter(|port| *port != 22).collect(), routes.collect()]
}

/// The old ones or the new ones, never none: who binds meanwhile is refused, and whoever applies again is done.
#[test]
fn whoever_is_killed_leaves_the_old_rules_and_routes_or_the_new_ones() {
    let rounds = if env::var(STORM).is_ok_and(|storm| storm == "full") { 200 } else { 8 };
    let site = Site::boot(&profile::WEB);
    site.run("mount -t bpf bpf /sys/fs/bpf && mount -o remount,rw /proc/sys && systemctl stop nginx");
    site.run(&format!("ip address add {SHARED}/32 dev lo"));
    lab(site.host.write("/srv/stranger.py", STRANGER));
    let declare = |other: u16| lab(site.host.write("/etc/portreeve/policy.toml", &policy(other)));
    declare(1_000);
    site.run(APPLY);
    declare(1_001);
    let start = Instant::now();
    site.run(APPLY);
    let usual = start.elapsed();
    site.run("systemd-run -q -u stranger -p StandardOutput=file:/run/told python3 /srv/stranger.py");
    let (mut chance, mut last, mut made) = (Chance(0x6775_6172), 1_001, 0);
    let percents: Vec<u16> = (10..=110).collect();
    for next in (2_000..).take(rounds) {
        declare(next);
        let after = usual.mul_f64(f64::from(chance.of(&percents)) / 100.0).as_secs_f64();
        lab(site.host.run(&format!("timeout -s KILL {after:.3} {APPLY}")));
        let (old, new) = (u64::from(last), u64::from(next));
        let is = stands(&site);
        for ports in &is {
            assert!([vec![443, old], vec![443, new]].contains(ports), "killed after {after} s: {is:?}");
        }
        made += usize::from(is == [vec![443, new], vec![443, new]]);
        site.run(APPLY);
        assert_eq!(stands(&site), [vec![443, new], vec![443, new]], "killed after {after} s");
        last = next;
    }
    println!("{made} of {rounds} were made before they were killed");
    assert!(made < rounds, "nobody died in time");
    let told = site.run(
        "touch /run/stop; timeout 10 sh -c 'until test -s /run/told; do sleep 0.1; done'; cat /run/told",
    );
    let told = told.stdout.trim();
    assert!(told.starts_with("Operation not permitted=") && !told.contains(';'), "{told}");
}
