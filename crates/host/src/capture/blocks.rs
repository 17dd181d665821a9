//! The blocks of pcap and pcapng, through a buffer of bounded size.

use std::{
    cell::Cell,
    io::{self, BufRead, Read},
    rc::Rc,
};

use pcap_parser::{
    Block as Told, IDB_MAGIC, LegacyPcapReader, PcapBlockOwned, PcapError, PcapNGReader,
    traits::{PcapNGPacketBlock as _, PcapReaderIterator},
};

use super::beside::Beside;

/// What pcapng begins with.
const SECTION: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
/// libpcap writes no packet that is longer than half of it, so whoever says so is wrong.
const BUFFER_BYTES: usize = 512 << 10;
/// Of pcap's header the bits that are the link type: those above tell of checksums.
const LINK_BITS: i32 = 0xffff;

/// How a capture ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// With its last block.
    #[default]
    Whole,
    /// Within a block.
    Cut,
    /// What follows is no block.
    Broken,
}

/// What a block tells.
#[derive(Clone, Copy, Debug)]
pub(super) enum Block<'b> {
    /// A section of pcapng begins.
    Section,
    /// How pcap writes down all packets.
    Header { link: u16, is_by_nanoseconds: bool },
    /// How one interface of pcapng does.
    Interface { link: u16, resolution: u8, offset: i64 },
    /// A packet of pcap, and when it was.
    Record { seconds: u32, beyond: u32, bytes: &'b [u8] },
    /// A packet of pcapng, where and when it was.
    Packet { interface: u32, units: Option<u64>, bytes: &'b [u8] },
    /// Nothing of packets.
    Other,
}

/// The blocks that are left.
pub(super) struct Blocks {
    /// `None` of what has not even a beginning.
    reader: Option<Box<dyn PcapReaderIterator>>,
    failure: Failure,
    beside: Beside,
    end: End,
}

impl Blocks {
    /// Those of a file.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(super) fn open(mut file: impl BufRead + 'static) -> io::Result<Self> {
        let is_sections = file.fill_buf()?.starts_with(&SECTION);
        let failure = Failure::default();
        let file = Filling { file, failure: Rc::clone(&failure) };
        let opened: Result<Box<dyn PcapReaderIterator>, _> = if is_sections {
            PcapNGReader::new(BUFFER_BYTES, file).map(|reader| Box::new(reader) as _)
        } else {
            LegacyPcapReader::new(BUFFER_BYTES, file).map(|reader| Box::new(reader) as _)
        };
        if let Some(error) = failure.take() {
            return Err(error);
        }
        let (reader, end) = match opened {
            Ok(reader) => (Some(reader), End::Whole),
            Err(PcapError::Incomplete(_)) => (None, End::Cut),
            Err(_) => (None, End::Broken),
        };
        Ok(Self { reader, failure, beside: Beside::of(is_sections), end })
    }

    /// How it ended; before that it is whole.
    pub(super) const fn end(&self) -> End {
        self.end
    }

    /// What `each` makes of the next block; `None` at the end.
    ///
    /// # Errors
    ///
    /// What follows cannot be read.
    pub(super) fn read<T>(&mut self, each: impl FnOnce(&Block<'_>) -> T) -> io::Result<Option<T>> {
        while let Some(reader) = &mut self.reader {
            let missing = match self.beside.pass(reader.as_mut()) {
                Err(missing) => missing,
                Ok(()) => match reader.next() {
                    Ok((size, told)) => {
                        self.beside.hear(&told);
                        let made = each(&Block::of(&told));
                        drop(told);
                        reader.consume(size);
                        return Ok(Some(made));
                    }
                    Err(error) => Missing::of(&error),
                },
            };
            if let Some(end) = fill(reader.as_mut(), missing, &self.failure)? {
                self.end = end;
                self.reader = None;
            }
        }
        Ok(None)
    }
}

/// Reads on; how it ended where that does not help.
fn fill(reader: &mut dyn PcapReaderIterator, missing: Missing, failure: &Failure) -> io::Result<Option<End>> {
    match missing {
        Missing::All if reader.data().is_empty() => return Ok(Some(End::Whole)),
        Missing::All | Missing::Rest => return Ok(Some(End::Cut)),
        Missing::Sense => return Ok(Some(End::Broken)),
        Missing::Bytes => {}
    }
    let before = reader.data().len();
    // Why it failed is kept beside it.
    let _ = reader.refill();
    if let Some(error) = failure.take() {
        return Err(error);
    }
    // A block that says it holds more than it does is never whole, however much is read.
    let is_stuck = reader.data().len() == before && !reader.reader_exhausted();
    Ok(is_stuck.then_some(End::Broken))
}

impl<'b> Block<'b> {
    fn of(told: &'b PcapBlockOwned<'_>) -> Self {
        match told {
            PcapBlockOwned::LegacyHeader(header) => Self::Header {
                link: link(header.network.0),
                is_by_nanoseconds: header.is_nanosecond_precision(),
            },
            PcapBlockOwned::Legacy(record) => {
                Self::Record { seconds: record.ts_sec, beyond: record.ts_usec, bytes: record.data }
            }
            PcapBlockOwned::NG(block) => Self::of_section(block),
        }
    }

    fn of_section(told: &'b Told<'_>) -> Self {
        match told {
            Told::SectionHeader(_) => Self::Section,
            Told::InterfaceDescription(interface) => {
                // The crate reads it in one order of bytes, whatever that of the section is.
                let is_swapped = interface.block_type != IDB_MAGIC;
                let offset = interface.if_tsoffset;
                Self::Interface {
                    link: link(interface.linktype.0),
                    resolution: interface.if_tsresol,
                    offset: if is_swapped { offset.swap_bytes() } else { offset },
                }
            }
            Told::EnhancedPacket(packet) => Self::Packet {
                interface: packet.if_id,
                units: Some(u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low)),
                bytes: packet.packet_data(),
            },
            Told::SimplePacket(packet) => {
                Self::Packet { interface: 0, units: None, bytes: packet.packet_data() }
            }
            _ => Self::Other,
        }
    }
}

fn link(number: i32) -> u16 {
    u16::try_from(number & LINK_BITS).expect("it has so many bits")
}

/// Why there is no next block yet.
#[derive(Clone, Copy)]
pub(super) enum Missing {
    /// More of it may follow.
    Bytes,
    /// Nothing follows.
    All,
    /// Nothing follows of what has begun.
    Rest,
    /// It is none.
    Sense,
}

impl Missing {
    const fn of(error: &PcapError<&[u8]>) -> Self {
        match error {
            PcapError::Incomplete(_) => Self::Bytes,
            PcapError::Eof | PcapError::UnexpectedEof => Self::All,
            _ => Self::Sense,
        }
    }
}

/// What went wrong while a file was read; its reader says only that something did.
type Failure = Rc<Cell<Option<io::Error>>>;

/// A file that gives all that is asked of it: what a pipe gives at first may be less than a header.
struct Filling<R> {
    file: R,
    failure: Failure,
}

impl<R: Read> Read for Filling<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut length = 0;
        while length < buffer.len() {
            match self.file.read(&mut buffer[length..]) {
                Ok(0) => break,
                Ok(more) => length += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failure.set(Some(error));
                    return Err(io::ErrorKind::Other.into());
                }
            }
        }
        Ok(length)
    }
}
