//! Whom the gate keeps out while the watch runs, as the kernel tells: it forgets them with the table, of which no receipt
//! tells (A16, A19).

use std::collections::BTreeSet;

use portreeve_core::watch::Source;
use portreeve_host::observe::kept_out;

/// As it was looked at last.
#[derive(Debug, Default)]
pub(super) struct KeptOut {
    /// So many changes of the packet filter ago.
    changes: Option<u32>,
}

impl KeptOut {
    /// All whom it keeps out, where that may have changed since the last call and can be read.
    pub(super) fn news(&mut self) -> Option<BTreeSet<Source>> {
        // What changes while it is read is news the next time, too.
        let changes = kept_out::changes().ok()?;
        if self.changes == Some(changes) {
            return None;
        }
        let all = kept_out::all().ok()?;
        self.changes = Some(changes);
        Some(all.into_iter().map(|kept| Source::of(kept.what)).collect())
    }
}
