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

    done(&site, "apply --no-trial --no-session");
    assert_eq!(of_gate(&site), []);
    // Of a table that sleeps nft 1.0.6 prints anything.
    site.run("nft add table inet portreeve '{ flags dormant; }'");
    assert_eq!(of_gate(&site), [found("", "gate-drifted", "high")]);
    let history = site.ask("history");
    assert!(history.status == 0 && history.stdout.contains("applied the policy"), "{history:#?}");
    let open = site.ask("exposure 8080/tcp -o json").json();
    assert_eq!(open["exposure"][0]["verdict"], "reachable", "{open:#}");
    let status = site.ask("gate status");
    let sleeps =
        "No gate is in force. Somebody else has put its table to sleep (flags dormant): nothing is refused.";
    assert!(status.stdout.contains(sleeps), "{status:#?}");
    assert_eq!(site.ask("plan").status, 1);
    done(&site, "apply --no-trial --no-session");
    assert_eq!(of_gate(&site), []);
    what_is_damaged_is_made_anew_or_taken_away(&site);

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

/// A table that cannot tell any more that it is a gate, empty or without its number.
fn what_is_damaged_is_made_anew_or_taken_away(site: &Site) {
    site.run("nft delete table inet portreeve && nft add table inet portreeve");
    assert_eq!(of_gate(site), [found("", "gate-removed", "critical")]);
    let status = site.ask("gate status");
    assert!(status.stdout.contains("emptied its table: nothing is refused"), "{status:#?}");
    done(site, "apply --no-trial --no-session");
    assert_eq!(of_gate(site), []);
    site.run("nft flush set inet portreeve revision");
    assert_eq!(of_gate(site), [found("", "gate-drifted", "high")]);
    assert_eq!(site.ask("confirm").status, 6);
    assert_eq!(site.ask("apply --trial 9s --no-session").status, 5, "there is nothing to go back to");
    done(site, "apply --no-trial --no-session");
    assert_eq!(of_gate(site), []);
    // The way out of each.
    for damage in [
        "flush set inet portreeve layout",
        "flush table inet portreeve",
        "add table inet portreeve '{ flags dormant; }'",
    ] {
        site.run(&format!("nft {damage}"));
        done(site, "off gate --no-session");
        done(site, "apply --no-trial --no-session");
        assert_eq!(of_gate(site), [found("", "gate-not-at-boot", "warning")]);
        done(site, "gate enable");
    }
}

/// What somebody else wrote into the table is taken out in one step, in which the gate is never away, and what is open or
/// kept out for a while outlasts that; a trial would have nothing to fall back on.
#[test]
fn a_gate_with_foreign_rules_is_made_anew_in_one_step() {
    let site = Site::boot(&profile::WEB);
    lab(site.host.write("/etc/portreeve/policy.toml", POLICY));
    done(&site, "apply --no-trial --no-session");
    done(&site, "gate enable");
    done(&site, "open 8080 --for 2h");
    done(&site, "close --from 203.0.113.77");
    done(&site, "close --from 2001:db8:7::1 --for 2h");
    let spoil = [
        "insert rule inet portreeve input tcp dport 9999 accept",
        "delete chain inet portreeve forward",
        "add chain inet portreeve evil { type filter hook input priority -500; policy accept; }",
        "insert rule inet portreeve confirmed_input tcp dport 9999 accept",
        "add element inet portreeve trial_input { ipv4 : accept }",
    ];
    for rule in spoil {
        site.run(&format!("nft '{rule}'"));
        assert_eq!(rules_of(&of_gate(&site)), ["gate-drifted"], "{rule}");
        let status = site.ask("gate status").stdout;
        assert!(
            status.contains("Somebody else has changed what every packet goes through"),
            "{rule}: {status}"
        );
        assert!(status.contains("next: portreeve plan · portreeve apply --no-trial"), "{rule}: {status}");
        let plan = site.ask("plan");
        assert_eq!(plan.status, 1, "{rule}: {plan:#?}");
        assert!(plan.stdout.contains("portreeve apply --no-trial"), "{rule}: {plan:#?}");
        let trial = site.ask("apply --trial 30s --no-session");
        assert_eq!(trial.status, 5, "{rule}: {trial:#?}");
        assert!(trial.stderr.contains("portreeve apply --no-trial"), "{rule}: {trial:#?}");
        // Whoever looks while it is made sees a gate.
        let seen = site.run(
            "(while [ ! -e /tmp/made ]; do nft list table inet portreeve > /dev/null || echo gone; done) > /tmp/seen & \
             portreeve apply --no-trial --no-session > /tmp/said 2>&1; status=$?; touch /tmp/made; wait; rm /tmp/made; \
             cat /tmp/seen /tmp/said; exit $status",
        );
        assert!(!seen.stdout.contains("gone"), "{rule}: {seen:#?}");
        assert!(seen.stdout.contains("Applied"), "{rule}: {seen:#?}");
        assert!(!seen.stdout.contains("portreeve undo"), "{rule}: {seen:#?}");
        assert_eq!(rules_of(&of_gate(&site)), [] as [&str; 0], "{rule}");
        assert_eq!(site.ask("plan").status, 0, "{rule}");
        let status = site.ask("gate status").stdout;
        assert!(!status.contains("Somebody else"), "{rule}: {status}");
        for kept in ["8080/tcp", "203.0.113.77", "2001:db8:7::/64"] {
            assert!(status.contains(kept), "{rule}: {status}");
        }
        assert_eq!(site.ask("undo").status, 5, "what somebody else wrote is not written again");
    }
    site.run("nft insert rule inet portreeve input tcp dport 80 accept");
    done(&site, "close 80/tcp --no-session");
    let url = format!("http://{}/", site.host.place().ipv4);
    assert_ne!(lab(site.client.run(&format!("curl -s -o /dev/null -m 2 {url}"))).status, 0, "it is closed");
}

