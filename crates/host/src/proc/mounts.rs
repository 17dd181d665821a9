//! What is mounted where, and whether /proc hides processes, from `/proc/PID/mountinfo`.

use std::collections::{HashMap, HashSet};

use super::text;

/// A mount namespace has 100,000 mounts at most (proc_sys_fs(5), mount-max), rarely of more than 160 bytes each.
pub const MOUNTS_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What portreeve reads of the table of mounts (proc_pid_mountinfo(5)).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mounts {
    /// Where the cgroup2 hierarchy stands (cgroups(7)).
    pub cgroup2: Option<String>,
    /// What of that hierarchy stands there: a path as /proc/PID/cgroup has them, and empty for all that is seen from
    /// our cgroup namespace (cgroup_namespaces(7)).
    pub cgroup2_root: String,
    /// Whether /proc hides the processes of other users (`hidepid=` of proc(5)).
    pub hides_processes: bool,
    /// Network namespaces that a mount keeps, by inode, and where (namespaces(7)).
    pub network_namespaces: Vec<(u64, String)>,
}

/// Reads a table of mounts.
///
/// Of mounts on /proc the last one is seen; of cgroup2 hierarchies, which are all the same one, the first is the
/// system's own and the others are copies for containers.
#[must_use]
pub fn read(bytes: &[u8]) -> Mounts {
    let mut mounts = Mounts::default();
    for line in bytes.split(|&byte| byte == b'\n') {
        let Some(mount) = Mount::read(line) else { continue };
        match mount.kind {
            b"cgroup2" if mounts.cgroup2.is_none() => {
                mounts.cgroup2 = Some(unescape(mount.place));
                mounts.cgroup2_root = unescape(mount.root.strip_suffix(b"/").unwrap_or(mount.root));
            }
            b"proc" if mount.place == b"/proc" => mounts.hides_processes = hides(mount.options),
            b"nsfs" => {
                let namespace = network_namespace(mount.root);
                mounts.network_namespaces.extend(namespace.map(|inode| (inode, unescape(mount.place))));
            }
            _ => {}
        }
    }
    mounts
}

/// File systems whose server, cluster or daemon may be gone, so that whoever asks for a file may wait for ever.
///
/// virtiofs is none: its server is the machine's own monitor.
const REMOTE: [&[u8]; 18] = [
    b"nfs",
    b"nfs4",
    b"cifs",
    b"smb3",
    b"smbfs",
    b"ceph",
    b"afs",
    b"coda",
    b"lustre",
    b"orangefs",
    b"beegfs",
    b"gpfs",
    b"gfs2",
    b"ocfs2",
    b"9p",
    b"autofs",
    b"fuse",
    b"fuseblk",
];

/// Who is asked for the files of a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Server {
    /// This kernel alone.
    Kernel,
    /// Somebody who may never answer.
    Another,
}

/// What is seen at each place of a mount namespace.
#[derive(Debug, Default)]
pub struct Places(HashMap<String, (u64, Server)>);

impl Places {
    /// Reads a table of mounts; the last mount on a place is the one that is seen.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        let mounts = bytes.split(|&byte| byte == b'\n').filter_map(Mount::read);
        Self(mounts.map(|mount| (unescape(mount.place), (mount.id, server(mount.kind)))).collect())
    }

    /// Reads a table of mounts of somebody who may mount what he likes: only what is on one of `devices` is taken for
    /// local, as a local overlay may lie above a server of his.
    #[must_use]
    pub fn read_known(bytes: &[u8], devices: &Devices) -> Self {
        let mounts = bytes.split(|&byte| byte == b'\n').filter_map(Mount::read);
        let server = |mount: &Mount<'_>| {
            if devices.0.contains(mount.device) { server(mount.kind) } else { Server::Another }
        };
        Self(mounts.map(|mount| (unescape(mount.place), (mount.id, server(&mount)))).collect())
    }

    /// Whether somebody who may never answer is asked for what stands at `path`, which has no links and no dots.
    #[must_use]
    pub fn is_remote(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(at, _)| at).filter(|&at| at > 0).chain([path.len()]);
        let mut above = ["/"].into_iter().chain(ends.map(|end| &path[..end]));
        above.any(|place| matches!(self.0.get(place), Some((_, Server::Another))))
    }

    /// Whether the mount of this number is seen anywhere.
    #[must_use]
    pub fn has(&self, mount: u64) -> bool {
        self.0.values().any(|(id, _)| *id == mount)
    }

    /// The number of the mount that is seen at exactly `place`, where this kernel alone is asked for its files.
    #[must_use]
    pub fn local(&self, place: &str) -> Option<u64> {
        self.0.get(place).filter(|(_, server)| *server == Server::Kernel).map(|(id, _)| *id)
    }
}

