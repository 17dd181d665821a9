//! What is done about whoever is kept out while the watch runs: by whomever, the receipts tell (A16, A19).

use std::{collections::BTreeSet, fs, path::PathBuf, time::SystemTime};

use portreeve_core::receipt::{Deed, History, Outcome, Receipt};
use portreeve_host::enforce::receipts::history;

/// The receipts, as far as they were read.
pub(super) struct Deeds {
    folder: PathBuf,
    /// When one was added last, by then.
    changed: Option<SystemTime>,
    /// The newest one.
    last: u32,
    /// Those of which nobody had said what became of them.
    begun: BTreeSet<u32>,
}

impl Deeds {
    /// After all those that are in `history`, which is what `folder` has.
    pub(super) fn after(folder: PathBuf, history: &History) -> Self {
        Self { folder, changed: None, last: newest(history), begun: begun(history) }
    }

    /// What was done since the last call, the oldest first.
    pub(super) fn news(&mut self) -> Vec<Deed> {
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
        let news = history.newest_first().filter(is_news);
        let done =
            news.filter(|receipt| receipt.outcome == Outcome::Done).map(|receipt| receipt.deed.clone());
        let mut done: Vec<_> = done.collect();
        done.reverse();
        done
    }
}

fn newest(history: &History) -> u32 {
    history.newest_first().next().map_or(0, |receipt| receipt.number)
}

fn begun(history: &History) -> BTreeSet<u32> {
    let begun = history.newest_first().filter(|receipt| receipt.outcome == Outcome::Begun);
    begun.map(|receipt| receipt.number).collect()
}
