//! The watch knows whom the gate keeps out: it may lose its blocks, or have others than the watch's (A16, A19).

use std::{thread, time::Duration};

use portreeve_lab::{Client, profile};

use super::{
    blocked::{POLICY, is_kept_out_soon, kept_out, scans},
    probed::{proven, source, told_of, watched},
    site::{Site, lab},
};

const APPLY: &str = "portreeve apply --no-trial --no-session";

#[test]
fn whoever_goes_on_after_the_gate_has_lost_his_block_is_blocked_again() {
    let mut site = Site::boot(&profile::BARE);
    lab(site.host.write("/etc/portreeve/policy.toml", POLICY));
    site.run(&format!("{APPLY} && portreeve watch enable"));
    let client = lab(Client::create(&site.network));
    is_kept_out_soon(&site, &client);
    let off = "portreeve off gate --no-session";
    for lost in ["nft flush ruleset", off, "systemctl stop portreeve-watch; nft flush ruleset"] {
        site.run(&format!("{lost}; {APPLY}; systemctl start portreeve-watch"));
        assert!(!kept_out(&site).contains(&source(&client)), "{lost}");
        is_kept_out_soon(&site, &client);
    }
    // Each is a relapse.
    let history = site.run(&format!("portreeve watch list | grep {}", source(&client))).stdout;
    assert!(history.contains("7 h") || history.contains("8 h"), "{history}");

    site.run("portreeve gate enable");
    lab(site.host.reboot(&profile::BARE));
    assert!(!kept_out(&site).contains(&source(&client)));
    is_kept_out_soon(&site, &client);
}

#[test]
fn a_block_of_the_administrators_is_not_made_shorter() {
    let site = Site::boot(&profile::BARE);
    watched(&site, POLICY);
    site.run(APPLY);
    let [for_good, for_long, for_short] = std::array::from_fn(|_| proven(&site));
    for (client, length) in [(&for_good, ""), (&for_long, "--for 24h"), (&for_short, "--for 10m")] {
        site.run(&format!("portreeve watch block {} {length}", source(client)));
        scans(&site, client);
    }
    thread::sleep(Duration::from_secs(2));
    let kept = site.run("nft -j list set inet portreeve blocked4").json();
    let elements = kept["nftables"][1]["set"]["elem"].as_array().cloned().unwrap_or_default();
    let timeout = |client: &Client| {
        let own = elements
            .iter()
            .find(|element| **element == source(client) || element["elem"]["val"] == source(client));
        own.map(|element| element["elem"]["timeout"].as_u64())
    };
    assert_eq!(
        [&for_good, &for_long, &for_short].map(timeout),
        [Some(None), Some(Some(86_400)), Some(Some(3_600))],
        "{kept:#}"
    );
    let lines = told_of(&site, &source(&for_good), 1);
    let [line] = lines.as_slice() else { panic!("{lines:#?}") };
    assert_eq!(line["event"], "suspicion");
    assert!(line["action"].to_string().contains("kept out already"), "{line:#}");
}

/// Whoever is not kept out may have been, and would be for longer the next time.
#[test]
fn nothing_is_held_against_whoever_is_forgiven_after_his_time() {
    let site = Site::boot(&profile::BARE);
    lab(site.host.write("/etc/portreeve/policy.toml", POLICY));
    site.run(&format!("{APPLY} && portreeve watch enable"));
    let client = lab(Client::create(&site.network));
    is_kept_out_soon(&site, &client);
    site.run(&format!("nft flush ruleset; {APPLY}"));
    let forgive = || site.run(&format!("portreeve watch forgive {}", source(&client))).stdout;
    let said = forgive();
    assert!(said.contains("is not kept out, and nothing is held against it any more"), "{said}");
    assert!(forgive().contains("Nothing to do"));
    is_kept_out_soon(&site, &client);
    let list = site.run(&format!("portreeve watch list | grep {}", source(&client))).stdout;
    assert!(list.contains("59 min"), "{list}");
}
