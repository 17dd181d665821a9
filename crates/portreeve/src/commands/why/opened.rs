//! Who opened the sockets of one owner's port: sockets that share a number need not share their opener (A12).

use jiff::Timestamp;
use portreeve_core::{
    facts::{Listener, Snapshot},
    opener::{KnownBy, Moment, Opener, opener},
    text,
    words::Text,
};

use crate::{commands::who::answer::places, show::age::ago};

/// More openers of one port than this are counted.
const OPENERS_MAX: usize = 4;

/// The openers of some sockets, in the order of the sockets.
pub(super) struct Openers<'w, 'a> {
    /// Each with the sockets of which the very same is told.
    pub(super) told: Vec<(Vec<&'a Listener>, Opener<'w>)>,
    /// How many sockets have yet others.
    more: usize,
}

impl<'w, 'a: 'w> Openers<'w, 'a> {
    /// Those of `listeners`.
    pub(super) fn of(
        snapshot: &'w Snapshot,
        listeners: &[&'a Listener],
        earlier: Option<&'w Snapshot>,
    ) -> Self {
        let mut openers = Self { told: Vec::new(), more: 0 };
        for &listener in listeners {
            let found = opener(snapshot, listener, earlier);
            match openers.told.iter().position(|(_, known)| known.is_told_like(&found)) {
                Some(at) => openers.told[at].0.push(listener),
                None if openers.told.len() < OPENERS_MAX => openers.told.push((vec![listener], found)),
                None => openers.more += 1,
            }
        }
        openers
    }
}

impl<'w> Openers<'w, '_> {
    /// The one opener of all, where there is but one.
    pub(super) fn only(&self) -> Option<&Opener<'w>> {
        match self.told.as_slice() {
            [(_, opener)] => Some(opener),
            _ => None,
        }
    }

    /// A sentence for each: of several with the endpoints that it opened in front.
    pub(super) fn texts(&self, now: Timestamp) -> Vec<Text> {
        if let Some(opener) = self.only() {
            return vec![one(opener, now)];
        }
        let told = self.told.iter().map(|(sockets, opener)| {
            let (places, Text { en, ja }) = (places(sockets), one(opener, now));
            text!("{places}: {en}", "{places}: {ja}")
        });
        let more = self.more;
        let more = (more > 0).then(|| text!("and {more} more by others", "ほか {more} 件は別のプロセス"));
        told.chain(more).collect()
    }
}

/// Who it was, and between which moments.
fn one(opener: &Opener<'_>, now: Timestamp) -> Text {
    let Text { en, ja } = opener.text();
    if opener.latest.known_by == KnownBy::Record {
        let Text { en: en_at, ja: ja_at } = ago(opener.latest.at, now);
        return text!("{en} {en_at}", "{ja}({ja_at})");
    }
    let bound = |moment: &Moment<'_>| (ago(moment.at, now), moment.known_by.text());
    let from = opener.earliest.as_ref().map(bound).map_or_else(Text::default, |(at, by)| {
        let (Text { en, ja }, Text { en: en_by, ja: ja_by }) = (at, by);
        text!("; at the earliest {en} ({en_by})", "。早くとも {ja}({ja_by})")
    });
    let until = Some(&opener.latest).filter(|latest| latest.known_by != KnownBy::Look).map(bound);
    let until = until.map_or_else(Text::default, |(at, by)| {
        let (Text { en, ja }, Text { en: en_by, ja: ja_by }) = (at, by);
        text!("; at the latest {en} ({en_by})", "。遅くとも {ja}({ja_by})")
    });
    Text { en: format!("{en}{}{}", from.en, until.en), ja: format!("{ja}{}{}", from.ja, until.ja) }
}
