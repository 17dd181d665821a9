//! Tells what two ledgers of one host claim, as after a copy of one was put back (A24).

use portreeve_core::{
    ledger::{Book, Claim, Now, Seen},
    plan::{have_any, united},
    text,
    words::Lang,
};

use super::home::{Home, Obeyed};
use crate::{failure::warn, show::escape::visible};

/// So many are told.
const TOLD_MAX: usize = 8;

/// Warns of what of `book` holds here, and is claimed in another ledger of the host too.
pub(crate) fn tell(book: &Book, home: &Home, seen: &Seen<'_>, now: &Now, lang: Lang) {
    for claim in claimed_twice(book, home, seen, now).iter().take(TOLD_MAX) {
        let (claim, release) = (claim.told(), home.asked_by(&claim.release()));
        let told = text!(
            "warning: another ledger of this host claims a number of {claim} too, of this protocol or another; if it is the same, release one of them, this one by {release}",
            "警告: {claim} の番号は、このホストの別の台帳でも申請されています(プロトコルは異なる場合があります)。同じプロトコルであれば、どちらかを解放してください(この申請の解放: {release})"
        );
        warn(&visible(told.in_lang(lang)));
    }
}

fn claimed_twice<'b>(book: &'b Book, home: &Home, seen: &Seen<'_>, now: &Now) -> Vec<&'b Claim> {
    if home.obeyed == Obeyed::ByUser {
        return Vec::new();
    }
    let others = united(home.claimed_by_others().into_iter());
    let is_others = |claim: &&Claim| have_any(&others, claim.ports);
    let here = book.claims().filter(|claim| claim.scope.meets(&home.scope)).filter(is_others);
    here.filter(|claim| claim.holds(seen, now)).collect()
}
