//! The packets of a capture that is saved, each with the moment at which it was captured.

use std::io::BufRead;

use jiff::Timestamp;
use portreeve_core::watch::Packet;
use portreeve_host::capture::{Capture, CaptureError, Counts, End};

/// A capture, its next packet read already.
pub(super) struct Packets {
    capture: Capture,
    next: Option<Packet>,
}

impl Packets {
    /// One that begins as captures do.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(super) fn open(reader: Box<dyn BufRead>) -> Result<Self, CaptureError> {
        let mut capture = Capture::open(reader)?;
        let next = capture.next_packet()?;
        Ok(Self { capture, next })
    }

    /// When its next packet was captured; `None` where there is none.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.next.map(|packet| packet.at)
    }

    /// Its next packet.
    ///
    /// # Errors
    ///
    /// What follows it cannot be read.
    pub(super) fn take(&mut self) -> Result<Option<Packet>, CaptureError> {
        let next = self.capture.next_packet()?;
        Ok(std::mem::replace(&mut self.next, next))
    }

    /// What was read so far.
    pub(super) const fn counts(&self) -> Counts {
        self.capture.counts()
    }

    /// How it ended.
    pub(super) const fn end(&self) -> End {
        self.capture.end()
    }
}
