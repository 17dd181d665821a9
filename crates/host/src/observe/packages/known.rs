//! Keeps what was found of the host's packages from one run to the next: finding it takes longer than a whole look (A18).
//!
//! It holds for as long as every file that it was found in stays as it was; what anybody else could have written, or what is
//! damaged, is taken for none.

use std::{fmt::Write as _, path::Path};

use portreeve_core::packages::Paths;
use serde::{Deserialize, Serialize};

use super::{
    Found, OS_RELEASE, dpkg, kernels, lists, preferences,
    tree::{Tree, stamp},
};
use crate::keep::{Readers, read_own, replace_soon};

const FILE: &str = "packages.json";
const LAYOUT: u32 = 2;
const BYTES_MAX: u64 = 64 * 1024 * 1024;
/// More paths than this are not kept: they were of programs that run no more.
const PATHS_MAX: usize = 20_000;

/// The file.
#[derive(Serialize, Deserialize)]
struct Kept {
    layout: u32,
    /// How the files were in which it was found.
    stamps: String,
    found: Found,
}

/// What is known of `paths`, or else what `read` finds of them and of those that were known before.
pub(super) fn of(
    tree: Tree<'_>,
    cache: Option<&Path>,
    paths: &Paths,
    read: impl FnOnce(&Paths) -> Found,
) -> Found {
    let Some(file) = cache.map(|cache| cache.join(FILE)) else { return read(paths) };
    let stamps = stamps(tree);
    let known = kept(&file).filter(|kept| kept.layout == LAYOUT && kept.stamps == stamps);
    let mut wanted = paths.clone();
    if let Some(Kept { found, .. }) = known {
        if paths.iter().all(|path| found.owners.contains_key(path)) {
            return found;
        }
        if found.owners.len() < PATHS_MAX {
            wanted.extend(found.owners.into_keys());
        }
    }
    let found = read(&wanted);
    // What was written meanwhile may be half of both.
    if found.is_whole && self::stamps(tree) == stamps {
        keep(&file, &Kept { layout: LAYOUT, stamps, found: found.clone() });
    }
    found
}

/// Size, time and inode of every file that decides whose a file is, and what waits.
fn stamps(tree: Tree<'_>) -> String {
    let mut stamps = String::new();
    for path in OS_RELEASE
        .iter()
        .chain(&dpkg::SOURCES)
        .chain(&lists::SOURCES)
        .chain(&preferences::SOURCES)
        .chain(&kernels::SOURCES)
    {
        add(tree, path, &mut stamps);
    }
    for folder in lists::FOLDERS.iter().chain(&preferences::FOLDERS) {
        let names = tree.folder(folder).ok().flatten().and_then(|folder| folder.names().ok());
        for name in names.unwrap_or_default() {
            add(tree, &super::tree::join(folder, &name), &mut stamps);
        }
    }
    stamps
}

fn add(tree: Tree<'_>, path: &str, stamps: &mut String) {
    let told = tree.stat(path).map(|stat| stamp(&stat));
    writeln!(stamps, "{path} {told:?}").expect("memory takes every byte");
}

fn kept(file: &Path) -> Option<Kept> {
    let bytes = read_own(file, BYTES_MAX)?;
    let kept: Kept = serde_json::from_slice(&bytes).ok()?;
    let count = kept.found.facts.packages.len();
    let is_sound = |place: &u32| (*place as usize) < count;
    kept.found.owners.values().flatten().all(is_sound).then_some(kept)
}

/// What cannot be kept is found again next time.
fn keep(file: &Path, kept: &Kept) {
    if let Ok(bytes) = serde_json::to_vec(kept) {
        let _ = replace_soon(file, &bytes, Readers::Owner);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::processes::view::Views;
    use std::{cell::Cell, fs};

    /// What is found of `paths`: each is of no package.
    fn found(paths: &Paths) -> Found {
        let owners = paths.iter().map(|path| (path.clone(), None)).collect();
        Found { owners, is_whole: true, ..Found::default() }
    }

    #[test]
    fn what_is_known_is_not_looked_for_again_until_a_file_is_another() {
        let view = Views::new().of(std::process::id()).unwrap();
        let folder = std::env::temp_dir().join(format!("portreeve-known-packages-{}", std::process::id()));
        let count = Cell::new(0);
        let ask = |names: &[&str]| {
            let paths = names.iter().map(|name| (*name).to_owned()).collect();
            let known = of(Tree(&view), Some(&folder), &paths, |paths| {
                count.set(count.get() + 1);
                found(paths)
            });
            (known.owners.len(), count.get())
        };
        assert_eq!(ask(&["/a"]), (1, 1));
        assert_eq!(ask(&["/a"]), (1, 1), "known");
        assert_eq!(ask(&["/a", "/b"]), (2, 2), "one is not");
        assert_eq!(ask(&["/b"]), (2, 2), "and what was known stays so");
        fs::write(folder.join(FILE), "{").unwrap();
        assert_eq!(ask(&["/b"]), (1, 3), "broken");
        let text = fs::read_to_string(folder.join(FILE)).unwrap();
        fs::write(folder.join(FILE), text.replacen("/var/lib/dpkg/status", "/var/lib/dpkg/status-old", 1))
            .unwrap();
        assert_eq!(ask(&["/b"]), (1, 4), "of another state");
        fs::remove_dir_all(&folder).unwrap();
    }
}
