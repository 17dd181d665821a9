//! The program code that a process has mapped, from `/proc/PID/maps`.

use std::borrow::Cow;

use super::text;

/// An executable mapping of a file (proc_pid_maps(5)).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mapping {
    /// The range of addresses, as it is the name of a link below `/proc/PID/map_files`.
    pub range: String,
    /// The device as (major, minor).
    pub device: (u32, u32),
    /// The inode of the mapped file.
    pub inode: u64,
    /// The path without " (deleted)".
    pub path: String,
    /// Whether the path ended so, as a file's may too.
    pub is_deleted: bool,
    /// Every path that the line may mean, `path` first; none where it is no UTF-8.
    pub readings: Vec<String>,
}

/// More files than any program maps; further ones are left out.
const MAPPINGS_MAX: usize = 4096;
/// The same of the bytes of all paths, of which one may have four kilobytes (PATH_MAX).
const PATHS_BYTES_MAX: usize = 1024 * 1024;
/// What the kernel maps from no file on a disk: shared memory, devices, graphics memory.
const NOT_FILES: [&[u8]; 5] = [b"/memfd:", b"/dev/", b"/SYSV", b"/i915", b"/[aio]"];

const DELETED: &[u8] = b" (deleted)";
const LINE_FEED: &str = "\\012";

/// The executable mappings of regular files, each file once, and whether these are all.
#[must_use]
pub fn read(bytes: &[u8]) -> (Vec<Mapping>, bool) {
    let mut mappings: Vec<Mapping> = Vec::new();
    let mut left = PATHS_BYTES_MAX;
    for mapping in bytes.split(|&byte| byte == b'\n').filter_map(mapping) {
        // A file's mappings follow each other, so looking back a little finds its twin.
        let known = mappings
            .iter()
            .rev()
            .take(8)
            .any(|other| other.inode == mapping.inode && other.device == mapping.device);
        if known {
            continue;
        }
        let Some(rest) = left.checked_sub(mapping.path.len()).filter(|_| mappings.len() < MAPPINGS_MAX)
        else {
            return (mappings, false);
        };
        left = rest;
        mappings.push(mapping);
    }
    (mappings, true)
}

/// A saved copy without the carriage returns that an editor or a copy program put before all line feeds.
///
/// A name may end in one (fs/seq_file.c, `mangle_path`), yet not those of all mappings.
#[must_use]
pub fn as_saved(bytes: &[u8]) -> Cow<'_, [u8]> {
    let lines = || bytes.split_inclusive(|&byte| byte == b'\n');
    if !lines().all(|line| line.ends_with(b"\r\n") || !line.ends_with(b"\n")) {
        return bytes.into();
    }
    let plain = |line: &[u8]| [line.trim_ascii_end(), b"\n"].concat();
    lines().flat_map(|line| if line.ends_with(b"\r\n") { plain(line) } else { line.into() }).collect()
}

/// Whether a line of `bytes` at least is one of such a file: `RANGE PERMISSIONS OFFSET DEVICE INODE`, and mostly a path.
#[must_use]
pub fn is_one(bytes: &[u8]) -> bool {
    bytes.split(|&byte| byte == b'\n').any(|line| is_line(line).is_some())
}

fn is_line(line: &[u8]) -> Option<()> {
    let hexadecimal = |digits: &str| u64::from_str_radix(digits, 16).ok();
    let mut fields = line.splitn(6, |&byte| byte == b' ').map(std::str::from_utf8);
    let mut field = || fields.next()?.ok();
    let (begin, end) = field()?.split_once('-')?;
    (hexadecimal(begin)? < hexadecimal(end)?).then_some(())?;
    let is_permission = |byte: u8| b"rwxsp-".contains(&byte);
    field().filter(|told| told.len() == 4 && told.bytes().all(is_permission))?;
    hexadecimal(field()?)?;
    parse_device(field()?.as_bytes())?;
    field()?.parse::<u64>().ok().map(|_| ())
}

fn mapping(line: &[u8]) -> Option<Mapping> {
    let mut fields = line.splitn(6, |&byte| byte == b' ');
    let range = fields.next()?;
    let permissions = fields.next()?;
    if permissions.get(2) != Some(&b'x') {
        return None;
    }
    let device = fields.nth(1)?;
    let inode = std::str::from_utf8(fields.next()?).ok()?.parse().ok().filter(|&inode| inode != 0)?;
    let path = fields.next()?.trim_ascii_start();
    if !path.starts_with(b"/") || NOT_FILES.iter().any(|prefix| path.starts_with(prefix)) {
        return None;
    }
    let whole = path.strip_suffix(DELETED).unwrap_or(path);
    let is_deleted = whole.len() < path.len();
    let readings = match std::str::from_utf8(path) {
        Ok(told) => readings(told),
        Err(_) => Vec::new(),
    };
    let path = readings.first().cloned().unwrap_or_else(|| text(whole));
    let (range, device) = (link(&text(range)), parse_device(device)?);
    Some(Mapping { range, device, inode, path, is_deleted, readings })
}

/// The name of a link has no zeros before an address, the line of a program at a fixed low address has
/// (fs/proc/base.c, `proc_map_files_readdir`; fs/proc/task_mmu.c, `show_vma_header_prefix`).
fn link(range: &str) -> String {
    let plain = |address: &str| match address.trim_start_matches('0') {
        "" => "0".to_owned(),
        plain => plain.to_owned(),
    };
    range.split('-').map(plain).collect::<Vec<_>>().join("-")
}

