//! Puts the guard into the kernel, and tells it whose numbers are kept (A24; bpf/guard.bpf.c).
//!
//! Its programs go on as long as somebody keeps their ties: this process, or a pin.

mod names;
mod rules;
mod tried;

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    net::{Ipv4Addr, UdpSocket},
    os::{
        fd::{AsFd as _, AsRawFd as _, OwnedFd},
        unix::fs::MetadataExt as _,
    },
    path::{Path, PathBuf},
};

use portreeve_core::{guard::Rules, port::Protocol};
use rustix::io::Errno;

pub use self::tried::Tried;

use self::{
    names::{Owners, Slot, numbered, standing},
    rules::{place, rule},
};
use crate::{
    bpf::{
        hang::{HangError, create, hang},
        known::{self, KnownError},
        object::Object,
    },
    sys::{bpf::OpenMap, netns},
};

const MANIFEST: &str = include_str!("../../bpf/guard.bpf.txt");
const CODE: &[u8] = include_bytes!("../../bpf/guard.bpf.bin");

/// The maps, as bpf/guard.bpf.c calls them.
const RULES: &str = "rules";
const GENERATIONS: &str = "generations";
const TRIAL: &str = "trial";
const NAMES: &str = "names";
const CGROUPS: &str = "cgroups";
const REFUSED: &str = "refused";
const DESK: &str = "desk";

