//! A change of the gate, the guard and the steering is made and taken back whole or not at all, whatever stands in its way (A15, A24).

use std::time::Instant;

use portreeve_lab::profile;

use super::site::{Site, lab};

const POLICY: &str = r#"version = 1
[service.ssh]
ports = ["22/tcp"]
owner = { unit = "ssh.service" }
reach = "world"
[service.web]
ports = ["PORT/tcp"]
owner = { unit = "nginx.service" }
reach = "world"
guard = "enforce"
steer = { when_dead = "refuse", target_port = 80 }
"#;
const APPLY: &str = "apply --no-trial --no-session";

/// A host on which nginx listens on port 80.
fn site() -> Site {
    let site = Site::boot(&profile::WEB);
    site.run("mount -t bpf bpf /sys/fs/bpf && mount -o remount,rw /proc/sys");
    site
}

fn declare(site: &Site, port: u16) {
    lab(site.host.write("/etc/portreeve/policy.toml", &POLICY.replace("PORT", &port.to_string())));
}

/// What comes in at the gate, what is guarded and what is steered, as far as one of these ports is concerned.
fn stands(site: &Site) -> [Vec<u16>; 3] {
    let told = ["nft list table inet portreeve", "portreeve guard status", "portreeve steer status"];
    told.map(|command| {
        let text = lab(site.host.run(command)).stdout;
        [8_001, 8_002].into_iter().filter(|port| text.contains(&port.to_string())).collect()
    })
}

/// Of what the gate came with nothing is confirmed without it, and each command names one that goes on.
#[test]
fn a_gate_that_is_gone_leaves_a_trial_that_undo_ends() {
    let site = site();
    declare(&site, 8_001);
    site.run(&format!("portreeve {APPLY}"));
    declare(&site, 8_002);
    site.run("portreeve apply --trial 60s --no-session && nft flush ruleset");
    let confirmed = site.ask("confirm");
    assert_eq!(confirmed.status, 6, "{confirmed:#?}");
    assert!(confirmed.stderr.contains("portreeve undo takes back what the guard"), "{confirmed:#?}");
    assert_eq!(site.ask(APPLY).status, 5, "a trial is no ground for another change");
    let undone = site.ask("undo --no-session");
    assert_eq!((undone.status, stands(&site)), (0, [vec![], vec![8_001], vec![8_001]]), "{undone:#?}");
    site.run(&format!("portreeve {APPLY}"));
    assert_eq!(stands(&site), [[8_002]; 3].map(Vec::from));
}

/// The trial of the guard and of what is steered goes with the gate that is taken away, and comes back with no undo.
#[test]
fn a_gate_that_is_taken_away_in_a_trial_takes_all_of_it_along() {
    let site = site();
    declare(&site, 8_001);
    site.run(&format!("portreeve {APPLY}"));
    declare(&site, 8_002);
    site.run("portreeve apply --trial 60s --no-session");
    let off = site.ask("off gate --no-session");
    assert!(off.stdout.contains("had on trial with it is over"), "{off:#?}");
    assert_eq!(stands(&site), [vec![], vec![8_001], vec![8_001]]);
    let undone = site.ask("undo --no-session");
    assert_eq!((undone.status, stands(&site)), (0, [[8_001]; 3].map(Vec::from)), "{undone:#?}");
}

/// Whoever comes after him takes back or keeps all of what he did, wherever he was.
#[test]
fn who_is_killed_leaves_nothing_that_is_kept_or_taken_back_by_halves() {
    let site = site();
    let (mut kept, mut taken_back) = (0, 0);
    for moment in 0..24 {
        declare(&site, 8_001);
        let begin = Instant::now();
        site.run(&format!("portreeve {APPLY}"));
        let whole = begin.elapsed().as_secs_f64();
        declare(&site, 8_002);
        // From a third of the time that it takes here and now to a little more than all of it.
        let seconds = whole * (0.35 + f64::from(moment / 2) * 0.08);
        let (way, after) =
            if moment % 2 == 0 { ("--trial 60s", "confirm") } else { ("--no-trial", "undo --no-session") };
        lab(site.host.run(&format!("timeout -s KILL {seconds} portreeve apply {way} --no-session")));
        let done = site.ask(after);
        let stands = stands(&site);
        assert!(
            stands.iter().all(|ports| *ports == stands[0]),
            "{after} after {seconds} s: {stands:?} {done:#?}"
        );
        kept += u32::from(stands[0] == [8_002]);
        taken_back += u32::from(after != "confirm" && stands[0] != [8_002]);
        lab(site.host.run("portreeve undo --no-session"));
    }
    assert!(kept > 0 && taken_back > 0, "no moment was late enough: {kept} {taken_back}");
}

