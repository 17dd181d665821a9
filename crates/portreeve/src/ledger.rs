//! Asks the ledger: each ask is decided on the book as it stands, and what is granted is written as one change (A23, A24).

mod ahead;
pub(crate) mod beside;
pub(crate) mod bring;
pub(crate) mod crowd;
mod desk;
mod displaced;
pub(crate) mod failure;
mod held;
pub(crate) mod home;
pub(crate) mod kernel;
mod place;
pub(crate) mod sight;
pub(crate) mod twice;

use std::{collections::BTreeMap, error::Error, iter, mem};

use portreeve_core::ledger::{Ask, Book, Entry, Now, ProcessId, Refusal, Seen};
use portreeve_host::claimant;

use self::desk::Desk;
pub(crate) use self::{
    ahead::Opened,
    displaced::know_where_usual_is,
    held::{Held, warn_of_replaced},
};
use crate::store::{Store, StoreError};

/// So often others may be quicker, before somebody is told that it does not go on.
const TRIES_MAX: u32 = 256;

/// What an ask comes to.
pub(crate) type Answer = Result<Entry, Refusal>;

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

/// What `asks` come to, each on the book that those before it leave, and that book; of a `book` that is no longer so, nothing
/// is taken for granted.
///
/// # Errors
///
/// Where the store does not answer; what was asked may be asked again, with the same ids.
pub(crate) fn ask(
    store: &mut dyn Store,
    book: &mut Book,
    asks: &[Ask],
    seen: &mut Seen<'_>,
    now: &Now,
) -> Result<Vec<Answer>, Unanswered> {
    let (mut desk, mut answers) = (Desk::new(store, mem::take(book)), Vec::new());
    while answers.len() < asks.len() {
        let rest: Vec<&Ask> = asks[answers.len()..].iter().collect();
        answers.append(&mut desk.answer(&rest, seen, now)?);
    }
    *book = desk.leave();
    Ok(answers)
}

/// Tells who has the numbers of the processes that claims of `book` are for.
pub(crate) fn know_processes(seen: &mut Seen<'_>, book: &Book) {
    seen.processes = processes(&seen.machine, book);
}

fn processes(machine: &str, book: &Book) -> BTreeMap<u32, Option<ProcessId>> {
    let pids = book.claims().filter_map(|claim| claim.lease.process()).map(|process| process.pid);
    claimant::occupants(machine, pids)
}

/// An error with all that caused it, in the system's words.
pub(crate) fn whole(error: &dyn Error) -> String {
    let all = iter::successors(Some(error), |error| (*error).source());
    all.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
