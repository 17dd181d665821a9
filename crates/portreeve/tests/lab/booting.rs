//! The gate over a reboot, under a real systemd: it stands before there is a network, or the host says why not (A15, A16).

use portreeve_lab::{Output, profile};

use super::site::{Site, lab};

const POLICY: &str = "version = 1\n[service.web]\nports = [\"443/tcp\"]\nowner = { unit = \"nginx.service\" }\nreach = \"world\"\n";
const BOOT: &str = "/var/lib/portreeve/gate/boot.json";
const UNIT: &str = "/etc/systemd/system/portreeve-boot.service";

/// A host with nginx on port 80, of which the policy knows nothing.
fn site() -> Site {
    let site = Site::boot(&profile::WEB);
    lab(site.host.write("/etc/portreeve/policy.toml", POLICY));
    site
}

fn reboot(site: &mut Site) {
    lab(site.host.reboot(&profile::WEB));
}

/// Whether the client gets an answer of nginx.
fn answers(site: &Site) -> bool {
    let url = format!("http://{}/", site.host.place().ipv4);
    lab(site.client.run(&format!("curl -s -o /dev/null -m 2 {url}"))).status == 0
}

#[track_caller]
fn ends(output: &Output, status: i32, said: &str) {
    assert_eq!(output.status, status, "{output:#?}");
    assert!(output.stderr.contains(said) || output.stdout.contains(said), "{output:#?}");
}

/// When a unit reached a state at this boot, in microseconds.
fn since_boot(site: &Site, unit: &str, what: &str) -> u64 {
    let said = site.run(&format!("systemctl show -P {what} {unit}")).stdout;
    said.trim().parse().unwrap_or_else(|_| panic!("{unit} {what}: {said}"))
}

fn gate_stands(site: &Site) -> bool {
    lab(site.host.run("nft list table inet portreeve")).status == 0
}

/// Debian's own rules begin with a flush, and the gate comes after them and before the network all the same.
#[test]
fn the_confirmed_gate_stands_again_before_there_is_a_network() {
    let mut site = site();
    site.run("printf '#!/usr/sbin/nft -f\\nflush ruleset\\n' > /etc/nftables.conf; systemctl enable nftables.service");
    ends(&site.ask("gate enable"), 0, "no gate is confirmed yet");
    ends(&site.ask("gate enable"), 0, "Nothing to do");
    // Nothing is confirmed yet, so the next boot has nothing to do.
    reboot(&mut site);
    assert!(answers(&site) && !gate_stands(&site));
    assert_eq!(site.run("systemctl is-active portreeve-boot.service").stdout, "active\n");

    ends(&site.ask("apply --no-trial --no-session"), 0, "in force, also after the next boot");
    ends(&site.ask("gate status"), 0, "what is confirmed stands again");
    // Another change is on trial as the host goes down, and a source is kept out for a while.
    lab(site.host.write("/etc/portreeve/policy.toml", &POLICY.replace("443", "80")));
    ends(&site.ask("apply --trial 10m --no-session"), 0, "portreeve confirm");
    ends(&site.ask("close --from 203.0.113.9"), 0, "203.0.113.9");
    assert!(answers(&site));
    reboot(&mut site);
    assert!(gate_stands(&site) && !answers(&site), "443 is confirmed, and 80 was on trial");
    ends(&site.ask("confirm"), 6, "nothing is on trial");
    let status = site.ask("gate status");
    ends(&status, 0, "The gate stands");
    assert!(!status.stdout.contains("203.0.113.9"), "a while ends with the boot: {}", status.stdout);
    ends(&site.ask("history"), 0, "put the confirmed gate back at boot");
    ends(&site.ask("apply --boot"), 0, "Nothing to do");

    let entered = |unit: &str, what: &str| since_boot(&site, unit, what);
    let gate = entered("portreeve-boot.service", "ActiveEnterTimestampMonotonic");
    assert!(gate > 0 && entered("nftables.service", "ActiveEnterTimestampMonotonic") > 0);
    let started = entered("portreeve-boot.service", "ExecMainStartTimestampMonotonic");
    assert!(
        entered("nftables.service", "ExecMainExitTimestampMonotonic") <= started,
        "the flush comes first"
    );
    assert!(gate <= entered("network-pre.target", "ActiveEnterTimestampMonotonic"));
    assert!(gate <= entered("nginx.service", "ExecMainStartTimestampMonotonic"));
    let journal = site.run("journalctl -b -o cat -u portreeve-boot.service").stdout;
    assert!(journal.contains("The confirmed gate is in force again, by receipt 4."), "{journal}");

    comes_back_after_each_flush(&site);
}

