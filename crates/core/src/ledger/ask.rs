//! What is asked of the ledger, and what it grants.

use alloc::{string::String, sync::Arc, vec::Vec};

use super::{
    book::Change,
    claim::{Claim, ClaimId, Claimant, Lease, Name, Scope},
    overlap::Stand,
};
use crate::{
    address::Address,
    port::{PortRange, Protocol},
};

/// Something that is asked of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Numbers of one's own.
    Claim(Wish),
    /// More time.
    Renew {
        /// Which claim.
        of: Reference,
        /// Until when from now on.
        lease: Lease,
        /// Who asks.
        uid: u32,
    },
    /// To give up a claim.
    Release {
        /// Which claim.
        of: Reference,
        /// Who asks.
        uid: u32,
    },
}

impl Ask {
    /// The claim that has to stand for it.
    #[must_use]
    pub const fn standing(&self) -> Option<&Name> {
        match self {
            Self::Claim(_) => None,
            Self::Renew { of, .. } | Self::Release { of, .. } => Some(&of.name),
        }
    }

    /// Where it is to hold, or holds.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        match self {
            Self::Claim(wish) => &wish.scope,
            Self::Renew { of, .. } | Self::Release { of, .. } => &of.scope,
        }
    }
}

/// Which claim is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Where it holds.
    pub scope: Scope,
    /// The protocol.
    pub protocol: Protocol,
    /// What it is called.
    pub name: Name,
    /// The revision that the asker knows of it, where he insists on it.
    pub revision: Option<u64>,
}

/// A claim that somebody would like to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Chosen before the first try, and kept for each retry.
    pub id: ClaimId,
    /// What it is for.
    pub name: Name,
    /// Where it is to hold.
    pub scope: Scope,
    /// The protocol.
    pub protocol: Protocol,
    /// The address; `None` is every address of both families.
    pub address: Option<Address>,
    /// The interface; `None` is every interface.
    pub device: Option<String>,
    /// The numbers; `None` is any one.
    pub ports: Option<PortRange>,
    /// Who asks.
    pub claimant: Claimant,
    /// Until when.
    pub lease: Lease,
    /// What a person wrote about it.
    pub note: Option<String>,
    /// Whether the asker knows that a well-known number is meant for something else.
    pub well_known: bool,
    /// Whether he knows that somebody listens there.
    pub force_bound: bool,
}

impl Wish {
    /// Where it would take `ports`.
    #[must_use]
    pub fn stand(&self, ports: PortRange) -> Stand<'_> {
        Stand {
            protocol: self.protocol,
            ports,
            address: self.address.as_ref(),
            device: self.device.as_deref(),
            v6only: false,
        }
    }
}

/// What the ledger grants: nothing of it holds until the changes are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The claim, as it stands after the changes; of one that is given up, as it stood before.
    pub claim: Arc<Claim>,
    /// Whether this very ask made it.
    pub fresh: bool,
    /// What the asker should know of it.
    pub notes: Vec<Note>,
    /// What makes it so; none where it is so already.
    pub changes: Vec<Change>,
}

/// What an asker should know of a claim that he got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// IANA means the number for something else.
    AssignedTo(String),
    /// The kernel hands the number out to clients, where nobody keeps it back.
    InClientRange,
    /// Somebody listens there.
    Bound,
    /// It was to end so, and does not end by itself any more.
    EndsNoMore(Lease),
    /// It does not end as was asked for, as it has no end.
    EndsNot(Lease),
}
