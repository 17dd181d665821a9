//! portreeve sees the listeners that `ss` and `lsof` see, in the same processes (A4, A5, A12).

use portreeve_lab::{profile, witness};

use super::site::{Site, lab};

/// The same listeners and the same pids as two tools that are not ours (A4, A12).
#[test]
fn ls_agrees_with_ss_and_lsof() {
    let site = Site::boot(&profile::MAIL_WEB_FTP);
    let _shared = [
        lab(site.host.hold_as("root", "reuseport 0.0.0.0:7006")),
        lab(site.host.hold_as("dev", "udp 0.0.0.0:7010 [::1]:7011")),
        lab(site.host.hold_as("dev", "forked 127.0.0.1:7001")),
        lab(site.host.hold_as("dev", "v6only [::]:7012")),
    ];
    let ss = witness::ss(&site.run("ss -Hltnup").stdout);
    let lsof = witness::lsof(&site.run("lsof -nP -iTCP -sTCP:LISTEN -FptPn; lsof -nP -iUDP -FptPn").stdout);
    assert_eq!(ss, lsof, "the witnesses agree with each other");
    assert!(ss.len() > 20, "{ss:#?}");

    let answer = site.ask("ls -o json");
    assert_eq!(answer.status, 0, "{answer:#?}");
    assert_eq!(witness::portreeve(&answer.json()), ss);
}

/// As an ordinary user the listeners are the same, and whose pid is hidden has its unit (A5, A12).
#[test]
fn an_ordinary_user_sees_the_same_listeners_and_their_units() {
    let site = Site::boot(&profile::WEB);
    let answer = site.ask_as("dev", "ls -o json");
    assert_eq!(answer.status, 3, "{answer:#?}");
    let answer = answer.json();
    let gaps = answer["gaps"].as_array().expect("`gaps` is promised");
    let hidden: Vec<_> = gaps.iter().map(|gap| &gap["what"]).collect();
    assert_eq!(hidden, ["hidden-owners", "hidden-firewall"]);
    let ss = witness::ss(&site.run("ss -Hltnu").stdout);
    let seen = witness::portreeve(&answer);
    assert_eq!(seen, ss, "addresses and ports are the same, and neither witness names a process");
    for listener in answer["listeners"].as_array().expect("`listeners` is promised") {
        let unit = if listener["port"] == 22 { "ssh.service" } else { "nginx.service" };
        assert_eq!(listener["socket_unit"], unit, "{listener:#}");
        assert_eq!(listener["holders"][0]["pid"], serde_json::Value::Null, "{listener:#}");
        assert!(listener["gap"].is_string(), "{listener:#}");
    }
}