/// The kernel writes a line feed as `\012` and nothing for a backslash, and a name may really end in " (deleted)"
/// (fs/seq_file.c, `mangle_path`; fs/d_path.c).
fn readings(told: &str) -> Vec<String> {
    let whole = told.strip_suffix(" (deleted)").unwrap_or(told);
    let mut readings = Vec::new();
    for path in [whole.replace(LINE_FEED, "\n"), told.replace(LINE_FEED, "\n"), whole.into(), told.into()] {
        if !readings.contains(&path) {
            readings.push(path);
        }
    }
    readings
}

fn parse_device(bytes: &[u8]) -> Option<(u32, u32)> {
    let (major, minor) = std::str::from_utf8(bytes).ok()?.split_once(':')?;
    Some((u32::from_str_radix(major, 16).ok()?, u32::from_str_radix(minor, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: &[u8] = b"\
55e0-55e4 r--p 00000000 fe:00 1311 /usr/sbin/nginx\n\
55e4-55f0 r-xp 00004000 fe:00 1311 /usr/sbin/nginx\n\
55f0-55f4 rwxp 00010000 fe:00 1311 /usr/sbin/nginx\n\
7f00-7f10 r-xp 00000000 fe:00 99 /usr/lib/libssl.so.3 (deleted)\n\
7f10-7f20 r-xp 00000000 00:01 12 /memfd:jit (deleted)\n\
7f20-7f30 rwxs 00000000 00:05 13 /dev/zero (deleted)\n\
7f30-7f40 r-xp 00000000 00:00 0 \n\
7f40-7f50 r-xp 00000000 00:00 0 [vdso]\n";

    #[test]
    fn only_code_of_files_counts_and_each_file_once() {
        let paths: Vec<_> = read(MAPS).0.into_iter().map(|mapping| (mapping.inode, mapping.path)).collect();
        assert_eq!(paths, [(1311, "/usr/sbin/nginx".into()), (99, "/usr/lib/libssl.so.3".into())]);
    }

    #[test]
    fn what_has_no_line_of_maps_is_none() {
        assert!(is_one(MAPS) && is_one(b"# mine\n7f30-7f40 rw-p 00000000 00:00 0"));
        let lines: [&[u8]; 9] = [
            b"",
            b"\n\n",
            b"a b c d e f",
            b"7f30-7f40 rwxp 0 00:00",
            b"7f40-7f30 r-xp 00000000 00:00 0 /a",
            b"7f30-7f40 r-xq 00000000 00:00 0 /a",
            b"7f30-7f40 r-xp 00000000 0000 0 /a",
            b"7f30-7f40 r-xp 00000000 00:00 -1 /a",
            b"\x7fELF\x02\x01\xff\xfe",
        ];
        for line in lines {
            assert!(!is_one(line), "{}", text(line));
        }
    }

    #[test]
    fn a_copy_with_other_ends_of_lines_names_the_same_files() {
        let copied = text(MAPS).replace('\n', "\r\n");
        assert_ne!(read(copied.as_bytes()), read(MAPS));
        assert_eq!(read(&as_saved(copied.as_bytes())), read(MAPS));
        let last = [b"7f00-7f10 r-xp 00000000 fe:00 99 /a\r\n", MAPS].concat();
        assert_eq!(read(&as_saved(&last)).0[0].path, "/a\r", "such a name");
    }

    #[test]
    fn what_the_kernel_calls_deleted_is() {
        let deleted: Vec<_> = read(MAPS).0.into_iter().map(|mapping| mapping.is_deleted).collect();
        assert_eq!(deleted, [false, true]);
    }

    #[test]
    fn a_name_is_read_in_every_way_that_the_kernel_may_mean() {
        let readings = |name: &[u8]| {
            let line = [b"7f00-7f10 r-xp 00000000 fe:00 99 ", name].concat();
            read(&line).0.pop().map(|mapping| mapping.readings)
        };
        let known = |names: &[&str]| Some(names.iter().map(ToString::to_string).collect());
        assert_eq!(readings(b"/a b"), known(&["/a b"]));
        assert_eq!(readings(b"/a (deleted)"), known(&["/a", "/a (deleted)"]));
        assert_eq!(readings(b"/a\\012b"), known(&["/a\nb", "/a\\012b"]));
        assert_eq!(readings(b"/\xff"), known(&[]));
        assert_eq!(readings(b"/\xff (deleted)"), known(&[]));
        assert_eq!(read(b"7f00-7f10 r-xp 00000000 fe:00 99 /\xff (deleted)").0[0].path, "/\u{fffd}");
    }

    #[test]
    fn a_mapping_keeps_what_finds_it_again() {
        let first = read(MAPS).0.remove(0);
        assert_eq!((first.range.as_str(), first.device), ("55e4-55f0", (0xfe, 0)));
        let low = read(b"00401000-00585000 r-xp 00001000 00:29 237 /bin/busybox\n").0.remove(0);
        assert_eq!(low.range, "401000-585000");
        assert_eq!(link("00000000-00001000"), "0-1000");
    }

    /// As many as anybody likes, by names as long as he likes.
    #[test]
    fn as_many_are_read_as_there_is_room_for() {
        let maps = |count: usize, length: usize| {
            let line = |nth: usize| format!("7f00-7f10 r-xp 00000000 fe:00 {} /{nth:0>length$}\n", nth + 1);
            let (read, are_all) = read((0..count).map(line).collect::<String>().as_bytes());
            (read.len(), are_all)
        };
        assert_eq!([maps(4_096, 9), maps(4_097, 9)], [(4_096, true), (4_096, false)]);
        assert_eq!(maps(255, 4_095), (255, true));
        let (count, are_all) = maps(300, 4_095);
        assert!((250..=256).contains(&count) && !are_all, "{count}");
    }
}
