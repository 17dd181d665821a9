//! What the kernel counts of many, and what is usual of it (A14, A19).

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use portreeve_core::watch::{Event, FirstTouches, Happening, Known, Suspicion, Watch};
use portreeve_host::events::probing::Probing;

use crate::commands::watch::{
    lapse::{self, How, Kept::Usual, Lapse},
    usual::{Kept, keep, kept},
};

/// So often it is looked whether many share a scan.
const LOOK_EACH: Duration = Duration::from_secs(10);
/// And so often it is written down what is usual: whatever ends a watch costs no more of it.
const KEEP_EACH: Duration = Duration::from_secs(10 * 60);

/// When that was done last, and where it is kept.
pub(super) struct Many {
    looked: Instant,
    kept: Instant,
    folder: Option<PathBuf>,
    /// Why some of it is missing, or will be.
    lapse: Option<Lapse>,
    /// What was counted, so that counting takes no memory each time.
    touches: Vec<FirstTouches>,
}

impl Many {
    /// Goes on after what is kept in `folder`.
    pub(super) fn after(folder: Option<PathBuf>, watch: &mut Watch, now: Timestamp) -> Self {
        let before = folder.as_deref().map_or(Kept::Nothing, |folder| kept(folder, now));
        if let Kept::Usual(usual) = &before {
            watch.recall_usual(usual, now);
        }
        let folder = folder.filter(|_| before != Kept::Newer);
        let lapse = match before {
            Kept::Broken(path) => Some(Lapse { of: Usual, how: How::Broken, path }),
            Kept::Usual(_) | Kept::Nothing | Kept::Newer => None,
        };
        Self { looked: Instant::now(), kept: Instant::now(), folder, lapse, touches: Vec::new() }
    }

    /// Why some of what is usual is missing, or will be.
    pub(super) const fn lapse(&self) -> Option<&Lapse> {
        self.lapse.as_ref()
    }

    /// Who shares a scan, where it is time to look; without the kernel's counts all of them were told of one by one.
    pub(super) fn look(
        &mut self,
        probing: Option<&mut Probing>,
        watch: &mut Watch,
        known: &Known,
    ) -> Vec<Suspicion> {
        if self.looked.elapsed() < LOOK_EACH {
            return Vec::new();
        }
        self.looked = Instant::now();
        self.touches.clear();
        if let Some(probing) = probing {
            probing.count(|touches| self.touches.push(touches));
        }
        let what = Happening::Counted(&self.touches);
        watch.step(known, &Event { at: Timestamp::now(), what })
    }

    /// Writes down what is usual, where that was some time ago.
    pub(super) fn keep(&mut self, watch: &Watch) {
        if self.kept.elapsed() >= KEEP_EACH {
            self.keep_now(watch);
        }
    }

    /// The same at once; where that cannot be, the next watch begins anew.
    pub(super) fn keep_now(&mut self, watch: &Watch) {
        self.kept = Instant::now();
        if let Some(folder) = &self.folder {
            let unwritten = keep(folder, &watch.usual()).err().map(|error| error.path().to_owned());
            self.lapse = lapse::after(self.lapse.take(), Usual, unwritten);
        }
    }
}
