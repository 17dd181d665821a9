//! A host that audits itself: by a real timer of systemd and a real cron, speaking only of what changed (A17, A20).

use std::{path::Path, thread, time::Duration};

use portreeve_lab::{Chroot, Output, profile};

use super::site::{PORTREEVE, Site, lab};

const LOOK: &str = "/var/lib/portreeve/last-look.json";

#[track_caller]
fn ends(output: &Output, status: i32, said: &str) {
    assert_eq!(output.status, status, "{output:#?}");
    assert!(output.stderr.contains(said) || output.stdout.contains(said), "{output:#?}");
}

/// What a run of the unit tells the journal, without what systemd says of it.
fn told(site: &Site) -> String {
    let invocation = "systemctl show -P InvocationID portreeve-audit.service";
    // systemd counts how often it was started within a few seconds, and gives up.
    site.run("systemctl reset-failed portreeve-audit.service || true; systemctl start portreeve-audit.service || true");
    let id = site.run(invocation).stdout;
    let id = id.trim();
    assert_eq!(
        site.run("systemctl show -P Result portreeve-audit.service").stdout,
        "success\n",
        "{}",
        site.run("journalctl -u portreeve-audit --no-pager | tail -12").stdout
    );
    site.run("journalctl --sync");
    site.run(&format!("journalctl -o cat _SYSTEMD_INVOCATION_ID={id}")).stdout
}

/// The timer is set, what opens between two runs is told, and where nothing changed nothing is.
#[test]
fn what_changed_between_two_runs_is_told_and_nothing_else() {
    let site = Site::boot(&profile::WEB);
    ends(&site.ask("schedule"), 0, "does not audit itself (it has not looked yet)");
    ends(&site.ask("schedule daily"), 0, "portreeve-audit.timer");
    ends(&site.ask("schedule daily"), 0, "Nothing to do");
    ends(&site.ask("schedule hourly"), 0, "This host now audits itself hourly");
    assert_eq!(site.run("systemctl is-active portreeve-audit.timer").stdout, "active\n");
    let next = site.run("systemctl show -P NextElapseUSecRealtime portreeve-audit.timer").stdout;
    assert!(next.contains(':'), "it has a time: {next}");
    ends(&site.ask("doctor"), 0, "audits itself hourly, by portreeve-audit.timer; it has not looked yet");

    let first = told(&site);
    assert!(first.contains("nothing to compare with yet"), "{first}");
    assert_eq!(told(&site), "", "nothing changed");
    ends(&site.ask("doctor"), 0, "it last looked");
    assert_eq!(site.run(&format!("stat -c '%a %U' {LOOK}")).stdout, "600 root\n");

    let listener = lab(site.host.hold_as("dev", "listen 0.0.0.0:8123"));
    let opened = told(&site);
    assert!(opened.contains("+ opened") && opened.contains("8123/tcp"), "{opened}");
    assert_eq!(told(&site), "", "it is known by now");
    site.run("mv /usr/local/bin/portreeve /root/; systemctl start portreeve-audit.service || true; mv /root/portreeve /usr/local/bin/");
    ends(&site.ask("schedule"), 0, "and the last run failed: systemctl status portreeve-audit.service");
    ends(&site.ask("doctor"), 0, "and the last run failed");
    drop(listener);
    let closed = told(&site);
    assert!(closed.contains("- closed") && closed.contains("8123/tcp"), "{closed}");
    assert!(!site.ask("schedule").stdout.contains("failed"), "it ran well since");

    ends(&site.ask("schedule off"), 0, "Scheduled audits are off");
    ends(&site.ask("schedule off"), 0, "Nothing was scheduled");
    assert_eq!(site.run("find /etc/systemd /run/systemd/system -name '*portreeve*'").stdout, "");
    assert_eq!(lab(site.host.run("systemctl is-active portreeve-audit.timer")).stdout, "inactive\n");
}

