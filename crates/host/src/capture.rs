//! Packets of a saved capture: bytes that strangers chose, read a piece at a time, whatever the size of the file (A14, A19).

mod beside;
mod blocks;
mod clock;
mod headers;
mod interfaces;
mod link;

use std::io;

use jiff::Timestamp;
use portreeve_core::watch::{Packet, Touch};

pub use self::{blocks::End, link::LINKS_READ};
use self::{
    blocks::{Block, Blocks},
    headers::Headers,
    interfaces::Interfaces,
};

/// What a capture begins with: pcap in either order of bytes, by microseconds or nanoseconds, as Alexey Kuznetsov modified it,
/// or pcapng.
const BEGINNINGS: [[u8; 4]; 6] = [
    [0xd4, 0xc3, 0xb2, 0xa1],
    [0xa1, 0xb2, 0xc3, 0xd4],
    [0x4d, 0x3c, 0xb2, 0xa1],
    [0xa1, 0xb2, 0x3c, 0x4d],
    [0x34, 0xcd, 0xb2, 0xa1],
    [0x0a, 0x0d, 0x0d, 0x0a],
];

/// Why a capture is not read.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Its packets begin with headers of this number (pcap-linktype(7)), which nobody here can read.
    #[error("link type {0}")]
    Link(u16),
}

/// What was read so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All packets.
    pub packets: u64,
    /// Those of whose port nobody can know: cut too short, or later fragments.
    pub portless: u64,
}

/// A capture, from its first packet to its last.
pub struct Capture {
    blocks: Blocks,
    interfaces: Interfaces,
    counts: Counts,
    last: Timestamp,
}

impl Capture {
    /// Whether a file that begins so is one.
    #[must_use]
    pub fn begins(bytes: &[u8]) -> bool {
        BEGINNINGS.iter().any(|beginning| bytes.starts_with(beginning))
    }

    /// One that begins so.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn open(reader: impl io::BufRead + 'static) -> Result<Self, CaptureError> {
        let blocks = Blocks::open(reader)?;
        Ok(Self {
            blocks,
            interfaces: Interfaces::default(),
            counts: Counts::default(),
            last: Timestamp::UNIX_EPOCH,
        })
    }

    /// Its next packet of TCP or UDP; `None` at the end.
    ///
    /// # Errors
    ///
    /// What follows cannot be read.
    pub fn next_packet(&mut self) -> Result<Option<Packet>, CaptureError> {
        let Self { blocks, interfaces, counts, last } = self;
        while let Some(read) = blocks.read(|block| read(block, interfaces, counts, last))? {
            if let Some(packet) = read? {
                return Ok(Some(packet));
            }
        }
        Ok(None)
    }

    /// How many packets were read.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// How it ended; before that it is whole.
    #[must_use]
    pub const fn end(&self) -> End {
        self.blocks.end()
    }
}

/// From whom to whom a packet goes that begins with the header of IP, where it is one of TCP or UDP.
pub(crate) fn touch(network: &[u8]) -> Option<Touch> {
    match Headers::read(network) {
        Headers::Ports(packet) => Some(packet.at(Timestamp::UNIX_EPOCH).touch),
        Headers::Portless | Headers::Other => None,
    }
}

/// The packet of a block, where it is one of TCP or UDP.
fn read(
    block: &Block<'_>,
    interfaces: &mut Interfaces,
    counts: &mut Counts,
    last: &mut Timestamp,
) -> Result<Option<Packet>, CaptureError> {
    let Some(frame) = interfaces.frame(block) else { return Ok(None) };
    counts.packets += 1;
    let Some(interface) = frame.interface else { return Ok(None) };
    let link = interface.link.map_err(CaptureError::Link)?;
    // Where nobody wrote when, it was right after the one before.
    *last = frame.units.and_then(|units| interface.clock.moment(units)).unwrap_or(*last);
    let Some(network) = link.network(frame.bytes) else { return Ok(None) };
    match Headers::read(network) {
        Headers::Ports(packet) => Ok(Some(packet.at(*last))),
        Headers::Portless => {
            counts.portless += 1;
            Ok(None)
        }
        Headers::Other => Ok(None),
    }
}

#[cfg(test)]
mod tests;
