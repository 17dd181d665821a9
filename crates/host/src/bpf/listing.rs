//! Reads what a program lists (kernel/bpf/bpf_iter.c).

use std::os::fd::AsFd;

use rustix::{
    buffer::spare_capacity,
    io::{Errno, read, retry_on_intr},
};

/// What the kernel fills at most for one read is 8 pages, which may be of 64 KiB (`bpf_seq_read`): where that is more than this
/// the rest comes next, so that no record may be cut.
const RECORDS_AT_ONCE: usize = 600;

/// Takes each record of a list that begins, all of so many bytes.
///
/// # Errors
///
/// What the kernel answers, or EFBIG where the list goes on after `bytes_max`.
pub(crate) fn read_each(
    listing: impl AsFd,
    record_bytes: usize,
    bytes_max: usize,
    mut take: impl FnMut(&[u8]),
) -> Result<(), Errno> {
    let mut buffer = Vec::with_capacity(RECORDS_AT_ONCE * record_bytes);
    let mut bytes = 0;
    while bytes < bytes_max {
        buffer.clear();
        // EAGAIN: the kernel went through a million things of which none was asked for, and wants to be asked again.
        match retry_on_intr(|| read(&listing, spare_capacity(&mut buffer))) {
            Ok(0) => return Ok(()),
            Ok(count) => bytes += count,
            Err(Errno::AGAIN) => {}
            Err(error) => return Err(error),
        }
        buffer.chunks_exact(record_bytes).for_each(&mut take);
    }
    Err(Errno::FBIG)
}
