//! The book of claims: no number of a scope ever has two owners (A8, A10, A23–A26).

mod ask;
mod book;
mod claim;
mod clients;
mod decide;
mod lapse;
mod merge;
mod overlap;
mod place;
mod refusal;
mod seen;
mod state;
#[cfg(test)]
pub(crate) mod testing;
pub mod transfer;

pub(crate) use self::clients::{TooFew, enough_left};
pub use self::{
    ask::{Ask, Entry, Note, Reference, Wish},
    book::{Book, CLAIMS_MAX, Change},
    claim::{
        BootTime, Claim, ClaimId, Claimant, IdError, Lease, NAME_BYTES_MAX, Name, NameError, ProcessId,
        Scope, ScopeError,
    },
    decide::decide,
    lapse::{Life, Now},
    merge::{Merge, Over, Unmergeable, merge},
    overlap::Stand,
    place::order,
    refusal::{Full, Refusal},
    seen::{OtherClaim, POOL, Seen},
    state::State,
};
