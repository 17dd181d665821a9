//! Finds the path of a cgroup from its id: the inode of its directory (cgroups(7)).

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fs,
    mem::MaybeUninit,
    os::{fd::OwnedFd, linux::fs::MetadataExt},
};

use rustix::{
    fs::{CWD, FileType, Mode, OFlags, RawDir, openat},
    io::Errno,
};

use crate::proc::{self, mounts::Mounts};

/// The id of the root of the hierarchy (kernfs gives its root inode 1).
const ROOT_ID: u64 = 1;
/// Far above what a host has side by side; a tree that is wider leaves sockets without a path.
const AHEAD_MAX: usize = 100_000;
const PROCS_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The cgroup2 hierarchy as far as it has been looked at.
#[derive(Debug, Default)]
pub(super) struct Cgroups {
    mount: Option<String>,
    /// What of the hierarchy is mounted there, as /proc/PID/cgroup would call it; empty for all.
    root: String,
    paths: HashMap<u64, String>,
    /// Those that a walk over the kernel's whole hierarchy did not meet.
    removed: HashSet<u64>,
}

impl Cgroups {
    /// The hierarchy as far as `mounts` has it.
    pub(super) fn of(mounts: &Mounts) -> Self {
        let (mount, root) = (mounts.cgroup2.clone(), mounts.cgroup2_root.clone());
        // In a cgroup namespace the root is not the kernel's.
        let id = mount.as_ref().and_then(|mount| fs::metadata(mount).ok()).map(|root| root.st_ino());
        let mut cgroups = Self { mount, root, paths: HashMap::new(), removed: HashSet::new() };
        let path = if cgroups.told_root().is_empty() { "/" } else { cgroups.told_root() }.to_owned();
        cgroups.paths.insert(id.unwrap_or(ROOT_ID), path);
        cgroups
    }

    /// Whether the mount shows more than our cgroup namespace does, whose root is somewhere below: how /proc/PID/cgroup
    /// calls what is seen there cannot be told then (cgroup_namespaces(7)).
    fn is_above(&self) -> bool {
        self.root.starts_with("/..")
    }

    /// What stands before each path that is told.
    fn told_root(&self) -> &str {
        if self.is_above() { "" } else { &self.root }
    }

    /// Where the cgroup stands whose path was told.
    fn place(&self, path: &str) -> Option<String> {
        let below =
            path.strip_prefix(self.told_root()).filter(|below| below.is_empty() || below.starts_with('/'))?;
        Some(format!("{}{below}", self.mount.as_ref()?))
    }

    /// Where the cgroup stands that /proc/PID/cgroup calls so.
    fn place_in_proc(&self, path: &str) -> Option<String> {
        if self.is_above() || path.starts_with("/..") { None } else { self.place(path) }
    }

    /// Learns the ids of paths that /proc/PID/cgroup has told, which costs a call each and spares the walk.
    pub(super) fn learn<'a>(&mut self, paths: impl Iterator<Item = &'a str>) {
        for path in paths.collect::<HashSet<_>>() {
            if let Some(directory) = self.place_in_proc(path).and_then(|place| fs::metadata(place).ok()) {
                self.paths.insert(directory.st_ino(), path.to_owned());
            }
        }
    }

    /// Walks the hierarchy, the upper levels first, until each of `ids` has its path; tells how many it gave up on.
    ///
    /// A cgroup that was removed meanwhile has no path, and that is no giving up.
    pub(super) fn find(&mut self, ids: impl Iterator<Item = u64>) -> usize {
        let mut missing: HashSet<u64> = ids.filter(|id| !self.paths.contains_key(id)).collect();
        let Some(mount) = self.mount.clone() else { return 0 };
        let root = self.told_root().to_owned();
        let mut ahead = VecDeque::from([Vec::new()]);
        let (mut left_out, mut unread) = (false, false);
        while let (false, Some(path)) = (missing.is_empty(), ahead.pop_front()) {
            let visited = visit_children(&[mount.as_bytes(), &path].concat(), |id, name| {
                let below = [&path, b"/".as_slice(), name].concat();
                if missing.remove(&id) {
                    self.paths.insert(id, format!("{root}{}", proc::text(&below)));
                }
                if ahead.len() < AHEAD_MAX {
                    ahead.push_back(below);
                } else {
                    left_out = true;
                }
            });
            // What is removed while it is read is not there any more.
            unread |= visited.is_err_and(|error| !matches!(error, Errno::NOENT | Errno::NODEV));
        }
        let count = if left_out { missing.len() } else { 0 };
        if !left_out && !unread && is_whole(&mount) {
            self.removed.extend(missing);
        }
        count
    }

    /// Whether a cgroup that was looked for is surely gone, with whoever was in it.
    pub(super) fn is_removed(&self, id: u64) -> bool {
        self.removed.contains(&id)
    }

    /// Whether a removed cgroup was made before that of `unit`, which is `path` or above it, so that it was not below.
    ///
    /// The kernel counts on for each cgroup, and never back (fs/kernfs/dir.c, `__kernfs_new_node`).
    pub(super) fn is_older_than_unit(&self, removed: u64, path: &str, unit: &str) -> bool {
        let place = of_unit(path, unit).and_then(|path| self.place_in_proc(path));
        let directory = place.and_then(|place| fs::metadata(place).ok());
        directory.is_some_and(|directory| removed < directory.st_ino())
    }

    /// The path of a cgroup that was learnt or found, where /proc/PID/cgroup calls it so too.
    pub(super) fn path_in_proc(&self, id: u64) -> Option<&str> {
        self.path(id).filter(|_| !self.is_above())
    }

    /// The path of a cgroup that was learnt or found, as far up as it can be seen.
    pub(super) fn path(&self, id: u64) -> Option<&str> {
        self.paths.get(&id).map(String::as_str)
    }

    /// The processes that are in the cgroup with this path now, not below it.
    pub(super) fn members(&self, path: &str) -> Vec<u32> {
        let Some(place) = self.place(path) else { return Vec::new() };
        let list = proc::read(format!("{place}/cgroup.procs"), PROCS_BYTES_MAX).unwrap_or_default();
        proc::text(&list).lines().filter_map(|line| line.parse().ok()).collect()
    }
}

