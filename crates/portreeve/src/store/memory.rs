//! A ledger that goes with its process, for tests and for what is tried.

use std::time::Duration;

use portreeve_core::ledger::{Book, Change};

use super::{Store, StoreError, Swap};

/// A book, and nothing else.
#[derive(Debug, Default)]
pub(crate) struct Memory(Book);

impl Store for Memory {
    fn load(&mut self) -> Result<Book, StoreError> {
        Ok(self.0.clone())
    }

    fn swap(&mut self, expected: u64, changes: &[Change]) -> Result<Swap, StoreError> {
        if self.0.revision() != expected {
            return Ok(Swap::Moved(self.0.clone()));
        }
        self.0.change(changes.iter().cloned());
        Ok(Swap::Swapped)
    }

    fn watch(&mut self, known: u64, _: Duration) -> Result<Option<Book>, StoreError> {
        // Nobody else can change it.
        Ok(Some(self.0.clone()).filter(|book| book.revision() != known))
    }
}
