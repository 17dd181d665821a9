//! Keeps what a list of packages says from one run to the next: reading the list itself takes longer than all else (A18).
//!
//! A file that anybody else could have written, that is of another state of the list, or that is damaged, is taken for none.

use std::{
    fs,
    io::Read as _,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{OFlags, Statx},
    process::geteuid,
};

use super::super::tree::stamp;
use crate::{
    bpf::digest,
    keep::{Readers, replace_soon},
    pins::OTHERS_WRITE,
};

const LAYOUT: &str = "portreeve packages 1";
/// As much as the lines of a list take.
const BYTES_MAX: u64 = 300 * 1024 * 1024;

/// Where the index of a list is kept, and of which state of it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    path: PathBuf,
    head: String,
}

impl Place {
    /// Below `folder`, of the list with this `name` and state.
    pub(super) fn new(folder: &Path, name: &str, stat: &Statx) -> Self {
        let (inode, size, seconds, nanoseconds) = stamp(stat);
        let device = (stat.stx_dev_major, stat.stx_dev_minor);
        let head = format!("{LAYOUT} {name} {device:?} {inode} {size} {seconds}.{nanoseconds:09}\n");
        Self { path: folder.join(format!("{:016x}", digest(&[name.as_bytes()]))), head }
    }

    /// What was kept of just this state.
    pub(super) fn read(&self) -> Option<Vec<u8>> {
        let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).ok()?;
        let mut file = fs::OpenOptions::new().read(true).custom_flags(flags).open(&self.path).ok()?;
        let about = file.metadata().ok()?;
        let is_ours = about.uid() == geteuid().as_raw() && about.mode() & OTHERS_WRITE == 0;
        if !about.is_file() || !is_ours || about.len() > BYTES_MAX {
            return None;
        }
        let mut bytes = Vec::with_capacity(usize::try_from(about.len()).ok()?);
        file.read_to_end(&mut bytes).ok()?;
        opened(bytes, &self.head)
    }

    /// Keeps `list` for the next run; what cannot be kept is read again then.
    pub(super) fn keep(&self, list: &[u8]) {
        let _ = replace_soon(&self.path, &sealed(list, &self.head), Readers::Owner);
    }
}

/// The head, the lines, and a digest of all that.
fn sealed(list: &[u8], head: &str) -> Vec<u8> {
    let mut bytes = [head.as_bytes(), list].concat();
    let seal = digest(&[&bytes]);
    bytes.extend(seal.to_le_bytes());
    bytes
}

fn opened(mut bytes: Vec<u8>, head: &str) -> Option<Vec<u8>> {
    let (whole, seal) = bytes.split_last_chunk()?;
    if !whole.starts_with(head.as_bytes()) || digest(&[whole]) != u64::from_le_bytes(*seal) {
        return None;
    }
    bytes.truncate(bytes.len() - seal_bytes());
    Some(bytes.split_off(head.len()))
}

const fn seal_bytes() -> usize {
    size_of::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_index_of_the_same_state_is_read() {
        let list = b"a\t1\tamd64\t\t\n";
        let bytes = sealed(list, "head 1\n");
        assert_eq!(opened(bytes.clone(), "head 1\n").as_deref(), Some(list.as_slice()));
        assert_eq!(opened(bytes.clone(), "head 2\n"), None, "another state");
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            assert_eq!(opened(damaged, "head 1\n"), None, "byte {place}");
            assert_eq!(opened(bytes[..place].to_vec(), "head 1\n"), None, "{place} bytes");
        }
    }
}
