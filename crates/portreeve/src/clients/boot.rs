//! What the next boot keeps from clients: what was kept for it beside the receipts, and what the host's own ledger says, which it
//! reads itself (A9, A15, A24).

use std::{collections::BTreeMap, iter};

use portreeve_core::port::PortRange;
use portreeve_host::enforce::reserved::{Reason, Reserved, ReservedError, Usual, Wanted, lasting};

use super::reservation;
use crate::{
    directories,
    ledger::kernel::{KeepError, claimed_beyond_boot, usual},
    ledger::know_where_usual_is,
};

/// What was kept, by reason.
type Beside = BTreeMap<Reason, Vec<PortRange>>;

/// Keeps all of it from clients again, as the host boots; what changed since the boot stays so.
///
/// # Errors
///
/// What is kept for the boot or the ledger cannot be read, or the kernel refuses; for other reasons it is done all the same.
pub(crate) fn reserve_again() -> Result<(), KeepError> {
    know_where_usual_is()?;
    again(|_| true)
}

/// The same of what is claimed in other ledgers than the host's own.
///
/// # Errors
///
/// As of [`reserve_again`].
pub(crate) fn reserve_others_again() -> Result<(), KeepError> {
    again(|reason| reason.other_ledger().is_some())
}

fn again(is_meant: impl Fn(&Reason) -> bool) -> Result<(), KeepError> {
    let Some(path) = directories::reserved() else { return Ok(()) };
    let beside = lasting(&path).map_err(ReservedError::Record)?;
    let again = |reason| {
        let wanted = wanted(&beside, &reason)?;
        if wanted.is_empty() {
            return Ok(());
        }
        let reserved = Reserved::open(Some(&path))?;
        let now = reserved.wanted(&reason).map_or(wanted, <[_]>::to_vec);
        let change = reservation(&reserved, &reason, &now);
        Ok(reserved.apply(&reason, &Wanted { now, at_boot: beside.get(&reason).cloned() }, &change)?)
    };
    reasons(&beside).filter(is_meant).map(again).collect::<Vec<_>>().into_iter().collect()
}

/// Whether the next boot keeps anything from clients, as far as that can be read.
pub(crate) fn has_any() -> bool {
    let beside = kept();
    reasons(&beside).any(|reason| wanted(&beside, &reason).is_ok_and(|ranges| !ranges.is_empty()))
}

/// The same for the policy.
pub(super) fn has_declared() -> bool {
    kept().get(&Reason::Declared).is_some_and(|ranges| !ranges.is_empty())
}

fn kept() -> Beside {
    directories::reserved().and_then(|path| lasting(&path).ok()).unwrap_or_default()
}

/// What is wanted for `reason`: of what is claimed nothing is kept beside where the host's own ledger has it.
fn wanted(beside: &Beside, reason: &Reason) -> Result<Vec<PortRange>, KeepError> {
    match (beside.get_key_value(reason), reason) {
        (Some((Reason::Ledger(Usual(Some(_))), _)) | None, Reason::Ledger(_)) => Ok(claimed_beyond_boot()?),
        (Some((_, ranges)), _) => Ok(ranges.clone()),
        (None, Reason::OtherLedger(_) | Reason::Declared) => Ok(Vec::new()),
    }
}

/// Whatever is kept beside, and what the host's own ledger has.
fn reasons(beside: &Beside) -> impl Iterator<Item = Reason> {
    let usual = usual();
    let others: Vec<_> = beside.keys().filter(|reason| **reason != usual).cloned().collect();
    iter::once(usual).chain(others)
}
