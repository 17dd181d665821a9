//! Keeps a number before it is claimed in a ledger that the host's usual one knows nothing of: as neither waits for the other,
//! and no network is waited for meanwhile, both would grant it otherwise (A24).

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use portreeve_core::{
    ledger::{Ask, Book, Change, Claim, ClaimId, Now, OtherClaim, Scope, Seen},
    plan::{have_any, united},
    port::PortRange,
};
use portreeve_host::enforce::reserved::{Pledges, Reserved, ReservedError, Wanted};

use super::{
    desk,
    displaced::{keep_displaced, know_where_it_is, standing},
    home::Home,
};
use crate::{
    clients, directories,
    store::{Store, StoreError, Swap},
};

/// A ledger that is open, to be changed.
pub(crate) struct Opened {
    store: Box<dyn Store>,
    ahead: Option<Ahead>,
}

/// Whoever keeps what is about to be claimed.
struct Ahead {
    home: Home,
    pledges: Pledges,
    /// What was kept before what was pledged since the last change.
    before: Option<Wanted>,
    /// The claims that are kept already, and whether the next boot knows.
    kept: BTreeMap<ClaimId, (PortRange, bool)>,
    /// Whether the next boot was told too: once, to see that it can be. The rest it learns from what was claimed, as each time
    /// waits for the disk.
    is_known_to_boot: bool,
}

impl Opened {
    /// The ledger at `home`, for claims of `scope`.
    ///
    /// # Errors
    ///
    /// It is not to be had, or what it claims could not be kept from the host's usual one.
    pub(super) fn at(home: &Home, scope: &Scope) -> Result<Self, StoreError> {
        keep_displaced(home)?;
        // Before it is read: what others keep meanwhile is then seen.
        let ahead = if home.is_beside_usual() { Ahead::begin(home)? } else { None };
        Ok(Self { store: home.within(scope).store()?, ahead })
    }

    /// Keeps at once what `asks` come to as `book` stands, where each of them would be kept before it is claimed: of what comes to
    /// something else meanwhile that is still so.
    ///
    /// # Errors
    ///
    /// It cannot be kept.
    pub(crate) fn expect(
        &mut self,
        asks: &[Ask],
        book: &Book,
        seen: &mut Seen<'_>,
        now: &Now,
    ) -> Result<(), StoreError> {
        let Some(ahead) = &mut self.ahead else { return Ok(()) };
        // What others have of it, each is told as he claims.
        let changes = desk::changes(asks, book, seen, now);
        ahead.keep(&changes).inspect_err(|_| ahead.let_go()).map(drop)
    }

    /// What is kept for claims of it, where the host's usual one would not know them.
    pub(super) fn pledges(&mut self) -> Option<&mut Pledges> {
        self.ahead.as_mut().map(|ahead| &mut ahead.pledges)
    }
}

impl Store for Opened {
    fn load(&mut self) -> Result<Book, StoreError> {
        self.store.load()
    }

    fn swap(&mut self, expected: u64, changes: &[Change]) -> Result<Swap, StoreError> {
        if let Some(ahead) = &mut self.ahead {
            // What was kept for it in part is so no longer.
            let taken = ahead.keep(changes).inspect_err(|_| ahead.let_go())?;
            if !taken.is_empty() {
                return Ok(Swap::Taken(taken));
            }
        }
        let swapped = self.store.swap(expected, changes);
        match (&swapped, &mut self.ahead) {
            (Ok(Swap::Swapped), Some(ahead)) => ahead.before = None,
            (Err(_), Some(ahead)) => ahead.let_go(),
            _ => {}
        }
        swapped
    }

    fn watch(&mut self, known: u64, patience: Duration) -> Result<Option<Book>, StoreError> {
        self.store.watch(known, patience)
    }

    fn uncopied(&mut self) -> Option<StoreError> {
        self.store.uncopied()
    }

    fn changes_max(&self) -> usize {
        self.store.changes_max()
    }
}