/// As while somebody's terminal goes away.
#[test]
fn a_signal_waits_until_all_of_it_is_done() {
    let site = site();
    for (moment, signal) in ["HUP", "INT", "TERM"].into_iter().cycle().take(12).enumerate() {
        declare(&site, 8_001);
        site.run(&format!("portreeve {APPLY}"));
        declare(&site, 8_002);
        let seconds = 0.14 + f64::from(u32::try_from(moment).expect("a few")) * 0.03;
        lab(site.host.run(&format!("timeout -s {signal} {seconds} portreeve {APPLY}")));
        let stands = stands(&site);
        assert!(stands.iter().all(|ports| *ports == stands[0]), "{signal} after {seconds} s: {stands:?}");
    }
}

/// A receipt is one file, and takes the place of another when it is finished.
#[test]
fn without_a_file_more_on_the_disk_nothing_is_changed_by_halves() {
    let site = site();
    declare(&site, 8_001);
    site.run(&format!("portreeve {APPLY}"));
    site.run(
        "cp -a /var/lib/portreeve /root/kept && mount -t tmpfs -o size=8m,nr_inodes=64 room /var/lib/portreeve && \
         cp -a /root/kept/. /var/lib/portreeve/",
    );
    for free in 0..5 {
        declare(&site, 8_002);
        site.run("mkdir /var/lib/portreeve/fill; cd /var/lib/portreeve/fill; i=0; while touch $i 2>/dev/null; do i=$((i + 1)); done");
        site.run(&format!("cd /var/lib/portreeve/fill; ls | head -n {free} | xargs -r rm"));
        let applied = site.ask(APPLY);
        let expected = if applied.status == 0 { 8_002 } else { 8_001 };
        assert_eq!(stands(&site), [[expected]; 3].map(Vec::from), "{free} free: {applied:#?}");
        assert!([0, 7].contains(&applied.status), "{applied:#?}");
        site.run("rm -r /var/lib/portreeve/fill");
        declare(&site, 8_002);
        site.run(&format!("portreeve {APPLY}"));
        site.run("portreeve undo --no-session");
        assert_eq!(stands(&site), [[8_001]; 3].map(Vec::from), "{free} free");
    }
    site.run("umount /var/lib/portreeve");
}

/// Where there is room for the receipt of the gate and not for that of the rest.
#[test]
fn without_room_on_the_disk_nothing_is_changed_by_halves() {
    let site = site();
    declare(&site, 8_001);
    site.run(&format!("portreeve {APPLY}"));
    site.run(
        "cp -a /var/lib/portreeve /root/kept && mount -t tmpfs -o size=2m room /var/lib/portreeve && \
         cp -a /root/kept/. /var/lib/portreeve/",
    );
    let fill = |blocks: u32| {
        site.run(&format!(
            "cd /var/lib/portreeve; dd if=/dev/zero of=fill bs=4k 2>/dev/null; truncate -s -{} fill",
            blocks * 4096
        ));
    };
    for blocks in 0..8 {
        declare(&site, 8_002);
        fill(blocks);
        for command in [APPLY, "apply --trial 60s --no-session"] {
            let refused = site.ask(command);
            assert_eq!((refused.status, stands(&site)), (7, [[8_001]; 3].map(Vec::from)), "{refused:#?}");
            assert!(refused.stderr.contains("df -h"), "{refused:#?}");
        }
        site.run(&format!("rm /var/lib/portreeve/fill && portreeve {APPLY}"));
        fill(blocks);
        let refused = site.ask("undo --no-session");
        assert_eq!((refused.status, stands(&site)), (7, [[8_002]; 3].map(Vec::from)), "{refused:#?}");
        site.run("rm /var/lib/portreeve/fill && portreeve undo --no-session");
        assert_eq!(stands(&site), [[8_001]; 3].map(Vec::from));
        declare(&site, 8_002);
        site.run("portreeve apply --trial 60s --no-session");
        fill(blocks);
        let refused = site.ask("confirm");
        assert_eq!(refused.status, 7, "{refused:#?}");
        site.run("rm /var/lib/portreeve/fill && portreeve undo --no-session");
        assert_eq!(stands(&site), [[8_001]; 3].map(Vec::from));
    }
    site.run("umount /var/lib/portreeve");
}
