//! Decides on the book as it is remembered, and reads it again only where somebody else has changed it (A23, A25).

use std::{collections::BTreeSet, time::Duration};

use portreeve_core::ledger::{Ask, Book, Change, Claim, Now, Seen, decide};
use portreeve_host::claimant;

use super::{Answer, TRIES_MAX, Unanswered};
use crate::store::{Store, Swap};

/// Whoever writes a ledger, and what he remembers of it.
#[derive(Debug)]
pub(super) struct Desk<'s, S: ?Sized> {
    store: &'s mut S,
    /// As it was written last; `None` where that is not certain.
    known: Option<Known>,
}

/// What `asks` would change of `book`.
pub(super) fn changes(asks: &[Ask], book: &Book, seen: &mut Seen<'_>, now: &Now) -> Vec<Change> {
    let asks: Vec<&Ask> = asks.iter().collect();
    Known::new(book.clone()).decide(&asks, seen, now, usize::MAX).1
}

/// A book, and whom its claims are for.
#[derive(Debug)]
struct Known {
    book: Book,
    /// The processes with which claims of it end; some that have ended too.
    pids: BTreeSet<u32>,
}

impl<'s, S: Store + ?Sized> Desk<'s, S> {
    /// `book` was read a moment ago.
    pub(super) fn new(store: &'s mut S, book: Book) -> Self {
        Self { store, known: Some(Known::new(book)) }
    }

    /// The book as it was written last; an empty one where that is not certain.
    pub(super) fn leave(self) -> Book {
        self.known.map(|known| known.book).unwrap_or_default()
    }

    /// What the first of `asks` come to, each on the book that those before it leave: as many as one change may write, at
    /// least one where there is any. It is made, and lasts.
    ///
    /// # Errors
    ///
    /// Where the store does not answer: then none of it was made, but where that is not known either.
    pub(super) fn answer(
        &mut self,
        asks: &[&Ask],
        seen: &mut Seen<'_>,
        now: &Now,
    ) -> Result<Vec<Answer>, Unanswered> {
        for _ in 0..TRIES_MAX {
            // Whoever fails below has forgotten it.
            let (mut known, is_fresh) = match self.known.take() {
                Some(known) => (known, false),
                None => (Known::new(self.store.load()?), true),
            };
            let expected = known.book.revision();
            let (answers, changes) = known.decide(asks, seen, now, self.store.changes_max());
            let moved = if !changes.is_empty() {
                match self.store.swap(expected, &changes)? {
                    Swap::Swapped => None,
                    Swap::Moved(moved) => Some(moved),
                    Swap::Taken(claimed) => {
                        seen.take(claimed);
                        continue;
                    }
                    Swap::Undetermined => return Err(Unanswered::Undetermined),
                }
            } else if is_fresh {
                None
            } else {
                self.store.watch(expected, Duration::ZERO)?
            };
            let Some(moved) = moved else {
                self.known = Some(known.written(&changes));
                return Ok(answers);
            };
            self.known = Some(Known::new(moved));
        }
        Err(Unanswered::Outrun)
    }
}

impl Known {
    fn new(book: Book) -> Self {
        let pids = book.claims().filter_map(pid).collect();
        Self { book, pids }
    }

    /// All of them become one revision, so that each claim carries that one.
    fn decide(
        &mut self,
        asks: &[&Ask],
        seen: &mut Seen<'_>,
        now: &Now,
        changes_max: usize,
    ) -> (Vec<Answer>, Vec<Change>) {
        self.know_processes(asks, seen);
        let (mut answers, mut changes) = (Vec::with_capacity(asks.len()), Vec::new());
        for ask in asks {
            let answer = decide(&self.book, ask, seen, now);
            if let Ok(entry) = &answer {
                if !changes.is_empty() && changes.len() + entry.changes.len() > changes_max {
                    break;
                }
                self.book.amend(entry.changes.iter().cloned());
                changes.extend(entry.changes.iter().cloned());
            }
            answers.push(answer);
        }
        (answers, changes)
    }

    /// Tells who has the numbers of the processes of each claim, also of those that come of `asks`.
    fn know_processes(&mut self, asks: &[&Ask], seen: &mut Seen<'_>) {
        let lease = |ask: &&Ask| match ask {
            Ask::Claim(wish) => wish.lease.process().map(|process| process.pid),
            Ask::Renew { lease, .. } => lease.process().map(|process| process.pid),
            Ask::Release { .. } => None,
        };
        self.pids.extend(asks.iter().filter_map(lease));
        seen.processes = claimant::occupants(&seen.machine, self.pids.iter().copied());
    }

    /// The same once its changes are made.
    fn written(mut self, changes: &[Change]) -> Self {
        if !changes.is_empty() {
            self.book.change([]);
        }
        self
    }
}

fn pid(claim: &Claim) -> Option<u32> {
    claim.lease.process().map(|process| process.pid)
}
