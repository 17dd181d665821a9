//! Whose a file is, of every package of a whole Debian, and what would be installed in its place (A18).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use super::debian::{Debian, by_file, by_package};

/// Fewer are no whole Debian.
const PACKAGES_MIN: usize = 200;
const FILES_MIN: usize = 1000;
/// How many files of each package run, besides all programs.
const FILES_OF_EACH: usize = 4;

/// The packages that are installed, each with its version and architecture.
fn installed(debian: &Debian) -> Vec<[String; 3]> {
    let all = debian.run("dpkg-query -W -f '${db:Status-Status} ${Package} ${Version} ${Architecture}\\n'");
    let lines = all.stdout.lines().filter_map(|line| line.strip_prefix("installed "));
    let words = lines.map(|line| line.split(' ').map(str::to_owned).collect::<Vec<_>>());
    words.map(|words| words.try_into().expect("none of them is empty")).collect()
}

/// The first few regular files of each package, and every program: as the kernel has their paths, without links.
fn files(debian: &Debian) -> Vec<String> {
    let script = format!(
        "cd /var/lib/dpkg/info; for list in *.list; do left={FILES_OF_EACH}; while read -r path; do \
           [ -f \"$path\" ] && [ ! -L \"$path\" ] || continue; echo \"$path\"; left=$((left - 1)); \
           [ $left -gt 0 ] || break; done <$list; done | xargs -d '\\n' realpath; \
         find /usr/bin /usr/sbin /opt -type f"
    );
    let files: BTreeSet<_> = debian.run(&script).stdout.lines().map(str::to_owned).collect();
    files.into_iter().collect()
}

/// The package of each file, as `dpkg -S` says; a file that it does not know is asked for as it was called before /usr was
/// merged.
fn owners(debian: &Debian, files: &[String]) -> BTreeMap<String, Option<String>> {
    let known = search(debian, files.iter().map(String::as_str));
    let before: Vec<_> = files.iter().filter(|file| !known.contains_key(*file)).collect();
    let known_before = search(debian, before.iter().filter_map(|file| file.strip_prefix("/usr")));
    let owner = |file: &String| {
        known.get(file).or_else(|| known_before.get(file.strip_prefix("/usr").unwrap_or(file))).cloned()
    };
    files.iter().map(|file| (file.clone(), owner(file))).collect()
}

fn search<'f>(debian: &Debian, files: impl Iterator<Item = &'f str>) -> BTreeMap<String, String> {
    let mut list = String::new();
    for file in files {
        // dpkg takes what it is given for a pattern.
        let pattern = file.replace('\\', "\\\\").replace('[', "\\[").replace('*', "\\*").replace('?', "\\?");
        writeln!(list, "{pattern}").expect("a string takes everything");
    }
    debian.write("/root/patterns", &list);
    let found = debian.run("xargs -r -d '\\n' dpkg -S </root/patterns 2>/dev/null || test $? -eq 123");
    let lines = found.stdout.lines().filter(|line| !line.contains("diversion "));
    let owned = lines.filter_map(|line| line.split_once(": "));
    // Where two have it, as with an architecture each, they are named both.
    owned
        .map(|(package, path)| {
            let name = package.split([':', ',']).next().unwrap_or(package);
            (path.to_owned(), name.to_owned())
        })
        .collect()
}

/// Whether dpkg has it diverted, or diverted to: then `dpkg -S` tells of the path, and not of the file that stands there.
fn diverted(debian: &Debian) -> impl Fn(&str) -> bool {
    let list = debian.run("cat /var/lib/dpkg/diversions").stdout;
    move |file: &str| list.lines().any(|line| line == file || Some(line) == file.strip_prefix("/usr"))
}

