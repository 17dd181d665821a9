//! The size of the pages in which memory lies (madvise(2)).

#![expect(unsafe_code, reason = "rustix calls all advice unsafe, as some of it takes memory away")]

use std::{ffi::c_void, ops::Range, ptr};

/// Has the kernel lay what is at these addresses together in as large pages as it has: whoever asks for far places of a large table
/// then waits for the table alone, and not for the page tables as well. Before Linux 6.1, and where large pages are switched off,
/// it stays as it is.
pub fn enlarge(memory: Range<usize>) {
    for advice in [libc::MADV_HUGEPAGE, libc::MADV_COLLAPSE] {
        // Only whole pages are meant; the kernel takes the beginning of one.
        let start = memory.start.next_multiple_of(PAGE_BYTES);
        let bytes = memory.end.saturating_sub(start);
        let start: *mut c_void = ptr::with_exposed_provenance_mut(start);
        // SAFETY: this advice changes no byte of any memory, whatever lies there.
        unsafe { libc::madvise(start, bytes, advice) };
    }
}

/// Of the smallest page of any machine that this runs on, or several of it.
const PAGE_BYTES: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_there_stays() {
        let memory = vec![7_u8; 8 << 20];
        let start = memory.as_ptr().expose_provenance();
        enlarge(start..start + memory.len());
        assert!(memory.iter().all(|byte| *byte == 7));
        enlarge(start..start);
    }
}
