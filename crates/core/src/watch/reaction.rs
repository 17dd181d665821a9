//! What becomes of somebody who is suspected: kept out only where that is proven and allowed (A19).

use alloc::{collections::BTreeSet, vec::Vec};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Confidence, Kind, SUSPECTS_MAX, Source, Suspicion, Watch,
    blocks::Limit,
    spared::{Bond, Bonds},
};
use crate::{
    policy::{WatchChoice, WatchMode},
    receipt::{Deed, History, Outcome},
    text,
    words::Text,
};

/// What becomes of him.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reaction {
    /// He is to be kept out for so long.
    Block(SignedDuration),
    /// He would be, and the policy only observes.
    WouldBlock(SignedDuration),
    /// He is not.
    Spare(Mercy),
}

/// Why somebody is not kept out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mercy {
    /// His address may be another's.
    Unproven,
    /// What he is to this host.
    Bond(Bond),
    /// This host consents until then to be scanned from there.
    Consent(Timestamp),
    /// Many share the work, and none of them does much.
    Group,
    /// The gate does that already, for so long yet or for good.
    KeptOut(Option<SignedDuration>),
    /// Enough are.
    Limit(Limit),
    /// There is no gate that could.
    NoGate,
    /// Somebody else has changed the gate.
    Undermined,
    /// The gate could not be changed.
    Failed,
}

impl Mercy {
    /// The same as a few words, after "not blocked:".
    #[must_use]
    pub fn text(&self) -> Text {
        match self {
            Self::Unproven => text!("unproven", "実在を確認できていない"),
            Self::Bond(bond) => bond.text(),
            Self::Consent(until) => {
                let until = until.strftime("%H:%M");
                text!("this host consents to it until {until}", "このホストが {until} まで許可している")
            }
            Self::Group => text!("many share it", "多数の送信元による"),
            Self::KeptOut(_) => text!("kept out already", "遮断済み"),
            Self::Limit(Limit::Minute) => {
                text!("blocks_per_minute_max is reached", "blocks_per_minute_max に達した")
            }
            Self::Limit(Limit::All) => text!("as many are blocked as can be", "遮断件数の上限に達した"),
            Self::NoGate => text!("there is no gate", "ゲートがない"),
            Self::Undermined => {
                text!("somebody else has changed the gate", "ゲートがほかの手段で書き換えられている")
            }
            Self::Failed => text!("the gate could not be changed", "ゲートを変更できない"),
        }
    }

    /// Whether it is about this moment alone, so that whoever goes on is to be judged again.
    const fn passes(&self) -> bool {
        matches!(self, Self::Limit(_) | Self::NoGate | Self::Undermined | Self::Failed)
    }
}

impl Watch {
    /// What is to become of whoever is suspected, on a host to which these have a bond.
    #[must_use]
    pub fn reaction(&self, suspicion: &Suspicion, choice: &WatchChoice, bonds: &Bonds) -> Reaction {
        if let Some(until) = self.consent(suspicion, bonds) {
            return Reaction::Spare(Mercy::Consent(until));
        }
        let is_unproven = suspicion.confidence == Confidence::Unproven && !choice.block_unproven;
        let spared = suspicion
            .group
            .as_ref()
            .map(|_| Mercy::Group)
            .or(is_unproven.then_some(Mercy::Unproven))
            .or_else(|| bonds.of_source(suspicion.source).map(Mercy::Bond))
            .or_else(|| self.is_welcome(suspicion).then_some(Mercy::Bond(Bond::Welcome)))
            .or_else(|| self.blocks.limit(choice, suspicion.at).map(Mercy::Limit));
        if let Some(mercy) = spared {
            return Reaction::Spare(mercy);
        }
        let length = self.blocks.length(suspicion.source, choice, suspicion.at);
        match choice.mode {
            WatchMode::Observe => Reaction::WouldBlock(length),
            WatchMode::Block => Reaction::Block(length),
        }
    }

