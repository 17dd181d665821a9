//! Gives bytes to the reader of a package's header in rpm's database: a container's may say anything.

use portreeve_core::packages::{Paths, rpm};

const WANTED: [&str; 3] = ["/bin/tiny", "/usr/lib64/libtiny.so.1", "/usr/lib/old.so"];

/// What is told was wanted, and has a name and a version.
pub(crate) fn feed(bytes: &[u8]) {
    let wanted: Paths = WANTED.map(str::to_owned).into();
    if let Ok(Some((package, paths))) = rpm::read(bytes, &wanted) {
        assert!(!package.name.is_empty() && package.version.contains('-'));
        assert!(!paths.is_empty() && paths.iter().all(|path| wanted.contains(path)));
    }
    assert!(!matches!(rpm::read(bytes, &Paths::new()), Ok(Some(_))));
}