/// Those that count, and those that are on trial.
const STANDING: u32 = 0;
const ON_TRIAL: u32 = 1;
/// Where nothing is on trial.
const NO_TRIAL: u64 = 0;

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
    /// The kernel does not run the programs.
    #[error(transparent)]
    Unhung(#[from] HangError),
    /// A map takes no more.
    #[error("the kernel does not take what `{0}` is to hold")]
    Untold(&'static str, #[source] Errno),
    /// More owners of one number than are told apart, or a protocol that is not guarded.
    #[error("{1}/{0} cannot be guarded")]
    Unguardable(Protocol, u16),
}

/// The cookie of the network namespace of the calling thread, which no other one has until the next boot.
///
/// # Errors
///
/// Before Linux 5.14, or where no socket can be made.
pub fn cookie() -> io::Result<u64> {
    Ok(netns::cookie(UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?)?)
}

/// A cgroup below which the guard stands, and units are looked for.
#[derive(Clone, Debug)]
pub struct Home {
    /// Its folder in the hierarchy of the second version (cgroups(7)).
    pub folder: PathBuf,
    /// How many others it lies below.
    pub level: u32,
    /// Its path from the root of the hierarchy; empty for that root.
    pub path: String,
}

/// The guard, for as long as this value is there.
#[derive(Debug)]
pub struct Guard {
    home: Home,
    maps: BTreeMap<&'static str, OpenMap>,
    /// They keep the programs where they are.
    _ties: Vec<OwnedFd>,
}

impl Guard {
    /// Puts it into the kernel at `home`, where it keeps nothing yet.
    ///
    /// # Errors
    ///
    /// Where the kernel has not what the programs need, or does not let this process load them.
    pub fn load(home: Home) -> Result<Self, GuardError> {
        let object = object();
        let known = known::of("guard", &object)?;
        let folder = File::open(&home.folder);
        let folder = folder.map_err(|source| GuardError::NoCgroup { path: home.folder.clone(), source })?;
        let maps = maps(&object)?;
        let number = |name: &str| home.number(name, &folder).unwrap_or_else(|| descriptor(&maps, name));
        let mut ties = Vec::new();
        for (program, known) in object.programs.iter().zip(&known) {
            ties.push(hang(program, known, number, Some(folder.as_fd()))?);
        }
        Ok(Self { home, maps, _ties: ties })
    }

    /// From now on `rules` are kept in the network namespace with this cookie, in the place of all that were before.
    ///
    /// # Errors
    ///
    /// Where the kernel does not take them: then those before are kept.
    pub fn keep(&self, cookie: u64, rules: &Rules) -> Result<(), GuardError> {
        let names = self.name_owners(rules)?;
        let written = written(cookie, rules, &names)?;
        make_stand(self.map(GENERATIONS), STANDING, &written)?;
        self.try_until(NO_TRIAL)
    }

    /// The same until a moment, in nanoseconds since the boot, from which on those are kept again that were before, whoever is
    /// there to see to it.
    ///
    /// # Errors
    ///
    /// As of [`Self::keep`].
    pub fn try_keeping(&self, cookie: u64, rules: &Rules, until: u64) -> Result<(), GuardError> {
        let names = self.name_owners(rules)?;
        let written = written(cookie, rules, &names)?;
        make_stand(self.map(GENERATIONS), ON_TRIAL, &written)?;
        self.try_until(until)
    }

    /// Who bound a number that is not his, or was kept from it, as far as the kernel remembers them.
    ///
    /// # Errors
    ///
    /// What the kernel answers.
    pub fn tried(&self) -> Result<Vec<Tried>, GuardError> {
        let all = self.map(REFUSED).all().map_err(|error| GuardError::Untold(REFUSED, error))?;
        Ok(all.iter().filter_map(|(who, tries)| Tried::read(who, tries)).collect())
    }

    /// Gives each owner that is a cgroup a number, and tells which cgroups are one now. Whoever makes one meanwhile is told by the
    /// kernel, which knows the name already.
    fn name_owners(&self, rules: &Rules) -> Result<BTreeMap<Vec<u8>, Owners>, GuardError> {
        let fail = |error| GuardError::Untold(NAMES, error);
        let known = self.map(NAMES).all().map_err(fail)?;
        let known = known.into_iter().filter_map(|(name, owners)| Some((name, Owners::read(&owners)?)));
        let mut names: BTreeMap<Vec<u8>, Owners> = known.collect();
        for name in numbered(&mut names, rules) {
            self.map(NAMES).put(&name, &names[&name].bytes()).map_err(fail)?;
        }
        for (id, slots) in standing(&self.home.folder, &names) {
            let slots: Vec<u8> = slots.into_iter().flat_map(Slot::to_ne_bytes).collect();
            let put = self.map(CGROUPS).put(&id.to_ne_bytes(), &slots);
            put.map_err(|error| GuardError::Untold(CGROUPS, error))?;
        }
        Ok(names)
    }

    fn try_until(&self, until: u64) -> Result<(), GuardError> {
        let put = self.map(TRIAL).put(&0_u32.to_ne_bytes(), &until.to_ne_bytes());
        put.map_err(|error| GuardError::Untold(TRIAL, error))
    }

    fn map(&self, name: &'static str) -> &OpenMap {
        &self.maps[name]
    }
}

impl Home {
    /// The cgroup at `path`, in a hierarchy of which all is mounted at `mount`.
    #[must_use]
    pub fn at(mount: &Path, path: &str) -> Self {
        let level = path.split('/').filter(|component| !component.is_empty()).count();
        Self {
            folder: mount.join(path.trim_start_matches('/')),
            level: u32::try_from(level).unwrap_or(u32::MAX),
            path: path.trim_end_matches('/').to_owned(),
        }
    }

    /// The numbers that the programs are told of it.
    fn number(&self, name: &str, folder: &File) -> Option<u32> {
        let id = || folder.metadata().map_or(0, |about| about.ino());
        Some(match name {
            "HOME_LEVEL" => self.level,
            "HOME_LOW" => u32::try_from(id() & u64::from(u32::MAX)).unwrap_or(0),
            "HOME_HIGH" => u32::try_from(id() >> 32).unwrap_or(0),
            "HOME_PATH_BYTES" => u32::try_from(self.path.len()).unwrap_or(u32::MAX),
            _ => return None,
        })
    }
}

fn maps(object: &Object<'_>) -> Result<BTreeMap<&'static str, OpenMap>, GuardError> {
    let none = create(object, RULES, None)?;
    let generations = create(object, GENERATIONS, Some(&none))?;
    make_stand(&generations, STANDING, &none)?;
    let mut maps = BTreeMap::from([(GENERATIONS, generations)]);
    for name in [TRIAL, NAMES, CGROUPS, REFUSED, DESK] {
        maps.insert(name, create(object, name, None)?);
    }
    Ok(maps)
}

/// One write: who binds meanwhile is judged by the rules before or by these, never by none.
fn make_stand(generations: &OpenMap, generation: u32, rules: &OpenMap) -> Result<(), GuardError> {
    let put = generations.put_map(&generation.to_ne_bytes(), rules);
    put.map_err(|error| GuardError::Untold(GENERATIONS, error))
}

/// A generation of its own, which nobody asks yet.
fn written(cookie: u64, rules: &Rules, names: &BTreeMap<Vec<u8>, Owners>) -> Result<OpenMap, GuardError> {
    let map = create(&object(), RULES, None)?;
    for (&(protocol, port), entries) in &rules.entries {
        let written = place(cookie, protocol, port).zip(rule(entries, names));
        let (place, rule) = written.ok_or(GuardError::Unguardable(protocol, port))?;
        map.put(&place, &rule).map_err(|error| GuardError::Untold(RULES, error))?;
    }
    Ok(map)
}

fn object() -> Object<'static> {
    Object::read(MANIFEST, CODE).expect("the manifest was written with its code")
}

fn descriptor(maps: &BTreeMap<&'static str, OpenMap>, name: &str) -> u32 {
    maps.get(name).map_or(u32::MAX, |map| map.as_fd().as_raw_fd().cast_unsigned())
}
