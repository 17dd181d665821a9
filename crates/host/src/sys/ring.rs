//! The memory of a BPF ring buffer, which the kernel writes while we read (kernel/bpf/ringbuf.c).

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::atomic::Ordering,
};

use rustix::{io::Errno, param::page_size};

use super::memory::Memory;
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
        let reader = Memory::map(map.as_fd(), page, 0, libc::PROT_READ | libc::PROT_WRITE)?;
        let writer = Memory::map(map.as_fd(), twice, page, libc::PROT_READ)?;
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
