//! Looks up files by the paths that a process names, asking no server that may never answer (path_resolution(7), A12).

use std::{
    collections::{HashMap, hash_map::Entry},
    fs, io,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
        linux::fs::MetadataExt,
    },
    path::Path,
    sync::Arc,
};

use jiff::Timestamp;
use rustix::{
    fs::{
        AtFlags, CWD, FileType, FsWord, Mode, OFlags, ResolveFlags, Statx, StatxFlags, StatxTimestamp,
        fstatfs, makedev, openat, openat2, readlinkat, statx,
    },
    io::Errno,
};

use crate::proc::{
    self,
    mounts::{Devices, MOUNTS_BYTES_MAX, Places},
};

/// `OVERLAYFS_SUPER_MAGIC` (linux/magic.h).
const OVERLAY: FsWord = 0x794c_7630;
/// Links that are followed on one path, as many as the kernel follows (path_resolution(7)).
const LINKS_MAX: u32 = 40;
/// Steps on one path: links may lengthen it forty times.
const STEPS_MAX: u32 = 4096;

/// A file by device and inode, or `None` where no file stands.
pub(in crate::observe) type FileId = Option<(u64, u64)>;

/// A file that stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// Its device and inode.
    pub(super) id: (u64, u64),
    /// Since when it has been as it is: written, or put there as another file. What only changed its name, its owner or its
    /// mode was there before (statx(2), stx_btime and stx_mtime).
    pub(super) since: Option<Timestamp>,
    /// When it was written last.
    pub(super) written: Option<Timestamp>,
    /// When anything of it changed last: its name, its owner and its mode too (statx(2), stx_ctime).
    pub(super) changed: Option<Timestamp>,
    /// The mount on which it stands; 0 where the kernel does not tell (before Linux 5.8).
    mount: u64,
}

impl Standing {
    fn of(stat: &Statx) -> Self {
        let told = StatxFlags::from_bits_retain(stat.stx_mask);
        // Where a file system keeps no birth, a new name is not told from a new file.
        let born = if told.contains(StatxFlags::BTIME) { stat.stx_btime } else { stat.stx_ctime };
        let written = time(stat.stx_mtime);
        let changed = time(stat.stx_ctime);
        Self { id: id(stat), since: time(born).max(written), written, changed, mount: mount(stat) }
    }
}

fn mount(stat: &Statx) -> u64 {
    let told = StatxFlags::from_bits_retain(stat.stx_mask);
    if told.contains(StatxFlags::MNT_ID) { stat.stx_mnt_id } else { 0 }
}

fn time(time: StatxTimestamp) -> Option<Timestamp> {
    Timestamp::new(time.tv_sec, time.tv_nsec.try_into().ok()?).ok()
}

/// From where the paths of a process lead to its files.
///
/// /proc tells paths from the root of a process' mount namespace, not from its chroot: a daemon that locked itself up
/// after its start still runs the file at the namespace's path.
#[derive(Clone, Debug)]
pub(in crate::observe) struct View {
    pub(in crate::observe) mounts: u64,
    /// The root of the mount namespace; links and dots do not lead out of it.
    root: Arc<OwnedFd>,
    places: Arc<Places>,
    resolve: ResolveFlags,
    /// Where the root is by the table of mounts, where it is not the root of that: the directory of a chroot.
    within: String,
}

impl View {
    /// The tree of files below `root`, where no other mount is gone into.
    pub(in crate::observe) fn below(root: &Path) -> io::Result<Self> {
        let root = openat(CWD, root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self::rooted(0, Arc::new(root), (Arc::default(), ResolveFlags::empty())))
    }

    fn rooted(mounts: u64, root: Arc<OwnedFd>, (places, resolve): (Arc<Places>, ResolveFlags)) -> Self {
        Self { mounts, root, places, resolve, within: String::new() }
    }

    /// The tree of files below the directory `path`, as whoever changed his root to it has it (chroot(2)).
    pub(in crate::observe) fn within(&self, path: &str) -> Option<Self> {
        let (root, stat) = self.open(path).ok()?;
        let is_folder = kind(&stat) == FileType::Directory;
        is_folder.then(|| Self { root: Arc::new(root), within: path.to_owned(), ..self.clone() })
    }

