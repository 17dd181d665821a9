//! What a root says of its release, as advisories name it (os-release(5), A18).

use alloc::{format, string::String};

/// How advisories in OSV's format call a release (<https://ossf.github.io/osv-schema/#defined-ecosystems>): `Debian:12`,
/// `Alpine:v3.20`, `Rocky Linux:9`; `None` where they have no name for it.
#[must_use]
pub fn release_name(os_release: &[u8]) -> Option<String> {
    let text = core::str::from_utf8(os_release).ok()?;
    let (id, version) = (value(text, "ID")?, value(text, "VERSION_ID")?);
    let mut parts = version.split('.');
    let major = parts.next().filter(|major| !major.is_empty())?;
    Some(match id {
        "debian" => format!("Debian:{major}"),
        "ubuntu" => format!("Ubuntu:{version}"),
        "alpine" => format!("Alpine:v{major}.{}", parts.next()?),
        "rocky" => format!("Rocky Linux:{major}"),
        "almalinux" => format!("AlmaLinux:{major}"),
        _ => return None,
    })
}

fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
    Some(line.trim().trim_matches(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_has_the_name_that_advisories_use() {
        let name = |text: &str| release_name(text.as_bytes());
        assert_eq!(name("PRETTY_NAME=\"x\"\nVERSION_ID=\"12\"\nID=debian\n").as_deref(), Some("Debian:12"));
        assert_eq!(name("ID=alpine\nVERSION_ID=3.20.1\n").as_deref(), Some("Alpine:v3.20"));
        assert_eq!(name("ID=\"rocky\"\nVERSION_ID=\"9.4\"\n").as_deref(), Some("Rocky Linux:9"));
        assert_eq!(name("ID=debian\nVERSION_CODENAME=sid\n"), None, "unstable has no number");
        assert_eq!(name("ID=plan9\nVERSION_ID=4\n"), None);
    }
}
