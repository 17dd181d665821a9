//! What would be installed in the place of a package is what apt would install (A18).

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    chance::Chance,
    debian::{Deb, Debian, by_package, gaps},
};

/// The archives: their suites, and what they say of themselves.
const ARCHIVES: [(&str, &str); 4] = [
    ("stable", "Origin: Lab\nLabel: Lab\nSuite: stable\nCodename: harbour\nVersion: 12.8\n"),
    (
        "security",
        "Origin: Lab\nLabel: Debian-Security\nSuite: oldstable-security\nCodename: harbour-security\n\
         Version: 12\n",
    ),
    (
        "backports",
        "Origin: Lab Backports\nLabel: Lab Backports\nSuite: stable-backports\nCodename: harbour-backports\n\
         NotAutomatic: yes\nButAutomaticUpgrades: yes\n",
    ),
    ("trial", "Origin: Lab\nLabel: Lab\nSuite: experimental\nCodename: rc-quay\nNotAutomatic: yes\n"),
];
const DATE: &str = "Date: Sat, 28 Nov 2026 10:04:32 UTC\n";

const fn deb(suite: &'static str, name: &'static str, version: &'static str) -> Deb {
    Deb { suite, name, version, architecture: "amd64", source: "" }
}

const fn of_source(
    suite: &'static str,
    name: &'static str,
    version: &'static str,
    source: &'static str,
) -> Deb {
    Deb { source, ..deb(suite, name, version) }
}

/// What the host has.
const INSTALLED: &str = "installed";
const DEBS: &[Deb] = &[
    // The security version is older than that of stable.
    deb(INSTALLED, "lab-older", "1.0"),
    deb("security", "lab-older", "1.1"),
    deb("stable", "lab-older", "1.2"),
    // It is older even than the installed one, which waits for a point release.
    deb(INSTALLED, "lab-point", "1.5"),
    deb("security", "lab-point", "1.4"),
    deb("stable", "lab-point", "1.6"),
    // Both have the same.
    deb(INSTALLED, "lab-equal", "1.0"),
    deb("security", "lab-equal", "1.1"),
    deb("stable", "lab-equal", "1.1"),
    // Only one of them has it.
    deb(INSTALLED, "lab-secure", "1.0"),
    deb("security", "lab-secure", "1.1"),
    // No archive has it any more.
    deb(INSTALLED, "lab-gone", "1.0"),
    // It was removed, and its settings were not.
    deb(INSTALLED, "lab-removed", "1.0"),
    deb("stable", "lab-removed", "1.1"),
    // Archives have older ones.
    deb(INSTALLED, "lab-newest", "9.0"),
    deb("security", "lab-newest", "1.2"),
    deb("stable", "lab-newest", "1.1"),
    deb(INSTALLED, "lab-same", "1.1"),
    deb("stable", "lab-same", "1.1"),
    deb(INSTALLED, "lab-epoch", "1:1.0"),
    deb("security", "lab-epoch", "1:1.0+deb12u1"),
    deb("stable", "lab-epoch", "2.0"),
    // Several of one archive.
    deb(INSTALLED, "lab-several", "1.0"),
    deb("stable", "lab-several", "1.1"),
    deb("stable", "lab-several", "1.2~rc1"),
    // Packages whose source has another name, and another version.
    of_source(INSTALLED, "liblab1", "2.0-1", "lab"),
    of_source("security", "liblab1", "2.0-1+deb12u1", "lab"),
    of_source("stable", "liblab1", "2.0-2", "lab"),
    // One whose source changes.
    deb(INSTALLED, "lab-moved", "1.0"),
    of_source("stable", "lab-moved", "1.1", "other"),
    of_source(INSTALLED, "lab-tools", "2.0-1+b1", "lab (2.0-1)"),
    of_source("stable", "lab-tools", "2.0-2+b3", "lab (2.0-2)"),
    Deb { architecture: "all", ..of_source(INSTALLED, "lab-common", "2.0-1", "lab") },
    Deb { architecture: "all", ..of_source("stable", "lab-common", "2.0-2", "lab") },
    // Archives of which nothing, or only what came from them, is installed without being asked for.
    deb(INSTALLED, "lab-back", "2.0~bpo12+1"),
    deb("stable", "lab-back", "1.0"),
    deb("backports", "lab-back", "2.1~bpo12+1"),
    deb(INSTALLED, "lab-forth", "1.0"),
    deb("stable", "lab-forth", "1.1"),
    deb("backports", "lab-forth", "2.0~bpo12+1"),
    deb(INSTALLED, "lab-trial", "1.0"),
    deb("trial", "lab-trial", "3.0"),
    deb(INSTALLED, "lab-tried", "3.0"),
    deb("trial", "lab-tried", "3.1"),
    deb(INSTALLED, "lab-everywhere", "1.0"),
    deb("stable", "lab-everywhere", "1.1"),
    deb("security", "lab-everywhere", "1.2"),
    deb("backports", "lab-everywhere", "1.3"),
    deb("trial", "lab-everywhere", "1.4"),
];

