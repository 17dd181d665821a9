//! Tests of what would be installed.

use super::*;

/// An archive by its suite.
fn archive(suite: &str) -> Archive {
    let automation = match suite {
        "backports" => Automation::Upgrades,
        "experimental" => Automation::None,
        _ => Automation::Full,
    };
    let release = Release { suite: suite.into(), automation, ..Release::default() };
    Archive { release, host: "deb.debian.org".into(), ..Archive::default() }
}

fn installed(version: &str) -> Installed {
    let name = String::from("libxml2");
    let source = name.clone();
    let architecture = Some("amd64".into());
    Installed { name, source, architecture, version: version.into(), ..Installed::default() }
}

fn listed(version: &str) -> Listed {
    let (name, architecture) = (String::from("libxml2"), "amd64".into());
    Listed { source: name.clone(), name, version: version.into(), architecture, rollout: Rollout::Everybody }
}

/// What is offered by `(suite, version)`s, where `pins` are told.
fn told(version: &str, offers: &[(&str, &str)], pins: &str) -> [Option<String>; 3] {
    let archives: Vec<_> = offers.iter().map(|(suite, _)| archive(suite)).collect();
    let versions: Vec<_> = offers.iter().map(|(_, version)| listed(version)).collect();
    let listed: Vec<_> = archives.iter().zip(&versions).collect();
    let mut preferences = Pins::default();
    preferences.read(pins.as_bytes());
    let Offer { candidate, newest, security } = offer(&installed(version), &listed, &preferences);
    [candidate, newest, security]
}

fn some(versions: [&str; 3]) -> [Option<String>; 3] {
    versions.map(|version| Some(version).filter(|version| !version.is_empty()).map(Into::into))
}

#[test]
fn the_newest_is_the_candidate_whatever_archive_has_it() {
    let offers = [("stable", "1+deb12u6"), ("stable-security", "1+deb12u4")];
    assert_eq!(
        told("1+deb12u5", &offers, ""),
        some(["1+deb12u6", "1+deb12u6", ""]),
        "no security version is newer"
    );
    assert_eq!(told("1+deb12u3", &offers, ""), some(["1+deb12u6", "1+deb12u6", "1+deb12u4"]));
    assert_eq!(told("1+deb12u6", &offers, ""), some(["1+deb12u6", "1+deb12u6", ""]));
}

#[test]
fn a_version_in_no_archive_stays() {
    assert_eq!(told("2", &[("stable", "1")], ""), some(["2", "1", ""]));
    assert_eq!(told("2", &[], ""), some(["2", "", ""]));
}

#[test]
fn backports_and_experimental_wait_to_be_asked() {
    assert_eq!(told("1", &[("stable", "1"), ("backports", "2")], ""), some(["1", "2", ""]));
    assert_eq!(
        told("2~bpo1", &[("stable", "1"), ("backports", "2~bpo2")], ""),
        some(["2~bpo2", "2~bpo2", ""])
    );
    assert_eq!(told("1", &[("experimental", "3")], ""), some(["1", "3", ""]));
}

#[test]
fn pins_decide() {
    let offers = [("stable", "2"), ("testing", "3"), ("stable-security", "2+s1")];
    let pin =
        |pin: &str, priority: i32| alloc::format!("Package: libxml2\nPin: {pin}\nPin-Priority: {priority}\n");
    assert_eq!(told("1", &offers, &pin("release a=testing", 50))[0].as_deref(), Some("2+s1"));
    assert_eq!(told("1", &offers, &pin("version 2", 700))[0].as_deref(), Some("2"));
    assert_eq!(
        told("2+s1", &offers, &pin("version 2", 700))[0].as_deref(),
        Some("3"),
        "older ones take 1000"
    );
    assert_eq!(told("2+s1", &offers, &pin("version 2", 1000))[0].as_deref(), Some("2"));
    assert_eq!(told("1", &offers, &pin("release *", -1))[0].as_deref(), None);
    let all = String::from("Package: *\nPin: release a=stable-security\nPin-Priority: never\n\n")
        + &pin("version 2+s1", 900);
    assert_eq!(told("1", &offers, &all)[0].as_deref(), Some("3"), "never is never");
}

#[test]
fn a_pin_that_is_not_understood_or_a_rollout_leaves_only_the_newest() {
    let pins = "Package: /x/\nPin: version 1\nPin-Priority: 5\n";
    assert_eq!(told("1", &[("stable", "2")], pins), some(["", "2", ""]));
    let archive = archive("jammy-updates");
    let phased = Listed { rollout: Rollout::Some, ..listed("2") };
    let Offer { candidate, newest, .. } = offer(&installed("1"), &[(&archive, &phased)], &Pins::default());
    assert_eq!((candidate, newest.as_deref()), (None, Some("2")));
}

#[test]
fn only_what_was_built_for_the_same_machine_counts() {
    let archive = archive("stable");
    let of = |architecture: &str| Listed { architecture: architecture.into(), ..listed("2") };
    let newest =
        |architecture| offer(&installed("1"), &[(&archive, &of(architecture))], &Pins::default()).newest;
    assert_eq!(newest("i386"), None);
    assert_eq!(newest("all").as_deref(), Some("2"));
}

/// As of testing beside stable: its updates are not for the host, and what it has would take the rest of it along.
#[test]
fn a_security_archive_of_another_release_has_none_for_this_one() {
    let security = |is_of_another_release| {
        let archive = Archive { is_of_another_release, ..archive("testing-security") };
        offer(&installed("1"), &[(&archive, &listed("3"))], &Pins::default()).security
    };
    assert_eq!([security(true), security(false)], [None, Some("3".into())]);
}

/// As `apt-cache policy` of apt 2.6 has it.
#[test]
fn a_pin_of_a_source_is_about_the_versions_that_are_built_from_it() {
    let archive = archive("stable");
    let [kept, moved] = [listed("2"), Listed { source: "other".into(), ..listed("3") }];
    let told = |package: &str| {
        let mut pins = Pins::default();
        let text = alloc::format!("Package: src:{package}\nPin: version *\nPin-Priority: 1\n");
        pins.read(text.as_bytes());
        offer(&installed("1"), &[(&archive, &kept), (&archive, &moved)], &pins).candidate
    };
    assert_eq!(told("other").as_deref(), Some("2"));
    assert_eq!(told("libxml2").as_deref(), Some("3"));
}
