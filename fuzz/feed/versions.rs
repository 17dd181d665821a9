//! Compares the lines of a text as versions: a package's is a stranger's word, and the order must hold all the same.

use std::cmp::Ordering;

use portreeve_core::version::{Scheme, compare};

/// More are compared with each other only in more time.
const VERSIONS_MAX: usize = 8;

/// Whatever they are, their order is one.
pub(crate) fn feed(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let versions: Vec<_> = text.lines().take(VERSIONS_MAX).collect();
    for scheme in [Scheme::Debian, Scheme::Rpm, Scheme::Apk] {
        for one in &versions {
            assert_eq!(compare(scheme, one, one), Ordering::Equal);
            for two in &versions {
                let ordering = compare(scheme, one, two);
                assert_eq!(ordering, compare(scheme, two, one).reverse());
                for three in &versions {
                    let on = compare(scheme, two, three);
                    assert!(ordering != on || compare(scheme, one, three) == on, "{one:?} {two:?} {three:?}");
                }
            }
        }
    }
}
