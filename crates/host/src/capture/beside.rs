//! What stands beside packets in pcapng (names, keys, statistics) and is passed over unread, however long it is.
//!
//! The crate would take it apart first: a block of Apple's that is shorter than its frame makes it subtract from less.

use pcap_parser::{
    BOM_MAGIC, Block as Told, EPB_MAGIC, IDB_MAGIC, PcapBlockOwned, SHB_MAGIC, SPB_MAGIC,
    traits::PcapReaderIterator,
};

use super::blocks::Missing;

/// The blocks that tell of packets.
const READ: [u32; 4] = [SHB_MAGIC, IDB_MAGIC, EPB_MAGIC, SPB_MAGIC];
/// The kind of a block, and its length at both ends.
const FRAME_BYTES: usize = 12;

/// What of that is not passed yet.
#[derive(Debug)]
pub(super) struct Beside {
    is_sections: bool,
    /// How the section writes numbers.
    is_big_endian: bool,
    left: usize,
}

impl Beside {
    /// Of pcapng, or of pcap, where nothing stands beside packets.
    pub(super) const fn of(is_sections: bool) -> Self {
        Self { is_sections, is_big_endian: false, left: 0 }
    }

    /// Learns how a section writes numbers.
    pub(super) fn hear(&mut self, told: &PcapBlockOwned<'_>) {
        if let PcapBlockOwned::NG(Told::SectionHeader(section)) = told {
            self.is_big_endian = section.bom != BOM_MAGIC;
        }
    }

    /// Goes on to the next block that tells of packets.
    ///
    /// # Errors
    ///
    /// It is not there yet.
    pub(super) fn pass(&mut self, reader: &mut dyn PcapReaderIterator) -> Result<(), Missing> {
        loop {
            let passed = self.left.min(reader.data().len());
            reader.consume(passed);
            self.left -= passed;
            if self.left > 0 {
                return Err(if reader.reader_exhausted() { Missing::Rest } else { Missing::Bytes });
            }
            match self.length(reader.data()) {
                None => return Ok(()),
                Some(length) if length < FRAME_BYTES => return Err(Missing::Sense),
                Some(length) => self.left = length,
            }
        }
    }

    /// The length of a block that tells nothing of packets.
    fn length(&self, data: &[u8]) -> Option<usize> {
        let (kind, rest) = data.split_first_chunk()?;
        let length = rest.first_chunk()?;
        let number = if self.is_big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
        let is_beside = self.is_sections && !READ.contains(&number(*kind));
        is_beside.then(|| usize::try_from(number(*length)).unwrap_or(usize::MAX))
    }
}