/// The devices of file systems that are mounted somewhere.
#[derive(Debug, Default)]
pub struct Devices(HashSet<Box<[u8]>>);

impl Devices {
    /// Reads a table of mounts.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        let mounts = bytes.split(|&byte| byte == b'\n').filter_map(Mount::read);
        Self(mounts.map(|mount| mount.device.into()).collect())
    }
}

/// Below FUSE anything may stand (fuse(4)), and whoever mounts it chooses what follows the dot.
fn server(kind: &[u8]) -> Server {
    if REMOTE.contains(&kind) || kind.starts_with(b"fuse.") { Server::Another } else { Server::Kernel }
}

struct Mount<'a> {
    id: u64,
    /// `major:minor`.
    device: &'a [u8],
    /// What of the file system is mounted.
    root: &'a [u8],
    place: &'a [u8],
    kind: &'a [u8],
    options: &'a [u8],
}

impl<'a> Mount<'a> {
    fn read(line: &'a [u8]) -> Option<Self> {
        let mut fields = line.split(|&byte| byte == b' ');
        let id = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
        let device = fields.nth(1)?;
        let root = fields.next()?;
        let place = fields.next()?;
        // Any number of optional fields stands before a lone hyphen.
        fields.by_ref().find(|field| *field == b"-")?;
        Some(Self { id, device, root, place, kind: fields.next()?, options: fields.nth(1)? })
    }
}

fn hides(options: &[u8]) -> bool {
    options.split(|&byte| byte == b',').any(|option| {
        let value = option.strip_prefix(b"hidepid=");
        value.is_some_and(|value| !matches!(value, b"0" | b"off"))
    })
}

/// `net:[4026531840]`.
fn network_namespace(root: &[u8]) -> Option<u64> {
    let digits = root.strip_prefix(b"net:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Space, tab, newline and backslash are written as three octal digits.
fn unescape(path: &[u8]) -> String {
    let mut plain = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&first, after)) = rest.split_first() {
        match (first, octal(after)) {
            (b'\\', Some(byte)) => {
                plain.push(byte);
                rest = &after[3..];
            }
            _ => {
                plain.push(first);
                rest = after;
            }
        }
    }
    text(&plain)
}

