//! Puts the guard into the kernel, and tells it whose numbers are kept (A24; bpf/guard.bpf.c).
//!
//! Its programs go on as long as somebody keeps their ties: this process, or a pin.

mod bytes;
mod kept;
pub mod marks;
mod names;
pub(crate) mod openings;
mod pins;
mod rules;
pub(crate) mod shown;
mod tried;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io,
    os::{
        fd::{AsFd as _, AsRawFd as _, OwnedFd},
        unix::fs::MetadataExt as _,
    },
    path::{Path, PathBuf},
};

use portreeve_core::{guard::Rules, port::Protocol};

pub use self::{pins::take_away, tried::Tried};

use self::{
    marks::MARKS,
    names::{Owners, Slot, member, numbered, paths, standing},
    rules::{place, port_bit, rule},
};
use crate::{
    bpf::{
        hang::{HangError, create, hang, hang_all},
        known::{self, Known, KnownError},
        object::{Object, Program},
    },
    bpffs::{PinnedError, refuse_without_bpffs},
    enforce::generations::{GENERATIONS, Generations, TRIAL, Untold, begin},
    network::cookie,
    proc::{self, mounts},
    sys::bpf::OpenMap,
};

const MANIFEST: &str = include_str!("../../bpf/guard.bpf.txt");
const CODE: &[u8] = include_bytes!("../../bpf/guard.bpf.bin");

/// The maps, as bpf/guard.bpf.c calls them.
const RULES: &str = "rules";
const PORTS: &str = "ports";
const NAMES: &str = "names";
const CGROUPS: &str = "cgroups";
const MEMBERS: &str = "members";
const REFUSED: &str = "refused";
const DESK: &str = "desk";
const OPENED: &str = "opened";
const ORDER: &str = "order";
const ARRIVALS: &str = "arrivals";
/// The program that tells users of themselves.
const TOLD: &str = "told";
/// The one that tells who asked for the number of each socket.
const TOLD_OPENINGS: &str = "openings";
/// Those that whoever comes later reads and writes.
const KEPT: [&str; 7] = [GENERATIONS, PORTS, TRIAL, NAMES, CGROUPS, MEMBERS, REFUSED];

