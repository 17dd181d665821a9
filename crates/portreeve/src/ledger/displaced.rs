//! Follows known ledgers to where they are now: of those that change places none is taken for another (A24).

use portreeve_core::port::PortRange;
use portreeve_host::enforce::reserved::{OtherLedger, Reason, Reserved, ReservedError, Wanted};
use rustix::process::geteuid;

use super::{home::Home, kernel};
use crate::{clients, directories};

/// Has what is kept for a ledger that was the host's usual one stay kept for it, where it has changed places with another one.
pub(super) fn keep_displaced(home: &Home) -> Result<(), ReservedError> {
    let displaced = home.displaced_usual().filter(|_| geteuid().is_root());
    let Some((former, ranges)) = displaced else { return Ok(()) };
    keep_also(&Reason::OtherLedger(former), &ranges)?;
    // What is at its place now says itself what it claims.
    keep(&kernel::usual(), |_| Wanted::default())
}

/// The same as the host boots.
///
/// # Errors
///
/// The kernel refuses, or what is kept for it cannot be written.
pub(crate) fn know_where_usual_is() -> Result<(), ReservedError> {
    Home::of_boot().map_or(Ok(()), |home| keep_displaced(&home))
}

/// Keeps `ranges` too for `reason`.
fn keep_also(reason: &Reason, ranges: &[PortRange]) -> Result<(), ReservedError> {
    keep(reason, |reserved| {
        let also = |kept: Option<&[PortRange]>| clients::beside(kept, ranges.iter().copied());
        Wanted { now: also(reserved.wanted(reason)), at_boot: Some(also(reserved.lasting(reason))) }
    })
}

/// Writes down at which place a known ledger is now.
pub(super) fn know_where_it_is(ledger: OtherLedger) -> Result<(), ReservedError> {
    let reason = Reason::OtherLedger(ledger);
    keep(&reason, |reserved| standing(reserved, &reason))
}

/// Keeps for `reason` what is wanted, as it stands.
fn keep(reason: &Reason, wanted: impl FnOnce(&Reserved) -> Wanted) -> Result<(), ReservedError> {
    let reserved = Reserved::open(directories::reserved().as_deref())?;
    let wanted = wanted(&reserved);
    let change = clients::reservation(&reserved, reason, &wanted.now);
    reserved.apply(reason, &wanted, &change)
}

/// What is kept for `reason` now.
pub(super) fn standing(reserved: &Reserved, reason: &Reason) -> Wanted {
    let listed = |ranges: Option<&[PortRange]>| ranges.unwrap_or_default().to_vec();
    Wanted { now: listed(reserved.wanted(reason)), at_boot: Some(listed(reserved.lasting(reason))) }
}