/// Whoever restarts or reloads what flushes gets the gate back, and so does whoever stops it and starts it later.
fn comes_back_after_each_flush(site: &Site) {
    for flush in ["restart nftables", "reload nftables", "stop nftables && systemctl start nftables"] {
        // systemctl waits for what it was asked about, and not for what follows.
        site.run(&format!(
            "systemctl {flush} && for i in $(seq 50); do \
             nft list table inet portreeve >/dev/null 2>&1 && exit 0; sleep 0.1; done; exit 1"
        ));
        assert!(!answers(site), "{flush}");
    }
}

/// No reboot is needed: from the moment that the gate is enabled it comes back.
#[test]
fn the_gate_comes_back_after_each_flush_as_soon_as_it_is_enabled() {
    let site = site();
    site.run("printf '#!/usr/sbin/nft -f\\nflush ruleset\\n' > /etc/nftables.conf; systemctl enable --now nftables.service");
    ends(&site.ask("apply --no-trial --no-session"), 0, "until the machine is rebooted");
    ends(&site.ask("gate enable"), 0, "portreeve-boot.service");
    assert_eq!(site.run("systemctl is-active portreeve-boot.service").stdout, "active\n");
    ends(&site.ask("gate enable"), 0, "Nothing to do");
    comes_back_after_each_flush(&site);
    // What somebody else took away, enabling does not bring back: whoever applies is asked whether he is still here.
    ends(&site.ask("off gate --no-session"), 0, "Took portreeve-boot.service away");
    ends(&site.ask("apply --no-trial --no-session"), 0, "until the machine is rebooted");
    site.run("nft flush ruleset");
    ends(&site.ask("gate enable"), 0, "portreeve-boot.service");
    assert!(answers(&site) && !gate_stands(&site));
    // Whoever applies then gets one that comes back, as does whoever does so after the boot failed.
    ends(&site.ask("apply --no-trial --no-session"), 0, "also after the next boot");
    begun(&site);
    comes_back_after_each_flush(&site);
    site.run("systemctl stop portreeve-boot");
    ends(&site.ask("apply --quiet --no-trial --no-session"), 0, "");
    begun(&site);
    comes_back_after_each_flush(&site);
}

/// Waits until the unit is active: whoever applies does not.
fn begun(site: &Site) {
    site.run(
        "for i in $(seq 50); do systemctl -q is-active portreeve-boot && exit 0; sleep 0.1; done; exit 1",
    );
}

/// Nothing of ours is left, whoever took the table away first.
#[test]
fn off_gate_takes_table_file_and_unit() {
    let mut site = site();
    ends(&site.ask("apply --no-trial --no-session"), 0, "until the machine is rebooted");
    ends(&site.ask("gate status"), 0, "portreeve gate enable");
    ends(&site.ask("gate enable"), 0, "portreeve-boot.service");
    ends(&site.ask("off gate --no-session"), 0, "Took portreeve-boot.service away");
    let gone = |site: &Site| {
        assert_eq!(lab(site.host.run(&format!("test -e {BOOT} || test -e {UNIT}"))).status, 1);
        let left = site.run("find /etc/systemd /run/systemd/system -name '*portreeve*'").stdout;
        assert_eq!((left.as_str(), gate_stands(site)), ("", false));
    };
    gone(&site);
    ends(&site.ask("off gate --no-session"), 0, "There is no gate");
    // Somebody else's flush, and then off: the next boot does not bring it back.
    ends(&site.ask("gate enable"), 0, "portreeve-boot.service");
    ends(&site.ask("apply --no-trial --no-session"), 0, "also after the next boot");
    site.run("nft flush ruleset");
    ends(&site.ask("off"), 0, "The gate was gone already");
    gone(&site);
    ends(&site.ask("undo --no-session"), 0, "next: portreeve gate enable");
    assert!(gate_stands(&site), "what off took, undo brings back");
    ends(&site.ask("off gate --no-session"), 0, "Took the gate away");
    reboot(&mut site);
    gone(&site);
    assert!(answers(&site));
    a_mask_stays_and_what_enabled_the_unit_goes(&site);
}

