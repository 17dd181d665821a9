//! Tests of advisories: small documents after the published schemas, and what they say of a package.

mod broken;
mod debsecan;
mod osv;

use alloc::{format, string::String, vec::Vec};

use super::*;

/// A package under its own name and that of its source, in one version.
fn package(name: &str, source: &str, version: &str) -> Installed {
    Installed {
        name: name.into(),
        version: version.into(),
        source: source.into(),
        source_version: version.into(),
        ..Installed::default()
    }
}

fn shown(advisories: &[Advisory]) -> Vec<String> {
    let shown = |advisory: &Advisory| match &advisory.fixed {
        Some(fixed) => format!("{} {fixed}", advisory.id),
        None => advisory.id.clone(),
    };
    advisories.iter().map(shown).collect()
}

/// What `documents` say of `package`, each as `ID FIXED`.
fn said_of(documents: &[&str], ecosystem: &str, package: &Installed) -> Vec<String> {
    let mut asked = Asked::default();
    asked.add(ecosystem, package);
    let mut advisories = Advisories::default();
    for document in documents {
        advisories.add(read(document.as_bytes(), &asked).expect("it is whole")).expect("there are few");
    }
    shown(&advisories.affecting(ecosystem, package))
}

const OSV: &str = r#"{"id": "DEBIAN-CVE-2024-1", "modified": "2024-05-01T00:00:00Z", "upstream": ["CVE-2024-1"], "affected": [
    {"package": {"ecosystem": "Debian:12", "name": "mill"}, "ranges": [
        {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.2-3+deb12u2"}]}]}]}"#;

/// One about a release alone, one about all of them, one that is fixed nowhere.
const DEBSECAN: &str = "VERSION 1\nCVE-2024-1,,about the mill\nCVE-2024-2,,\nTEMP-0000000-4AF2C1,,\n\n\
    mill,0,S  F,1.3-1,1.2-3+deb12u2 1.2-3+deb12u3\nmill,1,SHRF,1.4-1,1.2-3+deb12u4\nmill,2,S ? ,,\n\n\
    mill,libmill1 mill-tools\n";

/// The same hole in both formats is told once, with the version that is without it for both.
#[test]
fn several_documents_are_one_answer() {
    let installed = package("mill-tools", "mill", "1.2-3+deb12u1");
    let alone = said_of(&[OSV], "Debian:12", &installed);
    assert_eq!(alone, ["CVE-2024-1 1.2-3+deb12u2"]);
    let later = OSV.replace("deb12u2", "deb12u3").replace("DEBIAN-CVE-2024-1", "DSA-1-1");
    let both = said_of(&[OSV, &later, DEBSECAN], "Debian:12", &installed);
    assert_eq!(both, ["CVE-2024-1 1.2-3+deb12u3", "CVE-2024-2 1.2-3+deb12u4", "TEMP-0000000-4AF2C1"]);
    assert_eq!(said_of(&[DEBSECAN, OSV, &later], "Debian:12", &installed), both, "in whichever order");
}

#[test]
fn what_was_not_asked_for_is_not_kept() {
    let mut asked = Asked::default();
    asked.add("Debian:12", &package("other", "other", "1"));
    let read = read(OSV.as_bytes(), &asked).unwrap();
    assert_eq!(read.count(), 1);
    assert_eq!(read.affecting("Debian:12", &package("mill", "mill", "1")), []);
}

#[test]
fn a_root_without_an_ecosystem_that_is_known_has_no_advisories() {
    assert_eq!(said_of(&[OSV], "npm", &package("mill", "mill", "1")), [""; 0]);
    assert_eq!(said_of(&[OSV], "", &package("mill", "mill", "1")), [""; 0]);
}

/// Whether `documents` speak of `ecosystem`, where a package of it is asked for that none of them names.
fn speak_of(documents: &[&str], ecosystem: &str) -> bool {
    let mut asked = Asked::default();
    asked.add(ecosystem, &package("other", "other", "1"));
    let mut advisories = Advisories::default();
    for document in documents {
        advisories.add(read(document.as_bytes(), &asked).expect("it is whole")).expect("there are few");
    }
    advisories.speak_of(ecosystem)
}

#[test]
fn what_names_no_release_is_about_that_of_the_host_it_was_laid_down_on() {
    let speaks = |own: Option<&str>, ecosystem: &str| {
        let mut asked = Asked::on(own);
        let mill = package("mill-tools", "mill", "1.2-3");
        asked.add(ecosystem, &mill);
        let mut advisories = Advisories::default();
        advisories.add(read(DEBSECAN.as_bytes(), &asked).unwrap()).unwrap();
        assert_eq!(advisories.affecting(ecosystem, &mill).is_empty(), !advisories.speak_of(ecosystem));
        advisories.speak_of(ecosystem)
    };
    assert!(speaks(Some("Debian:12"), "Debian:12") && !speaks(Some("Debian:12"), "Debian:11"));
    for own in [None, Some("Ubuntu:24.04")] {
        assert!(speaks(own, "Debian:12") && speaks(own, "Debian:11") && !speaks(own, "Ubuntu:24.04"));
    }
}

#[test]
fn documents_speak_of_a_release_by_whatever_package_they_name() {
    assert!(speak_of(&[OSV], "Debian:12") && speak_of(&[DEBSECAN], "Debian:12"));
    for other in ["Debian:11", "Ubuntu:24.04", "npm", ""] {
        assert!(!speak_of(&[OSV], other), "{other}");
    }
    assert!(!speak_of(&[DEBSECAN], "Alpine:v3.20"));
    let withdrawn = OSV.replace(r#""modified""#, r#""withdrawn": "2024-06-01T00:00:00Z", "modified""#);
    let of_python = OSV.replace("Debian:12", "PyPI");
    for silent in [&*withdrawn, &of_python, "[]", "VERSION 1\n\n\n", "VERSION 1\nCVE-2024-1,,\n\n\n"] {
        assert!(!speak_of(&[silent], "Debian:12"), "{silent}");
        assert!(speak_of(&[silent, OSV], "Debian:12"), "{silent}");
    }
}

#[test]
fn all_documents_together_have_a_bound() {
    let many = || Advisories { count: ADVISORIES_MAX / 2 + 1, ..Advisories::default() };
    let mut advisories = many();
    assert_eq!(advisories.add(many()), Err(Unread::TooMany));
    assert_eq!(advisories, many());
}
