//! Writes down who was told of, while somebody watches (A19).

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use portreeve_core::watch::{Confidence, Reaction, Source, Suspicion, Watch};

use crate::commands::watch::{
    lapse::{self, How, Kept, Lapse},
    react::Reacted,
    told::{Told, ToldError},
};

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
    /// Why some of it is missing, or will be.
    lapse: Option<Lapse>,
}

impl Keeping {
    /// After whoever is kept in `folder`; what cannot be read there is begun anew.
    pub(super) fn in_folder(folder: Option<PathBuf>) -> Self {
        let read = folder.as_deref().map_or_else(|| Ok(Told::default()), Told::read);
        let (told, lapse) =
            read.map_or_else(|error| (Told::default(), Some(broken(error))), |told| (told, None));
        Self { folder, told, is_new: true, written: None, lapse }
    }

    /// Why some of it is missing, or will be.
    pub(super) const fn lapse(&self) -> Option<&Lapse> {
        self.lapse.as_ref()
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
        let unwritten = self.told.write(folder, watch, now).err().map(|error| error.path().to_owned());
        // What could not be written is new the next time, too.
        self.is_new = unwritten.is_some();
        self.lapse = lapse::after(self.lapse.take(), Kept::Told, unwritten);
    }
}

fn broken(error: ToldError) -> Lapse {
    let (ToldError::Read { path, .. } | ToldError::Garbled { path }) = error;
    Lapse { of: Kept::Told, how: How::Broken, path }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use jiff::Timestamp;

    use super::*;

    #[test]
    fn what_is_broken_or_cannot_be_written_is_known() {
        let folder = std::env::temp_dir().join(format!("portreeve-keeping-{}", std::process::id()));
        let (file, watch) = (folder.join("told.json"), Watch::new([1, 2], Timestamp::UNIX_EPOCH));
        let how = |kept: &Keeping| kept.lapse().map(|lapse| (lapse.how, lapse.path.clone()));
        fs::create_dir(&folder).unwrap();
        assert_eq!(how(&Keeping::in_folder(Some(folder.clone()))), None);
        fs::write(&file, "{").unwrap();
        let mut kept = Keeping::in_folder(Some(folder.clone()));
        assert_eq!(how(&kept), Some((How::Broken, file.clone())));
        kept.keep_now(&watch, Told::default());
        assert_eq!(how(&kept), Some((How::Broken, file.clone())), "what was there is lost");
        // Nothing can take the place of a folder.
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        let mut kept = Keeping { lapse: None, ..kept };
        kept.keep_now(&watch, Told::default());
        assert_eq!(how(&kept), Some((How::Unwritten, file.clone())));
        fs::remove_dir(&file).unwrap();
        kept.keep_now(&watch, Told::default());
        assert_eq!(how(&kept), None, "there is room again");
        fs::remove_dir_all(folder).unwrap();
    }
}