/// What portreeve says of each file beside what dpkg does, where they differ.
fn disputed(debian: &Debian) -> (usize, Vec<String>) {
    let is_diverted = diverted(debian);
    let files: Vec<_> = files(debian).into_iter().filter(|file| !is_diverted(file)).collect();
    let expected = owners(debian, &files);
    let told = by_file(&debian.patches(&files.iter().map(String::as_str).collect::<Vec<_>>()));
    let disputed = expected.iter().filter(|(file, owner)| told.get(*file) != Some(owner));
    let lines = disputed.map(|(file, owner)| format!("{file}: {:?}, dpkg says {owner:?}", told.get(file)));
    (files.len(), lines.collect())
}

/// Every package, with files that were diverted, and some that are of nobody (A18).
#[test]
fn whose_a_file_is_agrees_with_dpkg() {
    let debian = Debian::create();
    let (count, differing) = disputed(&debian);
    assert!(installed(&debian).len() > PACKAGES_MIN && count > FILES_MIN, "{count} files");
    assert_eq!(differing, [""; 0]);
    // One is diverted by the administrator, one in the spelling of before /usr was merged, and one for a package, which has
    // its own.
    debian.run(
        "dpkg-divert --local --rename --divert /usr/bin/jq.kept --add /usr/bin/jq && \
         printf 'mine' >/usr/bin/jq && \
         dpkg-divert --package sudo --rename --divert /opt/make --add /usr/bin/make && \
         dpkg-divert --local --rename --divert /bin/nc.kept --add /bin/nc.openbsd && \
         printf 'mine' >/opt/nobodys",
    );
    let asked = ["/usr/bin/jq", "/usr/bin/jq.kept", "/opt/make", "/usr/bin/nc.kept", "/opt/nobodys"];
    let told = by_file(&debian.patches(&asked));
    let named = asked.map(|file| told[file].as_deref());
    let truename = debian.run("dpkg-divert --truename /usr/bin/jq; dpkg-divert --truename /usr/bin/make");
    assert_eq!(truename.stdout, "/usr/bin/jq.kept\n/opt/make\n", "dpkg says where the packages' files are");
    assert_eq!(named, [None, Some("jq"), Some("make"), Some("netcat-openbsd"), None]);
    let (_, differing) = disputed(&debian);
    assert_eq!(differing, [""; 0]);
}

/// How a newer version is written, which no release has.
const NEWER: &str = "+lab1";

/// A list in which every second package has a newer version.
fn list(packages: &[[String; 3]]) -> String {
    let mut list = String::new();
    for (place, [name, version, architecture]) in packages.iter().enumerate() {
        let newer = if place % 2 == 0 { NEWER } else { "" };
        write!(
            list,
            "Package: {name}\nVersion: {version}{newer}\nArchitecture: {architecture}\nFilename: pool/{name}.deb\n\
             Size: 1\nSHA256: {}\n\n",
            "0".repeat(64)
        )
        .expect("a string takes everything");
    }
    list
}

/// Every package of which a file runs (A18).
#[test]
fn what_would_be_installed_agrees_with_apt_for_every_package() {
    let debian = Debian::create();
    let installed = installed(&debian);
    debian.archive(
        "stable",
        "Origin: Lab\nLabel: Lab\nSuite: stable\nCodename: harbour\n",
        &list(&installed),
    );
    debian.update("");
    let names: Vec<_> = installed.iter().map(|[name, ..]| name.as_str()).collect();
    let policy = debian.policy(&names);
    let files = files(&debian);
    let answer = debian.patches(&files.iter().map(String::as_str).collect::<Vec<_>>());
    let told = by_package(&answer);
    assert!(told.len() > PACKAGES_MIN, "{} packages have a file", told.len());
    let differing = told.iter().filter(|(name, patch)| {
        let policy = &policy[*name];
        (patch["installed"].as_str(), patch["candidate"].as_str())
            != (policy.installed.as_deref(), policy.candidate.as_deref())
    });
    assert_eq!(differing.map(|(name, patch)| format!("{name}: {patch}")).collect::<Vec<_>>(), [""; 0]);
    let newer =
        told.values().filter(|patch| patch["candidate"].as_str().is_some_and(|it| it.ends_with(NEWER)));
    assert!(newer.count() > PACKAGES_MIN / 3);
}
