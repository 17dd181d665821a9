//! What an archive's list says of a package (deb822(5), A18).

use alloc::string::String;

use super::{control::Stanza, dpkg::origin};

/// A version that an archive offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The package.
    pub name: String,
    /// The version.
    pub version: String,
    /// The source package that it is built from.
    pub source: String,
    /// The architecture: `all` fits every one.
    pub architecture: String,
    /// Whether only some machines are given it yet.
    pub rollout: Rollout,
}

/// How many machines a version is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rollout {
    /// Every one.
    Everybody,
    /// As many as a share, by chance (`Phased-Update-Percentage`).
    Some,
}

/// What is longer is no version of any package.
const TEXT_BYTES_MAX: usize = 1024;

/// What a stanza offers, where the package of that name `is_wanted`: a list has tens of thousands of others.
#[must_use]
pub fn listed(stanza: Stanza<'_>, is_wanted: impl FnOnce(&str) -> bool) -> Option<Listed> {
    let name = stanza.field("Package").filter(|name| is_wanted(name))?;
    let text = |field| stanza.field(field).filter(|text| text.len() <= TEXT_BYTES_MAX);
    let share = stanza.field("Phased-Update-Percentage");
    let is_for_all = share.is_none_or(|share| share == "100");
    Some(Listed {
        name: name.into(),
        version: text("Version")?.into(),
        source: text("Source").map_or(name, |source| origin(source, "").0).into(),
        architecture: text("Architecture").unwrap_or_default().into(),
        rollout: if is_for_all { Rollout::Everybody } else { Rollout::Some },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    fn read(lines: &str) -> Option<Listed> {
        listed(Stanza::whole(lines.as_bytes()), |name| name == "libc6")
    }

    #[test]
    fn only_what_is_wanted_is_read() {
        let offered = read("Package: libc6\nVersion: 2.36-9\nArchitecture: amd64\nDepends: a\n").unwrap();
        assert_eq!((&*offered.name, &*offered.version, &*offered.architecture), ("libc6", "2.36-9", "amd64"));
        assert_eq!(
            read(&format!("Package: libc6\nVersion: {}\n", "1".repeat(2000))),
            None,
            "no version is so long"
        );
        for none in ["Package: libc\nVersion: 1\n", "Package: libc6\n", "Version: 1\n", ""] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn a_rollout_is_told_unless_it_is_over() {
        let rollout = |share: &str| {
            read(&format!("Package: libc6\nVersion: 1\nPhased-Update-Percentage: {share}\n")).unwrap().rollout
        };
        assert_eq!(
            [rollout("30"), rollout("0"), rollout("100")],
            [Rollout::Some, Rollout::Some, Rollout::Everybody]
        );
    }
}
