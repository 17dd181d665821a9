//! Why the ledger refuses: with whoever stands in the way (A24, A26).

mod words;

use alloc::{boxed::Box, string::String};

use super::{
    claim::{Claim, Name},
    state::State,
};
use crate::{
    address::Address,
    facts::Listener,
    port::{PortRange, PortSpec},
};

/// Why nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Another claim has a number of it, and stands so.
    Held(Box<Claim>, State),
    /// The policy declares a number of it.
    Declared(Declared),
    /// The policy declares a service of that name, whose numbers are its own.
    NameDeclared(Declared),
    /// Somebody listens on a number of it.
    Bound(Box<Listener>),
    /// A number of it is passed on to a container.
    Published {
        /// The address of the host.
        address: Address,
        /// The number of the host.
        spec: PortSpec,
    },
    /// The kernel keeps a number of it from clients for somebody whose claim a ledger of a user's own does not know.
    KeptBack(PortSpec),
    /// Another ledger of this host claims a number of it.
    OfOthers {
        /// What was asked for.
        spec: PortSpec,
        /// The path or address of that ledger.
        ledger: Box<str>,
    },
    /// The name has other numbers, or the same at another place.
    NameHolds(Box<Claim>),
    /// A number below 1,024 is meant for something else.
    WellKnown {
        /// What was asked for.
        spec: PortSpec,
        /// What it is meant for, where that is told.
        assigned: Option<String>,
    },
    /// No number of the pool is free.
    PoolFull(Full),
    /// The claim is somebody else's.
    NotYours(Box<Claim>),
    /// The claim is no longer as the asker knows it.
    Moved(Box<Claim>),
    /// Nobody has a claim of that name.
    NoSuchClaim {
        /// The name.
        name: Name,
        /// One of another protocol, or that holds elsewhere.
        beside: Option<Box<Claim>>,
    },
    /// The name is claimed until a time or while a process lives, and neither end is sure to come later than the other.
    EndsOtherwise(Box<Claim>),
    /// The claim is over: somebody else may have its numbers by now.
    Ended(Box<Claim>),
    /// The claim has no end that could be put off.
    ForGood(Box<Claim>),
    /// Another ask has the same id.
    IdTaken(Box<Claim>),
    /// The kernel would have too few numbers left for clients.
    NoClientPortsLeft {
        /// How many it would have.
        left: u32,
        /// How many it must have.
        needed: u32,
    },
    /// The book has as many claims as it may.
    LedgerFull,
}

/// What the policy says of a number or a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// The service.
    pub service: String,
    /// Where it is written.
    pub place: String,
    /// What is declared.
    pub spec: PortSpec,
}

/// Why no number of the pool is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full {
    /// The pool.
    pub pool: PortRange,
    /// How many of it are claimed.
    pub claimed: u32,
    /// How many the policy declares.
    pub declared: u32,
    /// On how many somebody listens, or which are passed on to containers.
    pub bound: u32,
    /// How many are assigned by IANA, handed out to clients, or kept back by others.
    pub reserved: u32,
}

impl Full {
    /// Nobody has counted yet.
    pub(super) const fn of(pool: PortRange) -> Self {
        Self { pool, claimed: 0, declared: 0, bound: 0, reserved: 0 }
    }
}

impl Refusal {
    /// The token of machine output.
    #[must_use]
    pub const fn token(&self) -> &'static str {
        match self {
            Self::Held(..) => "port-held",
            Self::Declared(_) => "port-declared",
            Self::NameDeclared(_) => "name-declared",
            Self::Bound(_) => "port-bound",
            Self::Published { .. } => "port-published",
            Self::KeptBack(_) | Self::OfOthers { .. } => "port-reserved",
            Self::NameHolds(_) => "name-held",
            Self::WellKnown { .. } => "well-known",
            Self::PoolFull(_) => "pool-full",
            Self::NotYours(_) => "not-yours",
            Self::Moved(_) => "claim-moved",
            Self::NoSuchClaim { .. } => "no-such-claim",
            Self::EndsOtherwise(_) => "ends-otherwise",
            Self::Ended(_) => "claim-ended",
            Self::ForGood(_) => "claimed-for-good",
            Self::IdTaken(_) => "id-taken",
            Self::NoClientPortsLeft { .. } => "no-client-ports-left",
            Self::LedgerFull => "ledger-full",
        }
    }
}
