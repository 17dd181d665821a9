//! Asks the changelog of a package whether the installed version was made for an archive of security updates (A18).
//!
//! Lists have a version no more once a newer one is out, or once it moved on with a point release.

use std::io::Read as _;

use flate2::read::GzDecoder;
use portreeve_core::{facts::Package, packages::changelog};

use super::tree::{Tree, join};

const DOCUMENTATION: &str = "/usr/share/doc";
/// Of a package that is Debian's own the second (Debian policy, §12.7).
const NAMES: [&str; 2] = ["changelog.Debian.gz", "changelog.gz"];
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The first line is all that is read.
const HEAD_BYTES: u64 = 1024;

/// What it says; `None` where there is none, or none of this version.
pub(super) fn is_from_security(tree: Tree<'_>, package: &Package) -> Option<bool> {
    let folder = join(DOCUMENTATION, &package.name);
    let head = |name: &&str| {
        let opened = tree.open(&join(&folder, name), FILE_BYTES_MAX).ok()??;
        let mut head = Vec::new();
        GzDecoder::new(opened.file).take(HEAD_BYTES).read_to_end(&mut head).ok()?;
        Some(head)
    };
    changelog::is_from_security(
        &NAMES.iter().find_map(head)?,
        package.source_version.as_ref().unwrap_or(&package.version),
    )
}
