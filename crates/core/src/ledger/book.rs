//! The book itself: every claim, found by its name and by its numbers (A23, A25).

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};

use super::{
    claim::{Claim, ClaimId, Name, Scope},
    overlap::Stand,
};
use crate::port::Protocol;

/// More claims than any fleet has; a book that holds them is told full.
pub const CLAIMS_MAX: usize = 1 << 18;

/// Every claim of a ledger, as it stands after a revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    revision: u64,
    claims: BTreeMap<ClaimId, Arc<Claim>>,
    names: BTreeMap<(Scope, Protocol, Name), ClaimId>,
    /// The claims of a single number, by scope: of a fleet's number each host may have a claim of its own.
    singles: BTreeMap<(Protocol, u16), BTreeMap<Scope, Vec<ClaimId>>>,
    /// The others, which are few.
    ranges: Vec<ClaimId>,
}

/// A change of the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The claim is there, where none of its id was.
    Add(Arc<Claim>),
    /// The claim is there, in the place of the one of its id.
    Replace(Arc<Claim>),
    /// No claim of this id is there.
    Remove(ClaimId),
}

impl Change {
    /// That `claim` is there, in a book where one of its id may be.
    #[must_use]
    pub fn put(claim: Arc<Claim>, book: &Book) -> Self {
        if book.claim(claim.id).is_some() { Self::Replace(claim) } else { Self::Add(claim) }
    }

    /// The claim that is there after it.
    #[must_use]
    pub const fn claim(&self) -> Option<&Arc<Claim>> {
        match self {
            Self::Add(claim) | Self::Replace(claim) => Some(claim),
            Self::Remove(_) => None,
        }
    }

    /// Whose it is.
    #[must_use]
    pub fn id(&self) -> ClaimId {
        match self {
            Self::Add(claim) | Self::Replace(claim) => claim.id,
            Self::Remove(id) => *id,
        }
    }

    /// What `changes`, one after the other, leave of each id.
    #[must_use]
    pub fn last(changes: &[Self]) -> BTreeMap<ClaimId, Option<&Claim>> {
        changes.iter().map(|change| (change.id(), change.claim().map(AsRef::as_ref))).collect()
    }
}

impl Book {
    /// The book of `claims`, as it stands after `revision`.
    #[must_use]
    pub fn new(revision: u64, claims: impl IntoIterator<Item = Claim>) -> Self {
        let mut book = Self { revision, ..Self::default() };
        for claim in claims {
            book.put(Arc::new(claim));
        }
        book
    }

    /// How often it was changed.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// How many claims it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.claims.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.claims.is_empty()
    }

    /// Every claim, in order of id.
    pub fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.claims.values().map(AsRef::as_ref)
    }

    /// The claim of `id`.
    #[must_use]
    pub fn claim(&self, id: ClaimId) -> Option<&Claim> {
        self.claims.get(&id).map(AsRef::as_ref)
    }

    /// The claim that is called `name`.
    #[must_use]
    pub fn named(&self, scope: &Scope, protocol: Protocol, name: &Name) -> Option<&Claim> {
        self.claim(*self.names.get(&(scope.clone(), protocol, name.clone()))?)
    }

    /// The claims that take a number of `stand` in `scope`, those of single numbers first.
    pub fn at<'b>(&'b self, scope: &'b Scope, stand: Stand<'b>) -> impl Iterator<Item = &'b Claim> {
        let (first, last) = ((stand.protocol, stand.ports.first), (stand.protocol, stand.ports.last));
        let of_number = self.singles.range(first..=last).map(|(_, scopes)| scopes);
        let singles = of_number.flat_map(move |scopes| meeting(scopes, scope)).flatten();
        let near = singles.chain(&self.ranges).filter_map(|id| self.claim(*id));
        near.filter(move |claim| claim.scope.meets(scope) && claim.stand().meets(&stand))
    }

    /// The book after `changes`, which are one revision.
    pub fn change(&mut self, changes: impl IntoIterator<Item = Change>) {
        self.amend(changes);
        self.revision += 1;
    }

    /// The book with some of the changes that will be one revision.
    pub fn amend(&mut self, changes: impl IntoIterator<Item = Change>) {
        for change in changes {
            match change {
                Change::Add(claim) | Change::Replace(claim) => self.put(claim),
                Change::Remove(id) => self.remove(id),
            }
        }
    }

    fn put(&mut self, claim: Arc<Claim>) {
        self.remove(claim.id);
        let (id, range) = (claim.id, claim.ports);
        self.names.insert((claim.scope.clone(), claim.protocol, claim.name.clone()), id);
        if range.is_one() {
            let scopes = self.singles.entry((claim.protocol, range.first)).or_default();
            scopes.entry(claim.scope.clone()).or_default().push(id);
        } else {
            self.ranges.push(id);
        }
        self.claims.insert(id, claim);
    }

    fn remove(&mut self, id: ClaimId) {
        let Some(claim) = self.claims.remove(&id) else { return };
        let number = (claim.protocol, claim.ports.first);
        if !claim.ports.is_one() {
            self.ranges.retain(|other| *other != id);
        } else if let Some(scopes) = self.singles.get_mut(&number) {
            scopes.values_mut().for_each(|ids| ids.retain(|other| *other != id));
            scopes.retain(|_, ids| !ids.is_empty());
            if scopes.is_empty() {
                self.singles.remove(&number);
            }
        }
        let name = (claim.scope.clone(), claim.protocol, claim.name.clone());
        if self.names.get(&name) == Some(&id) {
            self.names.remove(&name);
        }
    }
}

/// What is kept for the scopes that meet `scope`.
fn meeting<'b, T>(scopes: &'b BTreeMap<Scope, T>, scope: &Scope) -> impl Iterator<Item = &'b T> {
    let others = if *scope == Scope::Fleet { Some(scopes.values()) } else { None };
    let own = match scope {
        Scope::Fleet => [None, None],
        one => [scopes.get(one), scopes.get(&Scope::Fleet)],
    };
    own.into_iter().flatten().chain(others.into_iter().flatten())
}