/// The path of the cgroup of `unit`, as far as `path` leads there or below.
fn of_unit<'p>(path: &'p str, unit: &str) -> Option<&'p str> {
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    let mut above = ends.map(|end| &path[..end]);
    above.find(|path| path.rsplit_once('/').is_some_and(|(_, last)| last == unit))
}

/// Whether the hierarchy stands there from its root on: a cgroup namespace shows a part of it (cgroup_namespaces(7)).
fn is_whole(mount: &str) -> bool {
    fs::metadata(mount).is_ok_and(|root| root.st_ino() == ROOT_ID)
}

/// Gives the directories below `path` to `each`: the inode, which the listing itself tells, and the name.
fn visit_children(path: &[u8], mut each: impl FnMut(u64, &[u8])) -> rustix::io::Result<()> {
    let directory = open(path)?;
    let mut buffer = [MaybeUninit::uninit(); 16 * 1024];
    let mut entries = RawDir::new(directory, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if entry.file_type() == FileType::Directory && !matches!(name, b"." | b"..") {
            each(entry.ino(), name);
        }
    }
    Ok(())
}

fn open(path: &[u8]) -> rustix::io::Result<OwnedFd> {
    openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::Path};

    fn mounted(place: &Path, root: &str) -> Cgroups {
        let cgroup2 = Some(place.to_string_lossy().into_owned());
        Cgroups::of(&Mounts { cgroup2, cgroup2_root: root.into(), ..Mounts::default() })
    }

    /// A container without a cgroup namespace of its own sees a part, and a new namespace without a new mount sees more
    /// than what /proc tells of.
    #[test]
    fn a_socket_is_where_proc_says_that_its_process_is_or_it_is_not_said() {
        let place = std::env::temp_dir().join(format!("portreeve-frames-{}", std::process::id()));
        let below = place.join("a.service");
        fs::create_dir_all(&below).unwrap();
        fs::write(below.join("cgroup.procs"), "7\n").unwrap();
        let [root, id] = [&place, &below].map(|path| fs::metadata(path).unwrap().st_ino());
        for (mounted_root, of_root, path, in_proc) in [
            ("", Some("/"), "/a.service", Some("/a.service")),
            ("/docker/ab", Some("/docker/ab"), "/docker/ab/a.service", Some("/docker/ab/a.service")),
            ("/../..", None, "/a.service", None),
        ] {
            let mut cgroups = mounted(&place, mounted_root);
            cgroups.find([id].into_iter());
            assert_eq!(cgroups.path_in_proc(root), of_root, "{mounted_root}");
            assert_eq!(cgroups.path(id), Some(path), "{mounted_root}");
            assert_eq!(cgroups.path_in_proc(id), in_proc, "{mounted_root}");
            assert_eq!(cgroups.members(path), [7], "{mounted_root}");
            let mut learnt = mounted(&place, mounted_root);
            learnt.learn([path, "/../a.service", "/docker/abc"].into_iter());
            assert_eq!(learnt.path(id), in_proc, "{mounted_root}");
        }
        fs::remove_dir_all(&place).unwrap();
    }

    #[test]
    fn what_is_below_a_name_of_any_bytes_is_found() {
        let root = std::env::temp_dir().join(format!("portreeve-cgroups-{}", std::process::id()));
        let below = root.join(OsStr::from_bytes(b"odd-\xff")).join("a.service");
        fs::create_dir_all(&below).unwrap();
        let id = fs::metadata(&below).unwrap().st_ino();
        let mut cgroups = mounted(&root, "");
        assert_eq!(cgroups.find([id].into_iter()), 0);
        assert_eq!(cgroups.path(id), Some("/odd-\u{fffd}/a.service"));
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn a_units_cgroup_is_found_above_what_is_below_it() {
        let unit = |path| of_unit(path, "a.service");
        assert_eq!(unit("/system.slice/a.service"), Some("/system.slice/a.service"));
        assert_eq!(unit("/system.slice/a.service/sub/a.service"), Some("/system.slice/a.service"));
        assert_eq!(unit("/a.service.d/ba.service/b"), None);
        assert_eq!(unit("/"), None);
    }

    #[test]
    fn what_a_part_of_the_hierarchy_lacks_may_stand_elsewhere() {
        let root = std::env::temp_dir().join(format!("portreeve-part-{}", std::process::id()));
        fs::create_dir_all(&root).unwrap();
        let mut cgroups = mounted(&root, "");
        cgroups.find([u64::MAX].into_iter());
        assert!(!cgroups.is_removed(u64::MAX), "the root of this one is not the kernel's");
        fs::remove_dir_all(&root).unwrap();
    }
}