    /// Whether somebody has logged in from there: an address that is known to be used here, anybody may write into packets that
    /// touch ports, to have it kept out.
    fn is_welcome(&self, suspicion: &Suspicion) -> bool {
        let tick = self.tick(suspicion.at);
        suspicion.kind == Kind::PortScan && self.welcomed.has(suspicion.source, tick)
    }

    /// Remembers what became of `source` at `at`: whoever is kept out is suspected of nothing until his time is over, and then
    /// anew; so is whoever was spared for the moment.
    pub fn reacted(&mut self, source: Source, reaction: &Reaction, at: Timestamp) {
        match reaction {
            Reaction::Block(length) => {
                let until = at.saturating_add(*length).unwrap_or(Timestamp::MAX);
                self.blocks.put(source, until, at);
                self.forget(source);
            }
            Reaction::Spare(mercy) if mercy.passes() => self.forget(source),
            other => self.open.keep(source, other, at),
        }
    }

    /// Has whoever was not kept out be judged once more when he goes on: at once where the policy `has_changed`, else an hour later,
    /// as he may be nobody's friend any more.
    pub fn reconsider(&mut self, now: Timestamp, has_changed: bool) {
        for source in self.open.due(now, has_changed) {
            if let Some(suspect) = self.suspects.get_mut(&source) {
                suspect.open();
            }
            self.attempts.open(self.key, source);
            self.tell_anew(source);
        }
    }

    /// Remembers at `now` whom a watch kept out before this one began.
    pub fn recall(&mut self, history: &History, now: Timestamp) {
        let made: Vec<_> = history.newest_first().filter(|it| it.outcome == Outcome::Done).collect();
        for receipt in made.into_iter().rev() {
            match receipt.deed {
                Deed::Block { source, until: Some(until), why: Some(_) } => {
                    self.blocks.remember(Source::of(source), until, now);
                }
                Deed::Unblock { source } => self.blocks.forgive(Source::of(source)),
                _ => {}
            }
        }
    }

    /// Learns at `now` of what was done since about whoever is or was kept out, by whomever: of a block of another watch it knows as
    /// of its own, and holds nothing against whoever was let in again.
    pub fn learn(&mut self, deed: &Deed, now: Timestamp) {
        match *deed {
            Deed::Block { source, until: Some(until), why: Some(_) } if now < until => {
                let source = Source::of(source);
                if !self.blocks.has(source, now) {
                    self.forget(source);
                }
                self.blocks.hears(source, until, now);
            }
            Deed::Unblock { source } => self.forgive(Source::of(source)),
            _ => {}
        }
    }

    /// Compares what is remembered with whom the gate keeps out at `now`: whoever it does not, since it is another one or is gone,
    /// does what he does from now on as if his time were over.
    pub fn compare(&mut self, kept_out: &BTreeSet<Source>, now: Timestamp) {
        self.blocks.compare(kept_out, now);
        self.open.compare(kept_out, now);
    }

    /// Somebody was let in again before his time: nothing is held against him.
    pub fn forgive(&mut self, source: Source) {
        self.blocks.forgive(source);
        self.forget(source);
    }

    /// Those of whom nothing is held against them since the last call, or who are to be judged again: also whose block is over at
    /// `now`. Whatever else remembers them is to forget them, so that what they do from then on is news.
    pub fn forgotten(&mut self, now: Timestamp) -> Vec<Source> {
        let mut forgotten = core::mem::take(&mut self.forgotten);
        let before = core::mem::replace(&mut self.freed, now);
        forgotten.extend(self.blocks.ended(before, now));
        forgotten
    }

    /// Whatever else remembers him is to tell of all that he does from now on.
    pub(super) fn tell_anew(&mut self, source: Source) {
        if self.forgotten.len() < SUSPECTS_MAX {
            self.forgotten.push(source);
        }
    }

    pub(super) fn forget(&mut self, source: Source) {
        self.tell_anew(source);
        self.open.forget(source);
        self.suspects.remove(&source);
        self.table.forget(self.hash(source));
        self.attempts.forget(self.key, source);
    }
}

#[cfg(test)]
mod tests;