/// The packages, each once.
fn names() -> Vec<&'static str> {
    DEBS.iter().filter(|deb| deb.suite == INSTALLED).map(|deb| deb.name).collect()
}

/// All archives, and of each package the version that the host has.
fn host() -> Debian {
    let debian = Debian::create();
    debian.build(DEBS);
    debian
        .run("dpkg -i /srv/lab/pool/installed/*.deb && dpkg -r lab-removed && test -e /etc/lab/lab-removed");
    for (suite, release) in ARCHIVES {
        debian.scan(suite, &format!("{release}{DATE}"));
    }
    debian.update(PLAIN);
    debian
}

/// Lists as they are, and compressed in the way that costs least.
const PLAIN: &str = "-o Acquire::GzipIndexes=false";

fn compressed(by: &str) -> String {
    format!("-o Acquire::GzipIndexes=true -o APT::Compressor::{by}::Cost=1")
}

type Candidates = BTreeMap<String, Option<String>>;

/// By portreeve; of what was removed nothing runs that is a package's.
fn told(debian: &Debian) -> (Candidates, Value) {
    let files: Vec<_> = names().iter().map(|name| format!("/opt/lab/{name}")).collect();
    let answer = debian.patches(&files.iter().map(String::as_str).collect::<Vec<_>>());
    let told = by_package(&answer);
    let candidates =
        told.iter().map(|(name, patch)| (name.clone(), patch["candidate"].as_str().map(str::to_owned)));
    (candidates.collect(), answer)
}

/// By apt.
fn expected(debian: &Debian) -> Candidates {
    let installed = debian.policy(&names()).into_iter().filter(|(_, told)| told.installed.is_some());
    installed.map(|(name, told)| (name, told.candidate)).collect()
}

/// What apt says, once portreeve said the same.
#[track_caller]
fn agreed(debian: &Debian, what: &str) -> Candidates {
    let (expected, (told, answer)) = (expected(debian), told(debian));
    assert_eq!(told, expected, "{what}: {answer:#}");
    expected
}

const NOBODY: &str = "Package: *\nPin: release o=Nobody\nPin-Priority: 500\n";

/// Takes back whatever was preferred, and prefers this: /etc/apt/preferences, a file beside it, and a setting.
fn prefer(debian: &Debian, [file, part, setting]: [&str; 3]) {
    for (path, text) in
        [("preferences", file), ("preferences.d/50lab.pref", part), ("apt.conf.d/99lab", setting)]
    {
        debian.write(&format!("/etc/apt/{path}"), text);
    }
}