fn octal(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits.get(..3)?).ok()?, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cgroup2_is_found_behind_optional_fields() {
        let table = b"24 1 0:22 / /proc rw,nosuid shared:5 - proc proc rw,hidepid=invisible\n\
            31 29 0:28 / /sys/fs/cgroup/a\\040b rw master:9 shared:1 - cgroup2 cgroup2 rw\n";
        let mounts = read(table);
        assert_eq!(mounts.cgroup2.as_deref(), Some("/sys/fs/cgroup/a b"));
        assert!(mounts.hides_processes);
    }

    #[test]
    fn a_mounted_network_namespace_is_found_wherever_it_is() {
        let table = b"24 1 0:4 net:[4026532567] /run/netns/blue rw - nsfs nsfs rw\n\
            25 1 0:4 net:[4026532568] /srv/a\\040b rw - nsfs nsfs rw\n\
            26 1 0:4 mnt:[4026532569] /run/snapd/ns/a.mnt rw - nsfs nsfs rw\n";
        let places = [(4_026_532_567, "/run/netns/blue".into()), (4_026_532_568, "/srv/a b".into())];
        assert_eq!(read(table).network_namespaces, places);
    }

    #[test]
    fn the_first_cgroup2_is_the_hosts_and_the_last_proc_is_seen() {
        let table = b"24 1 0:22 / /proc rw - proc proc rw,hidepid=2\n\
            31 29 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n\
            40 29 0:28 / /srv/c/sys/fs/cgroup rw - cgroup2 cgroup2 rw\n\
            41 24 0:23 / /proc rw - proc proc rw\n";
        let mounts = read(table);
        assert_eq!(mounts.cgroup2.as_deref(), Some("/sys/fs/cgroup"));
        assert!(!mounts.hides_processes);
    }

    #[test]
    fn a_part_of_the_hierarchy_or_more_than_the_namespace_shows_is_told_as_such() {
        let root = |root: &str| {
            let table = format!("31 29 0:28 {root} /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
            read(table.as_bytes()).cgroup2_root
        };
        assert_eq!(["/", "/docker/ab", "/../.."].map(root), ["", "/docker/ab", "/../.."]);
    }

    #[test]
    fn a_file_system_that_may_never_answer_is_told_from_a_disk() {
        let table = b"30 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
            31 30 0:40 / /srv/a\\040b rw shared:1 - nfs4 server:/a rw,hard\n\
            32 30 0:41 / /mnt/cloud rw - fuse.sshfs me@server:/ rw\n\
            33 30 0:42 / /mnt/plain rw - fuse none rw\n\
            34 30 8:2 / /mnt/disk rw - xfs /dev/sda2 rw\n\
            35 30 0:43 / /mnt/share rw - 9p share rw\n\
            36 30 0:44 / /mnt/named rw - fuse.fuse-overlayfs anybody rw\n\
            37 30 0:45 / /data rw - autofs systemd-1 rw\n\
            38 37 8:3 / /data rw - ext4 /dev/sda3 rw\n";
        let places = Places::read(table);
        for remote in ["/srv/a b", "/srv/a b/c", "/mnt/cloud/x", "/mnt/plain", "/mnt/share/y", "/mnt/named"] {
            assert!(places.is_remote(remote), "{remote}");
            assert_eq!(places.local(remote), None, "{remote}");
        }
        for local in ["/", "/srv/a", "/srv/a bc/d", "/mnt/disk/x", "/data/x", "/mnt/plain2"] {
            assert!(!places.is_remote(local), "{local}");
        }
        let seen = ["/", "/mnt/disk", "/data", "/srv"].map(|place| places.local(place));
        assert_eq!(seen, [Some(30), Some(34), Some(38), None]);
    }

    #[test]
    fn a_strangers_mount_is_local_where_it_is_of_a_device_that_is_known() {
        let devices =
            Devices::read(b"30 1 0:28 / / rw - overlay overlay rw\n31 30 0:40 / /tmp rw - tmpfs tmpfs rw\n");
        let table = b"60 1 0:28 / / rw - overlay overlay rw\n\
            61 60 0:28 /usr/bin/a /usr/bin/a ro - overlay overlay rw\n\
            62 60 0:40 /private /tmp rw - tmpfs tmpfs rw\n\
            63 60 0:77 / /srv rw - overlay overlay rw\n";
        let places = Places::read_known(table, &devices);
        let seen = ["/", "/usr/bin/a", "/tmp", "/srv"].map(|place| places.local(place));
        assert_eq!(seen, [Some(60), Some(61), Some(62), None]);
        assert!(places.is_remote("/srv/x") && !places.is_remote("/usr/bin/a"));
    }

    #[test]
    fn below_a_root_that_may_never_answer_everything_is_remote() {
        let places = Places::read(b"30 1 0:40 / / rw - nfs server:/ rw\n");
        assert!(places.is_remote("/") && places.is_remote("/usr/bin/env") && places.is_remote(""));
    }

    #[test]
    fn an_open_proc_hides_nothing() {
        assert!(!read(b"24 1 0:22 / /proc rw - proc proc rw,hidepid=0").hides_processes);
        assert!(!read(b"24 1 0:22 / /proc rw - proc proc rw").hides_processes);
        assert_eq!(read(b"nonsense - \\ cgroup2"), Mounts::default());
    }
}
