//! The memory of a BPF ring buffer, which the kernel writes while we read (kernel/bpf/ringbuf.c).

#![expect(unsafe_code, reason = "shared memory cannot be mapped and read without it")]

use std::{
    ffi::c_void,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    ptr::{self, NonNull},
    sync::atomic::{AtomicU32, AtomicU64, Ordering, fence},
};

use rustix::{io::Errno, param::page_size};

use crate::bpf::ring::{End, walk};

/// A ring buffer and its memory; both are gone when this value is, once no program writes there any more.
#[derive(Debug)]
pub struct Ring {
    map: OwnedFd,
    /// One page: how far we have read.
    reader: Memory,
    /// One page: how far the kernel has written; then the buffer, twice, so that nothing in it is ever split.
    writer: Memory,
    bytes: usize,
    copy: Vec<u8>,
}

impl Ring {
    /// Maps the buffer of `bytes` bytes that the map `map` is.
    ///
    /// # Errors
    ///
    /// What mmap(2) answers.
    pub fn new(map: OwnedFd, bytes: usize) -> Result<Self, Errno> {
        let page = page_size();
        let twice = bytes.checked_mul(2).and_then(|twice| twice.checked_add(page)).ok_or(Errno::INVAL)?;
        let reader = Memory::map(&map, page, 0, libc::PROT_READ | libc::PROT_WRITE)?;
        let writer = Memory::map(&map, twice, page, libc::PROT_READ)?;
        Ok(Self { map, reader, writer, bytes, copy: Vec::new() })
    }

    /// Gives each record that is there now to `each`, and lets the kernel have its room again.
    pub fn read(&mut self, mut each: impl FnMut(&[u8])) -> End {
        // We alone write this number.
        let from = self.reader.position().load(Ordering::Relaxed);
        let to = self.writer.position().load(Ordering::Acquire);
        let (writer, copy, start) = (&self.writer, &mut self.copy, page_size());
        let header = |offset| writer.word(start + offset);
        let record = |offset, length| {
            writer.copy(start + offset, length, copy);
            each(copy);
        };
        let (at, end) = walk(from..to, self.bytes, header, record);
        self.reader.position().store(at, Ordering::Release);
        end
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.map.as_fd()
    }
}

/// Shared memory that begins with a number of 64 bits.
#[derive(Debug)]
struct Memory {
    start: NonNull<c_void>,
    bytes: usize,
}

impl Memory {
    fn map(of: &OwnedFd, bytes: usize, offset: usize, protection: libc::c_int) -> Result<Self, Errno> {
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

    fn position(&self) -> &AtomicU64 {
        // SAFETY: a mapping is at least a page, begins at one, and lives as long as `self`; both sides touch these
        // bytes by whole atomic accesses only, and the read-only page is only ever loaded from.
        unsafe { AtomicU64::from_ptr(self.start.as_ptr().cast()) }
    }

    /// The 32 bits at `offset`, which is a multiple of 4.
    fn word(&self, offset: usize) -> u32 {
        assert!(offset.is_multiple_of(4) && offset <= self.bytes - 4, "walk stays within the buffer");
        // SAFETY: it is aligned and within the mapping, as has just been asked; the kernel writes it as a whole.
        let word = unsafe { AtomicU32::from_ptr(self.start.as_ptr().byte_add(offset).cast()) };
        word.load(Ordering::Acquire)
    }

    /// The `length` bytes at `offset`, into `copy`.
    fn copy(&self, offset: usize, length: usize, copy: &mut Vec<u8>) {
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
