//! Tells what two ledgers of one host claim, as after a copy of one was put back (A24).

use portreeve_core::{
    ledger::{Book, Claim, Now, Seen},
    plan::{have_any, united},
    text,
    words::{Lang, Text},
};

use super::home::{Home, Obeyed};
use crate::{failure::warn, show::escape::visible};

/// So many are told.
const TOLD_MAX: usize = 8;

/// Warns of what of `book` holds here, and is claimed in another ledger of the host too.
pub(crate) fn tell(book: &Book, home: &Home, seen: &Seen<'_>, now: &Now, lang: Lang) {
    for (claim, ledger) in claimed_twice(book, home, seen, now).iter().take(TOLD_MAX) {
        let (claim, release) = (claim.told(), home.asked_by(&claim.release()));
        if Home::is_lost_at(ledger) {
            warn(&visible(lost(&claim, ledger).in_lang(lang)));
            continue;
        }
        let told = text!(
            "warning: another ledger of this host ({ledger}) claims a number of {claim} too, of this protocol or another; if it is the same, release one of them, this one by {release}",
            "警告: {claim} の番号は、このホストの別の台帳({ledger})でも申請されています(プロトコルは異なる場合があります)。同じプロトコルであれば、どちらかを解放してください(この申請の解放: {release})"
        );
        warn(&visible(told.in_lang(lang)));
    }
}

/// The other one may have been moved to where this one is.
fn lost(claim: &str, ledger: &str) -> Text {
    text!(
        "warning: the kernel keeps a number of {claim} for the ledger of this host too, and nothing is at {ledger}: if it was moved, put it back there",
        "警告: {claim} の番号は、このホストの台帳({ledger})の申請としても予約されていますが、そこには何もありません。移動した場合は元に戻してください"
    )
}

/// The claims, each with the other ledger.
fn claimed_twice<'b>(book: &'b Book, home: &Home, seen: &Seen<'_>, now: &Now) -> Vec<(&'b Claim, Box<str>)> {
    if home.obeyed == Obeyed::ByUser {
        return Vec::new();
    }
    let others = home.claimed_by_others();
    let all = united(others.iter().map(|other| other.ports));
    let here = book.claims().filter(|claim| claim.scope.meets(&home.scope));
    let here = here.filter(|claim| have_any(&all, claim.ports) && claim.holds(seen, now));
    let other = |claim: &Claim| others.iter().find(|other| other.ports.overlaps(claim.ports));
    here.filter_map(|claim| Some((claim, other(claim)?.ledger.clone()))).collect()
}
