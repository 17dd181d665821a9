//! Who is let in again while the watch runs: by whom, and how, the receipts tell (A16, A19).

use std::{collections::BTreeSet, fs, path::PathBuf, time::SystemTime};

use portreeve_core::{
    receipt::{Deed, History, Outcome, Receipt},
    watch::Source,
};
use portreeve_host::enforce::receipts::history;

/// The receipts, as far as they were read.
pub(super) struct Forgiven {
    folder: PathBuf,
    /// When one was added last, by then.
    changed: Option<SystemTime>,
    /// The newest one.
    last: u32,
    /// Those of which nobody had said what became of them.
    begun: BTreeSet<u32>,
}

impl Forgiven {
    /// After all those that are in `history`, which is what `folder` has.
    pub(super) fn after(folder: PathBuf, history: &History) -> Self {
        Self { folder, changed: None, last: newest(history), begun: begun(history) }
    }

    /// Whoever was let in again since the last call.
    pub(super) fn news(&mut self) -> Vec<Source> {
        let changed = fs::metadata(&self.folder).and_then(|folder| folder.modified()).ok();
        if changed == self.changed {
            return Vec::new();
        }
        // What cannot be read now may be with the next receipt.
        let Ok(history) = history(&self.folder) else { return Vec::new() };
        self.changed = changed;
        let known = std::mem::replace(&mut self.last, newest(&history));
        let were_begun = std::mem::replace(&mut self.begun, begun(&history));
        let is_news = |receipt: &&Receipt| receipt.number > known || were_begun.contains(&receipt.number);
        let done = history.newest_first().filter(is_news).filter(|receipt| receipt.outcome == Outcome::Done);
        let forgiven = done.filter_map(|receipt| match receipt.deed {
            Deed::Unblock { source } => Some(Source::of(source)),
            _ => None,
        });
        forgiven.collect()
    }
}

fn newest(history: &History) -> u32 {
    history.newest_first().next().map_or(0, |receipt| receipt.number)
}

fn begun(history: &History) -> BTreeSet<u32> {
    let begun = history.newest_first().filter(|receipt| receipt.outcome == Outcome::Begun);
    begun.map(|receipt| receipt.number).collect()
}