/// What the policy names is told, unless somebody else than root could say what that is.
#[test]
fn a_command_that_the_policy_names_is_told() {
    let site = Site::boot(&profile::WEB);
    let policy = |program: &str| {
        let text = format!("version = 1\n[audit]\ncommand = [\"{program}\", \"a b\"]\n");
        lab(site.host.write("/etc/portreeve/policy.toml", &text));
    };
    let script = "#!/bin/sh\nexec >> /root/told\necho \"$# $1\"\ncat\n";
    lab(site.host.write("/usr/local/bin/tell", script));
    site.run("chmod 755 /usr/local/bin/tell");
    policy("/usr/local/bin/tell");
    ends(&site.ask("check"), 0, "");
    ends(&site.ask("audit --since-last --tell --fail-on never"), 0, "nothing to compare with yet");
    let said = site.run("cat /root/told; rm /root/told").stdout;
    assert!(said.starts_with("1 a b\n") && said.contains("unneeded-open-port"), "{said}");
    ends(&site.ask("audit --since-last --tell"), 0, "");
    assert_eq!(lab(site.host.run("test -e /root/told")).status, 1, "nothing changed");
    ends(&site.ask("audit --tell"), 2, "--since-last");

    // What was not told is news the next time.
    let _listener = lab(site.host.hold_as("dev", "listen 0.0.0.0:8123"));
    site.run("chown dev /usr/local/bin/tell");
    ends(&site.ask("audit --since-last --tell --fail-on never"), 5, "/usr/local/bin/tell");
    site.run("chown root /usr/local/bin/tell; chmod 666 /etc/portreeve/policy.toml");
    ends(&site.ask("audit --since-last --tell --fail-on never"), 5, "/etc/portreeve/policy.toml");
    assert_eq!(lab(site.host.run("test -e /root/told")).status, 1);
    site.run("chmod 644 /etc/portreeve/policy.toml");
    ends(&site.ask("audit --since-last --tell --fail-on never"), 0, "8123/tcp");
    assert!(site.run("cat /root/told").stdout.contains("8123/tcp"));
    policy("/usr/bin/false");
    site.run("rm -r /var/lib/portreeve");
    ends(&site.ask("audit --since-last --tell --fail-on never"), 7, "will be told again");
}

/// Debian's own cron runs what is written for it.
#[test]
fn cron_looks_where_there_is_no_systemd() {
    let host = lab(Chroot::create(Path::new(PORTREEVE)));
    let run = |command: &str| lab(host.run(command));
    ends(&run("portreeve schedule daily"), 0, "/etc/cron.d/portreeve");
    ends(&run("portreeve schedule daily"), 0, "Nothing to do");
    ends(&run("portreeve doctor --allow-gaps"), 0, "daily, by /etc/cron.d/portreeve");
    ends(&run("stat -c '%a %U' /etc/cron.d/portreeve"), 0, "644 root");
    ends(&run("portreeve gate enable"), 7, "apply --boot");
    // The next minute, rather than the next night.
    ends(&run("sed -i -E 's/^[0-9]+ [0-9]+ \\* \\* \\*/* * * * */' /etc/cron.d/portreeve"), 0, "");
    ends(&run("grep -c '^\\* \\* \\* \\* \\* root' /etc/cron.d/portreeve"), 0, "1");
    ends(&run("cron </dev/null >/dev/null 2>&1"), 0, "");
    let has_run = (0..150).any(|_| {
        thread::sleep(Duration::from_millis(500));
        run(&format!("test -s {LOOK}")).status == 0
    });
    assert!(has_run, "{:?}", run("ps ax; cat /etc/cron.d/portreeve"));
    ends(&run("portreeve schedule off"), 0, "Scheduled audits are off");
    ends(&run("ls /etc/cron.d"), 0, "");
    assert_eq!(run("test -e /etc/cron.d/portreeve").status, 1);
    lab(host.write("/etc/cron.d/portreeve", "# somebody's\n"));
    ends(&run("portreeve schedule hourly"), 5, "/etc/cron.d/portreeve");
    ends(&run("rm -r /etc/cron.d; portreeve schedule hourly"), 7, "neither systemd nor");
}
