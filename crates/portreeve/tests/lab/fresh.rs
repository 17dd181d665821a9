//! A fresh Debian with sshd alone gives no false alarm (A16, A20).

use portreeve_lab::profile;

use super::site::{Site, findings};

/// Nothing above a notice, for root and for an ordinary user (A20).
#[test]
fn a_fresh_debian_gives_nothing_above_a_notice() {
    let site = Site::boot(&profile::BARE);
    assert!(site.audit("", 0).iter().all(|found| found.severity == "notice"));

    let answer = site.ask_as("dev", "audit -o json");
    assert_eq!(answer.status, 3, "the owner of sshd is hidden: {answer:#?}");
    assert!(findings(&answer.json()).iter().all(|found| found.severity == "notice"), "{answer:#?}");
    let allowed = site.ask_as("dev", "audit -o json --allow-gaps");
    assert_eq!(allowed.status, 0, "{allowed:#?}");
}

/// Bare `portreeve` is one screen and never an error (A26).
#[test]
fn the_status_screen_names_sshd_and_ends_with_0() {
    let site = Site::boot(&profile::BARE);
    let screen = site.ask("");
    assert_eq!(screen.status, 0, "{screen:#?}");
    assert!(screen.stdout.contains("22/tcp") && screen.stdout.contains("ssh"), "{screen:#?}");
    assert_eq!(site.ask_as("nobody", "").status, 0);
    let japanese = site.ask("--lang ja");
    assert!(japanese.stdout.contains("ポート"), "{japanese:#?}");
}
