//! Gives bytes to the reader of Alpine's database: a container's may say anything.

use portreeve_core::packages::{Paths, apk};

const WANTED: [&str; 4] = ["/bin/busybox", "/usr/bin/busybox", "/lib/libssl.so.3", "/x"];

/// What is told was wanted, and has a name and a version.
pub(crate) fn feed(bytes: &[u8]) {
    let wanted: Paths = WANTED.map(str::to_owned).into();
    let owners = apk::read(bytes, &wanted).owners;
    for package in WANTED.iter().filter_map(|path| owners.of(path)) {
        assert!(!package.name.is_empty() && !package.version.is_empty());
        // A byte that is no UTF-8 takes three.
        assert!(package.name.len() <= 3 * bytes.len() && package.source_version == package.version);
    }
    assert_eq!(apk::read(bytes, &Paths::new()).owners, Default::default());
}
