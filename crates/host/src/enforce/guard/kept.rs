//! What the guard keeps and has on trial, as the kernel tells it (A24).

use std::collections::BTreeMap;

use portreeve_core::guard::{Badge, Rules};

use super::{
    Guard, GuardError, NAMES, RULES,
    names::{Owners, Slot, badge_of},
    object,
    rules::{read_place, read_rule},
};
use crate::{
    enforce::generations::Untold,
    sys::bpf::{OpenMap, Pair},
};

impl Guard {
    /// What is kept for good in the network namespace with this cookie.
    ///
    /// # Errors
    ///
    /// What the kernel answers.
    pub fn rules(&self, cookie: u64) -> Result<Rules, GuardError> {
        Ok(self.every_rule()?.remove(&cookie).unwrap_or_default())
    }

    /// The same of what is on trial; `None` where nothing is.
    ///
    /// # Errors
    ///
    /// What the kernel answers.
    pub fn rules_on_trial(&self, cookie: u64) -> Result<Option<Rules>, GuardError> {
        let object = object();
        let inner = object.map(RULES).expect("the programs were written with it");
        let tried = self.generations().on_trial(inner)?;
        let tried = tried.map(|tried| self.read(all_of(&tried)?)).transpose()?;
        Ok(tried.map(|mut tried| tried.remove(&cookie).unwrap_or_default()))
    }

    /// Those of each namespace that are kept for good; what nobody of ours wrote is passed over.
    pub(super) fn every_rule(&self) -> Result<BTreeMap<u64, Rules>, GuardError> {
        self.read(self.standing_rules()?)
    }

    fn read(&self, rules: Vec<Pair>) -> Result<BTreeMap<u64, Rules>, GuardError> {
        let badges = self.badges()?;
        let mut all: BTreeMap<u64, Rules> = BTreeMap::new();
        for (place, rule) in rules {
            let Some((cookie, protocol, port)) = read_place(&place) else { continue };
            let Some(entries) = read_rule(&rule, &badges) else { continue };
            all.entry(cookie).or_default().entries.insert((protocol, port), entries);
        }
        Ok(all)
    }

    pub(super) fn standing_rules(&self) -> Result<Vec<Pair>, GuardError> {
        let object = object();
        let inner = object.map(RULES).expect("the programs were written with it");
        let standing = self.generations().for_good(inner)?;
        standing.map_or(Ok(Vec::new()), |standing| all_of(&standing))
    }

    /// Who has a number among names of cgroups.
    fn badges(&self) -> Result<BTreeMap<Slot, Badge>, GuardError> {
        let known = self.map(NAMES).all().map_err(|error| Untold(NAMES, error))?;
        let badge = |(name, owners): (Vec<u8>, Vec<u8>)| Some((Owners::read(&owners)?.own, badge_of(&name)?));
        Ok(known.into_iter().filter_map(badge).filter(|(own, _)| *own != 0).collect())
    }
}

fn all_of(rules: &OpenMap) -> Result<Vec<Pair>, GuardError> {
    Ok(rules.all().map_err(|error| Untold(RULES, error))?)
}
