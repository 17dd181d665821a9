//! Who scans this host while it consents: a scan of ours, which is listed and no attack (A19, A20).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::net::IpAddr;

use jiff::Timestamp;

use super::{Bonds, Kind, Source, Suspicion, Watch};
use crate::facts::{Consent, consent::ANSWERED_MAX};

/// Those who were told of, each by the very address that was answered, and until when what they send is no evidence; and all who
/// are answered by now.
#[derive(Debug, Default)]
pub(super) struct Consented(BTreeMap<IpAddr, Timestamp>, BTreeSet<IpAddr>);

impl Consented {
    /// Whether what this address sends at `at` is no evidence.
    pub(super) fn has(&self, from: IpAddr, at: Timestamp) -> bool {
        !self.0.is_empty() && self.0.get(&from.to_canonical()).is_some_and(|until| at < *until)
    }

    /// Whether that is so of an address of `source`: then whatever `source` is suspected of, a neighbour of it did.
    fn has_one_of(&self, source: Source, at: Timestamp) -> bool {
        self.0.iter().any(|(from, until)| Source::of(*from) == source && at < *until)
    }
}

impl Watch {
    /// Until when this host consents to what somebody is suspected of: to the scan of one whom it answered, and to nothing else.
    pub(super) fn consent(&self, suspicion: &Suspicion, bonds: &Bonds) -> Option<Timestamp> {
        let is_scan = suspicion.kind == Kind::PortScan && suspicion.group.is_none();
        if !is_scan || self.consented.has_one_of(suspicion.source, suspicion.at) {
            return None;
        }
        let given = bonds.consents().iter().filter(|(from, _)| Source::of(*from) == suspicion.source);
        given.map(|(_, until)| *until).filter(|until| suspicion.at < *until).max()
    }

    /// Takes what whoever this host consents to sends for no evidence from now on, once he was told of.
    pub fn excuse(&mut self, source: Source, bonds: &Bonds) {
        for (from, until) in bonds.consents().iter().filter(|(from, _)| Source::of(*from) == source) {
            if self.consented.0.len() < ANSWERED_MAX {
                self.consented.0.insert(*from, *until);
            }
        }
        // His neighbours are suspected anew.
        self.forget(source);
    }

    /// Whoever was told of before he was answered is told of once more, when he scans by that consent: what he sends from `now` on is
    /// judged without what was before.
    pub fn expect(&mut self, given: &[Consent], now: Timestamp) {
        let given = given.iter().filter(|consent| consent.holds(now));
        let answered: BTreeSet<IpAddr> = given.flat_map(|consent| &consent.answered).copied().collect();
        let before = core::mem::replace(&mut self.consented.1, answered.clone());
        for from in answered.difference(&before) {
            let source = Source::of(*from);
            if self.suspects.remove(&source).is_some() {
                self.table.forget(self.hash(source));
                self.tell_anew(source);
            }
        }
    }

    /// Holds what is sent from `now` on against whoever has no consent any more of those that are `given`, and nothing of before.
    pub fn excuse_no_more(&mut self, given: &[Consent], now: Timestamp) {
        let holds = |from: &IpAddr| given.iter().any(|it| it.holds(now) && it.answered.contains(from));
        let over: Vec<IpAddr> = self.consented.0.keys().filter(|from| !holds(from)).copied().collect();
        for from in over {
            self.consented.0.remove(&from);
            self.forget(Source::of(from));
        }
    }
}

#[cfg(test)]
mod tests;
