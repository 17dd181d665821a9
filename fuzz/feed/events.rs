//! Gives bytes to the readers of a ring buffer: what stands there was written by no parser's friend.

use std::cell::Cell;

use portreeve_host::{
    bpf::ring::{End, walk},
    events::listening::{EVENT_BYTES, Event},
};

/// The size of the buffer: the bytes stand in it twice, as in memory.
const BUFFER_BYTES: usize = 1024;

/// The first 16 bytes are how far was read and written, the rest is the buffer.
pub(crate) fn feed(bytes: &[u8]) {
    let _ = Event::read(bytes);
    let Some((read, rest)) = bytes.split_first_chunk::<8>() else { return };
    let Some((written, rest)) = rest.split_first_chunk::<8>() else { return };
    let (from, to) = (u64::from_le_bytes(*read), u64::from_le_bytes(*written));
    let mut once = rest.to_vec();
    once.resize(BUFFER_BYTES, 0);
    let buffer = once.repeat(2);
    let taken = Cell::new(0);
    let header = |offset: usize| {
        assert!(offset < BUFFER_BYTES && offset.is_multiple_of(8));
        u32::from_le_bytes(*buffer[offset..].first_chunk().expect("the buffer is there twice"))
    };
    let record = |offset: usize, length: usize| {
        taken.set(taken.get() + length);
        if let Some(event) = Event::read(&buffer[offset..offset + length]) {
            assert!(length >= EVENT_BYTES, "{event:?} is longer than its record");
        }
    };
    let (at, end) = walk(from..to, BUFFER_BYTES, header, record);
    assert!(taken.get() <= BUFFER_BYTES, "nothing is read twice");
    assert!(end == End::Whole || at == to);
}
