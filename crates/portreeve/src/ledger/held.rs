//! What clients get back when another file takes the place of a ledger (A9, A25).

use portreeve_core::{
    plan::{have_any, united},
    port::PortRange,
    text,
    words::{Lang, Text},
};
use portreeve_host::enforce::reserved::{OtherLedger, Reason, reserved};

use super::{
    home::{Home, replaced_usual},
    kernel,
};
use crate::{
    clients,
    failure::{Failure, warn},
    show::{escape::visible, out::Out},
};

/// What the kernel keeps for a ledger and for those that were at its place, before anything changes.
#[derive(Debug)]
pub(crate) struct Held(Vec<PortRange>);

impl Held {
    /// For the one of `home` and these.
    pub(crate) fn of(home: &Home, former: &[OtherLedger]) -> Self {
        let others = former.iter().cloned().map(Reason::OtherLedger);
        Self(kernel::kept_of(others.chain([home.reason()])))
    }

    /// For those whose place `home` has taken, with no word of them anywhere else.
    pub(crate) fn of_replaced(home: &Home) -> Self {
        let usual = lost_usual(home);
        let others = home.replaced().into_iter().map(Reason::OtherLedger);
        Self(kernel::kept_of(others.chain(usual.map(|_| Reason::LEDGER))))
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
        self.given().map_or(Ok(()), |given| out.sentences(given.in_lang(out.lang)))
    }

    /// The same as a warning, beside what was asked for.
    pub(crate) fn warn_of_given(&self, lang: Lang) {
        if let Some(Text { en, ja }) = self.given() {
            warn(&visible(text!("warning: {en}", "警告: {ja}").in_lang(lang)));
        }
    }

    fn given(&self) -> Option<Text> {
        // Where the kernel does not tell what it keeps, nobody can tell what it does not.
        let now = united(reserved().ok()?.into_iter());
        let numbers = self.0.iter().flat_map(|range| range.first..=range.last);
        let given = united(numbers.map(PortRange::one).filter(|port| !have_any(&now, *port)));
        let numbers = (!given.is_empty()).then(|| clients::listed(&given))?;
        Some(text!(
            "Given back to clients: {numbers}, which the ledger that was here had claimed; if that was moved, portreeve claims --repair --ledger FILE keeps them again.",
            "以前ここにあった台帳で申請されていた {numbers} の予約を解除しました。その台帳を移動しただけの場合は、portreeve claims --repair --ledger FILE で予約し直せます。"
        ))
    }
}

/// The host's usual one, where `home` has its place and nobody knows where it is.
fn lost_usual(home: &Home) -> Option<OtherLedger> {
    replaced_usual().filter(|usual| home.is_read_by_boot() && home.found(usual).is_none())
}

/// Says, as the host boots, that another ledger is where the usual one was: which numbers that one claimed nobody can tell then.
pub(crate) fn warn_of_replaced(lang: Lang) {
    let Some(usual) = Home::of_boot().and_then(|home| lost_usual(&home)) else { return };
    let place = usual.place();
    let said = text!(
        "warning: {place} is not the file that was there before: what that one claimed is not kept from clients; if it was moved, portreeve claims --repair --ledger FILE keeps it again.",
        "警告: {place} は以前そこにあったファイルではありません。以前の台帳で申請されていたポートは予約されません。その台帳を移動しただけの場合は、portreeve claims --repair --ledger FILE で予約し直せます。"
    );
    warn(&visible(said.in_lang(lang)));
}
