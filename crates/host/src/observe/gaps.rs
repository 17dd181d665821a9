//! Collects what could not be seen, one entry a kind.

use portreeve_core::facts::{Gap, GapKind};

/// The gaps of a look so far.
#[derive(Debug, Default)]
pub(super) struct Gaps(Vec<Gap>);

impl Gaps {
    /// Those of a look that go on.
    pub(super) const fn of(gaps: Vec<Gap>) -> Self {
        Self(gaps)
    }

    /// One more thing of this kind, which `detail` names.
    pub(super) fn detailed(&mut self, what: GapKind, detail: &str) {
        self.add_detailed(what, 1, detail);
    }

    /// `count` more things of this kind; none is no gap.
    pub(super) fn add(&mut self, what: GapKind, count: u32) {
        self.add_detailed(what, count, "");
    }

    /// A table or interface of the kernel that does not answer.
    pub(super) fn missing(&mut self, source: &str) {
        self.add_detailed(GapKind::MissingSource, 1, source);
    }

    /// Rules of a packet filter that were not listed, and why.
    pub(super) fn unlisted(&mut self, why: &str) {
        self.add_detailed(GapKind::UnlistedRules, 1, why);
    }

    /// `count` programs that see packets before any rule does.
    pub(super) fn before_rules(&mut self, count: usize, names: &str) {
        self.add_detailed(GapKind::PacketPrograms, u32::try_from(count).unwrap_or(u32::MAX), names);
    }

    /// A list of the kernel that changed each time it was read.
    pub(super) fn unsteady(&mut self, source: &str) {
        self.add_detailed(GapKind::UnsteadyRead, 1, source);
    }

    /// `count` entries of a list that portreeve does not keep.
    pub(super) fn too_many(&mut self, list: &str, count: usize) {
        self.add_detailed(GapKind::TooMany, u32::try_from(count).unwrap_or(u32::MAX), list);
    }

    /// Calls what was counted as `from` `into` instead.
    pub(super) fn call(&mut self, from: GapKind, into: GapKind) {
        let (renamed, kept) = std::mem::take(&mut self.0).into_iter().partition(|gap| gap.what == from);
        self.0 = kept;
        let renamed: Vec<Gap> = renamed;
        renamed.into_iter().for_each(|gap| self.add_detailed(into, gap.count, &gap.detail));
    }

    /// Whether all was seen.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether anything of this kind was not seen.
    pub(super) fn has(&self, what: GapKind) -> bool {
        self.0.iter().any(|gap| gap.what == what)
    }

    /// The gaps of another look.
    pub(super) fn merge(&mut self, other: Self) {
        for gap in other.0 {
            self.add_detailed(gap.what, gap.count, &gap.detail);
        }
    }

    /// All of them, in order of kind.
    pub(super) fn into_sorted(mut self) -> Vec<Gap> {
        self.0.sort_by(|a, b| (a.what, &a.detail).cmp(&(b.what, &b.detail)));
        self.0
    }

    fn add_detailed(&mut self, what: GapKind, count: u32, detail: &str) {
        if count == 0 {
            return;
        }
        match self.0.iter_mut().find(|gap| gap.what == what && gap.detail == detail) {
            Some(gap) if what == GapKind::MissingSource => gap.count = gap.count.max(count),
            Some(gap) => gap.count = gap.count.saturating_add(count),
            None => self.0.push(Gap { what, count, detail: detail.into() }),
        }
    }
}
