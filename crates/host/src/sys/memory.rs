//! Memory of BPF maps, which the kernel writes while we read.

#![expect(unsafe_code, reason = "shared memory cannot be mapped and read without it")]

use std::{
    ffi::c_void,
    os::fd::{AsRawFd, BorrowedFd},
    ptr::{self, NonNull},
    sync::atomic::{AtomicU32, AtomicU64, Ordering, fence},
};

use rustix::io::Errno;

/// Shared memory, which begins at a page and is at least one.
#[derive(Debug)]
pub(super) struct Memory {
    start: NonNull<c_void>,
    bytes: usize,
}

impl Memory {
    /// Maps so many bytes of it, from `offset` on.
    ///
    /// # Errors
    ///
    /// What mmap(2) answers.
    pub(super) fn map(
        of: BorrowedFd<'_>,
        bytes: usize,
        offset: usize,
        protection: libc::c_int,
    ) -> Result<Self, Errno> {
        let offset = libc::off_t::try_from(offset).map_err(|_| Errno::INVAL)?;
        // SAFETY: the kernel chooses a place where nothing is, and nobody else knows of it.
        let start = unsafe {
            libc::mmap(ptr::null_mut(), bytes, protection, libc::MAP_SHARED, of.as_raw_fd(), offset)
        };
        match NonNull::new(start).filter(|start| start.as_ptr() != libc::MAP_FAILED) {
            Some(start) => Ok(Self { start, bytes }),
            None => Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::INVAL)),
        }
    }

    /// The number of 64 bits that it begins with.
    pub(super) fn position(&self) -> &AtomicU64 {
        // SAFETY: a mapping is at least a page, begins at one, and lives as long as `self`; both sides touch these
        // bytes by whole atomic accesses only, and the read-only page is only ever loaded from.
        unsafe { AtomicU64::from_ptr(self.start.as_ptr().cast()) }
    }

    /// The 32 bits at `offset`, which is a multiple of 4.
    pub(super) fn word(&self, offset: usize) -> u32 {
        assert!(offset.is_multiple_of(4) && offset <= self.bytes - 4, "whoever asks stays within it");
        // SAFETY: it is aligned and within the mapping, as has just been asked; the kernel writes it as a whole.
        let word = unsafe { AtomicU32::from_ptr(self.start.as_ptr().byte_add(offset).cast()) };
        word.load(Ordering::Acquire)
    }

    /// The 64 bits at `offset`, which is a multiple of 8.
    pub(super) fn long(&self, offset: usize) -> u64 {
        assert!(offset.is_multiple_of(8) && offset <= self.bytes - 8, "whoever asks stays within it");
        // SAFETY: as of 32 bits.
        let long = unsafe { AtomicU64::from_ptr(self.start.as_ptr().byte_add(offset).cast()) };
        long.load(Ordering::Acquire)
    }

    /// The `length` bytes at `offset`, into `copy`.
    pub(super) fn copy(&self, offset: usize, length: usize, copy: &mut Vec<u8>) {
        let end = offset.checked_add(length);
        assert!(end.is_some_and(|end| end <= self.bytes), "walk stays within the buffer");
        copy.clear();
        copy.reserve(length);
        // What the kernel wrote before it said that the record is whole.
        fence(Ordering::Acquire);
        // SAFETY: `length` bytes are within the mapping, as has just been asked, and were reserved in `copy`, which is
        // elsewhere. The kernel writes a record no more once it is whole, until we say that we have read it; and bytes
        // that it wrote all the same would be no more than other bytes.
        unsafe {
            ptr::copy_nonoverlapping(self.start.as_ptr().cast::<u8>().add(offset), copy.as_mut_ptr(), length);
            copy.set_len(length);
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this length, and every reference into it borrowed `self`.
        unsafe { libc::munmap(self.start.as_ptr(), self.bytes) };
    }
}
