//! Whose packages advisories speak of, as OSV calls them: `Debian:12` (OSV schema 1.7, "Defined ecosystems"; A18).

use alloc::{
    format,
    string::{String, ToString as _},
};

use crate::version::Scheme;

/// What OSV calls the packages of a root with this os-release(5), which is a stranger's word; none where it has no name for
/// them, or none for this release.
///
/// ```
/// use portreeve_core::advisories::ecosystem;
///
/// assert_eq!(ecosystem("ID=debian\nVERSION_ID=\"12\"\n").as_deref(), Some("Debian:12"));
/// assert_eq!(ecosystem("ID=alpine\nVERSION_ID=3.20.3\n").as_deref(), Some("Alpine:v3.20"));
/// assert_eq!(ecosystem("ID=\"rocky\"\nVERSION_ID=\"9.4\"\n").as_deref(), Some("Rocky Linux:9"));
/// ```
#[must_use]
pub fn ecosystem(os_release: &str) -> Option<String> {
    let value = |key| value(os_release, key);
    let of = |name: &str, release: Option<&str>| release.map(|release| format!("{name}:{release}"));
    let version = value("VERSION_ID").filter(|version| !version.is_empty());
    let major = version.and_then(|version| version.split('.').next());
    match value("ID")? {
        // Until it is released, Debian has no number.
        "debian" => of("Debian", version.or_else(|| value("VERSION_CODENAME"))),
        "ubuntu" => of("Ubuntu", version),
        "alpine" => of("Alpine", version.and_then(branch).as_deref()),
        "wolfi" => Some("Wolfi".to_string()),
        "chainguard" => Some("Chainguard".to_string()),
        "rocky" => of("Rocky Linux", major),
        "almalinux" => of("AlmaLinux", major),
        "rhel" => of("Red Hat:enterprise_linux", major),
        "mageia" => of("Mageia", version),
        "photon" => of("Photon OS", version),
        "opensuse-leap" | "opensuse-tumbleweed" => {
            of("openSUSE", value("PRETTY_NAME")?.strip_prefix("openSUSE "))
        }
        "sles" | "sle-micro" | "sle_hpc" => of("SUSE", value("PRETTY_NAME")?.strip_prefix("SUSE ")),
        _ => None,
    }
}

/// Whether what OSV calls so has archives of security updates beside the others (<https://www.debian.org/security/>,
/// <https://documentation.ubuntu.com/security/>).
///
/// Debian has none of what has no number yet: unstable is mended in its only archive.
///
/// ```
/// use portreeve_core::advisories::has_security_archive;
///
/// assert!(has_security_archive("Debian:12") && has_security_archive("Ubuntu:24.04"));
/// assert!(!has_security_archive("Debian:sid") && !has_security_archive("Alpine:v3.20"));
/// ```
#[must_use]
pub fn has_security_archive(ecosystem: &str) -> bool {
    let number = ecosystem.strip_prefix("Debian:").or_else(|| ecosystem.strip_prefix("Ubuntu:"));
    number.is_some_and(|number| number.starts_with(|first: char| first.is_ascii_digit()))
}

/// `v3.20` of 3.20.3; what is not released yet has an underscore, and no branch.
fn branch(version: &str) -> Option<String> {
    let mut numbers = version.split('.');
    let (major, minor) = (numbers.next()?, numbers.next()?);
    (!version.contains('_')).then(|| format!("v{major}.{minor}"))
}

/// As a shell would read it, but for escapes, which none of these values has.
fn value<'r>(os_release: &'r str, key: &str) -> Option<&'r str> {
    let mut lines = os_release.lines().rev();
    let value = lines.find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))?;
    let quoted = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    Some(quoted('"').or_else(|| quoted('\'')).unwrap_or(value))
}

/// By whose rules its versions are ordered; none where it is no distribution's.
pub(super) fn scheme(ecosystem: &str) -> Option<Scheme> {
    match ecosystem.split_once(':').map_or(ecosystem, |(name, _)| name) {
        "Debian" | "Ubuntu" => Some(Scheme::Debian),
        "Alpine" | "Wolfi" | "Chainguard" => Some(Scheme::Apk),
        "Rocky Linux" | "AlmaLinux" | "Red Hat" | "Mageia" | "Photon OS" | "openSUSE" | "SUSE" => {
            Some(Scheme::Rpm)
        }
        _ => None,
    }
}