/// Whoever masked the unit meant it, and is in nobody's way who takes the gate away.
fn a_mask_stays_and_what_enabled_the_unit_goes(site: &Site) {
    ends(&site.ask("gate enable"), 0, "portreeve-boot.service");
    ends(&site.ask("apply --no-trial --no-session"), 0, "also after the next boot");
    site.run(&format!("rm {UNIT} && ln -s /dev/null {UNIT} && systemctl daemon-reload"));
    let off = site.ask("off gate --no-session");
    ends(&off, 0, "Took the gate away");
    ends(&off, 0, "Took away what enabled portreeve-boot.service, and left portreeve-boot.service masked");
    assert!(!gate_stands(site));
    let left = site.run("find /etc/systemd /run/systemd/system -name '*portreeve*'").stdout;
    assert_eq!(left, format!("{UNIT}\n"));
    ends(&site.ask("off gate --no-session"), 0, "Left portreeve-boot.service masked");
}

/// Else services are there before the guard is, and nobody knows.
#[test]
fn the_unit_that_comes_before_any_service_is_missed_and_put_anew() {
    const EARLY: &str = "/etc/systemd/system/portreeve-early.service";
    let site = site();
    ends(&site.ask("gate enable"), 0, "portreeve-boot.service");
    ends(&site.ask("apply --no-trial --no-session"), 0, "also after the next boot");
    let is_missed = || site.ask("audit --fail-on never").stdout.contains("after services have started");
    assert!(!is_missed());
    for wrong in [
        "systemctl -q disable portreeve-early".to_owned(),
        format!("rm {EARLY}"),
        format!("sed -i s/early$/whole/ {EARLY}"),
    ] {
        site.run(&wrong);
        assert!(is_missed(), "{wrong}");
        ends(&site.ask("gate enable"), 0, "portreeve-boot.service");
        assert!(!is_missed(), "{wrong}");
    }
    site.run(&format!("mkdir {EARLY}.d && printf '[Service]\\nExecStart=\\n' >{EARLY}.d/x.conf"));
    assert!(is_missed());
    let refused = site.ask("gate enable");
    assert!(refused.status == 5 && refused.stderr.contains(&format!("rm -r {EARLY}.d")), "{refused:#?}");
    site.run(&format!("rm -r {EARLY}.d && ln -sf /dev/null {EARLY} && systemctl daemon-reload"));
    let refused = site.ask("gate enable");
    assert!(refused.status == 5 && refused.stderr.contains("unmask portreeve-early.service"), "{refused:#?}");
    ends(&site.ask("off gate --no-session"), 0, "left portreeve-early.service masked");
}

/// A file that cannot be read: the host comes up without a gate, and the unit says why.
#[test]
fn a_host_with_a_broken_boot_file_comes_up_and_says_so() {
    let mut site = site();
    ends(&site.ask("gate enable"), 0, "portreeve-boot.service");
    ends(&site.ask("apply --no-trial --no-session"), 0, "also after the next boot");
    site.run(&format!("cp {BOOT} /root/whole.json; head -c 100 /root/whole.json > {BOOT}"));
    reboot(&mut site);
    assert!(answers(&site) && !gate_stands(&site));
    let failed = site.run("systemctl --failed --plain --no-legend").stdout;
    assert!(failed.contains("portreeve-boot.service"), "{failed}");
    let journal = site.run("journalctl -b -o cat -u portreeve-boot.service").stdout;
    assert!(journal.contains(&format!("{BOOT} is not a receipt of portreeve's")), "{journal}");
    ends(&site.ask("gate status"), 0, "portreeve-boot.service failed to put it back");
    let audit = site.ask("audit --fail-on never");
    assert!(audit.stdout.contains("portreeve-boot.service failed to put it back"), "{audit:#?}");
    assert!(!audit.stdout.contains("mount /proc"), "{audit:#?}");
    // A newer portreeve wrote it: nothing is guessed.
    site.run(&format!("sed 's/\"layout\":1/\"layout\":2/' /root/whole.json > {BOOT}"));
    ends(&site.ask("apply --boot"), 7, "a newer portreeve wrote it");
    // Neither a receipt that is broken nor one of a newer program keeps anybody without a gate.
    let first = "/var/lib/portreeve/gate/00000001.receipt.json";
    site.run(&format!("cp /root/whole.json {BOOT}; sed -i 's/\"layout\":1/\"layout\":2/' {first}"));
    ends(&site.ask("apply --boot"), 7, "in force again, but no receipt");
    assert!(gate_stands(&site) && !answers(&site));
    ends(&site.ask("off gate --no-session"), 7, "nft delete table inet portreeve");
    site.run(&format!("nft flush ruleset; echo x > {first}"));
    ends(&site.ask("apply --boot"), 0, "in force again, by receipt 2.");
    assert!(gate_stands(&site) && !answers(&site));
    broken_receipts_keep_nobody_in_or_out(&site);
}

