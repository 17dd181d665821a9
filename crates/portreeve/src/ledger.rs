//! Asks the ledger: each ask is decided on the book as it stands, and what is granted is written as one change (A23, A24).

pub(crate) mod bring;
pub(crate) mod failure;
pub(crate) mod home;
pub(crate) mod kernel;
pub(crate) mod sight;

use portreeve_core::ledger::{Ask, Book, Change, Entry, Now, Refusal, Seen, decide};
use portreeve_host::claimant;

use crate::store::{Store, StoreError, Swap};

/// So often others may be quicker, before somebody is told that it does not go on.
const TRIES_MAX: u32 = 256;

/// What each ask comes to, in their order.
pub(crate) type Answers = Vec<Result<Entry, Refusal>>;

/// Why nobody knows what an ask comes to; nothing was written, but where that is not known either.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    /// The ledger is not to be had.
    #[error("cannot use the ledger")]
    Store(#[from] StoreError),
    /// Others are always quicker.
    #[error("others change the ledger all the time")]
    Outrun,
    /// The change was sent, and nobody said what became of it.
    #[error("nobody said whether the ledger was changed")]
    Undetermined,
}

/// What `asks` come to, each on the book that those before it leave.
///
/// # Errors
///
/// Where the store does not answer; what was asked may be asked again, with the same ids.
pub(crate) fn ask(
    store: &mut dyn Store,
    asks: &[Ask],
    seen: &mut Seen<'_>,
    now: &Now,
) -> Result<Answers, Unanswered> {
    let mut book = store.load()?;
    for _ in 0..TRIES_MAX {
        know_processes(seen, &book);
        let (answers, changes) = decide_all(&book, asks, seen, now);
        if changes.is_empty() {
            return Ok(answers);
        }
        match store.swap(book.revision(), &changes)? {
            Swap::Swapped => return Ok(answers),
            Swap::Moved(moved) => book = moved,
            Swap::Undetermined => return Err(Unanswered::Undetermined),
        }
    }
    Err(Unanswered::Outrun)
}

/// Tells who has the numbers of the processes that claims of `book` are for.
pub(crate) fn know_processes(seen: &mut Seen<'_>, book: &Book) {
    let pids = book.claims().filter_map(|claim| claim.lease.process()).map(|process| process.pid);
    seen.processes = claimant::occupants(&seen.machine, pids);
}

/// All of them become one revision, so that each claim carries that one.
fn decide_all(book: &Book, asks: &[Ask], seen: &Seen<'_>, now: &Now) -> (Answers, Vec<Change>) {
    let mut book = book.clone();
    let mut changes = Vec::new();
    let mut answer = |ask: &Ask| {
        let entry = decide(&book, ask, seen, now)?;
        book.amend(entry.changes.iter().cloned());
        changes.extend(entry.changes.iter().cloned());
        Ok(entry)
    };
    let answers = asks.iter().map(&mut answer).collect();
    (answers, changes)
}
