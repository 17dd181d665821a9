//! The two paths of one file where `/bin`, `/lib` and their kin are links into `/usr` (A18).

use alloc::{borrow::Cow, format};

/// What is a link into `/usr` on a system that was merged (file-hierarchy(7)).
const MERGED: [&str; 7] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32", "libo32"];

/// `path`, and the same file's other path where it may have one.
pub fn spellings(path: &str) -> impl Iterator<Item = Cow<'_, str>> {
    core::iter::once(Cow::Borrowed(path)).chain(other(path))
}

fn other(path: &str) -> Option<Cow<'_, str>> {
    let is_merged = |rest: &str| rest.split_once('/').is_some_and(|(first, _)| MERGED.contains(&first));
    match path.strip_prefix("/usr/") {
        Some(rest) => is_merged(rest).then(|| Cow::Borrowed(&path["/usr".len()..])),
        None => is_merged(path.strip_prefix('/')?).then(|| Cow::Owned(format!("/usr{path}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn only_what_was_merged_has_two_paths() {
        let all = |path| spellings(path).map(Cow::into_owned).collect::<Vec<_>>();
        assert_eq!(all("/usr/lib64/a.so"), ["/usr/lib64/a.so", "/lib64/a.so"]);
        assert_eq!(all("/sbin/init"), ["/sbin/init", "/usr/sbin/init"]);
        for one in ["/usr/share/a", "/opt/bin/a", "/usr/lib", "/lib", "lib/a", "/usr/local/bin/a", ""] {
            assert_eq!(all(one), [one]);
        }
    }
}
