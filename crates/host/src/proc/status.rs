//! A process' user and capabilities from `/proc/PID/status`.

/// What portreeve reads of `/proc/PID/status` (proc_pid_status(5)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The effective user id.
    pub uid: Option<u32>,
    /// The effective capabilities, a bit each (capabilities(7)).
    pub capabilities: Option<u64>,
}

/// Reads `/proc/PID/status`; the first line of each kind counts.
///
/// The name stands in the first line with its newlines escaped, so that it cannot add lines of its own.
#[must_use]
pub fn read(bytes: &[u8]) -> Status {
    let mut status = Status::default();
    for line in bytes.split(|&byte| byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok()) {
        if let Some(uids) = line.strip_prefix("Uid:") {
            status.uid = status.uid.or_else(|| uids.split_ascii_whitespace().nth(1)?.parse().ok());
        } else if let Some(mask) = line.strip_prefix("CapEff:") {
            let mask = u64::from_str_radix(mask.trim_ascii(), 16).ok();
            status.capabilities = status.capabilities.or(mask);
            break;
        }
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_effective_ids_count() {
        let text =
            b"Name:\tx\\nUid:\t0 0 0 0\nUid:\t1000\t33\t33\t33\nCapInh:\t0\nCapEff:\t000001ffffffffff\n";
        assert_eq!(read(text), Status { uid: Some(33), capabilities: Some(0x1ff_ffff_ffff) });
    }

    #[test]
    fn what_is_missing_stays_unknown() {
        assert_eq!(read(b"Uid:\t5\nCapEff:\tzz"), Status::default());
    }
}
