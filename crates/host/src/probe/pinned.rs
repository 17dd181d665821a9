//! The iterators that root pinned: opens each.

use super::{Reason, chain};
use crate::{
    group::Groups,
    pins::{Folder, FolderError, Name, PinError},
};

pub(super) fn probe() -> Result<(), Reason> {
    let folder = Folder::open().map_err(|error| match error {
        FolderError::Absent => Reason::NotPinned,
        FolderError::Foreign => Reason::Foreign,
        FolderError::Closed(_) => Reason::Error(chain(&error)),
    })?;
    let tried = Name::ALL.map(|name| (name, folder.pin(name).map(drop)));
    let missing: Vec<_> = tried
        .iter()
        .filter(|(_, pin)| matches!(pin, Err(PinError::Absent)))
        .map(|(name, _)| name.file())
        .collect();
    let is_any_open = tried.iter().any(|(_, pin)| pin.is_ok());
    if is_any_open && !missing.is_empty() {
        return Err(Reason::Unpinned(missing.join(", ")));
    }
    tried.into_iter().try_for_each(|(_, pin)| pin).map_err(|error| match error {
        PinError::Absent if folder.has_other_layout() => Reason::OtherLayout,
        PinError::Absent => Reason::NotPinned,
        PinError::OfGroup(gid) => Reason::OfGroup(Groups::read().unwrap_or_default().name(gid)),
        PinError::Foreign => Reason::Foreign,
        PinError::Closed(_) => Reason::Error(chain(&error)),
    })
}