/// Whether its advisories name what is installed, and not, or not only, its source.
///
/// AlmaLinux' do so, whatever the schema says.
pub(super) fn names_installed(ecosystem: &str) -> bool {
    let names = ["AlmaLinux", "Red Hat", "Photon OS", "Wolfi", "Chainguard"];
    names.iter().any(|name| speaks_of(name, ecosystem))
}

/// Whether what is told of the ecosystem `told` holds in `asked`: it is the same, or less is said of one of them, as of
/// `Debian` beside `Debian:12`, or `Ubuntu:24.04` beside `Ubuntu:24.04:LTS`.
pub(super) fn speaks_of(told: &str, asked: &str) -> bool {
    let begins = |long: &str, short| {
        long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    };
    begins(asked, told) || begins(told, asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_called_what_osv_calls_it() {
        let name = |release: &str| ecosystem(release).unwrap_or_default();
        let leap = "PRETTY_NAME=\"openSUSE Leap 15.6\"\nID=\"opensuse-leap\"\n";
        assert_eq!(name(leap), "openSUSE:Leap 15.6");
        let server = "PRETTY_NAME='SUSE Linux Enterprise Server 15 SP5'\nID=sles\n";
        assert_eq!(name(server), "SUSE:Linux Enterprise Server 15 SP5");
        assert_eq!(name("ID=ubuntu\nVERSION_ID=\"24.04\"\n"), "Ubuntu:24.04");
        assert_eq!(name("ID=rhel\nVERSION_ID=9.4"), "Red Hat:enterprise_linux:9");
        assert_eq!(name("ID=debian\nVERSION_CODENAME=sid\n"), "Debian:sid");
        assert_eq!(name("ID=wolfi\nVERSION_ID=20230201\n"), "Wolfi");
        assert_eq!(name("# ID=debian\nID=fedora\nVERSION_ID=42\n"), "");
        assert_eq!(name("ID=alpine\nVERSION_ID=3.21.0_alpha20240807\n"), "");
        assert_eq!(name("ID=raspbian\nID_LIKE=debian\nVERSION_ID=12\n"), "");
        for broken in
            ["", "ID", "ID=", "=", "ID=alpine", "ID=alpine\nVERSION_ID=3", "ID=debian\nVERSION_ID=\"\""]
        {
            assert_eq!(name(broken), "", "{broken:?}");
        }
    }

    /// A shell takes the last of two.
    #[test]
    fn the_last_value_counts() {
        assert_eq!(ecosystem("ID=alpine\nVERSION_ID=12\nID=debian").as_deref(), Some("Debian:12"));
    }

    #[test]
    fn every_name_that_a_root_can_have_has_an_order_of_versions() {
        let rest = "VERSION_ID=9.4\n";
        for id in [
            "debian",
            "ubuntu",
            "alpine",
            "wolfi",
            "chainguard",
            "rocky",
            "almalinux",
            "rhel",
            "mageia",
            "photon",
        ] {
            let name = ecosystem(&format!("ID={id}\n{rest}")).unwrap();
            assert!(scheme(&name).is_some(), "{name}");
        }
        for id in ["opensuse-leap", "sles"] {
            let name = ecosystem(&format!(
                "ID={id}\nPRETTY_NAME=\"{}\"",
                if id == "sles" { "SUSE x" } else { "openSUSE x" }
            ));
            assert_eq!(scheme(&name.unwrap()), Some(Scheme::Rpm));
        }
        assert_eq!(scheme("PyPI"), None);
    }

    #[test]
    fn a_release_is_only_spoken_of_as_itself() {
        for (told, asked) in [
            ("Debian:12", "Debian:12"),
            ("Debian", "Debian:12"),
            ("Ubuntu:24.04:LTS", "Ubuntu:24.04"),
            ("Red Hat:enterprise_linux:9::baseos", "Red Hat:enterprise_linux:9"),
        ] {
            assert!(speaks_of(told, asked), "{told} {asked}");
        }
        for (told, asked) in [
            ("Debian:11", "Debian:12"),
            ("Debian:1", "Debian:12"),
            ("Ubuntu:Pro:24.04:LTS", "Ubuntu:24.04"),
            ("", "Debian:12"),
            ("Deb", "Debian:12"),
        ] {
            assert!(!speaks_of(told, asked), "{told} {asked}");
        }
    }
}
