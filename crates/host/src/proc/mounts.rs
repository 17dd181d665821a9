//! Where cgroup2 and network file systems are mounted, and whether /proc hides processes, from `/proc/PID/mountinfo`.

use super::text;

/// What portreeve reads of the table of mounts (proc_pid_mountinfo(5)).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mounts {
    /// Where the cgroup2 hierarchy stands (cgroups(7)).
    pub cgroup2: Option<String>,
    /// Whether /proc hides the processes of other users (`hidepid=` of proc(5)).
    pub hides_processes: bool,
}

/// Reads a table of mounts; the last mount on a place is the one that is seen.
#[must_use]
pub fn read(bytes: &[u8]) -> Mounts {
    let mut mounts = Mounts::default();
    for line in bytes.split(|&byte| byte == b'\n') {
        let Some(mount) = Mount::read(line) else { continue };
        match mount.kind {
            b"cgroup2" if mounts.cgroup2.is_none() => mounts.cgroup2 = Some(unescape(mount.place)),
            b"proc" if mount.place == b"/proc" => mounts.hides_processes = hides(mount.options),
            _ => {}
        }
    }
    mounts
}

/// File systems whose server may be gone, so that whoever asks for a file of theirs may wait for ever.
const REMOTE: [&[u8]; 7] = [b"nfs", b"nfs4", b"cifs", b"smb3", b"ceph", b"afs", b"lustre"];
/// Below FUSE anything may stand (fuse(4)); only this one is known to be the layers of a container on a local disk.
const LOCAL_FUSE: &[u8] = b"fuse.fuse-overlayfs";

/// The places where network file systems are mounted.
#[must_use]
pub fn remote(bytes: &[u8]) -> Vec<String> {
    let mounts = bytes.split(|&byte| byte == b'\n').filter_map(Mount::read);
    mounts.filter(|mount| is_remote(mount.kind)).map(|mount| unescape(mount.place)).collect()
}

fn is_remote(kind: &[u8]) -> bool {
    REMOTE.contains(&kind) || (kind.starts_with(b"fuse.") && kind != LOCAL_FUSE)
}

struct Mount<'a> {
    place: &'a [u8],
    kind: &'a [u8],
    options: &'a [u8],
}

impl<'a> Mount<'a> {
    fn read(line: &'a [u8]) -> Option<Self> {
        let mut fields = line.split(|&byte| byte == b' ');
        let place = fields.nth(4)?;
        // Any number of optional fields stands before a lone hyphen.
        fields.by_ref().find(|field| *field == b"-")?;
        Some(Self { place, kind: fields.next()?, options: fields.nth(1)? })
    }
}

fn hides(options: &[u8]) -> bool {
    options.split(|&byte| byte == b',').any(|option| {
        let value = option.strip_prefix(b"hidepid=");
        value.is_some_and(|value| !matches!(value, b"0" | b"off"))
    })
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
    fn a_network_file_system_is_told_from_a_disk() {
        let table = b"30 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
            31 30 0:40 / /srv/a\\040b rw shared:1 - nfs4 server:/a rw,hard\n\
            32 30 0:41 / /mnt/cloud rw - fuse.sshfs me@server:/ rw\n\
            33 30 0:42 / /var/lib/c/merged rw - fuse.fuse-overlayfs fuse-overlayfs rw\n\
            34 30 8:2 / /mnt/disk rw - fuseblk /dev/sda2 rw\n\
            35 30 0:43 / /mnt/share rw - cifs //server/share rw\n";
        assert_eq!(remote(table), ["/srv/a b", "/mnt/cloud", "/mnt/share"]);
    }

    #[test]
    fn an_open_proc_hides_nothing() {
        assert!(!read(b"24 1 0:22 / /proc rw - proc proc rw,hidepid=0").hides_processes);
        assert!(!read(b"24 1 0:22 / /proc rw - proc proc rw").hides_processes);
        assert_eq!(read(b"nonsense - \\ cgroup2"), Mounts::default());
    }
}