/// Who only looks at the gate is told that it is another one than was confirmed, or one of which nobody here can tell, and
/// once what to type next.
#[test]
fn status_tells_of_a_gate_that_is_not_as_confirmed() {
    let site = Site::boot(&profile::WEB);
    lab(site.host.write("/etc/portreeve/policy.toml", POLICY));
    done(&site, "apply --no-trial --no-session");
    let status = || {
        let status = site.ask("gate status");
        assert_eq!(status.stdout.matches("next: ").count(), 1, "{status:#?}");
        status.stdout
    };
    assert!(!status().contains("Somebody else"), "{}", status());
    site.run("nft add element inet portreeve a_world_tcp '{ 8080 }'");
    let said = status();
    assert!(said.contains("Somebody else has changed its rules or sets"), "{said}");
    assert!(said.contains("At the next boot it is gone, as portreeve-boot.service is not enabled: enable it at boot (portreeve gate enable)."), "{said}");
    assert!(said.ends_with("next: portreeve plan · portreeve apply\n"), "{said}");
    site.run("nft delete element inet portreeve a_world_tcp '{ 8080 }'");
    site.run("mv /var/lib/portreeve/gate /var/lib/portreeve/away");
    let said = status();
    assert!(said.contains("no receipt here tells"), "{said}");
    assert!(said.ends_with("next: portreeve audit · portreeve plan\n"), "{said}");
    site.run("mv /var/lib/portreeve/away /var/lib/portreeve/gate");
    // As one of another layout has it.
    site.run("nft 'delete element inet portreeve layout { 1 }; add element inet portreeve layout { 2 }'");
    assert!(rules_of(&of_gate(&site)).contains(&"gate-drifted"));
    for (command, hint) in [("gate status", "portreeve off gate"), ("off gate --no-session", "at boot: nft")]
    {
        let output = site.ask(command);
        assert_eq!(output.status, 5, "{command}: {output:#?}");
        assert!(output.stderr.contains("a newer portreeve made the gate"), "{command}: {output:#?}");
        assert!(output.stderr.contains(hint), "{command}: {output:#?}");
    }
    site.run("nft delete table inet portreeve && portreeve off gate");
    assert_eq!(of_gate(&site), []);
}

fn rules_of(found: &[Found]) -> Vec<&str> {
    found.iter().map(|found| found.rule.as_str()).collect()
}

/// What somebody else let in beside is neither closed around, nor confirmed, nor brought back.
#[test]
fn what_somebody_else_let_in_is_never_confirmed_with_a_change() {
    let site = Site::boot(&profile::WEB);
    lab(site.host.write("/etc/portreeve/policy.toml", POLICY));
    done(&site, "apply --no-trial --no-session");
    let is_let_in = || site.run("nft list table inet portreeve").stdout.contains("9500");
    let let_in = || {
        site.run("for g in a b; do nft add element inet portreeve ${g}_world_tcp '{ 9500 }' || true; done");
        assert!(is_let_in());
    };
    let_in();
    let closed = site.ask("close 443 --no-session");
    assert!(closed.stdout.contains("what he changed is taken out"), "{closed:#?}");
    assert!(!is_let_in());
    let_in();
    done(&site, "off gate --no-session");
    done(&site, "undo --no-session");
    assert!(!is_let_in(), "undo puts back what was confirmed");
    let other = POLICY.replace("80/tcp", "81/tcp");
    lab(site.host.write("/etc/portreeve/policy.toml", &other));
    done(&site, "apply --trial 60s --no-session");
    let_in();
    let refused = site.ask("confirm");
    assert!(refused.status == 5 && refused.stderr.contains("not what was applied"), "{refused:#?}");
    done(&site, "undo --no-session");
    // Where nothing is left of what was confirmed, nobody guesses.
    site.run("rm -r /var/lib/portreeve");
    let refused = site.ask("close 80 --no-session");
    assert!(refused.status == 5 && refused.stderr.contains("portreeve apply"), "{refused:#?}");
    site.run("nft flush table inet portreeve");
    let refused = site.ask("close 80 --no-session");
    assert!(refused.status == 5 && refused.stderr.contains("portreeve apply --no-trial"), "{refused:#?}");
}
