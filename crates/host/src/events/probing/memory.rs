//! What the programs remember between two packets, and how it outlasts them (A19).
//!
//! By names in a bpffs: whoever watches next goes on with the same maps, however this watch ended. At each moment one watch alone does.

use std::{io, os::fd::AsFd as _, time::Duration};

use crate::{
    bpf::{
        hang::{HangError, create},
        object::Object,
    },
    bpffs::{Folder, PinnedError},
    chance::chance,
    lock::{Lock, LockError},
    network::cookie,
    sys::bpf::OpenMap,
};

/// The maps, as bpf/watch.bpf.c calls them.
pub(super) const FIRST_TOUCHES: &str = "first_touches";
pub(super) const KNOWN: &str = "known";
pub(super) const PROBERS: &str = "probers";
const SEED: &str = "seed";
const NAMES: [&str; 6] = ["touched_once", PROBERS, KNOWN, "networks", FIRST_TOUCHES, SEED];

/// Where they have names; the layout is raised whenever a structure of bpf/watch.bpf.c changes.
const FOLDERS: Folder = Folder { what: "watch", layout: 1, netns: None };
const LOCK: &str = "watch.lock";
/// As long as a watch takes to end that is ending.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why it does not outlast this watch.
#[derive(Debug, thiserror::Error)]
pub enum Passing {
    /// Another watch goes on with it, or nobody may say that he does.
    #[error(transparent)]
    Unlocked(#[from] LockError),
    /// The kernel does not tell this network namespace from others.
    #[error("the network namespace has no cookie")]
    NoCookie(#[source] io::Error),
    /// Nothing keeps its names.
    #[error(transparent)]
    Unpinned(#[from] PinnedError),
}

/// The maps.
#[derive(Debug)]
pub(super) struct Memory {
    maps: Vec<OpenMap>,
    /// While this is held nobody else goes on with them.
    _lock: Option<Lock>,
}

impl Memory {
    /// Of nothing yet, and as long as this value.
    ///
    /// # Errors
    ///
    /// The kernel refuses the maps, or has no chance to give.
    pub(super) fn fresh(object: &Object<'_>) -> Result<Self, HangError> {
        let maps = NAMES.into_iter().map(|name| create(object, name, None)).collect::<Result<_, _>>()?;
        let memory = Self { maps, _lock: None };
        memory.seed().map_err(|error| HangError::NoMap(SEED, error))?;
        Ok(memory)
    }

    /// That of the watch before, where it left any, for the next one to go on with; else a fresh one, and why it goes with this value.
    ///
    /// # Errors
    ///
    /// As of [`Self::fresh`].
    pub(super) fn lasting(object: &Object<'_>) -> Result<(Self, Option<Passing>), HangError> {
        let (folder, lock) = match alone() {
            Ok(both) => both,
            Err(why) => return Ok((Self::fresh(object)?, Some(why))),
        };
        if let Some(maps) = left_in(&folder, object) {
            return Ok((Self { maps, _lock: Some(lock) }, None));
        }
        let memory = Self { _lock: Some(lock), ..Self::fresh(object)? };
        let why = memory.put_in(&folder).err().map(Passing::from);
        Ok((memory, why))
    }

    /// The map of this name.
    pub(super) fn map(&self, name: &str) -> Option<&OpenMap> {
        NAMES.iter().position(|of| *of == name).and_then(|place| self.maps.get(place))
    }

    fn seed(&self) -> Result<(), rustix::io::Errno> {
        let [secret, ..] = chance().map_err(|_| rustix::io::Errno::IO)?;
        self.map(SEED).map_or(Ok(()), |seed| seed.put(&0_u32.to_ne_bytes(), &secret.to_ne_bytes()))
    }

    fn put_in(&self, folder: &Folder) -> Result<(), PinnedError> {
        folder.take_away_other_layouts()?;
        folder.put(NAMES.into_iter().zip(self.maps.iter().map(|map| map.as_fd())))
    }
}

/// Where this network namespace has it, for one watch alone.
fn alone() -> Result<(Folder, Lock), Passing> {
    let lock = Lock::take_within(PATIENCE, LOCK)?;
    let netns = Some(cookie().map_err(Passing::NoCookie)?);
    Ok((Folder { netns, ..FOLDERS }, lock))
}

/// What the last watch left; `None` where that is not all of it, or of another layout.
fn left_in(folder: &Folder, object: &Object<'_>) -> Option<Vec<OpenMap>> {
    if !folder.exists().ok()? {
        return None;
    }
    let open = |name| OpenMap::from_fd(folder.open(name).ok()?, object.map(name)?).ok();
    NAMES.into_iter().map(open).collect()
}

/// Takes away what watches of any network namespace left for the next one; whether there was any.
///
/// # Errors
///
/// Somebody else put something there, or the kernel refuses.
pub fn forget() -> Result<bool, PinnedError> {
    FOLDERS.take_away_other_layouts()?;
    let mut had_any = false;
    for folder in FOLDERS.of_every_namespace()? {
        had_any |= folder.take_away()?;
    }
    Ok(had_any)
}
