//! What an archive says of itself (its InRelease or Release file), and the lists of packages that stand beside it (A18).

use alloc::{
    format,
    string::{String, ToString as _},
};

use jiff::{Timestamp, fmt::rfc2822};

use super::control::Stanza;

/// What an archive says of itself (apt-secure(8), <https://wiki.debian.org/DebianRepository/Format>).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Release {
    /// Who made it.
    pub origin: String,
    /// Its label.
    pub label: String,
    /// Its suite: `stable`, `oldstable-security`.
    pub suite: String,
    /// Its code name: `bookworm`.
    pub codename: String,
    /// Its version: `12.8`.
    pub version: String,
    /// When it was made.
    pub made: Option<Timestamp>,
    /// How much of it is installed without being asked for.
    pub automation: Automation,
}

/// How much of an archive is installed without being asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Automation {
    /// All of it.
    #[default]
    Full,
    /// Newer versions of what came from it (`NotAutomatic` and `ButAutomaticUpgrades`).
    Upgrades,
    /// Nothing (`NotAutomatic`).
    None,
}

/// The end of the names by which archives of security updates go; a suite before it changes its name with each release.
pub(super) const SECURITY: &str = "-security";
/// The label of Debian's own, whatever the suite was called (until Debian 10 `buster/updates`).
const DEBIAN_SECURITY: &str = "Debian-Security";

impl Release {
    /// Reads it, signed or not.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        let mut release = Self::default();
        let (mut is_manual, mut is_upgraded) = (false, false);
        // The signature's own head ends with an empty line, which begins nothing here.
        for (name, value) in Stanza::whole(bytes).fields() {
            match name {
                "Origin" => release.origin = value.into(),
                "Label" => release.label = value.into(),
                "Suite" => release.suite = value.into(),
                "Codename" => release.codename = value.into(),
                "Version" => release.version = value.into(),
                "Date" => release.made = date(value),
                "NotAutomatic" => is_manual = is_yes(value),
                "ButAutomaticUpgrades" => is_upgraded = is_yes(value),
                _ => {}
            }
        }
        release.automation = match (is_manual, is_upgraded) {
            (false, _) => Automation::Full,
            (true, true) => Automation::Upgrades,
            (true, false) => Automation::None,
        };
        release
    }

    /// Whether it names itself at all: without, nobody can tell whether it is one of security updates.
    #[must_use]
    pub fn is_named(&self) -> bool {
        [&self.label, &self.suite, &self.codename].iter().any(|name| !name.is_empty())
    }

    /// Whether it is one of security updates.
    #[must_use]
    pub fn is_security(&self) -> bool {
        self.label == DEBIAN_SECURITY || self.suite.ends_with(SECURITY) || self.codename.ends_with(SECURITY)
    }

    /// Whether it says that it is of another release than a host's, which advisories call so: `Debian:12`.
    #[must_use]
    pub fn is_of_another(&self, host: &str) -> bool {
        let Some(own) = host.split(':').nth(1).filter(|own| !own.is_empty()) else { return false };
        // Debian counts the point releases of one.
        let told = if own.contains('.') { Some(&*self.version) } else { self.version.split('.').next() };
        told.is_some_and(|told| !told.is_empty() && told != own)
    }
}

/// Whether a Release file names a list of packages in which something stands, of an architecture that `is_used`: a line of its
/// sums is `SUM SIZE main/binary-amd64/Packages`; a list of an archive without parts fits every architecture.
#[must_use]
pub fn names_packages(release: &[u8], is_used: impl Fn(&str) -> bool) -> bool {
    release.split(|&byte| byte == b'\n').filter_map(|line| core::str::from_utf8(line).ok()).any(|line| {
        let mut words = line.split_ascii_whitespace();
        let (Some(_), Some(size), Some(path), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return false;
        };
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let architecture = folder.rsplit_once("binary-").map(|(_, architecture)| architecture);
        name == "Packages" && size != "0" && architecture.is_none_or(&is_used)
    })
}

/// Archives write `UTC`, which RFC 5322 has no word for.
fn date(value: &str) -> Option<Timestamp> {
    let utc = value.strip_suffix("UTC").map(|time| format!("{time}GMT"));
    let told = utc.unwrap_or_else(|| value.to_string());
    rfc2822::DateTimeParser::new().parse_timestamp(&told).ok()
}

/// A file of apt's lists, by its name (apt.conf(5), Dir::State::Lists).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListFile<'a> {
    /// What an archive says of itself; the name without the ending.
    Release(&'a str),
    /// The packages of one part of it; the name without the ending, and how they are compressed.
    Packages(&'a str, Option<&'a str>),
    /// The sources of one part of it, of which nothing is installed; the name without the ending.
    Sources(&'a str),
}

/// By what a list may be compressed to be read, as its name ends.
pub const LIST_COMPRESSIONS: [&str; 4] = ["lz4", "gz", "xz", "zst"];

/// What kind of file of apt's lists has this name; `None` for those that tell nothing of packages.
#[must_use]
pub fn list_file(name: &str) -> Option<ListFile<'_>> {
    if let Some(stem) = name.strip_suffix("_InRelease").or_else(|| name.strip_suffix("_Release")) {
        return Some(ListFile::Release(stem));
    }
    if let Some(stem) = name.strip_suffix("_Packages") {
        return Some(ListFile::Packages(stem, None));
    }
    let (plain, ending) = name.rsplit_once('.').map_or((name, None), |(plain, ending)| (plain, Some(ending)));
    let sources = name.strip_suffix("_Sources").or_else(|| plain.strip_suffix("_Sources"));
    sources
        .map(ListFile::Sources)
        .or_else(|| Some(ListFile::Packages(plain.strip_suffix("_Packages")?, Some(ending?))))
}

