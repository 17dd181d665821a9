//! A store as the ledger needs one, which now and then loses a request or a reply.

use std::collections::BTreeMap;

use portreeve_core::ledger::{Book, Change, ClaimId};

use super::chance::Chance;

/// A book, changed only where nobody else has changed it meanwhile.
#[derive(Default)]
pub(crate) struct Warehouse {
    pub(crate) book: Book,
    /// When it ends claims by itself, on its own clock, where it does so.
    pub(crate) ends: Option<BTreeMap<ClaimId, u64>>,
    /// It writes, whatever was expected.
    pub(crate) compares_nothing: bool,
    /// It says that it has written, and has not, now and then.
    pub(crate) forgets: bool,
}

/// What somebody hears who changes the book.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Swapped,
    Moved,
    /// Nothing; the request was lost.
    LostRequest,
    /// Nothing; the reply was lost.
    LostReply,
}

impl Warehouse {
    /// One that ends leases.
    pub(crate) fn of_fleet() -> Self {
        Self { ends: Some(BTreeMap::new()), ..Self::default() }
    }

    /// When it ends the claim, in milliseconds since all began.
    pub(crate) fn end_of(&self, id: ClaimId) -> Option<u64> {
        self.ends.as_ref()?.get(&id).copied()
    }

    /// From now on it ends the claim then, or never by itself.
    pub(crate) fn end_at(&mut self, id: ClaimId, end: Option<u64>) {
        if let Some(ends) = &mut self.ends {
            ends.remove(&id);
            ends.extend(end.map(|end| (id, end)));
        }
    }

    /// Takes away what is over.
    pub(crate) fn end_leases(&mut self, milliseconds: u64) {
        let ends = self.ends.iter().flatten();
        let over: Vec<ClaimId> = ends.filter(|(_, end)| **end <= milliseconds).map(|(id, _)| *id).collect();
        for id in over {
            self.end_at(id, None);
            self.book.change([Change::Remove(id)]);
        }
    }

    pub(crate) fn swap(&mut self, expected: u64, changes: &[Change], chance: &mut Chance) -> Heard {
        if chance.percent(5) {
            return Heard::LostRequest;
        }
        if expected != self.book.revision() && !self.compares_nothing {
            return if chance.percent(5) { Heard::LostReply } else { Heard::Moved };
        }
        if !(self.forgets && chance.percent(1)) {
            self.book.change(changes.iter().cloned());
        }
        if chance.percent(5) { Heard::LostReply } else { Heard::Swapped }
    }
}
