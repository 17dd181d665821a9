//! Puts the steering of this network namespace into the kernel, and tells it whose packets are whose (A5, A12, A22; bpf/steer.bpf.c).
//!
//! Its program goes on as long as somebody keeps its tie: this process, or a pin.

mod local;
mod routes;
mod slots;
pub mod socket;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io,
    os::{
        fd::{AsFd as _, AsRawFd as _, OwnedFd},
        unix::fs::MetadataExt as _,
    },
};

use portreeve_core::{
    address::Family,
    port::Protocol,
    steer::{Route, Routes, SEATS_MAX, Steering, Tenancy},
};

use self::{
    routes::{places, read_place, read_route, route},
    slots::{Key, Slots, slot},
};
pub use self::{
    slots::{Hits, Slot},
    socket::{Found, SocketError},
};
use super::generations::{GENERATIONS, Generations, TRIAL, Untold, begin};
use crate::{
    bpf::{
        hang::{HangError, create, hang},
        known::Known,
        object::Object,
    },
    bpffs::{Folder, PinnedError, number_of, refuse_without_bpffs},
    network::cookie,
    sys::{
        bpf::{OpenMap, detach, lookup_programs},
        netlink::NetlinkError,
    },
};

const MANIFEST: &str = include_str!("../../bpf/steer.bpf.txt");
const CODE: &[u8] = include_bytes!("../../bpf/steer.bpf.bin");

/// The maps, as bpf/steer.bpf.c calls them.
const ROUTES: &str = "routes";
const SOCKETS: &str = "sockets";
const HITS: &str = "hits";
const SERVICES: &str = "services";
/// Those that whoever comes later reads and writes.
const KEPT: [&str; 5] = [GENERATIONS, TRIAL, SOCKETS, HITS, SERVICES];
/// The network namespace of the calling thread.
const OWN_NAMESPACE: &str = "/proc/thread-self/ns/net";
/// The layout is raised whenever a structure of bpf/steer.bpf.c changes.
const FOLDERS: Folder = Folder { what: "steer", layout: 2, netns: None };

