//! Reads what a person told apt to prefer (apt_preferences(5), apt.conf(5), A18).

use portreeve_core::packages::pins::{Pins, Understanding, default_release};

use super::tree::{Tree, Unread, join};

const PREFERENCES: &str = "/etc/apt/preferences";
const PREFERENCES_PARTS: &str = "/etc/apt/preferences.d";
const SETTINGS: &str = "/etc/apt/apt.conf";
const SETTINGS_PARTS: &str = "/etc/apt/apt.conf.d";
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// What decides which of it would be installed, and below which directories all else that does.
pub(super) const SOURCES: [&str; 2] = [PREFERENCES, SETTINGS];
pub(super) const FOLDERS: [&str; 2] = [PREFERENCES_PARTS, SETTINGS_PARTS];

/// Every pin of a root.
pub(super) fn read(tree: Tree<'_>) -> Result<Pins, Unread> {
    let mut pins = Pins::default();
    // The first word counts, and the file is read before the parts' directory (apt's `pkgCacheFile::BuildPolicy`).
    for path in std::iter::once(PREFERENCES.to_owned()).chain(parts(tree, PREFERENCES_PARTS, "pref")?) {
        pins.read(&tree.read(&path, FILE_BYTES_MAX)?.unwrap_or_default());
    }
    let mut release = None;
    // The last word counts, and the file is read after the parts' directory (apt.conf(5)).
    for path in parts(tree, SETTINGS_PARTS, "conf")?.into_iter().chain([SETTINGS.to_owned()]) {
        match default_release(&tree.read(&path, FILE_BYTES_MAX)?.unwrap_or_default()) {
            Ok(told) => release = told.or(release),
            Err(understanding) => pins.understanding = understanding,
        }
    }
    if let Some(release) = release.filter(|_| pins.understanding == Understanding::Whole) {
        pins.prefer(&release);
    }
    Ok(pins)
}

/// The files of a directory that apt reads: with this ending or none, and a plain name.
fn parts(tree: Tree<'_>, folder: &str, ending: &str) -> Result<Vec<String>, Unread> {
    let names = tree.folder(folder)?.map(|folder| folder.names()).transpose()?.unwrap_or_default();
    Ok(names.iter().filter(|name| is_read(name, ending)).map(|name| join(folder, name)).collect())
}

fn is_read(name: &str, ending: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let has_ending = name.rsplit_once('.').is_none_or(|(_, told)| told == ending);
    has_ending && name.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apt_reads_plain_names_with_its_ending_or_none() {
        let is = |name| is_read(name, "pref");
        assert!(is("50security") && is("my-pin.pref") && is("a_b"));
        assert!(!is("x.bak") && !is("x.pref~") && !is("a b") && !is("x.dpkg-old"));
    }
}
