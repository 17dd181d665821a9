//! What clients get back when another file takes the place of a ledger (A9, A25).

use portreeve_core::{
    plan::{have_any, united},
    port::PortRange,
    text,
};
use portreeve_host::enforce::reserved::{OtherLedger, Reason, reserved};

use super::{home::Home, kernel};
use crate::{clients, failure::Failure, show::out::Out};

/// What the kernel keeps for a ledger and for those that were at its place, before anything changes.
#[derive(Debug)]
pub(crate) struct Held(Vec<PortRange>);

impl Held {
    /// For the one of `home` and these.
    pub(crate) fn of(home: &Home, former: &[OtherLedger]) -> Self {
        let others = former.iter().cloned().map(Reason::OtherLedger);
        Self(kernel::kept_of(others.chain([home.reason()])))
    }

    /// For these alone.
    pub(crate) fn of_former(former: &[OtherLedger]) -> Self {
        Self(kernel::kept_of(former.iter().cloned().map(Reason::OtherLedger)))
    }

    /// Whether that is nothing.
    pub(crate) const fn is_nothing(&self) -> bool {
        self.0.is_empty()
    }

    /// Says what of it the kernel keeps no more.
    ///
    /// # Errors
    ///
    /// Where nobody reads it.
    pub(crate) fn tell_given(&self, out: &mut Out) -> Result<(), Failure> {
        // Where the kernel does not tell what it keeps, nobody can tell what it does not.
        let Ok(now) = reserved() else { return Ok(()) };
        let (now, numbers) =
            (united(now.into_iter()), self.0.iter().flat_map(|range| range.first..=range.last));
        let given = united(numbers.map(PortRange::one).filter(|port| !have_any(&now, *port)));
        if given.is_empty() {
            return Ok(());
        }
        let numbers = clients::listed(&given);
        let back = text!(
            "Given back to clients: {numbers}, which the ledger that was here had claimed; if that was moved, portreeve claims --repair --ledger FILE keeps them again.",
            "以前ここにあった台帳で申請されていた {numbers} の予約を解除しました。その台帳を移動しただけの場合は、portreeve claims --repair --ledger FILE で予約し直せます。"
        );
        out.sentences(back.in_lang(out.lang))
    }
}
