//! For which archive a version was made, as the package's own changelog says (deb-changelog(5), A18).

use super::release::SECURITY;

/// Whether the newest entry is of `version` and was made for an archive of security updates; `None` where it is of another
/// version, or no entry.
///
/// `openssh (1:9.2p1-2+deb12u3) bookworm-security; urgency=high`
#[must_use]
pub fn is_from_security(changelog: &[u8], version: &str) -> Option<bool> {
    let line = changelog.split(|&byte| byte == b'\n').find(|line| !line.is_empty())?;
    let (_, rest) = core::str::from_utf8(line).ok()?.split_once(" (")?;
    let (told, rest) = rest.split_once(") ")?;
    let (distributions, _) = rest.split_once(';')?;
    (told == version).then(|| distributions.split(' ').any(|distribution| distribution.ends_with(SECURITY)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_entry_tells_for_which_archive_it_was_made() {
        let entry = |distribution: &str| {
            let entry =
                alloc::format!("openssh (1:9.2p1-2+deb12u3) {distribution}; urgency=high\n\n  * Mend.\n");
            is_from_security(entry.as_bytes(), "1:9.2p1-2+deb12u3")
        };
        assert_eq!(entry("bookworm-security"), Some(true));
        assert_eq!(entry("jammy-security jammy"), Some(true));
        assert_eq!(entry("bookworm"), Some(false));
        assert_eq!(is_from_security(b"a (2) b-security; urgency=low\n", "1"), None, "of another version");
        assert_eq!(is_from_security(b"no entry at all\n", "1"), None);
        assert_eq!(is_from_security(b"", "1"), None);
    }
}