    /// Whether a server must be asked for what stands at `path`, which the kernel told: it has no links and no dots.
    pub(super) fn is_remote(&self, path: &str) -> bool {
        self.places.is_remote(path)
    }

    /// Which file stands at `path` for the process.
    pub(in crate::observe) fn find(&self, path: &str) -> io::Result<FileId> {
        Ok(self.stat(path)?.map(|stat| id(&stat)))
    }

    /// The file at `path` for the process, with the time since when it has been there.
    pub(super) fn look(&self, path: &str) -> io::Result<Option<Standing>> {
        Ok(self.stat(path)?.map(|stat| Standing::of(&stat)))
    }

    /// Whether the file that a link of /proc leads to is still where it was, below another mount on which `standing` is at `path`, or on
    /// one that was taken away from there: neither took its place on the disk.
    ///
    /// The mounts of a program that went into a namespace of its own since are not in the table either, and of the same devices; nor
    /// are the layers of an overlay.
    pub(super) fn covers(&self, (standing, path): (&Standing, &str), link: &str) -> bool {
        let Ok(stat) = statx(CWD, link, AtFlags::STATX_DONT_SYNC, StatxFlags::MNT_ID) else { return false };
        let linked = mount(&stat);
        let is_elsewhere = linked != 0 && linked != standing.mount;
        let is_of_another = || id(&stat).0 != standing.id.0 && !self.is_on_overlay(path);
        is_elsewhere && (self.places.has(linked) || is_of_another())
    }

    /// Whether the file at `path` stands on an overlay, which makes a new file of one of a layer below as soon as that is to
    /// change its mode (overlayfs.rst, "Non-directories").
    pub(super) fn is_on_overlay(&self, path: &str) -> bool {
        self.open(path).is_ok_and(|(file, _)| fstatfs(file).is_ok_and(|system| system.f_type == OVERLAY))
    }

    /// Whether a regular file stands at `path` for the process.
    pub(super) fn has_file(&self, path: &str) -> bool {
        self.stat(path).ok().flatten().is_some_and(|stat| kind(&stat) == FileType::RegularFile)
    }

    /// The regular file at `path`, where it belongs to the user `uid`; `None` also where it has `limit` bytes or more.
    pub(in crate::observe) fn read(&self, path: &str, uid: u32, limit: usize) -> Option<Vec<u8>> {
        let (file, stat) = self.open(path).ok()?;
        if kind(&stat) != FileType::RegularFile || stat.stx_uid != uid {
            return None;
        }
        let bytes = proc::read(format!("/proc/self/fd/{}", file.as_raw_fd()), limit).ok()?;
        (bytes.len() < limit).then_some(bytes)
    }

    /// The file at `path`, opened for nothing but to be looked at (O_PATH), whatever kind it is.
    pub(in crate::observe) fn open(&self, path: &str) -> io::Result<(OwnedFd, Statx)> {
        let straight = self.step(self.root.as_fd(), path, ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS);
        match straight.and_then(|file| metadata(&file).map(|stat| (file, stat))) {
            Ok((_, stat)) if kind(&stat) == FileType::Symlink => self.walk(path, &mut |_| ()),
            Err(Errno::XDEV | Errno::LOOP | Errno::AGAIN) => self.walk(path, &mut |_| ()),
            found => found.map_err(io::Error::from),
        }
    }