impl Ahead {
    /// Nobody but root keeps anything: what others claim stands, and they are told that it is not reserved.
    fn begin(home: &Home) -> Result<Option<Self>, StoreError> {
        let begun = |pledges| Self {
            home: home.clone(),
            pledges,
            before: None,
            kept: BTreeMap::new(),
            is_known_to_boot: false,
        };
        match Pledges::begin(&home.reason()) {
            Err(ReservedError::NotRoot) => Ok(None),
            begin => {
                let begun = begun(begin?);
                home.displaced().into_iter().try_for_each(know_where_it_is)?;
                Ok(Some(begun))
            }
        }
    }

    /// Keeps what `changes` claim here; or, where other ledgers of the host have any of it, tells what that is.
    fn keep(&mut self, changes: &[Change]) -> Result<Vec<OtherClaim>, StoreError> {
        let claims: Vec<&Claim> = self.claims(changes.iter()).filter(|claim| !self.keeps(claim)).collect();
        if claims.is_empty() {
            return Ok(Vec::new());
        }
        let _turn = self.home.turn_beside_usual()?;
        let taken = self.taken(changes);
        if taken.is_empty() {
            self.pledge(&claims)?;
        }
        Ok(taken)
    }

    /// What of it is claimed here.
    fn claims<'c>(&self, changes: impl Iterator<Item = &'c Change>) -> impl Iterator<Item = &'c Claim> {
        let here = |claim: &&Claim| claim.scope.meets(&self.home.scope);
        changes.filter_map(|change| change.claim().map(|claim| &**claim)).filter(here)
    }

    /// What others have of the numbers that come.
    fn taken(&self, changes: &[Change]) -> Vec<OtherClaim> {
        let added = changes.iter().filter(|change| matches!(change, Change::Add(_)));
        let added = united(self.claims(added).map(|claim| claim.ports));
        let is_taken = |claim: &OtherClaim| have_any(&added, claim.ports);
        self.home.claimed_by_others().into_iter().filter(is_taken).collect()
    }

    /// Gives back what was pledged for changes that were not made; what somebody pledged beside us nobody can tell from that.
    fn let_go(&mut self) {
        let Some(before) = self.before.take() else { return };
        self.kept.clear();
        let Ok(reserved) = Reserved::open(directories::reserved().as_deref()) else { return };
        if self.pledges.are_all(&reserved) {
            let reason = self.home.reason();
            let change = clients::reservation(&reserved, &reason, &before.now);
            // What stays is found by `claims --repair`.
            let _ = reserved.apply(&reason, &before, &change);
        }
    }

    fn keeps(&self, claim: &Claim) -> bool {
        let outlasts = claim.lease.outlasts_boot(Timestamp::now());
        self.kept
            .get(&claim.id)
            .is_some_and(|(ports, is_at_boot)| *ports == claim.ports && (*is_at_boot || !outlasts))
    }

    fn pledge(&mut self, claims: &[&Claim]) -> Result<(), StoreError> {
        let reserved = Reserved::open(directories::reserved().as_deref())?;
        let (reason, wall) = (self.home.reason(), Timestamp::now());
        let is_news = |claim: &Claim| !self.is_known_to_boot && claim.lease.outlasts_boot(wall);
        let news = claims.iter().filter(|claim| is_news(claim));
        let wanted = Wanted {
            now: clients::beside(reserved.wanted(&reason), claims.iter().map(|claim| claim.ports)),
            at_boot: Some(clients::beside(reserved.lasting(&reason), news.map(|claim| claim.ports))),
        };
        self.before.get_or_insert_with(|| standing(&reserved, &reason));
        let change = clients::reservation(&reserved, &reason, &wanted.now);
        match self.pledges.keep(reserved, &reason, &wanted, &change) {
            // It is on record all the same, which the usual ledger reads.
            Ok(()) | Err(ReservedError::Write(_) | ReservedError::Short) => {}
            Err(error) => return Err(error.into()),
        }
        let kept: Vec<_> = claims.iter().map(|claim| (claim.id, (claim.ports, is_news(claim)))).collect();
        self.is_known_to_boot |= kept.iter().any(|(_, (_, is_at_boot))| *is_at_boot);
        self.kept.extend(kept);
        Ok(())
    }
}
