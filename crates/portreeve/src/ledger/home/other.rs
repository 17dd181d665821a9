//! Which ledger of the host a home is, where the kernel keeps numbers for several: its file tells, wherever it is (A24).

use std::{cell::LazyCell, path::Path};

use portreeve_core::port::PortRange;
use portreeve_host::enforce::reserved::{
    OtherLedger, Reason, Usual, lasting, other_ledgers, usual_known, wanted_for,
};

use super::{Home, Obeyed, is_closed};
use crate::{
    directories,
    ledger::place::Place,
    store::{Sqlite, is_same},
};

impl Home {
    /// Why the kernel keeps what it claims, or would.
    pub(crate) fn reason(&self) -> Reason {
        if !self.is_other && self.obeyed == Obeyed::ByHost {
            return Reason::Ledger(self.as_usual());
        }
        let (known, own) = (self.known_beside(), self.as_other());
        let is_same = |known: &&OtherLedger| self.file().is_none() || known.is_file_of(&own);
        Reason::OtherLedger(match (known.iter().find(is_same), known.first()) {
            (Some(same), _) if self.file().is_some() && !is_still_there(same) => same.clone().at(&own),
            (Some(same), _) => same.clone(),
            (None, Some(former)) => own.in_place_of(former),
            (None, None) => own,
        })
    }

    /// What it was before another copy of it took its place, for which the kernel may still keep something.
    pub(crate) fn replaced(&self) -> Vec<OtherLedger> {
        let own = self.as_other();
        let mut known = if self.file().is_some() { self.known_beside() } else { Vec::new() };
        known.retain(|known| !known.is_file_of(&own));
        known
    }

    /// Those that were at its place and have moved to where another known one was, as they are to be known from now on.
    pub(in crate::ledger) fn displaced(&self) -> Vec<OtherLedger> {
        if self.file().is_none() {
            return Vec::new();
        }
        let own = self.as_other();
        known_ones()
            .filter(|known| known.is_replaced_by(&own) && !known.is_file_of(&own))
            .filter_map(|known| moved(&known))
            .collect()
    }

    /// What it is called where it is the host's usual one.
    fn as_usual(&self) -> Usual {
        let file = self.file().map(in_file);
        Usual(file.filter(OtherLedger::is_identified))
    }

    /// Which was the host's usual one before another file took its place, where that is known to be now; and what it claims, as far as
    /// that can be read or is kept.
    pub(in crate::ledger) fn displaced_usual(&self) -> Option<(OtherLedger, Vec<PortRange>)> {
        let former = replaced_usual()?;
        // Whoever may not look at a known one cannot tell that it is not there.
        let closed = || known_ones().find(|known| is_closed(Path::new(known.place())));
        let place = self.found(&former).or_else(closed)?;
        let former = former.at(&place);
        let mut claimed = wanted_for(&Reason::LEDGER);
        claimed.extend(
            self.claimed_at(Path::new(former.place())).into_iter().filter(|_| is_still_there(&former)),
        );
        Some((former, claimed))
    }

    /// Where `usual` is now, whose place another file has taken: here, or at another known place.
    pub(in crate::ledger) fn found(&self, usual: &OtherLedger) -> Option<OtherLedger> {
        let own = Some(self.as_other()).filter(|own| own.is_file_of(usual));
        own.or_else(|| moved(usual))
    }

    /// What it is called where it is another one.
    fn as_other(&self) -> OtherLedger {
        self.file().map_or_else(|| OtherLedger::new(&self.place.told(), None), in_file)
    }

    /// Tells whether a known one is this one, also where it has been moved, its directory is mounted at a second place, a copy of it
    /// was put in its place, it is written with other members, or was asked beside a fleet's.
    pub(super) fn is_this(&self) -> impl Fn(&OtherLedger) -> bool {
        // Where none is known its file is not looked at.
        let own = LazyCell::new(|| self.as_other());
        move |known| match &self.place {
            Place::File(_) => {
                known.is_file_of(&own) || (known.is_replaced_by(&own) && moved(known).is_none())
            }
            Place::Etcd(url) => is_same(url, known.place()),
        }
    }

