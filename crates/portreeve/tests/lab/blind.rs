//! A watch that sees less than it seems to, or does not run though it ought to, is told of by itself and by `audit` (A19, A20).

use std::{thread, time::Duration};

use portreeve_lab::profile;

use super::site::{Site, lab};

const POLICY: &str = r#"version = 1
[service.ssh]
ports = ["22/tcp"]
owner = { unit = "ssh.service" }
reach = "world"
[service.web]
ports = ["80/tcp", "443/tcp"]
owner = { unit = "nginx.service" }
reach = "world"
[watch]
mode = "block"
"#;
/// Has nginx write of each request as JSON.
const AS_JSON: &str = r#"sed -i "s|^\(\s*\)access_log .*;|log_format as_json '{\"from\":\"\$remote_addr\",\"status\":\$status}'; access_log /var/log/nginx/access.log as_json;|" /etc/nginx/nginx.conf
systemctl reload nginx; sleep 1"#;
const COMBINED: &str = "sed -i 's| as_json;|;|' /etc/nginx/nginx.conf; systemctl reload nginx; sleep 1";
const NOT_UNDERSTOOD: &str = "no line of /var/log/nginx/access.log is understood";
/// Longer than it takes until the watch writes down how it is.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(250);

#[track_caller]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
        if is_so() {
            return;
        }
        thread::sleep(PAUSE);
    }
    panic!("{what}: not within {PATIENCE:?}");
}

/// What the watch said last that it sees.
fn sees(site: &Site) -> String {
    site.run("journalctl -u portreeve-watch -o cat --no-pager | grep '^sees:' | tail -n 1").stdout
}

/// What `audit` says by this rule.
fn found(site: &Site, rule: &str) -> String {
    let answer = site.ask("audit -o json").json();
    let all = answer["findings"].as_array().expect("`findings` is promised").iter();
    all.filter(|finding| finding["rule"] == rule).map(ToString::to_string).collect()
}

fn asks(site: &Site, times: u32) {
    let url = format!("http://{}/", site.host.place().ipv4);
    site.fetch(&format!("for nth in $(seq {times}); do curl -s -o /dev/null {url}; done"));
}

#[test]
fn a_watch_that_sees_less_or_does_not_run_is_told_of() {
    let site = Site::boot(&profile::WEB);
    lab(site.host.write("/etc/portreeve/policy.toml", POLICY));
    let nobody = "the policy has the watch block, and nobody watches";
    assert!(found(&site, "watch-cannot-block").contains(nobody));
    site.run("portreeve apply --no-trial --no-session && portreeve watch enable");
    assert_eq!(found(&site, "watch-cannot-block"), "");
    logs_that_are_not_understood(&site);
    a_watch_that_does_not_run(&site);
}

fn logs_that_are_not_understood(site: &Site) {
    site.run(AS_JSON);
    asks(site, 19);
    thread::sleep(Duration::from_secs(3));
    assert!(sees(site).contains("web (file)") && !sees(site).contains(NOT_UNDERSTOOD), "{}", sees(site));
    asks(site, 1);
    wait_until("it is said", || sees(site).contains(&format!(" · not: web, {NOT_UNDERSTOOD}")));
    wait_until("audit says so", || {
        let found = found(site, "watch-blind");
        found.contains("the log of web") && found.contains("portreeve watch --read /var/log/nginx/access.log")
    });
    assert!(site.ask("watch status").stdout.contains("no log of web can be read"));
    site.run(COMBINED);
    asks(site, 1);
    wait_until("it is taken back", || !sees(site).contains(NOT_UNDERSTOOD));
    wait_until("audit takes it back", || !found(site, "watch-blind").contains("the log of web"));
}

fn a_watch_that_does_not_run(site: &Site) {
    let is_found = || found(site, "watch-not-running").contains("though portreeve-watch.service is enabled");
    assert!(!is_found(), "it runs");
    site.run("systemctl stop portreeve-watch");
    assert!(is_found(), "it was stopped");
    site.run("systemd-run -q -u by-hand portreeve watch");
    wait_until("somebody watches by hand", || !is_found());
    site.run("systemctl stop by-hand");
    assert!(is_found());
    // One that fails each time is none.
    let folder = "/etc/systemd/system/portreeve-watch.service.d";
    site.run(&format!("mkdir {folder}; printf '[Service]\\nExecStartPre=false\\n' >{folder}/fails.conf"));
    site.run("systemctl daemon-reload; systemctl start --no-block portreeve-watch; sleep 2");
    assert!(is_found(), "it fails");
    site.run(&format!("rm -r {folder}; systemctl daemon-reload; systemctl restart portreeve-watch"));
    assert!(!is_found(), "it runs again");
    site.run("portreeve watch disable");
    assert!(!is_found(), "nobody wants it");
}