    fn stat(&self, path: &str) -> io::Result<Option<Statx>> {
        match self.open(path) {
            Ok((_, stat)) => Ok(Some(stat)),
            Err(error) => match Errno::from_io_error(&error) {
                Some(Errno::NOENT | Errno::NOTDIR) => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// When the last of the links on the way to `path` was made or moved; `None` where there is none.
    pub(super) fn led(&self, path: &str) -> Option<Timestamp> {
        let mut latest = None;
        let walked = self.walk(path, &mut |link| latest = latest.max(time(link.stx_ctime)));
        walked.ok().and(latest)
    }

    /// Goes along `path` name by name, as it may leave the mount it begins on: only into mounts of this kernel alone.
    fn walk(&self, path: &str, each_link: &mut dyn FnMut(&Statx)) -> io::Result<(OwnedFd, Statx)> {
        let mut place: Vec<(String, OwnedFd)> = Vec::new();
        let mut ahead = names(path);
        let mut links = 0;
        for _ in 0..STEPS_MAX {
            let here = place.last().map_or(self.root.as_fd(), |(_, file)| file.as_fd());
            let Some(name) = ahead.pop() else {
                let stat = metadata(here)?;
                return Ok((here.try_clone_to_owned()?, stat));
            };
            if name == ".." {
                place.pop();
                continue;
            }
            let (file, stat) = self.enter(here, &place, &name)?;
            if kind(&stat) != FileType::Symlink {
                place.push((name, file));
                continue;
            }
            links += 1;
            each_link(&stat);
            let target = readlinkat(&file, "", Vec::new())?;
            let target = target.to_str().map_err(|_| io::ErrorKind::Unsupported)?;
            if links > LINKS_MAX || ahead.len() > STEPS_MAX as usize {
                break;
            }
            if target.starts_with('/') {
                place.clear();
            }
            ahead.extend(names(target));
        }
        Err(Errno::LOOP.into())
    }

    /// What has `name` in the directory `here`, which stands at `place`.
    fn enter(
        &self,
        here: BorrowedFd<'_>,
        place: &[(String, OwnedFd)],
        name: &str,
    ) -> io::Result<(OwnedFd, Statx)> {
        let file = match self.step(here, name, ResolveFlags::NO_XDEV) {
            // Where only what is remembered counts, a mount is EAGAIN too (__follow_mount_rcu in fs/namei.c).
            Err(Errno::XDEV | Errno::AGAIN) => {
                let above: String = place.iter().map(|(name, _)| format!("/{name}")).collect();
                return self.cross(here, name, &format!("{}{above}/{name}", self.within));
            }
            file => file?,
        };
        let stat = metadata(&file)?;
        Ok((file, stat))
    }

    /// Goes into the mount at `place`, and no further where another than the known one was put there meanwhile.
    fn cross(&self, here: BorrowedFd<'_>, name: &str, place: &str) -> io::Result<(OwnedFd, Statx)> {
        let known = self.places.local(place).filter(|_| !self.is_remote(place));
        let known = known.ok_or(io::ErrorKind::Unsupported)?;
        let file = self.step(here, name, ResolveFlags::empty())?;
        let stat = metadata(&file)?;
        let told = StatxFlags::from_bits_retain(stat.stx_mask).contains(StatxFlags::MNT_ID);
        // Linux 5.8 is the first to tell.
        if told && stat.stx_mnt_id != known {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok((file, stat))
    }

    fn step(
        &self,
        directory: BorrowedFd<'_>,
        path: &str,
        resolve: ResolveFlags,
    ) -> rustix::io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let within = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        openat2(directory, path, flags, Mode::empty(), self.resolve | within | resolve)
    }
}

/// The names of a path, the last one first; an empty one or a dot leads nowhere.
fn names(path: &str) -> Vec<String> {
    path.rsplit('/').filter(|name| !matches!(*name, "" | ".")).map(str::to_owned).collect()
}

/// What is asked of a file.
const WANTED: StatxFlags = StatxFlags::BASIC_STATS.union(StatxFlags::BTIME).union(StatxFlags::MNT_ID);

/// What the kernel knows of an opened file without asking a server for news (statx(2), AT_STATX_DONT_SYNC).
fn metadata(file: impl AsFd) -> rustix::io::Result<Statx> {
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
    statx(file, "", flags, WANTED)
}

/// Which file a link of /proc leads to, whatever became of its path.
pub(super) fn linked(link: &str) -> io::Result<FileId> {
    match statx(CWD, link, AtFlags::STATX_DONT_SYNC, StatxFlags::TYPE | StatxFlags::INO) {
        Ok(stat) => Ok(Some(id(&stat))),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn id(stat: &Statx) -> (u64, u64) {
    (makedev(stat.stx_dev_major, stat.stx_dev_minor), stat.stx_ino)
}

fn kind(stat: &Statx) -> FileType {
    FileType::from_raw_mode(stat.stx_mode.into())
}

/// The views of processes; those that share a mount namespace share its table of mounts.
#[derive(Debug)]
pub(in crate::observe) struct Views {
    /// The mount and user namespaces that portreeve itself is in.
    mounts: Option<u64>,
    users: Option<u64>,
    devices: Devices,
    known: HashMap<(u64, Trust), (Arc<Places>, ResolveFlags)>,
    /// Our own root, once it was opened.
    own_root: Option<Arc<OwnedFd>>,
}

/// Whether whoever mounted what a process sees is whoever mounted what portreeve sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Trust {
    /// The same administrator.
    Shared,
    /// Another user namespace, whose users mount what they like (user_namespaces(7)).
    Foreign,
}

impl Views {
    /// Only that of our own mount namespace is known yet.
    pub(in crate::observe) fn new() -> Self {
        let (mounts, own) = (namespace("self", "mnt"), table("self"));
        let places = || (Arc::new(Places::read(&own)), ResolveFlags::empty());
        Self {
            mounts,
            users: namespace("self", "user"),
            devices: Devices::read(&own),
            own_root: None,
            known: mounts.map(|mounts| ((mounts, Trust::Shared), places())).into_iter().collect(),
        }
    }

    /// Whether a process is in the mount namespace of portreeve itself, so that its paths mean the same files.
    pub(super) fn is_shared(&self, pid: u32) -> bool {
        self.mounts.is_some() && namespace(&pid.to_string(), "mnt") == self.mounts
    }

    /// Whether a process is in the user namespace of portreeve itself: elsewhere capabilities are over less.
    pub(super) fn shares_users(&self, pid: u32) -> bool {
        self.users.is_some() && namespace(&pid.to_string(), "user") == self.users
    }

    /// The view of a process; `None` where it may not be seen, is locked up in another mount namespace, or where a
    /// server must be asked for its very root.
    pub(in crate::observe) fn of(&mut self, pid: u32) -> Option<View> {
        let who = pid.to_string();
        let mounts = namespace(&who, "mnt")?;
        let is_own = mounts == self.mounts?;
        let who = if is_own { "self" } else { who.as_str() };
        let root = format!("/proc/{who}/root");
        if !is_own && proc::read_link(&root)? != "/" {
            return None;
        }
        let is_trusted = is_own || namespace(who, "user")? == self.users?;
        let places = self.places(mounts, if is_trusted { Trust::Shared } else { Trust::Foreign }, who);
        if places.0.is_remote("/") {
            return None;
        }
        let open = || openat(CWD, root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        let root = match &self.own_root {
            Some(own) if is_own => Arc::clone(own),
            _ => Arc::new(open().ok()?),
        };
        if is_own {
            self.own_root = Some(Arc::clone(&root));
        }
        Some(View::rooted(mounts, root, places))
    }

    fn places(&mut self, mounts: u64, trust: Trust, who: &str) -> (Arc<Places>, ResolveFlags) {
        match self.known.entry((mounts, trust)) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(unknown) => {
                let (places, resolve) = places(&table(who), trust, &self.devices);
                unknown.insert((Arc::new(places), resolve)).clone()
            }
        }
    }
}

/// Where which mounts are, and how paths through them are resolved.
///
/// A stranger's root that is on no device of ours is looked at with RESOLVE_CACHED: what the kernel does not remember
/// stays unknown (openat2(2)).
fn places(table: &[u8], trust: Trust, devices: &Devices) -> (Places, ResolveFlags) {
    if trust == Trust::Shared {
        return (Places::read(table), ResolveFlags::empty());
    }
    let known = Places::read_known(table, devices);
    if known.is_remote("/") {
        return (Places::read(table), ResolveFlags::CACHED);
    }
    (known, ResolveFlags::empty())
}

fn table(who: &str) -> Vec<u8> {
    proc::read(format!("/proc/{who}/mountinfo"), MOUNTS_BYTES_MAX).unwrap_or_default()
}

/// The inode of a namespace of `who`, a process or `self` (namespaces(7)).
fn namespace(who: &str, kind: &str) -> Option<u64> {
    Some(fs::metadata(format!("/proc/{who}/ns/{kind}")).ok()?.st_ino())
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// `view`, where a server must be asked for what stands below `place`.
    pub(in super::super) fn with_server_at(view: View, place: &str) -> View {
        let table = format!("1 0 0:1 / {place} rw - nfs server:/ rw\n");
        View { places: Arc::new(Places::read(table.as_bytes())), ..view }
    }

    /// `view`, by which the kernel looks nothing up: it refuses what it does not know.
    pub(in super::super) fn blind(view: View) -> View {
        View { resolve: ResolveFlags::from_bits_retain(1 << 63), places: Arc::default(), ..view }
    }
}

#[cfg(test)]
mod tests;
