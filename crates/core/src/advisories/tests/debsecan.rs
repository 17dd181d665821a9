//! What debsecan's data says of a package, as its `is_vulnerable` does.

use super::*;

/// With these lines of packages; the first hole is CVE-2024-1.
fn data(packages: &str) -> String {
    format!("VERSION 1\nCVE-2024-1,,\nCVE-2024-2,,a, b\n\n{packages}\n\n")
}

fn said(packages: &str, installed: &Installed) -> Vec<String> {
    said_of(&[&data(packages)], "Debian:12", installed)
}

#[test]
fn a_source_is_affected_below_unstable_but_for_the_versions_that_are_named() {
    let line = "mill,0,S  F,2.0-1,1.0-1+deb12u2 1.0-1+deb12u4";
    let of = |version| said(line, &package("mill-tools", "mill", version));
    assert_eq!(of("1.0-1+deb12u1"), ["CVE-2024-1 1.0-1+deb12u2"]);
    assert_eq!(of("1.0-1+deb12u2"), [""; 0]);
    assert_eq!(of("1.0-1+deb12u3"), ["CVE-2024-1 1.0-1+deb12u4"]);
    assert_eq!(of("1.5-1"), ["CVE-2024-1 2.0-1"]);
    assert_eq!(of("2.0-1"), [""; 0]);
}

#[test]
fn where_unstable_has_no_fix_only_the_versions_that_are_named_are_safe() {
    let of = |version| said("mill,0,S  F,,1.0-1+deb12u2", &package("mill-tools", "mill", version));
    assert_eq!(of("1.0-1"), ["CVE-2024-1 1.0-1+deb12u2"]);
    assert_eq!(of("9.0-1"), ["CVE-2024-1"]);
    assert_eq!(of("1.0-1+deb12u2"), [""; 0]);
}

/// The flag F: the release has a fix.
#[test]
fn a_fix_that_this_release_does_not_have_is_not_told() {
    assert_eq!(said("mill,1,SL? ,2.0-1,", &package("mill", "mill", "1")), ["CVE-2024-2"]);
}

/// The flag B: the name is that of an installed package.
#[test]
fn a_package_is_told_by_its_own_version() {
    let line = "mill-tools,0,B  F,2.0-1,1.0-1";
    let with = |version: &str| Installed { version: version.into(), ..package("mill-tools", "mill", "9") };
    assert_eq!(said(line, &with("1.0-1")), ["CVE-2024-1 2.0-1"]);
    assert_eq!(said(line, &with("2.0-1")), [""; 0]);
    // Where it is the name of the source alone, debsecan takes it for that.
    assert_eq!(said(line, &package("libmill1", "mill-tools", "1.0-1")), [""; 0]);
    assert_eq!(said(line, &package("libmill1", "mill-tools", "1.0-2")), ["CVE-2024-1 2.0-1"]);
    // And where it is both, for that of the package.
    assert_eq!(said(line, &package("mill-tools", "mill-tools", "1.0-1")), ["CVE-2024-1 2.0-1"]);
}

#[test]
fn no_other_system_is_spoken_of() {
    let document = data("mill,0,S  F,2.0-1,");
    let of = |ecosystem| said_of(&[&document], ecosystem, &package("mill", "mill", "1"));
    assert_eq!(of("Debian:13"), ["CVE-2024-1 2.0-1"]);
    assert_eq!(of("Debian:sid"), ["CVE-2024-1 2.0-1"]);
    assert_eq!(of("Ubuntu:24.04"), [""; 0]);
}
