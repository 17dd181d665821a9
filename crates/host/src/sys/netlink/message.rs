//! Splits what the kernel sends into messages and attributes, whatever bytes it is given.

use rustix::io::Errno;

const HEADER_BYTES: usize = 16;
const ATTRIBUTE_HEADER_BYTES: usize = 4;
/// NLM_F_DUMP_INTR (include/uapi/linux/netlink.h).
const DUMP_INTERRUPTED: u16 = 0x10;
/// NLA_TYPE_MASK: the two highest bits are flags (include/uapi/linux/netlink.h).
const ATTRIBUTE_KIND_MASK: u16 = 0x3fff;

/// One netlink message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// What it is (`nlmsg_type`).
    pub kind: u16,
    /// Whether the list changed while the kernel wrote it (NLM_F_DUMP_INTR).
    pub interrupted: bool,
    /// Which request it answers.
    pub sequence: u32,
    /// What follows the header.
    pub payload: &'a [u8],
}

impl Message<'_> {
    /// NLMSG_ERROR.
    pub const ERROR: u16 = 2;
    /// NLMSG_DONE: the list is complete.
    pub const DONE: u16 = 3;

    /// Whether an ERROR message says that there was none: all that was asked for has been told.
    #[must_use]
    pub fn acknowledges(&self) -> bool {
        bytes_at(self.payload, 0) == Some([0; 4])
    }

    /// The error that a DONE or ERROR message opens with, if it tells of one (Linux' numbers are 1 to 4095).
    #[must_use]
    pub fn error(&self) -> Option<Errno> {
        let number = bytes_at(self.payload, 0).map(i32::from_ne_bytes)?.checked_neg()?;
        (1..=4095).contains(&number).then(|| Errno::from_raw_os_error(number))
    }
}

/// The messages of a datagram.
#[derive(Clone, Debug)]
pub struct Messages<'a>(&'a [u8]);

/// The messages of `datagram`; ends at the first that does not fit.
#[must_use]
pub const fn messages(datagram: &[u8]) -> Messages<'_> {
    Messages(datagram)
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let length = u32::from_ne_bytes(bytes_at(self.0, 0)?) as usize;
        let message = self.0.get(..length).filter(|message| message.len() >= HEADER_BYTES)?;
        self.0 = self.0.get(aligned(length)..).unwrap_or_default();
        Some(Message {
            kind: u16::from_ne_bytes(bytes_at(message, 4)?),
            interrupted: u16::from_ne_bytes(bytes_at(message, 6)?) & DUMP_INTERRUPTED != 0,
            sequence: u32::from_ne_bytes(bytes_at(message, 8)?),
            payload: &message[HEADER_BYTES..],
        })
    }
}

/// The attributes that follow a fixed part.
#[derive(Clone, Debug)]
pub struct Attributes<'a>(&'a [u8]);

/// The attributes in `bytes` as (kind, value); ends at the first that does not fit.
#[must_use]
pub const fn attributes(bytes: &[u8]) -> Attributes<'_> {
    Attributes(bytes)
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<(u16, &'a [u8])> {
        let length = usize::from(u16::from_ne_bytes(bytes_at(self.0, 0)?));
        let kind = u16::from_ne_bytes(bytes_at(self.0, 2)?) & ATTRIBUTE_KIND_MASK;
        let attribute = self.0.get(..length).filter(|bytes| bytes.len() >= ATTRIBUTE_HEADER_BYTES)?;
        self.0 = self.0.get(aligned(length)..).unwrap_or_default();
        Some((kind, &attribute[ATTRIBUTE_HEADER_BYTES..]))
    }
}

/// An attribute as it is written, filled up to the next one.
///
/// # Panics
///
/// Where `value` is longer than an attribute can be, some 64 KiB: what is written here is some bytes.
#[must_use]
pub fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = ATTRIBUTE_HEADER_BYTES + value.len();
    let mut bytes = u16::try_from(length).expect("it is some bytes").to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(aligned(length), 0);
    bytes
}

/// The `N` bytes from `offset`, where there are as many.
#[must_use]
pub fn bytes_at<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

const fn aligned(length: usize) -> usize {
    (length + 3) & !3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(HEADER_BYTES + payload.len()).unwrap().to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0, 0]);
        bytes.extend(7u32.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(payload);
        bytes.resize(aligned(bytes.len()), 0);
        bytes
    }

    #[test]
    fn messages_follow_each_other_on_four_byte_borders() {
        let bytes = [message(20, b"abcde"), message(Message::DONE, &[0; 4])].concat();
        let kinds: Vec<_> =
            messages(&bytes).map(|message| (message.kind, message.payload.to_vec())).collect();
        assert_eq!(kinds, [(20, b"abcde".to_vec()), (Message::DONE, vec![0; 4])]);
    }

    #[test]
    fn a_length_that_lies_ends_the_list() {
        let mut bytes = message(20, b"abcd");
        bytes[0] = 200;
        assert_eq!(messages(&bytes).count(), 0);
        bytes[0] = 3;
        assert_eq!(messages(&bytes).count(), 0);
        assert_eq!(attributes(&[0, 0, 1, 0]).count(), 0);
        assert_eq!(attributes(&[9, 0, 1, 0, 0]).count(), 0);
    }

    #[test]
    fn the_flags_of_an_attribute_are_no_part_of_its_kind() {
        let bytes = [8, 0, 21, 0x80, 1, 2, 3, 4];
        assert_eq!(attributes(&bytes).collect::<Vec<_>>(), [(21, &[1, 2, 3, 4][..])]);
    }

    #[test]
    fn an_error_number_stands_negated() {
        let bytes = message(Message::ERROR, &(-2i32).to_ne_bytes());
        assert_eq!(messages(&bytes).next().unwrap().error(), Some(Errno::NOENT));
        let bytes = message(Message::ERROR, &i32::MIN.to_ne_bytes());
        assert_eq!(messages(&bytes).next().unwrap().error(), None);
    }
}
