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
    Name::ALL.into_iter().try_for_each(|name| folder.pin(name).map(drop)).map_err(|error| match error {
        PinError::Absent if folder.has_other_layout() => Reason::OtherLayout,
        PinError::Absent => Reason::NotPinned,
        PinError::OfGroup(gid) => Reason::OfGroup(Groups::read().unwrap_or_default().name(gid)),
        PinError::Foreign => Reason::Foreign,
        PinError::Closed(_) => Reason::Error(chain(&error)),
    })
}
