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
        is_of_another_release: false,
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

/// As `apt-cache policy` of apt 2.6 has it.
#[test]
fn an_architecture_is_the_hosts_own_where_none_is_told() {
    let fits = |package: &str, built: Option<&str>, native: Option<&str>| {
        let mut pins = pins(&alloc::format!("Package: {package}\nPin: version *\nPin-Priority: -5\n"));
        pins.native = native.map(Into::into);
        let of = Subject { name: "foo", source: "foo", architecture: built };
        (pins.version(&of, "1", &[]).is_some(), pins.is_open(&of))
    };
    let [amd64, i386, all] = ["amd64", "i386", "all"].map(Some);
    for package in ["foo", "f*", "src:foo", "foo:"] {
        assert_eq!(fits(package, i386, None), (true, false), "{package}: it takes no others");
        assert_eq!(fits(package, i386, amd64), (false, false), "{package}");
        assert_eq!(fits(package, amd64, amd64), (true, false), "{package}");
        assert_eq!(fits(package, all, amd64), (true, false), "{package}");
    }
    for package in ["foo:any", "foo:*", "*:any", "src:foo:*"] {
        assert_eq!([i386, amd64, all].map(|it| fits(package, it, amd64).0), [true; 3], "{package}");
    }
    assert_eq!([i386, amd64, all].map(|it| fits("foo:i386", it, amd64).0), [true, false, false]);
    assert_eq!([i386, amd64, all].map(|it| fits("foo:amd64", it, amd64).0), [false, true, true]);
    assert_eq!([i386, amd64, all].map(|it| fits("foo:all", it, amd64)), [(false, false); 3]);
    assert_eq!([amd64, all].map(|it| fits("foo:amd64", it, None)), [(true, false), (false, true)]);
    assert_eq!(fits("foo:linux-any", amd64, amd64), (false, true), "a pattern is apt's own");
}

/// As `apt-cache policy` of apt 2.6 has it.
#[test]
fn a_star_at_the_end_of_a_version_is_none_of_the_pattern() {
    let fits = |pin: &str| {
        ["1.0", "1.0-1", "2.0"].map(|version| {
            let pins = pins(&alloc::format!("Package: foo\nPin: version {pin}\nPin-Priority: 9\n"));
            pins.version(&Subject { name: "foo", source: "foo", architecture: None }, version, &[]).is_some()
        })
    };
    assert_eq!(fits("1.?*"), [true, false, false]);
    assert_eq!(fits("?.0*"), [true, false, true]);
    assert_eq!(fits("1.*"), [true, true, false]);
    assert_eq!(fits("1.0**"), [true, true, false]);
    assert_eq!(fits("*"), [true; 3]);
    assert_eq!(fits("[1]*"), [false; 3]);
    assert_eq!((general("release v=?*"), general("release v=?2.8*")), (None, Some(700)));
}

#[test]
fn what_is_told_of_a_release_is_taken_as_it_stands() {
    assert_eq!(
        general("release o=Debian, a = stable"),
        Some(700),
        "a blank makes it a key that apt does not know"
    );
    assert_eq!(general("release o=Debian,a= oldstable"), None, "and is none of the value");
    assert_eq!(general("release a=stable,a=oldstable,n="), Some(700), "the last one counts");
    assert_eq!(general("release\n a=oldstable,\n o=Debian"), Some(700), "a value may have several lines");
    for unknown in ["release a = oldstable", "release", "release n="] {
        let pins = pins(&alloc::format!("Package: *\nPin: {unknown}\nPin-Priority: 700\n"));
        assert_eq!(pins.understanding, Understanding::Partial, "{unknown}");
    }
}

#[test]
fn of_fields_that_are_there_twice_the_last_one_counts() {
    let pins = pins(
        "Package: *\nPin: release a=x\nPin-Priority: 5\n# and\nPin-Priority: 7\nPin: release a=oldstable\n",
    );
    assert_eq!(pins.archive(&debian()), Some(7));
}

#[test]
fn a_release_that_no_archive_is_of_is_none_to_install_from() {
    let is = |release| is_of(release, &debian());
    assert!(is("oldstable") && is("bookworm") && is("12*") && is("n=x") && is("/b/"));
    assert!(!is("stable") && !is("sid") && !is("Debian"));
}
