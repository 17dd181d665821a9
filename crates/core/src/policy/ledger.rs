//! What a policy says of the ledger: where its book is, and from which numbers it gives (A23, A25).

use alloc::string::String;

use crate::port::PortRange;

/// What a person decided about the ledger; the usual where he said nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerChoice {
    /// Where the book is; `None` is the usual place of whoever asks.
    pub store: Option<LedgerStore>,
    /// From where claims get their number that ask for any; `None` is [`crate::ledger::POOL`].
    pub pool: Option<PortRange>,
}

/// Where the book of claims is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerStore {
    /// In a file of this host, as where nothing is said.
    Sqlite,
    /// In a fleet's etcd, by its address.
    Etcd(String),
}
