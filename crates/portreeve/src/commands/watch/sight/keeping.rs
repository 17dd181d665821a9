//! Writes down who was told of, while somebody watches (A19).

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use portreeve_core::watch::{Confidence, Reaction, Source, Suspicion, Watch};

use crate::commands::watch::{react::Reacted, told::Told};

/// So often at most.
const EACH: Duration = Duration::from_secs(1);
/// Whoever was told of may go on.
const QUIET: Duration = Duration::from_secs(30);
/// What the wall clock may have been set by since a moment that the kernel counts from the boot.
const CLOCKS: SignedDuration = SignedDuration::from_mins(1);

/// Who was told of, and where that is written down.
pub(super) struct Keeping {
    folder: Option<PathBuf>,
    told: Told,
    is_new: bool,
    written: Option<Instant>,
}

impl Keeping {
    /// After whoever is kept in `folder`; what cannot be read there is begun anew.
    pub(super) fn in_folder(folder: Option<PathBuf>) -> Self {
        let told = folder.as_deref().and_then(|folder| Told::read(folder).ok()).unwrap_or_default();
        Self { folder, told, is_new: true, written: None }
    }

    /// Whether he was told of for this already, as far as is kept.
    pub(super) fn has(&self, suspicion: &Suspicion) -> bool {
        self.told.all.iter().map(|told| &told.suspicion).any(|told| {
            let was_proven = told.confidence == Confidence::Proven;
            let is_same = (told.source, told.kind) == (suspicion.source, suspicion.kind);
            is_same
                && told.at + CLOCKS >= suspicion.first
                && (was_proven || told.confidence == suspicion.confidence)
        })
    }

    /// Who was told of and not kept out, of what became of him and when.
    pub(super) fn spared(&self) -> impl Iterator<Item = (Source, &Reaction, Timestamp)> {
        let spared = self.told.all.iter().filter(|told| !matches!(told.reaction, Reaction::Block(_)));
        spared.map(|told| (told.suspicion.source, &told.reaction, told.suspicion.at))
    }

    /// Another watch has written there: whom it told of is kept, too.
    pub(super) fn take_over(&mut self) {
        if let Some(Ok(theirs)) = self.folder.as_deref().map(Told::read) {
            self.told.take_in(theirs);
        }
    }

    /// Adds these.
    pub(super) fn add(&mut self, reacted: &[Reacted]) {
        self.is_new |= !reacted.is_empty();
        reacted.iter().cloned().for_each(|one| self.told.add(one));
    }

    /// Writes all of them down where the last time was long enough ago.
    pub(super) fn keep(&mut self, watch: &Watch, tell: impl FnOnce() -> Told) {
        let each = if self.is_new { EACH } else { QUIET };
        if self.written.is_none_or(|written| written.elapsed() >= each) {
            self.keep_now(watch, tell());
        }
    }

    /// The same at once, with what `by_now` says beside whom was told of.
    pub(super) fn keep_now(&mut self, watch: &Watch, by_now: Told) {
        let all = std::mem::take(&mut self.told.all);
        let now = by_now.at;
        self.told = Told { all, ..by_now };
        self.written = Some(Instant::now());
        let Some(folder) = &self.folder else { return };
        // Whoever asks hears from the time of the last one that it is old.
        self.is_new = self.told.write(folder, watch, now).is_err();
    }
}