/// Versions, archives by all that they say of themselves, sources, words with stars, and what comes before what.
const PREFERENCES: &[[&str; 3]] = &[
    ["Package: lab-older\nPin: version 1.1*\nPin-Priority: 990\n", "", ""],
    ["Package: lab-several lab-point\nPin: version 1.?\nPin-Priority: 1001\n", "", ""],
    ["Package: lab-older\nPin: version 1.0\nPin-Priority: 1001\n", "", ""],
    ["Package: lab-newest\nPin: version 1.1\nPin-Priority: 1000\n", "", ""],
    ["Package: *\nPin: release n=harbour\nPin-Priority: 1001\n", "", ""],
    ["Package: *\nPin: release n=harbour-security\nPin-Priority: never\n", "", ""],
    ["Package: lab-secure\nPin: release a=oldstable-security\nPin-Priority: -10\n", "", ""],
    ["Package: lab-secure lab-equal\nPin: release l=Debian-Security\nPin-Priority: -1\n", "", ""],
    ["Package: *\nPin: release o=Lab, l=Debian-Security, c=main, b=amd64\nPin-Priority: 900\n", "", ""],
    ["Package: *\nPin: release o=Lab Backports\nPin-Priority: 600\n", "", ""],
    ["Package: *\nPin: release v=12.8\nPin-Priority: 99\n", "", ""],
    ["Package: *\nPin: release 12*\nPin-Priority: 50\n", "", ""],
    ["Package: *\nPin: release experimental\nPin-Priority: 995\n", "", ""],
    [
        "Package: *\nPin: release c=contrib\nPin-Priority: 995\n\nPackage: *\nPin: release a=stable-*\nPin-Priority: 501\n",
        "",
        "",
    ],
    ["Package: *\nPin: origin \"\"\nPin-Priority: 50\n", "", ""],
    ["Package: lab-o*\nPin: origin \"\"\nPin-Priority: -5\n", "", ""],
    [
        "Package: *\nPin: origin mirror.example\nPin-Priority: -5\n\nPackage: *\nPin: origin \"\"\nPin-Priority: 1002\n",
        "",
        "",
    ],
    ["Package: src:lab\nPin: version 2.0-1+*\nPin-Priority: 1001\n", "", ""],
    ["Package: src:lab\nPin: release a=stable\nPin-Priority: -1\n", "", ""],
    [
        "Package: src:l?b lab-older:amd64 lab-point:any lab-equal:i386\nPin: release a=stable\nPin-Priority: -1\n",
        "",
        "",
    ],
    [
        "Package: lab\nPin: release a=stable\nPin-Priority: -1\n\nPackage: lab-*\nPin: release a=experimental\nPin-Priority: 501\n",
        "",
        "",
    ],
    ["", "", "APT::Default-Release \"stable\";\n"],
    ["", "", "APT::Default-Release \"harbour-security\";\n"],
    ["", "", "APT { Default-Release \"harbour-backports\"; };\n"],
    ["Package: *\nPin: release a=stable\nPin-Priority: 100\n", "", "APT::Default-Release \"stable\";\n"],
    [
        "Package: lab-older\nPin: release a=stable\nPin-Priority: 100\n",
        "",
        "APT::Default-Release \"stable\";\n",
    ],
    // The file and the one beside it, of packages and of archives.
    [
        "Package: *\nPin: release a=stable\nPin-Priority: -1\n",
        "Package: *\nPin: release a=stable\nPin-Priority: 1001\n",
        "",
    ],
    [
        "Package: lab-older\nPin: version 1.1\nPin-Priority: 1001\n",
        "Package: lab-older\nPin: version 1.1\nPin-Priority: -1\n",
        "",
    ],
    [
        "Package: lab-older\nPin: version 1.1\nPin-Priority: 992\n\nPackage: lab-older\nPin: version 1.2\nPin-Priority: 991\n",
        "",
        "",
    ],
    [
        "Package: lab-everywhere\nPin: release n=harbour*\nPin-Priority: 400\n\nPackage: *\nPin: release a=experimental\nPin-Priority: 700\n",
        "",
        "",
    ],
    // A word that counts wherever it stands.
    [
        "Package: *\nPin: release c=main\nPin-Priority: 700\n\nPackage: *\nPin: release n=harbour\nPin-Priority: never\n",
        "",
        "APT::Default-Release \"stable\";\n",
    ],
    // As people write it.
    [
        "Explanation: not yet\n# nor this\npackage: lab-older\npin:   version 1.1\nPIN-PRIORITY:  999\n\n\n\n",
        "",
        "",
    ],
    ["Package: lab-older\n lab-point\nPin:\n version\n 1.1\nPin-Priority:\n 1001\n", "", ""],
    [
        "Package: *\nPin: release n=x\nPin: release a=stable,\n o=Lab\nPin-Priority: 7\n# and\nPin-Priority: -1\n",
        "",
        "",
    ],
    ["Package: *\nPin: release a=x,a=stable, o = Nobody\nPin-Priority: -1\n", "", ""],
    [
        "Package: lab-older:* lab-point:all lab-common:amd64\nPin: release a=stable\nPin-Priority: -1\n",
        "",
        "",
    ],
    ["Package: lab-several\nPin: version 1.?*\nPin-Priority: 1001\n", "", ""],
    ["Package: lab-e*:any\nPin: version ?.0*\nPin-Priority: 1001\n", "", ""],
    ["Package: src:other\nPin: version *\nPin-Priority: 1\n", "", ""],
    ["Package: *\nPin: release v=?2*\nPin-Priority: -1\n", "", ""],
    [
        "",
        "",
        "/* APT::Default-Release \"x\"; */ apt { // so\n Default-Release stable; }; Foo::Default-Release \"y\"; # z\n",
    ],
    [
        "",
        "",
        "APT::Default-Release \"x\";\n#clear APT::Default-Release;\nAPT{Default-Release \"harbour-backports\";}\n",
    ],
];

