//! Tests of preferences.

use super::*;
use crate::packages::release::Release;

fn debian() -> Archive {
    let release = Release {
        origin: "Debian".into(),
        label: "Debian".into(),
        suite: "oldstable".into(),
        codename: "bookworm".into(),
        version: "12.8".into(),
        ..Release::default()
    };
    Archive {
        release,
        host: "deb.debian.org".into(),
        component: "main".into(),
        architecture: "amd64".into(),
        is_installed: false,
    }
}

fn pins(text: &str) -> Pins {
    let mut pins = Pins::default();
    pins.read(text.as_bytes());
    pins
}

fn general(pin: &str) -> Option<i32> {
    let pins = pins(&alloc::format!("Package: *\nPin: {pin}\nPin-Priority: 700\n"));
    assert_eq!(pins.understanding, Understanding::Whole, "{pin}");
    pins.archive(&debian())
}

#[test]
fn an_archive_is_meant_by_what_it_says_of_itself() {
    for yes in [
        "release a=oldstable",
        "release n=bookworm, o=Debian",
        "release v=12*",
        "release 12.8",
        "release bookworm",
        "release oldstable",
        "release c=main,b=amd64,l=Deb*",
        "release *",
        "origin \"deb.debian.org\"",
        "origin *.debian.org",
    ] {
        assert_eq!(general(yes), Some(700), "{yes}");
    }
    for no in
        ["release a=stable", "release a=oldstable,o=Ubuntu", "release 11", "origin \"\"", "origin security"]
    {
        assert_eq!(general(no), None, "{no}");
    }
}

fn specific(package: &str, pin: &str) -> Option<i32> {
    let pins = pins(&alloc::format!("Explanation: why\nPackage: {package}\nPin: {pin}\nPin-Priority: -5\n"));
    let subject = Subject { name: "libssl3", source: "openssl", architecture: Some("amd64") };
    pins.version(&subject, "3.0.15-1", &[&debian()])
}

#[test]
fn a_version_is_meant_by_its_number_or_its_archive() {
    for (package, pin) in [
        ("libssl3", "version 3.0.15-1"),
        ("nginx libssl3", "version 3.0*"),
        ("libssl*", "release n=bookworm"),
        ("lib[rs]sl[0-9]", "release n=Book*"),
        ("src:openssl", "origin deb.debian.org"),
        ("libssl3:amd64", "version *"),
        ("libssl3:any", "version *"),
    ] {
        assert_eq!(specific(package, pin), Some(-5), "{package} {pin}");
    }
    for (package, pin) in [
        ("libssl", "version *"),
        ("libssl3", "version 3.0"),
        ("src:libssl3", "version *"),
        ("libssl3:i386", "version *"),
    ] {
        assert_eq!(specific(package, pin), None, "{package} {pin}");
    }
}

#[test]
fn the_first_pin_that_fits_counts_and_the_default_release_before_all() {
    let mut pins = pins(
        "Package: *\nPin: release n=bookworm\nPin-Priority: 300\n\nPackage: *\nPin: release o=Debian\nPin-Priority: 400\n",
    );
    assert_eq!(pins.archive(&debian()), Some(300));
    pins.prefer("oldstable");
    assert_eq!(pins.archive(&debian()), Some(990));
    pins.read(b"Package: *\nPin: release o=Debian\nPin-Priority: never\n");
    assert_eq!(pins.archive(&debian()), Some(NEVER), "never is never");
}

fn is_open(text: &str, name: &str) -> bool {
    pins(text).is_open(&Subject { name, source: name, architecture: Some("amd64") })
}

#[test]
fn what_only_apt_understands_leaves_open_whom_it_may_be_about() {
    for text in [
        "Package: curl\nPin: release x=1\nPin-Priority: 1\n",
        "Package: c*\nPin: version /7/\nPin-Priority: 1\n",
    ] {
        assert!(is_open(text, "curl") && !is_open(text, "python3"), "{text}");
        assert_eq!(pins(text).understanding, Understanding::Whole, "{text}");
    }
    for text in [
        "Package: /^lib/\nPin: version *\nPin-Priority: 1\n",
        "Package: *\nPin: release n=/book/\nPin-Priority: 1\n",
    ] {
        assert_eq!(pins(text).understanding, Understanding::Partial, "{text}");
    }
}

#[test]
fn what_apt_refuses_is_about_everybody() {
    for text in [
        "Package: a\nPin: version 1\nPin-Priority: 0\n",
        "Package: a\nPin: version 1\nPin-Priority: x\n",
        "Package: a\nPin: version 1\nPin-Priority: 40000\n",
        "Package: a\nPin: version 1\n",
        "Package: a\nPin: version 1\nPin-Priority: never\n",
        "Package: a\n\nPin: version 1\n",
    ] {
        let mut told = Pins::default();
        assert_eq!(told.read(text.as_bytes()), Understanding::Partial, "{text}");
        assert_eq!(told.read(b""), Understanding::Whole, "it is told of each file alone");
        assert!(is_open(text, "b"), "{text}");
    }
}

#[test]
fn what_apt_warns_of_it_leaves_out() {
    for text in [
        "Package: a\n",
        "# a comment\n",
        "Package: a\nPin: colour red\nPin-Priority: 0\n",
        "Package: *\nPin: version 1*\nPin-Priority: 7\n",
    ] {
        assert_eq!(pins(text), Pins::default(), "{text}");
    }
    assert_eq!(general("release A=oldstable"), Some(700), "keys may be capitals");
    assert_eq!(general("release a=oldstable,x=1"), Some(700), "a key that it does not know says nothing");
    let priority = "Package: *\nPin: release a=oldstable\nPin-Priority: 77abc\n";
    assert_eq!(pins(priority).archive(&debian()), Some(77));
}

#[test]
fn the_default_release_is_read_as_apt_writes_it() {
    let read = |text: &str| default_release(text.as_bytes());
    assert_eq!(read("APT::Default-Release \"stable\";\n"), Ok(Some("stable".into())));
    assert_eq!(read("APT { Default-Release \"bookworm\"; }"), Ok(Some("bookworm".into())));
    assert_eq!(read("// APT::Default-Release \"x\";\nAPT::Install-Recommends \"0\";\n"), Ok(None));
    assert_eq!(read("APT { Default-Release \"bookworm\"; };"), Ok(Some("bookworm".into())));
    assert_eq!(read("APT::Default-Release \"\";"), Ok(None));
    assert_eq!(read("APT::Default-Release \"stable;\n"), Err(Understanding::Partial), "apt refuses it");
    assert_eq!(read("APT::Default-Release\n \"stable\";"), Err(Understanding::Partial));
}
