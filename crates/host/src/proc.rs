//! Reads /proc, never more than a stated number of bytes (proc(5)).

pub mod counters;
pub mod maps;
pub mod mounts;
pub mod stat;
pub mod status;

use std::{fs, io, io::Read, path::Path};

/// Enough for any file of numbers and names that portreeve reads.
pub(crate) const SMALL_BYTES: usize = 64 * 1024;
/// /proc tells no file's length: most fit into this, and are then read in one piece.
const PIECE_BYTES: usize = 4096;

/// The first `limit` bytes of a file.
pub(crate) fn read(path: impl AsRef<Path>, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(limit.min(PIECE_BYTES));
    fs::File::open(path)?.take(limit as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What the first read of a file gives, where that is all of it: less than `limit` bytes.
///
/// A sysctl that is a number or a list of numbers answers one read only, and cuts what is longer than the reader's
/// buffer; nothing tells that it did (kernel/sysctl.c, `proc_do_large_bitmap`, `do_proc_dointvec`). Those that are
/// strings, and all other files of /proc, may be read on.
pub(crate) fn read_once(path: impl AsRef<Path>, limit: usize) -> io::Result<Vec<u8>> {
    // The kernel clears as much memory as it is asked for, and nearly every answer fits into little.
    for room in [limit.min(PIECE_BYTES), limit] {
        let mut bytes = vec![0; room];
        let length = fs::File::open(&path)?.read(&mut bytes)?;
        if length < room {
            bytes.truncate(length);
            return Ok(bytes);
        }
    }
    Err(io::ErrorKind::FileTooLarge.into())
}

/// A small file as text; bytes that are no UTF-8 become U+FFFD.
pub(crate) fn read_text(path: impl AsRef<Path>) -> Option<String> {
    Some(text(&read(path, SMALL_BYTES).ok()?))
}

/// Whether somebody has this number now.
pub(crate) fn exists(pid: u32) -> bool {
    fs::exists(format!("/proc/{pid}")).unwrap_or(false)
}

/// Where a link points, as text.
pub(crate) fn read_link(path: impl AsRef<Path>) -> Option<String> {
    Some(fs::read_link(path).ok()?.to_string_lossy().into_owned())
}

/// Bytes as text; what is no UTF-8 becomes U+FFFD.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether /proc counts processes as the kernel counts them for us: it may be mounted from another pid namespace.
pub(crate) fn numbers_are_ours() -> bool {
    fs::read_link("/proc/self").is_ok_and(|own| own.to_str() == Some(&std::process::id().to_string()))
}

/// The path of a process in the cgroup2 hierarchy (cgroups(7)).
pub(crate) fn cgroup(pid: u32) -> Option<String> {
    read_text(format!("/proc/{pid}/cgroup")).as_deref().and_then(unified).map(str::to_owned)
}

/// The line of the cgroup2 hierarchy: `0::/path`.
fn unified(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("0::"))
}

/// Whether /proc lists the processes of other users: under `hidepid=2` not even the first one is there (proc(5)).
pub(crate) fn shows_everybody() -> bool {
    fs::exists("/proc/1").unwrap_or(false)
}

/// Whether a process does not show where its descriptors lead (ptrace(2), PTRACE_MODE_READ_FSCREDS): it may list them
/// and still not show that.
pub(crate) fn hides_descriptors(pid: u32) -> bool {
    let is_refused = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
    let of_first = || {
        let mut entries = fs::read_dir(format!("/proc/{pid}/fd"))?;
        entries.next().map_or(Ok(()), |entry| fs::read_link(entry?.path()).map(drop))
    };
    // Nearly every program has a standard input, which spares the list.
    let answer = fs::read_link(format!("/proc/{pid}/fd/0")).map(drop);
    let answer = answer.or_else(|error| if is_refused(&error) { Err(error) } else { of_first() });
    answer.is_err_and(|error| is_refused(&error))
}

/// The processes that /proc shows, by number.
pub(crate) fn pids() -> io::Result<Vec<u32>> {
    let names = fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    Ok(names.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_into_one_read_is_no_answer() {
        let path = std::env::temp_dir().join(format!("portreeve-once-{}", std::process::id()));
        fs::write(&path, "8080\n").unwrap();
        assert_eq!(read_once(&path, 6).unwrap(), b"8080\n");
        assert_eq!(read_once(&path, 5).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn only_the_unified_hierarchy_tells_the_cgroup() {
        assert_eq!(unified("5:memory:/old\n0::/system.slice/a.service\n"), Some("/system.slice/a.service"));
        assert_eq!(unified("5:memory:/old\n"), None);
    }
}