/// The last receipt is broken: a trial can be kept, and the gate be taken away, and only what is not known is not taken back.
fn broken_receipts_keep_nobody_in_or_out(site: &Site) {
    lab(site.host.write("/etc/portreeve/policy.toml", &POLICY.replace("443", "80")));
    ends(&site.ask("apply --trial 10m --no-session"), 0, "portreeve confirm");
    site.run("echo x > /var/lib/portreeve/gate/00000003.receipt.json");
    ends(&site.ask("gate status"), 0, "nobody can tell what they did: receipts 1, 3.");
    ends(&site.ask("undo --no-session"), 5, "receipt 3 cannot be read");
    ends(&site.ask("confirm"), 0, "Kept");
    assert!(answers(site));
    ends(&site.ask("history"), 0, "receipts 1, 3.");
    ends(&site.ask("off gate --no-session"), 0, "Took the gate away");
}

/// Whoever empties /var/lib takes what the next boot begins with: it is missed, and kept again by whoever applies or enables.
#[test]
fn a_gate_of_which_nothing_is_kept_any_more_is_kept_again() {
    let mut site = site();
    ends(&site.ask("apply --no-trial --no-session"), 0, "until the machine is rebooted");
    ends(&site.ask("gate enable"), 0, "portreeve-boot.service");
    let forget = |site: &Site| {
        site.run("rm -rf /var/lib/portreeve");
        assert!(site.ask("audit --fail-on never").stdout.contains("gate-not-at-boot"));
        ends(&site.ask("gate status"), 0, "what is confirmed is not kept for it");
    };
    let is_kept = |site: &Site| {
        assert!(!site.ask("audit --fail-on never").stdout.contains("gate-not-at-boot"));
        ends(&site.ask("gate status"), 0, "what is confirmed stands again");
    };
    forget(&site);
    ends(&site.ask("apply --rehearse-only"), 0, "Nothing to do");
    ends(&site.ask("apply --no-trial --no-session"), 0, "now it is");
    is_kept(&site);
    forget(&site);
    ends(&site.ask("gate enable"), 0, "now it is");
    is_kept(&site);
    reboot(&mut site);
    assert!(gate_stands(&site) && !answers(&site));
}

/// What systemd would start as root, root alone can change.
#[test]
fn nothing_is_enabled_that_somebody_else_could_replace() {
    let site = site();
    site.run("mkdir /opt/tools && cp /usr/local/bin/portreeve /opt/tools/ && chown dev /opt/tools");
    ends(&lab(site.host.run("/opt/tools/portreeve gate enable")), 5, "/opt/tools");
    site.run("cp /usr/local/bin/portreeve /home/dev/");
    ends(&lab(site.host.run("/home/dev/portreeve gate enable")), 5, "home directory");
    ends(&site.ask_as("dev", "gate enable"), 2, "only root");
    ends(&site.ask("apply --boot --no-trial"), 2, "--boot");
    ends(&site.ask("apply --boot --policy none"), 2, "--boot");
    site.run(&format!("printf '[Service]\\nExecStart=/bin/true\\n' > {UNIT}"));
    ends(&site.ask("gate enable"), 5, UNIT);
    let off = site.ask("off gate --no-session");
    ends(&off, 5, UNIT);
    ends(&off, 5, "the gate is gone, but what puts it back at boot is not");
    site.run(&format!("grep -q /bin/true {UNIT}"));
    let namespace = "ip netns add other && ip netns exec other portreeve gate enable";
    ends(&lab(site.host.run(namespace)), 5, "another network namespace");
}
