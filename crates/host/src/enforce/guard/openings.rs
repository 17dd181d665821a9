//! Who asked for the number of a socket, as the programs keep it with the socket (`struct told_opening` of bpf/guard.bpf.c).

use std::{collections::HashMap, io::ErrorKind};

use super::{
    bytes::{long, number, text},
    shown::{self, OPENINGS},
};

/// Of one socket.
pub(super) const RECORD_BYTES: usize = 72;
/// Where the parts stand.
const AT: usize = 0;
const STARTED: usize = 8;
const PID: usize = 16;
const UID: usize = 20;
const PORT: usize = 32;
const NAME: usize = 40;
const NAME_BYTES: usize = 16;
const INODE: usize = 56;
const MARK: usize = 64;

/// Somebody, and what he asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    /// The number.
    pub(crate) port: u16,
    /// When, in nanoseconds since the boot.
    pub(crate) at: u64,
    /// His process.
    pub(crate) pid: u32,
    /// When that began, in nanoseconds since the boot.
    pub(crate) started: u64,
    /// What it was called.
    pub(crate) name: String,
    /// The user whose rights it had.
    pub(crate) uid: u32,
    /// The digest of its mark.
    pub(crate) mark: Option<u64>,
}

/// Whether a guard stands that lets the reader know it.
pub(crate) fn are_told() -> bool {
    shown::begin(&OPENINGS).is_ok_and(|listing| listing.is_some())
}

/// Who asked for the number of each socket, by inode; nothing where no guard stands, `None` where the reader may not know it, or
/// there is no end of it.
pub(crate) fn openings() -> Option<HashMap<u64, Opening>> {
    let mut all = HashMap::new();
    match shown::read_each(&OPENINGS, RECORD_BYTES, |record| all.extend(read(record))) {
        Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::FileTooLarge) => None,
        _ => Some(all),
    }
}

fn read(record: &[u8]) -> Option<(u64, Opening)> {
    let opening = Opening {
        port: u16::from_ne_bytes(*record.get(PORT..)?.first_chunk()?),
        at: long(record, AT)?,
        pid: number(record, PID)?,
        started: long(record, STARTED)?,
        name: text(record.get(NAME..NAME + NAME_BYTES)?),
        uid: number(record, UID)?,
        mark: Some(long(record, MARK)?).filter(|mark| *mark != 0),
    };
    Some((long(record, INODE)?, opening))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asked_is_read_as_it_is_written() {
        let mut record: Vec<u8> =
            [7_000_000_000, 5_000_000_000].into_iter().flat_map(u64::to_ne_bytes).collect();
        record.extend([712_u32, 33, 1, 7].into_iter().flat_map(u32::to_ne_bytes));
        record.extend(443_u16.to_ne_bytes());
        record.extend([0; 6]);
        record.extend(*b"nginx\0\0\0\0\0\0\0\0\0\0\0");
        record.extend([99_001_u64, 5].into_iter().flat_map(u64::to_ne_bytes));
        let opening = Opening {
            port: 443,
            at: 7_000_000_000,
            pid: 712,
            started: 5_000_000_000,
            name: "nginx".into(),
            uid: 33,
            mark: Some(5),
        };
        assert_eq!(record.len(), RECORD_BYTES);
        assert_eq!(read(&record), Some((99_001, opening)));
        assert_eq!(read(&record[..70]), None);
    }
}
