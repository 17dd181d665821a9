//! What OSV's JSON says of a package.

use super::*;

/// An advisory with this `head`, about the source `mill`, and with what follows its name.
fn about_mill(head: &str, ecosystem: &str, rest: &str) -> String {
    format!(
        r#"{{{head}, "affected": [{{"package": {{"ecosystem": "{ecosystem}", "name": "mill"}}, {rest}}}]}}"#
    )
}

const RANGE: &str =
    r#""ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0-1"}]}]"#;

fn said(document: &str, version: &str) -> Vec<String> {
    said_of(&[document], "Debian:12", &package("mill-tools", "mill", version))
}

#[test]
fn one_advisory_a_list_and_an_object_with_a_list_say_the_same() {
    for document in [OSV.into(), format!("\n [{OSV}]"), format!(r#"{{"next": null, "vulns": [{OSV}]}}"#)] {
        assert_eq!(said(&document, "1.2-3+deb12u1"), ["CVE-2024-1 1.2-3+deb12u2"], "{document}");
        assert_eq!(said(&document, "1.2-3+deb12u2"), [""; 0], "{document}");
    }
    assert_eq!(said("[]", "1"), [""; 0]);
    assert_eq!(said(r#"{"vulns": null}"#, "1"), [""; 0]);
}

/// A field of a newer schema must not matter, nor must one that is not read be right.
#[test]
fn what_is_not_asked_of_an_advisory_is_passed_over() {
    let head = r#""schema_version": "9.9", "id": "X-1", "modified": "yesterday", "aliases": null, "severity": 7,
        "database_specific": {"vulns": [[{}]], "id": 5}, "vulns": "odd", "references": [{"url": "https://example.org"}]"#;
    let rest = format!(r#""versions": null, "ecosystem_specific": {{"urgency": "low"}}, {RANGE}"#);
    let list = format!("[{}]", about_mill(head, "Debian:12", &rest));
    assert_eq!(said(&list, "1"), ["X-1 2.0-1"]);
}

#[test]
fn cve_numbers_are_told_before_other_names() {
    let named = |head: &str| said(&about_mill(head, "Debian:12", RANGE), "1");
    assert_eq!(
        named(r#""id": "DSA-5-1", "upstream": ["CVE-2024-20", "CVE-2024-10"]"#),
        ["CVE-2024-10 2.0-1", "CVE-2024-20 2.0-1"]
    );
    assert_eq!(
        named(r#""id": "GHSA-1", "aliases": ["CVE-2024-7", "OSV-1"], "related": ["CVE-2024-8"]"#),
        ["CVE-2024-7 2.0-1"]
    );
    assert_eq!(named(r#""id": "CVE-2024-9", "aliases": ["CVE-2024-9"]"#), ["CVE-2024-9 2.0-1"]);
    assert_eq!(
        named(r#""id": "DSA-6-1", "aliases": ["CVE-2024-", "CVE-x-1", "CVE-2024-1;reboot"]"#),
        ["DSA-6-1 2.0-1"]
    );
}

#[test]
fn an_advisory_that_was_withdrawn_does_not_count() {
    let head = r#""id": "X-1", "modified": "2024-02-01T00:00:00Z", "withdrawn": "2024-02-01T00:00:00Z""#;
    assert_eq!(said(&about_mill(head, "Debian:12", RANGE), "1"), [""; 0]);
    assert_eq!(
        said(&about_mill(r#""id": "X-1", "withdrawn": null"#, "Debian:12", RANGE), "1"),
        ["X-1 2.0-1"]
    );
}

/// The schema: of two with one id, the one that was modified later.
#[test]
fn the_last_word_of_an_advisory_counts() {
    let at = |modified: &str, more: &str| {
        about_mill(&format!(r#""id": "X-1", "modified": "{modified}"{more}"#), "Debian:12", RANGE)
    };
    let first = at("2024-01-01T00:00:00Z", "");
    let withdrawn = at("2024-01-01T00:00:00.5Z", r#", "withdrawn": "2024-01-01T00:00:00Z""#);
    let again = at("2024-01-01T02:00:00+01:00", "");
    let elsewhere = r#"{"id": "X-1", "modified": "2025-01-01T00:00:00Z", "affected": []}"#;
    let installed = package("mill", "mill", "1");
    let said = |documents: &[&str]| said_of(documents, "Debian:12", &installed);
    assert_eq!(said(&[&first, &withdrawn]), [""; 0]);
    assert_eq!(said(&[&withdrawn, &first]), [""; 0]);
    assert_eq!(said(&[&withdrawn, &again, &first]), ["X-1 2.0-1"]);
    assert_eq!(said(&[&again, elsewhere]), [""; 0]);
}

#[test]
fn another_release_is_not_spoken_of() {
    let said_in = |told: &str, asked: &str| {
        said_of(&[&about_mill(r#""id": "X-1""#, told, RANGE)], asked, &package("mill", "mill", "1"))
    };
    assert_eq!(said_in("Debian:11", "Debian:12"), [""; 0]);
    assert_eq!(said_in("Debian", "Debian:12"), ["X-1 2.0-1"]);
    assert_eq!(said_in("Ubuntu:24.04:LTS", "Ubuntu:24.04"), ["X-1 2.0-1"]);
    assert_eq!(said_in("Ubuntu:24.04:LTS", "Debian:12"), [""; 0]);
}

/// Debian's advisories name sources and their versions; a package of the same name from another source is none of them.
#[test]
fn debian_speaks_of_sources() {
    let document = about_mill(r#""id": "X-1""#, "Debian:12", RANGE);
    let rebuilt = Installed { version: "9:1-1+b1".into(), ..package("libmill1", "mill", "1-1") };
    assert_eq!(said_of(&[&document], "Debian:12", &rebuilt), ["X-1 2.0-1"]);
    assert_eq!(said_of(&[&document], "Debian:12", &package("mill", "windmill", "1-1")), [""; 0]);
}

/// Red Hat's name what is installed, too, and their versions have the epoch that a source does not tell.
#[test]
fn red_hat_speaks_of_packages_and_of_epochs() {
    let range = RANGE.replace("2.0-1", "1:2.0-1.el9_4");
    let document = about_mill(r#""id": "RHSA-2024:1""#, "Red Hat:enterprise_linux:9::baseos", &range);
    let said = |package: &Installed| said_of(&[&document], "Red Hat:enterprise_linux:9", package);
    let with_epoch = |name: &str, source: &str, version: &str| Installed {
        version: format!("1:{version}"),
        ..package(name, source, version)
    };
    assert_eq!(said(&with_epoch("mill-libs", "mill", "1.9-1.el9")), ["RHSA-2024:1 1:2.0-1.el9_4"]);
    assert_eq!(said(&with_epoch("mill-libs", "mill", "2.0-1.el9_4")), [""; 0]);
    assert_eq!(said(&with_epoch("mill", "mills", "1.9-1.el9")), ["RHSA-2024:1 1:2.0-1.el9_4"]);
    let rocky = about_mill(r#""id": "RLSA-2024:1""#, "Rocky Linux:9", &range);
    assert_eq!(said_of(&[&rocky], "Rocky Linux:9", &with_epoch("mill", "mills", "1.9-1.el9")), [""; 0]);
}

#[test]
fn alpine_has_its_own_order() {
    let range = RANGE.replace("2.0-1", "2.0_p1-r2");
    let document =
        about_mill(r#""id": "ALPINE-CVE-2024-3", "upstream": ["CVE-2024-3"]"#, "Alpine:v3.20", &range);
    let said = |version: &str| said_of(&[&document], "Alpine:v3.20", &package("mill-libs", "mill", version));
    assert_eq!(said("2.0_p1-r1"), ["CVE-2024-3 2.0_p1-r2"]);
    assert_eq!(said("2.0-r9"), ["CVE-2024-3 2.0_p1-r2"]);
    assert_eq!(said("2.0_p2-r0"), [""; 0]);
}

#[test]
fn a_version_may_be_listed_alone() {
    let listed = |rest: &str, version| said(&about_mill(r#""id": "X-1""#, "Debian:12", rest), version);
    let alone = r#""versions": ["1.0-1", "1.5-1", "3.0-1"]"#;
    assert_eq!(listed(alone, "1.5-1"), ["X-1"]);
    assert_eq!(listed(alone, "1.6-1"), [""; 0]);
    let both = format!("{RANGE}, {alone}");
    assert_eq!(listed(&both, "1.6-1"), ["X-1 2.0-1"]);
    assert_eq!(listed(&both, "3.0-1"), ["X-1"]);
    let git = r#""versions": ["1.0-1"], "ranges": [{"type": "GIT", "repo": "https://example.org", "events": [{"introduced": "0"}, {"fixed": "9"}]}]"#;
    assert_eq!(listed(git, "1.0-1"), ["X-1"]);
    assert_eq!(listed(git, "2.0-1"), [""; 0]);
}

/// More events than are tried while a list is read make no difference to what it says.
#[test]
fn a_list_beside_many_events_counts_as_well() {
    let events: Vec<_> = (1..40)
        .map(|number| format!(r#"{{"introduced": "{number}.1"}}, {{"fixed": "{number}.2"}}"#))
        .collect();
    let rest = format!(
        r#""versions": ["3.5", "3.1"], "ranges": [{{"type": "ECOSYSTEM", "events": [{}]}}]"#,
        events.join(", ")
    );
    let document = about_mill(r#""id": "X-1""#, "Debian:12", &rest);
    assert_eq!(said(&document, "3.5"), ["X-1 4.2"]);
    assert_eq!(said(&document, "3.1"), ["X-1 3.2"]);
    assert_eq!(said(&document, "3.4"), [""; 0]);
}

/// Two releases of upstream in one, with a range and a fix each, and one that nobody has fixed.
#[test]
fn whoever_lies_in_several_ranges_must_leave_all() {
    let rest = r#""ranges": [
        {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0-1"}]},
        {"type": "ECOSYSTEM", "events": [{"introduced": "1.0"}, {"fixed": "3.0-1"}, {"introduced": "4.0"}]}]"#;
    let document = about_mill(r#""id": "X-1""#, "Debian:12", rest);
    assert_eq!(said(&document, "0.9-1"), ["X-1 2.0-1"]);
    assert_eq!(said(&document, "1.0-1"), ["X-1 3.0-1"]);
    assert_eq!(said(&document, "3.5-1"), [""; 0]);
    assert_eq!(said(&document, "4.1-1"), ["X-1"]);
}