/// As apt-cache says, whatever is preferred; each preference changes what would be installed (A18).
#[test]
fn what_would_be_installed_is_what_apt_would_install() {
    let debian = host();
    let unpinned = agreed(&debian, "no preference");
    assert_eq!(unpinned["lab-older"].as_deref(), Some("1.2"), "{unpinned:#?}");
    assert_eq!(unpinned.len(), names().len() - 1, "all but the removed one");
    for preference in PREFERENCES {
        prefer(&debian, *preference);
        let agreed = agreed(&debian, &format!("{preference:#?}"));
        assert_ne!(agreed, unpinned, "{preference:#?} prefers nothing");
    }
    for nobody in [
        NOBODY,
        "Package: *\nPin: release a= stable\nPin-Priority: 1001\n",
        "Package: lab-older:all lab-point:i386\nPin: version *\nPin-Priority: -1\n",
    ] {
        prefer(&debian, [nobody, NOBODY, "APT::X \"1\"; // Default-Release \"harbour-backports\";\n"]);
        assert_eq!(agreed(&debian, "a preference for nobody"), unpinned, "{nobody}");
    }
}

/// How many preferences are drawn.
const DRAWN: usize = 40;

/// The same of preferences that nobody would write by hand (A18).
#[test]
fn what_would_be_installed_is_what_apt_would_install_by_any_preferences() {
    let debian = host();
    let mut chance = Chance(0x6a09_e667_f3bc_c909);
    let packages = [
        "*",
        "*",
        "lab-older",
        "lab-e*",
        "lab-*",
        "src:lab",
        "liblab1",
        "lab-everywhere lab-back",
        "lab-f????",
    ];
    let pins = [
        "version 1.*",
        "version 1.1",
        "version 2*",
        "release a=stable",
        "release n=harbour*",
        "release o=Lab",
        "release l=Debian-Security",
        "release a=experimental",
        "release stable-backports",
        "origin \"\"",
        "release a=stable, o=Nobody",
        "release c=main",
    ];
    let priorities =
        ["never", "-1", "1", "99", "100", "101", "499", "500", "501", "990", "999", "1000", "1001"];
    let releases =
        ["", "", "APT::Default-Release \"stable\";\n", "APT::Default-Release \"harbour-backports\";\n"];
    for _ in 0..DRAWN {
        let mut stanza = || {
            let (package, pin) = (chance.of(&packages), chance.of(&pins));
            // apt takes the word for archives only.
            let priority = if package == "*" { chance.of(&priorities) } else { chance.of(&priorities[1..]) };
            format!("Package: {package}\nPin: {pin}\nPin-Priority: {priority}\n\n")
        };
        let [file, part] = [stanza() + &stanza(), stanza() + &stanza()];
        let preferences = [file.as_str(), &part, chance.of(&releases)];
        prefer(&debian, preferences);
        agreed(&debian, &format!("{preferences:#?}"));
    }
}

/// However apt keeps its lists; how they are compressed that nobody here reads is a gap (A18).
#[test]
fn lists_are_read_in_whatever_way_apt_keeps_them() {
    let debian = host();
    let kept =
        |ending: &str| debian.run(&format!("find /var/lib/apt/lists -name '*_Packages{ending}'")).stdout;
    assert_eq!(
        kept("").lines().count(),
        ARCHIVES.len(),
        "they are links to the archive, if it is on this host"
    );
    let unpinned = agreed(&debian, "plain");
    for (by, ending) in [("lz4", ".lz4"), ("zstd", ".zst"), ("gzip", ".gz"), ("xz", ".xz")] {
        debian.update(&compressed(by));
        assert_eq!(kept(ending).lines().count(), ARCHIVES.len(), "{by}");
        assert_eq!(agreed(&debian, by), unpinned);
    }
    debian.update(&compressed("bzip2"));
    let (told, answer) = told(&debian);
    assert!(gaps(&answer).contains("unread-update-data"), "{answer:#}");
    assert!(told.values().all(Option::is_none), "{told:#?}");
}