/// Where a list comes from, as its name tells: the host, and the part of the archive.
///
/// `deb.debian.org_debian_dists_bookworm_main_binary-amd64`; a list of an archive without parts ends in a path.
#[must_use]
pub fn place(stem: &str) -> (String, String) {
    let (host, path) = stem.split_once('_').unwrap_or((stem, ""));
    let component =
        path.rsplit_once("_binary-").map_or("", |(above, _)| above.rsplit('_').next().unwrap_or(""));
    (without_port(decoded(host)), decoded(component))
}

/// apt compares the host alone.
fn without_port(mut host: String) -> String {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(length) = host.rsplit_once(':').filter(|(_, port)| is_port(port)).map(|(host, _)| host.len())
    {
        host.truncate(length);
    }
    host
}

/// As apt's `StringToBool` takes it.
fn is_yes(value: &str) -> bool {
    ["yes", "true", "with", "on", "enable", "1"].iter().any(|yes| value.eq_ignore_ascii_case(yes))
}

/// The name with `%5f` for what is `_` in it (apt's `URItoFileName`).
fn decoded(name: &str) -> String {
    name.replace("%5f", "_").replace("%5F", "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED: &[u8] =
        b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: Debian\nLabel: Debian-Security\n\
Suite: oldstable-security\nVersion: 12\nCodename: bookworm-security\nDate: Sat, 28 Nov 2026 10:04:32 UTC\n\
MD5Sum:\n 0 1 main/Label: no\n-----BEGIN PGP SIGNATURE-----\n\niQ=\n";

    #[test]
    fn a_release_is_a_hosts_own_unless_it_says_otherwise() {
        let of = |version: &str, host: &str| {
            Release { version: version.into(), ..Release::default() }.is_of_another(host)
        };
        for host in ["Debian:12", "Debian", "Debian:"] {
            assert!(!of("12.8", host) && !of("12", host) && !of("", host), "{host}");
        }
        assert!(of("13.1", "Debian:12") && of("13", "Debian:12"));
        assert!(of("24.04", "Ubuntu:22.04:LTS") && !of("22.04", "Ubuntu:22.04:LTS"));
    }

    #[test]
    fn a_signed_release_is_read() {
        let release = Release::read(SIGNED);
        assert_eq!((&*release.origin, &*release.label), ("Debian", "Debian-Security"));
        assert_eq!((&*release.suite, &*release.codename), ("oldstable-security", "bookworm-security"));
        assert_eq!(release.made, Some("2026-11-28T10:04:32Z".parse().unwrap()));
        assert!(release.is_security() && release.is_named());
        assert_eq!(release.automation, Automation::Full);
    }

    #[test]
    fn a_security_archive_is_told_by_any_of_its_names() {
        let is = |text: &str| Release::read(text.as_bytes()).is_security();
        for yes in ["Label: Debian-Security", "Suite: jammy-security", "Codename: trixie-security"] {
            assert!(is(yes), "{yes}");
        }
        for no in ["Suite: stable", "Label: Debian", "Origin: Security", "Suite: stable-security-2", ""] {
            assert!(!is(no), "{no}");
        }
        assert!(!Release::read(b"Origin: me\nVersion: 1\n").is_named());
    }

    #[test]
    fn backports_are_upgraded_only_and_experimental_is_not() {
        let automation = |text: &str| Release::read(text.as_bytes()).automation;
        assert_eq!(automation("NotAutomatic: yes\nButAutomaticUpgrades: yes\n"), Automation::Upgrades);
        for yes in ["yes", "YES", "true", "1"] {
            assert_eq!(automation(&alloc::format!("NotAutomatic: {yes}\n")), Automation::None, "{yes}");
        }
        assert_eq!(automation("ButAutomaticUpgrades: yes\n"), Automation::Full);
    }

    #[test]
    fn files_are_told_by_their_names() {
        assert_eq!(list_file("h_dists_b_InRelease"), Some(ListFile::Release("h_dists_b")));
        assert_eq!(list_file("h_._Release"), Some(ListFile::Release("h_.")));
        assert_eq!(list_file("h_Packages.lz4"), Some(ListFile::Packages("h", Some("lz4"))));
        assert_eq!(list_file("h_Packages"), Some(ListFile::Packages("h", None)));
        assert_eq!(list_file("h.x_Sources"), Some(ListFile::Sources("h.x")));
        assert_eq!(list_file("h_Sources.lz4"), Some(ListFile::Sources("h")));
        for other in ["lock", "h_main_i18n_Translation-en.lz4", "h_Release.gpg", "Packages.gz"] {
            assert_eq!(list_file(other), None, "{other}");
        }
    }

    #[test]
    fn a_release_names_the_lists_that_have_something_for_this_machine() {
        let names = |lines: &str| {
            let release = format!("Suite: stable\nSHA256:\n{lines}");
            names_packages(release.as_bytes(), |architecture| architecture == "amd64")
        };
        assert!(names(" 0a 12 main/binary-amd64/Packages\n") && names(" 0a 12 Packages\n"));
        assert!(!names(" 0a 0 main/binary-amd64/Packages\n"), "there is nothing in it");
        for other in
            [" 0a 12 main/binary-i386/Packages", " 0a 12 main/source/Sources", "Packages", " 0a 1", ""]
        {
            assert!(!names(other), "{other}");
        }
    }

    #[test]
    fn the_place_of_a_list_is_in_its_name() {
        let of = |stem| place(stem);
        let told = of("deb.debian.org_debian_dists_bookworm_non-free-firmware_binary-amd64");
        assert_eq!(told, ("deb.debian.org".into(), "non-free-firmware".into()));
        assert_eq!(of("_srv_my%5frepo_."), (String::new(), String::new()));
    }
}
