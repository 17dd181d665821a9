//! A file has one path and two spellings where `/bin`, `/sbin` and `/lib*` are links into `/usr` (A18).

use alloc::{borrow::Cow, format};

/// The folders of the root that distributions moved below `/usr`, and left links to them behind (file-hierarchy(7); Debian's
/// base-files; <https://www.freedesktop.org/wiki/Software/systemd/TheCaseForTheUsrMerge/>).
const MERGED: [&str; 7] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32", "libo32"];

/// The path itself, then the other one by which a package may call the same file: `/lib/x` for `/usr/lib/x`, and the other way
/// round.
///
/// Whether a root is merged is not asked: where it is not, the two are two files, of which a database names the one it means.
pub fn spellings(path: &str) -> impl Iterator<Item = Cow<'_, str>> {
    core::iter::once(Cow::Borrowed(path)).chain(other(path))
}

fn other(path: &str) -> Option<Cow<'_, str>> {
    match path.strip_prefix("/usr") {
        Some(rest) => is_merged(rest).then_some(Cow::Borrowed(rest)),
        None => is_merged(path).then(|| Cow::Owned(format!("/usr{path}"))),
    }
}

fn is_merged(path: &str) -> bool {
    let folder = path.strip_prefix('/').and_then(|rest| rest.split_once('/'));
    folder.is_some_and(|(folder, _)| MERGED.contains(&folder))
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn what_was_moved_below_usr_has_two_spellings() {
        for folder in MERGED {
            let (short, long) = (format!("/{folder}/a/b"), format!("/usr/{folder}/a/b"));
            assert_eq!(spellings(&short).collect::<Vec<_>>(), [&*short, &*long]);
            assert_eq!(spellings(&long).collect::<Vec<_>>(), [&*long, &*short]);
        }
    }

    #[test]
    fn everything_else_has_one() {
        let paths = [
            "",
            "/",
            "/usr",
            "/usr/",
            "/usr/lib",
            "/lib",
            "/opt/lib/x",
            "/usr/local/lib/x",
            "lib/x",
            "/libx/y",
        ];
        for path in paths.into_iter().chain(["/usrlib/x", "/usr/share/x", "//lib/x", "/usr/usr/lib/x"]) {
            assert_eq!(spellings(path).collect::<Vec<_>>(), [path]);
        }
    }
}