/// How old lists are that are yet to come nobody can tell (A18).
#[test]
fn a_clock_that_is_before_the_lists_is_a_gap() {
    let debian = host();
    assert!(!gaps(&told(&debian).1).contains("future-update-data"));
    debian.run("touch -d '2 days' /var/lib/apt/lists");
    assert!(gaps(&told(&debian).1).contains("future-update-data"));
}

/// Whether a security update waits is asked of the archives, not of the one that would be installed from (A18).
#[test]
fn a_security_update_waits_where_an_archive_of_them_has_a_newer_one() {
    let debian = host();
    let (_, answer) = told(&debian);
    let told = by_package(&answer);
    let security = |name: &str| told[name]["security"].as_str().expect("`security` is promised").to_owned();
    for yes in ["lab-older", "lab-equal", "lab-secure", "lab-epoch", "liblab1", "lab-everywhere"] {
        assert_eq!(security(yes), "yes", "{yes}: {:#}", told[yes]);
    }
    for no in ["lab-same", "lab-trial"] {
        assert_eq!(security(no), "no", "{no}: {:#}", told[no]);
    }
    // What a point release brings may hold the fix of a hole, or none; and of what no archive has or ever had, none tells.
    for unknown in ["lab-point", "lab-several", "lab-back", "lab-gone", "lab-newest"] {
        assert_eq!(security(unknown), "unknown", "{unknown}: {:#}", told[unknown]);
    }
}

/// What a person has kept as it is stays so, and it is said what waits (A18).
#[test]
fn a_package_on_hold_is_told_with_what_waits() {
    let debian = host();
    debian.run("apt-mark hold lab-older liblab1");
    agreed(&debian, "on hold");
    let (_, answer) = told(&debian);
    let held = by_package(&answer).into_iter().filter(|(_, patch)| patch["held"] == true);
    let held: Vec<_> = held.map(|(name, _)| name).collect();
    assert_eq!(held.join("\n") + "\n", debian.run("apt-mark showhold").stdout);
}

/// What only apt understands is not guessed, and a pattern of names is understood (A18).
#[test]
fn where_a_preference_is_not_understood_the_newest_is_told_instead() {
    let debian = host();
    for (package, candidate) in [("/^lab-o/", Value::Null), ("lab-[mno]*", "1.1".into())] {
        let pin = format!("Package: {package}\nPin: version 1.1\nPin-Priority: 999\n");
        prefer(&debian, [&pin, "", ""]);
        assert_eq!(debian.policy(&["lab-older"])["lab-older"].candidate.as_deref(), Some("1.1"), "{pin}");
        let (_, answer) = told(&debian);
        let older = by_package(&answer)["lab-older"];
        assert_eq!((&older["candidate"], &older["newest"]), (&candidate, &"1.2".into()), "{pin}: {older:#}");
    }
}

/// Where apt refuses to choose at all, nothing is chosen for it (A18).
#[test]
fn where_apt_refuses_the_preferences_no_candidate_is_told() {
    let debian = host();
    let pin = |end: &str| format!("Package: lab-older\nPin: version 1.1\n{end}\n");
    let pins = ["Pin-Priority: never", "Pin-Priority: 0", "Explanation: none"].map(|end| (pin(end), ""));
    let nowhere = ["APT::Default-Release \"sid\";\n", "APT::Default-Release \"stable\"\n"];
    for (pin, setting) in pins.into_iter().chain(nowhere.map(|setting| (String::new(), setting))) {
        prefer(&debian, [&pin, "", setting]);
        debian.run("apt-cache policy lab-older; test $? -eq 100");
        let (_, answer) = told(&debian);
        let older = by_package(&answer)["lab-older"];
        assert_eq!(
            (&older["candidate"], &older["newest"]),
            (&Value::Null, &"1.2".into()),
            "{pin} {setting}: {older:#}"
        );
    }
}
