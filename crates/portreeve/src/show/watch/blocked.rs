//! Who is kept out now, for a person and as JSON, a line each (A16, A19).

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use portreeve_core::{
    gate::Kept,
    receipt::{Deed, Receipt},
    text,
    watch::Source,
    words::{Text, Words},
};

use super::{ActionView, BLOCK, EMPTY, WatchView};
use crate::{
    failure::Failure,
    show::{
        age::length,
        gate::who,
        out::Out,
        table::{Column, Fit, Table},
    },
};

const COLUMNS: [Column; 4] = [
    Column { head: Words { en: "SOURCE", ja: "送信元" }, fit: Fit::Whole },
    Column { head: Words { en: "LEFT", ja: "残り" }, fit: Fit::Whole },
    Column { head: Words { en: "WHY", ja: "理由" }, fit: Fit::Cut },
    Column { head: Words { en: "RECEIPT", ja: "記録" }, fit: Fit::Whole },
];
const NOBODY: Words = Words { en: "Nobody is kept out.", ja: "遮断中の送信元はありません。" };
const UNTIL_REBOOT: Words = Words { en: "until reboot", ja: "再起動まで" };

/// Somebody who is kept out, and the newest receipt of it, where there is one.
pub(crate) struct Blocked<'h> {
    /// Who, and for how long yet.
    pub(crate) kept: Kept<IpAddr>,
    /// By which change.
    pub(crate) receipt: Option<&'h Receipt>,
}

impl<'h> Blocked<'h> {
    fn why(&self) -> Option<&'h str> {
        match &self.receipt?.deed {
            Deed::Block { why, .. } => why.as_deref(),
            _ => None,
        }
    }
}

/// Tells of all of them.
///
/// # Errors
///
/// Where nobody reads it.
pub(crate) fn print(all: &[Blocked<'_>], out: &mut Out) -> Result<(), Failure> {
    if all.is_empty() {
        return out.sentences(NOBODY.in_lang(out.lang));
    }
    let mut table = Table::new(&COLUMNS, 0);
    for blocked in all {
        let left = blocked.kept.left.map(|left| length(left.as_secs()));
        let left = left.as_ref().map_or(UNTIL_REBOOT.in_lang(out.lang), |left| left.in_lang(out.lang));
        let number = blocked.receipt.map(|receipt| receipt.number.to_string()).unwrap_or_default();
        let why = reason(blocked).in_lang(out.lang).to_owned();
        table.push([source(blocked).into(), left.into(), why.into(), number.into()]);
    }
    out.table(&table)
}

/// Of IPv6 the network.
fn source(blocked: &Blocked<'_>) -> String {
    Source::of(blocked.kept.what).to_string()
}

/// Whose doing it is, and for what.
pub(crate) fn reason(blocked: &Blocked<'_>) -> Text {
    match (blocked.why(), blocked.receipt) {
        (Some(kind), _) => text!("{kind} (the watch)", "{kind}(監視による)"),
        (None, Some(receipt)) => {
            let who = who(&receipt.who);
            text!("by {who}", "{who} による")
        }
        (None, None) => text!("nobody wrote it down", "記録なし"),
    }
}

/// Tells of one, to a program.
///
/// # Errors
///
/// Where nobody reads it.
pub(crate) fn tell(blocked: &Blocked<'_>, now: Timestamp, out: &mut Out) -> Result<(), Failure> {
    out.ndjson(&line(blocked, now))
}

/// A line about one.
pub(crate) fn line<'h>(blocked: &Blocked<'h>, now: Timestamp) -> WatchView<'h> {
    let source = Source::of(blocked.kept.what);
    let left = blocked.kept.left.and_then(|left| SignedDuration::try_from(left).ok());
    let until = left.and_then(|left| now.checked_add(left).ok()).map(|until| until.to_string());
    WatchView {
        event: "blocked",
        at: blocked.receipt.map(|receipt| receipt.at.to_string()),
        source: Some(source.address().to_string()),
        prefix: Some(source.prefix().to_string()),
        kind: blocked.why(),
        action: Some(ActionView { what: BLOCK, until, sessions_ended: None, why_not: None }),
        ..EMPTY
    }
}
