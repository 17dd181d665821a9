//! What is not kept for those who ask later, or was kept and is lost (A19, A20).

use std::path::PathBuf;

/// A file of the watch's that does not do what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lapse {
    /// What it is for.
    pub(crate) of: Kept,
    /// What is wrong with it.
    pub(crate) how: How,
    /// Where it is, or what is in its way.
    pub(crate) path: PathBuf,
}

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Who was told of.
    Told,
    /// What is usual for each port.
    Usual,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// What the watch before wrote cannot be read: it begins anew.
    Broken,
    /// It cannot be written.
    Unwritten,
}

/// What is wrong by now, as far as was known before and is known of the newest writing; what was lost once stays so.
pub(super) fn after(before: Option<Lapse>, of: Kept, unwritten: Option<PathBuf>) -> Option<Lapse> {
    match unwritten {
        Some(path) => Some(Lapse { of, how: How::Unwritten, path }),
        None => before.filter(|lapse| lapse.how == How::Broken),
    }
}
