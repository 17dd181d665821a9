//! Comparing versions takes no memory (A18).

use std::cmp::Ordering;

use allocation_counter::measure;
use portreeve_core::version::{Scheme, compare};

#[test]
fn no_scheme_takes_memory() {
    for scheme in [Scheme::Debian, Scheme::Rpm, Scheme::Apk] {
        for (older, newer) in [("1.9-r1", "1.10-r0"), ("1:2.0~rc1-1", "1:2.0~rc2-1"), ("x", "1")] {
            let mut ordering = Ordering::Equal;
            let taken = measure(|| ordering = compare(scheme, older, newer));
            assert_eq!(taken.count_total, 0, "{scheme:?}: {older} {ordering:?} {newer}");
        }
    }
}
