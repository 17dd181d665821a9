//! A process' name, state, parent and start from `/proc/PID/stat`.

use super::{SMALL_BYTES, text};

/// What portreeve reads of `/proc/PID/stat` (proc_pid_stat(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Field 2: the kernel's name of the process, at most 15 bytes, any bytes.
    pub comm: String,
    /// Field 3: `T` or `t` where it is stopped.
    pub state: char,
    /// Field 4.
    pub parent: u32,
    /// Field 22: clock ticks after boot.
    pub started_ticks: u64,
}

/// What /proc says of a process; `None` where it is gone.
pub(crate) fn of(pid: u32) -> Option<Stat> {
    read(&super::read(format!("/proc/{pid}/stat"), SMALL_BYTES).ok()?)
}

/// Reads a line of `/proc/PID/stat`.
///
/// The name may hold spaces and parentheses: it ends at the last `)`.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Stat> {
    let open = bytes.iter().position(|&byte| byte == b'(')?;
    let close = bytes.iter().rposition(|&byte| byte == b')')?;
    let comm = bytes.get(open + 1..close)?;
    let rest = std::str::from_utf8(&bytes[close + 1..]).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let started_ticks = fields.nth(17)?.parse().ok()?;
    Some(Stat { comm: text(comm), state, parent, started_ticks })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_look_like_the_rest_of_the_line() {
        let line = b"42 (a) R 1 (b) S 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 9876 123 456\n";
        let stat = read(line).unwrap();
        assert_eq!(stat, Stat { comm: "a) R 1 (b".into(), state: 'S', parent: 7, started_ticks: 9876 });
    }

    #[test]
    fn a_line_that_stops_short_is_no_process() {
        assert_eq!(read(b"42 (a) S 7"), None);
        assert_eq!(read(b"42 )a( S 7"), None);
        assert_eq!(read(b""), None);
    }
}
