//! Changes of which nobody reads what they say: they are made all the same, or say that they were not (A15, A16).

use std::path::Path;

use portreeve_lab::{Chroot, Output};

use super::site::{PORTREEVE, lab};

/// A host without a service manager, whose policy opens one port.
fn host() -> Chroot {
    let host = lab(Chroot::create(Path::new(PORTREEVE)));
    lab(host.run("mkdir -p /etc/portreeve"));
    let policy = "version = 1\n[service.web]\nports = [\"80/tcp\"]\nowner = { user = \"root\" }\nreach = \"world\"\n";
    lab(host.write("/etc/portreeve/policy.toml", policy));
    host
}

fn run(host: &Chroot, command: &str) -> Output {
    lab(host.run(&format!("bash -c '{command}'")))
}

fn has_gate(host: &Chroot) -> bool {
    run(host, "nft list table inet portreeve").status == 0
}

/// Whoever pipes into `head`, or quits his pager, has typed the change and gets it.
#[test]
fn a_reader_that_goes_away_keeps_no_change_from_being_made() {
    let host = host();
    for command in ["apply --no-trial", "apply --trial 60s", "close 8080/tcp"] {
        // Also where what is written by the way, as warnings, is read by nobody.
        for into in ["| true", "2>&1 | true"] {
            let made = run(&host, &format!("portreeve {command} --no-session {into}; exit ${{PIPESTATUS[0]}}"));
            assert_eq!(made.status, 0, "{command} {into}: {made:#?}");
            assert!(has_gate(&host), "{command} {into}");
            let off = run(&host, &format!("portreeve off gate {into}; exit ${{PIPESTATUS[0]}}"));
            assert_eq!(off.status, 0, "{into}: {off:#?}");
            assert!(!has_gate(&host), "{into}");
        }
    }
}
