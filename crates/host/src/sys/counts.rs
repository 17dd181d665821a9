//! The memory of a BPF array of counts, which the kernel adds to while we read.

use std::os::fd::AsFd;

use rustix::{io::Errno, param::page_size};

use super::memory::Memory;

const COUNT_BYTES: usize = 8;

/// Counts of 64 bits.
#[derive(Debug)]
pub struct Counts {
    memory: Memory,
    count: usize,
}

impl Counts {
    /// Maps the `count` values of the array `map`, which was made to be mapped (BPF_F_MMAPABLE, Linux 5.5).
    ///
    /// # Errors
    ///
    /// What mmap(2) answers.
    pub fn new(map: &impl AsFd, count: usize) -> Result<Self, Errno> {
        let bytes = count.checked_mul(COUNT_BYTES).ok_or(Errno::INVAL)?;
        let memory = Memory::map(map.as_fd(), bytes.next_multiple_of(page_size()), 0, libc::PROT_READ)?;
        Ok(Self { memory, count })
    }

    /// All of them, in order, as they are by now.
    pub fn all(&self) -> impl Iterator<Item = u64> + '_ {
        (0..self.count).map(|place| self.memory.long(place * COUNT_BYTES))
    }
}