/// Why the steering does not stand, or was not told.
#[derive(Debug, thiserror::Error)]
pub enum SteerError {
    /// The kernel does not tell this network namespace from others.
    #[error("the network namespace has no cookie")]
    NoCookie(#[source] io::Error),
    /// Nothing keeps its names, or somebody else does.
    #[error(transparent)]
    Pinned(#[from] PinnedError),
    /// The kernel does not run the program.
    #[error(transparent)]
    Unhung(#[from] HangError),
    /// A map takes no more.
    #[error(transparent)]
    Untold(#[from] Untold),
    /// The kernel does not take packets in for an address, or does not say for which it does.
    #[error("cannot {0}")]
    NotLocal(&'static str, #[source] NetlinkError),
    /// More services than have slots.
    #[error("there is no slot left for `{0}`")]
    NoSlot(String),
}

/// Whether one could stand here, as far as that can be told without it.
///
/// # Errors
///
/// What it rests on is not mounted.
pub fn refuse_unready() -> Result<(), SteerError> {
    Ok(refuse_without_bpffs()?)
}

/// Has packets of the network namespace of the calling thread led by `routes`, and nothing else: for good, or until a moment in
/// nanoseconds since the boot. Where none are led for good nothing stays in the kernel.
///
/// # Errors
///
/// As of [`Steer::stand`] and [`Steer::keep`].
pub fn tell(routes: &Routes, until: Option<u64>) -> Result<(), SteerError> {
    if routes.0.is_empty() && Steer::pinned()?.is_none() {
        return Ok(());
    }
    let steer = Steer::stand()?;
    if let Some(until) = until {
        return steer.try_keeping(routes, until);
    }
    local::take_in(&routes.local())?;
    let kept = steer.keep(routes);
    let local = if kept.is_ok() { routes.local() } else { steer.routes()?.local() };
    local::leave(&local)?;
    kept?;
    if routes.0.is_empty() { take_away_own().map(drop) } else { Ok(()) }
}

/// Takes the steering out of the kernel, of every network namespace; whether there was any.
///
/// # Errors
///
/// Another portreeve or somebody else put something there, or the kernel refuses.
pub fn take_away() -> Result<bool, SteerError> {
    let mut had_any = local::leave(&BTreeSet::new())?;
    for folder in FOLDERS.of_every_namespace()? {
        had_any |= take_away_one(folder)?;
    }
    Ok(had_any)
}

/// Takes that of the network namespace of the calling thread out of the kernel, which leads nothing yet; whether there was any.
///
/// # Errors
///
/// As of [`take_away`].
pub fn take_away_own() -> Result<bool, SteerError> {
    take_away_one(own_folder()?)
}

fn take_away_one(folder: Folder) -> Result<bool, SteerError> {
    let ties = object().programs.into_iter().filter_map(|program| folder.open(program.name).ok());
    ties.for_each(|tie| {
        // What cannot be cut at once goes with its name.
        let _ = detach(tie);
    });
    Ok(folder.take_away()?)
}

/// A steering that is pinned.
#[derive(Debug)]
pub struct Pinned {
    /// It.
    pub steer: Steer,
    /// Whether its program still runs.
    pub is_whole: bool,
}

/// The steering of one network namespace, for as long as this value is there, or its pins are.
#[derive(Debug)]
pub struct Steer {
    folder: Folder,
    maps: BTreeMap<&'static str, OpenMap>,
    /// It keeps the program where it is, where no pin does.
    tie: Option<OwnedFd>,
}

impl Steer {
    /// The one of this network namespace that is pinned; `None` where none is.
    ///
    /// # Errors
    ///
    /// Another portreeve or somebody else put it there, or it cannot be opened.
    pub fn pinned() -> Result<Option<Pinned>, SteerError> {
        let folder = own_folder()?;
        if !folder.exists()? {
            return Ok(None);
        }
        let object = object();
        let mut maps = BTreeMap::new();
        for name in KEPT {
            let fd = match folder.open(name) {
                // What is left is of no use to anybody: another one takes its place.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                opened => opened.map_err(PinnedError::step("open a map of the steering"))?,
            };
            let map = object.map(name).expect("the program was written with it");
            maps.insert(name, OpenMap::from_fd(fd, map).map_err(|error| Untold(name, error))?);
        }
        let ties = object.programs.iter().map(|program| folder.open(program.name));
        let is_whole = ties.into_iter().all(|tie| tie.is_ok_and(|tie| is_tied(&tie)));
        Ok(Some(Pinned { steer: Self { folder, maps, tie: None }, is_whole }))
    }

    /// Puts it into the kernel for this network namespace, where it leads nothing yet.
    ///
    /// # Errors
    ///
    /// Where the kernel does not let this process load it.
    pub fn load() -> Result<Self, SteerError> {
        let object = object();
        let none = create(&object, ROUTES, None)?;
        let generations = create(&object, GENERATIONS, Some(&none))?;
        begin(&generations, &none)?;
        let mut maps = BTreeMap::from([(GENERATIONS, generations)]);
        for name in KEPT.into_iter().filter(|name| *name != GENERATIONS) {
            maps.insert(name, create(&object, name, None)?);
        }
        Self { folder: own_folder()?, maps, tie: None }.tied()
    }

    /// The one that is pinned, or else one that is from now on; where its program was taken from it, that is put there again, and
    /// goes on with the same routes and sockets.
    ///
    /// # Errors
    ///
    /// As of [`Self::pinned`] and [`Self::load`], or where it cannot be pinned.
    pub fn stand() -> Result<Self, SteerError> {
        let steer = match Self::pinned()? {
            Some(Pinned { steer, is_whole: true }) => return Ok(steer),
            Some(Pinned { steer, is_whole: false }) => steer.tied()?,
            None => Self::load()?,
        };
        let maps = KEPT.iter().map(|name| (*name, steer.maps[name].as_fd()));
        let ties =
            object().programs.into_iter().zip(&steer.tie).map(|(program, tie)| (program.name, tie.as_fd()));
        steer.folder.put(maps.chain(ties))?;
        Ok(steer)
    }

    /// The same with its program at work.
    fn tied(mut self) -> Result<Self, SteerError> {
        let object = object();
        let program = object.programs.first().expect("the program was written with the manifest");
        // It reads nothing of the kernel's own structures, so this works without their description.
        let known = Known { attach: None, values: vec![None; program.relocations.len()] };
        let number =
            |name: &str| self.maps.get(name).map_or(u32::MAX, |map| map.as_fd().as_raw_fd().cast_unsigned());
        let own = File::open(OWN_NAMESPACE).map_err(PinnedError::step("open the network namespace"))?;
        self.tie = Some(hang(program, &known, number, Some(own.as_fd()))?);
        Ok(self)
    }

    /// From now on packets are led by `routes`, in the place of all that were before.
    ///
    /// # Errors
    ///
    /// Where the kernel does not take them: then those before are followed.
    pub fn keep(&self, routes: &Routes) -> Result<(), SteerError> {
        self.generations().keep(&self.written(routes)?)?;
        self.forget_others(routes)
    }

    /// The same until a moment, in nanoseconds since the boot, from which on those before are followed again, whoever is there to see
    /// to it.
    ///
    /// # Errors
    ///
    /// As of [`Self::keep`].
    pub fn try_keeping(&self, routes: &Routes, until: u64) -> Result<(), SteerError> {
        Ok(self.generations().keep_until(&self.written(routes)?, until)?)
    }

    /// Until when some are on trial, in nanoseconds since the boot; `None` where none are.
    ///
    /// # Errors
    ///
    /// What the kernel answers.
    pub fn trial(&self) -> Result<Option<u64>, SteerError> {
        Ok(self.generations().trial()?)
    }

    /// What is followed for good; what nobody of ours wrote is passed over.
    ///
    /// # Errors
    ///
    /// What the kernel answers.
    pub fn routes(&self) -> Result<Routes, SteerError> {
        let object = object();
        let inner = object.map(ROUTES).expect("the program was written with it");
        self.generations().for_good(inner)?.map_or(Ok(Routes::default()), |standing| self.read(&standing))
    }

    /// What is on trial; `None` where nothing is.
    ///
    /// # Errors
    ///
    /// As of [`Self::routes`].
    pub fn routes_on_trial(&self) -> Result<Option<Routes>, SteerError> {
        let object = object();
        let inner = object.map(ROUTES).expect("the program was written with it");
        self.generations().on_trial(inner)?.map(|tried| self.read(&tried)).transpose()
    }

    fn read(&self, generation: &OpenMap) -> Result<Routes, SteerError> {
        let slots = self.slots()?;
        let services = slots.by_first();
        let all = generation.all().map_err(|error| Untold(ROUTES, error))?;
        let mut places = BTreeMap::new();
        for (place, route) in &all {
            let (Some(place), Some((slot, steering))) = (read_place(place), read_route(route)) else {
                continue;
            };
            let first = slot - slot % slots::EACH_COUNT;
            if services.contains_key(&first) {
                places.insert(place, (first, steering));
            }
        }
        let route = |(place, &(first, steering)): (&routes::Place, &(u32, Steering))| {
            // One of both families is read back once, for the first.
            let (address, ports) = place.of(|twin| places.get(twin) == Some(&(first, steering)))?;
            let ((service, tenancy), owners) = services.get(&first)?;
            let (service, protocol) = ((*service).to_owned(), place.protocol);
            let (tenancy, owners) = (*tenancy, owners.to_vec());
            let Steering { when_dead, local, target_port } = steering;
            Some(Route { service, tenancy, owners, protocol, address, ports, when_dead, local, target_port })
        };
        local::as_it_is(places.iter().filter_map(route).collect())
    }

    /// Gives each service that `routes` lead to its slots, where it has none yet: it may have a socket before anything is led to it.
    ///
    /// # Errors
    ///
    /// There is no slot left, or the kernel takes no more.
    pub fn seat(&self, routes: &Routes) -> Result<(), SteerError> {
        self.seated(routes).map(drop)
    }

    /// Leads what is for the service of this name and tenancy, which has its slots, and comes by this protocol and family to `socket` from
    /// now on, in the place of any other.
    ///
    /// # Errors
    ///
    /// It has no slots, or the kernel does not take the socket.
    pub fn lead(
        &self,
        service: (&str, Tenancy),
        to: (Protocol, Family),
        socket: &OwnedFd,
    ) -> Result<(), SteerError> {
        let seat = self.map(SERVICES).look_up(&slot::name(service));
        let seat = seat.map_err(|error| Untold(SERVICES, error))?;
        let slot = seat.and_then(|seat| slot::read_seat(&seat)?.slot(to));
        let slot = slot.ok_or_else(|| SteerError::NoSlot(service.0.into()))?;
        // The kernel reads a descriptor there, and tells a cookie.
        let number = u64::from(socket.as_raw_fd().cast_unsigned());
        let put = self.map(SOCKETS).put(&slot.to_ne_bytes(), &number.to_ne_bytes());
        Ok(put.map_err(|error| Untold(SOCKETS, error))?)
    }

    /// The sockets that are led to now, and what became of what was to be led to each; of every service that has a slot.
    ///
    /// # Errors
    ///
    /// What the kernel answers.
    pub fn stands(&self) -> Result<Vec<Slot>, SteerError> {
        let mut all = Vec::new();
        for ((service, tenancy), first) in self.slots()?.iter() {
            for (protocol, family) in slots::EACH {
                let key = (first + slots::place(protocol, family).unwrap_or(0)).to_ne_bytes();
                let cookie = self.map(SOCKETS).look_up(&key).map_err(|error| Untold(SOCKETS, error))?;
                let cookie =
                    cookie.and_then(|told| told.first_chunk().map(|cookie| u64::from_ne_bytes(*cookie)));
                let hits = self.map(HITS).look_up(&key).map_err(|error| Untold(HITS, error))?;
                let hits = hits.and_then(|told| Hits::read(&told)).unwrap_or_default();
                all.push(Slot { service: service.into(), tenancy, protocol, family, cookie, hits });
            }
        }
        Ok(all)
    }

    /// A generation of its own, which nobody asks yet.
    fn written(&self, routes: &Routes) -> Result<OpenMap, SteerError> {
        let slots = self.seated(routes)?;
        let map = create(&object(), ROUTES, None)?;
        for one in &routes.0 {
            let [v4, v6] = Family::ALL.map(|family| slots.of(one.tenant(), (one.protocol, family)));
            for place in places(one) {
                let to = if place.family == Family::Ipv4 { v4 } else { v6 };
                let to = to.ok_or_else(|| SteerError::NoSlot(one.service.clone()))?;
                let put = map.put(&place.bytes(), &route(to, one.steering()));
                put.map_err(|error| Untold(ROUTES, error))?;
            }
        }
        Ok(map)
    }

    fn seated(&self, routes: &Routes) -> Result<Slots, SteerError> {
        let mut slots = self.slots()?;
        if slots.iter().count() + routes.tenants().count() > SEATS_MAX {
            self.forget_unused(routes)?;
            slots = self.slots()?;
        }
        for tenant in routes.tenants() {
            let given = slots.give(tenant.key(), tenant.owners());
            let given = given.ok_or_else(|| SteerError::NoSlot(tenant.key().0.into()))?;
            let Some(seat) = given else { continue };
            self.clear(seat.first)?;
            let put = self.map(SERVICES).put(&slot::name(tenant.key()), &slot::seat(seat));
            put.map_err(|error| Untold(SERVICES, error))?;
        }
        Ok(slots)
    }

    /// Takes their slots from the services that have no route any more.
    fn forget_others(&self, routes: &Routes) -> Result<(), SteerError> {
        self.forget_but(|service| routes.tenant(service).is_some())
    }

    /// The same where no route is followed, nor on trial, and nobody is about to have one: trials that are over left them.
    fn forget_unused(&self, wanted: &Routes) -> Result<(), SteerError> {
        let (routes, tried) = (self.routes()?, self.routes_on_trial()?.unwrap_or_default());
        let used: BTreeSet<Key<'_>> =
            [&routes, &tried, wanted].into_iter().flat_map(Routes::tenants).map(|it| it.key()).collect();
        self.forget_but(|service| used.contains(&service))
    }

    fn forget_but(&self, is_used: impl Fn(Key<'_>) -> bool) -> Result<(), SteerError> {
        for (service, first) in self.slots()?.iter() {
            if !is_used(service) {
                let removed = self.map(SERVICES).remove(&slot::name(service));
                removed.map_err(|error| Untold(SERVICES, error))?;
                self.clear(first)?;
            }
        }
        Ok(())
    }

    /// Empties the slots from this one on that one service has.
    fn clear(&self, first: u32) -> Result<(), SteerError> {
        for slot in first..first + slots::EACH_COUNT {
            let key = slot.to_ne_bytes();
            match self.map(SOCKETS).remove(&key) {
                Ok(()) | Err(rustix::io::Errno::NOENT | rustix::io::Errno::INVAL) => {}
                Err(error) => return Err(Untold(SOCKETS, error).into()),
            }
            let put = self.map(HITS).put(&key, &Hits::default().bytes());
            put.map_err(|error| Untold(HITS, error))?;
        }
        Ok(())
    }

    fn slots(&self) -> Result<Slots, SteerError> {
        let all = self.map(SERVICES).all().map_err(|error| Untold(SERVICES, error))?;
        Ok(Slots::read(&all))
    }

    fn generations(&self) -> Generations<'_> {
        Generations { generations: self.map(GENERATIONS), trial: self.map(TRIAL) }
    }

    fn map(&self, name: &'static str) -> &OpenMap {
        &self.maps[name]
    }
}

/// The kernel's number for the program of this network namespace; `None` where it is not pinned.
pub(crate) fn program_id() -> Option<u32> {
    let (folder, object) = (own_folder().ok()?, object());
    let tie = folder.open(object.programs.first()?.name).ok()?;
    number_of(&tie, "prog_id")?.try_into().ok()
}

/// The numbers of all programs that choose sockets for the packets of this network namespace.
///
/// # Errors
///
/// EPERM without CAP_NET_ADMIN, and what the kernel answers.
pub(crate) fn all_program_ids() -> io::Result<Vec<u32>> {
    Ok(lookup_programs(File::open(OWN_NAMESPACE)?.as_fd())?)
}

fn own_folder() -> Result<Folder, SteerError> {
    Ok(Folder { netns: Some(cookie().map_err(SteerError::NoCookie)?), ..FOLDERS })
}

fn object() -> Object<'static> {
    Object::read(MANIFEST, CODE).expect("the manifest was written with its code")
}

/// Whether a tie holds still: whoever is root may cut it (BPF_LINK_DETACH), and it then tells no namespace.
fn is_tied(tie: &OwnedFd) -> bool {
    let own = fs::metadata(OWN_NAMESPACE).ok().map(|about| about.ino());
    own.is_some() && number_of(tie, "netns_ino") == own
}