    /// What it was called where it was another one, as beside a fleet's.
    pub(in crate::ledger) fn known_beside(&self) -> Vec<OtherLedger> {
        known_ones().filter(self.is_this()).collect()
    }

    /// Some of what is kept for what is, or was, at its place; for the usual one, for a file that the boot would read.
    pub(super) fn kept(&self) -> Option<PortRange> {
        if self.is_other {
            return self.kept_at_place().into_iter().map(|(_, kept)| kept).next();
        }
        let of_fleet =
            || directories::reserved().and_then(|path| lasting(&path).ok()?.remove(&Reason::LEDGER));
        let kept = wanted_for(&Reason::LEDGER);
        let is_of_file = || self.obeyed == Obeyed::ByHost && of_fleet().is_none_or(|kept| kept.is_empty());
        kept.first().copied().filter(|_| is_of_file())
    }

    /// What goes where a new ledger begins at its place: the one of which there is word that it was made there, wherever it is known
    /// and is not any more; without a word, or beside one that stands, whatever else was there.
    pub(crate) fn given_up(&self) -> Vec<OtherLedger> {
        let Some(path) = self.file() else { return Vec::new() };
        let own = self.as_other();
        let made = Sqlite::made(path).filter(|_| !own.is_identified());
        let is_here = |known: &OtherLedger| known.place() == own.place();
        let is_gone = |known: &OtherLedger| match &made {
            Some(made) => known.is_of(made) && (is_here(known) || !is_still_there(known)),
            None => is_here(known) && !known.is_file_of(&own),
        };
        known_ones().filter(is_gone).collect()
    }

    /// The other ledgers at its place, this one or not, for which anything is kept, or is to be at the next boot.
    pub(crate) fn kept_at_place(&self) -> Vec<(OtherLedger, PortRange)> {
        let place = self.place.told();
        let known = other_ledgers(directories::reserved().as_deref()).into_iter();
        let kept = known.filter_map(|(ledger, kept)| Some((ledger, kept?)));
        kept.filter(|(ledger, _)| ledger.place() == place).collect()
    }
}

/// Every other ledger of the host that was asked by root, as far as its file is there, or the kernel keeps anything for it.
fn known_ones() -> impl Iterator<Item = OtherLedger> {
    other_ledgers(directories::reserved().as_deref()).into_iter().map(|(known, _)| known)
}

/// The host's usual one, as it was when anything was kept for it.
fn known_usual() -> Option<OtherLedger> {
    usual_known(directories::reserved().as_deref())
}

/// The same where another ledger is at its place now.
pub(in crate::ledger) fn replaced_usual() -> Option<OtherLedger> {
    let former = known_usual()?;
    let usual = in_file(Path::new(former.place()));
    (usual.is_identified() && !usual.is_file_of(&former)).then_some(former)
}

/// The ledger in the file at `path`, as another one.
fn in_file(path: &Path) -> OtherLedger {
    let identity = Sqlite::identity(path);
    let identity = identity.as_ref().map(|(ledger, file)| (ledger.as_str(), file.as_str()));
    OtherLedger::new(&path.display().to_string(), identity)
}

/// A known one where it is now, where it has moved to the place of another known one: of two that change places neither is gone.
fn moved(known: &OtherLedger) -> Option<OtherLedger> {
    let mut places = known_ones().chain(known_usual()).filter(|other| other.place() != known.place());
    let place = places.find(|other| in_file(Path::new(other.place())).is_file_of(known))?;
    Some(known.clone().at(&place))
}

/// Whether a known one is at its place yet: then it is not moved, and seen at a second one.
fn is_still_there(known: &OtherLedger) -> bool {
    in_file(Path::new(known.place())).is_file_of(known)
}
