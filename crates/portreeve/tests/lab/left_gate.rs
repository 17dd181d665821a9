//! What is found of a gate that was confirmed on a whole host: as it stands, after somebody else changed it or took it
//! away, and whether the next boot has it (A15, A16, A20).

use portreeve_lab::profile;

use super::site::{Found, Site, found, lab};

const POLICY: &str = "version = 1\n[service.web]\nports = [\"80/tcp\"]\nowner = { unit = \"nginx.service\" }\nreach = \"world\"\n";

/// What is found of the gate.
fn of_gate(site: &Site) -> Vec<Found> {
    let all = site.audit("--fail-on never", 0);
    all.into_iter().filter(|found| found.rule.starts_with("gate-")).collect()
}

#[track_caller]
fn done(site: &Site, command: &str) {
    let output = site.ask(command);
    assert_eq!(output.status, 0, "{command}: {output:#?}");
}

/// Each thing that can become of a confirmed gate is one finding, and a gate that is as it was confirmed none.
#[test]
fn a_confirmed_gate_is_missed_where_somebody_else_changes_it() {
    let site = Site::boot(&profile::WEB);
    lab(site.host.write("/etc/portreeve/policy.toml", POLICY));
    assert_eq!(of_gate(&site), []);
    done(&site, "apply --trial 60s --no-session");
    assert_eq!(of_gate(&site), [], "nothing is confirmed yet");
    done(&site, "confirm");
    assert_eq!(of_gate(&site), [found("", "gate-not-at-boot", "warning")]);
    done(&site, "gate enable");
    assert_eq!(of_gate(&site), []);

    let set = site.run("nft list table inet portreeve | grep -o '[ab]_world_tcp' | head -n1").stdout;
    let set = set.trim();
    site.run(&format!("nft add element inet portreeve {set} '{{ 8080 }}'"));
    assert_eq!(of_gate(&site), [found("", "gate-drifted", "high")]);
    // What is open or kept out for a while changes nothing of it, nor does who opens it take the change for confirmed.
    done(&site, "open 443 --for 60s");
    assert_eq!(of_gate(&site), [found("", "gate-drifted", "high")]);
    site.run(&format!("nft delete element inet portreeve {set} '{{ 8080 }}'"));
    assert_eq!(of_gate(&site), []);
    site.run("nft insert rule inet portreeve input tcp dport 9999 accept");
    assert_eq!(of_gate(&site), [found("", "gate-drifted", "high")]);

    // Debian's /etc/nftables.conf begins so.
    site.run("nft flush ruleset");
    assert_eq!(of_gate(&site), [found("", "gate-removed", "critical")]);
    let status = site.ask("gate status");
    assert!(status.stdout.contains("The gate is gone: it stood after receipt"), "{status:#?}");
    let saved = site.ask("snapshot --redact").json();
    assert_eq!(saved["gate"]["at_boot"], "enabled", "{:#}", saved["gate"]);
    let answer = lab(site.host.run_as("dev", "portreeve audit -o json --fail-on never --allow-gaps"));
    assert!(
        !answer.stdout.contains("gate-removed"),
        "who may not read the rules misses nothing: {answer:#?}"
    );
    done(&site, "apply --no-trial --no-session");
    assert_eq!(of_gate(&site), []);
    done(&site, "off gate --no-session");
    assert_eq!(of_gate(&site), []);
}