/// Why the guard does not stand, or was not told.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// The kernel does not describe itself.
    #[error(transparent)]
    Unknown(#[from] KnownError),
    /// The cgroup at which it is to stand cannot be opened.
    #[error("cannot open {}", path.display())]
    NoCgroup {
        /// Its folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The kernel does not tell this network namespace from others.
    #[error("the network namespace has no cookie")]
    NoCookie(#[source] io::Error),
    /// The hierarchy of cgroups of the second version is not mounted.
    #[error("no cgroup2 is mounted")]
    NoCgroup2,
    /// Nothing keeps its names, or somebody else does.
    #[error(transparent)]
    Pinned(#[from] PinnedError),
    /// The kernel does not run the programs.
    #[error(transparent)]
    Unhung(#[from] HangError),
    /// A map takes no more.
    #[error(transparent)]
    Untold(#[from] Untold),
    /// More owners of one number than are told apart, or a protocol that is not guarded.
    #[error("{1}/{0} cannot be guarded")]
    Unguardable(Protocol, u16),
}

/// A cgroup below which the guard stands, and units are looked for.
#[derive(Clone, Debug)]
pub struct Home {
    /// Its folder in the hierarchy of the second version (cgroups(7)).
    pub folder: PathBuf,
}

/// Has the guard keep `rules` in the network namespace of the calling thread, and nothing else: for good, or until a moment in
/// nanoseconds since the boot. One that keeps nothing for good is taken away.
///
/// # Errors
///
/// As of [`Guard::stand`] and [`Guard::keep`].
pub fn tell(rules: &Rules, until: Option<u64>) -> Result<(), GuardError> {
    if rules.entries.is_empty() && Guard::pinned()?.is_none() {
        return Ok(());
    }
    let (guard, cookie) = (Guard::stand()?, cookie().map_err(GuardError::NoCookie)?);
    if let Some(until) = until {
        return guard.try_keeping(cookie, rules, until);
    }
    let had_marks = guard.rules(cookie)?.have_marks();
    guard.keep(cookie, rules)?;
    match (guard.is_idle()?, had_marks) {
        (false, _) => Ok(()),
        (true, true) => pins::take_away_programs().map(drop),
        (true, false) => take_away().map(drop),
    }
}

/// Who of the user who asks, or of root of everybody, bound a number that is not his, or was kept from it; `None` where nothing of it
/// is shown.
///
/// # Errors
///
/// It cannot be read.
pub fn own_tried() -> Result<Option<Vec<Tried>>, GuardError> {
    Ok(shown::tried().map_err(PinnedError::step("read who was refused"))?)
}

/// Shows users again who of their own was refused, where somebody has taken that away; without it root alone can tell them.
pub fn show_users() {
    if !shown::is_right() && has_remains() {
        let _ = shown::put(|name| pins::tie(name).ok());
    }
}

/// Whether anything of the guard has a name, also where nothing can be read of it any more.
#[must_use]
pub fn has_remains() -> bool {
    pins::are_there().unwrap_or(false)
}

/// The paths of the cgroups with these ids, as far as they are there yet and can be seen.
#[must_use]
pub fn paths_of(ids: &BTreeSet<u64>) -> BTreeMap<u64, String> {
    Home::of_host().map(|home| paths(&home.folder, ids)).unwrap_or_default()
}

/// A guard that is pinned.
#[derive(Debug)]
pub struct Pinned {
    /// It.
    pub guard: Guard,
    /// Whether each of its programs still runs.
    pub is_whole: bool,
}

/// The guard, for as long as this value is there, or its pins are.
#[derive(Debug)]
pub struct Guard {
    home: Home,
    maps: BTreeMap<&'static str, OpenMap>,
    /// They keep the programs where they are, where no pins do.
    ties: Vec<(&'static str, OwnedFd)>,
}

impl Guard {
    /// Puts it into the kernel at `home`, where it keeps nothing yet.
    ///
    /// # Errors
    ///
    /// Where the kernel has not what the programs need, or does not let this process load them.
    pub fn load(home: Home) -> Result<Self, GuardError> {
        let marks = create(&object(), MARKS, None)?;
        Self::load_with(home, marks)
    }

    /// The same with the marks that sockets have already.
    fn load_with(home: Home, marks: OpenMap) -> Result<Self, GuardError> {
        let object = object();
        let known = known::of("guard", &object)?;
        let folder = File::open(&home.folder);
        let folder = folder.map_err(|source| GuardError::NoCgroup { path: home.folder.clone(), source })?;
        let mut maps = maps(&object)?;
        maps.insert(MARKS, marks);
        let number = |name: &str| home.number(name, &folder).unwrap_or_else(|| descriptor(&maps, name));
        let tie = |program: &Program<'_>, known: &Known| hang(program, known, number, Some(folder.as_fd()));
        let programs: Vec<_> = object.programs.iter().zip(&known).collect();
        let ties = hang_all(&programs, tie)?;
        let ties = programs.iter().zip(ties).map(|((program, _), tie)| (program.name, tie)).collect();
        Ok(Self { home, maps, ties })
    }

    /// The one that is pinned; `None` where none is.
    ///
    /// # Errors
    ///
    /// Another portreeve or somebody else put it there, or it cannot be opened.
    pub fn pinned() -> Result<Option<Pinned>, GuardError> {
        if !pins::are_there()? {
            return Ok(None);
        }
        let home = Home::of_host()?;
        let Some(pinned) = pins::open(&home)? else { return Ok(None) };
        let guard = Self { home, maps: pinned.maps, ties: Vec::new() };
        Ok(Some(Pinned { guard, is_whole: pinned.is_whole }))
    }

    /// Whether one could stand here, as far as that can be told without it.
    ///
    /// # Errors
    ///
    /// What it rests on is not mounted.
    pub fn refuse_unready() -> Result<(), GuardError> {
        Home::of_host()?;
        Ok(refuse_without_bpffs()?)
    }

    /// The one that is pinned, or else one that is from now on; where one of its programs was taken from it, all are put there
    /// again, and go on with the same rules.
    ///
    /// # Errors
    ///
    /// As of [`Self::pinned`] and [`Self::load`], or where it cannot be pinned.
    pub fn stand() -> Result<Self, GuardError> {
        let before = match Self::pinned()? {
            Some(Pinned { guard, is_whole: true }) => {
                show_users();
                return Ok(guard);
            }
            before => before,
        };
        let kept = before.map_or(Ok(BTreeMap::new()), |Pinned { guard, .. }| guard.every_rule())?;
        Self::stand_with(&kept)
    }

    /// One that is pinned from now on, in the place of any other, and keeps this in each network namespace.
    ///
    /// # Errors
    ///
    /// As of [`Self::load`], or where it cannot be pinned.
    pub fn stand_with(kept: &BTreeMap<u64, Rules>) -> Result<Self, GuardError> {
        let guard = Self::load_with(Home::of_host()?, marks::map()?)?;
        begin(guard.map(GENERATIONS), &guard.written(kept)?)?;
        pins::put(&guard, &guard.ties)?;
        // Without it root alone can tell users of themselves, and whoever asks is told so.
        let _ = shown::put(|name| guard.ties.iter().find(|(tie, _)| *tie == name)?.1.try_clone().ok());
        Ok(guard)
    }

    /// From now on `rules` are kept in the network namespace with this cookie, in the place of all that were before; those of
    /// other namespaces stay.
    ///
    /// # Errors
    ///
    /// Where the kernel does not take them: then those before are kept.
    pub fn keep(&self, cookie: u64, rules: &Rules) -> Result<(), GuardError> {
        Ok(self.generations().keep(&self.written_beside(cookie, rules)?)?)
    }

    /// The same until a moment, in nanoseconds since the boot, from which on those are kept again that were before, whoever is
    /// there to see to it.
    ///
    /// # Errors
    ///
    /// As of [`Self::keep`].
    pub fn try_keeping(&self, cookie: u64, rules: &Rules, until: u64) -> Result<(), GuardError> {
        Ok(self.generations().keep_until(&self.written_beside(cookie, rules)?, until)?)
    }

    /// Marks with `name` whatever sockets are made in the cgroup at `folder`, for as long as the answer is kept.
    ///
    /// # Errors
    ///
    /// The kernel refuses.
    pub fn mark_at(&self, name: &str, folder: &Path) -> Result<OwnedFd, GuardError> {
        match self.maps.get(MARKS) {
            Some(map) => marks::mark_at(map, name, folder),
            None => marks::mark_at(&marks::map()?, name, folder),
        }
    }

    /// Until when some are on trial, in nanoseconds since the boot; `None` where none are.
    ///
    /// # Errors
    ///
    /// What the kernel answers.
    pub fn trial(&self) -> Result<Option<u64>, GuardError> {
        Ok(self.generations().trial()?)
    }

    /// Whether nothing is kept for good, in no namespace.
    ///
    /// # Errors
    ///
    /// What the kernel answers.
    pub fn is_idle(&self) -> Result<bool, GuardError> {
        Ok(self.standing_rules()?.is_empty())
    }

    /// Who bound a number that is not his, or was kept from it, as far as the kernel remembers them.
    ///
    /// # Errors
    ///
    /// What the kernel answers.
    pub fn tried(&self) -> Result<Vec<Tried>, GuardError> {
        let all = self.map(REFUSED).all().map_err(|error| Untold(REFUSED, error))?;
        Ok(all.iter().filter_map(|(who, tries)| Tried::read(who, tries)).collect())
    }

    /// A generation of its own, which nobody asks yet: these rules beside those of other namespaces.
    fn written_beside(&self, cookie: u64, rules: &Rules) -> Result<OpenMap, GuardError> {
        let mut all = self.every_rule()?;
        all.insert(cookie, rules.clone());
        self.written(&all)
    }

    /// The same with these rules in each namespace, and no others.
    fn written(&self, all: &BTreeMap<u64, Rules>) -> Result<OpenMap, GuardError> {
        let names = self.name_owners(all.values())?;
        self.mark_ports(all.values())?;
        let map = create(&object(), RULES, None)?;
        for (cookie, rules) in all {
            for (&(protocol, port), entries) in &rules.entries {
                let written = place(*cookie, protocol, port).zip(rule(entries, &names));
                let (place, rule) = written.ok_or(GuardError::Unguardable(protocol, port))?;
                map.put(&place, &rule).map_err(|error| Untold(RULES, error))?;
            }
        }
        Ok(map)
    }

    /// Gives each owner that is a cgroup a number, and tells which cgroups are one now. Whoever makes one meanwhile is told by the
    /// kernel, which knows the name already.
    fn name_owners<'r>(
        &self,
        all: impl Iterator<Item = &'r Rules>,
    ) -> Result<BTreeMap<Vec<u8>, Owners>, GuardError> {
        let fail = |error| Untold(NAMES, error);
        let known = self.map(NAMES).all().map_err(fail)?;
        let known = known.into_iter().filter_map(|(name, owners)| Some((name, Owners::read(&owners)?)));
        let mut names: BTreeMap<Vec<u8>, Owners> = known.collect();
        for rules in all {
            for name in numbered(&mut names, rules) {
                self.map(NAMES).put(&name, &names[&name].bytes()).map_err(fail)?;
            }
        }
        for (id, slots) in standing(&self.home.folder, &names) {
            for slot in slots.into_iter().filter(|slot| *slot != 0) {
                let put = self.map(MEMBERS).put(&member(id, slot), &[1]);
                put.map_err(|error| Untold(MEMBERS, error))?;
            }
            let slots: Vec<u8> = slots.into_iter().flat_map(Slot::to_ne_bytes).collect();
            let put = self.map(CGROUPS).put(&id.to_ne_bytes(), &slots);
            put.map_err(|error| Untold(CGROUPS, error))?;
        }
        Ok(names)
    }

    /// Has the programs look for rules of these numbers too, before there are any: what they do not look for is anybody's.
    fn mark_ports<'r>(&self, all: impl Iterator<Item = &'r Rules>) -> Result<(), GuardError> {
        let fail = |error| Untold(PORTS, error);
        let mut words: BTreeMap<u32, u64> = BTreeMap::new();
        // Who asks for 0 asks for any.
        for (protocol, port) in all.flat_map(|rules| rules.entries.keys()).filter(|(_, port)| *port != 0) {
            let (word, bit) = port_bit(*protocol, *port);
            *words.entry(word).or_default() |= bit;
        }
        for (word, bits) in words {
            let key = word.to_ne_bytes();
            let known = self.map(PORTS).look_up(&key).map_err(fail)?;
            let known = known.and_then(|known| known.first_chunk().map(|bits| u64::from_ne_bytes(*bits)));
            self.map(PORTS).put(&key, &(known.unwrap_or(0) | bits).to_ne_bytes()).map_err(fail)?;
        }
        Ok(())
    }

    fn generations(&self) -> Generations<'_> {
        Generations { generations: self.map(GENERATIONS), trial: self.map(TRIAL) }
    }

    fn map(&self, name: &'static str) -> &OpenMap {
        &self.maps[name]
    }
}

impl Home {
    /// The root of the hierarchy as it is mounted here.
    ///
    /// # Errors
    ///
    /// It is not mounted.
    pub fn of_host() -> Result<Self, GuardError> {
        let table = proc::read("/proc/self/mountinfo", mounts::MOUNTS_BYTES_MAX).unwrap_or_default();
        let folder = mounts::read(&table).cgroup2.ok_or(GuardError::NoCgroup2)?;
        Ok(Self { folder: folder.into() })
    }

    /// The numbers that the programs are told of it.
    fn number(&self, name: &str, folder: &File) -> Option<u32> {
        let id = || folder.metadata().map_or(0, |about| about.ino());
        Some(match name {
            "HOME_LOW" => u32::try_from(id() & u64::from(u32::MAX)).unwrap_or(0),
            "HOME_HIGH" => u32::try_from(id() >> 32).unwrap_or(0),
            _ => return None,
        })
    }
}

fn maps(object: &Object<'_>) -> Result<BTreeMap<&'static str, OpenMap>, GuardError> {
    let none = create(object, RULES, None)?;
    let generations = create(object, GENERATIONS, Some(&none))?;
    begin(&generations, &none)?;
    let mut maps = BTreeMap::from([(GENERATIONS, generations)]);
    for name in [PORTS, TRIAL, NAMES, CGROUPS, MEMBERS, REFUSED, ORDER, ARRIVALS, DESK, OPENED] {
        maps.insert(name, create(object, name, None)?);
    }
    Ok(maps)
}

fn object() -> Object<'static> {
    Object::read(MANIFEST, CODE).expect("the manifest was written with its code")
}

fn descriptor(maps: &BTreeMap<&'static str, OpenMap>, name: &str) -> u32 {
    maps.get(name).map_or(u32::MAX, |map| map.as_fd().as_raw_fd().cast_unsigned())
}
